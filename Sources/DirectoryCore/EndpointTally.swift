public import NetTypes

/// By what a tenant's endpoints are counted. Each counts once: one of several groups with the first of them by name.
public enum EndpointPart: String, Hashable, Sendable, CaseIterable {
    case group, host, vnet
}

/// How many endpoints of one part have come how far.
public struct EndpointTally: Hashable, Sendable {
    /// The group, host or vnet; nil: those that are in no group.
    public var name: Name?
    /// Of a group, how many endpoints are in it, whatever other groups they are in.
    public var members: Int?
    public var waiting: Int
    public var running: Int
    public var moving: Int
    public var failed: Int

    public init(name: Name?, members: Int? = nil, waiting: Int = 0, running: Int = 0, moving: Int = 0, failed: Int = 0)
    {
        self.name = name
        self.members = members
        self.waiting = waiting
        self.running = running
        self.moving = moving
        self.failed = failed
    }

    /// How many there are.
    public var count: Int { waiting + running + moving + failed }
}

extension Directory {
    /// How many endpoints a tenant has, by what they belong to, in order of name. Groups without an endpoint are named as
    /// well; of somebody who is limited to groups, only these.
    public func tally(
        of tenant: Name, by part: EndpointPart, limit: Set<Name>? = nil
    ) async throws(DirectoryError) -> [EndpointTally] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            let tallies = try tx.tally(of: tenant, by: part, limit: limit)
            guard part == .group else { return tallies }
            var groups = Dictionary(tallies.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            for group in try tx.groups(of: tenant) where limit?.contains(group.name.name) ?? true {
                groups[group.name.name, default: EndpointTally(name: group.name.name)].members =
                    try tx.memberCount(of: group.name)
            }
            return groups.values.sorted { ($0.name?.text ?? "") < ($1.name?.text ?? "") }
        }
    }
}
