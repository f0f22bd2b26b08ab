public import NetTypes
import PolicyLanguage
import Trust

extension Directory {
    /// Creates a tenant with its certificate authority, its policy key and its first policy, which is empty.
    public func createTenant(_ name: Name) async throws(DirectoryError) -> Tenant {
        let at = now()
        // A suffix keeps the keys of a tenant apart from those of a former one of the same name.
        let suffix = hexadecimal(random(4))
        let authorityKeyName = "tenant-\(name)-authority-\(suffix)"
        let policyKeyName = "tenant-\(name)-policy-\(suffix)"
        let authorityKey = SigningKey()
        let policyKey = SigningKey()
        let authority = try platform.issueTenant(name, key: authorityKey, at: at)
        let policy = try platform.issuePolicy(
            key: policyKey, authority: authority.certificate, authorityKey: authorityKey, at: at)
        let tenant = Tenant(
            name: name, createdAt: at, authority: authority.certificate, authorityKey: authorityKeyName,
            authorityKeyHash: authority.keyHash, authorityNotAfter: authority.notAfter,
            policyCertificate: policy.certificate, policyKey: policyKeyName,
            renewAt: Self.renewal(of: policy, issuedAt: at))
        let first = try Self.revision(
            TenantPolicy(tenant: name, revision: 1), text: nil, summary: "the tenant was made", key: policyKey, at: at)
        // Keys before the row: a row without its keys would be a tenant that cannot sign.
        try platform.storeKey(authorityKey, authorityKeyName)
        do {
            try platform.storeKey(policyKey, policyKeyName)
            try await write { [configuration] (tx) throws(DirectoryError) in
                guard try tx.tenant(name) == nil else {
                    throw DirectoryError(
                        .conflict, "There is a tenant '\(name)' already.", pointer: "/name",
                        remedy: "Choose another name.")
                }
                try tx.put(tenant)
                try tx.add(first, keep: configuration.policyHistory, bytes: configuration.policyHistoryBytes)
                tx.announce(.policyChanged(tenant: name))
                tx.tell(.created, tenant: name)
            }
        } catch {
            platform.deleteKey(authorityKeyName)
            platform.deleteKey(policyKeyName)
            throw error
        }
        return tenant
    }

    /// All tenants in order of name.
    public func tenants() async throws(DirectoryError) -> [Tenant] {
        try await store.read { (tx) throws(DirectoryError) in try tx.tenants() }
    }

    /// A tenant.
    public func tenant(_ name: Name) async throws(DirectoryError) -> Tenant {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireTenant(name) }
    }

    /// Deletes a tenant with its vnets, groups and policy, and revokes its authority. Refused while it has
    /// endpoints.
    public func deleteTenant(_ name: Name) async throws(DirectoryError) {
        let at = now()
        let tenant = try await write { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(name)
            let endpoints = try tx.endpoints(of: name, page: Page(limit: 4))
            guard endpoints.isEmpty else {
                throw DirectoryError(
                    .inUse, "Tenant '\(name)' still has endpoints: \(list(endpoints.map(\.name))).",
                    remedy: "Delete its endpoints first.")
            }
            let revocation = Revocation(.key(tenant.authorityKeyHash), expiresAt: tenant.authorityNotAfter)
            try tx.delete(tenant: name)
            try tx.add(revocation)
            tx.announce(.revoked(revocation))
            tx.announce(.policyChanged(tenant: name))
            if tenant.suspension != nil { try self.stateSuspensions(at: at, tx) }
            tx.tell(.deleted, tenant: name)
            return tenant
        }
        forget(tenant)
    }

    /// Forgets the keys of a tenant that has been deleted, and what was made ready of its policy.
    func forget(_ tenant: Tenant) {
        platform.deleteKey(tenant.authorityKey)
        platform.deleteKey(tenant.policyKey)
        prepared.withLock { $0[tenant.name] = nil }
    }

    /// When a certificate is to be renewed: when a third of its life is left.
    static func renewal(of issued: Issued, issuedAt at: Timestamp) -> Timestamp {
        at + (issued.notAfter - at) * 2 / 3
    }
}

extension DirectoryReader {
    func requireTenant(_ name: Name, pointer: String? = nil) throws(DirectoryError) -> Tenant {
        guard let tenant = try tenant(name) else {
            throw DirectoryError.noTenant(name.text, pointer: pointer)
        }
        return tenant
    }
}

/// Names for a message: three at most, then "and others".
func list(_ names: [some CustomStringConvertible]) -> String {
    names.prefix(3).map(\.description).joined(separator: ", ") + (names.count > 3 ? " and others" : "")
}

/// Octets as hexadecimal digits.
func hexadecimal(_ octets: [UInt8]) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
