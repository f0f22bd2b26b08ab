import APITypes
import Accounts
import ArgumentParser
import NetTypes

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "People: accounts of a tenant, or of the provider.",
        discussion: """
            An account is written NAME@TENANT, one of the provider's people NAME alone. Roles of a tenant are owner, \
            network-admin, security-admin and viewer; those of the provider operator and auditor.
            """,
        subcommands: [
            Create.self, List.self, Show.self, Change.self, Delete.self, Disable.self, Enable.self, Invite.self,
            ResetSecondFactor.self,
        ])

    static func account(_ text: String) throws -> AccountName { try AccountName(parsing: text) }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account, and print the link by which its user sets a password.",
            discussion: """
                  patchbay user create ada@acme --first-owner        the first person of a new tenant
                  patchbay user create vic@acme --role viewer
                  patchbay user create web@acme --role network-admin --group web
                  patchbay user create ops --role operator           one of the provider's people
                """)
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @Option(help: "The name that is shown; the account's when left out.") var displayName: String?
        @Option(help: "A role; may be given several times.") var role: [String] = []
        @Option(help: "A group to which the user is limited; may be given several times.") var group: [String] = []
        @Flag(help: "Make the first owner of a tenant that has no people.") var firstOwner = false
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard firstOwner != !role.isEmpty else { throw ValidationError("Give --role ROLE, or --first-owner.") }
            guard !firstOwner || name.tenant != nil else { throw ValidationError("Give NAME@TENANT.") }
        }

        func run() async throws {
            let shown = displayName ?? name.local
            try await options.show(
                { client in
                    if firstOwner, let tenant = name.tenant {
                        return try await client.create(
                            firstOwner: NewOwner(name: name.local, displayName: shown), of: tenant.text)
                    }
                    return try await client.create(
                        NewPerson(
                            name: name.local, displayName: shown, roles: role, groups: group.isEmpty ? nil : group),
                        of: name.tenant?.text)
                }, UserCommand.write)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the people of a tenant, or of the provider when no tenant is named.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name?
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.people(of: tenant?.text, limit: list.limit) }, none: "Nobody.") {
                people in
                var table = Table("ACCOUNT", "NAME", "ROLES", "GROUPS", "STATE", "2ND FACTOR")
                for person in people {
                    table.add(
                        person.name, person.displayName, Formatting.list(person.roles),
                        Formatting.list(person.groups ?? []), person.hasPassword ? person.state : "invited",
                        UserCommand.secondFactor(person))
                }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show an account.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.person(name.local, of: name.tenant?.text) }, UserCommand.write)
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the roles or the shown name of an account.",
            discussion: "Roles and groups replace the former ones: patchbay user change vic@acme --role security-admin")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @Option(help: "The name that is shown.") var displayName: String?
        @Option(help: "A role; may be given several times.") var role: [String] = []
        @Option(help: "A group to which the user is limited; may be given several times.") var group: [String] = []
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard displayName != nil || !role.isEmpty else {
                throw ValidationError("Give --role ROLE or --display-name NAME.")
            }
            guard group.isEmpty || !role.isEmpty else { throw ValidationError("Give --role with --group.") }
        }

        func run() async throws {
            let change = ChangePerson(
                displayName: displayName, roles: role.isEmpty ? nil : role, groups: group.isEmpty ? nil : group)
            try await options.show(
                { try await $0.change(name.local, of: name.tenant?.text, change) }, UserCommand.write)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an account with its sessions and tokens.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deletePerson(name.local, of: name.tenant?.text) }
            try options.deleted("the account \(name)")
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Disable an account; its sessions end at once.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show(
                { try await $0.setEnabled(false, name.local, of: name.tenant?.text) }, UserCommand.write)
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Enable an account again.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show(
                { try await $0.setEnabled(true, name.local, of: name.tenant?.text) }, UserCommand.write)
        }
    }

    struct Invite: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a new link by which a password is set; the present password is good until then.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show(
                { try await $0.invite(name.local, of: name.tenant?.text) }, UserCommand.write)
        }
    }

    struct ResetSecondFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the second factor away from somebody who has lost it; his sessions end.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.resetSecondFactor(of: name.owner) }, UserCommand.write)
        }
    }

    private static func secondFactor(_ person: Person) -> String {
        secondFactor(person.passkeys, person.hasSecondFactor)
    }

    static func secondFactor(_ passkeys: Int, _ hasSecondFactor: Bool) -> String {
        switch passkeys {
        case 0: hasSecondFactor ? "one-time codes" : "none"
        case 1: "1 passkey"
        case let count: "\(count) passkeys"
        }
    }

    private static func write(_ person: Person) {
        Facts([
            ("Account", person.name), ("Name", person.displayName), ("Roles", Formatting.list(person.roles)),
            ("Groups", person.groups.map { Formatting.list($0) } ?? "the whole tenant"), ("State", person.state),
            ("Password", person.hasPassword ? "set" : "not set yet"),
            ("Second factor", secondFactor(person)), ("Id", person.id),
        ]).write()
    }

    private static func write(_ invitation: Invitation) {
        Screen.line("Made a link for \(invitation.user.name), good once and for a day:")
        Screen.line("  \(invitation.setupURL)")
    }
}

struct WhoAmICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Say whose token it is, and what it may do.")
    @OptionGroup var options: ControllerOptions

    func run() async throws {
        try await options.show({ try await $0.oneself() }) { own in
            Facts([
                ("Account", own.name), ("Name", own.displayName), ("Tenant", own.tenant ?? "-"),
                ("Roles", Formatting.list(own.roles)), ("Means", own.means),
                ("Second factor", UserCommand.secondFactor(own.passkeys, own.hasSecondFactor)),
                ("Scopes", own.scopes.map { Formatting.list($0) } ?? "all"), ("May", Formatting.list(own.actions)),
            ]).write()
        }
    }
}
