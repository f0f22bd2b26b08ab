public import Accounts
public import NetTypes

// What the provider's people ask tenants for, and what becomes of it.

extension Directory {
    /// Asks a tenant for access.
    ///
    /// - Parameter lifetime: for how many seconds.
    public func requestAccess(
        to tenant: Name, by requester: AccountID, roles: Set<TenantRole>, includesConsoles: Bool,
        reason: DisplayName, lifetime: Int64
    ) async throws(DirectoryError) -> AccessRequest {
        let at = now()
        guard (1...AccessGrant.longest).contains(lifetime) else {
            throw DirectoryError(
                .invalid, "Access lasts for 1 hour to \(AccessGrant.longest / 3_600) hours.", pointer: "/hours",
                remedy: "Ask for fewer.")
        }
        guard
            let request = AccessRequest(
                id: AccountID(random: random), tenant: tenant, requester: requester, roles: roles,
                includesConsoles: includesConsoles, lifetime: lifetime, reason: reason, createdAt: at)
        else {
            throw DirectoryError(
                .invalid, "Access is for one role at least, and never an owner's.", pointer: "/roles",
                remedy: "Give some of viewer, network-admin, security-admin.")
        }
        return try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard try tx.accessRequests(of: tenant).count(where: { $0.waits(at: at) }) < AccessRequest.most else {
                throw DirectoryError(
                    .exhausted, "\(AccessRequest.most) requests wait for the tenant's answer.",
                    remedy: "Wait until its owners have answered some.")
            }
            try tx.put(request)
            tx.tell(.created, accessOf: tenant)
            return request
        }
    }

    /// What a tenant was asked for, the newest first.
    public func accessRequests(of tenant: Name) async throws(DirectoryError) -> [AccessRequest] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.accessRequests(of: tenant)
        }
    }

    /// Grants what was asked for: to the one who asked, from now on.
    public func grantRequest(
        _ id: AccountID, of tenant: Name, by granter: AccountID
    ) async throws(DirectoryError) -> AccessRequest {
        try await decide(id, of: tenant) { [random] (request, at, tx) throws(DirectoryError) in
            guard let user = try tx.user(request.requester), case .provider = user.home else {
                throw DirectoryError(
                    .conflict, "Who has asked is none of the provider's people any more.", remedy: "Decline it.")
            }
            guard
                let grant = AccessGrant(
                    id: AccountID(random: random), tenant: tenant, grantedBy: granter, grantee: request.requester,
                    roles: request.roles, includesConsoles: request.includesConsoles, reason: request.reason, from: at,
                    until: at + request.lifetime)
            else { throw DirectoryError(.storage, "The request '\(id)' is none that can be granted.") }
            try tx.put(grant)
            return .granted(grant.id)
        }
    }

    /// Declines what was asked for.
    public func declineRequest(
        _ id: AccountID, of tenant: Name
    ) async throws(DirectoryError) -> AccessRequest {
        try await decide(id, of: tenant) { (_, _, _) throws(DirectoryError) in .declined }
    }

    private func decide(
        _ id: AccountID, of tenant: Name,
        _ body:
            @escaping @Sendable (AccessRequest, Timestamp, any DirectoryTransaction) throws(DirectoryError) ->
            AccessRequest.Decision
    ) async throws(DirectoryError) -> AccessRequest {
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard var request = try tx.accessRequest(id), request.tenant == tenant else {
                throw DirectoryError(
                    .notFound, "There is no request '\(id)'.", remedy: "List the tenant's access requests.")
            }
            guard request.decision == nil else {
                throw DirectoryError(
                    .conflict, "The request '\(id)' was answered already.", remedy: "List the tenant's access requests."
                )
            }
            guard request.waits(at: at) else {
                throw DirectoryError(
                    .expired, "The request '\(id)' expired at \(request.expiresAt).",
                    remedy: "Have it asked for again, or grant access without a request.")
            }
            request.decision = try body(request, at, tx)
            request.decidedAt = at
            try tx.put(request)
            tx.tell(.changed, accessOf: tenant)
            return request
        }
    }
}
