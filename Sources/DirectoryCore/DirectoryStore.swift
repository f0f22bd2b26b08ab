public import NetTypes

/// Where the directory keeps its things: the port that SQLite implements, and later etcd.
///
/// A store runs transactions one after the other (or as if), all or nothing, and tells what was announced in those
/// that were committed. It validates nothing: the directory does, in the transaction. `DirectoryStoreConformance` in
/// the tests says what is asked of every store.
public protocol DirectoryStore: Sendable {
    /// Runs a body on one consistent state.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryReader) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T

    /// Runs a body and commits what it wrote; an error rolls everything back. The body may be run more than once
    /// (a distributed store retries), so it has no effects but those on the transaction.
    func write<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryTransaction) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T

    /// What is announced in transactions committed from now on, in the order of their commits. The stream is
    /// bounded; a reader that is too slow gets ``DirectoryChange/resync`` in place of what was dropped.
    func changes() -> AsyncStream<DirectoryChange>
}

/// One page of a list, in order of its key.
public struct Page: Hashable, Sendable {
    /// The name after which the page begins; nil for the first page.
    public var after: Name?
    /// How many there are at most.
    public let limit: Int

    /// Asks for a page; a limit outside 1 to 10,000 is taken as the nearest of these.
    public init(after: Name? = nil, limit: Int = 1_000) {
        self.after = after
        self.limit = min(max(limit, 1), 10_000)
    }
}

/// What a transaction can read. Every operation is a look-up by key or the walk of a range of an index.
public protocol DirectoryReader: AccountReader, IdentityReader, AuditReader, LifeCycleReader, UsageReader,
    IdempotencyReader
{
    func tenant(_ name: Name) throws(DirectoryError) -> Tenant?
    /// All tenants in order of name.
    func tenants() throws(DirectoryError) -> [Tenant]
    /// The tenants whose certificates are to be renewed at a time.
    func tenants(renewingAt now: Timestamp) throws(DirectoryError) -> [Tenant]

    func vnet(_ id: VNetID) throws(DirectoryError) -> VNet?
    func vnet(_ name: TenantName) throws(DirectoryError) -> VNet?
    /// A tenant's vnets in order of name.
    func vnets(of tenant: Name) throws(DirectoryError) -> [VNet]

    func endpoint(_ identity: Identity) throws(DirectoryError) -> Endpoint?
    func endpoint(_ name: TenantName) throws(DirectoryError) -> Endpoint?
    func endpoint(_ ipv4: IPv4Address, in vnet: VNetID) throws(DirectoryError) -> Endpoint?
    func endpoint(kind: Endpoint.Kind, attachment: String, on host: Name) throws(DirectoryError) -> Endpoint?
    /// A tenant's endpoints in order of name.
    func endpoints(of tenant: Name, page: Page) throws(DirectoryError) -> [Endpoint]
    /// Those of a tenant's endpoints that are asked for, in order of name.
    func endpoints(of tenant: Name, matching query: EndpointQuery, page: Page) throws(DirectoryError) -> [Endpoint]
    /// How many endpoints a tenant has, by what they belong to, in order of name; parts without any are not named.
    /// `limit`: only endpoints that are in one of these groups; nil: all.
    func tally(of tenant: Name, by part: EndpointPart, limit: Set<Name>?) throws(DirectoryError) -> [EndpointTally]
    /// The endpoints that are wanted on a host, in order of identity; `limit` nil: all.
    func endpoints(on host: Name, limit: Int?) throws(DirectoryError) -> [Endpoint]
    /// How many endpoints are wanted on a host.
    func endpointCount(on host: Name) throws(DirectoryError) -> Int
    /// The endpoints that a host still has to give up, in order of identity.
    func endpoints(movingFrom host: Name) throws(DirectoryError) -> [Endpoint]
    /// The endpoints whose move has a deadline not later than a time.
    func endpoints(movingUntil deadline: Timestamp) throws(DirectoryError) -> [Endpoint]
    /// The endpoints of a vnet that speak for prefixes outside, in order of name.
    func borders(of vnet: VNetID) throws(DirectoryError) -> [Endpoint]
    /// The first address of a range that no endpoint of the vnet has.
    func freeAddress(in vnet: VNetID, range: ClosedRange<UInt32>) throws(DirectoryError) -> IPv4Address?

    func group(_ name: TenantName) throws(DirectoryError) -> Group?
    func groups(of tenant: Name) throws(DirectoryError) -> [Group]
    /// The names of a group's members in order.
    func members(of group: TenantName, page: Page) throws(DirectoryError) -> [Name]
    /// How many members a group has.
    func memberCount(of group: TenantName) throws(DirectoryError) -> Int

    func host(_ name: Name) throws(DirectoryError) -> LeafHost?
    func host(_ id: LeafID) throws(DirectoryError) -> LeafHost?
    func hosts() throws(DirectoryError) -> [LeafHost]
    func joinGrant(secretHash: [UInt8]) throws(DirectoryError) -> JoinGrant?

    /// The newest revision of a tenant's policy.
    func policy(of tenant: Name) throws(DirectoryError) -> PolicyRevision?
    /// One revision, if it is still kept.
    func policy(of tenant: Name, revision: UInt64) throws(DirectoryError) -> PolicyRevision?
    /// The revisions that are kept, newest first, without what is in them.
    func policyRevisions(of tenant: Name) throws(DirectoryError) -> [RevisionNote]

    /// The newest guardrails; nil before the first.
    func guardrails() throws(DirectoryError) -> GuardrailsRevision?
    /// One revision of the guardrails, if it is still kept.
    func guardrails(revision: UInt64) throws(DirectoryError) -> GuardrailsRevision?
    /// The revisions of the guardrails that are kept, newest first, without what is in them.
    func guardrailsRevisions() throws(DirectoryError) -> [RevisionNote]

    func facts(of identity: Identity) throws(DirectoryError) -> PublishedFacts?
    func issued(serial: [UInt8]) throws(DirectoryError) -> IssuedCertificate?
    func issued(for identity: Identity) throws(DirectoryError) -> [IssuedCertificate]
    /// All certificates whose keys a leaf has: its own and those of endpoints.
    func issued(to leaf: LeafID) throws(DirectoryError) -> [IssuedCertificate]
    /// The newest certificate of a leaf itself.
    func ownCertificate(of leaf: LeafID) throws(DirectoryError) -> IssuedCertificate?
    func revocations() throws(DirectoryError) -> [Revocation]
    func isRevoked(_ subject: Revocation.Subject) throws(DirectoryError) -> Bool

    /// How much there is of everything, quickly enough to be asked every few seconds.
    func figures(at now: Timestamp) throws(DirectoryError) -> StoreFigures
}

