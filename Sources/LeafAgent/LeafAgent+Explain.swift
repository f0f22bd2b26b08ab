import Foundation
import KernelPath
import LeafProtocol
import NetTypes
import Plugging
import PolicyLanguage

/// What this leaf knows of one pair, for people who ask why.
extension LeafAgent {
    /// The answer to a question about a pair and a flow.
    func explain(_ query: Patchbay_Leaf_V1_PairQuery) async -> FromLeaf {
        var report = Patchbay_Leaf_V1_PairReport()
        report.request = query.request
        var message = FromLeaf()
        guard let source = Identity(octets: query.source), let destination = Identity(octets: query.destination)
        else {
            message.pair = report
            return message
        }
        let pair = Pair(
            End(identity: source, outside: IPAddress(octets: query.outsideSource)),
            End(identity: destination, outside: IPAddress(octets: query.outsideDestination)))
        report.sourceHere = ports[source] != nil
        report.destinationHere = ports[destination] != nil
        if query.mark != 0, !query.trace {
            report.steps = follow(pair, query)
            message.pair = report
            return message
        }
        report.guardrails = guardrails?.revision ?? 0
        if let tenant = tenant(of: pair) { report.revision = policies[tenant]?.revision ?? 0 }
        // The source's leaf finds the other end as it would for a packet.
        if report.sourceHere, ports[destination] == nil { await learn(destination, for: source) }
        let transport = Transport(protocolNumber: query.protocol, number: query.number)
        switch await verdict(of: pair) {
        case .success(let plan):
            let decision = plan.forward.decision(of: transport)
            report.plugged = decision.outcome.isPlugged
            report.effect = decision.outcome.effect
            report.rule = decision.outcome.rule?.description ?? ""
        case .failure(let refusal):
            report.refusal = refusal.reason.code
            report.detail = "\(refusal.reason)"
        }
        if report.refusal.isEmpty, let refusal = refusals.latest[pair] {
            report.refusal = refusal.reason.code
            report.detail = "\(refusal.reason)"
        }
        let counted = countedWires()
        report.wires = states(of: pair, counted) + states(of: pair.reversed, counted)
        report.flows = flows(of: pair)
        if query.trace {
            report.steps = await trace(pair, query)
        }
        message.pair = report
        return message
    }

    private struct Refused: Error {
        let reason: UnplugReason
    }

    /// The verdict of this leaf as the end of the pair that is here.
    private func verdict(of pair: Pair) async -> Result<WirePlan, Refused> {
        if ports[pair.source] != nil {
            if case .unplug(let reason) = await decide(pair) {
                guard case .policy = reason, let plan = plan(of: pair)?.plan else {
                    return .failure(Refused(reason: reason))
                }
                return .success(plan)
            }
        }
        if let tenant = tenant(of: pair), isSuspended(tenant) { return .failure(Refused(reason: .suspended(tenant))) }
        guard let plan = plan(of: pair)?.plan else {
            return .failure(Refused(reason: .notRunning(ports[pair.source] == nil ? pair.source : pair.destination)))
        }
        return .success(plan)
    }

    private func tenant(of pair: Pair) -> Name? {
        (ports[pair.source] ?? ports[pair.destination])?.endpoint.name.tenant
    }

    /// The flows of a pair that are in the kernel's table.
    private func flows(of pair: Pair) -> [Patchbay_Leaf_V1_FlowState] {
        let entries: [FlowEntry]
        do {
            entries = try path.flows(of: pair.ends)
        } catch {
            logger.error("flows not read", metadata: ["error": "\(error)"])
            return []
        }
        return entries.suffix(LeafLimits.flowsInReport).map { entry in
            var flow = Patchbay_Leaf_V1_FlowState()
            let isForward = entry.beginner == pair.sourceEnd.address
            flow.source = Data((isForward ? pair.source : pair.destination).octets)
            flow.destination = Data((isForward ? pair.destination : pair.source).octets)
            flow.protocol = UInt32(entry.protocolNumber)
            flow.sourcePort = UInt32(entry.ports?.beginner ?? 0)
            flow.destinationPort = UInt32(entry.ports?.other ?? 0)
            flow.state = "\(entry.state)"
            flow.idleMilliseconds = UInt64(max(0, entry.idle / .milliseconds(1)))
            flow.packets = entry.packets
            return flow
        }
    }
}

extension Transport {
    /// A packet of a protocol, by IP protocol number and destination port, or ICMP type × 256 + code.
    init(protocolNumber: UInt32, number: UInt32) {
        if let known = UInt8(exactly: protocolNumber).flatMap(PortProtocol.init(rawValue:)),
            let number = UInt16(exactly: number)
        {
            self = .numbered(known, number)
        } else {
            self = .other(UInt8(truncatingIfNeeded: protocolNumber))
        }
    }
}
