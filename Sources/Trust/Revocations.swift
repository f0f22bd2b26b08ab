public import NetTypes

/// What has been revoked: identities, certificates by serial number, and keys.
///
/// A revocation by serial number or key of a tenant's CA revokes all below it. Serial numbers are random and of 126
/// bits, so they need no issuer beside them. A certificate whose signature (r, s) was replaced by its twin (r, n−s)
/// has the same identity, serial number and key, so it is revoked with the original.
public struct Revocations: Hashable, Sendable {
    /// The revoked identities.
    public private(set) var identities: Set<Identity> = []
    /// The revoked serial numbers, without leading zeros.
    public private(set) var serials: Set<[UInt8]> = []
    /// SHA-256 of the SubjectPublicKeyInfo of the revoked keys.
    public private(set) var keyHashes: Set<[UInt8]> = []

    /// Nothing is revoked.
    public init() {}

    /// Nothing is revoked.
    public static let none = Revocations()

    /// Revokes every certificate of an identity.
    public mutating func revoke(identity: Identity) { identities.insert(identity) }

    /// Revokes the certificate with a serial number, and all below it.
    public mutating func revoke(serial: [UInt8]) { serials.insert(Self.canonical(serial)) }

    /// Revokes every certificate of a key, and all below them.
    public mutating func revoke(keyHash: [UInt8]) { keyHashes.insert(keyHash) }

    /// Takes up everything that the other ones revoke.
    public mutating func formUnion(_ other: Revocations) {
        identities.formUnion(other.identities)
        serials.formUnion(other.serials)
        keyHashes.formUnion(other.keyHashes)
    }

    /// How many revocations there are.
    public var count: Int { identities.count + serials.count + keyHashes.count }

    /// Which revocation, if any, hits a certificate.
    public func revocation(
        serial: [UInt8], keyHash: [UInt8], identity: Identity? = nil
    ) -> TrustRefusal.RevocationKey? {
        if let identity, identities.contains(identity) { return .identity }
        if serials.contains(Self.canonical(serial)) { return .serial }
        if keyHashes.contains(keyHash) { return .key }
        return nil
    }

    private static func canonical(_ serial: [UInt8]) -> [UInt8] {
        serial.first == 0 ? Array(serial.drop { $0 == 0 }) : serial
    }
}
