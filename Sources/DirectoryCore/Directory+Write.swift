import AuditLog
import NetTypes

extension Directory {
    /// Runs a transaction that may change something. Where somebody asked for it (``Origin/current``), what changed is
    /// written to the audit in the same transaction: both are done, or neither.
    ///
    /// - Parameter known: who did it, where the edge could not know it before; else ``Origin/current``.
    func write<T: Sendable>(
        from known: Origin? = nil,
        _ body: @escaping @Sendable (any DirectoryTransaction) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        // Read here: the store runs the body elsewhere, where the task's value is not seen.
        let precondition = Precondition.current
        guard let origin = known ?? Origin.current else {
            return try await store.write { (tx) throws(DirectoryError) in
                try self.count(precondition)
                return try body(tx)
            }
        }
        let at = now()
        return try await store.write { (tx) throws(DirectoryError) in
            try self.count(precondition)
            let audited = AuditedTransaction(tx)
            // The chain of a tenant that is deleted is known only before.
            let chains = try tx.chains(of: origin)
            let result = try body(audited)
            guard audited.hasChanges else { return result }
            let event = origin.event(at: at, before: audited.statesBefore, after: audited.statesAfter)
            for chain in chains { try tx.audit(event, in: chain) }
            return result
        }
    }
}

extension Directory {
    /// How many transactions there were that may have changed something.
    public var writes: UInt64 { writeCount.withLock { $0 } }

    /// Counts a transaction, in which nobody else writes, if its precondition holds.
    private func count(_ precondition: Precondition?) throws(DirectoryError) {
        try precondition?.check(writes)
        writeCount.withLock { $0 += 1 }
    }
}

extension DirectoryReader {
    /// The chains into which what comes from somewhere belongs: the tenant's, the platform's, or both.
    func chains(of origin: Origin) throws(DirectoryError) -> [AuditChainName] {
        guard let name = origin.tenant, let tenant = try tenant(name) else { return [.platform] }
        let own = AuditChainName(tenant: name, id: tenant.authorityKeyHash)
        return origin.isOfPlatform ? [own, .platform] : [own]
    }
}
