import NetTypes
import PolicyLanguage

/// A set of endpoints, said by labels, names and set operations.
indirect enum Selection: Hashable, Sendable {
    /// Every endpoint.
    case all
    /// No endpoint.
    case none
    /// The endpoints whose labels are so.
    case label(LabelRequirement)
    /// The endpoints of these names, in alphabetical order.
    case members([Name])
    /// A group of the document that is made.
    case group(Name)
    /// Who is in each; at least two, made by ``SelectionAlgebra``.
    case both([Selection])
    /// Who is in one at least; at least two, made by ``SelectionAlgebra``.
    case either([Selection])
    /// Every endpoint that is not in this.
    case not(Selection)

    /// The definition of a group of these endpoints; nil is every endpoint.
    var definition: GroupDefinition? {
        switch self {
        case .all: nil
        case .none: .members([])
        case .label(let requirement): Self.definition(requirement)
        case .members(let names): .members(names)
        case .group(let name): .group(name)
        case .both(let operands): Self.nested(operands.compactMap(\.definition), GroupDefinition.all)
        case .either(let operands): Self.nested(operands.compactMap(\.definition), GroupDefinition.any)
        case .not(let operand): .not(operand.definition ?? .not(.members([])))
        }
    }

    /// As many operands as one operation may have, and more by nesting.
    private static func nested(
        _ operands: [GroupDefinition], _ operation: ([GroupDefinition]) -> GroupDefinition
    ) -> GroupDefinition {
        guard operands.count > PolicyLimits.operands else { return operation(operands) }
        let chunks = stride(from: 0, to: operands.count, by: PolicyLimits.operands).map {
            operation(Array(operands[$0..<min($0 + PolicyLimits.operands, operands.count)]))
        }
        return nested(chunks, operation)
    }

    /// A requirement; one whose text would be longer than a value may be is several.
    private static func definition(_ requirement: LabelRequirement) -> GroupDefinition {
        guard requirement.description.utf8.count > PolicyLimits.scalarBytes else { return .label(requirement) }
        func parts(_ values: [String]) -> [[String]] {
            var parts: [[String]] = [[]]
            var bytes = 0
            for value in values {
                // A key, the operator and the brackets take less than 100 bytes.
                if bytes + value.utf8.count + 2 > PolicyLimits.scalarBytes - 100 {
                    parts.append([])
                    bytes = 0
                }
                parts[parts.count - 1].append(value)
                bytes += value.utf8.count + 2
            }
            return parts
        }
        switch requirement {
        case .isIn(let key, let values):
            return .any(parts(values).map { .label(.isIn(key: key, values: $0)) })
        case .isNotIn(let key, let values):
            return .all(parts(values).map { .label(.isNotIn(key: key, values: $0)) })
        case .equals, .exists: return .label(requirement)
        }
    }
}

/// Joins selections, and sees where nobody can be in the result.
struct SelectionAlgebra: Sendable {
    /// Whether an endpoint has at most one value of each key, as pods have.
    let isSingleValued: Bool
    /// What named groups are unions of: the requirements of each operand, by one of them.
    private var unions: [Name: [Selection: [Set<Selection>]]] = [:]

    init(isSingleValued: Bool) { self.isSingleValued = isSingleValued }

    /// Makes known what a named group is, so that who is surely in it is seen to be.
    mutating func define(_ group: Selection, as definition: Selection) {
        guard case .group(let name) = group else { return }
        var union: [Selection: [Set<Selection>]] = [:]
        let operands = if case .either(let operands) = definition { operands } else { [definition] }
        for operand in operands {
            let requirements = Self.requirements(operand)
            union[requirements[0], default: []].append(Set(requirements))
        }
        unions[name] = union
    }

    /// What is asked of everybody in a selection; never empty.
    private static func requirements(_ selection: Selection) -> [Selection] {
        if case .both(let operands) = selection { operands } else { [selection] }
    }

    /// Whether who meets all requirements is surely in a named group.
    private func isInside(_ group: Name, _ requirements: Set<Selection>) -> Bool {
        guard let union = unions[group] else { return false }
        return requirements.contains { union[$0]?.contains { $0.isSubset(of: requirements) } ?? false }
    }

    /// The labels that everybody in a selection has, which tell most pairs of selections apart.
    func anchors(of selection: Selection) -> [PolicyLabel] {
        guard isSingleValued else { return [] }
        return Self.requirements(selection).compactMap { requirement in
            if case .label(.equals(let label)) = requirement { label } else { nil }
        }
    }

