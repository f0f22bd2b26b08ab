import Foundation
import KernelPath
import LeafProtocol
import NetTypes

/// What passed and what was dropped lately.
extension LeafAgent {
    /// Looks at the kernel's flows, again and again until the task is cancelled.
    func watchFlows() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: LeafLimits.seenInterval)
            noteFlows()
            seen.forget(before: now() + -LeafLimits.seenSeconds)
        }
    }

    private func noteFlows() {
        let moment = now()
        do {
            for (ends, entries) in try path.liveFlows() {
                for entry in entries where entry.idle < LeafLimits.seenInterval {
                    guard let pair = pair(of: ends, from: entry.beginner),
                        ports[pair.source] != nil || ports[pair.destination] != nil
                    else { continue }
                    seen.note(
                        SeenFlows.Key(
                            pair: pair, protocolNumber: entry.protocolNumber, number: entry.seenNumber, passed: true),
                        at: moment)
                }
            }
        } catch {
            logger.error("flows not read", metadata: ["error": "\(error)"])
        }
    }

    /// The pair whose rules the kernel knows by its ends, in the direction from one of them.
    private func pair(of ends: PairEnds, from source: IPv6Address) -> Pair? {
        if let bound = bindings[ends]?.pair { return bound.sourceEnd.address == source ? bound : bound.reversed }
        guard let low = Identity(ends.low), let high = Identity(ends.high) else { return nil }
        return source == ends.low ? Pair(source: low, destination: high) : Pair(source: high, destination: low)
    }

    /// Takes word of a flow that a rule has logged, or that a rule in dry run would have treated otherwise. The kernel
    /// bounds how many there are, and counts those that it could not tell.
    func handle(_ event: FlowEvent) {
        guard let ends = path.ends(of: event.pair),
            let pair = pair(of: ends, from: event.isFromLow ? ends.low : ends.high)
        else { return }
        let rule = numbers.rule(event.rule).map { $0.name.text } ?? ""
        let dryRun = numbers.rule(event.dryRun).map { $0.name.text } ?? ""
        let passed = event.verdict == .pass
        seen.note(
            SeenFlows.Key(
                pair: pair, protocolNumber: event.protocolNumber, number: event.ports?.destination ?? 0,
                passed: passed), at: now(), rule: rule, dryRun: dryRun)
        // Somebody asked for it by name, so it is there by default.
        logger.notice(
            "flow",
            metadata: [
                "source": "\(pair.sourceEnd)", "destination": "\(pair.destinationEnd)",
                "protocol": "\(event.protocolNumber)", "source-port": "\(event.ports?.source ?? 0)",
                "destination-port": "\(event.ports?.destination ?? 0)", "verdict": "\(event.verdict)",
                "rule": "\(rule)", "dry-run": "\(dryRun)",
            ])
    }

    /// What each rule decided on this host, by names such as `rule-packets acme/web-access`.
    func ruleCounts() -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (number, counted) in path.ruleCounters() {
            guard let rule = numbers.rule(number) else { continue }
            let name = "\(rule.tenant?.text ?? "platform")/\(rule.name)"
            let all = [
                ("packets", counted.packets), ("bytes", counted.bytes), ("drops", counted.drops),
                ("dry-runs", counted.dryRuns),
            ]
            for (what, count) in all where count > 0 { counts["rule-\(what) \(name)"] = count }
        }
        counts["flow-events-lost"] = path.lostFlowEvents
        return counts
    }

    /// The answer to a question about the flows of the last hours, in parts.
    func flowsSeen(_ query: Patchbay_Leaf_V1_FlowsQuery) -> [FromLeaf] {
        noteFlows()
        let since = Timestamp(query.since)
        var flows = seen.flows.filter { $0.value.last >= since }.map { key, seen in
            var flow = Patchbay_Leaf_V1_FlowSeen()
            flow.source = Data(key.pair.source.octets)
            flow.destination = Data(key.pair.destination.octets)
            if let outside = key.pair.outsideSource { flow.outsideSource = Data(outside.octets) }
            if let outside = key.pair.outsideDestination { flow.outsideDestination = Data(outside.octets) }
            flow.protocol = UInt32(key.protocolNumber)
            flow.number = UInt32(key.number)
            flow.passed = key.passed
            flow.last = seen.last.seconds
            flow.count = seen.count
            flow.rule = seen.rule
            flow.dryRun = seen.dryRun
            return flow
        }
        var parts: [FromLeaf] = []
        repeat {
            let part = flows.suffix(LeafLimits.wiresInReport)
            flows.removeLast(part.count)
            parts.append(
                .with {
                    $0.flows.request = query.request
                    $0.flows.flows = Array(part)
                    $0.flows.more = !flows.isEmpty
                    if flows.isEmpty { $0.flows.lost = seen.lost }
                })
        } while !flows.isEmpty
        return parts
    }
}

extension FlowEntry {
    /// The destination port as rules name it: of an ICMP question its type, with the code 0.
    fileprivate var seenNumber: UInt16 {
        guard let ports else { return 0 }
        return state == .echo ? ports.other << 8 : ports.other
    }
}
