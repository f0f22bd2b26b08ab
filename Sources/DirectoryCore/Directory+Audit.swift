public import AuditLog
public import NetTypes
import Synchronization
import Trust

// The audit: what was refused or only read, the signing of the chains, and what is shown and taken out of them. Changes write
// their entries in their own transactions; see ``Directory/write(_:)``.

extension Directory {
    /// Notes an attempt that was refused or failed, or a look into a tenant that is the tenant's to know of. It is written
    /// within about a second; see ``writeNotes()``. A look that is repeated within a minute is one entry.
    public func note(_ origin: Origin, outcome: AuditEvent.Outcome, detail: String? = nil) async {
        let event = origin.event(at: now(), note: detail, outcome: outcome)
        if outcome == .done, !looks.withLock({ $0.isNew(event) }) { return }
        if case .unknown = event.actor, strangers.withLock({ $0.take(event.source ?? "", at: event.time) }) != nil {
            // Anybody can fail as often as he likes: of one source only so many are told one by one.
            return notes.withLock { $0.lose(event, .platform) }
        }
        // Without the store nobody knows the tenant's chain; the platform's has it then.
        let chains = (try? await store.read { (tx) throws(DirectoryError) in try tx.chains(of: origin) }) ?? [.platform]
        notes.withLock { buffer in
            for chain in chains { buffer.add(event, to: chain) }
        }
    }

    /// Writes what was noted, in one transaction; what cannot be written is counted as lost and said so later.
    public func writeNotes() async throws(DirectoryError) {
        let at = now()
        guard !notes.withLock({ $0.isEmpty }) else { return }
        let batch = notes.withLock { $0.take(at: at) }
        do {
            try await store.write { (tx) throws(DirectoryError) in
                for (chain, event) in batch { try tx.audit(event, in: chain) }
            }
        } catch {
            notes.withLock { $0.failed(batch) }
            throw error
        }
    }

    /// Writes that the controller begins. What a former one may have lost when it ended without a word is said first.
    public func noteStart() async throws(DirectoryError) {
        let at = now()
        try await store.write { (tx) throws(DirectoryError) in
            var last: AuditEntry?
            var filter = AuditFilter()
            for action in [AuditEvent.startAction, AuditEvent.stopAction] {
                filter.action = action
                let line = try tx.auditLines(of: .platform, before: nil, filter: filter, limit: 1).first
                guard let entry = line.flatMap({ AuditEntry(line: $0) }) else { continue }
                if entry.number > last?.number ?? 0 { last = entry }
            }
            for event in AuditEvent.beginning(after: last?.event.action, at: at) { try tx.audit(event, in: .platform) }
        }
    }

    /// Writes that the controller ends, with what was noted until then, and signs the chains.
    public func noteStop() async throws(DirectoryError) {
        try await writeNotes()
        let event = AuditEvent.ending(at: now())
        try await store.write { (tx) throws(DirectoryError) in try tx.audit(event, in: .platform) }
        try await signChains()
    }

    /// Signs the heads of all chains that have grown; the work of every minute.
    public func signChains() async throws(DirectoryError) {
        let grown = try await store.read { (tx) throws(DirectoryError) in try tx.auditChainsToSign() }
        guard !grown.isEmpty else { return }
        try await store.write { (tx) throws(DirectoryError) in
            // Read anew, so that what is signed is what is there now.
            for (chain, head) in try tx.auditChainsToSign() { try tx.put(self.checkpoint(chain, head)) }
        }
    }

    private func checkpoint(
        _ chain: AuditChainName, _ head: AuditHead
    ) throws(DirectoryError) -> AuditCheckpoint {
        do {
            return try AuditCheckpoint(head, of: chain, at: now()) { (bytes) throws(KeyError) in
                try platform.people.auditKey.sign(bytes)
            }
        } catch { throw DirectoryError(.storage, "The audit cannot be signed: \(error).") }
    }

    // MARK: What is shown

    /// The newest entries of a tenant's chain, or the platform's, before a number, the newest first.
    public func audit(
        of tenant: Name?, before number: UInt64? = nil, filter: AuditFilter = .init(), limit: Int = 100
    ) async throws(DirectoryError) -> [AuditLine] {
        let lines = try await store.read { (tx) throws(DirectoryError) in
            try tx.auditLines(
                of: try tx.requireChain(of: tenant), before: number, filter: filter, limit: min(max(limit, 1), 1_000))
        }
        return lines.compactMap { AuditLine(stored: $0) }
    }

    /// A part of an export: whole lines. The first part begins with the key's statement, the last one ends with a checkpoint.
    public struct AuditExport: Sendable {
        /// The lines, each with its end.
        public var text: [UInt8]
        /// The number after which the next part begins; nil for the last part.
        public var next: UInt64?
    }

    /// The most entries of one part of an export.
    static let exportPart = 1_000

    /// Takes a part of a chain out, from after a number on; the end is signed first, so that it is vouched for.
    public func exportAudit(
        of tenant: Name?, after number: UInt64 = 0
    ) async throws(DirectoryError) -> AuditExport {
        try await writeNotes()
        try await signChains()
        let statement = platform.people.auditStatement.line
        return try await store.read { (tx) throws(DirectoryError) in
            let chain = try tx.requireChain(of: tenant)
            var lines: [[UInt8]] = number == 0 ? [statement] : []
            let entries = try tx.auditLines(of: chain, after: number, limit: Self.exportPart)
            // What was forgotten is vouched for by the checkpoint before the first entry that is left.
            if number == 0, let first = entries.first.flatMap({ AuditEntry(line: $0) }), first.number > 1 {
                if let base = try tx.auditCheckpoint(of: chain, atMost: first.number - 1) { lines.append(base.line) }
            }
            lines += entries
            let isLast = entries.count < Self.exportPart
            if isLast, let end = try tx.auditCheckpoint(of: chain, atMost: nil) { lines.append(end.line) }
            return AuditExport(
                text: lines.flatMap { $0 + [0x0a] },
                next: isLast ? nil : entries.last.flatMap { AuditEntry(line: $0)?.number })
        }
    }
}

extension DirectoryReader {
    fileprivate func requireChain(of tenant: Name?) throws(DirectoryError) -> AuditChainName {
        guard let tenant else { return .platform }
        return AuditChainName(tenant: tenant, id: try requireTenant(tenant).authorityKeyHash)
    }
}

/// The looks of the last minute: one that is repeated is one entry.
struct RecentLooks: Sendable {
    private struct Look: Hashable {
        var actor: AuditEvent.Actor
        var means: AuditEvent.Means
        var action: String
        var resource: String?
    }

    private var times: [Look: Timestamp] = [:]

    /// For how long the same look is one entry, in seconds.
    static let interval: Int64 = 60
    /// How many are remembered; with more, some are written twice.
    private static let most = 4_096

    /// Whether a look has not been noted for a while.
    mutating func isNew(_ event: AuditEvent) -> Bool {
        let look = Look(actor: event.actor, means: event.means, action: event.action, resource: event.resource)
        if let last = times[look], last <= event.time, event.time - last < Self.interval { return false }
        if times.count >= Self.most { times.removeAll(keepingCapacity: true) }
        times[look] = event.time
        return true
    }
}
