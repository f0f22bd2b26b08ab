import APIClient
import APITypes
import ArgumentParser
import NetTypes

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what tenants, endpoints or wires sent and received.",
        discussion: """
            Bytes are those of the endpoints' own IP packets, headers included. SENT is counted where a packet leaves its \
            endpoint, RECEIVED where it arrives at one; the two are never added up. Times are UTC.

              patchbay usage                                   every tenant, the last 30 days
              patchbay usage acme                              hour by hour, the last day
              patchbay usage acme --by wire --endpoint web1 --step day --from 2026-01-01
              patchbay usage acme --by endpoint --step day --from 2026-01-01 --to 2026-02-01 --csv > bill.csv
            """)
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case tenant, endpoint, wire
    }
    enum Step: String, ExpressibleByArgument, CaseIterable {
        case hour, day
    }

    @Argument(help: "The tenant; all of them when left out.", transform: Typed.name) var tenant: Name?
    @Option(help: "Whose figures.") var by: Kind?
    @Option(help: "How long a figure's time is.") var step: Step?
    @Option(help: "The first hour or day, such as 2026-01-31 or 2026-01-31T13:00:00Z.") var from: String?
    @Option(help: "The end, not included.") var to: String?
    @Option(help: "Only this endpoint, or the wires that have it, or an address outside, as an end.")
    var endpoint: String?
    @Option(help: "Of those wires only the ones with this other end.") var peer: String?
    @Flag(help: "Write comma-separated values (RFC 4180).") var csv = false
    @OptionGroup var options: ControllerOptions

    func validate() throws {
        guard tenant == nil else { return }
        guard by == nil, endpoint == nil, peer == nil, !csv else {
            throw ValidationError("--by, --endpoint, --peer and --csv are for one tenant; name it.")
        }
    }

    func run() async throws {
        var query = UsageQuery()
        (query.by, query.step, query.from, query.to) = (by?.rawValue, step?.rawValue, from, to)
        (query.endpoint, query.peer) = (endpoint, peer)
        let asked = query
        guard let tenant else {
            return try await options.show({ try await $0.tenantUsage(asked) }, Self.write)
        }
        if csv {
            let text = try await options.withClient { try await $0.usageCSV(of: tenant.text, asked) }
            return Screen.write(text)
        }
        try await options.show({ try await $0.usage(of: tenant.text, asked) }, Self.write)
    }

    private static func write(_ list: TenantUsageList) {
        var table = Table("TENANT", "#PACKETS SENT", "#BYTES SENT", "#PACKETS RECEIVED", "#BYTES RECEIVED")
        for item in list.items {
            table.add(
                item.deleted ? "\(item.tenant) (deleted)" : item.tenant, "\(item.sentPackets)", "\(item.sentBytes)",
                "\(item.receivedPackets)", "\(item.receivedBytes)")
        }
        write(table, from: list.from, to: list.to)
    }

    private static func write(_ usage: Usage) {
        let whose: [String] =
            switch usage.by {
            case "endpoint": ["ENDPOINT"]
            case "wire": ["SOURCE", "DESTINATION"]
            default: []
            }
        var table = Table(
            columns: ["TIME"] + whose + ["#PACKETS SENT", "#BYTES SENT", "#PACKETS RECEIVED", "#BYTES RECEIVED"])
        for item in usage.items {
            let time = usage.step == "day" ? String(item.time.prefix(10)) : item.time
            let names = [item.endpoint, item.source, item.destination].compactMap { $0 }
            table.add(
                cells: [time] + names + [
                    "\(item.sentPackets)", "\(item.sentBytes)", "\(item.receivedPackets)", "\(item.receivedBytes)",
                ])
        }
        write(table, from: usage.from, to: usage.to)
    }

    static func write(_ table: Table, from: String, to: String) {
        if table.isEmpty {
            Screen.line("Nothing was counted from \(from) to \(to).")
        } else {
            table.lines(.output).forEach { Screen.line($0) }
        }
    }
}
