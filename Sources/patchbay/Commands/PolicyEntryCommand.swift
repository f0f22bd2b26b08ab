public import APITypes
public import ArgumentParser
import NetTypes

// Entries of a policy one by one, for what 'plug' and 'unplug' do not say.

extension PolicyCommand {
    struct Entry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Single entries of a tenant's policy, such as 'plug' and 'unplug' write.",
            subcommands: [Add.self, List.self, Delete.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Add an entry beside those that there are.",
                discussion: """
                    'plug' and 'unplug' put theirs in the place of what was there. Among several the one that names more \
                    decides:

                      patchbay plug acme/group:web acme/db1
                      patchbay policy entry add acme/web7 acme/db1 --action unplug
                    """)
            @Argument(help: "The source.", transform: Typed.pairEnd) var from: PairEnd
            @Argument(help: "The destination.", transform: Typed.pairEnd) var to: PairEnd
            @Option(help: "What is to be: plug or unplug.") var action = Verdict.plug
            @Flag(help: "Only from the source to the destination.") var oneWay = false
            @Option(help: ArgumentHelp("How the wire is protected between the hosts.", valueName: "level"))
            var security = Security.none
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                let tenant = try PairEnd.tenant(from, to)
                let new = NewPolicyEntry(
                    action: action, from: from.selector, to: to.selector, oneWay: oneWay,
                    security: action == .plug ? security : nil)
                try await options.show({ try await $0.create(new, of: tenant) }) {
                    PolicyCommand.table([$0]).lines(.output).forEach { Screen.line($0) }
                }
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "List the entries.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @OptionGroup var list: ListOptions
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                try await options.showList(
                    { try await $0.policyEntries(of: tenant.text, limit: list.limit) }, none: "No entries.",
                    PolicyCommand.table)
            }
        }

        struct Delete: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Delete an entry.")
            @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
            @Argument(help: "The entry's number, as list shows it.") var id: UInt64
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                try await options.withClient { try await $0.deletePolicyEntry(id, of: tenant.text) }
                try options.deleted("the entry \(id)")
            }
        }
    }
}

extension Verdict: ExpressibleByArgument {}
