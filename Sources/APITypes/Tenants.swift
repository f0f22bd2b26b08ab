/// A tenant.
public struct Tenant: Codable, Sendable, Equatable {
    /// Whether its wires may be plugged.
    public enum State: String, Codable, Sendable, CaseIterable {
        case active
        /// Its wires are cut until it is resumed.
        case suspended
    }

    /// The unique id, 64 hexadecimal digits: the hash of its authority's key. A later tenant of the name has another.
    public var id: String
    /// The name, a DNS label.
    public var name: String
    /// When it was made, RFC 3339.
    public var createdAt: String
    /// How many endpoints it has.
    public var endpoints: Int
    /// Whether its wires may be plugged.
    public var state: State
    /// Since when it is suspended, RFC 3339.
    public var suspendedAt: String?
    /// Why it is suspended, in the provider's words.
    public var suspensionReason: String?
    /// When the certificate of its authority ends, RFC 3339.
    public var certificateExpiresAt: String
    /// SHA-256 of that certificate, hexadecimal.
    public var certificateSHA256: String
    /// The certificate of its authority.
    public var certificate: CertificateFacts?

    /// Makes a description of a tenant.
    public init(
        id: String, name: String, createdAt: String, endpoints: Int, state: State, suspendedAt: String? = nil,
        suspensionReason: String? = nil, certificateExpiresAt: String, certificateSHA256: String,
        certificate: CertificateFacts? = nil
    ) {
        self.certificate = certificate
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.endpoints = endpoints
        self.state = state
        self.suspendedAt = suspendedAt
        self.suspensionReason = suspensionReason
        self.certificateExpiresAt = certificateExpiresAt
        self.certificateSHA256 = certificateSHA256
    }

    enum CodingKeys: String, CodingKey {
        case id, name, endpoints, state, certificate
        case createdAt = "created_at"
        case suspendedAt = "suspended_at"
        case suspensionReason = "suspension_reason"
        case certificateExpiresAt = "certificate_expires_at"
        case certificateSHA256 = "certificate_sha256"
    }
}

/// What makes a tenant.
public struct NewTenant: APIRequestBody, Equatable {
    /// The name, a DNS label.
    public var name: String

    /// Names a tenant to be made.
    public init(name: String) { self.name = name }

    public static let fields = [BodyField("name", .string, form: .name, "The tenant's name, a DNS label")]
}

/// A vnet, a layer-2 segment of a tenant.
public struct VNet: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// The name inside the tenant.
    public var name: String
    /// The 128-bit id, 32 hexadecimal digits.
    public var id: String
    /// The private prefix, such as `10.0.0.0/24`.
    public var ipv4Prefix: String

    /// Makes a description of a vnet.
    public init(tenant: String, name: String, id: String, ipv4Prefix: String) {
        self.tenant = tenant
        self.name = name
        self.id = id
        self.ipv4Prefix = ipv4Prefix
    }

    enum CodingKeys: String, CodingKey {
        case tenant, name, id
        case ipv4Prefix = "ipv4_prefix"
    }
}

/// What makes a vnet.
public struct NewVNet: APIRequestBody, Equatable {
    /// The name inside the tenant.
    public var name: String
    /// The private prefix, such as `10.0.0.0/24`.
    public var ipv4Prefix: String
    /// The 128-bit id, 32 hexadecimal digits; drawn at random when left out.
    public var id: String?

    /// Describes a vnet to be made.
    public init(name: String, ipv4Prefix: String, id: String? = nil) {
        self.name = name
        self.ipv4Prefix = ipv4Prefix
        self.id = id
    }

    enum CodingKeys: String, CodingKey {
        case name, id
        case ipv4Prefix = "ipv4_prefix"
    }

    public static let fields = [
        BodyField("name", .string, form: .name, "The vnet's name inside the tenant, a DNS label"),
        BodyField("ipv4_prefix", .string, "The private IPv4 prefix, such as 10.0.0.0/24"),
        BodyField(
            "id", .string, isOptional: true, form: .identifier,
            "The 128-bit id, 32 hexadecimal digits; random when left out"),
    ]
}

/// A group of endpoints of one tenant.
public struct Group: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// The name inside the tenant.
    public var name: String
    /// How many endpoints are in it.
    public var memberCount: Int
    /// The names of the first endpoints in it, sorted: 20 in a list, 1,000 where one group is shown. The list of endpoints
    /// with this group gives all of them, in parts.
    public var members: [String]

    /// Makes a description of a group.
    public init(tenant: String, name: String, memberCount: Int, members: [String]) {
        self.tenant = tenant
        self.name = name
        self.memberCount = memberCount
        self.members = members
    }

    enum CodingKeys: String, CodingKey {
        case tenant, name, members
        case memberCount = "member_count"
    }
}

/// What makes a group.
public struct NewGroup: APIRequestBody, Equatable {
    /// The name inside the tenant.
    public var name: String

    /// Names a group to be made.
    public init(name: String) { self.name = name }

    public static let fields = [
        BodyField("name", .string, form: .name, "The group's name inside the tenant, a DNS label")
    ]
}
