import APITypes
import DirectoryCore
import LeafProtocol
import NetTypes
import PolicyLanguage

/// What the flows that leaves have seen lately say about a change.
extension Operations {
    /// Adds the flows of the last hours that a document would treat otherwise.
    func addFlows(
        to changes: inout PolicyChanges, by document: [UInt8], of tenant: Name, hours: UInt64
    ) async throws {
        let hosts = try await directory.hosts().filter(\.isEnrolled)
        let since = settings.now() + -Int64(hours) * 3_600
        let reports = await leaves.flowsSeen(by: hosts.map(\.id), since: since)
        // Both leaves of a pair have seen a flow; the later word counts.
        var seen: [SeenFlow: (last: Timestamp, passed: Bool)] = [:]
        for flow in reports.values.flatMap(\.flows) {
            guard let source = Identity(octets: flow.source), let destination = Identity(octets: flow.destination)
            else { continue }
            let known = UInt8(exactly: flow.protocol).flatMap(PortProtocol.init(rawValue:))
            let transport = known.map { Transport.numbered($0, UInt16(truncatingIfNeeded: flow.number)) }
            var key = SeenFlow(source: source, destination: destination, transport: transport ?? .other(0))
            key.outsideSource = IPAddress(octets: flow.outsideSource)
            key.outsideDestination = IPAddress(octets: flow.outsideDestination)
            let last = Timestamp(flow.last)
            if seen[key].map({ $0.last < last }) ?? true { seen[key] = (last, flow.passed) }
        }
        let changed = try await directory.changedFlows(of: Array(seen.keys), by: document, of: tenant)
        changes.flows =
            changed.compactMap { change in
                seen[change.flow].map { word in
                    PolicyChanges.SeenFlow(
                        source: change.source, destination: change.destination,
                        port: change.flow.transport == .other(0) ? nil : "\(change.flow.transport)",
                        passed: word.passed, lastSeen: word.last.description, before: change.before.effect,
                        after: change.after.effect)
                }
            }
            .sorted { ($0.source, $0.destination, $0.port ?? "") < ($1.source, $1.destination, $1.port ?? "") }
            .prefix(ControllerLimits.listedChanges).map { $0 }
        changes.silentHosts = hosts.filter { reports[$0.id] == nil }.map(\.name.text).sorted()
    }
}
