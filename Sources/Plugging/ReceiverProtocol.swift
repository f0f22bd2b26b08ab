public import NetTypes
public import Policy
public import Trust

/// What the receiving leaf knows when another leaf asks for a wire.
public struct ReceiverInput: Sendable {
    /// The leaf that asks, as the certificate of its TLS session says.
    public var peer: LeafID
    /// The source's facts that it shows.
    public var presented: EndpointFacts
    /// The source's facts in the directory; nil when the directory has none or does not answer.
    public var directory: EndpointFacts?
    /// Whether it asks for a one-way wire.
    public var oneWay: Bool
    /// The endpoint that is to receive; nil when this leaf does not run it.
    public var destination: LocalEndpoint?
    /// The tenant's policy; nil when none has reached this leaf.
    public var policy: PolicyEvaluator?
    /// The highest epoch of the source that this leaf has seen.
    public var epochFloor: Epoch
    /// What has been revoked.
    public var revocations: Revocations
    /// The time.
    public var now: Timestamp

    /// Collects what is known.
    public init(
        peer: LeafID, presented: EndpointFacts, directory: EndpointFacts?, oneWay: Bool, destination: LocalEndpoint?,
        policy: PolicyEvaluator?, epochFloor: Epoch, revocations: Revocations, now: Timestamp
    ) {
        self.peer = peer
        self.presented = presented
        self.directory = directory
        self.oneWay = oneWay
        self.destination = destination
        self.policy = policy
        self.epochFloor = epochFloor
        self.revocations = revocations
        self.now = now
    }
}

/// What the receiving leaf is to plug.
public struct PlugAcceptance: Sendable {
    /// The other end, verified.
    public var source: VerifiedEndpoint
    /// Whether the way back stays unplugged: because the peer asked so, or because this end's policy says so.
    public var oneWay: Bool
    /// The policy's entry that decided.
    public var entry: PolicyEntry?
}

/// The receiver's decision.
public enum ReceiverDecision: Sendable {
    case plug(PlugAcceptance)
    case unplug(UnplugReason)
}

/// The receiver's half of the decision: SDN Algorithm 2 of NVI, steps 3 and 4.
///
/// It trusts the other leaf's judgement in nothing: what it is shown is verified again, and the policy is asked again.
public struct ReceiverProtocol: Sendable {
    private let anchor: TrustAnchor

    /// Decides by the platform's root.
    public init(anchor: TrustAnchor) { self.anchor = anchor }

    /// Decides whether the pair is to be plugged at the receiver's end.
    public func decide(_ input: ReceiverInput) async -> ReceiverDecision {
        // 1) Let DH intercept the network packet of destination to VM2. Here the request comes before the packet.
        guard let destination = input.destination else { return .unplug(.notRunning) }

        // 3) Let DH verify the correctness of Cert(SRC), Sign(SRC, Physical-SIP); if the verification returns NO,
        //    DH terminates service (unplug at the receiver's end).
        let source: VerifiedEndpoint
        switch await anchor.verify(endpoint: input.presented, at: input.now, revocations: input.revocations) {
        case .failure(let refusal): return .unplug(UnplugReason(refusal))
        case .success(let verified): source = verified
        }
        // A leaf speaks only for identities whose record names it.
        guard source.leaf == input.peer else { return .unplug(.anotherLeaf) }
        guard source.name.tenant == destination.name.tenant else { return .unplug(.tenantMismatch) }
        guard source.epoch >= input.epochFloor else { return .unplug(.olderEpoch) }

        // 2) Let DB find Cert(SRC), Sign(SRC, Physical-SIP) […]; let DB return the search result to DH. The newest
        //    word counts: a leaf that the endpoint has left may still hold a record that has not expired. What the
        //    directory says is verified before it is believed, so a lying one cannot unplug with it.
        if let facts = input.directory, facts != input.presented,
            case .success(let newest) = await anchor.verify(
                endpoint: facts, at: input.now, revocations: input.revocations),
            newest.identity == source.identity, newest.epoch > source.epoch
        {
            return .unplug(.olderEpoch)
        }

        // 4) Let DH verify the tenant's communication policy P; if P contains "SRC, DST: Unplug", then DH terminates
        //    service (unplug at the receiver's end). What P does not contain is unplugged too.
        guard let policy = input.policy, policy.tenant == destination.name.tenant else { return .unplug(.noPolicy) }
        let forth = policy.verdict(source: source.subject, destination: destination.subject)
        guard forth.isPlugged else { return .unplug(.policy(forth.entry)) }
        let back = policy.verdict(source: destination.subject, destination: source.subject)

        // 5) (P contains "SRC, DST: Plug") Let DH plug the unicast cable for DST. Where the two ends differ on the
        //    way back, the stricter one decides.
        return .plug(
            PlugAcceptance(source: source, oneWay: input.oneWay || !back.isPlugged, entry: forth.entry))
    }
}
