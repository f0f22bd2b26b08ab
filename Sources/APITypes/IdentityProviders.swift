/// A provider of identities as it is listed; its secret is in no answer.
public struct IdentityProviderSummary: Codable, Sendable, Equatable {
    /// Its number, by which browsers name it.
    public var id: String
    public var name: String
    /// The name on its button.
    public var displayName: String
    /// The tenant whose people alone may use it; nil for everybody.
    public var tenant: String?
    public var issuer: String
    public var clientID: String
    public var scopes: [String]
    /// The claim by which a person is recognised.
    public var subjectClaim: String
    /// Whether it asks for a second factor itself.
    public var multiFactor: Bool
    /// Whether its button is on the public page for signing in.
    public var listed: Bool
    /// Certificates in PEM against which its own is checked; nil: those that the system trusts.
    public var trustedRoots: String?
    /// Whether anybody may sign in by it.
    public var enabled: Bool
    /// What the provider has to know as this client's redirect URI.
    public var redirectURI: String
    /// A link to the page for signing in with its button.
    public var signInURL: String
    /// When it was made, RFC 3339.
    public var createdAt: String
    /// Grows with every change.
    public var version: UInt64
    /// In the answer to a change: how many sessions, begun by it, have ended.
    public var sessionsEnded: UInt64?

    public init(
        id: String, name: String, displayName: String, tenant: String?, issuer: String, clientID: String,
        scopes: [String], subjectClaim: String, multiFactor: Bool, listed: Bool, trustedRoots: String?,
        enabled: Bool, redirectURI: String, signInURL: String, createdAt: String, version: UInt64,
        sessionsEnded: UInt64? = nil
    ) {
        self.id = id
        self.name = name
        self.displayName = displayName
        self.tenant = tenant
        self.issuer = issuer
        self.clientID = clientID
        self.scopes = scopes
        self.subjectClaim = subjectClaim
        self.multiFactor = multiFactor
        self.listed = listed
        self.trustedRoots = trustedRoots
        self.enabled = enabled
        self.redirectURI = redirectURI
        self.signInURL = signInURL
        self.createdAt = createdAt
        self.version = version
        self.sessionsEnded = sessionsEnded
    }

    enum CodingKeys: String, CodingKey {
        case id, name, tenant, issuer, scopes, listed, version, enabled
        case sessionsEnded = "sessions_ended"
        case displayName = "display_name"
        case clientID = "client_id"
        case subjectClaim = "subject_claim"
        case multiFactor = "multi_factor"
        case trustedRoots = "trusted_roots"
        case redirectURI = "redirect_uri"
        case signInURL = "sign_in_url"
        case createdAt = "created_at"
    }
}

/// What became of a provider of identities that was deleted.
public struct DeletedIdentityProvider: Codable, Sendable, Equatable {
    public var name: String
    /// How many sessions, begun by it, have ended.
    public var sessionsEnded: UInt64

    public init(name: String, sessionsEnded: UInt64) {
        self.name = name
        self.sessionsEnded = sessionsEnded
    }

    enum CodingKeys: String, CodingKey {
        case name
        case sessionsEnded = "sessions_ended"
    }
}

/// What makes a provider of identities.
public struct NewIdentityProvider: APIRequestBody, Equatable {
    public var name: String
    /// All of it but the name.
    public var settings: IdentityProviderSettings

    public init(name: String, settings: IdentityProviderSettings) {
        self.name = name
        self.settings = settings
    }

    enum CodingKeys: String, CodingKey { case name }

    public init(from decoder: any Decoder) throws {
        name = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .name)
        settings = try IdentityProviderSettings(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        try settings.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
    }

    public static let fields =
        [BodyField("name", .string, form: .name, "The name: a DNS label")]
        + IdentityProviderSettings.described(isSecretOptional: false).filter { $0.name != "version" }
}

/// Everything of a provider of identities but its name. What is left out is as it is for a new one; the secret stays, and one
/// that is disabled.
public struct IdentityProviderSettings: APIRequestBody, Equatable {
    public var displayName: String?
    public var tenant: String?
    public var issuer: String
    public var clientID: String
    public var clientSecret: String?
    public var scopes: [String]?
    public var subjectClaim: String?
    public var multiFactor: Bool?
    public var listed: Bool?
    public var trustedRoots: String?
    /// Whether anybody may sign in by it; true for a new one and as it was for another when left out.
    public var enabled: Bool?
    /// The version that was looked at; another one is not changed.
    public var version: UInt64?

    public init(
        displayName: String? = nil, tenant: String? = nil, issuer: String, clientID: String, clientSecret: String?,
        scopes: [String]? = nil, subjectClaim: String? = nil, multiFactor: Bool? = nil, listed: Bool? = nil,
        trustedRoots: String? = nil, enabled: Bool? = nil, version: UInt64? = nil
    ) {
        self.displayName = displayName
        self.tenant = tenant
        self.issuer = issuer
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.scopes = scopes
        self.subjectClaim = subjectClaim
        self.multiFactor = multiFactor
        self.listed = listed
        self.trustedRoots = trustedRoots
        self.enabled = enabled
        self.version = version
    }

