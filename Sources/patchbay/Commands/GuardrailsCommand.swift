import APIClient
import APITypes
import ArgumentParser

struct GuardrailsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guardrails", abstract: "Guardrails: what no tenant's policy can open.",
        discussion: """
            Guardrails are a policy document of the platform ('platform: true'). They stand before the rules of every \
            tenant, and forbid or pass on; they open nothing themselves.

              patchbay guardrails check rails.yaml
              patchbay guardrails apply rails.yaml
              patchbay guardrails show > rails.yaml
            """,
        subcommands: [Apply.self, Check.self, Show.self, Revisions.self, RollBack.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put guardrails in force for all tenants.",
            discussion: "Ones with errors, or whose tests fail, are refused as a whole; the former ones stay.")
        @Argument(help: "The file; '-' is standard input.") var file: String
        @Option(name: .customLong("expect"), help: "The revision that is to be replaced; 0 before the first.")
        var expected: UInt64?
        @Flag(help: "Only tell whether they would be taken.") var dryRun = false
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let file = try DocumentFile(self.file)
            try file.requireGuardrails()
            try await options.show({ client in
                try await file.findings {
                    try await client.apply(file.text, of: .platform, expectedRevision: expected, dryRun: dryRun)
                }
            }) { applied in
                file.tell(applied.findings)
                applied.write("guardrails", isDryRun: dryRun)
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look guardrails over, with their tests.",
            discussion: "Exit code 1 when there is an error in any of the files.")
        @Argument(help: "The files; '-' is standard input.") var files: [String]
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let documents = try files.map { try DocumentFile($0) }
            let reviews = try await options.withClient { client in
                var reviews: [PolicyReview] = []
                for document in documents { reviews.append(try await client.check(document.text, of: .platform)) }
                return reviews
            }
            try CheckedFiles.write(documents, reviews, json: options.json)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the guardrails, byte for byte as they were written.",
            discussion: "With --json: which revision is in force.")
        @Option(help: "A former revision.") var revision: UInt64?
        @Flag(help: "What is signed, in its canonical form.") var canonical = false
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            if options.json {
                try await options.show({ try await $0.guardrails() }) { _ in }
                return
            }
            let text = try await options.withClient { client in
                canonical
                    ? try await client.canonical(of: .platform, revision: revision)
                    : try await client.document(of: .platform, revision: revision)
            }
            Screen.write(text)
        }
    }

    struct Revisions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the revisions of the guardrails that are kept.")
        @OptionGroup var options: ControllerOptions

        func run() async throws { try await options.showRevisions(of: .platform) }
    }

    struct RollBack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback", abstract: "Put former guardrails in force again, as a new revision.")
        @Argument(help: "The number of the revision, as 'revisions' lists it.") var revision: UInt64
        @Option(name: .customLong("expect"), help: "The revision that is to be replaced.") var expected: UInt64?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.rollBack(.platform, "guardrails", to: revision, expected: expected)
        }
    }
}
