/// Somebody with an account.
public struct Person: Codable, Sendable, Equatable {
    /// The number of the account, 32 hexadecimal digits; never another's.
    public var id: String
    /// The name for the sign-in, such as `ada@acme`.
    public var name: String
    /// The name that is shown.
    public var displayName: String
    /// The tenant; nil for the provider's people.
    public var tenant: String?
    /// The roles.
    public var roles: [String]
    /// The groups to which a sub-user is limited; nil for the whole tenant.
    public var groups: [String]?
    /// `active` or `disabled`.
    public var state: String
    /// Whether a password was set.
    public var hasPassword: Bool
    /// Whether a second factor is asked for.
    public var hasSecondFactor: Bool
    /// How many passkeys there are.
    public var passkeys: Int
    /// When the account was made, RFC 3339.
    public var createdAt: String
    /// Grows with every change.
    public var version: UInt64

    public init(
        id: String, name: String, displayName: String, tenant: String?, roles: [String], groups: [String]?,
        state: String, hasPassword: Bool, hasSecondFactor: Bool, passkeys: Int, createdAt: String, version: UInt64
    ) {
        self.id = id
        self.name = name
        self.displayName = displayName
        self.tenant = tenant
        self.roles = roles
        self.groups = groups
        self.state = state
        self.hasPassword = hasPassword
        self.hasSecondFactor = hasSecondFactor
        self.passkeys = passkeys
        self.createdAt = createdAt
        self.version = version
    }

    enum CodingKeys: String, CodingKey {
        case id, name, tenant, roles, groups, state, version, passkeys
        case displayName = "display_name"
        case hasPassword = "has_password"
        case hasSecondFactor = "has_second_factor"
        case createdAt = "created_at"
    }
}

/// What makes an account.
public struct NewPerson: APIRequestBody, Equatable {
    /// The name before the `@`.
    public var name: String
    /// The name that is shown.
    public var displayName: String
    /// The roles.
    public var roles: [String]
    /// The groups to which a sub-user is limited.
    public var groups: [String]?

    public init(name: String, displayName: String, roles: [String], groups: [String]? = nil) {
        self.name = name
        self.displayName = displayName
        self.roles = roles
        self.groups = groups
    }

    enum CodingKeys: String, CodingKey {
        case name, roles, groups
        case displayName = "display_name"
    }

    public static let fields = [
        BodyField("name", .string, "The name before the @: 1 to 64 of a-z, 0-9, '.', '_' and '-'"),
        BodyField("display_name", .string, "The name that is shown, 1 to 64 characters"),
        BodyField(
            "roles", .strings,
            "Of a tenant: owner, network-admin, security-admin, viewer; of the provider: operator, auditor"),
        BodyField("groups", .strings, isOptional: true, "The groups to which a sub-user of a tenant is limited"),
    ]
}

/// The first owner of a tenant.
public struct NewOwner: APIRequestBody, Equatable {
    /// The name before the `@`.
    public var name: String
    /// The name that is shown.
    public var displayName: String

    public init(name: String, displayName: String) {
        self.name = name
        self.displayName = displayName
    }

    enum CodingKeys: String, CodingKey {
        case name
        case displayName = "display_name"
    }

    public static let fields = [
        BodyField("name", .string, "The name before the @: 1 to 64 of a-z, 0-9, '.', '_' and '-'"),
        BodyField("display_name", .string, "The name that is shown, 1 to 64 characters"),
    ]
}

/// What is to change of an account. What is left out stays.
public struct ChangePerson: APIRequestBody, Equatable {
    /// The name that is shown.
    public var displayName: String?
    /// The roles, all of them.
    public var roles: [String]?
    /// The groups to which a sub-user is limited; with `roles` and without this, the whole tenant.
    public var groups: [String]?
    /// The version that is to be changed; any when left out.
    public var version: UInt64?

    public init(
        displayName: String? = nil, roles: [String]? = nil, groups: [String]? = nil, version: UInt64? = nil
    ) {
        self.displayName = displayName
        self.roles = roles
        self.groups = groups
        self.version = version
    }

    enum CodingKeys: String, CodingKey {
        case roles, groups, version
        case displayName = "display_name"
    }

    public static let fields = [
        BodyField("display_name", .string, isOptional: true, "The name that is shown, 1 to 64 characters"),
        BodyField("roles", .strings, isOptional: true, "The roles, all of them"),
        BodyField("groups", .strings, isOptional: true, "The groups to which a sub-user of a tenant is limited"),
        BodyField("version", .number, isOptional: true, "The version that is to be changed; any when left out"),
    ]
}

/// An account with the link by which its user sets a password. The link is shown once and good for a day.
public struct Invitation: Codable, Sendable, Equatable {
    /// The account.
    public var user: Person
    /// The secret of the link.
    public var setupSecret: String
    /// The link to the console.
    public var setupURL: String