    /// Whether nobody has the labels of both.
    static func areDisjoint(_ a: [PolicyLabel], _ b: [PolicyLabel]) -> Bool {
        for label in a { for other in b where label.key == other.key && label.value != other.value { return true } }
        return false
    }

    func both(_ operands: [Selection]) -> Selection {
        var flat: [Selection] = []
        var seen = Set<Selection>()
        for operand in operands {
            switch operand {
            case .all: continue
            case .none: return .none
            case .both(let inner): for element in inner where seen.insert(element).inserted { flat.append(element) }
            default: if seen.insert(operand).inserted { flat.append(operand) }
            }
        }
        for case .not(let operand) in flat {
            if seen.contains(operand) { return .none }
            if case .group(let name) = operand, isInside(name, seen) { return .none }
        }
        var facts = Facts(isSingleValued: isSingleValued)
        for case .label(let requirement) in flat where !facts.add(requirement) { return .none }
        for case .not(.label(.exists(let key))) in flat where !facts.forbid(key) { return .none }
        // A key that has to have a value has to be there.
        flat.removeAll { if case .label(.exists(let key)) = $0 { facts.requiresValue(of: key) } else { false } }
        // What contradicts the requirements beside it falls out of a union.
        for (index, operand) in flat.enumerated() {
            guard case .either(let inner) = operand else { continue }
            let left = inner.filter { facts.allow($0) }
            if left.isEmpty { return .none }
            if left.count < inner.count {
                var rest = flat
                rest[index] = either(left)
                return both(rest)
            }
        }
        return flat.count > 1 ? .both(flat) : flat.first ?? .all
    }

    func either(_ operands: [Selection]) -> Selection {
        var flat: [Selection] = []
        var seen = Set<Selection>()
        for operand in operands {
            switch operand {
            case .all: return .all
            case .none: continue
            case .either(let inner): for element in inner where seen.insert(element).inserted { flat.append(element) }
            default: if seen.insert(operand).inserted { flat.append(operand) }
            }
        }
        // Who meets the requirements of another operand and some more is in the union without being named.
        let index = flat.reduce(into: [Selection: [Set<Selection>]]()) { index, operand in
            let requirements = Self.requirements(operand)
            index[requirements[0], default: []].append(Set(requirements))
        }
        flat.removeAll { operand in
            let requirements = Set(Self.requirements(operand))
            return requirements.contains { index[$0]?.contains { $0.isStrictSubset(of: requirements) } ?? false }
        }
        return flat.count > 1 ? .either(flat) : flat.first ?? .none
    }

    func not(_ operand: Selection) -> Selection {
        switch operand {
        case .all: .none
        case .none: .all
        case .not(let inner): inner
        default: .not(operand)
        }
    }

    /// What the requirements of one endpoint leave of the values of its keys.
    private struct Facts {
        let isSingleValued: Bool
        private var allowed: [String: Set<String>] = [:]
        private var forbidden: [String: Set<String>] = [:]
        private var absent = Set<String>()
        private var present = Set<String>()

        init(isSingleValued: Bool) { self.isSingleValued = isSingleValued }

        /// Takes a requirement; gives whether an endpoint can still be so.
        mutating func add(_ requirement: LabelRequirement) -> Bool {
            switch requirement {
            case .equals(let label): return require(label.key, [label.value])
            case .isIn(let key, let values): return require(key, Set(values))
            case .isNotIn(let key, let values):
                forbidden[key, default: []].formUnion(values)
                return allowed[key].map { !$0.subtracting(values).isEmpty } ?? true
            case .exists(let key):
                present.insert(key)
                return !absent.contains(key)
            }
        }

        func requiresValue(of key: String) -> Bool { allowed[key] != nil }

        mutating func forbid(_ key: String) -> Bool {
            absent.insert(key)
            return allowed[key] == nil && !present.contains(key)
        }

        private mutating func require(_ key: String, _ values: Set<String>) -> Bool {
            var left = values
            // With several values of one key each requirement may be met by another of them.
            if isSingleValued, let before = allowed[key] { left.formIntersection(before) }
            allowed[key] = left
            return !left.subtracting(forbidden[key] ?? []).isEmpty && !absent.contains(key)
        }

        /// Whether an endpoint of these facts can be in a selection, as far as its own requirements tell.
        func allow(_ selection: Selection) -> Bool {
            var facts = self
            switch selection {
            case .label(let requirement): return facts.add(requirement)
            case .not(.label(.exists(let key))): return facts.forbid(key)
            case .both(let operands):
                for case .label(let requirement) in operands where !facts.add(requirement) { return false }
                for case .not(.label(.exists(let key))) in operands where !facts.forbid(key) { return false }
                return true
            default: return true
            }
        }
    }
}
