import APIClient
import APITypes
import ArgumentParser
import NetTypes

struct TrafficCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traffic", abstract: "Show what passed on one wire over time.",
        discussion: """
              patchbay traffic acme/web1 acme/db1
              patchbay traffic acme/web1 acme/db1 --step day --from 2026-01-01
            """)
    @Argument(help: "The source: TENANT/NAME, or an address outside.", transform: FlowEnd.init(typed:)) var from:
        FlowEnd
    @Argument(help: "The destination, likewise.", transform: FlowEnd.init(typed:)) var to: FlowEnd
    @Option(help: "How long a figure's time is.") var step: UsageCommand.Step?
    @Option(name: .customLong("from"), help: "The first hour or day, such as 2026-01-31 or 2026-01-31T13:00:00Z.")
    var since: String?
    @Option(name: .customLong("to"), help: "The end, not included.") var until: String?
    @OptionGroup var options: ControllerOptions

    func validate() throws { _ = try FlowEnd.tenant(of: from, to) }

    func run() async throws {
        let tenant = try FlowEnd.tenant(of: from, to).text
        var query = UsageQuery()
        (query.step, query.from, query.to) = (step?.rawValue, since, until)
        let asked = query
        try await options.show({ try await $0.traffic(from: from.text, to: to.text, of: tenant, asked) }) { traffic in
            var table = Table("TIME", "#PACKETS SENT", "#BYTES SENT", "#PACKETS RECEIVED", "#BYTES RECEIVED")
            for item in traffic.items {
                table.add(
                    traffic.step == "day" ? String(item.time.prefix(10)) : item.time, "\(item.sentPackets)",
                    "\(item.sentBytes)", "\(item.receivedPackets)", "\(item.receivedBytes)")
            }
            UsageCommand.write(table, from: traffic.from, to: traffic.to)
        }
    }
}