/// What a transaction can write. `put` inserts or replaces by primary key; `delete` of what is absent does nothing.
public protocol DirectoryTransaction:
    DirectoryReader, AccountTransaction, IdentityTransaction, AuditTransaction, LifeCycleTransaction, UsageTransaction,
    IdempotencyTransaction
{
    /// Writes a tenant with its locks.
    func put(_ tenant: Tenant) throws(DirectoryError)
    /// Deletes a tenant with its groups, policy revisions and vnets; it has no endpoints.
    func delete(tenant: Name) throws(DirectoryError)

    func put(_ vnet: VNet) throws(DirectoryError)
    func delete(vnet: VNetID) throws(DirectoryError)

    /// Writes an endpoint with its memberships.
    func put(_ endpoint: Endpoint) throws(DirectoryError)
    /// Sets the epoch of every endpoint to one, or to the next where that is higher; returns how many there are.
    func raiseEpochs(to epoch: Epoch) throws(DirectoryError) -> Int
    /// Deletes an endpoint with its memberships, facts and notes of certificates.
    func delete(endpoint: Identity) throws(DirectoryError)

    func put(_ group: Group) throws(DirectoryError)
    func delete(group: TenantName) throws(DirectoryError)

    func put(_ host: LeafHost) throws(DirectoryError)
    /// Deletes a host with its grants and the notes of its certificates; it has no endpoints.
    func delete(host: Name) throws(DirectoryError)
    func put(_ grant: JoinGrant) throws(DirectoryError)
    /// Forgets all grants of a host.
    func deleteJoinGrants(of host: Name) throws(DirectoryError)

    /// Adds a revision, and forgets those that are older than the newest `keep`, or than the newest that have `bytes`
    /// bytes together. The one that is added stays.
    func add(_ policy: PolicyRevision, keep: Int, bytes: Int) throws(DirectoryError)
    /// Adds a revision of the guardrails, and forgets others like that of policies.
    func add(_ guardrails: GuardrailsRevision, keep: Int, bytes: Int) throws(DirectoryError)

    func put(_ facts: PublishedFacts) throws(DirectoryError)
    func deleteFacts(of identity: Identity) throws(DirectoryError)
    func put(_ certificate: IssuedCertificate) throws(DirectoryError)
    func delete(issued serial: [UInt8]) throws(DirectoryError)
    func add(_ revocation: Revocation) throws(DirectoryError)
    /// Forgets revocations and notes of certificates that have expired, and grants ``JoinGrant/memory`` later;
    /// returns how many.
    @discardableResult
    func deleteExpired(at now: Timestamp) throws(DirectoryError) -> Int

    /// Tells the readers of the change feed, once the transaction is committed.
    func announce(_ change: DirectoryChange)
}
