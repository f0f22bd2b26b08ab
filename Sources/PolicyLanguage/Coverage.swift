import NetTypes

/// Which sides of rules surely hold all that others hold, and which may have something in common.
struct Coverage {
    private let numbers: [SideKey: UInt32]
    private let keys: [SideKey]
    /// The groups that surely hold a group, by the words of their definitions.
    private var wider: [Name: Set<Name>] = [:]
    /// The groups that surely hold an endpoint.
    private var holding: [Name: [Name]] = [:]
    /// The sides on which somebody stands who stands on this one too.
    private(set) var meeting: [Set<UInt32>]
    /// How many known parties stand on a side.
    private(set) var population: [Int]

    /// - Parameter parties: The endpoints that there are, or, where that is not known, those that the document names.
    init(_ policy: CompiledPolicy, _ document: Document, _ parties: [Party]) {
        keys = policy.sides.keys
        numbers = Dictionary(keys.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
        meeting = keys.indices.map { [UInt32($0)] }
        population = Array(repeating: 0, count: keys.count)
        var seen = Set<[UInt32]>()
        for party in parties {
            let sides = policy.membership(of: party).sides
            for side in sides { population[Int(side)] += 1 }
            guard seen.insert(sides).inserted else { continue }
            for side in sides { meeting[Int(side)].formUnion(sides) }
        }
        for group in document.groups { relate(group.name, group.definition) }
        for (number, key) in keys.enumerated() {
            for other in covering(UInt32(number), key) {
                meeting[number].insert(other)
                meeting[Int(other)].insert(UInt32(number))
            }
        }
    }

    private mutating func relate(_ name: Name, _ definition: GroupDefinition) {
        switch definition {
        case .members(let members): for member in members { holding[member, default: []].append(name) }
        case .group(let other): wider[other, default: []].insert(name)
        case .any(let operands): for operand in operands { relate(name, operand) }
        case .all(let operands):
            for case .group(let other) in operands { wider[name, default: []].insert(other) }
            if operands.count == 1 { relate(name, operands[0]) }
        case .label, .not: break
        }
    }

    func number(_ peer: Peer, isPlatform: Bool) -> UInt32 { numbers[SideKey(peer, inPlatform: isPlatform)] ?? 0 }

    /// The sides that surely hold all that a side holds, itself among them.
    func covering(_ side: UInt32) -> [UInt32] { covering(side, keys[Int(side)]) }

    private func covering(_ side: UInt32, _ key: SideKey) -> [UInt32] {
        var found: Set<UInt32> = [side, CompiledPolicy.everything]
        var pending: [Name] = []
        switch key.peer {
        case .everything, .network: return found.sorted()
        case .any: return [CompiledPolicy.any, CompiledPolicy.everything]
        case .endpoint(let name): pending = holding[name] ?? []
        case .group(let name): if !key.isPlatform { pending = Array(wider[name] ?? []) }
        }
        found.insert(CompiledPolicy.any)
        var seen = Set(pending)
        while let group = pending.popLast() {
            if let number = numbers[SideKey(isPlatform: false, peer: .group(group))] { found.insert(number) }
            for other in wider[group] ?? [] where seen.insert(other).inserted { pending.append(other) }
        }
        return found.sorted()
    }
}

extension CompiledPolicy {
    /// The rules of exactly these sides, in the order in which they decide.
    func rules(from: UInt32, to: UInt32) -> some Collection<UInt32> {
        let (start, end) = (Int(starts[Int(from)]), Int(starts[Int(from) + 1]))
        let first = entries[start..<end].partitioningIndex { $0.to >= to }
        let last = entries[first..<end].partitioningIndex { $0.to > to }
        return entries[first..<last].lazy.map(\.rule)
    }
}

extension ArraySlice {
    /// The first index of which a predicate holds, where it holds of all after it.
    fileprivate func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
