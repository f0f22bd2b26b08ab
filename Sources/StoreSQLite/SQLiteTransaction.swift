import DirectoryCore
import Foundation
import GRDB
import NetTypes

/// One transaction on the file. It lives on GRDB's queue for as long as the body runs.
final class SQLiteTransaction: DirectoryTransaction {
    let db: Database
    /// What to tell once it is committed.
    private(set) var announced: [DirectoryChange] = []

    init(_ db: Database) { self.db = db }

    func announce(_ change: DirectoryChange) { announced.append(change) }

    // MARK: Running statements; each is prepared once for a connection

    /// The first row of a query.
    func first<T>(
        _ sql: String, _ arguments: StatementArguments, _ decode: (Row) throws -> T
    ) throws(DirectoryError) -> T? {
        try SQLiteFailure.mapped {
            try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments).map(decode)
        }
    }

    /// All rows of a query.
    func all<T>(
        _ sql: String, _ arguments: StatementArguments = [], _ decode: (Row) throws -> T
    ) throws(DirectoryError) -> [T] {
        try SQLiteFailure.mapped {
            var values: [T] = []
            let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
            while let row = try rows.next() { values.append(try decode(row)) }
            return values
        }
    }

    /// Runs a statement; returns how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ arguments: StatementArguments) throws(DirectoryError) -> Int {
        try SQLiteFailure.mapped {
            try db.cachedStatement(sql: sql).execute(arguments: arguments)
            return db.changesCount
        }
    }
}

// MARK: Columns

extension Row {
    /// A column whose value the schema promises; what is there instead is named.
    func value<T>(_ column: String, _ make: (Row) throws -> T?) throws -> T {
        guard let value = try make(self) else {
            throw DirectoryError(
                .storage, "The directory's file is damaged at a column '\(column)'.",
                remedy: "Restore the directory's file from a copy.")
        }
        return value
    }

    func name(_ column: String) throws -> Name { try Name(parsing: self[column] as String) }

    func tenantName(_ column: String = "name") throws -> TenantName {
        TenantName(try name("tenant"), try name(column))
    }

    func octets(_ column: String) -> [UInt8] { [UInt8](self[column] as Data) }

    func time(_ column: String) -> Timestamp { Timestamp(self[column] as Int64) }

    func optionalTime(_ column: String) -> Timestamp? { (self[column] as Int64?).map(Timestamp.init) }

    func ipv4(_ column: String) throws -> IPv4Address {
        IPv4Address(try value(column) { UInt32(exactly: $0[column] as Int64) })
    }

    func unsigned(_ column: String) throws -> UInt64 {
        try value(column) { UInt64(exactly: $0[column] as Int64) }
    }

    func identity(_ column: String = "identity") throws -> Identity {
        try value(column) { Identity(octets: $0.octets(column)) }
    }

    func leaf(_ column: String = "leaf") throws -> LeafID {
        try value(column) { LeafID(octets: $0.octets(column)) }
    }

    func vnetID(_ column: String) throws -> VNetID {
        try value(column) { VNetID(octets: $0.octets(column)) }
    }
}

extension Array where Element == UInt8 {
    /// The octets as SQLite takes them.
    var blob: Data { Data(self) }
}

extension Identity {
    var blob: Data { Data(octets) }
}

extension LeafID {
    var blob: Data { Data(octets) }
}

extension VNetID {
    var blob: Data { Data(octets) }
}

extension UInt64 {
    /// The number as SQLite keeps it; epochs and revisions stay below 2^63 by the directory's limits.
    var stored: Int64 { Int64(clamping: self) }
}
