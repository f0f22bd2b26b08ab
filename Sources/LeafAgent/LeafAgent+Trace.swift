import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import PolicyLanguage
import Trust

/// A packet that is sent for a person, and what each step says to it.
///
/// The packet has a mark that no other has, and the kernels of both hosts tell what they do with it; the leaf of the
/// destination has been asked to follow it before it is sent.
extension LeafAgent {
    /// Sends a packet from an endpoint here as if the endpoint had, up to the network, and tells the steps.
    func trace(_ pair: Pair, _ query: Patchbay_Leaf_V1_PairQuery) async -> [Patchbay_Leaf_V1_TraceStep] {
        var steps = TraceWords()
        // 1. The port.
        guard let port = ports[pair.source] else {
            steps.note("port", "the source has no port on this host", false)
            return steps.all
        }
        guard port.facts != nil else {
            steps.note("port", "the port is closed until the source is certified and published", false)
            return steps.all
        }
        steps.note("port", "open, device \(port.index)", true)

        // 2. The directory, certificates and records; 3. the policy.
        if ports[pair.destination] == nil, known[pair.destination]?.facts == nil {
            if case .refused(let reason) = await look(
                up: pair.destination.octets, for: pair.source, vnet: port.endpoint.vnet)
            {
                steps.note("directory", "\(reason)", false)
                return steps.all
            }
        }
        switch await decide(pair) {
        case .unplug(let reason):
            let isPolicy = if case .policy = reason { true } else { false }
            if isPolicy {
                steps.note("directory", "the destination is known, and its certificate and record hold", true)
            }
            steps.note(isPolicy ? "policy" : "trust", "\(reason)", false)
            return steps.all
        case .plug(let order):
            let end = order.destination
            steps.note("directory", "the destination runs at \(end.locator), epoch \(end.epoch)", true)
        }
        let outcome = plan(of: pair)?.plan.forward
            .decision(of: Transport(protocolNumber: query.protocol, number: query.number)).outcome
        steps.note("policy", outcome.map { "\($0)" } ?? "not known any more", outcome?.isPlugged ?? false)

        // 4. The wire. If other flows of the pair have one, a forbidden packet goes there too, and the kernel's rules
        // have to stop it: it is they that are asked here.
        if wires.sends[pair] == nil, outcome?.isPlugged == true, case .unplugged(let reason) = await plug(pair) {
            steps.note("wire", "\(reason)", false)
            return steps.all
        }
        guard let wire = wires.sends[pair] else {
            if outcome?.isPlugged == true { steps.note("wire", "it was unplugged meanwhile", false) }
            return steps.all
        }
        steps.note("wire", Self.words(wire), true)

        // 5. The kernel's program, which decides about this very packet.
        guard let packet = tracePacket(pair, query) else {
            steps.note("kernel", "no packet of such a kind can be sent", false)
            return steps.all
        }
        guard let followed = try? path.follow(packet.frame, for: LeafLimits.traceTime) else {
            steps.note("kernel", Self.tooMany, false)
            return steps.all
        }
        defer { path.unfollow(followed) }
        let passes = path.admits(packet.frame, from: port.index)
        for step in path.steps(of: followed) { steps.note(step, of: numbers) }
        guard passes else {
            if steps.all.last?.passed == true { steps.note("kernel", "not passed; no reason was told", false) }
            return steps.all
        }

        // 6. The network.
        send([packet.frame], over: wire)
        if case .local = wire.target {
            steps.note("delivered", "to the destination's port, on this host", true)
        } else {
            steps.note("sent", Self.words(wire), true)
        }
        return steps.all
    }

    /// Follows a packet that another leaf is going to send, from the first question about its mark on; the steps that
    /// this host's kernel has told.
    func follow(_ pair: Pair, _ query: Patchbay_Leaf_V1_PairQuery) -> [Patchbay_Leaf_V1_TraceStep] {
        var steps = TraceWords()
        if query.end {
            if let followed = traces.removeValue(forKey: query.mark) { path.unfollow(followed) }
            return []
        }
        if let followed = traces[query.mark] {
            for step in path.steps(of: followed) { steps.note(step, of: numbers) }
            return steps.all
        }
        guard let packet = tracePacket(pair, query),
            let followed = try? path.follow(packet.frame, for: LeafLimits.traceTime)
        else {
            steps.note("leaf", Self.tooMany, false)
            return steps.all
        }
        traces[query.mark] = followed
        Task {
            try? await Task.sleep(for: LeafLimits.traceTime)
            path.unfollow(followed)
            traces[query.mark] = nil
        }
        return []
    }

