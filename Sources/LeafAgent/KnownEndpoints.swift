import NetTypes
import Trust

/// What the directory said of an endpoint that runs elsewhere.
///
/// The controller pushes every change of an endpoint that this leaf has looked up, so an entry holds until it is
/// told otherwise or the session with the controller ends.
struct KnownEndpoint: Sendable {
    var identity: Identity
    /// Its private address in a vnet that it shares with an endpoint here.
    var ipv4: [VNetID: IPv4Address]
    /// Signed facts; nil when it runs nowhere now.
    var facts: EndpointFacts?
    /// The facts once verified.
    var verified: VerifiedEndpoint?

    /// Takes other facts, but for those with a record that is older than the verified one: they came late.
    mutating func replace(with facts: EndpointFacts?) {
        guard self.facts != facts else { return }
        if let facts, let verified, let record = try? LocationRecord(parsingUnverified: facts.record),
            record.epoch < verified.epoch
        {
            return
        }
        self.facts = facts
        verified = nil
    }
}

/// The endpoints elsewhere that this leaf knows, bounded: when full, an entry that no wire needs makes room.
struct KnownEndpoints {
    private var byIdentity: [Identity: KnownEndpoint] = [:]
    private var byAddress: [Address: Identity] = [:]
    private let capacity: Int
    /// Questions to the directory that have no answer yet, with whom pushed changes were about since.
    private var questions: [UInt64: Set<Identity>] = [:]
    private var nextQuestion: UInt64 = 0

    private struct Address: Hashable {
        var vnet: VNetID
        var ipv4: IPv4Address
    }

    init(capacity: Int) { self.capacity = capacity }

    subscript(identity: Identity) -> KnownEndpoint? { byIdentity[identity] }

    /// How many there are.
    var count: Int { byIdentity.count }

    /// The identity that has a private address in a vnet.
    func identity(of ipv4: IPv4Address, in vnet: VNetID) -> Identity? { byAddress[Address(vnet: vnet, ipv4: ipv4)] }

    /// Notes an answer of the directory, with the private address in the vnet that was asked about.
    mutating func learn(_ identity: Identity, ipv4: IPv4Address?, in vnet: VNetID, facts: EndpointFacts?) {
        if byIdentity[identity] == nil, byIdentity.count >= capacity, let victim = byIdentity.keys.first {
            forget(victim)
        }
        var known = byIdentity[identity] ?? KnownEndpoint(identity: identity, ipv4: [:])
        if let ipv4 {
            if let former = known.ipv4[vnet] { byAddress[Address(vnet: vnet, ipv4: former)] = nil }
            known.ipv4[vnet] = ipv4
            byAddress[Address(vnet: vnet, ipv4: ipv4)] = identity
        }
        known.replace(with: facts)
        byIdentity[identity] = known
    }

    /// Notes changed facts of an endpoint that is known already.
    mutating func change(_ identity: Identity, facts: EndpointFacts?) {
        byIdentity[identity]?.replace(with: facts)
    }

    // Answers and pushed changes come by different ways, and one may overtake the other: what an answer says may be older
    // than a change that came while it was on its way.

    /// Begins a question to the directory.
    mutating func ask() -> UInt64 {
        nextQuestion += 1
        questions[nextQuestion] = []
        return nextQuestion
    }

    /// Ends a question; tells whom changes were pushed about meanwhile.
    mutating func answered(_ question: UInt64) -> Set<Identity> { questions.removeValue(forKey: question) ?? [] }

    /// Notes that a change was pushed, for the questions that have no answer yet.
    mutating func pushed(_ identity: Identity) {
        for question in questions.keys { questions[question]?.insert(identity) }
    }

    /// Notes that the present facts were verified.
    mutating func verified(_ endpoint: VerifiedEndpoint, facts: EndpointFacts) {
        guard byIdentity[endpoint.identity]?.facts == facts else { return }
        byIdentity[endpoint.identity]?.verified = endpoint
    }

    /// Forgets an endpoint.
    mutating func forget(_ identity: Identity) {
        guard let known = byIdentity.removeValue(forKey: identity) else { return }
        for (vnet, ipv4) in known.ipv4 { byAddress[Address(vnet: vnet, ipv4: ipv4)] = nil }
    }

    /// Forgets every endpoint but some: after a gap in the controller's pushes nothing else is certain.
    mutating func forgetAll(except kept: Set<Identity>) {
        for identity in byIdentity.keys where !kept.contains(identity) { forget(identity) }
    }

    /// The identities that are known.
    var identities: [Identity] { Array(byIdentity.keys) }
}