    enum CodingKeys: String, CodingKey {
        case tenant, issuer, scopes, listed, enabled, version
        case displayName = "display_name"
        case clientID = "client_id"
        case clientSecret = "client_secret"
        case subjectClaim = "subject_claim"
        case multiFactor = "multi_factor"
        case trustedRoots = "trusted_roots"
    }

    public static let fields = described(isSecretOptional: true)

    static func described(isSecretOptional: Bool) -> [BodyField] {
        [
            BodyField("display_name", .string, isOptional: true, "The name on its button; the name when left out"),
            BodyField(
                "tenant", .string, isOptional: true, form: .name,
                "The tenant whose people alone may use it; everybody when left out"),
            BodyField(
                "issuer", .string, form: TextForm("^https://[!-~]+$", longest: 255),
                "The issuer, an https URL exactly as the provider writes it"),
            BodyField(
                "client_id", .string, form: TextForm("^[ -~]+$", longest: 255), "This platform's client id there"),
            BodyField(
                "client_secret", .string, isOptional: isSecretOptional, form: TextForm("^[^\\r\\n]+$", longest: 1_024),
                isSecretOptional
                    ? "The client's secret; the former one stays when left out"
                    : "The client's secret; it is in no answer"),
            BodyField("scopes", .strings, isOptional: true, "Scopes, openid among them; only openid when left out"),
            BodyField(
                "subject_claim", .string, isOptional: true, values: ["sub", "oid"],
                "The claim by which a person is recognised; sub when left out"),
            BodyField(
                "multi_factor", .boolean, isOptional: true,
                "Whether it asks for a second factor itself, so that none of Patchbay's is asked for"),
            BodyField(
                "listed", .boolean, isOptional: true,
                "Whether its button is on the public page for signing in; when left out, if it is for everybody"),
            BodyField(
                "trusted_roots", .string, isOptional: true,
                "Certificates in PEM against which its own is checked; those that the system trusts when left out"),
            BodyField(
                "enabled", .boolean, isOptional: true,
                "Whether anybody may sign in by it; when not, the sessions end that began by it. As before when left out"
            ),
            BodyField("version", .number, isOptional: true, most: UInt64(Int64.max), "The version that was looked at"),
        ]
    }
}

/// A provider of identities as the page for signing in knows it.
public struct SignInProvider: Codable, Sendable, Equatable {
    public var id: String
    public var name: String
    public var displayName: String

    public init(id: String, name: String, displayName: String) {
        self.id = id
        self.name = name
        self.displayName = displayName
    }

    enum CodingKeys: String, CodingKey {
        case id, name
        case displayName = "display_name"
    }
}

/// Begins a sign-in at a provider of identities.
public struct BeginProviderSignIn: APIRequestBody, Equatable {
    public var provider: String
    public var tenant: String?
    public var fresh: Bool?

    public init(provider: String, tenant: String? = nil, fresh: Bool? = nil) {
        self.provider = provider
        self.tenant = tenant
        self.fresh = fresh
    }

    public static let fields = [
        BodyField("provider", .string, form: .identifier, "The provider's id"),
        BodyField(
            "tenant", .string, isOptional: true, form: .name, "The tenant of the account, for who has several"),
        BodyField(
            "fresh", .boolean, isOptional: true, "Whether the provider is to ask anew, whatever session there is"),
    ]
}

/// Begins to link one's account to an identity of a provider.
public struct BeginLink: APIRequestBody, Equatable {
    public var provider: String

    public init(provider: String) { self.provider = provider }

    public static let fields = [BodyField("provider", .string, form: .identifier, "The provider's id")]
}

/// Where a browser goes next.
public struct ProviderAddress: Codable, Sendable, Equatable {
    /// The provider's page; what comes of it is told at the callback, to the same browser.
    public var url: String

    public init(url: String) { self.url = url }
}

/// An identity that is linked to an account.
public struct IdentitySummary: Codable, Sendable, Equatable {
    public var id: String
    /// The provider's name.
    public var provider: String
    public var displayName: String
    /// What the provider calls the person, for good.
    public var subject: String
    /// Whether somebody who manages the accounts has set it.
    public var expected: Bool
    public var createdAt: String
    public var lastUsedAt: String?

    public init(
        id: String, provider: String, displayName: String, subject: String, expected: Bool, createdAt: String,
        lastUsedAt: String?
    ) {
        self.id = id
        self.provider = provider
        self.displayName = displayName
        self.subject = subject
        self.expected = expected
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }

    enum CodingKeys: String, CodingKey {
        case id, provider, subject, expected
        case displayName = "display_name"
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
    }
}

/// Expects an identity to be an account's user.
public struct NewIdentity: APIRequestBody, Equatable {
    public var provider: String
    public var subject: String

    public init(provider: String, subject: String) {
        self.provider = provider
        self.subject = subject
    }

    public static let fields = [
        BodyField("provider", .string, form: .name, "The provider's name"),
        BodyField(
            "subject", .string, form: TextForm("^[!-~]+$", longest: 255),
            "What the provider calls the person, for good: its claim sub"),
    ]
}
