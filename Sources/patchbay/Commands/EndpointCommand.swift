import APIClient
public import APITypes
public import ArgumentParser
import NetTypes

struct EndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint", abstract: "Endpoints: what is connected.",
        subcommands: [
            Create.self, List.self, Count.self, Show.self, Delete.self, Move.self, Label.self, Level.self,
            Networks.self,
        ])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an endpoint; its host's leaf opens the port.",
            discussion: """
                A port of kind 'namespace' is a veth pair into a network namespace of the host; of kind 'tap' it is a \
                TAP device for a virtual machine.

                Example: patchbay endpoint create acme/web3 --vnet lan --host h1 --group web
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Option(help: "The name of its vnet.", transform: Typed.name) var vnet: Name
        @Option(help: "The host that is to run it.", transform: Typed.name) var host: Name
        @Option(help: "What its port is attached to: namespace or tap.") var kind = EndpointKind.namespace
        @Option(help: "The name of the namespace or TAP device; made from the endpoint's name when left out.")
        var attachment: String?
        @Option(help: "Its address in the vnet; the lowest free one when left out.", transform: Typed.ipv4Address)
        var ipv4: IPv4Address?
        @Option(name: .customLong("group"), help: "A group; may be given more than once.", transform: Typed.name)
        var groups: [Name] = []
        @Option(
            name: .customLong("label"), help: "A label KEY=VALUE; may be given more than once.", transform: Typed.label)
        var labels: [PolicyLabel] = []
        @Option(help: "Its security level, 0 to 255.") var level: UInt8 = 0
        @Option(
            name: .customLong("network"),
            help: "A prefix outside that it speaks for, as a border; may be given more than once.",
            transform: Typed.prefix) var networks: [IPPrefix] = []
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = NewEndpoint(
                name: name.name.text, vnet: vnet.text, ipv4: ipv4.map { "\($0)" },
                groups: groups.isEmpty ? nil : groups.map(\.text),
                labels: labels.isEmpty ? nil : labels.map(\.description), level: level == 0 ? nil : level,
                networks: networks.isEmpty ? nil : networks.map(\.description), host: host.text, kind: kind,
                attachment: attachment)
            try await options.show({ try await $0.create(new, of: name.tenant.text) }) { endpoint in
                Screen.line("Made the endpoint \(endpoint.tenant)/\(endpoint.name).")
                endpoint.facts.write()
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List endpoints, of one tenant or of all.")
        @Argument(help: "The tenant's name; all when left out.", transform: Typed.name) var tenant: Name?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await endpoints($0) }, none: "No endpoints.") { endpoints in
                var table = Table("ENDPOINT", "STATE", "HOST", "IPV4", "IDENTITY", "GROUPS", "LABELS", "#LEVEL")
                for one in endpoints {
                    table.add(
                        "\(one.tenant)/\(one.name)", one.state.rawValue, one.host, one.ipv4, one.identity,
                        Formatting.list(one.groups), Formatting.list(one.labels), "\(one.level)")
                }
                return table
            }
        }

        private func endpoints(_ client: APIClient) async throws -> [Endpoint] {
            if let tenant { return try await client.endpoints(of: tenant.text) }
            var all: [Endpoint] = []
            for tenant in try await client.tenants() { all += try await client.endpoints(of: tenant.name) }
            return all
        }
    }

    struct Count: AsyncParsableCommand {
        enum Part: String, ExpressibleByArgument, CaseIterable {
            case group, host, vnet
        }

        static let configuration = CommandConfiguration(
            abstract: "Count a tenant's endpoints by group, host or vnet. Of several groups the first counts.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Option(help: "By what.") var by = Part.group
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.summary(of: tenant.text, by: by.rawValue) }) { summary in
                var table = Table(
                    summary.by.uppercased(), "#ENDPOINTS", "#RUNNING", "#WAITING", "#MOVING", "#FAILED")
                for item in summary.items {
                    table.add(
                        item.name ?? "-", "\(item.endpoints)", "\(item.running)", "\(item.waiting)", "\(item.moving)",
                        "\(item.failed)")
                }
                table.lines(.output).forEach { Screen.line($0) }
                Screen.line("\(Formatting.count(summary.endpoints, "endpoint")) in all.")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an endpoint.", discussion: "Example: patchbay endpoint show acme/web1 --json")
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.endpoint(name.name.text, of: name.tenant.text) }) {
                $0.facts.write()
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an endpoint.",
            discussion: "Its wires are cut at both ends. Its identity is never given again.")
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteEndpoint(name.name.text, of: name.tenant.text) }
            try options.deleted("\(name)")
        }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move an endpoint to another host.",
            discussion: """
                The identity, the addresses and the policy stay; peers follow by themselves and TCP connections \
                continue.

                Example: patchbay endpoint move acme/db1 h3
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "The host that is to run it.", transform: Typed.name) var host: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({
                try await $0.move(endpoint: name.name.text, of: name.tenant.text, to: host.text)
            }) { Screen.line("\($0.tenant)/\($0.name) goes to \($0.host).") }
        }
    }

    struct Label: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the labels of an endpoint.",
            discussion: """
                KEY=VALUE sets a label in the place of those of the same key, KEY- removes them. The endpoint is \
                certified anew, and what was certified before is revoked at once: its wires are plugged again in a \
                moment, by the rules for its new labels.

                Example: patchbay endpoint label acme/web1 tier=web env=live quarantine-
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "KEY=VALUE or KEY-, one or more.") var changes: [String]
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            var change = ChangeLabels(set: [], remove: [])
            for text in changes {
                if text.hasSuffix("-"), !text.contains("=") {
                    change.remove?.append(String(text.dropLast()))
                } else {
                    change.set?.append(text)
                }
            }
            let asked = change
            try await options.show({ try await $0.change(asked, ofEndpoint: name.name.text, of: name.tenant.text) }) {
                Screen.line("\($0.tenant)/\($0.name) has the labels \(Formatting.list($0.labels)).")
            }
        }
    }

    struct Level: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the security level of an endpoint.",
            discussion: """
                Where the platform's guardrails say so, information flows only to the same level or a higher one. The \
                endpoint is certified anew as for labels.

                Example: patchbay endpoint level acme/db1 2
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "The level, 0 to 255.") var level: UInt8
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({
                try await $0.change(ChangeLevel(level: level), ofEndpoint: name.name.text, of: name.tenant.text)
            }) { Screen.line("\($0.tenant)/\($0.name) has the level \($0.level).") }
        }
    }

    struct Networks: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change for which prefixes outside an endpoint speaks.",
            discussion: """
                An endpoint that speaks for prefixes is a border: what endpoints of its vnet send to addresses in them \
                goes to it, as the rules with 'network:' say, and what machines there send comes from it. The endpoint \
                is certified anew as for labels. Without prefixes it is an ordinary endpoint again.

                Example: patchbay endpoint networks acme/gw 203.0.113.0/24 2001:db8::/32
                """)
        @Argument(help: "TENANT/NAME of the endpoint.", transform: Typed.tenantName) var name: TenantName
        @Argument(help: "All prefixes for which it is to speak.", transform: Typed.prefix) var networks: [IPPrefix] = []
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let change = ChangeNetworks(networks: networks.map(\.description))
            try await options.show({ try await $0.change(change, ofEndpoint: name.name.text, of: name.tenant.text) }) {
                Screen.line("\($0.tenant)/\($0.name) speaks for \(Formatting.list($0.networks)).")
            }
        }
    }
}

extension EndpointKind: ExpressibleByArgument {}

extension Endpoint {
    fileprivate var facts: Facts {
        Facts([
            ("Endpoint", "\(tenant)/\(name)"), ("Identity", identity), ("IPv4", "\(ipv4) in the vnet \(vnet)"),
            ("Groups", Formatting.list(groups)), ("Labels", Formatting.list(labels)), ("Level", "\(level)"),
            ("Speaks for", networks.isEmpty ? nil : Formatting.list(networks)),
            ("Host", host),
            ("State", state.rawValue + (detail.map { ": \($0)" } ?? "")),
            ("Port", "\(kind.rawValue) \(attachment)"),
            ("Location", locator.map { "\($0), epoch \(epoch)" } ?? "none, epoch \(epoch)"),
            ("Record ends", recordExpiresAt.map(Formatting.moment)),
        ])
    }
}
