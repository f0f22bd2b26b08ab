import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func figures(at now: Timestamp) throws(DirectoryError) -> StoreFigures {
        // Endpoints are counted by their vnets: walking 100,000 of them at every reading would be for nothing.
        let found = try first(
            """
            SELECT (SELECT count(*) FROM tenant) AS tenants, (SELECT min(authority_not_after) FROM tenant) AS tenant_end,
                (SELECT count(*) FROM host) AS hosts,
                (SELECT count(*) FROM host WHERE enrolled_at IS NOT NULL) AS enrolled,
                (SELECT count(*) FROM vnet) AS vnets,
                (SELECT ifnull(sum(endpoint_count), 0) FROM vnet) AS endpoints,
                (SELECT count(*) FROM facts) AS published,
                (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM session) AS sessions,
                (SELECT ifnull(sum(count - signed), 0) FROM audit_chain WHERE count > signed) AS unsigned,
                (SELECT min(not_after) FROM certificate WHERE not_after > ?) AS issued_end,
                (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS bytes
            """, [now.seconds]
        ) { row in
            var figures = StoreFigures()
            figures.tenants = row["tenants"]
            figures.hosts = row["hosts"]
            figures.enrolledHosts = row["enrolled"]
            figures.vnets = row["vnets"]
            figures.endpoints = row["endpoints"]
            figures.publishedEndpoints = row["published"]
            figures.accounts = row["accounts"]
            figures.sessions = row["sessions"]
            figures.unsignedAuditEntries = row["unsigned"]
            figures.tenantCertificateEnd = (row["tenant_end"] as Int64?).map { Timestamp($0) }
            figures.issuedCertificateEnd = (row["issued_end"] as Int64?).map { Timestamp($0) }
            figures.byteCount = row["bytes"]
            return figures
        }
        return found ?? StoreFigures()
    }
}
