import DirectoryCore
import GRDB
import NetTypes
import Trust

extension SQLiteTransaction {
    // MARK: Tenants

    func tenant(_ name: Name) throws(DirectoryError) -> Tenant? {
        try first("SELECT * FROM tenant WHERE name = ?", [name.text], Tenant.init(row:)).map(withLocks)
    }

    func tenants() throws(DirectoryError) -> [Tenant] {
        try all("SELECT * FROM tenant ORDER BY name", [], Tenant.init(row:)).map(withLocks)
    }

    func tenants(renewingAt now: Timestamp) throws(DirectoryError) -> [Tenant] {
        try all("SELECT * FROM tenant WHERE renew_at <= ? ORDER BY renew_at, name", [now.seconds], Tenant.init(row:))
            .map(withLocks)
    }

    private func withLocks(_ tenant: Tenant) throws(DirectoryError) -> Tenant {
        var tenant = tenant
        tenant.locks = try all(
            "SELECT * FROM policy_lock WHERE tenant = ? ORDER BY number", [tenant.name.text], SignedLock.init(row:))
        return tenant
    }

    func put(_ tenant: Tenant) throws(DirectoryError) {
        try run(
            """
            INSERT INTO tenant (name, created_at, authority, authority_key, authority_key_hash, authority_not_after,
                policy_certificate, policy_key, renew_at, suspended_at, suspension_reason, quota_endpoints,
                quota_vnets, quota_groups, quota_rules, quota_users)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET created_at = excluded.created_at, authority = excluded.authority,
                authority_key = excluded.authority_key, authority_key_hash = excluded.authority_key_hash,
                authority_not_after = excluded.authority_not_after, policy_certificate = excluded.policy_certificate,
                policy_key = excluded.policy_key, renew_at = excluded.renew_at, suspended_at = excluded.suspended_at,
                suspension_reason = excluded.suspension_reason, quota_endpoints = excluded.quota_endpoints,
                quota_vnets = excluded.quota_vnets, quota_groups = excluded.quota_groups,
                quota_rules = excluded.quota_rules, quota_users = excluded.quota_users
            """,
            [
                tenant.name.text, tenant.createdAt.seconds, tenant.authority.blob, tenant.authorityKey,
                tenant.authorityKeyHash.blob, tenant.authorityNotAfter.seconds, tenant.policyCertificate.blob,
                tenant.policyKey, tenant.renewAt.seconds, tenant.suspension?.at.seconds, tenant.suspension?.reason,
                tenant.quota.endpoints, tenant.quota.vnets, tenant.quota.groups, tenant.quota.rules,
                tenant.quota.users,
            ])
        try run("DELETE FROM policy_lock WHERE tenant = ?", [tenant.name.text])
        for (number, lock) in tenant.locks.enumerated() {
            try run(
                "INSERT INTO policy_lock (tenant, number, body, signature, key) VALUES (?, ?, ?, ?, ?)",
                [tenant.name.text, number, lock.body.blob, lock.signature.blob, lock.key.blob])
        }
    }

    func delete(tenant: Name) throws(DirectoryError) {
        try run("DELETE FROM tenant WHERE name = ?", [tenant.text])
    }

    // MARK: VNets

    func vnet(_ id: VNetID) throws(DirectoryError) -> VNet? {
        try first("SELECT * FROM vnet WHERE id = ?", [id.blob], VNet.init(row:))
    }

    func vnet(_ name: TenantName) throws(DirectoryError) -> VNet? {
        try first(
            "SELECT * FROM vnet WHERE tenant = ? AND name = ?", [name.tenant.text, name.name.text], VNet.init(row:))
    }

    func vnets(of tenant: Name) throws(DirectoryError) -> [VNet] {
        try all("SELECT * FROM vnet WHERE tenant = ? ORDER BY name", [tenant.text], VNet.init(row:))
    }

