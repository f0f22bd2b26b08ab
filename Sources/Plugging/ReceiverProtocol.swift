public import NetTypes
public import Trust

/// What the receiver's protocol decides from.
public struct ReceiverInput: Sendable {
    /// SH: the leaf that asks, from the certificate of its TLS session and never from a message.
    public var peer: LeafID
    /// Cert(SRC) and Sign(SRC, Physical-SIP), as the asking leaf presented them.
    public var presented: EndpointFacts
    /// The address outside that sends, where the source is the border that speaks for it.
    public var sourceOutside: IPAddress?
    /// The same as the directory gave them; nil where it does not know SRC as running.
    public var directory: EndpointFacts?
    /// Whether the directory answered. Without it, records that are still valid decide alone.
    public var directoryAnswered: Bool
    /// Whether the asking leaf holds the wire to be one-way.
    public var claimedOneWay: Bool
    /// How the asking leaf means the directions to be protected.
    public var claimedSecurity: PairSecurity
    /// DST: the endpoint on this leaf that the request is about; nil where there is none.
    public var destination: LocalEndpoint?
    /// The identity that was asked for, for the reason where ``destination`` is nil.
    public var destinationIdentity: Identity
    /// The address outside that the request is about, where DST is the border that speaks for it.
    public var destinationOutside: IPAddress?
    /// P: the policy of the destination's tenant, whose signature was verified; nil where this leaf has none.
    public var policy: PolicyInForce?
    /// The highest epoch of SRC that this leaf has ever verified; 0 for none.
    public var epochFloor: Epoch
    /// What has been revoked.
    public var revocations: Revocations
    /// The present moment.
    public var now: Timestamp

    /// Puts them together.
    public init(
        peer: LeafID, presented: EndpointFacts, sourceOutside: IPAddress? = nil, directory: EndpointFacts?,
        directoryAnswered: Bool,
        claimedOneWay: Bool, claimedSecurity: PairSecurity = PairSecurity(), destination: LocalEndpoint?,
        destinationIdentity: Identity, destinationOutside: IPAddress? = nil, policy: PolicyInForce?,
        epochFloor: Epoch = 0, revocations: Revocations = .none, now: Timestamp
    ) {
        self.peer = peer
        self.presented = presented
        self.sourceOutside = sourceOutside
        self.directory = directory
        self.directoryAnswered = directoryAnswered
        self.claimedOneWay = claimedOneWay
        self.claimedSecurity = claimedSecurity
        self.destination = destination
        self.destinationIdentity = destinationIdentity
        self.destinationOutside = destinationOutside
        self.policy = policy
        self.epochFloor = epochFloor
        self.revocations = revocations
        self.now = now
    }
}

/// What is to be plugged at the receiver's end.
public struct PlugGrant: Hashable, Sendable {
    /// The verified source; packets of the wire come from its locator.
    public let source: VerifiedEndpoint
    /// Whether the way back must exist at neither end: so says the asking leaf, or this leaf's own policy.
    public let oneWay: Bool
    /// Which flows pass.
    public let plan: WirePlan
    /// How the directions are protected; the reverse is `none` where there is no way back.
    public let security: PairSecurity
}

/// The verdict at the receiver's end.
public enum ReceiverDecision: Hashable, Sendable {
    /// Give out a label and plug.
    case plug(PlugGrant)
    /// Refuse.
    case unplug(UnplugReason)
}

/// NVI's SDN Algorithm 2 (Receiver's Protocol): Cloud Tenant's Network and Firewall Definition.
///
/// > INPUT: Let VM2 of ipv6-address=DST on hypervisor DH be a communication destination to respond to a communication
/// > session initiated by VM1 of ipv6-address=SRC on hypervisor SH; Let DB contain a tenant's firewall policy P;
/// > OUTPUT: VM2 is inside/outside the tenant's firewall according to the policy P;
///
/// It does no I/O and reads no clock: the leaf, DH, brings what was presented and what the directory, DB, said, and
/// does what is decided. Nothing that SH states about itself is believed; its TLS session says who it is.
public struct ReceiverProtocol: Sendable {
    private let anchor: TrustAnchor

    /// Decides by the certificates of one platform.
    public init(anchor: TrustAnchor) { self.anchor = anchor }

