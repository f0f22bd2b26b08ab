public import NetTypes

/// What a store holds, in numbers that name nobody.
public struct StoreFigures: Hashable, Sendable {
    /// How many tenants, hosts, hosts that are enrolled, vnets, endpoints, and endpoints that are published there are.
    public var tenants = 0
    public var hosts = 0
    public var enrolledHosts = 0
    public var vnets = 0
    public var endpoints = 0
    public var publishedEndpoints = 0
    /// How many people have an account, and how many sessions of theirs are kept.
    public var accounts = 0
    public var sessions = 0
    /// How many entries of the audit stand after the last checkpoint of their chain.
    public var unsignedAuditEntries = 0
    /// When the first certificate of a tenant's authority ends; nil without tenants.
    public var tenantCertificateEnd: Timestamp?
    /// When the first certificate that was issued to a leaf or an endpoint and is still valid ends; nil without any.
    public var issuedCertificateEnd: Timestamp?
    /// How many bytes the store takes; nil when it does not know.
    public var byteCount: Int?

    /// No figures.
    public init() {}
}

extension Directory {
    /// What the directory holds, in numbers; of tenants nothing but how much of it there is.
    public func figures() async throws(DirectoryError) -> StoreFigures {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in try tx.figures(at: at) }
    }

    /// Whether the store answers.
    public func checkStore() async throws(DirectoryError) {
        _ = try await store.read { (tx) throws(DirectoryError) in try tx.guardrailsRevisions().count }
    }
}
