/// A name and a password.
public struct Credentials: APIRequestBody, Equatable {
    public var name: String
    public var password: String

    public init(name: String, password: String) {
        self.name = name
        self.password = password
    }

    public static let fields = [
        BodyField("name", .string, "The name for the sign-in, such as ada@acme"),
        BodyField("password", .string, "The password"),
    ]
}

/// A code of the second factor.
public struct SecondFactorCode: APIRequestBody, Equatable {
    public var code: String

    public init(code: String) { self.code = code }

    public static let fields = [BodyField("code", .string, "Six digits, or a recovery code")]
}

/// What a sign-in came to. The session's secret is in its cookie.
public struct SessionState: Codable, Sendable, Equatable {
    /// `complete`, or `second-factor` when a code is to come.
    public var stage: String
    /// What changes by this session carry in the header `X-Patchbay-CSRF`.
    public var csrfToken: String
    /// What the second factor may be: `code`, `passkey`; only where one is to come.
    public var factors: [String]?

    public init(stage: String, csrfToken: String, factors: [String]? = nil) {
        self.stage = stage
        self.csrfToken = csrfToken
        self.factors = factors
    }

    enum CodingKeys: String, CodingKey {
        case stage, factors
        case csrfToken = "csrf_token"
    }
}

/// A password by a link.
public struct PasswordByLink: APIRequestBody, Equatable {
    public var name: String
    public var secret: String
    public var password: String

    public init(name: String, secret: String, password: String) {
        self.name = name
        self.secret = secret
        self.password = password
    }

    public static let fields = [
        BodyField("name", .string, "The name for the sign-in, such as ada@acme"),
        BodyField("secret", .string, "The secret of the link"),
        BodyField("password", .string, "The new password, 12 bytes or more"),
    ]
}

/// A new password of one's own.
public struct ChangePassword: APIRequestBody, Equatable {
    public var current: String
    public var password: String

    public init(current: String, password: String) {
        self.current = current
        self.password = password
    }

    public static let fields = [
        BodyField("current", .string, "The present password"),
        BodyField("password", .string, "The new password, 12 bytes or more"),
    ]
}

/// Who asks, and what he may do.
public struct SelfDescription: Codable, Sendable, Equatable {
    /// The name for the sign-in; `installation` for the platform's own token.
    public var name: String
    public var displayName: String
    /// The tenant; nil for the provider's people.
    public var tenant: String?
    public var roles: [String]
    public var groups: [String]?
    /// `session`, `token`, `certificate` or `installation`.
    public var means: String
    /// Of a session: what its changes carry in the header `X-Patchbay-CSRF`.
    public var csrfToken: String?
    public var hasSecondFactor: Bool
    /// Whether one-time codes are set up.
    public var hasOneTimeCodes: Bool
    /// How many passkeys there are.
    public var passkeys: Int
    /// The ids of the operations that the roles allow on one's own side.
    public var actions: [String]
    /// Of a token: its scopes.
    public var scopes: [String]?

    public init(
        name: String, displayName: String, tenant: String?, roles: [String], groups: [String]?, means: String,
        csrfToken: String?, hasSecondFactor: Bool, hasOneTimeCodes: Bool, passkeys: Int, actions: [String],
        scopes: [String]?
    ) {
        self.name = name
        self.displayName = displayName
        self.tenant = tenant
        self.roles = roles
        self.groups = groups
        self.means = means
        self.csrfToken = csrfToken
        self.hasSecondFactor = hasSecondFactor
        self.hasOneTimeCodes = hasOneTimeCodes
        self.passkeys = passkeys
        self.actions = actions
        self.scopes = scopes
    }

    enum CodingKeys: String, CodingKey {
        case name, tenant, roles, groups, means, actions, scopes, passkeys
        case displayName = "display_name"
        case csrfToken = "csrf_token"
        case hasSecondFactor = "has_second_factor"
        case hasOneTimeCodes = "has_one_time_codes"
    }
}

/// A second factor that was begun: to be put into an authenticator and confirmed by a code from it.
public struct OneTimeCodeSecret: Codable, Sendable, Equatable {
    /// The secret in base32.
    public var secret: String
    /// The same as a URI, for a QR code.
    public var uri: String

    public init(secret: String, uri: String) {
        self.secret = secret
        self.uri = uri
    }
}

/// Codes that stand in for a lost second factor; shown once.
public struct RecoveryCodeList: Codable, Sendable, Equatable {
    public var recoveryCodes: [String]

    public init(recoveryCodes: [String]) { self.recoveryCodes = recoveryCodes }

    enum CodingKeys: String, CodingKey { case recoveryCodes = "recovery_codes" }
}

/// A browser's session as it is listed.
public struct SessionSummary: Codable, Sendable, Equatable {
    public var id: String
    /// Whether it is the one that asks.
    public var isCurrent: Bool
    public var createdAt: String
    public var lastSeenAt: String
    /// The network from which it was begun.
    public var source: String
    /// What the browser calls itself.
    public var agent: String

    public init(id: String, isCurrent: Bool, createdAt: String, lastSeenAt: String, source: String, agent: String) {
        self.id = id
        self.isCurrent = isCurrent
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.source = source
        self.agent = agent
    }

    enum CodingKeys: String, CodingKey {
        case id, source, agent
        case isCurrent = "is_current"
        case createdAt = "created_at"
        case lastSeenAt = "last_seen_at"
    }
}

/// A personal token as it is listed; the text is there only in the answer that made it.
public struct TokenSummary: Codable, Sendable, Equatable {
    public var id: String
    public var label: String
    public var scopes: [String]
    public var createdAt: String
    public var expiresAt: String
    public var lastUsedAt: String?
    /// The token itself, once.
    public var token: String?

    public init(
        id: String, label: String, scopes: [String], createdAt: String, expiresAt: String, lastUsedAt: String?,
        token: String? = nil
    ) {
        self.id = id
        self.label = label
        self.scopes = scopes
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.token = token
    }

    enum CodingKeys: String, CodingKey {
        case id, label, scopes, token
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case lastUsedAt = "last_used_at"
    }
}

/// What makes a personal token.
public struct NewToken: APIRequestBody, Equatable {
    public var label: String
    public var scopes: [String]
    public var days: UInt64

    public init(label: String, scopes: [String], days: UInt64) {
        self.label = label
        self.scopes = scopes
        self.days = days
    }

    public static let fields = [
        BodyField("label", .string, "What it is for, 1 to 64 characters"),
        BodyField(
            "scopes", .strings, "Some of read, network, policy-read, policy, people, platform, audit, usage"),
        BodyField("days", .number, most: 366, "For how many days it is good, 1 to 366"),
    ]
}
