public import NetTypes
import PolicyLanguage

extension Directory {
    /// How many of each thing a tenant may have, and has.
    public func quota(of name: Name) async throws(DirectoryError) -> QuotaUse {
        try await store.read { (tx) throws(DirectoryError) in try tx.quotaUse(of: tx.requireTenant(name)) }
    }

    /// Sets how many of each thing a tenant may have. What is there already stays.
    public func setQuota(_ quota: Quota, of name: Name) async throws(DirectoryError) -> QuotaUse {
        for kind in Quota.Kind.allCases {
            guard let limit = quota[kind], limit < 0 || limit > Quota.greatest else { continue }
            throw DirectoryError(
                .invalid, "A quota of \(limit) \(kind) cannot be.", pointer: "/\(kind)",
                remedy: "Give a number from 0 to \(Quota.greatest), or null for no limit.")
        }
        return try await write { (tx) throws(DirectoryError) in
            var tenant = try tx.requireTenant(name)
            if tenant.quota != quota {
                tenant.quota = quota
                try tx.put(tenant)
                tx.tell(.changed, tenant: name)
            }
            return try tx.quotaUse(of: tenant)
        }
    }
}

extension DirectoryReader {
    func quotaUse(of tenant: Tenant) throws(DirectoryError) -> QuotaUse {
        var used: [Quota.Kind: Int64] = [:]
        for kind in Quota.Kind.allCases { used[kind] = try self.used(kind, by: tenant.name) }
        return QuotaUse(quota: tenant.quota, used: used)
    }

    private func used(_ kind: Quota.Kind, by tenant: Name) throws(DirectoryError) -> Int64 {
        switch kind {
        case .endpoints: try vnets(of: tenant).reduce(0) { $0 + Int64($1.endpointCount) }
        case .vnets: Int64(try vnets(of: tenant).count)
        case .groups: try groupCount(of: tenant)
        case .rules: try requirePolicy(of: tenant).ruleCount()
        case .users: try userCount(of: tenant)
        }
    }

    /// Refuses one more of a kind than the tenant's quota allows.
    func requireRoom(for kind: Quota.Kind, of tenant: Tenant) throws(DirectoryError) {
        guard let limit = tenant.quota[kind] else { return }
        let used = try used(kind, by: tenant.name)
        guard used >= limit else { return }
        throw .quotaExceeded(kind, limit: limit, used: used, tenant.name)
    }

    /// Refuses a policy of more rules than the tenant's quota allows, unless it has no more than the one in force.
    func requireRules(_ revision: PolicyRevision, of tenant: Tenant) throws(DirectoryError) {
        guard let limit = tenant.quota.rules else { return }
        let wanted = try revision.ruleCount()
        guard wanted > limit else { return }
        let used = try requirePolicy(of: tenant.name).ruleCount()
        guard wanted > used else { return }
        throw .quotaExceeded(.rules, limit: limit, used: used, tenant.name)
    }
}

extension PolicyRevision {
    /// How many entries and rules of the document it has.
    func ruleCount() throws(DirectoryError) -> Int64 {
        let policy = try policy()
        return Int64(policy.entries.entries.count + (policy.document?.rules.count ?? 0))
    }
}

extension DirectoryError {
    fileprivate static func quotaExceeded(
        _ kind: Quota.Kind, limit: Int64, used: Int64, _ tenant: Name
    ) -> DirectoryError {
        DirectoryError(
            .quotaExceeded, "The quota of '\(tenant)' is \(limit) \(kind), and it has \(used).",
            remedy: "Delete \(kind) that are no longer needed, or ask the provider for a greater quota.")
    }
}
