import APITypes
import ArgumentParser
import NetTypes

extension TenantCommand {
    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cut all wires of a tenant until it is resumed; nothing is lost.",
            discussion: "Example: patchbay tenant suspend acme --reason 'Invoice 1022 is not paid'")
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @Option(help: "Why, one line that the tenant's people can read.") var reason: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.suspendTenant(name.text, reason: reason) }) {
                Screen.line("Suspended the tenant \($0.name).")
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End the suspension of a tenant.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.resumeTenant(name.text) }) {
                Screen.line("Resumed the tenant \($0.name).")
            }
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show, or set, how many of each thing a tenant may have.",
            discussion: """
                Without --set it shows the limits and what is used. With --set the limits that are named change and the \
                others stay; 'none' takes a limit away. What is there already stays, also above a limit.

                  patchbay tenant quota acme
                  patchbay tenant quota acme --set endpoints=100 --set users=none
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @Option(
            help: "KIND=NUMBER or KIND=none; kinds are endpoints, vnets, groups, rules and users.",
            transform: Limit.init(typed:))
        var set: [Limit] = []
        @OptionGroup var options: ControllerOptions

        struct Limit: Sendable {
            let kind: String
            let number: UInt64?

            init(typed text: String) throws {
                let parts = text.split(separator: "=", omittingEmptySubsequences: false)
                guard parts.count == 2, TenantLimits.fields.contains(where: { $0.name == parts[0] }),
                    parts[1] == "none" || UInt64(parts[1]).map({ $0 <= TenantLimits.greatest }) == true
                else {
                    throw ValidationError(
                        "'\(text)' is not KIND=NUMBER or KIND=none with KIND one of "
                            + TenantLimits.fields.map(\.name).joined(separator: ", "))
                }
                kind = String(parts[0])
                number = UInt64(parts[1])
            }
        }

        func run() async throws {
            try await options.show({ client in
                let present = try await client.quota(of: name.text)
                guard !set.isEmpty else { return present }
                var limits = Dictionary(uniqueKeysWithValues: present.items.map { ($0.kind, $0.limit) })
                for limit in set { limits[limit.kind] = .some(limit.number) }
                func limit(_ kind: String) -> UInt64? { limits[kind] ?? nil }
                return try await client.setQuota(
                    TenantLimits(
                        endpoints: limit("endpoints"), vnets: limit("vnets"), groups: limit("groups"),
                        rules: limit("rules"), users: limit("users")), of: name.text)
            }) { quota in
                var table = Table("KIND", "#USED", "#LIMIT")
                for item in quota.items { table.add(item.kind, "\(item.used)", item.limit.map { "\($0)" } ?? "-") }
                table.lines(.output).forEach { Screen.line($0) }
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write everything of a tenant but secrets as one JSON document.",
            discussion: "Example: patchbay tenant export acme > acme.json")
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let document = try await options.withClient { try await $0.export(tenant: name.text) }
            Screen.line(String(decoding: document, as: UTF8.self))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a tenant.",
            discussion: """
                A tenant without endpoints is deleted at once. For one that has some, --preview lists what would go, and \
                gives the confirmation with which just that is deleted.

                  patchbay tenant delete acme --preview
                  patchbay tenant delete acme --confirm CONFIRMATION
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var name: Name
        @Flag(help: "Only list what would go.") var preview = false
        @Option(help: "The confirmation that --preview gave; deletes all that it listed.") var confirm: String?
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard !preview || confirm == nil else { throw ValidationError("Give --preview or --confirm, not both.") }
        }

        func run() async throws {
            guard !preview else {
                return try await options.show({ try await $0.previewDeletion(of: name.text) }) { preview in
                    var table = Table("WHAT GOES", "#COUNT", "AMONG THEM")
                    for item in preview.items {
                        let rest = item.count > item.names.count ? ", …" : ""
                        table.add(item.kind, "\(item.count)", item.names.joined(separator: ", ") + rest)
                    }
                    table.lines(.output).forEach { Screen.line($0) }
                    Screen.line(
                        "To delete all of this: patchbay tenant delete \(name) --confirm \(preview.confirmation)")
                }
            }
            try await options.withClient { client in
                if let confirm {
                    try await client.deleteTenant(name.text, confirmation: confirm)
                } else {
                    try await client.deleteTenant(name.text)
                }
            }
            try options.deleted(name.text)
        }
    }
}
