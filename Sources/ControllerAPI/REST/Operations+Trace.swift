import APITypes
import DirectoryCore
import Foundation
import LeafProtocol
import NetTypes
import PolicyLanguage

/// What leaves say of one pair, and packets that are sent to see where they get.
extension Operations {
    var traces: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/trace", id: "trace",
                summary: "Send a packet from one endpoint to another, and tell where it gets",
                body: TracePair.self, answer: Trace.self
            ) { call in
                let tenant = try call.name("tenant")
                let pair = try call.read(TracePair.self)
                let from = try Call.value(at: "/from") { () throws(TextError) in try Name(parsing: pair.from) }
                let to = try Call.value(at: "/to") { () throws(TextError) in try Name(parsing: pair.to) }
                guard let transport = try Self.transport(pair.port) else {
                    throw Problem.invalid("The port is missing.", pointer: "/port", remedy: "Give one such as tcp/22.")
                }
                return try await trace(tenant, from: from, to: to, transport)
            }
        ]
    }

    private typealias PairReport = Patchbay_Leaf_V1_PairReport

    private static func question(
        _ pair: FlowExplanation, _ transport: Transport?, isTrace: Bool = false
    ) -> LeafSession.PairQuestion {
        var question = LeafSession.PairQuestion(
            source: pair.from.endpoint.identity, destination: pair.to.endpoint.identity,
            outsideSource: pair.from.outside, outsideDestination: pair.to.outside, protocolNumber: 0, number: 0,
            isTrace: isTrace)
        if case .numbered(let portProtocol, let number)? = transport {
            question.protocolNumber = portProtocol.rawValue
            question.number = number
        }
        return question
    }

    // MARK: Explaining

    /// Asks the leaves of hosts what they know of a pair and a flow, in order of host.
    func pairReports(
        of hosts: [LeafHost], _ pair: FlowExplanation, _ transport: Transport?
    ) async -> [LeafReport] {
        let reports = await leaves.pairReports(
            from: hosts.map(\.id), about: Self.question(pair, transport))
        return hosts.sorted { $0.name < $1.name }.map { host in
            let report = reports[host.id]
            return LeafReport(
                host: host.name.text, connected: leaves.session(of: host.id) != nil, answered: report != nil,
                wires: Self.wires(report, host, pair.from.endpoint, pair.to.endpoint), counters: [:],
                pair: report.map { Self.verdict($0, pair.from, pair.to) })
        }
    }

    private static func wires(
        _ report: Patchbay_Leaf_V1_PairReport?, _ host: LeafHost, _ source: DirectoryCore.Endpoint,
        _ destination: DirectoryCore.Endpoint
    ) -> [Wire] {
        (report?.wires ?? []).compactMap { wire in
            guard let from = Identity(octets: wire.source), let to = Identity(octets: wire.destination),
                Set([from, to]) == Set([source.identity, destination.identity])
            else { return nil }
            let names = [source.identity: source.name, destination.identity: destination.name]
            return Self.wire(wire, host, (from, names[from]), (to, names[to]))
        }
    }

    private static func verdict(
        _ report: Patchbay_Leaf_V1_PairReport, _ source: FlowExplanation.End, _ destination: FlowExplanation.End
    ) -> LeafVerdict {
        let flows = report.flows.prefix(ControllerLimits.listedFlows).map { flow in
            let isForward = Identity(octets: flow.source) == source.endpoint.identity
            return LeafVerdict.Flow(
                source: (isForward ? source : destination).label,
                destination: (isForward ? destination : source).label,
                protocol: UInt8(exactly: flow.protocol).flatMap(PortProtocol.init(rawValue:))?.description
                    ?? "\(flow.protocol)",
                sourcePort: flow.sourcePort, destinationPort: flow.destinationPort, state: printable(flow.state),
                idleMilliseconds: flow.idleMilliseconds, packets: flow.packets)
        }
        return LeafVerdict(
            verdict: report.plugged ? .plug : .unplug, effect: printable(report.effect),
            rule: report.rule.isEmpty ? nil : printable(report.rule), revision: report.revision,
            guardrailsRevision: report.guardrails, refusal: report.refusal.isEmpty ? nil : printable(report.refusal),
            detail: report.detail.isEmpty ? nil : printable(report.detail), flows: flows)
    }

    /// What a leaf says ends on somebody's terminal: no control codes, and no more than a line.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(512).map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }

    // MARK: Tracing

    private func trace(_ tenant: Name, from: Name, to: Name, _ transport: Transport) async throws -> Trace {
        let found = try await directory.explain(tenant, from: from, to: to, transport)
        let (source, destination) = (found.from.endpoint, found.to.endpoint)
        let (sending, receiving) = (try await directory.host(source.host), try await directory.host(destination.host))
        let before = await pairReport(of: receiving, Self.question(found, transport))
        let sent = await pairReport(of: sending, Self.question(found, transport, isTrace: true))
        guard let sent else {
            return Trace(
                arrived: false,
                steps: [
                    Trace.Step(
                        host: sending.name.text, step: "leaf", finding: "it does not answer the controller",
                        passed: false)
                ])
        }
        var steps = sent.steps.prefix(32).map {
            Trace.Step(
                host: sending.name.text, step: Self.printable($0.step), finding: Self.printable($0.finding),
                passed: $0.passed)
        }
        guard steps.last?.passed == true else { return Trace(arrived: false, steps: steps) }
        // The packet is under way; what the destination's leaf has counted tells whether it came.
        var arrival = Trace.Step(
            host: receiving.name.text, step: "arrival", finding: "nothing arrived within a second", passed: false)
        for _ in 0..<10 {
            let after = await pairReport(of: receiving, Self.question(found, transport))
            if let after, let finding = Self.arrival(before, after, source) {
                arrival.finding = finding
                arrival.passed = true
                break
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        steps.append(arrival)
        return Trace(arrived: arrival.passed, steps: steps)
    }

    private func pairReport(
        of host: LeafHost, _ question: LeafSession.PairQuestion
    ) async -> Patchbay_Leaf_V1_PairReport? {
        await leaves.pairReports(from: [host.id], about: question)[host.id]
    }

    /// What the counters of the receiving ends say.
    private static func arrival(
        _ before: Patchbay_Leaf_V1_PairReport?, _ after: Patchbay_Leaf_V1_PairReport, _ source: DirectoryCore.Endpoint
    ) -> String? {
        func packets(_ report: Patchbay_Leaf_V1_PairReport?) -> UInt64 {
            (report?.wires ?? []).filter { Identity(octets: $0.source) == source.identity && $0.direction != .send }
                .reduce(0) { $0 + $1.packets }
        }
        let grown = packets(after) &- packets(before)
        guard packets(after) > packets(before) else { return nil }
        return "\(grown) packet\(grown == 1 ? "" : "s") of this wire delivered to the port since it was sent"
    }
}
