import Crypto
public import NetTypes

/// A certificate of an account, with which programs of its user show who they are, as it is kept.
public struct UserCertificate: Hashable, Sendable {
    /// The number of the certificate: the first half of its fingerprint.
    public let id: AccountID
    /// The account in whose name it acts.
    public let user: AccountID
    /// What its owner calls it.
    public let label: DisplayName
    /// The serial number, without leading zeros.
    public let serial: [UInt8]
    /// The public key, DER SubjectPublicKeyInfo.
    public let key: [UInt8]
    /// The certificate, DER.
    public let certificate: [UInt8]
    /// The first second in which it is valid.
    public let notBefore: Timestamp
    /// The last second in which it is valid.
    public let notAfter: Timestamp
    /// When it was made.
    public let createdAt: Timestamp
    /// When it was revoked, if it was.
    public var revokedAt: Timestamp?
    /// When it was used last to get a token; nil before the first time.
    public var lastUsedAt: Timestamp?

    /// The longest life, in seconds: ninety days.
    public static let longest: Int64 = 90 * 86_400
    /// The most certificates of one account that are good at a time.
    public static let most = 20

    /// Takes one from the store.
    public init(
        id: AccountID, user: AccountID, label: DisplayName, serial: [UInt8], key: [UInt8], certificate: [UInt8],
        notBefore: Timestamp, notAfter: Timestamp, createdAt: Timestamp, revokedAt: Timestamp? = nil,
        lastUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.user = user
        self.label = label
        self.serial = serial
        self.key = key
        self.certificate = certificate
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.createdAt = createdAt
        self.revokedAt = revokedAt
        self.lastUsedAt = lastUsedAt
    }

    /// SHA-256 of the certificate.
    public var fingerprint: [UInt8] { Array(SHA256.hash(data: certificate)) }

    /// The number of a certificate with this fingerprint; nil for what is none.
    public static func id(ofFingerprint fingerprint: [UInt8]) -> AccountID? {
        fingerprint.count == 32 ? AccountID(octets: fingerprint.prefix(16)) : nil
    }

    /// Whether it is good at a time.
    public func holds(at now: Timestamp) -> Bool { revokedAt == nil && notBefore <= now && now <= notAfter }

    /// The principal that presents it; nil when it is not good or its user may not sign in.
    public func principal(
        of user: User, grants: [AccessGrant] = [], until: Timestamp, at now: Timestamp
    ) -> Principal? {
        guard user.id == self.user, user.state == .active, holds(at: now), now < until else { return nil }
        return Principal(.user(user.id, user.home), by: .certificate(id, until: until), grants: grants)
    }
}

/// The short-lived tokens that are given for a certificate. Nothing of them is stored: a token names the certificate and
/// its end under an HMAC, and at each use the certificate and its user are looked at.
public struct CertificateTokens: Sendable {
    private let key: SymmetricKey

    /// How long one is good, in seconds.
    public static let lifetime: Int64 = 600
    /// What the text begins with, so that it is found where it should not be.
    public static let prefix = "pbc_"

    /// Takes the platform's key for them, 32 octets; nil for any other length.
    public init?(key: [UInt8]) {
        guard key.count == 32 else { return nil }
        self.key = SymmetricKey(data: key)
    }

    /// A token for a certificate. Secret.
    public func issue(for certificate: AccountID, until: Timestamp) -> String {
        let end = (0..<8).map { UInt8(truncatingIfNeeded: until.seconds >> (56 - 8 * Int64($0))) }
        let content = certificate.octets + end
        return Self.prefix
            + Base64URL.encode(content + HMAC<SHA256>.authenticationCode(for: Self.message(content), using: key))
    }

    /// The certificate of a token and when the token ends; nil for a text that was not issued, or has ended.
    public func open(_ text: String, at now: Timestamp) -> (certificate: AccountID, until: Timestamp)? {
        guard text.utf8.count <= 100, text.hasPrefix(Self.prefix),
            let octets = Base64URL.decode(text.dropFirst(Self.prefix.count)), octets.count == 56
        else { return nil }
        let content = Array(octets.prefix(24))
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                octets.suffix(32), authenticating: Self.message(content), using: key),
            let certificate = AccountID(octets: content.prefix(16))
        else { return nil }
        let until = Timestamp(content.suffix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) })
        return now < until ? (certificate, until) : nil
    }

    private static func message(_ content: [UInt8]) -> [UInt8] { Array("patchbay-certificate-token\n".utf8) + content }
}

extension CertificateTokens: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "CertificateTokens" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
