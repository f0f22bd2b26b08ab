import APITypes
import ArgumentParser
import NetTypes

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Policies: what is to be plugged.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a tenant's policy.",
            discussion: """
                An entry for two endpoints goes before one with a group, that before one with two groups; among equals \
                unplug goes before plug, and the level that protects more before the others. What no entry speaks of \
                is unplugged.
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.policy(of: tenant.text) }) { policy in
                var table = Table("#ENTRY", "ACTION", "FROM", "", "TO", "SECURITY")
                for entry in policy.entries {
                    table.add(
                        "\(entry.id)", entry.action.rawValue, entry.from, entry.oneWay ? "→" : "⇄", entry.to,
                        entry.action == .plug ? entry.security.rawValue : "-")
                }
                Screen.line("\(policy.tenant), revision \(policy.revision); everything else is unplugged.")
                if !table.isEmpty { table.lines(.output).forEach { Screen.line($0) } }
            }
        }
    }
}
