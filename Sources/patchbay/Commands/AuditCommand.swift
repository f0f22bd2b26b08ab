import APIClient
import APITypes
import ArgumentParser
import AuditLog
import Foundation
import NetTypes
import Trust

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who did what, and what was refused: a chain that can be verified anywhere.",
        subcommands: [List.self, Export.self, Verify.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the newest entries of a tenant's audit, or the platform's when no tenant is named.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name?
        @Option(help: "How many, 1 to 1000.") var limit = 50
        @Option(help: "Only this operation, such as createGroup.") var action: String?
        @Option(help: "Only done, refused or failed.") var outcome: String?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList(
                { try await $0.audit(of: tenant?.text, limit: limit, action: action, outcome: outcome) },
                none: "No entries."
            ) { entries in
                var table = Table("NUMBER", "TIME", "WHO", "WHAT", "ON", "FROM", "OUTCOME")
                for entry in entries {
                    table.add(
                        "\(entry.number)", entry.time, entry.actor.name ?? entry.actor.kind, entry.action,
                        entry.resource ?? "-", entry.source ?? "-",
                        entry.reason.map { "\(entry.outcome): \($0)" } ?? entry.outcome)
                }
                return table
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the whole audit of a tenant, or the platform's, to a file.",
            discussion:
                "Example: patchbay audit export acme acme.audit && patchbay audit verify acme.audit --root root.pem")
        @Argument(help: "TENANT FILE, or FILE alone for the platform's.") var places: [String]
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard (1...2).contains(places.count) else { throw ValidationError("Give TENANT FILE, or FILE.") }
            if places.count == 2 { _ = try Typed.name(places[0]) }
        }

        func run() async throws {
            let tenant = places.count == 2 ? places[0] : nil
            let path = places[places.count - 1]
            guard !FileManager.default.fileExists(atPath: path) else {
                throw ValidationError("\(path) is there already; name a new file.")
            }
            var bytes: [UInt8] = []
            try await options.withClient { client in
                var next: UInt64? = 0
                while let after = next {
                    let part = try await client.auditPart(of: tenant, after: after)
                    bytes += Array(part.lines.utf8)
                    next = part.next
                }
            }
            // Whole or not at all: a half of an export would verify as one that was cut off.
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
            Screen.line("Wrote \(bytes.split(separator: 0x0a).count) lines to \(path).")
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify an exported audit, without a controller.",
            discussion: """
                It needs the export and the platform's root certificate. Checkpoints that were kept elsewhere, the last \
                lines of former exports, find out whether the chain was shortened or written anew since.

                  patchbay audit verify acme.audit --root root.pem
                  patchbay audit verify acme.audit --root root.pem --checkpoint last-month.audit
                """)
        @Argument(help: "The file with the export.", completion: .file()) var file: String
        @Option(help: "The platform's root certificate, PEM.", completion: .file()) var root: String
        @Option(help: "A file with checkpoints; may be given several times.", completion: .file())
        var checkpoint: [String] = []

        func run() throws {
            let anchor: TrustAnchor
            do {
                let pem = try String(contentsOfFile: root, encoding: .utf8)
                guard let der = try CertificatePEM.certificates(in: pem).first else {
                    throw ValidationError("\(root) holds no certificate.")
                }
                anchor = try TrustAnchor(root: der)
            } catch let error as ValidationError { throw error } catch {
                throw ValidationError("\(root) is no root certificate: \(error)")
            }
            var known: [AuditCheckpoint] = []
            for path in checkpoint {
                let found = try Self.bytes(path).split(separator: 0x0a).compactMap { AuditCheckpoint(line: Array($0)) }
                guard !found.isEmpty else { throw ValidationError("\(path) holds no checkpoint.") }
                known += found
            }
            let report = AuditVerifier.verify(
                try Self.bytes(file), root: anchor.rootKeyInfo, expecting: known)
            Facts([
                ("Chain", report.chain?.text ?? "-"),
                ("Entries", report.entries.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "none"),
                ("Signed through", "\(report.signedThrough)"), ("Losses told", "\(report.losses)"),
            ]).write()
            for fault in report.faults { Screen.line("  \(fault)") }
            guard report.isIntact else {
                Screen.line(
                    "NOT INTACT: \(report.faultCount) faults, \(report.unsigned) entries that nothing vouches for.")
                throw ExitCode(1)
            }
            Screen.line("Intact.")
        }

        private static func bytes(_ path: String) throws -> [UInt8] {
            do { return Array(try Data(contentsOf: URL(fileURLWithPath: path))) } catch {
                throw ValidationError("\(path) cannot be read.")
            }
        }
    }
}
