public import NetTypes

/// What changes for pairs of endpoints when one document takes the place of another.
///
/// Endpoints that stand on the same sides of the rules, before and after, and have the same level fare the same, and
/// are compared once. Only classes that a changed rule or a changed group speaks of are compared.
public struct PolicyDiff: Sendable {
    /// What changes between two sets of parties, for flows from the one to the other.
    public struct Change: Hashable, Sendable, CustomStringConvertible {
        /// One set of ports and what happens to it.
        public struct Ports: Hashable, Sendable {
            /// The ports in words, such as `tcp/5432`, `everything`, `everything but tcp`.
            public let ports: String
            /// What happened to flows to them.
            public let before: Outcome
            /// What happens to them now.
            public let after: Outcome
        }

        /// Who sends: every one of these.
        public let sources: [Party]
        /// Who receives: every one of these, other than the sender.
        public let destinations: [Party]
        /// What changes.
        public let ports: [Ports]

        public var description: String {
            let ends = [sources, destinations].map { parties in
                parties.prefix(3).map(\.description).joined(separator: ", ")
                    + (parties.count > 3 ? " and \(parties.count - 3) more" : "")
            }
            let words = ports.map { "\($0.ports): \($0.before.effect) → \($0.after.effect)" }
            return "\(ends[0]) → \(ends[1]): \(words.joined(separator: "; "))"
        }
    }

    /// The changes, in the order of the parties as they were given.
    public let changes: [Change]
    /// How many pairs of classes were compared.
    public let comparedPairs: Int
    /// Whether everything was compared; else ``PolicyLimits/diffPairs`` ended the search, and there may be more changes.
    public let isComplete: Bool

    /// Compares two documents, under the same guardrails, over some endpoints; of the outside networks the first
    /// address of each prefix stands for all.
    ///
    /// - Throws: Nothing. A document that is not there yet is an empty one.
    public init(
        from old: Document, to new: Document, guardrails: Document? = nil, endpoints: [Party], at moment: Timestamp,
        zones: some TimeZones = FixedTimeZones()
    ) {
        let before = CompiledPolicy(old, guardrails: guardrails)
        let after = CompiledPolicy(new, guardrails: guardrails)
        var parties = endpoints
        var addresses = Set<IPAddress>()
        for network in old.networks + new.networks {
            let firsts = network.ipv4.map { IPAddress.v4($0.address) } + network.ipv6.map { IPAddress.v6($0.address) }
            for address in firsts where addresses.insert(address).inserted { parties.append(.outside(address)) }
        }
        let classes = DiffClasses(parties, before, after)
        var finder = DiffPairs(classes, before, after)
        finder.run(old, new)
        var changes: [Change] = []
        let named = classes.all.map { $0.members.map { parties[$0] } }
        for pair in finder.pairs.sorted() {
            let (a, b) = (classes.all[pair.first], classes.all[pair.second])
            if pair.first == pair.second, a.members.count < 2 { continue }
            if case .outside = parties[a.members[0]].kind, case .outside = parties[b.members[0]].kind { continue }
            let was = before.compile(a.before, b.before, at: moment, zones: zones)
            let now = after.compile(a.after, b.after, at: moment, zones: zones)
            let directions =
                pair.first == pair.second
                ? [(pair.first, pair.second, was.forward, now.forward)]
                : [
                    (pair.first, pair.second, was.forward, now.forward),
                    (pair.second, pair.first, was.backward, now.backward),
                ]
            for (source, destination, was, now) in directions {
                let ports = PortEffects.changes(from: was, to: now).map { change in
                    Change.Ports(ports: change.ports, before: change.1, after: change.2)
                }
                guard !ports.isEmpty else { continue }
                changes.append(
                    Change(
                        sources: named[source], destinations: named[destination], ports: ports))
            }
        }
        self.changes = changes
        comparedPairs = finder.pairs.count
        isComplete = finder.isComplete
    }
}

/// Parties that no rule of either document tells apart.
struct DiffClasses {
    struct Class {
        let before: Membership
        let after: Membership
        var members: [Int]
    }

    private struct Key: Hashable {
        let before: Membership
        let after: Membership
    }

    private(set) var all: [Class] = []

