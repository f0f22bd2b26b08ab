/// What a certificate says, for people who compare it.
public struct CertificateFacts: Codable, Sendable, Equatable {
    /// The URI of whom it is about (`spiffe://leaf.DOMAIN/ID`); of an authority its subject.
    public var name: String
    /// The serial number, hexadecimal.
    public var serial: String
    /// SHA-256 of the certificate, hexadecimal; nil for one that was issued before this was kept.
    public var sha256: String?
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    public var keyHash: String
    /// When its validity begins, RFC 3339; nil for one that was issued before this was kept.
    public var validFrom: String?
    /// When its validity ends, RFC 3339.
    public var expiresAt: String
    /// The certificate, PEM, where it is told.
    public var pem: String?

    /// Makes a description of a certificate.
    public init(
        name: String, serial: String, sha256: String?, keyHash: String, validFrom: String?, expiresAt: String,
        pem: String? = nil
    ) {
        self.name = name
        self.serial = serial
        self.sha256 = sha256
        self.keyHash = keyHash
        self.validFrom = validFrom
        self.expiresAt = expiresAt
        self.pem = pem
    }

    enum CodingKeys: String, CodingKey {
        case name, serial, sha256, pem
        case keyHash = "key_hash"
        case validFrom = "valid_from"
        case expiresAt = "expires_at"
    }
}

/// A platform: what it is, who vouches for it, and how much there is of everything. It names no tenant.
public struct PlatformDescription: Codable, Sendable, Equatable {
    /// How much there is.
    public struct Counts: Codable, Sendable, Equatable {
        public var hosts: Int
        public var enrolledHosts: Int
        public var connectedHosts: Int
        public var tenants: Int
        public var vnets: Int
        public var endpoints: Int
        /// Endpoints that run somewhere now.
        public var publishedEndpoints: Int
        /// People with an account, of the provider and of all tenants.
        public var accounts: Int
        public var sessions: Int

        /// Puts the counts together.
        public init(
            hosts: Int, enrolledHosts: Int, connectedHosts: Int, tenants: Int, vnets: Int, endpoints: Int,
            publishedEndpoints: Int, accounts: Int, sessions: Int
        ) {
            self.hosts = hosts
            self.enrolledHosts = enrolledHosts
            self.connectedHosts = connectedHosts
            self.tenants = tenants
            self.vnets = vnets
            self.endpoints = endpoints
            self.publishedEndpoints = publishedEndpoints
            self.accounts = accounts
            self.sessions = sessions
        }

        enum CodingKeys: String, CodingKey {
            case hosts, tenants, vnets, endpoints, accounts, sessions
            case enrolledHosts = "enrolled_hosts"
            case connectedHosts = "connected_hosts"
            case publishedEndpoints = "published_endpoints"
        }
    }

    /// The unique id, 64 hexadecimal digits: the hash of its authority's key.
    public var id: String
    /// The name, `GLOBAL-ID.patchbay.internal`.
    public var name: String
    /// The prefix in which all identities are.
    public var prefix: String
    /// The certificates of its authority, against which everything is verified.
    public var authorities: [CertificateFacts]
    /// What programs that sign in with a certificate call the controllers, whatever their URL: the `aud` of assertions.
    public var controllerName: String
    /// The version of the controller.
    public var version: String
    /// The version of the API.
    public var api: String
    /// The versions of the leaves that are connected, in order.
    public var leafVersions: [String]
    /// How much there is.
    public var counts: Counts

    /// Makes a description of a platform.
    public init(
        id: String, name: String, prefix: String, authorities: [CertificateFacts], controllerName: String,
        version: String, api: String, leafVersions: [String], counts: Counts
    ) {
        self.id = id
        self.name = name
        self.prefix = prefix
        self.authorities = authorities
        self.controllerName = controllerName
        self.version = version
        self.api = api
        self.leafVersions = leafVersions
        self.counts = counts
    }

    enum CodingKeys: String, CodingKey {
        case id, name, prefix, authorities, version, api, counts
        case controllerName = "controller_name"
        case leafVersions = "leaf_versions"
    }
}
