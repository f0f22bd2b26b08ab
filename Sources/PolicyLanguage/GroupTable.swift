import NetTypes

/// The groups of a document, indexed by what makes somebody a member.
///
/// An endpoint's groups are found through its name and its labels; only groups that nothing in particular leads to,
/// those with `not` and `notin`, are tried for every endpoint.
struct GroupTable: Sendable {
    private indirect enum Expression: Sendable {
        case atom(Int32)
        case group(Int32)
        case any([Expression])
        case all([Expression])
        case not(Expression)
    }

    private var expressions: [Expression] = []
    private var atomCount: Int32 = 0
    private var membership: [Name: [Int32]] = [:]
    private var equality: [PolicyLabel: [Int32]] = [:]
    private var existence: [String: [Int32]] = [:]
    /// The groups in which an atom stands, those that name such groups too.
    private var affected: [[Int32]] = []
    /// The groups that may have members of which no atom holds.
    private var always: [Int32] = []

    init(_ groups: [PolicyGroup]) {
        let indexes = Dictionary(groups.enumerated().map { ($1.name, Int32($0)) }) { first, _ in first }
        var atomsOfGroups: [[Int32]] = []
        for group in groups {
            var atoms: [Int32] = []
            expressions.append(expression(group.definition, indexes, &atoms))
            atomsOfGroups.append(atoms)
        }
        // Groups come by name, so what one names may stand after it: closures by memo.
        var users: [[Int32]] = Array(repeating: [], count: groups.count)
        for (index, group) in groups.enumerated() {
            for name in Set(group.definition.references) {
                if let other = indexes[name] { users[Int(other)].append(Int32(index)) }
            }
        }
        affected = Array(repeating: [], count: Int(atomCount))
        for (index, atoms) in atomsOfGroups.enumerated() {
            let reached = Self.closure(of: Int32(index), users)
            for atom in atoms { affected[Int(atom)].append(contentsOf: reached) }
        }
        var negated = Set<Int32>()
        for (index, group) in groups.enumerated() where group.definition.isNegative {
            negated.formUnion(Self.closure(of: Int32(index), users))
        }
        always = negated.sorted()
    }

    private static func closure(of group: Int32, _ users: [[Int32]]) -> [Int32] {
        var found: Set<Int32> = [group]
        var pending = [group]
        while let next = pending.popLast() {
            for user in users[Int(next)] where found.insert(user).inserted { pending.append(user) }
        }
        return found.sorted()
    }

    private mutating func expression(
        _ definition: GroupDefinition, _ indexes: [Name: Int32], _ atoms: inout [Int32]
    ) -> Expression {
        func atom() -> Int32 {
            atoms.append(atomCount)
            atomCount += 1
            return atomCount - 1
        }
        switch definition {
        case .members(let names):
            let atom = atom()
            for name in names { membership[name, default: []].append(atom) }
            return .atom(atom)
        case .label(.equals(let label)):
            let atom = atom()
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
            let atom = atom()
            existence[key, default: []].append(atom)
            return .atom(atom)
        case .group(let name): return indexes[name].map(Expression.group) ?? .any([])
        case .any(let operands): return .any(operands.map { expression($0, indexes, &atoms) })
        case .all(let operands): return .all(operands.map { expression($0, indexes, &atoms) })
        case .not(let operand): return .not(expression(operand, indexes, &atoms))
        }
    }

    private mutating func add(_ atom: Int32, _ key: String, _ values: [String]) {
        for value in values {
            if let label = PolicyLabel(key: key, value: value) { equality[label, default: []].append(atom) }
        }
    }

    /// The indexes of the groups that an endpoint is in, rising.
    func groups(of name: Name, labels: Set<PolicyLabel>) -> [Int32] {
        var atoms: [Int32] = membership[name] ?? []
        for label in labels {
            if let found = equality[label] { atoms.append(contentsOf: found) }
            if let found = existence[label.key] { atoms.append(contentsOf: found) }
        }
        let holding = Set(atoms)
        var known: [Int32: Bool] = [:]
        var candidates = Set(always)
        for atom in holding { candidates.formUnion(affected[Int(atom)]) }
        return candidates.filter { holds($0, holding, &known) }.sorted()
    }

    private func holds(_ group: Int32, _ atoms: Set<Int32>, _ known: inout [Int32: Bool]) -> Bool {
        if let answer = known[group] { return answer }
        let answer = holds(expressions[Int(group)], atoms, &known)
        known[group] = answer
        return answer
    }

    private func holds(_ expression: Expression, _ atoms: Set<Int32>, _ known: inout [Int32: Bool]) -> Bool {
        switch expression {
        case .atom(let atom): return atoms.contains(atom)
        case .group(let group): return holds(group, atoms, &known)
        case .any(let operands):
            for operand in operands where holds(operand, atoms, &known) { return true }
            return false
        case .all(let operands):
            for operand in operands where !holds(operand, atoms, &known) { return false }
            return true
        case .not(let operand): return !holds(operand, atoms, &known)
        }
    }
}

extension GroupDefinition {
    /// Whether a negation stands in it, so that nothing need hold of its members.
    fileprivate var isNegative: Bool {
        switch self {
        case .members, .group: return false
        case .label(.isNotIn), .not: return true
        case .label: return false
        case .any(let operands), .all(let operands): return operands.contains(where: \.isNegative)
        }
    }
}
