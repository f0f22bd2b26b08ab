/// How many of each thing a tenant may have; nil: as many as it likes.
///
/// A quota that is lower than what is there already takes nothing away; there is nothing new until there is room.
public struct Quota: Hashable, Sendable {
    /// What is counted.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case endpoints, vnets, groups
        /// Entries of the policy and rules of its document together.
        case rules
        /// Accounts of the tenant's people, those that are disabled too.
        case users
    }

    public var endpoints: Int64?
    public var vnets: Int64?
    public var groups: Int64?
    public var rules: Int64?
    public var users: Int64?

    /// No limits.
    public static let unlimited = Quota()
    /// The greatest limit that can be set.
    public static let greatest: UInt64 = 1 << 40

    public init(
        endpoints: Int64? = nil, vnets: Int64? = nil, groups: Int64? = nil, rules: Int64? = nil, users: Int64? = nil
    ) {
        self.endpoints = endpoints
        self.vnets = vnets
        self.groups = groups
        self.rules = rules
        self.users = users
    }

    public subscript(_ kind: Kind) -> Int64? {
        get {
            switch kind {
            case .endpoints: endpoints
            case .vnets: vnets
            case .groups: groups
            case .rules: rules
            case .users: users
            }
        }
        set {
            switch kind {
            case .endpoints: endpoints = newValue
            case .vnets: vnets = newValue
            case .groups: groups = newValue
            case .rules: rules = newValue
            case .users: users = newValue
            }
        }
    }
}

/// How much a tenant has of what its quota is about.
public struct QuotaUse: Hashable, Sendable {
    public var quota: Quota
    /// By kind; every kind is there.
    public var used: [Quota.Kind: Int64]
}
