import APIClient
import APITypes
import ArgumentParser
import Foundation
import NetTypes

struct IdentityProviderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity-provider",
        abstract:
            "Providers of identities (OpenID Connect) by which people sign in; docs/single-sign-on.md tells more.",
        subcommands: [Add.self, List.self, Show.self, Change.self, Enable.self, Disable.self, Remove.self])

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
                clientSecret: try Secret.line(secretFile, "secret"),
                scopes: scope.isEmpty ? nil : ["openid"] + scope.filter { $0 != "openid" },
                subjectClaim: subjectClaim, multiFactor: multiFactor, listed: listed,
                trustedRoots: try trustedRoots.map { try String(contentsOfFile: $0, encoding: .utf8) })
            try await options.show(
                { try await $0.create(NewIdentityProvider(name: name.text, settings: settings)) },
                IdentityProviderCommand.write)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the providers.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.identityProviders() }, none: "No providers.") { providers in
                var table = Table("NAME", "SHOWN AS", "TENANT", "ISSUER", "STATE", "LISTED", "MULTI-FACTOR")
                for one in providers {
                    table.add(
                        one.name, one.displayName, one.tenant ?? "all", one.issuer, one.state,
                        one.listed ? "yes" : "no", one.multiFactor ? "yes" : "no")
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

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a provider; what is not named stays.",
            discussion: """
                Sessions end that could not begin so any more: of whom it no longer serves, and all of them when its word no \
                longer is a second factor. How many is told.

                  patchbay identity-provider change corp --secret-file new-secret.txt
                  patchbay identity-provider change corp --tenant acme --no-listed
                """)
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @Option(help: "The issuer; only while no account is linked by it.") var issuer: String?
        @Option(help: "This platform's client id there.") var clientID: String?
        @Option(
            help: "The file with the client's new secret; - is standard input.", completion: .file())
        var secretFile: String?
        @Option(help: "The name on its button.") var displayName: String?
        @Option(help: "The tenant whose people alone may use it.", transform: Typed.name) var tenant: Name?
        @Flag(help: "Everybody may use it.") var everybody = false
        @Option(help: "A scope besides openid, in place of the former ones; may be given several times.")
        var scope: [String] = []
        @Option(help: "The claim by which a person is recognised; only while no account is linked by it.")
        var subjectClaim: String?
        @Flag(inversion: .prefixedNo, help: "The provider asks for a second factor itself.") var multiFactor: Bool?
        @Flag(inversion: .prefixedNo, help: "Show its button on the public page for signing in.") var listed: Bool?
        @Option(help: "A file with certificates in PEM against which its own is checked.", completion: .file())
        var trustedRoots: String?
        @Flag(help: "Check its certificate against those that the system trusts.") var systemRoots = false
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard tenant == nil || !everybody else { throw ValidationError("Give --tenant or --everybody.") }
            guard trustedRoots == nil || !systemRoots else {
                throw ValidationError("Give --trusted-roots or --system-roots.")
            }
        }

        func run() async throws {
            let secret = try secretFile.map { try Secret.line($0, "secret") }
            let roots = try trustedRoots.map { try String(contentsOfFile: $0, encoding: .utf8) }
            try await IdentityProviderCommand.change(name, options) { settings in
                settings.issuer = issuer ?? settings.issuer
                settings.clientID = clientID ?? settings.clientID
                settings.clientSecret = secret
                settings.displayName = displayName ?? settings.displayName
                settings.tenant = everybody ? nil : tenant?.text ?? settings.tenant
                if !scope.isEmpty { settings.scopes = ["openid"] + scope.filter { $0 != "openid" } }
                settings.subjectClaim = subjectClaim ?? settings.subjectClaim
                settings.multiFactor = multiFactor ?? settings.multiFactor
                settings.listed = listed ?? settings.listed
                settings.trustedRoots = systemRoots ? nil : roots ?? settings.trustedRoots
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let people sign in by a provider again.")
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await IdentityProviderCommand.change(name, options) { $0.enabled = true }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let nobody sign in by a provider; the sessions that began by it end at once.",
            discussion: "Links to it stay, for 'enable'.")
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await IdentityProviderCommand.change(name, options) { $0.enabled = false }
        }
    }

    /// Reads a record, changes it, and writes it back if nobody else has meanwhile.
    private static func change(
        _ name: Name, _ options: ControllerOptions, _ change: (inout IdentityProviderSettings) -> Void
    ) async throws {
        try await options.show(
            { client in
                let present = try await client.identityProvider(name.text)
                var settings = IdentityProviderSettings(
                    displayName: present.displayName, tenant: present.tenant, issuer: present.issuer,
                    clientID: present.clientID, clientSecret: nil, scopes: present.scopes,
                    subjectClaim: present.subjectClaim, multiFactor: present.multiFactor, listed: present.listed,
                    trustedRoots: present.trustedRoots, enabled: present.enabled, version: present.version)
                change(&settings)
                return try await client.change(settings, ofIdentityProvider: name.text)
            }, write)
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a provider with all links to it, and end the sessions that began by it; accounts stay.")
        @Argument(help: "The name of the record.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.deleteIdentityProvider(name.text) }) {
                let ended = Formatting.count(Int($0.sessionsEnded), "session")
                Screen.line("Deleted the identity provider \($0.name); \(ended) ended.")
            }
        }
    }

    private static func write(_ provider: IdentityProviderSummary) {
        Facts([
            ("Name", provider.name), ("Shown as", provider.displayName), ("Tenant", provider.tenant ?? "all"),
            ("Issuer", provider.issuer), ("State", provider.state), ("Client", provider.clientID),
            ("Scopes", Formatting.list(provider.scopes)),
            ("Known by", provider.subjectClaim), ("Listed", provider.listed ? "yes" : "no"),
            ("Multi-factor", provider.multiFactor ? "there" : "here, by the account"),
            ("Trusts", provider.trustedRoots == nil ? "what the system trusts" : "certificates of the record"),
            ("Redirect URI", provider.redirectURI), ("Sign-in", provider.signInURL),
            ("Ended", provider.sessionsEnded.map { Formatting.count(Int($0), "session") }),
        ]).write()
    }
}

extension IdentityProviderSummary {
    fileprivate var state: String { enabled ? "enabled" : "disabled" }
}
