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
                let from = try Self.flowEnd(pair.from, "/from")
                let to = try Self.flowEnd(pair.to, "/to")
                guard let transport = try Self.transport(pair.port) else {
                    throw Problem.invalid("The port is missing.", pointer: "/port", remedy: "Give one such as tcp/22.")
                }
                return try await trace(tenant, from: from, to: to, transport)
            }
        ]
    }

    private typealias PairReport = Patchbay_Leaf_V1_PairReport

    private static func question(
        _ pair: FlowExplanation, _ transport: Transport?, mark: UInt32 = 0
    ) -> LeafSession.PairQuestion {
        var question = LeafSession.PairQuestion(
            source: pair.from.endpoint.identity, destination: pair.to.endpoint.identity,
            outsideSource: pair.from.outside, outsideDestination: pair.to.outside, protocolNumber: 0, number: 0,
            mark: mark)
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

    private func trace(_ tenant: Name, from: FlowEnd, to: FlowEnd, _ transport: Transport) async throws -> Trace {
        let found = try await directory.explain(tenant, from: from, to: to, transport)
        let (source, destination) = (found.from.endpoint, found.to.endpoint)
        let (sending, receiving) = (try await directory.host(source.host), try await directory.host(destination.host))
        // No other packet has it. Of ICMP over IPv4 the lower 16 bits alone are seen, so they are not 0.
        let mark = UInt32.random(in: 1...0xffff) | UInt32.random(in: 0...0xf) << 16
        let following = Self.question(found, transport, mark: mark)
        guard receiving.id != sending.id else { return try await send(following, from: sending, to: nil) }
        // The leaf of the destination is to look out for it before it is sent.
        let looksOut = await pairReport(of: receiving, following)
        if let step = looksOut?.steps.first { return Trace(arrived: false, steps: [Self.step(step, receiving)]) }
        let trace = try await send(following, from: sending, to: receiving)
        var end = following
        end.isEnd = true
        _ = await pairReport(of: receiving, end)
        return trace
    }

    /// Has the packet sent and asks both leaves for its steps; nil: both ends are on one host.
    private func send(
        _ following: LeafSession.PairQuestion, from sending: LeafHost, to receiving: LeafHost?
    ) async throws -> Trace {
        var sent = following
        sent.isTrace = true
        let answer = await pairReport(of: sending, sent)
        guard let answer else { return Trace(arrived: false, steps: [Self.silence(of: sending)]) }
        var steps = answer.steps.prefix(32).map { Self.step($0, sending) }
        guard let receiving, steps.last?.passed == true else {
            return Trace(arrived: steps.last?.passed == true, steps: steps)
        }
        // The packet is under way; the kernel of the other host tells when it comes.
        var seen: [Trace.Step]?
        for attempt in 0..<10 {
            if attempt > 0 { try await Task.sleep(for: .milliseconds(100)) }
            if let report = await pairReport(of: receiving, following) {
                seen = report.steps.prefix(32).map { Self.step($0, receiving) }
            }
            if let last = seen?.last, !last.passed || last.step == "delivered" { break }
        }
        guard let seen else {
            return Trace(arrived: false, steps: steps + [Self.silence(of: receiving)])
        }
        steps += seen
        if seen.isEmpty {
            steps.append(
                Trace.Step(
                    host: receiving.name.text, step: "arrival",
                    finding: "sent, and did not arrive within a second: it was lost on the underlay", passed: false))
        }
        return Trace(arrived: steps.last.map { $0.passed && $0.step == "delivered" } ?? false, steps: steps)
    }

    private static func step(_ step: Patchbay_Leaf_V1_TraceStep, _ host: LeafHost) -> Trace.Step {
        Trace.Step(
            host: host.name.text, step: printable(step.step), finding: printable(step.finding), passed: step.passed)
    }

    private static func silence(of host: LeafHost) -> Trace.Step {
        Trace.Step(host: host.name.text, step: "leaf", finding: "it does not answer the controller", passed: false)
    }

    private func pairReport(
        of host: LeafHost, _ question: LeafSession.PairQuestion
    ) async -> Patchbay_Leaf_V1_PairReport? {
        await leaves.pairReports(from: [host.id], about: question)[host.id]
    }
}
