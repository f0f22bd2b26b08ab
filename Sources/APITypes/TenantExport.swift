/// Everything of a tenant at one moment in one document. Private keys, passwords, tokens and second factors are nowhere
/// in it; texts of certificates are PEM, other octets base64. Lists are in order of name, revisions newest first, so that
/// two exports of the same state differ in ``exportedAt`` alone.
public struct TenantExport: Codable, Sendable, Equatable {
    /// An endpoint with what was certified of it.
    public struct Item: Codable, Sendable, Equatable {
        public var endpoint: Endpoint
        /// The certificate that it has now, PEM; absent while it runs nowhere.
        public var certificate: String?
        /// The signed location record, base64.
        public var record: String?

        public init(endpoint: Endpoint, certificate: String?, record: String?) {
            self.endpoint = endpoint
            self.certificate = certificate
            self.record = record
        }
    }

    /// A revision of the policy.
    public struct Revision: Codable, Sendable, Equatable {
        public var revision: UInt64
        public var changedAt: String
        public var summary: String
        /// The canonical form that is signed, a text of JSON.
        public var body: String
        /// The signature over it, DER in base64.
        public var signature: String
        /// The document as it was written, where there is one.
        public var text: String?

        public init(
            revision: UInt64, changedAt: String, summary: String, body: String, signature: String, text: String?
        ) {
            self.revision = revision
            self.changedAt = changedAt
            self.summary = summary
            self.body = body
            self.signature = signature
            self.text = text
        }

        enum CodingKeys: String, CodingKey {
            case revision, summary, body, signature, text
            case changedAt = "changed_at"
        }
    }

    /// A statement about who signs the policy.
    public struct Lock: Codable, Sendable, Equatable {
        /// The canonical form that is signed.
        public var body: String
        /// The signature over it, DER in base64.
        public var signature: String
        /// The key that it names, DER in base64; empty where it names none.
        public var key: String

        public init(body: String, signature: String, key: String) {
            self.body = body
            self.signature = signature
            self.key = key
        }
    }

    /// Somebody with an account.
    public struct Person: Codable, Sendable, Equatable {
        public var id: String
        public var name: String
        public var displayName: String
        public var roles: [String]
        /// The groups that the account is limited to; absent: to none.
        public var groups: [String]?
        public var state: String
        public var hasSecondFactor: Bool
        /// What its passkeys are called, and when they were added and used; no keys.
        public var passkeys: [PasskeyNote]
        public var createdAt: String

        public init(
            id: String, name: String, displayName: String, roles: [String], groups: [String]?, state: String,
            hasSecondFactor: Bool, passkeys: [PasskeyNote], createdAt: String
        ) {
            self.id = id
            self.name = name
            self.displayName = displayName
            self.roles = roles
            self.groups = groups
            self.state = state
            self.hasSecondFactor = hasSecondFactor
            self.passkeys = passkeys
            self.createdAt = createdAt
        }

        enum CodingKeys: String, CodingKey {
            case id, name, roles, groups, state, passkeys
            case displayName = "display_name"
            case hasSecondFactor = "has_second_factor"
            case createdAt = "created_at"
        }
    }

    /// A passkey of somebody.
    public struct PasskeyNote: Codable, Sendable, Equatable {
        public var label: String
        public var createdAt: String
        public var lastUsedAt: String?

        public init(label: String, createdAt: String, lastUsedAt: String?) {
            self.label = label
            self.createdAt = createdAt
            self.lastUsedAt = lastUsedAt
        }

        enum CodingKeys: String, CodingKey {
            case label
            case createdAt = "created_at"
            case lastUsedAt = "last_used_at"
        }
    }

    /// Access that was granted to the provider.
    public struct Grant: Codable, Sendable, Equatable {
        public var id: String
        public var roles: [String]
        public var consoles: Bool
        public var reason: String
        public var from: String
        public var until: String
        public var revokedAt: String?

        public init(
            id: String, roles: [String], consoles: Bool, reason: String, from: String, until: String,
            revokedAt: String?
        ) {
            self.id = id
            self.roles = roles
            self.consoles = consoles
            self.reason = reason
            self.from = from
            self.until = until
            self.revokedAt = revokedAt
        }

        enum CodingKeys: String, CodingKey {
            case id, roles, consoles, reason, from, until
            case revokedAt = "revoked_at"
        }
    }

    /// What the document is: `patchbay-tenant`.
    public var format: String
    /// The version of the form: 1. Members may be added to it; none changes its meaning.
    public var version: Int
    public var exportedAt: String
    /// The platform's /48.
    public var platform: String
    /// The platform's root certificate, PEM.
    public var rootCertificate: String
    public var tenant: Tenant
    /// The certificate of the tenant's authority, PEM.
    public var authority: String
    /// The certificate of the tenant's policy key, PEM.
    public var policyCertificate: String
    public var quota: TenantQuota
    public var vnets: [VNet]
    public var groups: [Group]
    public var endpoints: [Item]
    public var revisions: [Revision]
    public var locks: [Lock]
    public var users: [Person]
    public var accessGrants: [Grant]

    public init(
        exportedAt: String, platform: String, rootCertificate: String, tenant: Tenant, authority: String,
        policyCertificate: String, quota: TenantQuota, vnets: [VNet], groups: [Group], endpoints: [Item],
        revisions: [Revision], locks: [Lock], users: [Person], accessGrants: [Grant]
    ) {
        format = "patchbay-tenant"
        version = 1
        self.exportedAt = exportedAt
        self.platform = platform
        self.rootCertificate = rootCertificate
        self.tenant = tenant
        self.authority = authority
        self.policyCertificate = policyCertificate
        self.quota = quota
        self.vnets = vnets
        self.groups = groups
        self.endpoints = endpoints
        self.revisions = revisions
        self.locks = locks
        self.users = users
        self.accessGrants = accessGrants
    }

    enum CodingKeys: String, CodingKey {
        case format, version, platform, tenant, authority, quota, vnets, groups, endpoints, revisions, locks, users
        case exportedAt = "exported_at"
        case rootCertificate = "root_certificate"
        case policyCertificate = "policy_certificate"
        case accessGrants = "access_grants"
    }
}
