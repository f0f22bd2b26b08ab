/// What an endpoint's port is attached to on its host.
public enum EndpointKind: String, Codable, Sendable, CaseIterable {
    /// A veth pair into a network namespace.
    case namespace
    /// A TAP device, for a virtual machine.
    case tap
}

/// How far an endpoint has come.
public enum EndpointState: String, Codable, Sendable, CaseIterable {
    /// Its host's leaf is to open the port and publish; it has not done so.
    case waiting
    /// Its host's leaf has published its location.
    case running
    /// The former host still has the port; the new one gets it at the latest after a few seconds.
    case moving
    /// Its host's leaf cannot open the port; the detail says why.
    case failed
}

/// An endpoint.
public struct Endpoint: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// The name inside the tenant.
    public var name: String
    /// The permanent identity, an IPv6 address.
    public var identity: String
    /// The name of its vnet.
    public var vnet: String
    /// Its address in the vnet.
    public var ipv4: String
    /// The names of its groups, sorted.
    public var groups: [String]
    /// Its labels KEY=VALUE, sorted.
    public var labels: [String]
    /// Its security level, 0 to 255.
    public var level: UInt8
    /// The prefixes outside that it speaks for, sorted; empty for every endpoint but a border.
    public var networks: [String]
    /// The name of the host that is to run it.
    public var host: String
    /// What its port is attached to.
    public var kind: EndpointKind
    /// The name of the namespace or of the TAP device.
    public var attachment: String
    /// The epoch of its location.
    public var epoch: UInt64
    /// How far it has come.
    public var state: EndpointState
    /// For `failed`: what, where and the remedy. For `moving`: from which host.
    public var detail: String?
    /// The underlay address in its present location record.
    public var locator: String?
    /// When the present location record ends, RFC 3339.
    public var recordExpiresAt: String?
    /// SHA-256 of its present certificate, hexadecimal.
    public var certificateSHA256: String?

    /// Makes a description of an endpoint.
    public init(
        tenant: String, name: String, identity: String, vnet: String, ipv4: String, groups: [String],
        labels: [String] = [], level: UInt8 = 0, networks: [String] = [], host: String, kind: EndpointKind,
        attachment: String, epoch: UInt64,
        state: EndpointState, detail: String? = nil,
        locator: String? = nil, recordExpiresAt: String? = nil, certificateSHA256: String? = nil
    ) {
        self.tenant = tenant
        self.name = name
        self.identity = identity
        self.vnet = vnet
        self.ipv4 = ipv4
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.host = host
        self.kind = kind
        self.attachment = attachment
        self.epoch = epoch
        self.state = state
        self.detail = detail
        self.locator = locator
        self.recordExpiresAt = recordExpiresAt
        self.certificateSHA256 = certificateSHA256
    }

    enum CodingKeys: String, CodingKey {
        case tenant, name, identity, vnet, ipv4, groups, labels, level, networks, host, kind, attachment, epoch, state,
            detail,
            locator
        case recordExpiresAt = "record_expires_at"
        case certificateSHA256 = "certificate_sha256"
    }
}

/// What makes an endpoint.
public struct NewEndpoint: APIRequestBody, Equatable {
    /// The name inside the tenant.
    public var name: String
    /// The name of its vnet.
    public var vnet: String
    /// Its address in the vnet; the lowest free one when left out.
    public var ipv4: String?
    /// The names of its groups.
    public var groups: [String]?
    /// Its labels KEY=VALUE.
    public var labels: [String]?
    /// Its security level; 0 when left out.
    public var level: UInt8?
    /// The prefixes outside that it is to speak for.
    public var networks: [String]?
    /// The name of the host that is to run it.
    public var host: String
    /// What its port is attached to.
    public var kind: EndpointKind
    /// The name of the namespace or of the TAP device; made from the endpoint's name when left out.
    public var attachment: String?

    /// Describes an endpoint to be made.
    public init(
        name: String, vnet: String, ipv4: String? = nil, groups: [String]? = nil, labels: [String]? = nil,
        level: UInt8? = nil, networks: [String]? = nil, host: String, kind: EndpointKind, attachment: String? = nil
    ) {
        self.name = name
        self.vnet = vnet
        self.ipv4 = ipv4
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.host = host
        self.kind = kind
        self.attachment = attachment
    }

