import APITypes
import ArgumentParser
import NetTypes

struct VNetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vnet", abstract: "Vnets: segments of a tenant with a private IPv4 prefix.",
        subcommands: [Create.self, List.self, Show.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a vnet.",
            discussion:
                "Tenants may use the same prefix.\n\nExample: patchbay vnet create acme/lan --prefix 10.0.0.0/24")
        @Argument(help: "TENANT/NAME of the vnet.", transform: Typed.tenantName) var name: TenantName
        @Option(help: "The private IPv4 prefix.", transform: Typed.ipv4Prefix) var prefix: IPv4Prefix
        @Option(help: "The 128-bit id, 32 hexadecimal digits; random when left out.", transform: Typed.vnetID)
        var id: VNetID?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = NewVNet(name: name.name.text, ipv4Prefix: "\(prefix)", id: id.map { "\($0)" })
            try await options.show({ try await $0.create(new, of: name.tenant.text) }) {
                Screen.line("Made the vnet \($0.tenant)/\($0.name) with \($0.ipv4Prefix).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List a tenant's vnets.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.vnets(of: tenant.text, limit: list.limit) }, none: "No vnets.") {
                vnets in
                var table = Table("VNET", "PREFIX", "ID")
                for vnet in vnets { table.add("\(vnet.tenant)/\(vnet.name)", vnet.ipv4Prefix, vnet.id) }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a vnet.")
        @Argument(help: "TENANT/NAME of the vnet.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.vnet(name.name.text, of: name.tenant.text) }) {
                Facts([("Vnet", "\($0.tenant)/\($0.name)"), ("Prefix", $0.ipv4Prefix), ("Id", $0.id)]).write()
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a vnet that has no endpoints.")
        @Argument(help: "TENANT/NAME of the vnet.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteVNet(name.name.text, of: name.tenant.text) }
            try options.deleted("\(name)")
        }
    }
}
