import AuditLog
import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func auditHead(of chain: AuditChainName) throws(DirectoryError) -> AuditHead {
        try first("SELECT count, hash FROM audit_chain WHERE name = ?", [chain.text]) { row in
            AuditHead(count: try row.unsigned("count"), hash: row.octets("hash"))
        } ?? .empty
    }

    func auditLines(
        of chain: AuditChainName, after number: UInt64, limit: Int
    ) throws(DirectoryError) -> [[UInt8]] {
        try all(
            """
            SELECT line FROM audit_entry
            WHERE chain = (SELECT id FROM audit_chain WHERE name = ?) AND number > ? ORDER BY number LIMIT ?
            """, [chain.text, number.stored, Self.bounded(limit)]
        ) { $0.octets("line") }
    }

    func auditLines(
        of chain: AuditChainName, before number: UInt64?, filter: AuditFilter, limit: Int
    ) throws(DirectoryError) -> [[UInt8]] {
        // Only what is looked for stands in the statement, so that SQLite takes the index of it.
        var conditions = ["chain = (SELECT id FROM audit_chain WHERE name = ?)", "number < ?"]
        var arguments: StatementArguments = [chain.text, number?.stored ?? Int64.max]
        func add(_ condition: String, _ argument: (any DatabaseValueConvertible)?) {
            guard let argument else { return }
            conditions.append(condition)
            arguments += [argument]
        }
        add("action = ?", filter.action)
        add("actor = ?", filter.actor)
        add("outcome = ?", filter.outcome)
        add("time >= ?", filter.since?.seconds)
        add("time < ?", filter.until?.seconds)
        arguments += [Self.bounded(limit)]
        return try all(
            "SELECT line FROM audit_entry WHERE \(conditions.joined(separator: " AND ")) ORDER BY number DESC LIMIT ?",
            arguments
        ) { $0.octets("line") }
    }

    func auditCheckpoint(
        of chain: AuditChainName, atMost count: UInt64?
    ) throws(DirectoryError) -> AuditCheckpoint? {
        try first(
            """
            SELECT line FROM audit_checkpoint
            WHERE chain = (SELECT id FROM audit_chain WHERE name = ?) AND count <= ? ORDER BY count DESC LIMIT 1
            """, [chain.text, count?.stored ?? Int64.max]
        ) { row in try row.value("line") { AuditCheckpoint(line: $0.octets("line")) } }
    }

    func auditChainsToSign() throws(DirectoryError) -> [(chain: AuditChainName, head: AuditHead)] {
        try all("SELECT name, count, hash FROM audit_chain WHERE count > signed ORDER BY id") { row in
            (
                chain: try row.value("name") { AuditChainName(parsing: $0["name"]) },
                head: AuditHead(count: try row.unsigned("count"), hash: row.octets("hash"))
            )
        }
    }

    func append(_ entry: SealedEntry) throws(DirectoryError) {
        let chain = entry.entry.chain.text
        // The place that the entry was sealed for must be the one that it gets.
        let head = try auditHead(of: entry.entry.chain)
        guard head.count + 1 == entry.entry.number, head.hash == entry.entry.former else {
            throw DirectoryError(
                .storage, "An entry of the audit '\(chain)' was sealed after another head.", remedy: "Try again.")
        }
        try run(
            """
            INSERT INTO audit_chain (name, count, hash) VALUES (?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET count = excluded.count, hash = excluded.hash
            """, [chain, entry.head.count.stored, entry.head.hash.blob])
        let event = entry.entry.event
        try run(
            """
            INSERT INTO audit_entry (chain, number, time, action, actor, outcome, line)
            VALUES ((SELECT id FROM audit_chain WHERE name = ?), ?, ?, ?, ?, ?, ?)
            """,
            [
                chain, entry.entry.number.stored, event.time.seconds, event.action, event.actorKey, event.outcomeKey,
                entry.line.blob,
            ])
    }

    func put(_ checkpoint: AuditCheckpoint) throws(DirectoryError) {
        try run(
            """
            INSERT INTO audit_checkpoint (chain, count, line)
            VALUES ((SELECT id FROM audit_chain WHERE name = ?), ?, ?)
            ON CONFLICT (chain, count) DO UPDATE SET line = excluded.line
            """, [checkpoint.chain.text, checkpoint.head.count.stored, checkpoint.line.blob])
        try run(
            "UPDATE audit_chain SET signed = max(signed, ?) WHERE name = ?",
            [checkpoint.head.count.stored, checkpoint.chain.text])
    }

    func deleteAudit(of chain: AuditChainName, through number: UInt64) throws(DirectoryError) {
        guard let checkpoint = try auditCheckpoint(of: chain, atMost: number), checkpoint.head.count == number else {
            throw DirectoryError(
                .conflict, "No checkpoint vouches for the entries of '\(chain)' up to \(number).",
                remedy: "Export the audit first, and name the number with which the export ends.")
        }
        let arguments: StatementArguments = [chain.text, number.stored]
        try run(
            "DELETE FROM audit_entry WHERE chain = (SELECT id FROM audit_chain WHERE name = ?) AND number <= ?",
            arguments)
        try run(
            "DELETE FROM audit_checkpoint WHERE chain = (SELECT id FROM audit_chain WHERE name = ?) AND count < ?",
            arguments)
    }

    private static func bounded(_ limit: Int) -> Int { min(max(limit, 1), 10_000) }
}
