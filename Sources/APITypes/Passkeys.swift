// The JSON of WebAuthn Level 3 (sections 5.1.8 to 5.1.10), whose keys are its own. Octets are base64url without padding.

/// What `navigator.credentials.create` takes: `PublicKeyCredentialCreationOptionsJSON`.
public struct PasskeyCreationOptions: Codable, Sendable, Equatable {
    /// Who passkeys are made for.
    public struct RelyingParty: Codable, Sendable, Equatable {
        /// The host name to which they are bound.
        public var id: String
        /// What people are shown.
        public var name: String

        public init(id: String, name: String) {
            self.id = id
            self.name = name
        }
    }

    /// Whose the passkey will be.
    public struct User: Codable, Sendable, Equatable {
        /// The number of the account, 16 octets.
        public var id: String
        /// The name for the sign-in.
        public var name: String
        public var displayName: String

        public init(id: String, name: String, displayName: String) {
            self.id = id
            self.name = name
            self.displayName = displayName
        }
    }

    /// A kind of key that will do.
    public struct Parameter: Codable, Sendable, Equatable {
        /// `public-key`.
        public var type: String
        /// The number of the algorithm in COSE: -7, -8 or -257.
        public var alg: Int64

        public init(alg: Int64) {
            type = "public-key"
            self.alg = alg
        }
    }

    /// What the authenticator should be able to do.
    public struct Selection: Codable, Sendable, Equatable {
        /// `preferred`: so that it can be signed in with alone.
        public var residentKey: String
        public var requireResidentKey: Bool
        public var userVerification: String

        public init(residentKey: String, userVerification: String) {
            self.residentKey = residentKey
            requireResidentKey = residentKey == "required"
            self.userVerification = userVerification
        }
    }

    public var rp: RelyingParty
    public var user: User
    public var challenge: String
    public var pubKeyCredParams: [Parameter]
    /// How long the browser may wait for its user, in milliseconds.
    public var timeout: UInt64
    /// The passkeys that the account has.
    public var excludeCredentials: [PasskeyDescriptor]
    public var authenticatorSelection: Selection
    /// `none`.
    public var attestation: String

    public init(
        rp: RelyingParty, user: User, challenge: String, pubKeyCredParams: [Parameter], timeout: UInt64,
        excludeCredentials: [PasskeyDescriptor], authenticatorSelection: Selection, attestation: String
    ) {
        self.rp = rp
        self.user = user
        self.challenge = challenge
        self.pubKeyCredParams = pubKeyCredParams
        self.timeout = timeout
        self.excludeCredentials = excludeCredentials
        self.authenticatorSelection = authenticatorSelection
        self.attestation = attestation
    }
}

/// A passkey as browsers name it.
public struct PasskeyDescriptor: Codable, Sendable, Equatable {
    /// `public-key`.
    public var type: String
    /// The credential's id.
    public var id: String
    /// How its authenticator may be reached.
    public var transports: [String]

    public init(id: String, transports: [String]) {
        type = "public-key"
        self.id = id
        self.transports = transports
    }
}

/// What `navigator.credentials.get` takes: `PublicKeyCredentialRequestOptionsJSON`.
public struct PasskeyRequestOptions: Codable, Sendable, Equatable {
    public var challenge: String
    /// How long the browser may wait for its user, in milliseconds.
    public var timeout: UInt64
    public var rpId: String
    /// The passkeys that will do; none: any that says itself whose it is.
    public var allowCredentials: [PasskeyDescriptor]
    /// `required` for a sign-in by a passkey alone, else `preferred`.
    public var userVerification: String

    public init(
        challenge: String, timeout: UInt64, rpId: String, allowCredentials: [PasskeyDescriptor],
        userVerification: String
    ) {
        self.challenge = challenge
        self.timeout = timeout
        self.rpId = rpId
        self.allowCredentials = allowCredentials
        self.userVerification = userVerification
    }
}

