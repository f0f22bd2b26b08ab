public import NetTypes
public import PolicyLanguage
public import Trust

/// What the sender's protocol decides from.
public struct SenderInput: Sendable {
    /// SRC: the endpoint on this leaf that sent the packet.
    public var source: LocalEndpoint
    /// The address outside that sent it, where the source is the border that speaks for it.
    public var sourceOutside: IPAddress?
    /// DST: whom the packet is for; for an address outside the border that speaks for it.
    public var destination: Identity
    /// That address.
    public var destinationOutside: IPAddress?
    /// Whether the directory knows the destination in the source's vnet.
    public var known: Bool
    /// Cert(DST) and Sign(DST, Physical-DIP), as the directory gave them; nil where DST runs nowhere.
    public var facts: EndpointFacts?
    /// P: the policy of the source's tenant, whose signature was verified; nil where this leaf has none.
    public var policy: PolicyInForce?
    /// The highest epoch of DST that this leaf has ever verified; 0 for none.
    public var epochFloor: Epoch
    /// What has been revoked.
    public var revocations: Revocations
    /// The present moment.
    public var now: Timestamp

    /// Puts them together.
    public init(
        source: LocalEndpoint, sourceOutside: IPAddress? = nil, destination: Identity,
        destinationOutside: IPAddress? = nil, known: Bool = true, facts: EndpointFacts?,
        policy: PolicyInForce?, epochFloor: Epoch = 0, revocations: Revocations = .none, now: Timestamp
    ) {
        self.source = source
        self.sourceOutside = sourceOutside
        self.destination = destination
        self.destinationOutside = destinationOutside
        self.known = known
        self.facts = facts
        self.policy = policy
        self.epochFloor = epochFloor
        self.revocations = revocations
        self.now = now
    }
}

/// What is to be plugged at the sender's end.
public struct PlugOrder: Hashable, Sendable {
    /// The verified destination; its leaf is the one to ask.
    public let destination: VerifiedEndpoint
    /// Whether the way back must exist at neither end.
    public let oneWay: Bool
    /// Which flows pass.
    public let plan: WirePlan
    /// How the directions are protected.
    public let security: PairSecurity
}

/// The verdict at the sender's end.
public enum SenderDecision: Hashable, Sendable {
    /// Ask the destination's leaf, then plug.
    case plug(PlugOrder)
    /// Drop the packet.
    case unplug(UnplugReason)
}

/// NVI's SDN Algorithm 1 (Sender's Protocol): Cloud Tenant's Network and Firewall Definition.
///
/// > INPUT: Let VM1 of ipv6-address=SRC on hypervisor SH be a communication source to establish a communication session
/// > with VM2 of ipv6-address=DST on hypervisor DH; Let DB contain a tenant's firewall policy P;
/// > OUTPUT: VM1 is inside/outside the tenant's firewall according to the policy P;
///
/// It does no I/O and reads no clock: the leaf, SH, brings what the directory, DB, said, and does what is decided.
public struct SenderProtocol: Sendable {
    private let anchor: TrustAnchor

    /// Decides by the certificates of one platform.
    public init(anchor: TrustAnchor) { self.anchor = anchor }

    /// Decides whether the pair's wire is plugged at the sender's end.
    public func decide(_ input: SenderInput) async -> SenderDecision {
        // 1) Let SH intercept a network packet of source from VM1; let SH use the destination ip address DST in the
        //    packet to search in DB for the mapping physical address of the destination;
        let source = input.source
        guard input.destination != source.identity else { return .unplug(.sameEndpoint(source.identity)) }
        if input.revocations.identities.contains(source.identity) {
            return .unplug(.untrusted(.revoked(.certificate, by: .identity)))
        }
        guard input.sourceOutside == nil || input.destinationOutside == nil else { return .unplug(.outsideBoth) }
        if let outside = input.sourceOutside, !source.speaks(for: outside) {
            return .unplug(.notBehind(outside, border: source.identity))
        }

        // 2) Let DB use DST to find Cert(DST), Sign(DST, Physical-DIP); let DB also use SRC to find and the tenant's
        //    communication policy for SRC; let DB return the search result to SH;
        guard input.known else { return .unplug(.unknownDestination) }
        guard let facts = input.facts else { return .unplug(.notRunning(input.destination)) }

        // 3) Let SH verify the correctness of Cert(DST), Sign(DST, Physical-DIP); if the verification returns NO, SH
        //    terminates service (unplug at the sender's end);
        let destination: VerifiedEndpoint
        switch await anchor.verify(endpoint: facts, at: input.now, revocations: input.revocations) {
        case .success(let endpoint): destination = endpoint
        case .failure(let refusal): return .unplug(.untrusted(refusal))
        }
        guard destination.identity == input.destination else {
            return .unplug(.anotherIdentity(expected: input.destination, found: destination.identity))
        }
        guard destination.name.tenant == source.name.tenant else {
            return .unplug(.tenantMismatch(source: source.name.tenant, destination: destination.name.tenant))
        }
        guard destination.epoch >= input.epochFloor else {
            return .unplug(.olderEpoch(destination.epoch, known: input.epochFloor))
        }
        if let outside = input.destinationOutside, !destination.speaks(for: outside) {
            return .unplug(.notBehind(outside, border: destination.identity))
        }

        // 4) (The signature verification in Step 3 returned YES) Let SH verify the tenant's communication policy P for
        //    SRC; if P contains "SRC, DST: Unplug", then SH terminates service (unplug at the sender's end);
        let policy: AgreedPolicy
        switch AgreedPolicy.decide(
            input.policy, tenant: source.name.tenant, source: source.party(as: input.sourceOutside),
            destination: destination.party(as: input.destinationOutside), at: input.now)
        {
        case .success(let agreed): policy = agreed
        case .failure(let reason): return .unplug(reason.reason)
        }

        // 5) (P contains "SRC, DST: Plug") Let SH plug the unicast cable for SRC;
        //    The leaf does, once DH has answered and `confirm` has found it to be the leaf of the record.
        // 6) (The cryptographic description in the following steps are optional for providing cryptographic protection
        //    on the network traffic) Let SH initiate a cryptographic protocol (e.g., IPsec) with DH to provide a
        //    cryptographic protection on application layer data in the network packet;
        //    ESP, at the level of the policy's verdict; labels and keys are exchanged inside mutual TLS.
        return .plug(
            PlugOrder(destination: destination, oneWay: policy.oneWay, plan: policy.plan, security: policy.security))
    }

    /// Checks that the leaf that answered a plug request is the one that the destination's record names.
    ///
    /// - Parameter peer: The leaf at the other end of the TLS session, from its certificate.
    public func confirm(_ order: PlugOrder, peer: LeafID) -> SenderDecision {
        guard order.destination.leaf == peer else {
            return .unplug(.anotherLeaf(record: order.destination.leaf, session: peer))
        }
        return .plug(order)
    }
}

extension VerifiedEndpoint {
    /// The endpoint as a policy sees it.
    public var party: Party { .certified(name.name, groups: groups, labels: labels, level: level) }
}
