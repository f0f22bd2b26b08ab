import DirectoryCore
import GRDB
import Synchronization

extension SQLiteStore {
    /// The statements that a body runs, each with SQLite's plan for it (EXPLAIN QUERY PLAN): a `SCAN` of a large table
    /// is what must not be in it.
    func plans(
        of body: @escaping @Sendable (any DirectoryReader) throws(DirectoryError) -> Void
    ) async throws(DirectoryError) -> [String: [String]] {
        try await inspect { db in
            let statements = Mutex<Set<String>>([])
            db.trace { event in
                if case .statement(let statement) = event {
                    _ = statements.withLock { $0.insert(statement.expandedSQL) }
                }
            }
            defer { db.trace(options: []) }
            try body(SQLiteTransaction(db))
            db.trace(options: [])
            var plans: [String: [String]] = [:]
            for sql in statements.withLock({ $0 }) {
                plans[sql] = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String }
            }
            return plans
        }
    }
}
