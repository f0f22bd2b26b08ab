import APITypes
import ArgumentParser
import NetTypes

struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant", abstract: "Tenants: who owns endpoints, groups and policies.",
        subcommands: [
            Create.self, List.self, Show.self, Suspend.self, Resume.self, Quota.self, Export.self, Delete.self,
        ])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a tenant, with a certificate authority of its own.",
            discussion: "Example: patchbay tenant create acme")
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.create(NewTenant(name: name.text)) }) {
                Screen.line("Made the tenant \($0.name).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tenants.")
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.tenants(limit: list.limit) }, none: "No tenants.") { tenants in
                var table = Table("TENANT", "STATE", "#ENDPOINTS")
                for tenant in tenants { table.add(tenant.name, tenant.state.rawValue, "\(tenant.endpoints)") }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a tenant.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.tenant(name.text) }) {
                Facts([
                    ("Tenant", $0.name), ("Id", $0.id), ("Made", $0.createdAt), ("Endpoints", "\($0.endpoints)"),
                    ("State", $0.state.rawValue), ("Suspended", $0.suspendedAt), ("Why", $0.suspensionReason),
                    ("Certificate", $0.certificate?.inWords),
                ]).write()
            }
        }
    }
}

/// Labelled values of one thing, aligned.
struct Facts {
    private let facts: [(label: String, value: String)]

    init(_ facts: [(label: String, value: String?)]) {
        self.facts = facts.compactMap { fact in fact.value.map { (fact.label, $0) } }
    }

    func write(indent: Int = 0) {
        let width = facts.map { TextWidth.columns($0.label) }.max() ?? 0
        for fact in facts {
            let label = Style.output.bold(TextWidth.pad(fact.label, to: width))
            for (index, line) in fact.value.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let margin = index == 0 ? label : String(repeating: " ", count: width)
                Screen.line(String(repeating: " ", count: indent) + margin + "  " + line)
            }
        }
    }
}
