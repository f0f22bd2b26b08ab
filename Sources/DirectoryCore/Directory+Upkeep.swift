public import NetTypes
import Trust

/// What an upkeep did.
public struct Upkeep: Hashable, Sendable {
    /// Endpoints whose former host did not close the port in time.
    public var overdueMoves: [TenantName] = []
    /// Tenants whose certificates were renewed.
    public var renewedTenants: [Name] = []
    /// How many expired notes were forgotten.
    public var forgotten = 0
}

extension Directory {
    /// Does what is due: ends overdue moves, renews the certificates of tenants and forgets what has expired. To be
    /// called every second or so by one controller; doing it twice does no harm.
    @discardableResult
    public func upkeep() async throws(DirectoryError) -> Upkeep {
        let at = now()
        // Most of the time nothing is due, and then nobody waits for a transaction.
        let due = try await store.read { (tx) throws(DirectoryError) in
            (try !tx.endpoints(movingUntil: at).isEmpty, try tx.tenants(renewingAt: at).map(\.name))
        }
        var done = Upkeep()
        if due.0 {
            done.overdueMoves = try await write { (tx) throws(DirectoryError) in
                let overdue = try tx.endpoints(movingUntil: at)
                for endpoint in overdue { try tx.release(endpoint) }
                return overdue.map(\.name)
            }
        }
        for name in due.1 {
            try await renew(name, at: at)
            done.renewedTenants.append(name)
        }
        if isGuardrailsCertificateDue(at: at) {
            let (guardrails, suspensions) = (try await guardrails() != nil, try await suspensions() != nil)
            try await write { (tx) throws(DirectoryError) in
                if guardrails { tx.announce(.guardrailsChanged) }
                if suspensions { tx.announce(.suspensionsChanged) }
            }
        }
        done.forgotten = try await write { (tx) throws(DirectoryError) in
            try tx.deleteExpired(at: at) + tx.deleteExpiredAccess(at: at)
                + tx.deleteIdempotency(before: at + -KeptAnswer.lifetime)
        }
        try await pruneUsage(at: at)
        return done
    }

    /// Renews the certificate of a tenant's policy key, and that of its authority when a third of its life is left.
    private func renew(_ name: Name, at: Timestamp) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            guard var tenant = try tx.tenant(name), tenant.renewAt <= at else { return }
            let key = try self.platform.key(tenant.authorityKey)
            if tenant.authorityNotAfter - at < TrustLimits.tenantLifetime / 3 {
                let authority = try self.platform.issueTenant(name, key: key, at: at)
                tenant.authority = authority.certificate
                tenant.authorityNotAfter = authority.notAfter
            }
            let policy = try self.platform.issuePolicy(
                key: self.platform.key(tenant.policyKey), authority: tenant.authority, authorityKey: key, at: at)
            tenant.policyCertificate = policy.certificate
            tenant.renewAt = Self.renewal(of: policy, issuedAt: at)
            try tx.put(tenant)
            tx.announce(.policyChanged(tenant: name))
        }
    }
}
