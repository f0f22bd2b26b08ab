import APIClient
import APITypes
import ArgumentParser
import Foundation
import NetTypes
import PolicyLanguage
import PolicyYAML
import PolicyZones

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Policies: what is to be plugged.",
        discussion: """
            A tenant's policy is the entries that 'plug' and 'unplug' write, and a document in YAML that you write. A \
            document says itself whose it is ('tenant: acme'). Whatever is wrong with it is told as FILE:LINE:COLUMN, \
            and then nothing is changed.

              patchbay policy check shop.yaml         before it is in force: names, shadowed rules, tests
              patchbay policy diff shop.yaml          which pairs of endpoints would change
              patchbay policy apply shop.yaml
              patchbay policy revisions acme
              patchbay policy rollback acme 7
            """,
        subcommands: [
            Apply.self, Check.self, Diff.self, Show.self, Entry.self, Revisions.self, RollBack.self, Lock.self,
            Unlock.self,
            Sign.self, Import.self,
        ])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put policy documents in force.",
            discussion: """
                The document takes the place of the tenant's former one; entries stay. One with errors, or whose tests \
                fail, is refused as a whole. Its text is kept, comments and all.

                With --signed, FILE is what 'patchbay policy sign' wrote.

                  patchbay policy apply shop.yaml
                  patchbay policy apply shop.yaml --expect 12     only if nobody has changed it since revision 12
                  patchbay policy apply --dry-run - < shop.yaml
                """)
        @Argument(help: "The files; '-' is standard input.") var files: [String]
        @Option(name: .customLong("expect"), help: "The revision that is to be replaced.") var expected: UInt64?
        @Flag(help: "Only tell what would change.") var dryRun = false
        @Flag(help: "The files are signed policies.") var signed = false
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard !signed || expected == nil && !dryRun else {
                throw ValidationError("what is signed is for one revision; --expect and --dry-run do not go with it")
            }
            guard expected == nil || files.count == 1 else { throw ValidationError("--expect goes with one file") }
        }

        func run() async throws {
            for name in files {
                if signed {
                    let file = try SignedFile(reading: name)
                    try await options.show({ try await $0.apply(file.document, of: file.tenant) }) {
                        $0.write(file.tenant)
                    }
                    continue
                }
                let file = try DocumentFile(name)
                let tenant = try file.tenant()
                try await options.show({ client in
                    try await file.findings {
                        try await client.apply(
                            file.text, of: .tenant(tenant), expectedRevision: expected, dryRun: dryRun)
                    }
                }) { applied in
                    file.tell(applied.findings)
                    applied.write(tenant, isDryRun: dryRun)
                }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look policy documents over, with their tests.",
            discussion: """
                Tells errors, names that nobody has, rules that never decide, rules that contradict each other, and \
                tests that fail, with the endpoints, labels and guardrails that there are now. With --offline no \
                controller is asked, and no endpoint is known but those that the document names.

                Exit code 1 when there is an error in any of the files.
                """)
        @Argument(help: "The files; '-' is standard input.") var files: [String]
        @Flag(help: "Ask no controller.") var offline = false
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let documents = try files.map { try DocumentFile($0) }
            let reviews: [PolicyReview]
            if offline {
                reviews = documents.map { $0.review() }
            } else {
                reviews = try await options.withClient { client in
                    var reviews: [PolicyReview] = []
                    for document in documents { reviews.append(try await review(document, client)) }
                    return reviews
                }
            }
            try CheckedFiles.write(documents, reviews, json: options.json)
        }

        private func review(_ document: DocumentFile, _ client: APIClient) async throws -> PolicyReview {
            do { return try await client.check(document.text, of: .tenant(document.tenant())) } catch {
                // What cannot be read here cannot be read there either, nor is it known whose it is.
                guard error is DocumentFailure else { throw error }
                return document.review()
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which pairs of endpoints a document would change.",
            discussion: """
                Compares with what is in force, by the endpoints that there are, and names the flows of the last day \
                (--hours) that would fare otherwise. With --tenant it compares two revisions.

                  patchbay policy diff shop.yaml
                  patchbay policy diff --tenant acme --from 12 --to 14
                """)
        @Argument(help: "The files; '-' is standard input.") var files: [String] = []
        @Option(help: "The tenant whose revisions are compared.", transform: Typed.name) var tenant: Name?
        @Option(help: "How many hours to look back for flows that leaves have seen, 0 to 24.") var hours = 24
        @Option(help: "The one revision.") var from: UInt64?
        @Option(help: "The other revision; the present one when left out.") var to: UInt64?
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard (0...24).contains(hours) else { throw ValidationError("--hours is 0 to 24") }
            let isOfRevisions = tenant != nil || from != nil || to != nil
            guard isOfRevisions == files.isEmpty, !isOfRevisions || tenant != nil && from != nil else {
                throw ValidationError("give files, or --tenant and --from")
            }
        }

        func run() async throws {
            if let tenant, let from {
                try await options.show({ try await $0.diff(from: from, to: to, of: tenant.text) }) { $0.write() }
            }
            for name in files {
                let file = try DocumentFile(name)
                let tenant = try file.tenant()
                try await options.show({ client in
                    try await file.findings { try await client.diff(file.text, of: tenant, hours: hours) }
                }) { $0.write() }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a tenant's policy.",
            discussion: """
                Without more: the entries. An entry for two endpoints goes before one with a group, that before one \
                with two groups; among equals unplug goes before plug, and the level that protects more before the \
                others. What no entry and no rule speaks of is unplugged.

                With --document or --revision: the document, byte for byte as it was written.

                  patchbay policy show acme --document > shop.yaml
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Flag(help: "The text of the document.") var document = false
        @Option(help: "The text of the document of a former revision.") var revision: UInt64?
        @Flag(help: "What is signed, in its canonical form.") var canonical = false
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let owner = DocumentOwner.tenant(tenant.text)
            if canonical {
                Screen.write(try await options.withClient { try await $0.canonical(of: owner, revision: revision) })
                return
            }
            if document || revision != nil {
                Screen.write(try await options.withClient { try await $0.document(of: owner, revision: revision) })
                return
            }
            try await options.show({ try await $0.policy(of: tenant.text) }) { policy in
                let table = PolicyCommand.table(policy.entries)
                Screen.line("\(policy.tenant), revision \(policy.revision); everything else is unplugged.")
                if let document = policy.document {
                    let (rules, groups, tests) = (
                        Formatting.count(document.rules, "rule"), Formatting.count(document.groups, "group"),
                        Formatting.count(document.tests, "test")
                    )
                    Screen.line("A document of \(rules), \(groups) and \(tests).")
                }
                if let lock = policy.lock { Screen.line("Locked: only the key \(lock) signs it.") }
                if !table.isEmpty { table.lines(.output).forEach { Screen.line($0) } }
            }
        }
    }

    static func table(_ entries: [PolicyEntry]) -> Table {
        var table = Table("#ENTRY", "ACTION", "FROM", "", "TO", "SECURITY")
        for entry in entries {
            table.add(
                "\(entry.id)", entry.action.rawValue, entry.from, entry.oneWay ? "→" : "⇄", entry.to,
                entry.action == .plug ? entry.security.rawValue : "-")
        }
        return table
    }

    struct Revisions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the revisions of a tenant's policy that are kept.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws { try await options.showRevisions(of: .tenant(tenant.text)) }
    }

    struct RollBack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback", abstract: "Put a former revision in force again.",
            discussion: """
                Entries and document of that revision become a new one. Refused when its tests fail with the endpoints \
                that there are now.

                  patchbay policy rollback acme 12
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Argument(help: "The number of the revision, as 'revisions' lists it.") var revision: UInt64
        @Option(name: .customLong("expect"), help: "The revision that is to be replaced.") var expected: UInt64?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.rollBack(.tenant(tenant.text), tenant.text, to: revision, expected: expected)
        }
    }
}

