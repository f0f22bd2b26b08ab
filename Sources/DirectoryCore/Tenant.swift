public import NetTypes
public import Trust

/// A customer of the platform: a name space of vnets, endpoints and groups, with a certificate authority and a
/// policy of its own. Nothing passes between tenants.
public struct Tenant: Hashable, Sendable {
    /// The tenant's name, unique on the platform.
    public var name: Name
    /// When it was created.
    public var createdAt: Timestamp
    /// The certificate of the tenant's certificate authority, DER.
    public var authority: [UInt8]
    /// The name of the authority's key in the key store.
    public var authorityKey: String
    /// SHA-256 of the authority's SubjectPublicKeyInfo; to revoke it is to revoke the tenant.
    public var authorityKeyHash: [UInt8]
    /// The last second in which the authority's certificate is valid.
    public var authorityNotAfter: Timestamp
    /// The certificate of the key that signs the tenant's policy, DER.
    public var policyCertificate: [UInt8]
    /// The name of the policy key in the key store.
    public var policyKey: String
    /// When the policy certificate or the authority's is to be renewed, whichever comes first.
    public var renewAt: Timestamp
    /// Statements about who signs the policy in place of the policy key, the oldest first.
    public var locks: [SignedLock]
    /// Since when and why its wires are cut; nil: it is not suspended.
    public var suspension: Suspension?
    /// How much of everything it may have.
    public var quota: Quota

    public init(
        name: Name, createdAt: Timestamp, authority: [UInt8], authorityKey: String, authorityKeyHash: [UInt8],
        authorityNotAfter: Timestamp, policyCertificate: [UInt8], policyKey: String, renewAt: Timestamp,
        locks: [SignedLock] = [], suspension: Suspension? = nil, quota: Quota = .unlimited
    ) {
        self.name = name
        self.createdAt = createdAt
        self.authority = authority
        self.authorityKey = authorityKey
        self.authorityKeyHash = authorityKeyHash
        self.authorityNotAfter = authorityNotAfter
        self.policyCertificate = policyCertificate
        self.policyKey = policyKey
        self.renewAt = renewAt
        self.locks = locks
        self.suspension = suspension
        self.quota = quota
    }

    /// The tenant's unique id: the hash of its authority's key, hexadecimal. Another tenant of the same name has another.
    public var id: String { hexadecimal(authorityKeyHash) }
}