    /// Decides whether the pair's wire is plugged at the receiver's end.
    public func decide(_ input: ReceiverInput) async -> ReceiverDecision {
        // 1) Let DH intercept the network packet of destination to VM2; let DH use the source ip address SRC to search
        //    in DB for the mapping physical address of the source;
        //    The request comes before the packet, so that DH knows SRC by the facts that SH presents.
        guard let destination = input.destination, destination.identity == input.destinationIdentity else {
            return .unplug(.notHere(input.destinationIdentity))
        }
        if input.revocations.identities.contains(destination.identity) {
            return .unplug(.untrusted(.revoked(.certificate, by: .identity)))
        }
        guard input.sourceOutside == nil || input.destinationOutside == nil else { return .unplug(.outsideBoth) }
        if let outside = input.destinationOutside, !destination.speaks(for: outside) {
            return .unplug(.notBehind(outside, border: destination.identity))
        }
        let source: VerifiedEndpoint
        switch await anchor.verify(endpoint: input.presented, at: input.now, revocations: input.revocations) {
        case .success(let endpoint): source = endpoint
        case .failure(let refusal): return .unplug(.untrusted(refusal))
        }
        guard source.identity != destination.identity else { return .unplug(.sameEndpoint(source.identity)) }

        // 2) Let DB find Cert(SRC), Sign(SRC, Physical-SIP), and the tenant's communication policy; let DB return the
        //    search result to DH;
        // 3) Let DH verify the correctness of Cert(SRC), Sign(SRC, Physical-SIP); if the verification returns NO, DH
        //    terminates service (unplug at the receiver's end);
        guard source.leaf == input.peer else {
            return .unplug(.anotherLeaf(record: source.leaf, session: input.peer))
        }
        guard source.name.tenant == destination.name.tenant else {
            return .unplug(.tenantMismatch(source: source.name.tenant, destination: destination.name.tenant))
        }
        guard source.epoch >= input.epochFloor else {
            return .unplug(.olderEpoch(source.epoch, known: input.epochFloor))
        }
        if let outside = input.sourceOutside, !source.speaks(for: outside) {
            return .unplug(.notBehind(outside, border: source.identity))
        }
        if input.directoryAnswered, let refusal = await compare(source, with: input) { return .unplug(refusal) }

        // 4) (The signature verification in Step 3 returned YES) Let DH verify the tenant's communication policy P; if
        //    P contains "SRC, DST: Unplug", then DH terminates service (unplug at the receiver's end);
        let policy: AgreedPolicy
        switch AgreedPolicy.decide(
            input.policy, tenant: destination.name.tenant, source: source.party(as: input.sourceOutside),
            destination: destination.party(as: input.destinationOutside), at: input.now)
        {
        case .success(let agreed): policy = agreed
        case .failure(let reason): return .unplug(reason.reason)
        }

        // 5) (P contains "SRC, DST: Plug") Let DH plug the unicast cable for DST;
        //    Where the two leaves do not agree about the way back, it does not exist.
        // 6) (The cryptographic description in the following steps are optional for providing cryptographic protection
        //    on the network traffic) Let DH respond the cryptographic protocol (e.g., IPsec) to DH to provide a
        //    cryptographic protection on application layer data in the network packet;
        //    ESP, at the level of this leaf's own verdict. A leaf that means another level is refused: neither end
        //    ever sends or takes less than its own policy says, nor does one that says more go on in a mistake.
        let oneWay = input.claimedOneWay || policy.oneWay
        let own = PairSecurity(forward: policy.security.forward, reverse: oneWay ? .none : policy.security.reverse)
        guard input.claimedSecurity.forward == own.forward,
            oneWay || input.claimedSecurity.reverse == own.reverse
        else { return .unplug(.securityMismatch(asked: input.claimedSecurity, own: own)) }
        return .plug(PlugGrant(source: source, oneWay: oneWay, plan: policy.plan, security: own))
    }

    /// Compares the presented source with what the directory holds; gives the reason to refuse it, if there is one.
    ///
    /// The directory's facts are verified like any others. It may hold an older record than the one presented, which
    /// was renewed a moment ago, but never a newer one.
    private func compare(_ source: VerifiedEndpoint, with input: ReceiverInput) async -> UnplugReason? {
        guard let facts = input.directory else { return .unknownSource(source.identity) }
        guard facts != input.presented else { return nil }
        switch await anchor.verify(endpoint: facts, at: input.now, revocations: input.revocations) {
        case .failure(let refusal): return .untrusted(refusal)
        case .success(let found):
            guard found.identity == source.identity else {
                return .anotherIdentity(expected: source.identity, found: found.identity)
            }
            guard source.epoch >= found.epoch else { return .olderEpoch(source.epoch, known: found.epoch) }
            return nil
        }
    }
}
