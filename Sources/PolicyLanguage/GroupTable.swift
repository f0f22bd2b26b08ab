import NetTypes

/// The groups of a document, indexed by what makes somebody a member.
///
/// Every atom of a definition (a list of members, a requirement on labels) has a number. Of each group some atoms are
/// its triggers: who is in the group has one of them. An endpoint's groups are found through the atoms of its name and
/// its labels; only groups without triggers, for those with `not` and `notin` may have members of whom no atom holds,
/// are tried for every endpoint.
struct GroupTable: Sendable {
    private indirect enum Expression: Sendable {
        case atom(Int32)
        case group(Int32)
        case any([Expression])
        case all([Expression])
        case not(Expression)
    }

    /// A group with more triggers than this is tried for everybody, so that the index stays small.
    private static let maximumTriggers = 1_024

    private var expressions: [Expression] = []
    private var atomCount = 0
    private var membership: [Name: [Int32]] = [:]
    private var equality: [PolicyLabel: [Int32]] = [:]
    private var existence: [String: [Int32]] = [:]
    /// The atoms that ask for one label; needed while the table is made.
    private var exact: [PolicyLabel: Int32] = [:]
    /// Of each atom the groups of which it is a trigger.
    private var triggered: [[Int32]] = []
    /// The groups without triggers.
    private var always: [Int32] = []

    init(_ groups: [PolicyGroup]) {
        let indexes = Dictionary(groups.enumerated().map { ($1.name, Int32($0)) }) { first, _ in first }
        expressions.reserveCapacity(groups.count)
        for group in groups { expressions.append(expression(group.definition, indexes)) }
        // Of what an `all` asks for, the atom that the fewest definitions ask for is the trigger.
        var uses = Array(repeating: 0, count: atomCount)
        for expression in expressions { Self.count(expression, &uses) }
        exact = [:]
        var known: [[Int32]??] = Array(repeating: nil, count: groups.count)
        triggered = Array(repeating: [], count: atomCount)
        for index in groups.indices {
            guard let triggers = triggers(ofGroup: Int32(index), uses, &known) else {
                always.append(Int32(index))
                continue
            }
            for atom in triggers { triggered[Int(atom)].append(Int32(index)) }
        }
    }

    private mutating func atom() -> Int32 {
        atomCount += 1
        return Int32(atomCount - 1)
    }

    private mutating func expression(_ definition: GroupDefinition, _ indexes: [Name: Int32]) -> Expression {
        switch definition {
        case .members(let names):
            let atom = atom()
            for name in names { membership[name, default: []].append(atom) }
            return .atom(atom)
        case .label(.equals(let label)):
            // Groups that ask for the same label share its atom.
            if let atom = exact[label] { return .atom(atom) }
            let atom = atom()
            exact[label] = atom
            equality[label, default: []].append(atom)
            return .atom(atom)
        case .label(.isIn(let key, let values)):
            let atom = atom()
            add(atom, key, values)
            return .atom(atom)
        case .label(.isNotIn(let key, let values)):
            let atom = atom()
            add(atom, key, values)
            return .not(.atom(atom))
        case .label(.exists(let key)):
            if let atom = existence[key]?.first { return .atom(atom) }
            let atom = atom()
            existence[key] = [atom]
            return .atom(atom)
        case .group(let name): return indexes[name].map(Expression.group) ?? .any([])
        case .any(let operands): return .any(operands.map { expression($0, indexes) })
        case .all(let operands): return .all(operands.map { expression($0, indexes) })
        case .not(let operand): return .not(expression(operand, indexes))
        }
    }

    private mutating func add(_ atom: Int32, _ key: String, _ values: [String]) {
        for value in values {
            if let label = PolicyLabel(key: key, value: value) { equality[label, default: []].append(atom) }
        }
    }

    // MARK: Triggers

