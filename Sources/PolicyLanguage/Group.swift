public import NetTypes

/// Who is in a group.
public indirect enum GroupDefinition: Hashable, Sendable {
    /// The endpoints of these names, in alphabetical order.
    case members([Name])
    /// The endpoints whose labels are so.
    case label(LabelRequirement)
    /// The group of this name.
    case group(Name)
    /// Who is in one of these at least.
    case any([GroupDefinition])
    /// Who is in each of these.
    case all([GroupDefinition])
    /// Every endpoint that is not in this.
    case not(GroupDefinition)

    /// The names of the groups that stand in this definition, in the order of the text.
    public var references: [Name] {
        switch self {
        case .members, .label: []
        case .group(let name): [name]
        case .any(let operands), .all(let operands): operands.flatMap(\.references)
        case .not(let operand): operand.references
        }
    }
}

/// A named set of endpoints.
public struct PolicyGroup: Hashable, Sendable {
    /// The group's name.
    public let name: Name
    /// Who is in it.
    public let definition: GroupDefinition

    /// Makes a group. One that is another group and nothing else is `any` of that one, which is how it is written.
    public init(name: Name, _ definition: GroupDefinition) {
        self.name = name
        if case .group = definition {
            self.definition = .any([definition])
        } else {
            self.definition = definition
        }
    }
}

/// A named set of addresses outside, which are reached through border leaves.
public struct OutsideNetwork: Hashable, Sendable {
    /// The network's name.
    public let name: Name
    /// Its IPv4 prefixes, by address and length.
    public let ipv4: [IPv4Prefix]
    /// Its IPv6 prefixes, by address and length.
    public let ipv6: [IPv6Prefix]

    /// Makes a network of prefixes in any order.
    public init(name: Name, ipv4: [IPv4Prefix] = [], ipv6: [IPv6Prefix] = []) {
        self.name = name
        self.ipv4 = ipv4.sorted { ($0.address, $0.length) < ($1.address, $1.length) }
        self.ipv6 = ipv6.sorted { ($0.address, $0.length) < ($1.address, $1.length) }
    }

    /// Whether the address is in one of the prefixes.
    public func contains(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): ipv4.contains { $0.contains(address) }
        case .v6(let address): ipv6.contains { $0.contains(address) }
        }
    }
}
