import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func tally(
        of tenant: Name, by part: EndpointPart, limit: Set<Name>?
    ) throws(DirectoryError) -> [EndpointTally] {
        let column =
            switch part {
            case .group: "endpoint.first_group"
            case .host: "endpoint.host"
            case .vnet: "endpoint.vnet_name"
            }
        var condition = "endpoint.tenant = ?"
        var arguments: [(any DatabaseValueConvertible)?] = [tenant.text]
        if let limit {
            condition += """
                 AND EXISTS (SELECT 1 FROM membership AS own
                    WHERE own.identity = endpoint.identity AND own.group_name IN (\(databaseQuestionMarks(count: limit.count))))
                """
            arguments += limit.sorted().map(\.text)
        }
        return try all(
            """
            SELECT \(column) AS part, sum(state = 'waiting') AS waiting, sum(state = 'running') AS running,
                sum(state = 'moving') AS moving, sum(state = 'failed') AS failed
            FROM endpoint WHERE \(condition) GROUP BY part ORDER BY part
            """, StatementArguments(arguments)
        ) { row in
            EndpointTally(
                name: try (row["part"] as String?).map { try Name(parsing: $0) }, waiting: row["waiting"],
                running: row["running"], moving: row["moving"], failed: row["failed"])
        }
    }
}
