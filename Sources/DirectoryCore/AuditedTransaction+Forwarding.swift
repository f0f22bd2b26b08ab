import Accounts
import AuditLog
import NetTypes
import Trust

// What the wrapper passes on as it is: all that reads, and what is written of leaves, certificates and the audit itself.

extension AuditedTransaction {
    func idempotency(_ id: [UInt8]) throws(DirectoryError) -> IdempotencyRow? { try tx.idempotency(id) }
    func put(_ row: IdempotencyRow) throws(DirectoryError) { try tx.put(row) }
    func delete(idempotency id: [UInt8]) throws(DirectoryError) { try tx.delete(idempotency: id) }
    @discardableResult
    func deleteIdempotency(before time: Timestamp) throws(DirectoryError) -> Int {
        try tx.deleteIdempotency(before: time)
    }
    func suspensions() throws(DirectoryError) -> SuspensionStatement? { try tx.suspensions() }
    func suspendedTenants() throws(DirectoryError) -> [Name] { try tx.suspendedTenants() }
    func userCount(of tenant: Name) throws(DirectoryError) -> Int64 { try tx.userCount(of: tenant) }
    func groupCount(of tenant: Name) throws(DirectoryError) -> Int64 { try tx.groupCount(of: tenant) }
    func put(_ suspensions: SuspensionStatement) throws(DirectoryError) { try tx.put(suspensions) }
    func tenant(_ name: Name) throws(DirectoryError) -> Tenant? { try tx.tenant(name) }
    func tenants() throws(DirectoryError) -> [Tenant] { try tx.tenants() }
    func tenants(renewingAt now: Timestamp) throws(DirectoryError) -> [Tenant] { try tx.tenants(renewingAt: now) }
    func vnet(_ id: VNetID) throws(DirectoryError) -> VNet? { try tx.vnet(id) }
    func vnet(_ name: TenantName) throws(DirectoryError) -> VNet? { try tx.vnet(name) }
    func vnets(of tenant: Name) throws(DirectoryError) -> [VNet] { try tx.vnets(of: tenant) }
    func endpoint(_ identity: Identity) throws(DirectoryError) -> Endpoint? { try tx.endpoint(identity) }
    func endpoint(_ name: TenantName) throws(DirectoryError) -> Endpoint? { try tx.endpoint(name) }
    func endpoint(_ ipv4: IPv4Address, in vnet: VNetID) throws(DirectoryError) -> Endpoint? {
        try tx.endpoint(ipv4, in: vnet)
    }
    func endpoint(kind: Endpoint.Kind, attachment: String, on host: Name) throws(DirectoryError) -> Endpoint? {
        try tx.endpoint(kind: kind, attachment: attachment, on: host)
    }
    func endpoints(of tenant: Name, page: Page) throws(DirectoryError) -> [Endpoint] {
        try tx.endpoints(of: tenant, page: page)
    }
    func endpoints(of tenant: Name, matching query: EndpointQuery, page: Page) throws(DirectoryError) -> [Endpoint] {
        try tx.endpoints(of: tenant, matching: query, page: page)
    }
    func tally(of tenant: Name, by part: EndpointPart, limit: Set<Name>?) throws(DirectoryError) -> [EndpointTally] {
        try tx.tally(of: tenant, by: part, limit: limit)
    }
    func endpointCount(on host: Name) throws(DirectoryError) -> Int { try tx.endpointCount(on: host) }
    func endpoints(on host: Name, limit: Int?) throws(DirectoryError) -> [Endpoint] {
        try tx.endpoints(on: host, limit: limit)
    }
    func endpoints(movingFrom host: Name) throws(DirectoryError) -> [Endpoint] { try tx.endpoints(movingFrom: host) }
    func endpoints(movingUntil deadline: Timestamp) throws(DirectoryError) -> [Endpoint] {
        try tx.endpoints(movingUntil: deadline)
    }
    func borders(of vnet: VNetID) throws(DirectoryError) -> [Endpoint] { try tx.borders(of: vnet) }
    func freeAddress(in vnet: VNetID, range: ClosedRange<UInt32>) throws(DirectoryError) -> IPv4Address? {
        try tx.freeAddress(in: vnet, range: range)
    }
    func group(_ name: TenantName) throws(DirectoryError) -> Group? { try tx.group(name) }
    func groups(of tenant: Name) throws(DirectoryError) -> [Group] { try tx.groups(of: tenant) }
    func members(of group: TenantName, page: Page) throws(DirectoryError) -> [Name] {
        try tx.members(of: group, page: page)
    }
    func memberCount(of group: TenantName) throws(DirectoryError) -> Int { try tx.memberCount(of: group) }
    func host(_ name: Name) throws(DirectoryError) -> LeafHost? { try tx.host(name) }
    func host(_ id: LeafID) throws(DirectoryError) -> LeafHost? { try tx.host(id) }
    func hosts() throws(DirectoryError) -> [LeafHost] { try tx.hosts() }
    func joinGrant(secretHash: [UInt8]) throws(DirectoryError) -> JoinGrant? {
        try tx.joinGrant(secretHash: secretHash)
    }
    func policy(of tenant: Name) throws(DirectoryError) -> PolicyRevision? { try tx.policy(of: tenant) }
    func policy(of tenant: Name, revision: UInt64) throws(DirectoryError) -> PolicyRevision? {
        try tx.policy(of: tenant, revision: revision)
    }
    func policyRevisions(of tenant: Name) throws(DirectoryError) -> [RevisionNote] {
        try tx.policyRevisions(of: tenant)
    }
    func guardrails() throws(DirectoryError) -> GuardrailsRevision? { try tx.guardrails() }
    func guardrails(revision: UInt64) throws(DirectoryError) -> GuardrailsRevision? {
        try tx.guardrails(revision: revision)
    }
    func guardrailsRevisions() throws(DirectoryError) -> [RevisionNote] { try tx.guardrailsRevisions() }
    func facts(of identity: Identity) throws(DirectoryError) -> PublishedFacts? { try tx.facts(of: identity) }
    func issued(serial: [UInt8]) throws(DirectoryError) -> IssuedCertificate? { try tx.issued(serial: serial) }
    func issued(for identity: Identity) throws(DirectoryError) -> [IssuedCertificate] { try tx.issued(for: identity) }
    func issued(to leaf: LeafID) throws(DirectoryError) -> [IssuedCertificate] { try tx.issued(to: leaf) }
    func ownCertificate(of leaf: LeafID) throws(DirectoryError) -> IssuedCertificate? {
        try tx.ownCertificate(of: leaf)
    }
    func userCertificate(_ id: AccountID) throws(DirectoryError) -> UserCertificate? { try tx.userCertificate(id) }
    func userCertificates(of user: AccountID) throws(DirectoryError) -> [UserCertificate] {
        try tx.userCertificates(of: user)
    }
    func revocations() throws(DirectoryError) -> [Revocation] { try tx.revocations() }
    func isRevoked(_ subject: Revocation.Subject) throws(DirectoryError) -> Bool { try tx.isRevoked(subject) }
    func deleteJoinGrants(of host: Name) throws(DirectoryError) { try tx.deleteJoinGrants(of: host) }
    func raiseEpochs(to epoch: Epoch) throws(DirectoryError) -> Int { try tx.raiseEpochs(to: epoch) }
    func put(_ facts: PublishedFacts) throws(DirectoryError) { try tx.put(facts) }
    func deleteFacts(of identity: Identity) throws(DirectoryError) { try tx.deleteFacts(of: identity) }
    func put(_ certificate: IssuedCertificate) throws(DirectoryError) { try tx.put(certificate) }
    func delete(issued serial: [UInt8]) throws(DirectoryError) { try tx.delete(issued: serial) }
    func add(_ revocation: Revocation) throws(DirectoryError) { try tx.add(revocation) }
    @discardableResult
    func deleteExpired(at now: Timestamp) throws(DirectoryError) -> Int { try tx.deleteExpired(at: now) }
    func announce(_ change: DirectoryChange) { tx.announce(change) }
    func user(_ id: AccountID) throws(DirectoryError) -> User? { try tx.user(id) }
    func user(_ name: AccountName) throws(DirectoryError) -> User? { try tx.user(name) }
    func users(of tenant: Name?, after local: String?, limit: Int) throws(DirectoryError) -> [User] {
        try tx.users(of: tenant, after: local, limit: limit)
    }
    func activeOwners(of tenant: Name?) throws(DirectoryError) -> Int { try tx.activeOwners(of: tenant) }
    func session(secretHash: [UInt8]) throws(DirectoryError) -> Session? { try tx.session(secretHash: secretHash) }
    func session(_ id: AccountID) throws(DirectoryError) -> Session? { try tx.session(id) }
    func sessions(of user: AccountID) throws(DirectoryError) -> [Session] { try tx.sessions(of: user) }
    func token(secretHash: [UInt8]) throws(DirectoryError) -> PersonalToken? { try tx.token(secretHash: secretHash) }
    func token(_ id: AccountID) throws(DirectoryError) -> PersonalToken? { try tx.token(id) }
    func tokens(of user: AccountID) throws(DirectoryError) -> [PersonalToken] { try tx.tokens(of: user) }
    func passkey(_ id: AccountID) throws(DirectoryError) -> Passkey? { try tx.passkey(id) }
    func passkey(credential: [UInt8]) throws(DirectoryError) -> Passkey? { try tx.passkey(credential: credential) }
    func passkeys(of user: AccountID) throws(DirectoryError) -> [Passkey] { try tx.passkeys(of: user) }
    func isUsed(challenge: [UInt8]) throws(DirectoryError) -> Bool { try tx.isUsed(challenge: challenge) }
    func use(challenge: [UInt8], until: Timestamp) throws(DirectoryError) {
        try tx.use(challenge: challenge, until: until)
    }
    func accessRequest(_ id: AccountID) throws(DirectoryError) -> AccessRequest? { try tx.accessRequest(id) }
    func accessRequests(of tenant: Name) throws(DirectoryError) -> [AccessRequest] {
        try tx.accessRequests(of: tenant)
    }
    func identityProvider(_ id: AccountID) throws(DirectoryError) -> IdentityProvider? { try tx.identityProvider(id) }
    func identityProvider(_ name: Name) throws(DirectoryError) -> IdentityProvider? { try tx.identityProvider(name) }
    func identityProviders() throws(DirectoryError) -> [IdentityProvider] { try tx.identityProviders() }
    func linkedIdentity(_ id: AccountID) throws(DirectoryError) -> LinkedIdentity? { try tx.linkedIdentity(id) }
    func linkedIdentities(of user: AccountID) throws(DirectoryError) -> [LinkedIdentity] {
        try tx.linkedIdentities(of: user)
    }
    func linkedIdentities(_ provider: AccountID, subject: String) throws(DirectoryError) -> [LinkedIdentity] {
        try tx.linkedIdentities(provider, subject: subject)
    }
    func hasLinkedIdentities(_ provider: AccountID) throws(DirectoryError) -> Bool {
        try tx.hasLinkedIdentities(provider)
    }
    func use(providerTransaction hash: [UInt8], until: Timestamp) throws(DirectoryError) -> Bool {
        try tx.use(providerTransaction: hash, until: until)
    }
    func accessGrant(_ id: AccountID) throws(DirectoryError) -> AccessGrant? { try tx.accessGrant(id) }
    func accessGrants(of tenant: Name) throws(DirectoryError) -> [AccessGrant] { try tx.accessGrants(of: tenant) }
    func accessGrants(for user: AccountID, at now: Timestamp) throws(DirectoryError) -> [AccessGrant] {
        try tx.accessGrants(for: user, at: now)
    }
    @discardableResult
    func deleteExpiredAccess(at now: Timestamp) throws(DirectoryError) -> Int { try tx.deleteExpiredAccess(at: now) }
    func auditHead(of chain: AuditChainName) throws(DirectoryError) -> AuditHead { try tx.auditHead(of: chain) }
    func auditLines(of chain: AuditChainName, after number: UInt64, limit: Int) throws(DirectoryError) -> [[UInt8]] {
        try tx.auditLines(of: chain, after: number, limit: limit)
    }
    func auditLines(of chain: AuditChainName, before number: UInt64?, filter: AuditFilter, limit: Int)
        throws(DirectoryError) -> [[UInt8]]
    {
        try tx.auditLines(of: chain, before: number, filter: filter, limit: limit)
    }
    func auditCheckpoint(of chain: AuditChainName, atMost count: UInt64?) throws(DirectoryError) -> AuditCheckpoint? {
        try tx.auditCheckpoint(of: chain, atMost: count)
    }
    func auditChainsToSign() throws(DirectoryError) -> [(chain: AuditChainName, head: AuditHead)] {
        try tx.auditChainsToSign()
    }
    func append(_ entry: SealedEntry) throws(DirectoryError) { try tx.append(entry) }
    func put(_ checkpoint: AuditCheckpoint) throws(DirectoryError) { try tx.put(checkpoint) }
    func deleteAudit(of chain: AuditChainName, through number: UInt64) throws(DirectoryError) {
        try tx.deleteAudit(of: chain, through: number)
    }
    func figures(at now: Timestamp) throws(DirectoryError) -> StoreFigures { try tx.figures(at: now) }
}
