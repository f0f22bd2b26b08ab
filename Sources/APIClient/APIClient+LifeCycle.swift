public import APITypes

// Tenants as a whole.

extension APIClient {
    /// Cuts all wires of a tenant until it is resumed.
    public func suspendTenant(_ name: String, reason: String) async throws(APIClientError) -> Tenant {
        try await post(Path("v1", "tenants", name, "suspend"), SuspendTenant(reason: reason))
    }

    /// Ends a suspension.
    public func resumeTenant(_ name: String) async throws(APIClientError) -> Tenant {
        try await post(Path("v1", "tenants", name, "resume"))
    }

    /// How many of each thing a tenant may have, and has.
    public func quota(of tenant: String) async throws(APIClientError) -> TenantQuota {
        try await get(Path("v1", "tenants", tenant, "quota"))
    }

    /// Sets how many of each thing a tenant may have, in the place of all former limits.
    public func setQuota(_ limits: TenantLimits, of tenant: String) async throws(APIClientError) -> TenantQuota {
        try await put(Path("v1", "tenants", tenant, "quota"), limits)
    }

    /// What would go with a tenant if it were deleted now.
    public func previewDeletion(of tenant: String) async throws(APIClientError) -> TenantDeletionPreview {
        try await get(Path("v1", "tenants", tenant, "deletion"))
    }

    /// Deletes a tenant with all that a preview has told.
    public func deleteTenant(_ name: String, confirmation: String) async throws(APIClientError) {
        try await delete(Path("v1", "tenants", name, query: ["confirm": confirmation]))
    }

    /// Everything of a tenant in one document, without secrets, as it came.
    public func export(tenant: String) async throws(APIClientError) -> [UInt8] {
        try await document(Path("v1", "tenants", tenant, "export"))
    }
}
