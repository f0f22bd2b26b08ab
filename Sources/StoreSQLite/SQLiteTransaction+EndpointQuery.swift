import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    func endpoints(
        of tenant: Name, matching query: EndpointQuery, page: Page
    ) throws(DirectoryError) -> [Endpoint] {
        let part =
            query.group == nil
            ? try query.search.map { (text) throws(DirectoryError) in
                try rarestPart(of: text, tenant)
            } ?? nil : nil
        let (sql, values) = EndpointSelection(query, of: tenant, part: part, page: page).statement
        return try all(
            "\(Self.select) WHERE identity IN (\(sql)) ORDER BY name", StatementArguments(values),
            Endpoint.init(row:))
    }

    /// The three letters of a text that the fewest names of a tenant have in them; nil for a text of fewer letters.
    private func rarestPart(of text: String, _ tenant: Name) throws(DirectoryError) -> String? {
        let letters = Array(text)
        guard letters.count >= 3 else { return nil }
        var rarest: (part: String, count: Int)?
        for part in Set((0...letters.count - 3).map { String(letters[$0..<$0 + 3]) }).sorted() {
            // More than a page is many: which of the frequent ones is taken matters little.
            let count: Int? = try first(
                "SELECT count(*) AS found FROM (SELECT 1 FROM name_part WHERE tenant = ? AND part = ? LIMIT 1000)",
                [tenant.text, part]
            ) { $0["found"] }
            guard let count, count < rarest?.count ?? .max else { continue }
            rarest = (part, count)
            if count < 50 { break }
        }
        return rarest?.part
    }
}

/// The statement that gives the identities of a page, from indices alone; only the rows of the page are read after that.
///
/// It walks in order of name until the page is full: the members of a group, the names that have three letters in them, or
/// all endpoints of the tenant.
private struct EndpointSelection {
    private var source = "endpoint l"
    private var walked = "l"
    private var conditions: [String] = []
    private var values: [(any DatabaseValueConvertible)?] = []
    private let limit: Int

    init(_ query: EndpointQuery, of tenant: Name, part: String?, page: Page) {
        limit = page.limit
        if query.group != nil {
            walked = "m"
            source = "membership m CROSS JOIN endpoint l ON l.tenant = m.tenant AND l.name = m.name"
        } else if part != nil {
            walked = "p"
            source = "name_part p CROSS JOIN endpoint l ON l.tenant = p.tenant AND l.name = p.name"
        }
        ask("\(walked).tenant = ?", tenant.text)
        ask("\(walked).name > ?", page.after?.text ?? "")
        ask("m.group_name = ?", query.group?.text)
        ask("p.part = ?", part)
        ask("l.host = ?", query.host?.text)
        ask("l.vnet_name = ?", query.vnet?.text)
        ask("l.state = ?", query.state)
        ask("instr(',' || l.labels || ',', ',' || ? || ',')", query.label)
        ask("instr(l.name, ?)", query.search)
        if query.isWithoutGroup {
            conditions.append("NOT EXISTS (SELECT 1 FROM membership n WHERE n.identity = l.identity)")
        }
        if let groups = query.anyGroup {
            conditions.append(
                """
                EXISTS (SELECT 1 FROM membership a
                    WHERE a.identity = l.identity AND a.group_name IN (\(databaseQuestionMarks(count: groups.count))))
                """)
            values += groups.sorted().map(\.text)
        }
    }

    private mutating func ask(_ condition: String, _ value: String?) {
        guard let value else { return }
        conditions.append(condition)
        values.append(value)
    }

    var statement: (sql: String, values: [(any DatabaseValueConvertible)?]) {
        let sql = """
            SELECT l.identity FROM \(source) WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(walked).name LIMIT ?
            """
        return (sql, values + [limit])
    }
}
