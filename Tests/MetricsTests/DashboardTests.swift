import ControllerAPI
import CryptClient
import Foundation
import LeafAgent
import PrometheusMetrics
import Testing

/// The dashboard, the alert rules and the document ask only for what there is, and the document leaves nothing out.
@Suite struct DashboardTests {
    private static let descriptions =
        ControllerMetrics.descriptions + LeafMetrics.descriptions + CryptMetrics.descriptions
        + [MetricsRegistry.refusedSeries]

    /// The names under which the metrics are in Prometheus.
    private static var names: Set<String> {
        Set(
            descriptions.flatMap { metric in
                metric.kind == .histogram ? ["_bucket", "_sum", "_count"].map { metric.name + $0 } : [metric.name]
            })
    }

    private static func file(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The metrics that a query asks for, with the labels that it compares: `name{label="…"}`.
    private static func metrics(in query: String) -> [(name: String, labels: [String])] {
        query.matches(of: /\b(patchbay_[a-z0-9_]+|process_[a-z0-9_]+)(\{[^}]*\})?/).map { match in
            let labels = (match.output.2 ?? "").matches(of: /([a-z_]+)\s*(=~|!~|!=|=)/).map { String($0.output.1) }
            return (String(match.output.1), labels)
        }
    }

    private static func check(_ query: String) {
        for (name, labels) in metrics(in: query) {
            #expect(names.contains(name), "\(name) in \(query)")
            let stem = ["_bucket", "_sum", "_count"].reduce(name) {
                $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0
            }
            let metric = descriptions.first { $0.name == name || $0.name == stem }
            for label in labels where !["instance", "job", "le"].contains(label) {
                #expect(metric?.labels.contains(label) == true, "\(label) in \(query)")
            }
        }
    }

    @Test func dashboard() throws {
        let text = try Self.file("share/grafana/patchbay.json")
        let board = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let panels = try #require(board["panels"] as? [[String: Any]])
        let queries = panels.flatMap { ($0["targets"] as? [[String: Any]] ?? []).compactMap { $0["expr"] as? String } }
        #expect(queries.count > 20)
        for query in queries {
            #expect(!Self.metrics(in: query).isEmpty, "\(query)")
            Self.check(query)
        }
        // Two panels of one number, or one over the other, are shown wrong.
        let ids = panels.compactMap { $0["id"] as? Int }
        #expect(ids.count == panels.count && Set(ids).count == ids.count)
    }

    @Test func alerts() throws {
        let text = try Self.file("share/prometheus/patchbay-alerts.yaml")
        #expect(Self.metrics(in: text).count > 10)
        Self.check(text)
    }

    @Test func document() throws {
        let text = try Self.file("docs/metrics.md")
        for metric in Self.descriptions {
            #expect(text.contains("`\(metric.name)`"), "docs/metrics.md does not tell of \(metric.name)")
        }
        for (name, _) in Self.metrics(in: text) {
            let isKnown = Self.names.contains(name) || Self.descriptions.contains { $0.name == name }
            #expect(isKnown, "docs/metrics.md tells of \(name)")
        }
    }

    /// Labels are words of closed lists. One that could be a tenant's must not come in unnoticed.
    @Test func labelsAreFew() {
        let known: Set = [
            "operation", "status", "outcome", "kind", "state", "program", "version", "direction", "protection",
            "reason",
            "backend", "queues",
        ]
        for metric in Self.descriptions {
            for label in metric.labels { #expect(known.contains(label), "\(metric.name): \(label)") }
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
        }
        let names = Self.descriptions.map(\.name)
        for name in Set(names) {
            let same = Set(Self.descriptions.filter { $0.name == name })
            #expect(same.count == 1, "\(name) is described in two ways")
        }
    }
}
