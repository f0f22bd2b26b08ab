import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func host(_ name: Name) throws(DirectoryError) -> LeafHost? {
        try first("SELECT * FROM host WHERE name = ?", [name.text], LeafHost.init(row:))
    }

    func host(_ id: LeafID) throws(DirectoryError) -> LeafHost? {
        try first("SELECT * FROM host WHERE leaf = ?", [id.blob], LeafHost.init(row:))
    }

    func hosts() throws(DirectoryError) -> [LeafHost] {
        try all("SELECT * FROM host ORDER BY name", [], LeafHost.init(row:))
    }

    func put(_ host: LeafHost) throws(DirectoryError) {
        try run(
            """
            INSERT INTO host (name, leaf, enrolled_at, locators, plug_port, created_at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET leaf = excluded.leaf, enrolled_at = excluded.enrolled_at,
                locators = excluded.locators, plug_port = excluded.plug_port, created_at = excluded.created_at
            """,
            [
                host.name.text, host.id.blob, host.enrolledAt?.seconds,
                host.locators.map(\.description).joined(separator: " "), Int64(host.plugPort), host.createdAt.seconds,
            ])
    }

    func delete(host: Name) throws(DirectoryError) {
        // The notes of certificates name the leaf and not the host: no foreign key does this.
        try run("DELETE FROM certificate WHERE leaf = (SELECT leaf FROM host WHERE name = ?)", [host.text])
        try run("DELETE FROM host WHERE name = ?", [host.text])
    }

    func joinGrant(secretHash: [UInt8]) throws(DirectoryError) -> JoinGrant? {
        try first("SELECT * FROM join_grant WHERE secret_hash = ?", [secretHash.blob], JoinGrant.init(row:))
    }

    func put(_ grant: JoinGrant) throws(DirectoryError) {
        try run(
            """
            INSERT INTO join_grant (secret_hash, host, expires_at, used_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (secret_hash) DO UPDATE SET host = excluded.host, expires_at = excluded.expires_at,
                used_at = excluded.used_at
            """, [grant.secretHash.blob, grant.host.text, grant.expiresAt.seconds, grant.usedAt?.seconds])
    }

    func deleteJoinGrants(of host: Name) throws(DirectoryError) {
        try run("DELETE FROM join_grant WHERE host = ?", [host.text])
    }
}

extension LeafHost {
    fileprivate init(row: Row) throws {
        self.init(
            name: try row.name("name"), id: try row.leaf(), enrolledAt: row.optionalTime("enrolled_at"),
            locators: try (row["locators"] as String).split(separator: " ").map { try IPAddress(parsing: $0) },
            plugPort: try row.value("plug_port") { UInt16(exactly: $0["plug_port"] as Int64) },
            createdAt: row.time("created_at"))
    }
}

extension JoinGrant {
    fileprivate init(row: Row) throws {
        self.init(
            secretHash: row.octets("secret_hash"), host: try row.name("host"), expiresAt: row.time("expires_at"),
            usedAt: row.optionalTime("used_at"))
    }
}
