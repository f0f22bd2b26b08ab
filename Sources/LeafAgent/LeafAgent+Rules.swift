import KernelPath
import NetTypes
import Plugging
import PolicyLanguage
import Trust

/// What the kernel is told about the flows of pairs.
extension LeafAgent {
    /// What the policy in force says of a pair; nil where an end or the policy is not known here.
    func plan(of pair: Pair) -> (plan: WirePlan, tenant: Name)? {
        guard let source = party(pair.sourceEnd), let destination = party(pair.destinationEnd),
            source.tenant == destination.tenant, let policy = policy(of: source.tenant)
        else { return nil }
        return (policy.plan(source: source.party, destination: destination.party, at: now()), source.tenant)
    }

    /// Sets the rules of a pair as the policy in force has them; wires of the pair are plugged with what is returned.
    ///
    /// - Throws: `DataPathError` where the maps are full, and ``LeafError`` where nothing is known that could be told;
    ///   what was set before is then still in force.
    func bind(_ pair: Pair) throws -> PairBinding? {
        guard let (plan, tenant) = plan(of: pair) else {
            throw LeafError("Nothing is known of \(pair) any more", remedy: "Nothing; the next packet asks again.")
        }
        return try set(plan, of: pair, tenant)
    }

    /// Tells the kernel which flows of a plugged pair pass. One store changes all of its wires in both directions;
    /// flows that pass before and after notice nothing.
    func enforce(_ plan: WirePlan, on pair: Pair, _ tenant: Name) throws {
        let ends = pair.ends
        let before = bindings[ends]?.binding
        guard plan.needsFlows else {
            // A wire without rules passes everything, so a direction that is to carry nothing goes first.
            for (way, view) in [(pair, plan), (pair.reversed, plan.reversed)] where !view.isPlugged {
                cut(way, because: .policy(rule: view.refusal.rule?.name, reason: "it carries nothing", answers: false))
            }
            // Then no wire looks at the rules any more.
            try rebind(pair, to: nil)
            try rebind(pair.reversed, to: nil)
            return try forgetRules(of: ends)
        }
        let binding = try set(plan, of: pair, tenant)
        guard binding != before else { return }
        try rebind(pair, to: binding)
        try rebind(pair.reversed, to: binding)
    }

    private func set(_ plan: WirePlan, of pair: Pair, _ tenant: Name) throws -> PairBinding? {
        let ends = pair.ends
        let rules = PairRules(plan, of: pair) { numbers.number(of: $0, tenant: tenant) }
        guard let rules else {
            if bindings[ends] != nil { try enforce(plan, on: pair, tenant) }
            return nil
        }
        let binding: PairBinding?
        do throws(DataPathError) {
            binding = try path.setRules(rules, of: ends)
        } catch {
            guard error.code == .full else { throw error }
            // Pairs that have no wire any more keep their flows for a while; now there is no room for that.
            forgetUnwired(before: now())
            binding = try path.setRules(rules, of: ends)
        }
        bindings[ends] = binding.map { BoundPair(pair: pair, binding: $0) }
        return binding
    }

    private func rebind(_ pair: Pair, to binding: PairBinding?) throws {
        if let wire = wires.sends[pair], let place = place(of: pair.sourceEnd) {
            for address in wire.addresses {
                try path.rebind(sendPort: place, destination: address, rules: binding)
            }
        }
        for label in wires.labels(of: pair) {
            guard let wire = wires.receives[label] else { continue }
            try path.rebind(
                receiveFrom: wire.protection == nil ? wire.locator : nil, label: label, rules: binding)
        }
    }

    // MARK: Pairs without wires

    /// Forgets the rules and the flows of a pair that has no wires here.
    func forgetRules(of ends: PairEnds) throws {
        guard bindings.removeValue(forKey: ends) != nil else { return }
        try path.setRules(nil, of: ends)
    }

    /// Forgets pairs whose last wire went before a moment. A wire that was idle, or whose other end moves, keeps the
    /// state of its flows until then: their packets plug it again and go on.
    func forgetUnwired(before horizon: Timestamp) {
        for (ends, bound) in bindings {
            let pair = bound.pair
            guard !wires.has(pair), !wires.has(pair.reversed) else {
                bindings[ends]?.unwiredAt = nil
                continue
            }
            let since = bound.unwiredAt ?? now()
            bindings[ends]?.unwiredAt = since
            guard since <= horizon else { continue }
            do {
                try forgetRules(of: ends)
            } catch {
                logger.error("rules not forgotten", metadata: ["pair": "\(ends)", "error": "\(error)"])
            }
        }
    }
}

/// A pair whose rules are in the kernel.
struct BoundPair {
    /// The pair, one of its two directions.
    var pair: Pair
    var binding: PairBinding
    /// When it was first seen to have no wire; nil while it has one.
    var unwiredAt: Timestamp?
}
