import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func suspensions() throws(DirectoryError) -> SuspensionStatement? {
        try first("SELECT * FROM suspensions", []) { row in
            SuspensionStatement(
                revision: try row.unsigned("revision"), body: row.octets("body"), signature: row.octets("signature"))
        }
    }

    func put(_ suspensions: SuspensionStatement) throws(DirectoryError) {
        try run(
            "INSERT OR REPLACE INTO suspensions (id, revision, body, signature) VALUES (1, ?, ?, ?)",
            [suspensions.revision.stored, suspensions.body.blob, suspensions.signature.blob])
    }

    func suspendedTenants() throws(DirectoryError) -> [Name] {
        try all("SELECT name FROM tenant WHERE suspended_at IS NOT NULL ORDER BY name") { try $0.name("name") }
    }

    func userCount(of tenant: Name) throws(DirectoryError) -> Int64 {
        try count("SELECT count(*) AS count FROM account WHERE tenant = ?", tenant)
    }

    func groupCount(of tenant: Name) throws(DirectoryError) -> Int64 {
        try count("SELECT count(*) AS count FROM tenant_group WHERE tenant = ?", tenant)
    }

    private func count(_ sql: String, _ tenant: Name) throws(DirectoryError) -> Int64 {
        try first(sql, [tenant.text]) { $0["count"] as Int64 } ?? 0
    }
}