    public static let fields = [
        BodyField("name", .string, form: .name, "The endpoint's name inside the tenant, a DNS label"),
        BodyField("vnet", .string, form: .name, "The name of its vnet"),
        BodyField(
            "ipv4", .string, isOptional: true, form: .ipv4, "Its address in the vnet; the lowest free one when left out"
        ),
        BodyField("groups", .strings, isOptional: true, form: .name, "The names of its groups"),
        BodyField("labels", .strings, isOptional: true, "Its labels, KEY=VALUE"),
        BodyField("level", .number, isOptional: true, most: 255, "Its security level, 0 to 255; 0 when left out"),
        BodyField("networks", .strings, isOptional: true, "The prefixes outside that it speaks for, as a border"),
        BodyField("host", .string, form: .name, "The name of the host that is to run it"),
        BodyField("kind", .string, values: EndpointKind.allCases.map(\.rawValue), "What its port is attached to"),
        BodyField(
            "attachment", .string, isOptional: true,
            "The name of the namespace or TAP device; made from the endpoint's name when left out"),
    ]
}

/// Where an endpoint is to go.
public struct MoveEndpoint: APIRequestBody, Equatable {
    /// The name of the host that is to run it.
    public var host: String

    /// Names a destination.
    public init(host: String) { self.host = host }

    public static let fields = [BodyField("host", .string, form: .name, "The name of the host that is to run it")]
}

/// The certificate that an endpoint has now.
public struct EndpointCertificate: Codable, Sendable, Equatable {
    /// The name, `tenant/name`.
    public var endpoint: String
    /// The identity in the certificate.
    public var identity: String
    /// The groups in the certificate.
    public var groups: [String]
    /// The labels in the certificate.
    public var labels: [String]
    /// The security level in the certificate.
    public var level: UInt8
    /// The prefixes outside in the certificate.
    public var networks: [String]
    /// The serial number, hexadecimal.
    public var serial: String
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    public var keyHash: String
    /// When the certificate ends, RFC 3339.
    public var expiresAt: String
    /// The certificate, PEM.
    public var certificate: String
    /// The certificate of the tenant's CA, PEM.
    public var issuer: String

    /// Makes a description of a certificate.
    public init(
        endpoint: String, identity: String, groups: [String], labels: [String] = [], level: UInt8 = 0,
        networks: [String] = [], serial: String,
        keyHash: String, expiresAt: String,
        certificate: String, issuer: String
    ) {
        self.endpoint = endpoint
        self.identity = identity
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.serial = serial
        self.keyHash = keyHash
        self.expiresAt = expiresAt
        self.certificate = certificate
        self.issuer = issuer
    }

    enum CodingKeys: String, CodingKey {
        case endpoint, identity, groups, labels, level, networks, serial, certificate, issuer
        case keyHash = "key_hash"
        case expiresAt = "expires_at"
    }
}

/// How many endpoints a tenant has, by what they belong to. Each counts once: one of several groups with the first by name.
public struct EndpointSummary: Codable, Sendable, Equatable {
    /// The endpoints of one group, host or vnet.
    public struct Item: Codable, Sendable, Equatable {
        /// Its name; absent for the endpoints that are in no group.
        public var name: String?
        /// How many there are.
        public var endpoints: Int
        /// Of a group, how many endpoints are in it, whatever other groups they are in.
        public var members: Int?
        /// How many of them wait for their host.
        public var waiting: Int
        /// How many run.
        public var running: Int
        /// How many are on the way to another host.
        public var moving: Int
        /// How many have failed.
        public var failed: Int

        public init(
            name: String?, endpoints: Int, members: Int?, waiting: Int, running: Int, moving: Int, failed: Int
        ) {
            self.name = name
            self.endpoints = endpoints
            self.members = members
            self.waiting = waiting
            self.running = running
            self.moving = moving
            self.failed = failed
        }
    }

    /// The tenant's name.
    public var tenant: String
    /// `group`, `host` or `vnet`.
    public var by: String
    /// How many endpoints there are in all.
    public var endpoints: Int
    /// In order of name; the endpoints that are in no group come first.
    public var items: [Item]

    public init(tenant: String, by: String, endpoints: Int, items: [Item]) {
        self.tenant = tenant
        self.by = by
        self.endpoints = endpoints
        self.items = items
    }
}
