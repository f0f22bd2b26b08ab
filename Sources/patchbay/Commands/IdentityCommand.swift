import APITypes
import Accounts
import ArgumentParser
import NetTypes

struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Identities of providers that are linked to accounts, for single sign-on.",
        discussion: """
            A link is between an account and one whom an identity provider knows, by what it calls him for good (its \
            claim sub). One's own account is linked in the console, for the provider asks in a browser.

              patchbay identity link ada@acme corp 248289761001 --as owen@acme
              patchbay identity list ada@acme
              patchbay identity remove ID --user ada@acme --as owen@acme
            """,
        subcommands: [List.self, Link.self, Remove.self, Providers.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the identities that are linked to your account, or to a user's.")
        @Argument(help: "NAME@TENANT, or NAME; yours when left out.", transform: UserCommand.account)
        var name: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.identities(of: name?.owner) }, none: "No identities.") {
                identities in
                var table = Table("IDENTITY", "PROVIDER", "SUBJECT", "SET BY", "LAST USED")
                for one in identities {
                    table.add(
                        one.id, one.provider, one.subject, one.expected ? "administrator" : "user",
                        one.lastUsedAt ?? "-")
                }
                return table
            }
        }
    }

    struct Link: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Expect somebody whom a provider knows to be an account's user.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @Argument(help: "The provider's name.", transform: Typed.name) var provider: Name
        @Argument(help: "What the provider calls the person, for good: its claim sub.") var subject: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = NewIdentity(provider: provider.text, subject: subject)
            try await options.show({ try await $0.link(new, to: name.owner) }) {
                Facts([("Identity", $0.id), ("Provider", $0.provider), ("Subject", $0.subject)]).write()
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a link away from your account, or from a user's; its other sessions end.")
        @Argument(help: "The identity's id, as list shows it.") var id: String
        @Option(help: "NAME@TENANT, or NAME: whose it is.", transform: UserCommand.account) var user: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.unlink(id, from: user?.owner) }
            try options.deleted("the link \(id)")
        }
    }

    struct Providers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the providers to which your account can be linked.")
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.ownIdentityProviders() }, none: "No providers.") { providers in
                var table = Table("NAME", "SHOWN AS")
                for one in providers { table.add(one.name, one.displayName) }
                return table
            }
        }
    }
}

extension AccountName {
    /// As the client takes it.
    var owner: (name: String, tenant: String?) { (name: local, tenant: tenant?.text) }
}
