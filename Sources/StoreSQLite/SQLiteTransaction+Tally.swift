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
        // One row for each part and state. By group they are counted as endpoints come, go and change; else an index is
        // walked once.
        var tallies: [EndpointTally] = []
        let isCounted = part == .group && limit == nil
        let rows = try all(
            isCounted
                ? """
                SELECT nullif(first_group, '') AS part, state, found FROM endpoint_tally
                WHERE tenant = ? ORDER BY first_group
                """
                : """
                SELECT \(column) AS part, state, count(*) AS found FROM endpoint WHERE \(condition)
                GROUP BY part, state ORDER BY part
                """, StatementArguments(arguments)
        ) { row in
            (
                name: try (row["part"] as String?).map { try Name(parsing: $0) }, state: row["state"] as String,
                count: row["found"] as Int
            )
        }
        for row in rows {
            if tallies.last.map({ $0.name != row.name }) ?? true { tallies.append(EndpointTally(name: row.name)) }
            tallies[tallies.count - 1].add(row.count, of: row.state)
        }
        return tallies
    }
}

extension EndpointTally {
    fileprivate mutating func add(_ count: Int, of state: String) {
        switch state {
        case "waiting": waiting += count
        case "running": running += count
        case "moving": moving += count
        default: failed += count
        }
    }
}
