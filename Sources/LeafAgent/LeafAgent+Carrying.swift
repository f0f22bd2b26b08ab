import KernelPath
import LeafProtocol
import NetTypes

/// Flows that go on while one of their ends comes to another host.
///
/// The new leaf has not seen them begin, and an answer alone opens nothing. An end that only receives says nothing by
/// itself, so without help its transfer would stand still. The leaf of the end that stayed tells what it has seen.
extension LeafAgent {
    /// The flows of a pair, for the other leaf.
    func claims(of pair: Pair) -> [Patchbay_Leaf_V1_FlowClaim] {
        let ends = pair.ends
        guard bindings[ends] != nil, let entries = try? path.flows(of: ends) else { return [] }
        return entries.compactMap { CarriedFlow($0) }.suffix(LeafLimits.flowsInReport).map { flow in
            .with {
                $0.bySource = flow.beginner == pair.sourceEnd.address
                $0.ipv6 = flow.isIPv6
                $0.protocol = UInt32(flow.protocolNumber)
                $0.port = UInt32(flow.port)
                $0.otherPort = UInt32(flow.otherPort)
            }
        }
    }

    /// Takes what another leaf says of the flows of a pair that it has an end of.
    ///
    /// Of flows that its own end began it may say anything: it could as well send a packet of them. Of those that the end
    /// here began it is believed for the moment only in which that end has come to this host; what it gains by a lie is
    /// to send, from a port to which the rules let our end speak.
    ///
    /// - Parameter source: the source of the plug request in which it stands.
    func take(_ claims: [Patchbay_Leaf_V1_FlowClaim], of pair: Pair, here: End) {
        let ends = pair.ends
        guard !claims.isEmpty, bindings[ends] != nil, let port = ports[here.identity] else { return }
        let isNew = now() - port.openedAt <= LeafLimits.arrivalSeconds
        let flows = claims.prefix(LeafLimits.flowsInReport).compactMap { claim -> CarriedFlow? in
            let beginner = (claim.bySource ? pair.sourceEnd : pair.destinationEnd).address
            guard isNew || beginner != here.address, let number = UInt8(exactly: claim.protocol),
                let own = UInt16(exactly: claim.port), let other = UInt16(exactly: claim.otherPort)
            else { return nil }
            return CarriedFlow(
                beginner: beginner, isIPv6: claim.ipv6, protocolNumber: number, port: own, otherPort: other)
        }
        do {
            try path.note(flows, of: ends)
        } catch {
            logger.warning("flows not carried over", metadata: ["pair": "\(pair)", "error": "\(error)"])
        }
    }
}
