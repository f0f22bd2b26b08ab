import NetTypes
import Policy
import PolicyLanguage

/// What someone wants to hold for a pair.
struct Wish: Sendable {
    let from: Selector
    let to: Selector
    /// The level of FROM → TO; nil: it is to be unplugged.
    let forward: Security?
    /// The level of TO → FROM; nil: nothing is to begin there.
    let backward: Security?

    /// An entry that would unplug what is to be unplugged; its number and level say nothing.
    var barrier: PolicyEntry? {
        guard backward == nil else { return nil }
        return forward == nil
            ? PolicyEntry(id: 0, action: .unplug, from: from, to: to)
            : PolicyEntry(id: 0, action: .unplug, from: to, to: from, oneWay: true)
    }
}

/// Looks whether a policy, with its document and under the guardrails, gives what is wanted.
struct WishCheck: Sendable {
    /// The most pairs that are looked at: a person reads no more than a few notes.
    private static let pairs = 10_000
    /// The most notes.
    private static let notes = 3

    let wanted: Wish
    /// The endpoints among which the pair is, both ends included.
    let parties: [Party]
    let guardrails: SourcedDocument?
    let at: Timestamp
    let zones: @Sendable ([Document]) -> any TimeZones

    /// Where the verdict is not what is wanted, one sentence each.
    func deviations(of policy: TenantPolicy) -> [String] {
        let merged = policy.merged
        let compiled = CompiledPolicy(SourcedDocument(merged), guardrails: guardrails)
        let zones = zones([merged] + (guardrails.map { [$0.document] } ?? []))
        let entries = policy.entries.entries
        let first = merged.rules.count - entries.count
        func words(_ rule: RuleReference?) -> String {
            guard let rule else { return "no rule plugs it" }
            guard !rule.isPlatform, rule.index >= first, rule.index - first < entries.count else {
                return "\(rule) decides before it"
            }
            return "entry \(entries[rule.index - first].id) decides before it"
        }
        func deviation(_ way: String, _ verdict: DirectionVerdict, _ level: Security?) -> String? {
            func isWanted(_ outcome: Outcome) -> Bool {
                outcome.isPlugged == (level != nil) && (level == nil || outcome.security == level)
            }
            if !isWanted(verdict.otherwise) {
                return "\(way) is '\(verdict.otherwise.effect)' all the same: \(words(verdict.otherwise.rule))."
            }
            guard let other = verdict.rules.first(where: { !isWanted($0.outcome) }) else { return nil }
            let ports = other.ports.map(\.description).joined(separator: ", ")
            return "\(way) is '\(other.outcome.effect)' for \(ports): \(words(other.outcome.rule))."
        }
        let sides = [wanted.from, wanted.to].map { members($0, merged) }
        var found: [String] = []
        var looked = 0
        for a in sides[0] {
            let source = compiled.membership(of: a)
            for b in sides[1] where b != a {
                looked += 1
                guard looked <= Self.pairs, found.count < Self.notes else { return found }
                let pair = compiled.compile(source, compiled.membership(of: b), at: at, zones: zones)
                if let note = deviation("\(a) → \(b)", pair.forward, wanted.forward) { found.append(note) }
                // With one way the answers to it are no matter, only what the other end begins.
                if let note = deviation("\(b) → \(a)", pair.backward, wanted.backward) { found.append(note) }
            }
        }
        return found
    }

    /// The parties that a selector of an entry means; a group is the document's before it is the directory's.
    private func members(_ selector: Selector, _ merged: Document) -> [Party] {
        switch selector {
        case .endpoint(let name):
            return parties.filter { if case .endpoint(name) = $0.kind { true } else { false } }
        case .group(let name):
            guard let rules = try? merged.asking(about: name) else { return [] }
            let compiled = CompiledPolicy(rules)
            let probe = Party.endpoint(name)
            return parties.filter { party in
                compiled.evaluate(Flow(from: party, to: probe, .other(0), at: at)).isPlugged
            }
        }
    }
}

extension Document {
    /// The groups of this document with one rule, which plugs the members of a group with everything.
    fileprivate func asking(about group: Name) throws -> Document {
        let known = groups.contains { $0.name == group }
        let all =
            known ? groups : groups + [PolicyGroup(name: group, .label(.equals(PolicyLabel(memberOf: group))))]
        return try Document(
            scope: scope, groups: all,
            rules: [Rule(name: group, from: .group(group), to: .everything, verdict: .plug)])
    }
}
