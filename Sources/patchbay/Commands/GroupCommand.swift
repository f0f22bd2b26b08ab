import APITypes
import ArgumentParser
import NetTypes

struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Groups: endpoints of one tenant that policies name together.",
        subcommands: [Create.self, List.self, Show.self, Delete.self, Add.self, Remove.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a group.", discussion: "Example: patchbay group create acme/web")
        @Argument(help: "TENANT/NAME of the group.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = NewGroup(name: name.name.text)
            try await options.show({ try await $0.create(new, of: name.tenant.text) }) {
                Screen.line("Made the group \($0.tenant)/group:\($0.name).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List a tenant's groups.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.groups(of: tenant.text, limit: list.limit) }, none: "No groups.")
            { groups in
                var table = Table("GROUP", "MEMBERS")
                for group in groups { table.add("\(group.tenant)/group:\(group.name)", Formatting.members(of: group)) }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a group and its members.")
        @Argument(help: "TENANT/NAME of the group.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.group(name.name.text, of: name.tenant.text) }) {
                Facts([("Group", "\($0.tenant)/group:\($0.name)"), ("Members", Formatting.members(of: $0))]).write()
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a group that has no members and that no policy names.")
        @Argument(help: "TENANT/NAME of the group.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteGroup(name.name.text, of: name.tenant.text) }
            try options.deleted("\(name)")
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put an endpoint into a group.",
            discussion: "Its certificate is issued anew, with the group.\n\nExample: patchbay group add acme/web web3")
        @Argument(help: "TENANT/NAME of the group.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "The endpoint's name.", transform: Typed.name) var endpoint: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ client in
                try await client.add(
                    endpoint: endpoint.text, toGroup: name.name.text, of: name.tenant.text)
                return try await client.group(name.name.text, of: name.tenant.text)
            }) {
                Screen.line("\(name.tenant)/group:\($0.name) has \(Formatting.members(of: $0, none: "no members")).")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take an endpoint out of a group.",
            discussion: "Its certificate is issued anew, without the group.")
        @Argument(help: "TENANT/NAME of the group.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "The endpoint's name.", transform: Typed.name) var endpoint: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ client in
                try await client.remove(
                    endpoint: endpoint.text, fromGroup: name.name.text, of: name.tenant.text)
                return try await client.group(name.name.text, of: name.tenant.text)
            }) {
                Screen.line("\(name.tenant)/group:\($0.name) has \(Formatting.members(of: $0, none: "no members")).")
            }
        }
    }
}
