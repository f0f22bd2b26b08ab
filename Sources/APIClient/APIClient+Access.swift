public import APITypes

// What the provider is let see of a tenant, and what it asks for.

extension APIClient {
    /// The grants of a tenant, the newest first, those that are over too.
    public func accessGrants(of tenant: String, limit: Int? = nil) async throws(APIClientError) -> [Access] {
        try await all(Path("v1", "tenants", tenant, "access"), limit: limit)
    }

    /// Gives the provider's people access.
    public func create(_ access: NewAccess, of tenant: String) async throws(APIClientError) -> Access {
        try await post(Path("v1", "tenants", tenant, "access"), access)
    }

    /// Ends a grant now.
    public func revokeAccess(_ grant: String, of tenant: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", tenant, "access", grant))
    }

    /// What a tenant was asked for, the newest first.
    public func accessRequests(
        of tenant: String, limit: Int? = nil
    ) async throws(APIClientError) -> [AccessRequestSummary] {
        try await all(Path("v1", "tenants", tenant, "access-requests"), limit: limit)
    }

    /// Asks a tenant's owners for access.
    public func create(
        _ request: NewAccessRequest, of tenant: String
    ) async throws(APIClientError) -> AccessRequestSummary {
        try await post(Path("v1", "tenants", tenant, "access-requests"), request)
    }

    /// Grants or declines what was asked for.
    public func answer(
        _ request: String, of tenant: String, grant: Bool
    ) async throws(APIClientError) -> AccessRequestSummary {
        try await post(Path("v1", "tenants", tenant, "access-requests", request, grant ? "grant" : "decline"))
    }
}
