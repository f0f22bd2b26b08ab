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
    static func document() throws -> SourcedDocument { try PolicyYAML.read(texts()[0]) }
    static func guardrails() throws -> SourcedDocument { try PolicyYAML.read(texts()[1]) }
}
