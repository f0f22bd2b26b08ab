import KernelPath
import LeafProtocol
import NetTypes
import PacketFormats
import Plugging
import PolicyLanguage
import Trust

/// A packet that is sent for a person, and what each step says to it.
extension LeafAgent {
    /// Sends a packet from an endpoint here as if the endpoint had, up to the network, and tells the steps.
    func trace(_ pair: Pair, protocolNumber: UInt32, number: UInt32) async -> [Patchbay_Leaf_V1_TraceStep] {
        var steps: [Patchbay_Leaf_V1_TraceStep] = []
        func note(_ step: String, _ finding: String, _ passed: Bool) {
            steps.append(
                .with {
                    $0.step = step
                    $0.finding = finding
                    $0.passed = passed
                })
        }
        // 1. The port.
        guard let port = ports[pair.source] else {
            note("port", "the source has no port on this host", false)
            return steps
        }
        guard port.facts != nil else {
            note("port", "the port is closed until the source is certified and published", false)
            return steps
        }
        note("port", "open, device \(port.index)", true)

        // 2. The directory, certificates and records; 3. the policy.
        if ports[pair.destination] == nil, known[pair.destination]?.facts == nil {
            if case .refused(let reason) = await look(
                up: pair.destination.octets, for: pair.source, vnet: port.endpoint.vnet)
            {
                note("directory", "\(reason)", false)
                return steps
            }
        }
        let decision = await decide(pair)
        if case .unplug(let reason) = decision {
            let isPolicy = if case .policy = reason { true } else { false }
            if isPolicy { note("directory", "the destination is known, and its certificate and record hold", true) }
            note(isPolicy ? "policy" : "trust", "\(reason)", false)
            return steps
        }
        if case .plug(let order) = decision {
            note(
                "directory", "the destination runs at \(order.destination.locator), epoch \(order.destination.epoch)",
                true)
        }
        let transport = Transport(protocolNumber: protocolNumber, number: number)
        let outcome = plan(of: pair)?.plan.forward.decision(of: transport).outcome
        note("policy", outcome.map { "\($0)" } ?? "not known any more", outcome?.isPlugged ?? false)
        guard outcome?.isPlugged == true else { return steps }

        // 4. The wire.
        if wires.sends[pair] == nil, case .unplugged(let reason) = await plug(pair) {
            note("wire", "\(reason)", false)
            return steps
        }
        guard let wire = wires.sends[pair] else {
            note("wire", "it was unplugged meanwhile", false)
            return steps
        }
        note("wire", Self.words(wire), true)

        // 5. The kernel's program, which decides about this very packet, and 6. the network.
        let addresses = privateAddress(of: pair.destination, in: port.endpoint.vnet).map { (port.endpoint.ipv4, $0) }
        guard
            let packet = TracePacket(
                from: pair.source, to: pair.destination, addresses: addresses,
                protocolNumber: IPProtocol(rawValue: UInt8(truncatingIfNeeded: protocolNumber)),
                number: UInt16(truncatingIfNeeded: number), sourcePort: .random(in: 49_152...65_535))
        else {
            note("kernel", "no packet of such a kind can be sent", false)
            return steps
        }
        let before = drops(at: port.index)
        guard path.admits(packet.frame, from: port.index) else {
            let after = drops(at: port.index)
            let reason = after.first { $0.value > before[$0.key] ?? 0 }?.key
            note("kernel", "dropped at the port: \(reason.map { "\($0)" } ?? "no reason was counted")", false)
            return steps
        }
        note("kernel", "passed by the program of the port", true)
        send([packet.frame], over: wire)
        note("network", "sent", true)
        return steps
    }

    private func drops(at port: UInt32) -> [DropReason: UInt64] {
        (try? path.ports())?.first { $0.device == port }?.drops ?? [:]
    }

    private static func words(_ wire: SendingEnd) -> String {
        switch wire.target {
        case .local: "inside this host"
        case .remote(let locator, let label): "VXLAN to \(locator), label \(label.value)"
        case .protected(let locator, _):
            "ESP (\((wire.protection?.security ?? .none).rawValue)) to \(locator), SPI \(wire.protection?.spiBase ?? 0)"
        }
    }
}
