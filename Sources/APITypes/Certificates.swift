/// What makes a certificate of one's own.
public struct NewCertificate: APIRequestBody, Equatable {
    /// A PKCS #10 request, PEM.
    public var csr: String
    public var label: String
    public var days: UInt64

    public init(csr: String, label: String, days: UInt64) {
        self.csr = csr
        self.label = label
        self.days = days
    }

    public static let fields = [
        BodyField(
            "csr", .string,
            "A PKCS #10 request in PEM, signed with a key of P-256; nothing but the key is taken from it"),
        BodyField("label", .string, "What it is for, 1 to 64 characters"),
        BodyField("days", .number, most: 90, "For how many days it is good, 1 to 90"),
    ]
}

/// A certificate of an account.
public struct PersonalCertificate: Codable, Sendable, Equatable {
    /// The first half of the certificate's fingerprint, 32 hexadecimal digits.
    public var id: String
    public var label: String
    /// What it says, and itself.
    public var certificate: CertificateFacts
    public var createdAt: String
    public var lastUsedAt: String?
    public var revokedAt: String?
    /// Whether it is good now.
    public var holds: Bool
    /// The certificate of who issued it, PEM: the tenant's CA, or the platform's root. Told when it is made.
    public var issuer: String?

    public init(
        id: String, label: String, certificate: CertificateFacts, createdAt: String, lastUsedAt: String?,
        revokedAt: String?, holds: Bool, issuer: String? = nil
    ) {
        self.id = id
        self.label = label
        self.certificate = certificate
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
        self.holds = holds
        self.issuer = issuer
    }

    enum CodingKeys: String, CodingKey {
        case id, label, certificate, holds, issuer
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
        case revokedAt = "revoked_at"
    }
}

/// What shows that somebody has the key of a certificate.
public struct CertificateAssertion: APIRequestBody, Equatable {
    /// A JSON Web Token (RFC 7523, section 3), ES256, with the certificate's `x5t#S256` in its header.
    public var assertion: String

    public init(assertion: String) { self.assertion = assertion }

    public static let fields = [
        BodyField(
            "assertion", .string,
            "A JWT of ES256 with 'x5t#S256' of the certificate; 'iss' and 'sub' its URI, 'aud' the controller, 'jti', 'exp'"
        )
    ]
}

/// A token that was given for a certificate (RFC 6749, section 5.1).
public struct CertificateToken: Codable, Sendable, Equatable {
    public var accessToken: String
    public var tokenType: String
    /// For how many seconds it is good.
    public var expiresIn: UInt64

    public init(accessToken: String, tokenType: String, expiresIn: UInt64) {
        self.accessToken = accessToken
        self.tokenType = tokenType
        self.expiresIn = expiresIn
    }

    enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case tokenType = "token_type"
        case expiresIn = "expires_in"
    }
}
