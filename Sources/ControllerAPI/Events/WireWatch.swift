import DirectoryCore
import LeafProtocol
import NetTypes

/// Tells which wires were plugged and unplugged, as long as somebody listens: the leaves are asked every other second, and
/// what they report is compared with what they reported before. A wire that lived for less than that is not told.
struct WireWatch {
    let hub: EventHub

    private struct Seen: Hashable {
        var source: TenantName
        var destination: TenantName
        var outsideSource: IPAddress?
        var outsideDestination: IPAddress?
    }

    func run() async {
        var known: [Name: Set<Seen>] = [:]
        var names: [Identity: (name: TenantName, groups: Set<Name>)] = [:]
        while (try? await Task.sleep(for: ControllerLimits.wireInterval)) != nil {
            let followed = Set(hub.followedTenants)
            known = known.filter { followed.contains($0.key) }
            guard !followed.isEmpty else {
                names = [:]
                continue
            }
            let reports = await hub.leaves.wireReports(from: hub.leaves.sessions.map(\.leaf))
            // A leaf that did not answer in time has not lost its wires.
            guard reports.count == hub.leaves.sessions.count else { continue }
            let wires = reports.values.flatMap(\.wires)
            let present = Set(wires.flatMap { [$0.source, $0.destination] }.compactMap { Identity(octets: $0) })
            names = names.filter { present.contains($0.key) }
            for identity in present where names[identity] == nil {
                guard let endpoint = try? await hub.directory.endpoint(identity) else { continue }
                names[identity] = (endpoint.name, Set(endpoint.groups))
            }
            var now: [Name: Set<Seen>] = [:]
            var groups: [TenantName: Set<Name>] = [:]
            for wire in wires {
                guard let source = Identity(octets: wire.source).flatMap({ names[$0] }),
                    let destination = Identity(octets: wire.destination).flatMap({ names[$0] }),
                    followed.contains(source.name.tenant)
                else { continue }
                groups[source.name] = source.groups
                groups[destination.name] = destination.groups
                now[source.name.tenant, default: []].insert(
                    Seen(
                        source: source.name, destination: destination.name,
                        outsideSource: IPAddress(octets: wire.outsideSource),
                        outsideDestination: IPAddress(octets: wire.outsideDestination)))
            }
            for tenant in followed {
                let present = now[tenant] ?? []
                if let before = known[tenant] {
                    for wire in present.subtracting(before) { tell("wire.plugged", wire, groups) }
                    for wire in before.subtracting(present) { tell("wire.unplugged", wire, groups) }
                }
                known[tenant] = present
            }
        }
    }

    private func tell(_ type: String, _ wire: Seen, _ groups: [TenantName: Set<Name>]) {
        // As for pairs everywhere: people who are limited to groups see those of which both ends are theirs. A set of what
        // both ends are in is not enough to say that, so only ends of the same groups are told to them.
        let common = (groups[wire.source] ?? []).intersection(groups[wire.destination] ?? [])
        hub.tell(
            .tenant(wire.source.tenant), type, groups: common,
            [
                "tenant": wire.source.tenant.text,
                "source": wire.outsideSource?.description ?? wire.source.name.text,
                "destination": wire.outsideDestination?.description ?? wire.destination.name.text,
            ])
    }
}
