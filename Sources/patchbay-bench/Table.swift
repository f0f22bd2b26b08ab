import Foundation

/// The results for people: a table a suite, a row a case, `value (ratio)` in its cells.
struct Table {
    let results: Results
    let steps: [Step]

    func text() -> String {
        var suites: [String] = []
        for step in steps where !suites.contains(step.suite) { suites.append(step.suite) }
        return suites.compactMap(suite).joined(separator: "\n")
    }

    private func suite(_ suite: String) -> String? {
        let cases = steps.filter { $0.suite == suite }
        let metrics = Metric.all.filter { metric in
            metric != .udpOffered && cases.contains { results.median(suite, $0.name, metric) != nil }
        }
        guard !metrics.isEmpty else { return nil }
        var rows = [[suite, "compared to"] + metrics.map { "\($0.name) \($0.unit)" }]
        for step in cases where metrics.contains(where: { results.median(suite, step.name, $0) != nil }) {
            rows.append([step.name, step.reference ?? ""] + metrics.map { cell(suite, step.name, $0) })
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).enumerated().map { index, cell in
                let pad = String(repeating: " ", count: cell.1 - cell.0.count)
                return index < 2 ? cell.0 + pad : pad + cell.0
            }.joined(separator: "  ") + "\n"
        }.joined()
    }

    private func cell(_ suite: String, _ name: String, _ metric: Metric) -> String {
        guard let value = results.median(suite, name, metric) else { return "" }
        let ratio = results.ratio(suite, name, metric).map { String(format: " (%.2f)", $0) } ?? ""
        return Self.number(value) + ratio + (limit(suite, name, metric).map { " " + $0 } ?? "")
    }

    /// What a figure is to reach, in words, with a mark where it does not.
    private func limit(_ suite: String, _ name: String, _ metric: Metric) -> String? {
        guard let (limit, isReached) = results.limit(suite, name, metric) else { return nil }
        let words =
            switch limit {
            case .below(let value): "< " + Self.number(value)
            case .ratio(let value): ">= " + Self.number(value)
            }
        return "[\(words)\(isReached == false ? ", missed" : "")]"
    }

    private static func number(_ value: Double) -> String {
        String(format: value >= 1000 ? "%.0f" : "%.2f", value)
    }
}
