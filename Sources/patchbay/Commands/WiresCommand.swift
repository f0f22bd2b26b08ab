import APITypes
import ArgumentParser
import NetTypes

struct WiresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wires", abstract: "Show the wires that the leaves have now, with their counters.",
        discussion: """
            A wire is one ordered pair. Each leaf reports the ends that it has: 'send' at the source's host, \
            'receive' at the destination's, 'local' where both are on one host. LABEL is the number by which the \
            receiving leaf knows the wire (VXLAN VNI, or ESP SPI). SECURITY is how it is protected between the hosts now.

              patchbay wires --tenant acme
              patchbay wires --drops        what each leaf dropped, by reason
            """)
    @Option(help: "Only this tenant's.", transform: Typed.name) var tenant: Name?
    @Flag(help: "Also what each leaf dropped, by reason.") var drops = false
    @OptionGroup var options: ControllerOptions

    func run() async throws {
        try await options.show({ try await $0.wires(of: tenant?.text) }) { list in
            var table = Table(
                "SOURCE", "DESTINATION", "HOST", "END", "SECURITY", "#LABEL", "PEER", "#PACKETS", "#BYTES")
            for wire in list.items {
                table.add(
                    wire.source, wire.destination, wire.host, wire.direction.rawValue, wire.security,
                    wire.label == 0 ? "-" : "\(wire.label)", wire.peer ?? "-", "\(wire.packets)",
                    Formatting.bytes(wire.bytes))
            }
            if table.isEmpty { Screen.line("No wires.") } else { table.lines(.output).forEach { Screen.line($0) } }
            for leaf in list.leaves where !leaf.answered {
                Screen.error(
                    "\(leaf.host) \(leaf.connected ? "did not answer in time" : "is not connected"): "
                        + "its wires are missing here")
            }
            if drops { writeDrops(list.leaves) }
        }
    }

    private func writeDrops(_ leaves: [LeafStatus]) {
        var table = Table("HOST", "DROPPED BECAUSE OF", "#PACKETS")
        for leaf in leaves {
            for (reason, count) in leaf.counters.sorted(by: { $0.key < $1.key }) where count > 0 {
                table.add(leaf.host, reason, "\(count)")
            }
        }
        Screen.line()
        if table.isEmpty { Screen.line("Nothing dropped.") } else { table.lines(.output).forEach { Screen.line($0) } }
    }
}
