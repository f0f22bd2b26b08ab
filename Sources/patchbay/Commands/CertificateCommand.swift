import APITypes
import ArgumentParser
import NetTypes
import Trust

struct CertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Certificates: who an endpoint is, and with which a user's programs sign in.",
        subcommands: [Show.self, Create.self, List.self, Revoke.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an endpoint's certificate.",
            discussion: """
                In words, or with --pem as files have it: the endpoint's certificate, then its tenant's.

                  patchbay certificate show acme/web1
                  patchbay certificate show acme/web1 --pem | openssl x509 -noout -text
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Flag(help: "Write PEM.") var pem = false
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            if pem, options.json { throw ValidationError("--pem and --json exclude each other") }
        }

        func run() async throws {
            let certificate = try await options.withClient {
                try await $0.certificate(ofEndpoint: name.name.text, of: name.tenant.text)
            }
            if options.json { return try JSONOutput.write(certificate) }
            if pem { return Screen.write(certificate.certificate.endingLine + certificate.issuer.endingLine) }
            let summaries = try CertificatePEM.certificates(in: certificate.certificate + "\n" + certificate.issuer)
                .map { try CertificateSummary(parsing: $0) }
            for (index, summary) in summaries.enumerated() {
                if index > 0 { Screen.line() }
                Screen.line(index == 0 ? "The certificate of \(certificate.endpoint)" : "Issued by")
                summary.facts.write(indent: 2)
            }
        }
    }
}

extension CertificateSummary {
    fileprivate var facts: Facts {
        Facts([
            ("Subject", subject.isEmpty ? "\(name)" : subject), ("Identity", identity.map { "\($0)" }),
            ("Groups", identity == nil ? nil : Formatting.list(groups.map(\.text))), ("Issuer", issuer),
            ("Valid", "\(Formatting.moment("\(notBefore)")) to \(Formatting.moment("\(notAfter)"))"),
            ("Serial", serial.hexadecimal), ("Key", "P-256, SHA-256 \(keyHash.hexadecimal)"),
        ])
    }
}

extension [UInt8] {
    fileprivate var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension String {
    fileprivate var endingLine: String { hasSuffix("\n") ? self : self + "\n" }
}
