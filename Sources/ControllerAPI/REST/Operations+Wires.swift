import APITypes
import DirectoryCore
import LeafProtocol
import NetTypes
import PolicyLanguage

extension Operations {
    var wires: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/explain", id: "explain",
                summary: "Explain what holds for a pair, and what there is of it now",
                query: [
                    .init(name: "from", isRequired: true, summary: "the name of the source, or an address outside"),
                    .init(name: "to", isRequired: true, summary: "the name of the destination, or an address outside"),
                    .init(
                        name: "port", isRequired: false, summary: "one port, such as tcp/22, udp/53 or icmp/8",
                        form: .port),
                ], answer: APITypes.Explanation.self
            ) { call in
                try await explain(
                    call.name("tenant"), from: Self.flowEnd(call.query["from"], "from"),
                    to: Self.flowEnd(call.query["to"], "to"),
                    Self.transport(call.query["port"]))
            },
            Operation(
                method: .get, path: "/v1/wires", id: "listWires", summary: "List the wires that the leaves report now",
                query: [
                    .init(name: "tenant", isRequired: false, summary: "the tenant whose wires are listed", form: .name)
                ],
                answer: WireList.self
            ) { call in
                let tenant = call.query["tenant"] == nil ? call.caller.tenant : try call.queryName("tenant")
                if let tenant { _ = try await directory.tenant(tenant) }
                return try await list(tenant, limit: call.caller.limit)
            },
        ]
    }

    /// - Parameter limit: the groups to which the one who asks is limited: he sees the wires whose ends are both of them.
    private func list(_ tenant: Name?, limit: Set<Name>?) async throws -> WireList {
        let hosts = try await directory.hosts().filter(\.isEnrolled)
        var reports = await reports(of: hosts) { source, _ in tenant == nil || source?.tenant == tenant }
        if let limit, let tenant {
            var own: Set<String> = []
            for group in limit {
                let members =
                    (try? await directory.members(of: TenantName(tenant, group), page: Page(limit: 10_000))) ?? []
                own.formUnion(members.map { "\(tenant)/\($0)" })
            }
            for index in reports.indices {
                reports[index].wires.removeAll { wire in
                    !own.contains(wire.sourceBorder ?? wire.source)
                        || !own.contains(wire.destinationBorder ?? wire.destination)
                }
                // How the hosts fare as a whole is not a sub-user's affair.
                reports[index].counters = [:]
            }
        }
        return WireList(
            items: reports.flatMap(\.wires).sorted(by: Self.order),
            leaves: reports.map {
                LeafStatus(host: $0.host, connected: $0.connected, answered: $0.answered, counters: $0.counters)
            })
    }

    /// Reads the name of an endpoint, or an address outside.
    static func flowEnd(_ text: String?, _ pointer: String) throws(Problem) -> FlowEnd {
        let text = text ?? ""
        if text.contains(".") || text.contains(":") {
            return .outside(try Call.value(at: pointer) { () throws(TextError) in try IPAddress(parsing: text) })
        }
        return .endpoint(try Call.value(at: pointer) { () throws(TextError) in try Name(parsing: text) })
    }

    /// Reads one port as the language writes it.
    static func transport(_ text: String?) throws(Problem) -> Transport? {
        guard let text else { return nil }
        guard let port = try? PortMatch(parsing: text), port.first == port.last || port.portProtocol.isICMP else {
            throw .invalid(
                "'\(text.prefix(80))' is not one port", pointer: "port",
                remedy: "Give one such as tcp/22, udp/53, icmp/8 or icmp/3/4.")
        }
        return .numbered(port.portProtocol, port.first)
    }

    private func explain(
        _ tenant: Name, from: FlowEnd, to: FlowEnd, _ transport: Transport?
    ) async throws -> APITypes.Explanation {
        let found = try await directory.explain(tenant, from: from, to: to, transport)
        let (source, destination) = (found.from.endpoint, found.to.endpoint)
        var names: [Name] = []
        for host in [source.host, destination.host] where !names.contains(host) { names.append(host) }
        var hosts: [LeafHost] = []
        for name in names { hosts.append(try await directory.host(name)) }
        let reports = await pairReports(of: hosts, found, transport)
        let outcome = transport == nil ? found.forward.verdict.otherwise : found.forward.outcome
        // A suspended tenant has no wires, whatever its policy says.
        let cut = found.suspension != nil
        return APITypes.Explanation(
            verdict: cut ? .unplug : Verdict(found.forward), reverseVerdict: cut ? .unplug : Verdict(found.reverse),
            security: cut ? .none : Security(found.forward.security),
            reverseSecurity: cut ? .none : Security(found.reverse.security),
            reason: Self.reason(found), reasonCode: found.reasonCode,
            entry: found.forward.entry.map(APITypes.PolicyEntry.init), port: transport?.description,
            effect: cut ? "unplug" : outcome.effect,
            ports: !cut && transport == nil ? Self.ports(found.forward.verdict) : [],
            rule: Self.rule(found), nearest: Self.nearest(found),
            guardrails: found.why.guardrails, levels: found.why.levels,
            dryRun: found.why.verdict.dryRun?.description, revision: found.revision,
            guardrailsRevision: found.guardrailsRevision, from: Self.describe(found.from), to: Self.describe(found.to),
            leaves: reports)
    }

    /// The ports that do not fare as everything else does.
    private static func ports(_ verdict: DirectionVerdict) -> [String] {
        verdict.rules.prefix(ControllerLimits.listedChanges).map { rule in
            "\(rule.ports.map(\.description).joined(separator: ", ")): \(rule.outcome.effect)"
        }
    }

    private static func rule(_ found: FlowExplanation) -> APITypes.Explanation.Rule? {
        guard found.forward.entry == nil, let rule = found.forward.outcome.rule else { return nil }
        return Self.rule(
            rule, found, found.forward.outcome.verdict.rawValue, says: found.says.isEmpty ? nil : found.says)
    }

    /// The rules that came near, without the one that is told as the deciding one.
    private static func nearest(_ found: FlowExplanation) -> [APITypes.Explanation.Rule] {
        found.why.nearest.filter { $0.rule != found.forward.outcome.rule }.map { rule($0, found) }
    }

    private static func rule(_ miss: PolicyLanguage.Explanation.NearMiss, _ found: FlowExplanation)
        -> APITypes.Explanation.Rule
    {
        rule(miss.rule, found, miss.verdict.rawValue, lacks: miss.lacks)
    }

    private static func rule(
        _ rule: RuleReference, _ found: FlowExplanation, _ verdict: String, says: String? = nil,
        lacks: [String]? = nil
    ) -> APITypes.Explanation.Rule {
        APITypes.Explanation.Rule(
            name: rule.name.text, document: rule.isPlatform ? "platform" : "tenant", line: rule.line,
            revision: (rule.isPlatform ? found.guardrailsRevision : found.revision) ?? 0, verdict: verdict, says: says,
            lacks: lacks)
    }

    /// The policy's reason, and what else stands in the way.
    private static func reason(_ found: FlowExplanation) -> String {
        if let suspension = found.suspension {
            return
                "the tenant is suspended since \(suspension.at) (\(suspension.reason)), so all of its wires are cut; "
                + "its policy has: \(found.reason)"
        }
        return switch found.reasonCode {
        case "source-not-running": "\(found.reason), but \(found.from.endpoint.name) runs nowhere now"
        case "not-running": "\(found.reason), but \(found.to.endpoint.name) runs nowhere now"
        default: found.reason
        }
    }

    private static func describe(_ end: FlowExplanation.End) -> APITypes.Explanation.End {
        let endpoint = end.endpoint
        return APITypes.Explanation.End(
            name: end.label, border: end.outside == nil ? nil : endpoint.name.description,
            identity: endpoint.identity.description, ipv4: endpoint.ipv4.description, host: endpoint.host.text,
            epoch: endpoint.epoch,
            state: EndpointState(endpoint.state), locator: end.isLive ? end.published?.locator.description : nil,
            groups: endpoint.groups.map(\.text), labels: endpoint.labels.map(\.description), level: endpoint.level)
    }

    // MARK: What leaves report

    /// Asks the leaves of hosts for their wires, in order of host; `isWanted` gets the names of source and destination,
    /// nil where the directory no longer knows one.
    private func reports(
        of hosts: [LeafHost], isWanted: (TenantName?, TenantName?) -> Bool
    ) async -> [LeafReport] {
        let reports = await leaves.wireReports(from: hosts.map(\.id))
        var names: [Identity: TenantName] = [:]
        for identity in Set(reports.values.flatMap(\.wires).flatMap { [$0.source, $0.destination] }) {
            guard let identity = Identity(octets: identity),
                let endpoint = try? await directory.endpoint(identity)
            else { continue }
            names[identity] = endpoint.name
        }
        return hosts.sorted { $0.name < $1.name }.map { host in
            let report = reports[host.id]
            let wires = (report?.wires ?? []).compactMap { wire -> Wire? in
                guard let source = Identity(octets: wire.source),
                    let destination = Identity(octets: wire.destination),
                    isWanted(names[source], names[destination])
                else { return nil }
                return Self.wire(wire, host, (source, names[source]), (destination, names[destination]))
            }
            return LeafReport(
                host: host.name.text, connected: leaves.session(of: host.id) != nil, answered: report != nil,
                wires: wires.sorted(by: Self.order), counters: report?.counters.values ?? [:])
        }
    }

    static func wire(
        _ wire: Patchbay_Leaf_V1_WireState, _ host: LeafHost, _ source: (Identity, TenantName?),
        _ destination: (Identity, TenantName?)
    ) -> Wire? {
        let direction: Wire.Direction
        switch wire.direction {
        case .send: direction = .send
        case .receive: direction = .receive
        case .local: direction = .local
        case .unknown, .UNRECOGNIZED: return nil
        }
        let names = (
            source.1?.description ?? source.0.description, destination.1?.description ?? destination.0.description
        )
        let outside = (IPAddress(octets: wire.outsideSource), IPAddress(octets: wire.outsideDestination))
        return Wire(
            host: host.name.text, source: outside.0?.description ?? names.0,
            destination: outside.1?.description ?? names.1, sourceBorder: outside.0 == nil ? nil : names.0,
            destinationBorder: outside.1 == nil ? nil : names.1,
            sourceIdentity: source.0.description, destinationIdentity: destination.0.description,
            direction: direction, security: Self.security(wire.security), label: wire.label,
            peer: IPAddress(octets: wire.peer)?.description, packets: wire.packets, bytes: wire.bytes,
            pluggedAt: Timestamp(wire.pluggedAt).description, epoch: wire.epoch)
    }

    /// The level that a leaf reports: none where it says nothing, as leaves do that know no levels. Whatever else it may
    /// say is not passed on, since it ends on somebody's terminal.
    private static func security(_ word: String) -> String {
        guard !word.isEmpty else { return Security.none.rawValue }
        return Security(rawValue: word)?.rawValue ?? "unknown"
    }

    private static func order(_ a: Wire, _ b: Wire) -> Bool {
        (a.source, a.destination, a.host, a.direction.rawValue)
            < (b.source, b.destination, b.host, b.direction.rawValue)
    }
}
