import APITypes
import ArgumentParser
import Foundation
import NetTypes

struct IdentityProviderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity-provider",
        abstract:
            "Providers of identities (OpenID Connect) by which people sign in; docs/single-sign-on.md tells more.",
        subcommands: [Add.self, List.self, Show.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have people sign in by a provider.",
            discussion: """
                The client's secret is read from a file or from standard input, never from an argument, which others on the \
                machine could see:

                  patchbay identity-provider add corp --issuer https://id.example.com/realms/corp --client-id patchbay \\
                    --secret-file secret.txt
                """)
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @Option(help: "The issuer, an https URL exactly as the provider writes it.") var issuer: String
        @Option(help: "This platform's client id there.") var clientID: String
        @Option(
            help: "The file with the client's secret; - is standard input.", completion: .file()) var secretFile: String
        @Option(help: "The name on its button; the record's when left out.") var displayName: String?
        @Option(help: "The tenant whose people alone may use it.", transform: Typed.name) var tenant: Name?
        @Option(help: "A scope besides openid; may be given several times.") var scope: [String] = []
        @Option(help: "The claim by which a person is recognised: sub, or oid of Microsoft Entra.")
        var subjectClaim = "sub"
        @Flag(help: "The provider asks for a second factor itself, so that none of Patchbay's is asked for.")
        var multiFactor = false
        @Flag(inversion: .prefixedNo, help: "Show its button on the public page for signing in.") var listed: Bool?
        @Option(help: "A file with certificates in PEM against which its own is checked.", completion: .file())
        var trustedRoots: String?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let settings = IdentityProviderSettings(
                displayName: displayName, tenant: tenant?.text, issuer: issuer, clientID: clientID,
                clientSecret: try Self.secret(secretFile),
                scopes: scope.isEmpty ? nil : ["openid"] + scope.filter { $0 != "openid" },
                subjectClaim: subjectClaim, multiFactor: multiFactor, listed: listed,
                trustedRoots: try trustedRoots.map { try String(contentsOfFile: $0, encoding: .utf8) })
            try await options.show(
                { try await $0.create(NewIdentityProvider(name: name.text, settings: settings)) },
                IdentityProviderCommand.write)
        }

        /// The first line of a file.
        private static func secret(_ file: String) throws -> String {
            let text = file == "-" ? readLine() ?? "" : try String(contentsOfFile: file, encoding: .utf8)
            let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            guard !line.isEmpty else {
                throw ValidationError(
                    "There is no secret in \(file == "-" ? "standard input" : file): its first line is it.")
            }
            return line
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the providers.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.identityProviders() }, none: "No providers.") { providers in
                var table = Table("NAME", "SHOWN AS", "TENANT", "ISSUER", "LISTED", "MULTI-FACTOR")
                for one in providers {
                    table.add(
                        one.name, one.displayName, one.tenant ?? "all", one.issuer, one.listed ? "yes" : "no",
                        one.multiFactor ? "yes" : "no")
                }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a provider, and what it has to know of Patchbay.")
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.identityProvider(name.text) }, IdentityProviderCommand.write)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a provider with all links of accounts to it; the accounts stay.")
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteIdentityProvider(name.text) }
            try options.deleted("the identity provider \(name)")
        }
    }

    private static func write(_ provider: IdentityProviderSummary) {
        Facts([
            ("Name", provider.name), ("Shown as", provider.displayName), ("Tenant", provider.tenant ?? "all"),
            ("Issuer", provider.issuer), ("Client", provider.clientID), ("Scopes", Formatting.list(provider.scopes)),
            ("Known by", provider.subjectClaim), ("Listed", provider.listed ? "yes" : "no"),
            ("Multi-factor", provider.multiFactor ? "there" : "here, by the account"),
            ("Trusts", provider.trustedRoots == nil ? "what the system trusts" : "certificates of the record"),
            ("Redirect URI", provider.redirectURI), ("Sign-in", provider.signInURL),
        ]).write()
    }
}
