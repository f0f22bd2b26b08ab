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
        let all: [Metric] = [
            .tcp1, .tcp4, .tcpBoth, .cpu, .udpReceived, .udpLoss, .small, .smallLoss, .large, .largeLoss, .rtt50,
            .rtt99, .engineDrops, .guestFrame, .wireMemory, .fill, .p50, .p99, .lostFirst, .samples,
        ]
        let metrics = all.filter { metric in cases.contains { results.median(suite, $0.name, metric) != nil } }
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
        return (value >= 1000 ? String(format: "%.0f", value) : String(format: "%.2f", value)) + ratio
    }
}