/// Several files that were looked over.
enum CheckedFiles {
    private struct Checked: Codable {
        var file: String
        var review: PolicyReview
    }

    /// Writes what was found; ends with exit code 1 when there is an error.
    static func write(_ files: [DocumentFile], _ reviews: [PolicyReview], json: Bool) throws {
        if json {
            try JSONOutput.write(["items": zip(files, reviews).map { Checked(file: $0.shown, review: $1) }])
        } else {
            for (file, review) in zip(files, reviews) {
                file.tell(review.findings)
                guard review.accepted else { continue }
                let tests = Formatting.count(review.passedTests, "test")
                Screen.line("\(file.shown): \(Formatting.count(review.rules, "rule")), \(tests) passed.")
            }
        }
        if reviews.contains(where: { !$0.accepted }) { throw ExitCode.failure }
    }
}

extension DocumentFile {
    /// Looks the document over without a controller.
    fileprivate func review() -> PolicyReview {
        do {
            let source = try PolicyYAML.read(text)
            let check = PolicyCheck(
                source, at: Timestamp(Int64(Date().timeIntervalSince1970)),
                zones: SystemTimeZones(of: [source.document])
            )
            return PolicyReview(
                accepted: check.isAccepted, findings: check.findings.map { PolicyFinding($0) },
                passedTests: check.passedTests, rules: source.document.rules.count)
        } catch {
            return PolicyReview(
                accepted: false, findings: error.findings.map { PolicyFinding($0) }, passedTests: 0, rules: 0)
        }
    }
}

extension ControllerOptions {
    /// Lists revisions.
    func showRevisions(of owner: DocumentOwner) async throws {
        try await showList({ try await $0.revisions(of: owner) }, none: "No revisions.") { revisions in
            var table = Table("#REVISION", "MADE", "WHY")
            for one in revisions { table.add("\(one.revision)", Formatting.moment(one.changedAt), one.summary) }
            return table
        }
    }

    /// Puts a former revision in force again; what its document says now is told with the revision for a file's name.
    func rollBack(_ owner: DocumentOwner, _ name: String, to revision: UInt64, expected: UInt64?) async throws {
        try await show({ client in
            do {
                return try await client.rollback(
                    Rollback(revision: revision, expectedRevision: expected), of: owner)
            } catch {
                guard let refused = error as? APIClientError, case .problem(let problem) = refused,
                    let findings = problem.findings
                else { throw error }
                throw DocumentFailure(lines: findings.map { $0.line(ofFile: "revision \(revision)") })
            }
        }) { $0.write(name) }
    }
}
