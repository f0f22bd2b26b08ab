public import AuditLog
public import NetTypes

/// Which entries of a chain are looked for. What is nil does not matter.
public struct AuditFilter: Hashable, Sendable {
    /// Only this action.
    public var action: String?
    /// Only this actor; see ``AuditLog/AuditEvent/actorKey``.
    public var actor: String?
    /// Only this outcome; see ``AuditLog/AuditEvent/outcomeKey``.
    public var outcome: String?
    /// Only from this time on.
    public var since: Timestamp?
    /// Only before this time.
    public var until: Timestamp?

    /// All entries.
    public init() {}
}

/// What a transaction can read of the audit. Entries are lines, as they were sealed; ``AuditLog/AuditEntry`` reads them.
public protocol AuditReader {
    /// Where a chain ends; the empty head for a chain that has no entry.
    func auditHead(of chain: AuditChainName) throws(DirectoryError) -> AuditHead
    /// The lines after a number, in order: the way of an export.
    func auditLines(of chain: AuditChainName, after number: UInt64, limit: Int) throws(DirectoryError) -> [[UInt8]]
    /// The newest lines before a number that pass a filter, the newest first: the way of a list. From the end when nil.
    func auditLines(
        of chain: AuditChainName, before number: UInt64?, filter: AuditFilter, limit: Int
    ) throws(DirectoryError) -> [[UInt8]]
    /// The newest checkpoint of a chain with so many entries at most; any when nil.
    func auditCheckpoint(of chain: AuditChainName, atMost count: UInt64?) throws(DirectoryError) -> AuditCheckpoint?
    /// The chains that have entries after their newest checkpoint, with their heads.
    func auditChainsToSign() throws(DirectoryError) -> [(chain: AuditChainName, head: AuditHead)]
}

/// What a transaction can write of the audit. Entries are never changed.
public protocol AuditTransaction: AuditReader {
    /// Adds an entry that was sealed after the chain's head as it is in this transaction.
    func append(_ entry: SealedEntry) throws(DirectoryError)
    /// Keeps a checkpoint.
    func put(_ checkpoint: AuditCheckpoint) throws(DirectoryError)
    /// Forgets entries up to a number, which a checkpoint vouches for: what is left begins with that checkpoint.
    func deleteAudit(of chain: AuditChainName, through number: UInt64) throws(DirectoryError)
}

extension AuditTransaction {
    /// Writes what happened to a chain, in the transaction in which it happens: both are done, or neither.
    public func audit(_ event: AuditEvent, in chain: AuditChainName) throws(DirectoryError) {
        try append(SealedEntry(event, in: chain, after: try auditHead(of: chain)))
    }
}