    init(_ parties: [Party], _ before: CompiledPolicy, _ after: CompiledPolicy) {
        var indexes: [Key: Int] = [:]
        for (index, party) in parties.enumerated() {
            let key = Key(before: before.membership(of: party), after: after.membership(of: party))
            if let found = indexes[key] {
                all[found].members.append(index)
            } else {
                indexes[key] = all.count
                all.append(Class(before: key.before, after: key.after, members: [index]))
            }
        }
    }
}

/// Two classes, the one that comes first first.
struct ClassPair: Hashable, Comparable {
    let first: Int
    let second: Int

    init(_ a: Int, _ b: Int) {
        first = min(a, b)
        second = max(a, b)
    }

    static func < (a: Self, b: Self) -> Bool { (a.first, a.second) < (b.first, b.second) }
}

/// Finds the pairs of classes for which something may change: those that a rule speaks of which is new, gone, changed or
/// in another place among the others, and those with a party that has come into a group or left one.
struct DiffPairs {
    private let classes: DiffClasses
    private let before: CompiledPolicy
    private let after: CompiledPolicy
    private(set) var pairs = Set<ClassPair>()
    private(set) var isComplete = true

    init(_ classes: DiffClasses, _ before: CompiledPolicy, _ after: CompiledPolicy) {
        self.classes = classes
        self.before = before
        self.after = after
    }

    mutating func run(_ old: Document, _ new: Document) {
        let (gone, come) = Self.changed(old, before, new, after)
        speak(gone, old, before, classes.all.map(\.before))
        speak(come, new, after, classes.all.map(\.after))
        for index in regrouped() {
            for other in classes.all.indices {
                guard insert(ClassPair(index, other)) else { return }
            }
        }
    }

    private mutating func insert(_ pair: ClassPair) -> Bool {
        guard pairs.count < PolicyLimits.diffPairs || pairs.contains(pair) else {
            isComplete = false
            return false
        }
        pairs.insert(pair)
        return true
    }

    /// The rules of each document that are not in the other, or stand elsewhere among those that are in both.
    private static func changed(
        _ old: Document, _ before: CompiledPolicy, _ new: Document, _ after: CompiledPolicy
    ) -> (gone: [Int], come: [Int]) {
        // Rules have names of their own, so equal ones are the same one.
        var positions: [Rule: Int] = [:]
        for (position, rule) in before.rules.enumerated() where !rule.flags.contains(.platform) {
            positions[old.rules[Int(rule.index)]] = position
        }
        var gone = Set(positions.values)
        var come: [Int] = []
        var highest = -1
        for rule in after.rules where !rule.flags.contains(.platform) {
            if let position = positions[new.rules[Int(rule.index)]], position > highest {
                highest = position
                gone.remove(position)
            } else {
                come.append(Int(rule.index))
            }
        }
        return (gone.map { Int(before.rules[$0].index) }, come)
    }

    private mutating func speak(
        _ rules: [Int], _ document: Document, _ policy: CompiledPolicy, _ memberships: [Membership]
    ) {
        guard !rules.isEmpty else { return }
        var standing: [[Int]] = Array(repeating: [], count: policy.sides.count)
        for (index, membership) in memberships.enumerated() {
            for side in membership.sides { standing[Int(side)].append(index) }
        }
        let numbers = Dictionary(policy.sides.keys.enumerated().map { ($1, $0) }) { first, _ in first }
        for index in rules.sorted() {
            let rule = document.rules[index]
            guard let from = numbers[SideKey(rule.from, inPlatform: false)],
                let to = numbers[SideKey(rule.to, inPlatform: false)]
            else { continue }
            for first in standing[from] {
                for second in standing[to] {
                    guard insert(ClassPair(first, second)) else { return }
                }
            }
        }
    }

    /// The classes whose sides differ between the documents, as far as both documents have them.
    private func regrouped() -> [Int] {
        let numbers = Dictionary(after.sides.keys.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
        let renumbered = before.sides.keys.map { numbers[$0] }
        let isCommon = Set(renumbered.compactMap { $0 })
        return classes.all.indices.filter { index in
            let was = classes.all[index].before.sides.compactMap { renumbered[Int($0)] }.sorted()
            return was != classes.all[index].after.sides.filter(isCommon.contains)
        }
    }
}
