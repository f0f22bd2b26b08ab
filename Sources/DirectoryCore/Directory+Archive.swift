public import Accounts
public import NetTypes

/// Everything of a tenant at one moment but secrets: private keys, passwords and tokens are nowhere in it.
public struct TenantArchive: Sendable {
    /// An endpoint, with what was last published of it.
    public struct Item: Sendable {
        public var endpoint: Endpoint
        public var published: PublishedFacts?
    }

    public var at: Timestamp
    public var tenant: Tenant
    public var quota: QuotaUse
    /// In order of name, like all that follows.
    public var vnets: [VNet]
    public var groups: [Group]
    public var endpoints: [Item]
    /// The newest first.
    public var revisions: [PolicyRevision]
    public var users: [User]
    /// By account, the oldest first.
    public var passkeys: [AccountID: [Passkey]]
    /// The newest first.
    public var grants: [AccessGrant]
}

extension Directory {
    /// Reads everything of a tenant as it is at one moment.
    public func archive(of name: Name) async throws(DirectoryError) -> TenantArchive {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(name)
            var archive = TenantArchive(
                at: at, tenant: tenant, quota: try tx.quotaUse(of: tenant), vnets: try tx.vnets(of: name),
                groups: try tx.groups(of: name), endpoints: [], revisions: [], users: [], passkeys: [:],
                grants: try tx.accessGrants(of: name))
            var page = Page(limit: 10_000)
            repeat {
                let endpoints = try tx.endpoints(of: name, page: page)
                for endpoint in endpoints {
                    archive.endpoints.append(.init(endpoint: endpoint, published: try tx.facts(of: endpoint.identity)))
                }
                page.after = endpoints.count == page.limit ? endpoints.last?.name.name : nil
            } while page.after != nil
            for note in try tx.policyRevisions(of: name) {
                if let revision = try tx.policy(of: name, revision: note.revision) {
                    archive.revisions.append(revision)
                }
            }
            var last: String?
            repeat {
                let users = try tx.users(of: name, after: last, limit: 1_000)
                archive.users += users
                last = users.count == 1_000 ? users.last?.name.local : nil
            } while last != nil
            for user in archive.users where user.passkeyCount > 0 {
                archive.passkeys[user.id] = try tx.passkeys(of: user.id)
            }
            return archive
        }
    }
}
