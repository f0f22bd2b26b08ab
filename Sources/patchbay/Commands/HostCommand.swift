import APITypes
import ArgumentParser
import NetTypes

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "Hosts: machines with a leaf.",
        subcommands: [Create.self, Join.self, List.self, Show.self, RenewToken.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a host; prints the token by which its leaf enrols.",
            discussion: """
                The token is secret, works once and ends soon. On the host:

                  patchbay host join TOKEN
                """)
        @Argument(help: "The host's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.create(NewHost(name: name.text)) }) {
                Screen.line("Made the host \($0.name).")
                HostCommand.write($0)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the hosts.")
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.hosts(limit: list.limit) }, none: "No hosts.") { hosts in
                var table = Table("HOST", "LEAF", "LOCATORS", "DEVICE", "#ENDPOINTS")
                for host in hosts {
                    table.add(
                        host.name, host.leafState, Formatting.list(host.locators), host.underlayDevice ?? "-",
                        "\(host.endpoints)")
                }
                return table
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a host.")
        @Argument(help: "The host's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.host(name.text) }) {
                Facts([
                    ("Host", $0.name), ("Leaf", $0.leafState), ("Leaf id", $0.id),
                    ("Locators", Formatting.list($0.locators)), ("Underlay device", $0.underlayDevice),
                    ("Version", $0.version),
                    ("ESP engine", $0.engine ?? ($0.connected ? "none: its wires cannot be protected" : nil)),
                    ("Endpoints", "\($0.endpoints)"), ("Certificate", $0.certificate?.inWords),
                ]).write()
            }
        }
    }

    struct RenewToken: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new token for a host whose leaf has not enrolled; the former one ends.")
        @Argument(help: "The host's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.renewToken(ofHost: name.text) }, HostCommand.write)
        }
    }

    private static func write(_ invitation: HostInvitation) {
        Screen.line("The token of \(invitation.name), shown only now, ends \(Formatting.moment(invitation.expiresAt)):")
        Screen.line(invitation.token)
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a host that runs no endpoints; its leaf's certificate is revoked.")
        @Argument(help: "The host's name.", transform: Typed.name) var name: Name
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteHost(name.text) }
            try options.deleted(name.text)
        }
    }
}

extension Host {
    fileprivate var leafState: String { connected ? "connected" : enrolled ? "not connected" : "not enrolled" }
}
