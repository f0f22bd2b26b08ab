public import NetTypes

/// The note of a certificate that was issued to a leaf, for itself or for an endpoint it runs.
///
/// It is kept until the certificate expires or is revoked; a certificate without such a note is not accepted in a
/// publication or at the door, whoever signed it.
public struct IssuedCertificate: Hashable, Sendable {
    /// The serial number, big-endian without leading zero octets.
    public var serial: [UInt8]
    /// SHA-256 of the SubjectPublicKeyInfo.
    public var keyHash: [UInt8]
    /// The leaf that asked for it and has its key.
    public var leaf: LeafID
    /// The endpoint it is about; nil when it is the leaf's own.
    public var identity: Identity?
    /// The last second in which it is valid.
    public var notAfter: Timestamp
    /// The first second in which it is valid; nil for one that was noted before this was kept.
    public var notBefore: Timestamp?
    /// SHA-256 of the certificate; nil for one that was noted before this was kept.
    public var fingerprint: [UInt8]?

    public init(
        serial: [UInt8], keyHash: [UInt8], leaf: LeafID, identity: Identity?, notAfter: Timestamp,
        notBefore: Timestamp? = nil, fingerprint: [UInt8]? = nil
    ) {
        self.notBefore = notBefore
        self.fingerprint = fingerprint
        self.serial = serial
        self.keyHash = keyHash
        self.leaf = leaf
        self.identity = identity
        self.notAfter = notAfter
    }
}

/// Something that is no longer to be believed, though its certificates have not expired.
public struct Revocation: Hashable, Sendable {
    /// What is revoked.
    public enum Subject: Hashable, Sendable {
        /// Everything that was certified for an identity.
        case identity(Identity)
        /// The certificate with a serial number (big-endian, without leading zero octets), and all below it.
        case serial([UInt8])
        /// All certificates for a key (SHA-256 of the SubjectPublicKeyInfo), and all below them.
        case key([UInt8])
    }

    /// What is revoked.
    public var subject: Subject
    /// When the last certificate that it could concern has expired; it may be forgotten then.
    public var expiresAt: Timestamp

    public init(_ subject: Subject, expiresAt: Timestamp) {
        self.subject = subject
        self.expiresAt = expiresAt
    }
}
