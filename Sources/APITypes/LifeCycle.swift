// What the life cycle of a tenant needs: suspension, quota, deletion.

/// Why a tenant is suspended.
public struct SuspendTenant: APIRequestBody, Equatable {
    /// One line that everybody of the tenant can read.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public static let fields = [
        BodyField(
            "reason", .string, form: .line, "Why, one line of 1 to 200 characters; the tenant's people can read it")
    ]
}

/// How many of each thing a tenant may have; what is absent has no limit.
public struct TenantLimits: APIRequestBody, Equatable {
    public var endpoints: UInt64?
    public var vnets: UInt64?
    public var groups: UInt64?
    public var rules: UInt64?
    public var users: UInt64?

    public init(
        endpoints: UInt64? = nil, vnets: UInt64? = nil, groups: UInt64? = nil, rules: UInt64? = nil,
        users: UInt64? = nil
    ) {
        self.endpoints = endpoints
        self.vnets = vnets
        self.groups = groups
        self.rules = rules
        self.users = users
    }

    /// The greatest limit.
    public static let greatest: UInt64 = 1 << 40

    public static let fields = [
        BodyField("endpoints", .number, isOptional: true, most: greatest, "The most endpoints; no limit when left out"),
        BodyField("vnets", .number, isOptional: true, most: greatest, "The most vnets; no limit when left out"),
        BodyField("groups", .number, isOptional: true, most: greatest, "The most groups; no limit when left out"),
        BodyField(
            "rules", .number, isOptional: true, most: greatest,
            "The most entries and rules of the policy together; no limit when left out"),
        BodyField("users", .number, isOptional: true, most: greatest, "The most accounts; no limit when left out"),
    ]
}

/// How many of each thing a tenant may have, and has.
public struct TenantQuota: Codable, Sendable, Equatable {
    /// One kind of thing.
    public struct Item: Codable, Sendable, Equatable {
        /// `endpoints`, `vnets`, `groups`, `rules` (entries and rules of the policy together) or `users`.
        public var kind: String
        /// The most there may be; absent: as many as wanted.
        public var limit: UInt64?
        /// How many there are; more than the limit where that was lowered later.
        public var used: UInt64

        public init(kind: String, limit: UInt64?, used: UInt64) {
            self.kind = kind
            self.limit = limit
            self.used = used
        }
    }

    /// The tenant's name.
    public var tenant: String
    /// Every kind, always in the same order.
    public var items: [Item]

    public init(tenant: String, items: [Item]) {
        self.tenant = tenant
        self.items = items
    }
}

/// What would go with a tenant if it were deleted now; nothing was deleted.
public struct TenantDeletionPreview: Codable, Sendable, Equatable {
    /// Things of one kind.
    public struct Item: Codable, Sendable, Equatable {
        /// Such as `endpoints` or `users`.
        public var kind: String
        /// How many would go.
        public var count: Int
        /// The first of their names.
        public var names: [String]

        public init(kind: String, count: Int, names: [String]) {
            self.kind = kind
            self.count = count
            self.names = names
        }
    }

    /// The tenant's name.
    public var tenant: String
    /// The tenant's unique id.
    public var id: String
    /// Every kind, always in the same order.
    public var items: [Item]
    /// To be given when the tenant is deleted; no longer good when any of this has changed.
    public var confirmation: String

    public init(tenant: String, id: String, items: [Item], confirmation: String) {
        self.tenant = tenant
        self.id = id
        self.items = items
        self.confirmation = confirmation
    }
}
