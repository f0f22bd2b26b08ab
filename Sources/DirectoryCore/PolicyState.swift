public import NetTypes
public import Policy
public import Trust

/// A tenant's policy with the signature that every leaf checks.
public struct PolicyState: Hashable, Sendable {
    /// The document; it names its tenant and its revision.
    public var document: PolicyDocument
    /// The document's canonical bytes, the signature of the tenant's policy key, and its certificates.
    public var signed: SignedPolicy
    /// When the revision was made.
    public var changedAt: Timestamp

    /// The tenant.
    public var tenant: Name { document.tenant }
    /// The number of the revision; it only grows.
    public var revision: UInt64 { document.revision }
}

/// One revision of a tenant's policy as it is stored. The certificates are kept once, with the tenant, since they
/// are renewed more often than policies change.
public struct PolicyRevision: Hashable, Sendable {
    /// The tenant.
    public var tenant: Name
    /// The number of the revision.
    public var revision: UInt64
    /// The canonical bytes of the document.
    public var body: [UInt8]
    /// The signature of the tenant's policy key over them, DER.
    public var signature: [UInt8]
    /// When the revision was made.
    public var changedAt: Timestamp

    public init(tenant: Name, revision: UInt64, body: [UInt8], signature: [UInt8], changedAt: Timestamp) {
        self.tenant = tenant
        self.revision = revision
        self.body = body
        self.signature = signature
        self.changedAt = changedAt
    }
}
