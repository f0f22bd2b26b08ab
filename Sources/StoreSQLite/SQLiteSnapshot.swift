public import DirectoryCore
import Foundation
import GRDB

/// The directory's file as a whole: copied while a controller works with it, and looked over.
public enum SQLiteSnapshot {
    /// Writes the state of one moment to a file that does not exist yet, of mode 0600. Whoever works with the directory
    /// need not wait.
    ///
    /// - Returns: the names of the migrations that the file has had, in order.
    public static func write(from path: String, to copy: String) throws(DirectoryError) -> [String] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DirectoryError(
                .notFound, "There is no directory's file \(path).",
                remedy: "Run the controller once, or name its data directory.")
        }
        // SQLite takes an empty file for one that it may fill, and keeps its mode.
        guard !FileManager.default.fileExists(atPath: copy),
            FileManager.default.createFile(atPath: copy, contents: nil, attributes: [.posixPermissions: 0o600])
        else { throw DirectoryError(.storage, "The copy \(copy) cannot be made.") }
        return try SQLiteFailure.mapped {
            let queue = try DatabaseQueue(path: path, configuration: configuration(label: "backup"))
            try queue.writeWithoutTransaction { db in try db.execute(sql: "VACUUM INTO ?", arguments: [copy]) }
            try queue.close()
            return try migrations(of: copy)
        }
    }

    /// Looks a file over that is about to become a directory's: its schema is one that this program knows, and it is whole.
    ///
    /// - Returns: the names of the keys that it refers to.
    public static func check(_ path: String) throws(DirectoryError) -> Set<String> {
        try SQLiteFailure.mapped {
            let queue = try DatabaseQueue(path: path, configuration: configuration(label: "check"))
            return try queue.read { db in
                guard try !Schema.migrator.hasBeenSuperseded(db) else {
                    throw DirectoryError(
                        .storage, "It was made by a newer version of Patchbay.",
                        remedy: "Install that version, or one after it, and restore then.")
                }
                let applied = try Schema.migrator.appliedMigrations(db)
                guard !applied.isEmpty else { throw DirectoryError(.storage, "It holds no directory.") }
                let found = try String.fetchAll(db, sql: "PRAGMA integrity_check(5)")
                guard found == ["ok"] else {
                    throw DirectoryError(
                        .storage, "The directory's file is damaged: \(found.joined(separator: "; ")).",
                        remedy: "Take another backup.")
                }
                try db.checkForeignKeys()
                return Set(
                    try String.fetchAll(db, sql: "SELECT authority_key FROM tenant UNION SELECT policy_key FROM tenant")
                )
            }
        }
    }

    private static func migrations(of path: String) throws -> [String] {
        let queue = try DatabaseQueue(path: path, configuration: configuration(label: "copy"))
        return try queue.read { db in try Schema.migrator.appliedMigrations(db) }
    }

    private static func configuration(label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.busyMode = .timeout(10)
        return configuration
    }
}
