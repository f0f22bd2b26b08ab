public import NetTypes
public import Trust

extension Directory {
    /// Suspends a tenant: its wires are cut on every leaf and none is plugged until it is resumed. Ports, addresses,
    /// certificates and the policy stay as they are, and are renewed as before.
    ///
    /// Nothing changes if it is suspended already; the first reason stays.
    public func suspendTenant(_ name: Name, reason: String) async throws(DirectoryError) -> Tenant {
        let reason = try Self.line(reason, at: "/reason")
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            var tenant = try tx.requireTenant(name)
            guard tenant.suspension == nil else { return tenant }
            tenant.suspension = Suspension(at: at, reason: reason)
            try tx.put(tenant)
            try self.stateSuspensions(at: at, tx)
            tx.tell(.changed, tenant: name)
            tx.announce(.accessChanged(.tenant(name)))
            return tenant
        }
    }

    /// Ends a suspension; wires are plugged again with the next packets. Nothing changes if the tenant is not suspended.
    public func resumeTenant(_ name: Name) async throws(DirectoryError) -> Tenant {
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            var tenant = try tx.requireTenant(name)
            guard tenant.suspension != nil else { return tenant }
            tenant.suspension = nil
            try tx.put(tenant)
            try self.stateSuspensions(at: at, tx)
            tx.tell(.changed, tenant: name)
            return tenant
        }
    }

    /// The platform's statement about who is suspended, signed; nil: nobody ever was.
    public func suspensions() async throws(DirectoryError) -> SignedPolicy? {
        let found = try await store.read { (tx) throws(DirectoryError) in try tx.suspensions() }
        return try found.map { (found) throws(DirectoryError) in
            SignedPolicy(body: found.body, signature: found.signature, certificate: try certificate(at: now()))
        }
    }

    /// States anew who is suspended.
    func stateSuspensions(at: Timestamp, _ tx: any DirectoryTransaction) throws(DirectoryError) {
        // A directory that was restored from a copy must not state less than leaves have seen, so the time counts too.
        let revision = max((try tx.suspensions()?.revision ?? 0) + 1, Self.revision(at: at))
        let body = Suspensions(revision: revision, tenants: Set(try tx.suspendedTenants())).canonicalBytes
        guard body.count <= TrustLimits.suspensionBytes else {
            throw DirectoryError(
                .exhausted, "More tenants cannot be suspended at once.",
                remedy: "Delete tenants that have been suspended for long.")
        }
        do {
            try tx.put(
                SuspensionStatement(
                    revision: revision, body: body, signature: try platform.guardrailsKey.sign(body)))
        } catch let error as DirectoryError {
            throw error
        } catch {
            throw DirectoryError(.storage, "The suspensions could not be signed: \(error).")
        }
        tx.announce(.suspensionsChanged)
    }

    /// A line that people write for people: nothing in it may break lines, hide or turn what stands around it.
    static func line(_ text: String, at pointer: String, longest: Int = 200) throws(DirectoryError) -> String {
        let hostile = text.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
            default: false
            }
        }
        guard (1...longest).contains(text.unicodeScalars.count), !hostile,
            text.contains(where: { !$0.isWhitespace })
        else {
            throw DirectoryError(
                .invalid, "The text is empty, longer than \(longest) characters or has characters that do not show.",
                pointer: pointer, remedy: "Give one line of 1 to \(longest) characters.")
        }
        return text
    }
}

extension DirectoryReader {
    /// The tenant, if it may be changed: a suspended one may not.
    @discardableResult
    func requireActive(_ name: Name) throws(DirectoryError) -> Tenant {
        let tenant = try requireTenant(name)
        guard let suspension = tenant.suspension else { return tenant }
        throw DirectoryError(
            .suspended,
            "The tenant '\(name)' is suspended since \(suspension.at) (\(suspension.reason)), so nothing of it can be changed.",
            remedy: "Ask the provider to resume it.")
    }
}
