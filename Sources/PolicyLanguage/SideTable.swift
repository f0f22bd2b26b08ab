import NetTypes

/// A side of rules, apart from its number in one compiled policy.
struct SideKey: Hashable, Sendable {
    /// Whether it is a group or network of the platform; endpoints, `any` and `everything` are everybody's.
    let isPlatform: Bool
    let peer: Peer

    init(isPlatform: Bool, peer: Peer) {
        self.isPlatform = isPlatform
        self.peer = peer
    }

    init(_ peer: Peer, inPlatform: Bool) {
        switch peer {
        case .group, .network: self.init(isPlatform: inPlatform, peer: peer)
        case .any, .everything, .endpoint: self.init(isPlatform: false, peer: peer)
        }
    }
}

/// The numbers of the sides of rules: 0 is `any`, 1 is `everything`, then come the endpoints, groups and networks that
/// rules name. Groups and networks of the guardrails are not those of the document, whatever their names.
struct SideTable: Sendable {
    private struct Key: Hashable {
        let document: Int
        let index: Int
    }

    private struct Scope: Sendable {
        let table: GroupTable
        let groups: [Name: Int]
        let networks: [OutsideNetwork]
        /// The side of each group and network; 0 where no rule names it.
        var groupSides: [UInt32]
        var networkSides: [UInt32]
    }

    private var scopes: [Scope]
    private var endpoints: [Name: UInt32] = [:]
    private(set) var keys = [SideKey(isPlatform: false, peer: .any), SideKey(isPlatform: false, peer: .everything)]
    private let isPlatform: [Bool]

    var count: Int { keys.count }

    init(_ documents: [Document]) {
        isPlatform = documents.map { $0.scope == .platform }
        scopes = documents.map { document in
            Scope(
                table: GroupTable(document.groups),
                groups: Dictionary(document.groups.enumerated().map { ($1.name, $0) }) { first, _ in first },
                networks: document.networks, groupSides: Array(repeating: 0, count: document.groups.count),
                networkSides: Array(repeating: 0, count: document.networks.count))
        }
    }

    /// The number of a side of a rule of a document; the names in it resolve.
    mutating func number(_ peer: Peer, _ document: Int) -> UInt32 {
        let next = UInt32(keys.count)
        switch peer {
        case .any: return CompiledPolicy.any
        case .everything: return CompiledPolicy.everything
        case .endpoint(let name):
            if let side = endpoints[name] { return side }
            endpoints[name] = next
        case .group(let name):
            let index = scopes[document].groups[name] ?? 0
            if scopes[document].groupSides[index] != 0 { return scopes[document].groupSides[index] }
            scopes[document].groupSides[index] = next
        case .network(let name):
            let index = scopes[document].networks.firstIndex { $0.name == name } ?? 0
            if scopes[document].networkSides[index] != 0 { return scopes[document].networkSides[index] }
            scopes[document].networkSides[index] = next
        }
        keys.append(SideKey(peer, inPlatform: isPlatform[document]))
        return next
    }

    /// The sides that a party stands on, rising.
    func sides(of party: Party) -> [UInt32] {
        var sides = [CompiledPolicy.everything]
        switch party.kind {
        case .endpoint(let name):
            sides.append(CompiledPolicy.any)
            if let side = endpoints[name] { sides.append(side) }
            for scope in scopes {
                for group in scope.table.groups(of: name, labels: party.labels) where scope.groupSides[Int(group)] != 0
                {
                    sides.append(scope.groupSides[Int(group)])
                }
            }
        case .outside(let address):
            for scope in scopes {
                for (network, side) in zip(scope.networks, scope.networkSides)
                where side != 0 && network.contains(address) {
                    sides.append(side)
                }
            }
        }
        return sides.sorted()
    }

    /// Whether rules name this endpoint.
    func names(_ endpoint: Name) -> Bool { endpoints[endpoint] != nil }
}
