import Accounts
import Crypto
public import NetTypes

/// What would go with a tenant.
public struct TenantDeletion: Hashable, Sendable {
    /// Things of one kind.
    public struct Part: Hashable, Sendable {
        /// `endpoints`, `vnets`, `groups`, `policy revisions`, `users`, `access grants`.
        public var kind: String
        public var count: Int
        /// The first of their names.
        public var names: [String]
    }

    /// The tenant's name.
    public var tenant: Name
    /// The tenant's unique id.
    public var id: String
    /// Every kind, always in the same order.
    public var parts: [Part]
    /// A digest of all that would go: whoever presents it has seen just this.
    public var confirmation: String

    /// How many names of each kind are told.
    public static let names = 10
}

extension Directory {
    /// What would go with a tenant if it were deleted now.
    public func previewDeletion(of name: Name) async throws(DirectoryError) -> TenantDeletion {
        try await store.read { (tx) throws(DirectoryError) in
            var inventory = TenantInventory(try tx.requireTenant(name))
            try inventory.collect(tx) { _ in }
            return inventory.deletion
        }
    }

    /// Deletes a tenant with all that it has, and revokes its authority and with it everything that was ever certified
    /// under it.
    ///
    /// - Parameter confirmation: the digest of what ``previewDeletion(of:)`` has told.
    /// - Throws: ``DirectoryError/Code/unconfirmed`` where that is no longer what would go.
    public func deleteTenant(_ name: Name, confirmation: String) async throws(DirectoryError) {
        let at = now()
        let tenant = try await write { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(name)
            var inventory = TenantInventory(tenant)
            var endpoints: [Endpoint] = []
            try inventory.collect(tx) { endpoints.append($0) }
            guard inventory.deletion.confirmation == confirmation.lowercased() else {
                throw DirectoryError(
                    .unconfirmed, "What would go with '\(name)' is not what was confirmed: it has changed meanwhile.",
                    pointer: "confirm", remedy: "Look at what would go now, and confirm that.")
            }
            let revocation = Revocation(.key(tenant.authorityKeyHash), expiresAt: tenant.authorityNotAfter)
            try tx.add(revocation)
            tx.announce(.revoked(revocation))
            var hosts: Set<Name> = []
            for endpoint in endpoints {
                try tx.delete(endpoint: endpoint.identity)
                tx.announce(.endpointChanged(endpoint.identity))
                hosts.insert(endpoint.host)
                if case .moving(let from, _) = endpoint.state { hosts.insert(from) }
            }
            for host in hosts.sorted() {
                if let host = try tx.host(host) { tx.announce(.portsChanged(host.id)) }
            }
            try tx.delete(tenant: name)
            tx.announce(.policyChanged(tenant: name))
            // Last: leaves have closed the ports by then.
            if tenant.suspension != nil { try self.stateSuspensions(at: at, tx) }
            tx.tell(.deleted, tenant: name)
            return tenant
        }
        forget(tenant)
    }
}

/// Counts and names what a tenant has, and makes a digest of it.
struct TenantInventory {
    private let tenant: Tenant
    private var digest = SHA256()
    private var parts: [TenantDeletion.Part] = []

    init(_ tenant: Tenant) {
        self.tenant = tenant
        // The id, not the name: a digest is never good for a later tenant of the same name.
        digest.update(data: tenant.authorityKeyHash)
    }

    /// Looks at everything, endpoints first.
    mutating func collect(
        _ tx: any DirectoryReader, _ body: (Endpoint) -> Void
    ) throws(DirectoryError) {
        begin("endpoints")
        var page = Page(limit: 10_000)
        repeat {
            let endpoints = try tx.endpoints(of: tenant.name, page: page)
            for endpoint in endpoints {
                add(endpoint.name.name.text, mark: endpoint.identity.description)
                body(endpoint)
            }
            page.after = endpoints.count == page.limit ? endpoints.last?.name.name : nil
        } while page.after != nil
        begin("vnets")
        for vnet in try tx.vnets(of: tenant.name) { add(vnet.name.name.text, mark: vnet.id.description) }
        begin("groups")
        for group in try tx.groups(of: tenant.name) { add(group.name.name.text) }
        begin("policy revisions")
        for revision in try tx.policyRevisions(of: tenant.name) { add("\(revision.revision)") }
        begin("users")
        var last: String?
        repeat {
            let users = try tx.users(of: tenant.name, after: last, limit: 1_000)
            for user in users { add(user.name.local, mark: "\(user.id)") }
            last = users.count == 1_000 ? users.last?.name.local : nil
        } while last != nil
        begin("access grants")
        for grant in try tx.accessGrants(of: tenant.name) where grant.revokedAt == nil { add("\(grant.id)") }
    }

    private mutating func begin(_ kind: String) {
        parts.append(.init(kind: kind, count: 0, names: []))
        digest.update(data: Array("\n\(kind)\n".utf8))
    }

    /// Counts one of the present kind; the mark tells it from another of the same name.
    private mutating func add(_ name: String, mark: String = "") {
        let index = parts.count - 1
        parts[index].count += 1
        if parts[index].names.count < TenantDeletion.names { parts[index].names.append(name) }
        digest.update(data: Array("\(name) \(mark)\n".utf8))
    }

    var deletion: TenantDeletion {
        TenantDeletion(
            tenant: tenant.name, id: tenant.id, parts: parts, confirmation: hexadecimal(Array(digest.finalize())))
    }
}