    public init(user: Person, setupSecret: String, setupURL: String) {
        self.user = user
        self.setupSecret = setupSecret
        self.setupURL = setupURL
    }

    enum CodingKeys: String, CodingKey {
        case user
        case setupSecret = "setup_secret"
        case setupURL = "setup_url"
    }
}

/// The access to a tenant that its owner gave to the provider's people.
public struct Access: Codable, Sendable, Equatable {
    /// The number of the grant.
    public var id: String
    /// Who granted it; nil when that account is gone.
    public var grantedBy: String?
    /// Who may use it; nil for every operator.
    public var grantee: String?
    /// As what.
    public var roles: [String]
    /// Whether consoles of endpoints may be opened as well.
    public var consoles: Bool
    /// Why.
    public var reason: String
    /// From when, RFC 3339.
    public var from: String
    /// The first second in which it no longer holds.
    public var until: String
    /// When it was revoked, if it was.
    public var revokedAt: String?
    /// Whether it holds now.
    public var holds: Bool

    public init(
        id: String, grantedBy: String?, grantee: String?, roles: [String], consoles: Bool, reason: String,
        from: String, until: String, revokedAt: String?, holds: Bool
    ) {
        self.id = id
        self.grantedBy = grantedBy
        self.grantee = grantee
        self.roles = roles
        self.consoles = consoles
        self.reason = reason
        self.from = from
        self.until = until
        self.revokedAt = revokedAt
        self.holds = holds
    }

    enum CodingKeys: String, CodingKey {
        case id, grantee, roles, consoles, reason, from, until, holds
        case grantedBy = "granted_by"
        case revokedAt = "revoked_at"
    }
}

/// What one of the provider's people asks a tenant for.
public struct AccessRequestSummary: Codable, Sendable, Equatable {
    /// What has become of it.
    public enum State: String, Codable, Sendable, CaseIterable {
        case waiting, granted, declined
        /// Nobody has answered for a week.
        case expired
    }

    /// The number of the request.
    public var id: String
    /// Who asks.
    public var requester: String
    public var roles: [String]
    public var consoles: Bool
    public var hours: UInt64
    public var reason: String
    public var createdAt: String
    /// When it is over if nobody answers.
    public var expiresAt: String
    public var state: State
    public var decidedAt: String?
    /// The grant, where it was granted.
    public var grant: String?

    public init(
        id: String, requester: String, roles: [String], consoles: Bool, hours: UInt64, reason: String,
        createdAt: String, expiresAt: String, state: State, decidedAt: String?, grant: String?
    ) {
        self.id = id
        self.requester = requester
        self.roles = roles
        self.consoles = consoles
        self.hours = hours
        self.reason = reason
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.state = state
        self.decidedAt = decidedAt
        self.grant = grant
    }

    enum CodingKeys: String, CodingKey {
        case id, requester, roles, consoles, hours, reason, state, grant
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case decidedAt = "decided_at"
    }
}

/// What asks for access.
public struct NewAccessRequest: APIRequestBody, Equatable {
    public var roles: [String]
    public var hours: UInt64
    public var reason: String
    public var consoles: Bool?

    public init(roles: [String], hours: UInt64, reason: String, consoles: Bool? = nil) {
        self.roles = roles
        self.hours = hours
        self.reason = reason
        self.consoles = consoles
    }

    public static let fields = [
        BodyField("roles", .strings, "Some of viewer, network-admin, security-admin"),
        BodyField("hours", .number, most: 168, "For how many hours, 1 to 168"),
        BodyField("reason", .string, "Why, 1 to 64 characters"),
        BodyField("consoles", .boolean, isOptional: true, "Whether consoles of endpoints are to be opened as well"),
    ]
}

/// What gives access.
public struct NewAccess: APIRequestBody, Equatable {
    /// Who may use it; nil for every operator.
    public var grantee: String?
    /// As what.
    public var roles: [String]
    /// For how many hours.
    public var hours: UInt64
    /// Why.
    public var reason: String
    /// Whether consoles of endpoints may be opened as well.
    public var consoles: Bool?

    public init(grantee: String? = nil, roles: [String], hours: UInt64, reason: String, consoles: Bool? = nil) {
        self.grantee = grantee
        self.roles = roles
        self.hours = hours
        self.reason = reason
        self.consoles = consoles
    }

    public static let fields = [
        BodyField("grantee", .string, isOptional: true, "One of the provider's people; every operator when left out"),
        BodyField("roles", .strings, "Some of viewer, network-admin, security-admin"),
        BodyField("hours", .number, most: 168, "For how many hours, 1 to 168"),
        BodyField("reason", .string, "Why, 1 to 64 characters"),
        BodyField("consoles", .boolean, isOptional: true, "Whether consoles of endpoints may be opened as well"),
    ]
}
