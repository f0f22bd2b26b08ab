import DirectoryCore
import Foundation
import GRDB
import NetTypes

extension SQLiteTransaction {
    func idempotency(_ id: [UInt8]) throws(DirectoryError) -> IdempotencyRow? {
        try first("SELECT * FROM idempotency WHERE id = ?", [id.blob]) { row in
            IdempotencyRow(
                id: row.octets("id"), fingerprint: row.octets("fingerprint"), begunAt: row.time("begun_at"),
                sealed: (row["sealed"] as Data?).map { [UInt8]($0) })
        }
    }

    func put(_ row: IdempotencyRow) throws(DirectoryError) {
        try run(
            "INSERT OR REPLACE INTO idempotency (id, fingerprint, begun_at, sealed) VALUES (?, ?, ?, ?)",
            [row.id.blob, row.fingerprint.blob, row.begunAt.seconds, row.sealed?.blob])
    }

    func delete(idempotency id: [UInt8]) throws(DirectoryError) {
        try run("DELETE FROM idempotency WHERE id = ?", [id.blob])
    }

    func deleteIdempotency(before time: Timestamp) throws(DirectoryError) -> Int {
        try run("DELETE FROM idempotency WHERE begun_at < ?", [time.seconds])
    }
}
