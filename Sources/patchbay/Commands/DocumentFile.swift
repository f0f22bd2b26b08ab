import APIClient
import APITypes
import ArgumentParser
import Foundation
import NetTypes
import PolicyLanguage
import PolicyYAML

/// A policy document in a file, or on standard input.
struct DocumentFile: Sendable {
    /// The name as it was typed, for messages; `-` is standard input.
    let name: String
    /// The text, byte for byte.
    let text: [UInt8]

    /// Reads a file.
    ///
    /// - Parameter limit: how many bytes are read; with the limit of documents one more than those may have, so that a
    ///   longer one is refused for its length and not cut.
    init(_ name: String, limit: Int = PolicyLimits.documentBytes + 1) throws {
        self.name = name
        do {
            let handle =
                name == "-"
                ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: name))
            text = Array(try handle.read(upToCount: limit) ?? Data())
        } catch {
            throw DocumentFailure(lines: ["\(name): error: the file cannot be read (\(error.localizedDescription))"])
        }
    }

    /// Whose document it is, as it says itself.
    func owner() throws -> DocumentOwner {
        let source: SourcedDocument
        do { source = try PolicyYAML.read(text) } catch {
            throw DocumentFailure(lines: error.findings.map { PolicyFinding($0).line(ofFile: shown) })
        }
        switch source.document.scope {
        case .tenant(let name): return .tenant(name.text)
        case .platform: return .platform
        }
    }

    /// The tenant whose document it is.
    func tenant() throws -> String {
        switch try owner() {
        case .tenant(let name): return name
        case .platform:
            throw DocumentFailure(lines: [
                "\(shown): error: these are guardrails of the platform (use 'patchbay guardrails')"
            ])
        }
    }

    /// Refuses what is no document of the platform.
    func requireGuardrails() throws {
        guard case .tenant(let name) = try owner() else { return }
        throw DocumentFailure(lines: [
            "\(shown): error: this is the document of the tenant '\(name)' (use 'patchbay policy')"
        ])
    }

    /// Runs a body, and tells a refusal of the document with its file, line and column.
    func findings<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            guard let refused = error as? APIClientError, case .problem(let problem) = refused,
                let findings = problem.findings
            else { throw error }
            throw DocumentFailure(lines: findings.map { $0.line(ofFile: shown) })
        }
    }

    /// Writes what was found that is no error.
    func tell(_ findings: [PolicyFinding]) { findings.forEach { Screen.error($0.line(ofFile: shown)) } }

    /// The name for messages.
    var shown: String { name == "-" ? "<stdin>" : name }
}

/// Why documents are refused: the lines that are written, as compilers write theirs.
struct DocumentFailure: Error {
    let lines: [String]
}

extension PolicyFinding {
    /// A finding of the language's own.
    init(_ finding: Finding) {
        self.init(
            severity: finding.severity.rawValue, code: finding.code.rawValue, line: finding.place.line,
            column: finding.place.column, text: finding.text, problem: finding.problem, remedy: finding.remedy)
    }
}

extension PolicyChanges {
    /// Writes the changes, by name.
    func write() {
        if changes.isEmpty { Screen.line("No pair of endpoints changes.") }
        for change in changes {
            let ends =
                "\(Self.names(change.sources, change.sourceCount)) → "
                + Self.names(change.destinations, change.destinationCount)
            for ports in change.ports {
                Screen.line("\(ends)  \(ports.ports): \(Self.colour(ports.before)) → \(Self.colour(ports.after))")
            }
        }
        if count > changes.count { Screen.line("… and \(count - changes.count) more changes.") }
        if !complete { Screen.line("The comparison was ended by its limit; there may be more changes.") }
        for flow in flows ?? [] {
            Screen.line(
                "seen \(flow.lastSeen): \(flow.source) → \(flow.destination) \(flow.port ?? "")"
                    + "  \(Self.colour(flow.before)) → \(Self.colour(flow.after))")
        }
        if let silent = silentHosts, !silent.isEmpty {
            Screen.line("Not asked, for they do not answer: \(silent.joined(separator: ", ")).")
        }
    }

    private static func names(_ names: [String], _ count: Int) -> String {
        names.joined(separator: ", ") + (count > names.count ? " and \(count - names.count) more" : "")
    }

    private static func colour(_ effect: String) -> String {
        effect.hasPrefix("plug") ? Style.output.green(effect) : Style.output.red(effect)
    }
}

extension AppliedPolicy {
    /// Writes what came of it.
    func write(_ what: String, isDryRun: Bool = false) {
        let holds = "\(Formatting.count(rules, "rule")), \(Formatting.count(passedTests, "test")) passed"
        if isDryRun {
            Screen.line("\(what): would be put in force; \(holds). Nothing was changed.")
            changes?.write()
        } else if changed {
            Screen.line("\(what): revision \(revision) is in force; \(holds).")
        } else {
            Screen.line("\(what): in force already, revision \(revision).")
        }
    }
}
