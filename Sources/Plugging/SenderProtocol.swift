public import NetTypes
public import Policy
public import Trust

/// What the sending leaf knows when it decides on a first packet.
public struct SenderInput: Sendable {
    /// The endpoint that sends.
    public var source: LocalEndpoint
    /// The identity that the packet is for.
    public var destination: Identity
    /// The destination's signed facts; nil when it runs nowhere.
    public var facts: EndpointFacts?
    /// Whether the directory knows the destination at all.
    public var known: Bool
    /// The tenant's policy; nil when none has reached this leaf.
    public var policy: PolicyEvaluator?
    /// The highest epoch of the destination that this leaf has seen.
    public var epochFloor: Epoch
    /// What has been revoked.
    public var revocations: Revocations
    /// The time.
    public var now: Timestamp

    /// Collects what is known.
    public init(
        source: LocalEndpoint, destination: Identity, facts: EndpointFacts?, known: Bool, policy: PolicyEvaluator?,
        epochFloor: Epoch, revocations: Revocations, now: Timestamp
    ) {
        self.source = source
        self.destination = destination
        self.facts = facts
        self.known = known
        self.policy = policy
        self.epochFloor = epochFloor
        self.revocations = revocations
        self.now = now
    }
}

/// What the sending leaf is to plug.
public struct PlugOrder: Sendable {
    /// The other end, verified.
    public var destination: VerifiedEndpoint
    /// Whether the way back stays unplugged.
    public var oneWay: Bool
    /// The policy's entry that decided.
    public var entry: PolicyEntry?
}

/// The sender's decision.
public enum SenderDecision: Sendable {
    case plug(PlugOrder)
    case unplug(UnplugReason)
}

/// The sender's half of the decision: SDN Algorithm 1 of NVI, steps 3 and 4.
///
/// Step 1, intercepting the packet, and step 2, asking the directory, are done by the caller, and so is step 5,
/// plugging. The decision is a function of its input: no I/O, no clock, no randomness.
public struct SenderProtocol: Sendable {
    private let anchor: TrustAnchor

    /// Decides by the platform's root.
    public init(anchor: TrustAnchor) { self.anchor = anchor }

    /// Decides whether the pair is to be plugged at the sender's end.
    public func decide(_ input: SenderInput) async -> SenderDecision {
        // 2) Let DB use DST to find Cert(DST), Sign(DST, Physical-DIP); […] let DB return the search result to SH.
        guard input.known else { return .unplug(.unknownDestination) }
        guard let facts = input.facts else { return .unplug(.notRunning) }

        // 3) Let SH verify the correctness of Cert(DST), Sign(DST, Physical-DIP); if the verification returns NO,
        //    SH terminates service (unplug at the sender's end).
        let destination: VerifiedEndpoint
        switch await anchor.verify(endpoint: facts, at: input.now, revocations: input.revocations) {
        case .failure(let refusal): return .unplug(UnplugReason(refusal))
        case .success(let verified): destination = verified
        }
        guard destination.identity == input.destination else { return .unplug(.otherIdentity) }
        guard destination.name.tenant == input.source.name.tenant else { return .unplug(.tenantMismatch) }
        guard destination.epoch >= input.epochFloor else { return .unplug(.olderEpoch) }

        // 4) Let SH verify the tenant's communication policy P for SRC; if P contains "SRC, DST: Unplug", then SH
        //    terminates service (unplug at the sender's end). What P does not contain is unplugged too.
        guard let policy = input.policy, policy.tenant == input.source.name.tenant else { return .unplug(.noPolicy) }
        let there = destination.subject
        let forth = policy.verdict(source: input.source.subject, destination: there)
        guard forth.isPlugged else { return .unplug(.policy(forth.entry)) }
        let back = policy.verdict(source: there, destination: input.source.subject)

        // 5) (P contains "SRC, DST: Plug") Let SH plug the unicast cable for SRC.
        return .plug(PlugOrder(destination: destination, oneWay: !back.isPlugged, entry: forth.entry))
    }
}

extension VerifiedEndpoint {
    /// The endpoint as policies see it: its certified name and groups.
    var subject: Subject { Subject(name: name.name, groups: groups) }
}

extension UnplugReason {
    /// The reason to unplug that a refused verification is.
    public init(_ refusal: TrustRefusal) {
        if case .tenantMismatch = refusal {
            self = .tenantMismatch
        } else {
            self = .refused(refusal)
        }
    }
}
