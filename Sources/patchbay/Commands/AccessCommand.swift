import APITypes
import Accounts
import ArgumentParser
import NetTypes

struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access", abstract: "What the provider is let see of a tenant: grants, and requests for them.",
        discussion: """
            Granting is for an owner who has signed in; asking for one of the provider's people:

              patchbay access request create acme --role viewer --hours 2 --reason "ticket 7" --as ops
              patchbay access request list acme --as ada@acme
              patchbay access request grant acme ID --as ada@acme
              patchbay access revoke acme GRANT --as ada@acme
            """,
        subcommands: [List.self, Grant.self, Revoke.self, Request.self])

    /// For how long what may be seen.
    struct Wish: ParsableArguments {
        @Option(help: "A role: viewer, network-admin or security-admin; may be given several times.")
        var role: [String]
        @Option(help: "For how many hours, 1 to 168.") var hours: UInt64
        @Option(help: "Why, one line.") var reason: String
        @Flag(help: "Consoles of endpoints may be opened as well.") var consoles = false
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the grants of a tenant, the newest first, those that are over too.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList(
                { try await $0.accessGrants(of: tenant.text, limit: list.limit) }, none: "No grants."
            ) { grants in
                var table = Table("GRANT", "TO", "ROLES", "CONSOLES", "UNTIL", "STATE", "BY", "REASON")
                for one in grants {
                    let state = one.holds ? "holds" : one.revokedAt == nil ? "over" : "revoked"
                    table.add(
                        one.id, one.grantee ?? "all operators", Formatting.list(one.roles),
                        one.consoles ? "yes" : "no", one.until, state, one.grantedBy ?? "-", one.reason)
                }
                return table
            }
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the provider's people into a tenant for a time.",
            discussion: """
                  patchbay access grant acme --role viewer --hours 2 --reason "ticket 7" --to ops --as ada@acme
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Option(help: "The one of the provider's people who may; every operator when left out.") var to: String?
        @OptionGroup var wish: Wish
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = NewAccess(
                grantee: to, roles: wish.role, hours: wish.hours, reason: wish.reason, consoles: wish.consoles)
            try await options.show({ try await $0.create(new, of: tenant.text) }) { grant in
                Facts([
                    ("Grant", grant.id), ("To", grant.grantee ?? "all operators"),
                    ("Roles", Formatting.list(grant.roles)), ("Consoles", grant.consoles ? "yes" : "no"),
                    ("Until", Formatting.moment(grant.until)), ("Reason", grant.reason),
                ]).write()
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a grant at once.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Argument(help: "The grant's id, as list shows it.") var id: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.revokeAccess(id, of: tenant.text) }
            if options.json { try JSONOutput.write(["revoked": id]) } else { Screen.line("Revoked \(id).") }
        }
    }

    struct Request: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Requests of the provider's people for access.",
            subcommands: [Create.self, List.self, Grant.self, Decline.self])

        struct Create: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Ask a tenant's owners for access; they answer within a week.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @OptionGroup var wish: Wish
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                let new = NewAccessRequest(
                    roles: wish.role, hours: wish.hours, reason: wish.reason, consoles: wish.consoles)
                try await options.show({ try await $0.create(new, of: tenant.text) }, Request.write)
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List what a tenant was asked for, the newest first.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @OptionGroup var list: ListOptions
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                try await options.showList(
                    { try await $0.accessRequests(of: tenant.text, limit: list.limit) }, none: "No requests."
                ) { requests in
                    var table = Table("REQUEST", "BY", "ROLES", "CONSOLES", "#HOURS", "STATE", "ASKED", "REASON")
                    for one in requests {
                        table.add(
                            one.id, one.requester, Formatting.list(one.roles), one.consoles ? "yes" : "no",
                            "\(one.hours)", one.state.rawValue, one.createdAt, one.reason)
                    }
                    return table
                }
            }
        }

        struct Grant: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Grant what was asked for, to the one who has asked.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @Argument(help: "The request's id, as list shows it.") var id: String
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                try await options.show({ try await $0.answer(id, of: tenant.text, grant: true) }, Request.write)
            }
        }

        struct Decline: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Decline what was asked for.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @Argument(help: "The request's id, as list shows it.") var id: String
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                try await options.show({ try await $0.answer(id, of: tenant.text, grant: false) }, Request.write)
            }
        }

        private static func write(_ request: AccessRequestSummary) {
            Facts([
                ("Request", request.id), ("By", request.requester), ("Roles", Formatting.list(request.roles)),
                ("Consoles", request.consoles ? "yes" : "no"), ("Hours", "\(request.hours)"),
                ("State", request.state.rawValue), ("Good until", Formatting.moment(request.expiresAt)),
                ("Grant", request.grant), ("Reason", request.reason),
            ]).write()
        }
    }
}
