/// A tenant.
public struct Tenant: Codable, Sendable, Equatable {
    /// The name, a DNS label.
    public var name: String
    /// How many endpoints it has.
    public var endpoints: Int

    /// Makes a description of a tenant.
    public init(name: String, endpoints: Int) {
        self.name = name
        self.endpoints = endpoints
    }
}

/// What makes a tenant.
public struct NewTenant: APIRequestBody, Equatable {
    /// The name, a DNS label.
    public var name: String

    /// Names a tenant to be made.
    public init(name: String) { self.name = name }

    public static let fields = [BodyField("name", .string, "The tenant's name, a DNS label")]
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
        BodyField("name", .string, "The vnet's name inside the tenant, a DNS label"),
        BodyField("ipv4_prefix", .string, "The private IPv4 prefix, such as 10.0.0.0/24"),
        BodyField("id", .string, isOptional: true, "The 128-bit id, 32 hexadecimal digits; random when left out"),
    ]
}

/// A group of endpoints of one tenant.
public struct Group: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// The name inside the tenant.
    public var name: String
    /// The names of the endpoints in it, sorted.
    public var members: [String]

    /// Makes a description of a group.
    public init(tenant: String, name: String, members: [String]) {
        self.tenant = tenant
        self.name = name
        self.members = members
    }
}

/// What makes a group.
public struct NewGroup: APIRequestBody, Equatable {
    /// The name inside the tenant.
    public var name: String

    /// Names a group to be made.
    public init(name: String) { self.name = name }

    public static let fields = [BodyField("name", .string, "The group's name inside the tenant, a DNS label")]
}