    func put(_ vnet: VNet) throws(DirectoryError) {
        try run(
            """
            INSERT INTO vnet (id, tenant, name, prefix, prefix_length, created_at, next_address, endpoint_count)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, name = excluded.name, prefix = excluded.prefix,
                prefix_length = excluded.prefix_length, created_at = excluded.created_at,
                next_address = excluded.next_address, endpoint_count = excluded.endpoint_count
            """,
            [
                vnet.id.blob, vnet.name.tenant.text, vnet.name.name.text, Int64(vnet.prefix.address.value),
                vnet.prefix.length, vnet.createdAt.seconds, Int64(vnet.nextAddress.value), Int64(vnet.endpointCount),
            ])
    }

    func delete(vnet: VNetID) throws(DirectoryError) {
        try run("DELETE FROM vnet WHERE id = ?", [vnet.blob])
    }

    // MARK: Groups

    func group(_ name: TenantName) throws(DirectoryError) -> Group? {
        try first(
            "SELECT * FROM tenant_group WHERE tenant = ? AND name = ?", [name.tenant.text, name.name.text],
            Group.init(row:))
    }

    func groups(of tenant: Name) throws(DirectoryError) -> [Group] {
        try all("SELECT * FROM tenant_group WHERE tenant = ? ORDER BY name", [tenant.text], Group.init(row:))
    }

    func members(of group: TenantName, page: Page) throws(DirectoryError) -> [Name] {
        try all(
            "SELECT name FROM membership WHERE tenant = ? AND group_name = ? AND name > ? ORDER BY name LIMIT ?",
            [group.tenant.text, group.name.text, page.after?.text ?? "", page.limit]
        ) { try $0.name("name") }
    }

    func memberCount(of group: TenantName) throws(DirectoryError) -> Int {
        try first(
            "SELECT member_count FROM tenant_group WHERE tenant = ? AND name = ?", [group.tenant.text, group.name.text]
        ) { $0["member_count"] } ?? 0
    }

    func put(_ group: Group) throws(DirectoryError) {
        try run(
            """
            INSERT INTO tenant_group (tenant, name, created_at) VALUES (?, ?, ?)
            ON CONFLICT (tenant, name) DO UPDATE SET created_at = excluded.created_at
            """, [group.name.tenant.text, group.name.name.text, group.createdAt.seconds])
    }

    func delete(group: TenantName) throws(DirectoryError) {
        try run("DELETE FROM tenant_group WHERE tenant = ? AND name = ?", [group.tenant.text, group.name.text])
    }
}

// MARK: Rows

extension Tenant {
    fileprivate init(row: Row) throws {
        self.init(
            name: try row.name("name"), createdAt: row.time("created_at"), authority: row.octets("authority"),
            authorityKey: row["authority_key"], authorityKeyHash: row.octets("authority_key_hash"),
            authorityNotAfter: row.time("authority_not_after"), policyCertificate: row.octets("policy_certificate"),
            policyKey: row["policy_key"], renewAt: row.time("renew_at"),
            suspension: row.optionalTime("suspended_at").map {
                Suspension(at: $0, reason: row["suspension_reason"] ?? "")
            },
            quota: Quota(
                endpoints: row["quota_endpoints"], vnets: row["quota_vnets"], groups: row["quota_groups"],
                rules: row["quota_rules"], users: row["quota_users"]))
    }
}

extension VNet {
    fileprivate init(row: Row) throws {
        let address = try row.ipv4("prefix")
        self.init(
            id: try row.vnetID("id"), name: try row.tenantName(),
            prefix: try row.value("prefix_length") { IPv4Prefix(address, length: $0["prefix_length"]) },
            createdAt: row.time("created_at"), nextAddress: try row.ipv4("next_address"),
            endpointCount: try row.value("endpoint_count") { UInt32(exactly: $0["endpoint_count"] as Int64) })
    }
}

extension Group {
    fileprivate init(row: Row) throws {
        self.init(name: try row.tenantName(), createdAt: row.time("created_at"))
    }
}

extension SignedLock {
    fileprivate init(row: Row) throws {
        self.init(body: row.octets("body"), signature: row.octets("signature"), key: row.octets("key"))
    }
}