/// A passkey that was made, and what it is to be called.
public struct NewPasskey: APIRequestBody, Equatable {
    /// `RegistrationResponseJSON`, as far as it is looked at.
    public struct Credential: Codable, Sendable, Equatable {
        public struct Response: Codable, Sendable, Equatable {
            public var clientDataJSON: String
            public var attestationObject: String
            public var transports: [String]?

            public init(clientDataJSON: String, attestationObject: String, transports: [String]?) {
                self.clientDataJSON = clientDataJSON
                self.attestationObject = attestationObject
                self.transports = transports
            }
        }

        public var id: String
        public var type: String
        public var response: Response

        public init(id: String, response: Response) {
            self.id = id
            type = PasskeyForm.type
            self.response = response
        }
    }

    public var label: String
    public var credential: Credential

    public init(label: String, credential: Credential) {
        self.label = label
        self.credential = credential
    }

    public static let fields = [
        BodyField("label", .string, "What it is called, 1 to 64 characters"),
        PasskeyForm.credential([
            BodyField("clientDataJSON", .string, form: .base64url, "The browser's client data"),
            BodyField("attestationObject", .string, form: .base64url, "What the authenticator made"),
            BodyField("transports", .strings, isOptional: true, "How the authenticator is reached"),
        ]),
    ]
}

/// What a passkey is to be called.
public struct PasskeyLabel: APIRequestBody, Equatable {
    public var label: String

    public init(label: String) { self.label = label }

    public static let fields = [BodyField("label", .string, "What it is called, 1 to 64 characters")]
}

/// That somebody has a passkey.
public struct PasskeyProof: APIRequestBody, Equatable {
    /// `AuthenticationResponseJSON`, as far as it is looked at.
    public struct Credential: Codable, Sendable, Equatable {
        public struct Response: Codable, Sendable, Equatable {
            public var clientDataJSON: String
            public var authenticatorData: String
            public var signature: String
            /// The number of the account, by word of the authenticator.
            public var userHandle: String?

            public init(clientDataJSON: String, authenticatorData: String, signature: String, userHandle: String?) {
                self.clientDataJSON = clientDataJSON
                self.authenticatorData = authenticatorData
                self.signature = signature
                self.userHandle = userHandle
            }
        }

        public var id: String
        public var type: String
        public var response: Response

        public init(id: String, response: Response) {
            self.id = id
            type = PasskeyForm.type
            self.response = response
        }
    }

    public var credential: Credential

    public init(credential: Credential) { self.credential = credential }

    public static let fields = [
        PasskeyForm.credential([
            BodyField("clientDataJSON", .string, form: .base64url, "The browser's client data"),
            BodyField("authenticatorData", .string, form: .base64url, "What the authenticator says"),
            BodyField("signature", .string, form: .base64url, "Its signature over both"),
            BodyField("userHandle", .string, isOptional: true, form: .base64url, "Whose passkey it is"),
        ])
    ]
}

/// What both answers of browsers have in common.
enum PasskeyForm {
    static let type = "public-key"

    static func credential(_ response: [BodyField]) -> BodyField {
        BodyField(
            "credential", .object,
            members: [
                BodyField("id", .string, form: .base64url, "The credential's id"),
                BodyField("type", .string, values: [type], "What kind of credential it is"),
                BodyField("response", .object, members: response, "What the authenticator answered"),
            ], "What the browser gave, as its toJSON() writes it")
    }
}

/// A passkey as it is listed.
public struct PasskeySummary: Codable, Sendable, Equatable {
    public var id: String
    public var label: String
    /// Whether it is copied to other devices of its user, by word of the authenticator.
    public var isBackedUp: Bool
    public var createdAt: String
    public var lastUsedAt: String?

    public init(id: String, label: String, isBackedUp: Bool, createdAt: String, lastUsedAt: String?) {
        self.id = id
        self.label = label
        self.isBackedUp = isBackedUp
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }

    enum CodingKeys: String, CodingKey {
        case id, label
        case isBackedUp = "is_backed_up"
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
    }
}
