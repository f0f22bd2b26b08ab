public import Accounts
public import NetTypes

// The time-limited access that a tenant's owner gives to the provider's people.

extension Directory {
    /// Gives the provider's people access to a tenant.
    ///
    /// - Parameters:
    ///   - grantee: the one of the provider's people who may use it; nil for every operator.
    ///   - lifetime: for how many seconds from now.
    public func grantAccess(
        to tenant: Name, by granter: AccountID, grantee: AccountName?, roles: Set<TenantRole>, includesConsoles: Bool,
        reason: DisplayName, lifetime: Int64
    ) async throws(DirectoryError) -> AccessGrant {
        let at = now()
        guard (1...AccessGrant.longest).contains(lifetime) else {
            throw DirectoryError(
                .invalid, "Access lasts for 1 hour to \(AccessGrant.longest / 3_600) hours.", pointer: "/hours",
                remedy: "Give fewer; it can be granted again.")
        }
        return try await write { [random] (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            var id: AccountID?
            if let grantee {
                let user = try tx.requireUser(grantee)
                guard case .provider = user.home else {
                    throw DirectoryError(
                        .invalid, "'\(grantee)' is none of the provider's people.", pointer: "/grantee",
                        remedy: "Name one of them, or leave it out for every operator.")
                }
                id = user.id
            }
            guard
                let grant = AccessGrant(
                    id: AccountID(random: random), tenant: tenant, grantedBy: granter, grantee: id, roles: roles,
                    includesConsoles: includesConsoles, reason: reason, from: at, until: at + lifetime)
            else {
                throw DirectoryError(
                    .invalid, "Access is for one role at least, and never an owner's.", pointer: "/roles",
                    remedy: "Give some of viewer, network-admin, security-admin.")
            }
            try tx.put(grant)
            return grant
        }
    }

    /// A tenant's grants, the newest first, those that have ended too.
    public func accessGrants(of tenant: Name) async throws(DirectoryError) -> [AccessGrant] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.accessGrants(of: tenant)
        }
    }

    /// Ends a grant now. One that has ended stays as it is.
    public func revokeAccess(_ id: AccountID, to tenant: Name) async throws(DirectoryError) {
        let at = now()
        try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard var grant = try tx.accessGrant(id), grant.tenant == tenant else {
                throw DirectoryError(.notFound, "There is no grant '\(id)'.", remedy: "List the tenant's grants.")
            }
            guard grant.holds(at: at) else { return }
            grant.revokedAt = at
            try tx.put(grant)
            tx.announce(.accessChanged(.tenant(tenant)))
        }
    }
}