    private static func count(_ expression: Expression, _ uses: inout [Int]) {
        switch expression {
        case .atom(let atom): uses[Int(atom)] += 1
        case .group: break
        case .any(let operands), .all(let operands): for operand in operands { count(operand, &uses) }
        case .not(let operand): count(operand, &uses)
        }
    }

    private func triggers(ofGroup group: Int32, _ uses: [Int], _ known: inout [[Int32]??]) -> [Int32]? {
        if let found = known[Int(group)] { return found }
        let found = triggers(of: expressions[Int(group)], uses, &known)
        known[Int(group)] = .some(found)
        return found
    }

    /// The atoms of which one holds of every member; nil where there are no such.
    private func triggers(of expression: Expression, _ uses: [Int], _ known: inout [[Int32]??]) -> [Int32]? {
        switch expression {
        case .atom(let atom): return [atom]
        case .group(let group): return triggers(ofGroup: group, uses, &known)
        case .not: return nil
        case .any(let operands):
            var all = Set<Int32>()
            for operand in operands {
                guard let triggers = triggers(of: operand, uses, &known) else { return nil }
                all.formUnion(triggers)
                guard all.count <= Self.maximumTriggers else { return nil }
            }
            return all.sorted()
        case .all(let operands):
            var best: (cost: Int, triggers: [Int32])?
            for operand in operands {
                guard let triggers = triggers(of: operand, uses, &known) else { continue }
                let cost = triggers.reduce(triggers.count) { $0 + uses[Int($1)] }
                if best.map({ cost < $0.cost }) ?? true { best = (cost, triggers) }
            }
            return best?.triggers
        }
    }

    // MARK: Questions

    /// What is known about one endpoint while its groups are looked for.
    private struct Knowledge {
        /// One bit for each atom.
        var atoms: [UInt64]
        /// Of each group: 0 not known, 1 not in it, 2 in it.
        var groups: [UInt8]
        var found: [Int32] = []

        func holds(_ atom: Int32) -> Bool { atoms[Int(atom) >> 6] >> UInt64(atom & 63) & 1 == 1 }
    }

    /// The indexes of the groups that an endpoint is in, rising.
    func groups(of name: Name, labels: Set<PolicyLabel>) -> [Int32] {
        guard !expressions.isEmpty else { return [] }
        var knowledge = Knowledge(
            atoms: Array(repeating: 0, count: (atomCount + 63) / 64),
            groups: Array(repeating: 0, count: expressions.count))
        var holding: [Int32] = membership[name] ?? []
        for label in labels {
            if let atoms = equality[label] { holding.append(contentsOf: atoms) }
            if let atoms = existence[label.key] { holding.append(contentsOf: atoms) }
        }
        for atom in holding { knowledge.atoms[Int(atom) >> 6] |= 1 << UInt64(atom & 63) }
        for atom in holding { for group in triggered[Int(atom)] { ask(group, &knowledge) } }
        for group in always { ask(group, &knowledge) }
        // A group that another one names may be known without having been asked for; those have triggers of their own.
        return Set(knowledge.found).sorted()
    }

    private func ask(_ group: Int32, _ knowledge: inout Knowledge) {
        if holds(group, &knowledge) { knowledge.found.append(group) }
    }

    private func holds(_ group: Int32, _ knowledge: inout Knowledge) -> Bool {
        if knowledge.groups[Int(group)] != 0 { return knowledge.groups[Int(group)] == 2 }
        let answer = holds(expressions[Int(group)], &knowledge)
        knowledge.groups[Int(group)] = answer ? 2 : 1
        return answer
    }

    private func holds(_ expression: Expression, _ knowledge: inout Knowledge) -> Bool {
        switch expression {
        case .atom(let atom): return knowledge.holds(atom)
        case .group(let group): return holds(group, &knowledge)
        case .any(let operands):
            for operand in operands where holds(operand, &knowledge) { return true }
            return false
        case .all(let operands):
            for operand in operands where !holds(operand, &knowledge) { return false }
            return true
        case .not(let operand): return !holds(operand, &knowledge)
        }
    }
}
