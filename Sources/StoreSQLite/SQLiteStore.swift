public import DirectoryCore
import Foundation
import GRDB

/// The directory's store in one SQLite file, or in memory for tests.
///
/// The file is in WAL mode with `synchronous = FULL`: what was answered as done is on the disk, so that no address,
/// epoch or used token comes back after a power failure. It is for one controller: the change feed tells what this
/// process commits. Mode 0600; a file that others may read is refused.
public final class SQLiteStore: DirectoryStore {
    private let database: any DatabaseWriter
    private let feed: ChangeFeed

    /// Opens a file, which is made if it is missing, and brings its schema up to date.
    ///
    /// - Parameter feedCapacity: how many changes wait for one slow reader at most.
    public init(path: String, feedCapacity: Int = 4_096) throws(DirectoryError) {
        try Self.prepareFile(path)
        feed = ChangeFeed(capacity: feedCapacity)
        database = try SQLiteFailure.mapped {
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            // GRDB sets NORMAL when it opens a file in WAL mode, so it is set here and not in the configuration.
            try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
            return pool
        }
        try migrate()
    }

    /// A store that lasts as long as this object.
    public init(inMemoryWithFeedCapacity feedCapacity: Int = 4_096) throws(DirectoryError) {
        feed = ChangeFeed(capacity: feedCapacity)
        database = try SQLiteFailure.mapped { try DatabaseQueue(configuration: Self.configuration) }
        try migrate()
    }

    /// Closes the file; every later operation fails. Done too when the last user lets go of the store.
    public func close() throws(DirectoryError) {
        try SQLiteFailure.mapped { try database.close() }
    }

    public func changes() -> AsyncStream<DirectoryChange> { feed.changes() }

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryReader) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        do {
            return try await database.read { db in try body(SQLiteTransaction(db)) }
        } catch { throw SQLiteFailure.error(error) }
    }

    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any DirectoryTransaction) throws(DirectoryError) -> T
    ) async throws(DirectoryError) -> T {
        do {
            return try await database.write { [feed] db in
                let transaction = SQLiteTransaction(db)
                let result = try body(transaction)
                let announced = transaction.announced
                // Runs on the writer's queue right after the commit, hence in the order of the commits.
                db.afterNextTransaction { _ in feed.send(announced) }
                return result
            }
        } catch { throw SQLiteFailure.error(error) }
    }

    /// The names of the migrations that the file has had, in order.
    public func migrations() async throws(DirectoryError) -> [String] {
        try await inspect { db in try Schema.migrator.appliedMigrations(db) }
    }

    /// The value of a setting of the connection that writes, such as `synchronous`.
    func setting(_ name: String) async throws(DirectoryError) -> String? {
        do {
            return try await database.writeWithoutTransaction { db in
                try String.fetchOne(db, sql: "PRAGMA " + name)
            }
        } catch { throw SQLiteFailure.error(error) }
    }

    /// Looks at the file itself, in one read.
    func inspect<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(DirectoryError) -> T {
        do { return try await database.read(body) } catch { throw SQLiteFailure.error(error) }
    }

    private func migrate() throws(DirectoryError) {
        try SQLiteFailure.mapped {
            if try database.read(Schema.migrator.hasBeenSuperseded) {
                throw DirectoryError(
                    .storage, "The directory's file was written by a newer version of Patchbay.",
                    remedy: "Run that version, or restore the copy made before the upgrade.")
            }
            try Schema.migrator.migrate(database)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "directory"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        // Kibibytes for each connection: the upper levels of the trees of 100,000 endpoints.
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA cache_size = -8192") }
        return configuration
    }

    /// Makes the file with its mode before SQLite does with another; `-wal` and `-shm` get the same mode from it.
    private static func prepareFile(_ path: String) throws(DirectoryError) {
        let manager = FileManager.default
        guard let attributes = try? manager.attributesOfItem(atPath: path) else {
            guard manager.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]) else {
                throw DirectoryError(
                    .storage, "The directory's file \(path) cannot be made.",
                    remedy: "Make sure that its directory exists, is writable and has space left.")
            }
            return
        }
        let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        guard mode & 0o077 == 0 else {
            throw DirectoryError(
                .forbidden, "\(path) has mode \(String(mode & 0o7777, radix: 8)), so that others may use it.",
                remedy: "Find out who had access, then run: chmod go-rwx \(path)")
        }
    }
}

/// Failures of SQLite as errors of the directory.
enum SQLiteFailure {
    /// Runs a body, and translates what it throws.
    static func mapped<T>(_ body: () throws -> T) throws(DirectoryError) -> T {
        do { return try body() } catch { throw Self.error(error) }
    }

    static func error(_ error: any Error) -> DirectoryError {
        switch error {
        case let error as DirectoryError: error
        case is CancellationError: DirectoryError(.cancelled, "The caller went away; nothing was changed.")
        case let error as DatabaseError where error.resultCode == .SQLITE_BUSY:
            DirectoryError(
                .storage, "The directory's file is locked by another process.",
                remedy: "Stop the other controller, or wait for the other tool.")
        case let error as DatabaseError:
            DirectoryError(
                .storage, "The directory's file failed: \(error.message ?? "no reason given") (\(error.resultCode)).",
                remedy: "Nothing was changed. Look after the disk and its space.")
        default: DirectoryError(.storage, "The directory's file failed: \(error).")
        }
    }
}
