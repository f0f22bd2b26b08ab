public import NetTypes

/// What one of the provider's people does. Neither role reaches into a tenant; see ``AccessGrant``.
public enum ProviderRole: String, Hashable, Sendable, CaseIterable, Comparable {
    /// Runs the platform: hosts, tenants as a whole, guardrails, the provider's own people.
    case `operator`
    /// Sees what an operator sees, changes nothing.
    case auditor

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What one of a tenant's people does.
public enum TenantRole: String, Hashable, Sendable, CaseIterable, Comparable {
    /// Everything in the tenant, and alone: its people, and what the provider is let see.
    case owner
    /// Endpoints, vnets, groups.
    case networkAdmin = "network-admin"
    /// The policy, and the tenant's audit.
    case securityAdmin = "security-admin"
    /// Sees, changes nothing.
    case viewer

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What somebody is in a tenant.
public struct Membership: Hashable, Sendable {
    /// The tenant.
    public let tenant: Name
    /// The roles, one at least.
    public let roles: Set<TenantRole>
    /// The groups to which a sub-user is limited, one at least; nil for the whole tenant.
    public let groups: Set<Name>?

    /// The most groups of a sub-user.
    public static let mostGroups = 64

    /// Nil without a role, for an owner that is limited to groups, and for a limit of no or too many groups.
    public init?(tenant: Name, roles: Set<TenantRole>, groups: Set<Name>? = nil) {
        guard !roles.isEmpty else { return nil }
        if let groups {
            guard (1...Self.mostGroups).contains(groups.count), !roles.contains(.owner) else { return nil }
        }
        self.tenant = tenant
        self.roles = roles
        self.groups = groups
    }
}

/// Where somebody belongs: to the provider, or to one tenant. Nobody belongs to two.
public enum Home: Hashable, Sendable {
    /// One of the provider's people, with one role at least.
    case provider(Set<ProviderRole>)
    /// One of a tenant's people.
    case tenant(Membership)

    /// The tenant; nil for the provider's people.
    public var tenant: Name? {
        switch self {
        case .provider: nil
        case .tenant(let membership): membership.tenant
        }
    }
}

/// What a personal API token can do at most; what it can do is no more than what its user can do at that moment.
public enum TokenScope: String, Hashable, Sendable, CaseIterable, Comparable {
    /// See things, but no policy's contents, people, audit or usage.
    case read
    /// Change endpoints, vnets and groups.
    case network
    /// See policies.
    case policyRead = "policy-read"
    /// Change policies, plug and unplug.
    case policy
    /// See and change people and what is granted to the provider.
    case people
    /// Change hosts, tenants as a whole and guardrails.
    case platform
    /// See and export the audit.
    case audit
    /// See and export what was used.
    case usage

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
