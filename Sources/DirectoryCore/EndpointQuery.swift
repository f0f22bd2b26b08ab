public import NetTypes

/// Which of a tenant's endpoints are asked for; what is nil is not asked for.
public struct EndpointQuery: Hashable, Sendable {
    /// Only the members of this group.
    public var group: Name?
    /// Only those that are in no group.
    public var isWithoutGroup: Bool
    /// Only those that are wanted on this host.
    public var host: Name?
    /// Only those of this vnet.
    public var vnet: Name?
    /// Only those whose state has this ``Endpoint/State/code``.
    public var state: String?
    /// Only those with this label, as `KEY=VALUE`.
    public var label: String?
    /// Only those with these letters in their name, lower-case ones.
    public var search: String?
    /// Only the members of any of these groups.
    public var anyGroup: Set<Name>?

    public init(
        group: Name? = nil, isWithoutGroup: Bool = false, host: Name? = nil, vnet: Name? = nil, state: String? = nil,
        label: String? = nil, search: String? = nil, anyGroup: Set<Name>? = nil
    ) {
        self.group = group
        self.isWithoutGroup = isWithoutGroup
        self.host = host
        self.vnet = vnet
        self.state = state
        self.label = label
        self.search = search
        self.anyGroup = anyGroup
    }
}

/// An endpoint with what was last published of it.
public struct ListedEndpoint: Hashable, Sendable {
    public let endpoint: Endpoint
    /// Nil when nothing was published, or it was withdrawn.
    public let published: PublishedFacts?
}

/// A group, how many members it has, and the first of them.
public struct GroupSummary: Hashable, Sendable {
    public let group: Group
    public let memberCount: Int
    /// In order of name.
    public let members: [Name]

    public init(group: Group, memberCount: Int, members: [Name]) {
        self.group = group
        self.memberCount = memberCount
        self.members = members
    }
}

extension Directory {
    /// A page of those of a tenant's endpoints that are asked for, in order of name.
    public func endpoints(
        of tenant: Name, matching query: EndpointQuery, page: Page
    ) async throws(DirectoryError) -> [ListedEndpoint] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            var listed: [ListedEndpoint] = []
            for endpoint in try tx.endpoints(of: tenant, matching: query, page: page) {
                listed.append(ListedEndpoint(endpoint: endpoint, published: try tx.facts(of: endpoint.identity)))
            }
            return listed
        }
    }

    /// An endpoint with what was last published of it.
    public func listed(_ name: TenantName) async throws(DirectoryError) -> ListedEndpoint {
        try await store.read { (tx) throws(DirectoryError) in
            let endpoint = try tx.requireEndpoint(name)
            return ListedEndpoint(endpoint: endpoint, published: try tx.facts(of: endpoint.identity))
        }
    }

    /// What there is to say about some groups; those that are gone meanwhile are left out.
    ///
    /// - Parameter members: how many members are named at most.
    public func summaries(of groups: [TenantName], members: Int) async throws(DirectoryError) -> [GroupSummary] {
        try await store.read { (tx) throws(DirectoryError) in
            var summaries: [GroupSummary] = []
            for name in groups {
                guard let group = try tx.group(name) else { continue }
                summaries.append(
                    GroupSummary(
                        group: group, memberCount: try tx.memberCount(of: name),
                        members: try tx.members(of: name, page: Page(limit: members))))
            }
            return summaries
        }
    }

    /// How many endpoints are wanted on each of some hosts.
    public func endpointCounts(on hosts: [Name]) async throws(DirectoryError) -> [Name: Int] {
        try await store.read { (tx) throws(DirectoryError) in
            var counts: [Name: Int] = [:]
            for host in hosts { counts[host] = try tx.endpointCount(on: host) }
            return counts
        }
    }
}
