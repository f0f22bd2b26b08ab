public import APITypes

// People, access and the audit: of a tenant, or of the provider where the tenant is nil.

extension APIClient {
    /// Who asks, and what he may do.
    public func oneself() async throws(APIClientError) -> SelfDescription { try await get(Path("v1", "self")) }

    private func users(_ tenant: String?, _ rest: [String] = []) -> Path {
        Path(segments: (tenant.map { ["v1", "tenants", $0] } ?? ["v1"]) + ["users"] + rest)
    }

    /// Everybody of one side.
    public func people(of tenant: String?, limit: Int? = nil) async throws(APIClientError) -> [Person] {
        try await all(users(tenant), limit: limit)
    }

    /// One account, by its name before the `@`.
    public func person(_ name: String, of tenant: String?) async throws(APIClientError) -> Person {
        try await get(users(tenant, [name]))
    }

    /// Makes an account.
    public func create(_ person: NewPerson, of tenant: String?) async throws(APIClientError) -> Invitation {
        try await post(users(tenant), person)
    }

    /// Makes the first owner of a tenant that has no people.
    public func create(firstOwner: NewOwner, of tenant: String) async throws(APIClientError) -> Invitation {
        try await post(Path("v1", "tenants", tenant, "first-owner"), firstOwner)
    }

    /// Changes an account.
    public func change(
        _ name: String, of tenant: String?, _ change: ChangePerson
    ) async throws(APIClientError) -> Person {
        try await put(users(tenant, [name]), change)
    }

    /// Deletes an account with its sessions and tokens.
    public func deletePerson(_ name: String, of tenant: String?) async throws(APIClientError) {
        try await delete(users(tenant, [name]))
    }

    /// Disables or enables an account.
    public func setEnabled(
        _ isEnabled: Bool, _ name: String, of tenant: String?
    ) async throws(APIClientError) -> Person {
        try await post(users(tenant, [name, isEnabled ? "enable" : "disable"]))
    }

    /// Makes a new link by which a password is set.
    public func invite(_ name: String, of tenant: String?) async throws(APIClientError) -> Invitation {
        try await post(users(tenant, [name, "invite"]))
    }

    // MARK: Audit

    /// The newest entries of an audit, the newest first.
    public func audit(
        of tenant: String?, limit: Int, action: String? = nil, outcome: String? = nil
    ) async throws(APIClientError) -> [AuditRecord] {
        let list: ItemList<AuditRecord> = try await get(
            Path(
                segments: (tenant.map { ["v1", "tenants", $0] } ?? ["v1"]) + ["audit"],
                query: ["limit": "\(limit)", "action": action, "outcome": outcome]))
        return list.items
    }

    /// A part of an export, from after a number on.
    public func auditPart(of tenant: String?, after number: UInt64) async throws(APIClientError) -> AuditPart {
        try await get(
            Path(
                segments: (tenant.map { ["v1", "tenants", $0] } ?? ["v1"]) + ["audit", "export"],
                query: ["after": "\(number)"]))
    }
}