    /// The packet of a mark: both leaves make the same.
    private func tracePacket(_ pair: Pair, _ query: Patchbay_Leaf_V1_PairQuery) -> TracePacket? {
        guard let number = UInt16(exactly: query.number), let protocolNumber = UInt8(exactly: query.protocol),
            let port = ports[pair.source] ?? ports[pair.destination]
        else { return nil }
        // A leaf that does not know the other end yet follows the packet from any.
        let unknown = IPv4Address(0)
        let addresses = [pair.source, pair.destination].map {
            privateAddress(of: $0, in: port.endpoint.vnet) ?? unknown
        }
        if pair.isOutside {
            // Of the family of the address outside.
            let isIPv6 = (pair.outsideSource ?? pair.outsideDestination)?.mapped.mappedIPv4 == nil
            func address(_ end: End, _ ipv4: IPv4Address) -> IPAddress {
                end.outside ?? (isIPv6 ? .v6(end.identity.address) : .v4(ipv4))
            }
            return TracePacket(
                from: address(pair.sourceEnd, addresses[0]), to: address(pair.destinationEnd, addresses[1]),
                macs: (MACAddress(of: pair.source), MACAddress(of: pair.destination)),
                protocolNumber: IPProtocol(rawValue: protocolNumber), number: number,
                sourcePort: 49_152 + UInt16(query.mark & 0x3fff), mark: query.mark)
        }
        guard ports[pair.source] == nil || !addresses.contains(unknown) || protocolNumber != IPProtocol.icmpv4.rawValue
        else { return nil }
        // From the ports that systems give to who begins a flow (RFC 6335, section 6).
        return TracePacket(
            from: pair.source, to: pair.destination, addresses: (addresses[0], addresses[1]),
            protocolNumber: IPProtocol(rawValue: protocolNumber), number: number,
            sourcePort: 49_152 + UInt16(query.mark & 0x3fff), mark: query.mark)
    }

    private static let tooMany = "as many packets are followed on this host as can be; try again in some seconds"

    private static func words(_ wire: SendingEnd) -> String {
        switch wire.target {
        case .local: "inside this host"
        case .remote(let locator, let label): "VXLAN to \(locator), label \(label.value)"
        case .protected(let locator, _):
            "ESP (\((wire.protection?.security ?? .none).rawValue)) to \(locator), SPI \(wire.protection?.spiBase ?? 0)"
        }
    }
}

/// The steps of a packet in words.
private struct TraceWords {
    private(set) var all: [Patchbay_Leaf_V1_TraceStep] = []

    mutating func note(_ step: String, _ finding: String, _ passed: Bool) {
        all.append(
            .with {
                $0.step = step
                $0.finding = finding
                $0.passed = passed
            })
    }

    /// What a program of the kernel did.
    mutating func note(_ step: KernelPath.TraceStep, of numbers: RuleNumbers) {
        let (name, place) = Self.place(step.place)
        guard let decision = step.decision else {
            return outcome(step, name, place)
        }
        note(name, place, true)
        let rule = Self.rule(decision.rule, numbers)
        let tried = decision.dryRun == 0 ? "" : ", in dry run \(Self.rule(decision.dryRun, numbers)) would do otherwise"
        if case .dropped(let reason) = step.outcome {
            // What the rules pass can be dropped for another reason behind them.
            let finding =
                decision.passes ? "passed by \(rule), then dropped: \(reason)" : "dropped by \(rule): \(reason)"
            note("rules", finding + tried, false)
        } else {
            note("rules", "passed by \(rule)\(tried)", true)
            if case .shaped = step.outcome {
                note("limit", "it has a rate; such packets wait in a queue, this one goes first", true)
            }
            if name == "received" { note("delivered", "to the destination's port", true) }
        }
    }

    private mutating func outcome(_ step: KernelPath.TraceStep, _ name: String, _ place: String) {
        switch step.outcome {
        case .dropped(let reason): note(name, "\(place), and dropped: \(reason)", false)
        case .handedOn: note(name, "\(place), and given to the host's VXLAN device", true)
        case .passed, .shaped:
            note(name, place, true)
            if name == "received" { note("delivered", "to the destination's port", true) }
        }
    }

    private static func place(_ place: KernelPath.TraceStep.Place) -> (String, String) {
        switch place {
        case .port: ("kernel", "seen by the program of the port")
        case .shaper: ("kernel", "came out of the queue of its limit")
        case .underlay: ("received", "in a VXLAN datagram")
        case .vxlanDevice: ("received", "from the host's VXLAN device")
        case .engine: ("received", "from the ESP engine, which has authenticated it")
        }
    }

    private static func rule(_ number: UInt32, _ numbers: RuleNumbers) -> String {
        guard number != 0 else { return "no rule of its own" }
        guard let rule = numbers.rule(number) else { return "a rule that is gone" }
        return rule.tenant.map { "rule '\(rule.name)' of \($0)" } ?? "guardrail '\(rule.name)'"
    }
}
