/// A host, a machine with a leaf.
public struct Host: Codable, Sendable, Equatable {
    /// The name, a DNS label.
    public var name: String
    /// The leaf's 128-bit id, 32 hexadecimal digits.
    public var id: String
    /// Whether its leaf has been enrolled.
    public var enrolled: Bool
    /// Whether its leaf has a stream to the controller now.
    public var connected: Bool
    /// The underlay addresses at which it receives, preferred first; empty while it is not connected.
    public var locators: [String]
    /// The name of its underlay device, while it is connected.
    public var underlayDevice: String?
    /// The version of its leaf, while it is connected.
    public var version: String?
    /// The ESP engine of its leaf in words: cipher, queues, offload and why; nil: it has none, or is not connected.
    public var engine: String?
    /// How many endpoints it is to run.
    public var endpoints: Int
    /// The newest certificate of its leaf; nil before it was enrolled.
    public var certificate: CertificateFacts?

    /// Makes a description of a host.
    public init(
        name: String, id: String, enrolled: Bool, connected: Bool, locators: [String], underlayDevice: String?,
        version: String?, engine: String? = nil, endpoints: Int,
        certificate: CertificateFacts? = nil
    ) {
        self.certificate = certificate
        self.engine = engine
        self.name = name
        self.id = id
        self.enrolled = enrolled
        self.connected = connected
        self.locators = locators
        self.underlayDevice = underlayDevice
        self.version = version
        self.endpoints = endpoints
    }

    enum CodingKeys: String, CodingKey {
        case name, id, enrolled, connected, locators, version, engine, endpoints, certificate
        case underlayDevice = "underlay_device"
    }
}

/// What makes a host.
public struct NewHost: APIRequestBody, Equatable {
    /// The name, a DNS label.
    public var name: String

    /// Names a host to be made.
    public init(name: String) { self.name = name }

    public static let fields = [BodyField("name", .string, form: .name, "The host's name, a DNS label")]
}

/// A host that was made, with the token by which its leaf enrols; the token is shown once.
public struct HostInvitation: Codable, Sendable, Equatable {
    /// The name.
    public var name: String
    /// The leaf's 128-bit id, 32 hexadecimal digits.
    public var id: String
    /// The token for `patchbay-leaf join`: secret, single-use.
    public var token: String
    /// When the token ends, RFC 3339.
    public var expiresAt: String

    /// Makes an invitation.
    public init(name: String, id: String, token: String, expiresAt: String) {
        self.name = name
        self.id = id
        self.token = token
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case name, id, token
        case expiresAt = "expires_at"
    }
}

/// What a leaf sends to be enrolled.
public struct EnrolmentRequest: APIRequestBody, Equatable {
    /// The secret of the token, base64url without padding, 32 bytes.
    public var tokenSecret: String
    /// A PKCS #10 request that proves possession of the leaf's key: base64 of its DER.
    public var signingRequest: String

    /// Makes a request.
    public init(tokenSecret: String, signingRequest: String) {
        self.tokenSecret = tokenSecret
        self.signingRequest = signingRequest
    }

    enum CodingKeys: String, CodingKey {
        case tokenSecret = "token_secret"
        case signingRequest = "signing_request"
    }

    public static let fields = [
        BodyField("token_secret", .string, "The secret of the token, base64url of 32 bytes"),
        BodyField("signing_request", .string, "A PKCS #10 request signed with the leaf's key, base64 of its DER"),
    ]
}

/// What an enrolled leaf gets.
public struct Enrolment: Codable, Sendable, Equatable {
    /// Where the leaf finds the controller.
    public struct Controller: Codable, Sendable, Equatable {
        /// The addresses of the gRPC service, `ADDRESS:PORT`, IPv6 in brackets; to be tried in this order.
        public var addresses: [String]
        /// The name that the controller's certificate must have.
        public var serverName: String

        /// Makes a description of the service.
        public init(addresses: [String], serverName: String) {
            self.addresses = addresses
            self.serverName = serverName
        }

        enum CodingKeys: String, CodingKey {
            case addresses
            case serverName = "server_name"
        }
    }

    /// The leaf's certificate, base64 of its DER.
    public var certificate: String
    /// The platform's root, base64 of its DER.
    public var root: String
    /// The leaf's 128-bit id, 32 hexadecimal digits.
    public var leafID: String
    /// The name of its host.
    public var hostName: String
    /// Where the leaf finds the controller.
    public var controller: Controller

    /// Makes an answer.
    public init(certificate: String, root: String, leafID: String, hostName: String, controller: Controller) {
        self.certificate = certificate
        self.root = root
        self.leafID = leafID
        self.hostName = hostName
        self.controller = controller
    }

    enum CodingKeys: String, CodingKey {
        case certificate, root, controller
        case leafID = "leaf_id"
        case hostName = "host_name"
    }
}
