import Foundation
import PolicyLanguage
import PolicyYAML
import Testing

/// The examples of docs/policy.md.
enum Example {
    static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")

    /// The texts between the lines of ```` ```yaml ```` and ```` ``` ````.
    static func texts() throws -> [String] {
        let page = try String(contentsOf: docs.appending(path: "policy.md"), encoding: .utf8)
        return page.components(separatedBy: "```yaml\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    }

    static func text() throws -> String { try texts()[0] }
    /// The line of the first text on which a rule begins.
    static func line(of rule: String) throws -> Int {
        let lines = try text().split(separator: "\n", omittingEmptySubsequences: false)
        return (lines.firstIndex { $0.hasSuffix("- name: \(rule)") } ?? -1) + 1
    }

    static func document() throws -> SourcedDocument { try PolicyYAML.read(texts()[0]) }
    static func guardrails() throws -> SourcedDocument { try PolicyYAML.read(texts()[1]) }
}
