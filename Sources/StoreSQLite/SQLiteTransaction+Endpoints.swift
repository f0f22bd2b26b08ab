import DirectoryCore
import GRDB
import NetTypes

extension SQLiteTransaction {
    /// An endpoint with the names of its groups, which have no commas.
    static let select = """
        SELECT endpoint.*,
            (SELECT group_concat(group_name, ',') FROM membership WHERE membership.identity = endpoint.identity)
                AS group_names
        FROM endpoint
        """

    func endpoint(_ identity: Identity) throws(DirectoryError) -> Endpoint? {
        try first(Self.select + " WHERE identity = ?", [identity.blob], Endpoint.init(row:))
    }

    func endpoint(_ name: TenantName) throws(DirectoryError) -> Endpoint? {
        try first(
            Self.select + " WHERE tenant = ? AND name = ?", [name.tenant.text, name.name.text], Endpoint.init(row:))
    }

    func endpoint(_ ipv4: IPv4Address, in vnet: VNetID) throws(DirectoryError) -> Endpoint? {
        try first(
            Self.select + " WHERE vnet = ? AND ipv4 = ?", [vnet.blob, Int64(ipv4.value)], Endpoint.init(row:))
    }

    func endpoint(kind: Endpoint.Kind, attachment: String, on host: Name) throws(DirectoryError) -> Endpoint? {
        try first(
            Self.select + " WHERE host = ? AND kind = ? AND attachment = ?", [host.text, kind.rawValue, attachment],
            Endpoint.init(row:))
    }

    func endpoints(of tenant: Name, page: Page) throws(DirectoryError) -> [Endpoint] {
        try all(
            Self.select + " WHERE tenant = ? AND name > ? ORDER BY name LIMIT ?",
            [tenant.text, page.after?.text ?? "", page.limit], Endpoint.init(row:))
    }

    func endpointCount(on host: Name) throws(DirectoryError) -> Int {
        try first("SELECT endpoint_count FROM host WHERE name = ?", [host.text]) { $0["endpoint_count"] } ?? 0
    }

    func endpoints(on host: Name, limit: Int?) throws(DirectoryError) -> [Endpoint] {
        // A negative limit is none (SQLite, "The LIMIT clause").
        try all(
            Self.select + " WHERE host = ? ORDER BY identity LIMIT ?", [host.text, limit ?? -1], Endpoint.init(row:))
    }

    func endpoints(movingFrom host: Name) throws(DirectoryError) -> [Endpoint] {
        try all(Self.select + " WHERE former_host = ? ORDER BY identity", [host.text], Endpoint.init(row:))
    }

    func endpoints(movingUntil deadline: Timestamp) throws(DirectoryError) -> [Endpoint] {
        try all(
            Self.select + " WHERE deadline IS NOT NULL AND deadline <= ? ORDER BY deadline, identity",
            [deadline.seconds], Endpoint.init(row:))
    }

    func borders(of vnet: VNetID) throws(DirectoryError) -> [Endpoint] {
        try all(
            Self.select + " WHERE vnet = ? AND networks <> '' ORDER BY name", [vnet.blob], Endpoint.init(row:))
    }

    func freeAddress(in vnet: VNetID, range: ClosedRange<UInt32>) throws(DirectoryError) -> IPv4Address? {
        try SQLiteFailure.mapped {
            let sql = "SELECT ipv4 FROM endpoint WHERE vnet = ? AND ipv4 BETWEEN ? AND ? ORDER BY ipv4"
            let taken = try Int64.fetchCursor(
                db.cachedStatement(sql: sql),
                arguments: [vnet.blob, Int64(range.lowerBound), Int64(range.upperBound)])
            var candidate = Int64(range.lowerBound)
            while let address = try taken.next(), address == candidate { candidate += 1 }
            return UInt32(exactly: candidate).flatMap { range.contains($0) ? IPv4Address($0) : nil }
        }
    }

    func raiseEpochs(to epoch: Epoch) throws(DirectoryError) -> Int {
        try run("UPDATE endpoint SET epoch = max(epoch + 1, ?)", [epoch.stored])
    }

    func put(_ endpoint: Endpoint) throws(DirectoryError) {
        var former: String?
        var deadline: Int64?
        var failure: String?
        switch endpoint.state {
        case .moving(let from, let until): (former, deadline) = (from.text, until.seconds)
        case .failed(let detail): failure = detail
        case .waiting, .running: break
        }
        try run(
            """
            INSERT INTO endpoint (identity, tenant, name, vnet, vnet_name, ipv4, kind, attachment, host, state,
                former_host, deadline, detail, epoch, published_by, created_at, labels, level, networks, first_group)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (identity) DO UPDATE SET tenant = excluded.tenant, name = excluded.name, vnet = excluded.vnet,
                vnet_name = excluded.vnet_name, ipv4 = excluded.ipv4, kind = excluded.kind,
                attachment = excluded.attachment, host = excluded.host, state = excluded.state,
                former_host = excluded.former_host, deadline = excluded.deadline, detail = excluded.detail,
                epoch = excluded.epoch, published_by = excluded.published_by, created_at = excluded.created_at,
                labels = excluded.labels, level = excluded.level,
                networks = excluded.networks, first_group = excluded.first_group
            """,
            [
                endpoint.identity.blob, endpoint.name.tenant.text, endpoint.name.name.text, endpoint.vnet.blob,
                endpoint.vnetName.text, Int64(endpoint.ipv4.value), endpoint.kind.rawValue, endpoint.attachment,
                endpoint.host.text, endpoint.state.code, former, deadline, failure, endpoint.epoch.stored,
                endpoint.publishedBy?.blob, endpoint.createdAt.seconds,
                endpoint.labels.map(\.description).joined(separator: ","), Int64(endpoint.level),
                endpoint.networks.map(\.description).joined(separator: ","), endpoint.groups.min()?.text,
            ])
        let memberships = try all(
            "SELECT group_name, name FROM membership WHERE identity = ? ORDER BY group_name", [endpoint.identity.blob]
        ) { (try $0.name("group_name"), try $0.name("name")) }
        // Most changes are of the state alone.
        guard
            memberships.map(\.0) != endpoint.groups
                || memberships.contains(where: { $0.1 != endpoint.name.name })
        else {
            return
        }
        try run("DELETE FROM membership WHERE identity = ?", [endpoint.identity.blob])
        for group in endpoint.groups {
            try run(
                "INSERT INTO membership (tenant, group_name, name, identity) VALUES (?, ?, ?, ?)",
                [endpoint.name.tenant.text, group.text, endpoint.name.name.text, endpoint.identity.blob])
        }
    }

    func delete(endpoint: Identity) throws(DirectoryError) {
        try run("DELETE FROM endpoint WHERE identity = ?", [endpoint.blob])
    }
}

extension Endpoint {
    init(row: Row) throws {
        let groups = (row["group_names"] as String?)?.split(separator: ",") ?? []
        let labels = (row["labels"] as String).split(separator: ",")
        let networks = (row["networks"] as String).split(separator: ",")
        let published: LeafID? = try row.hasNull(atColumn: "published_by") ? nil : row.leaf("published_by")
        self.init(
            identity: try row.identity(), name: try row.tenantName(), vnet: try row.vnetID("vnet"),
            vnetName: try row.name("vnet_name"), ipv4: try row.ipv4("ipv4"),
            groups: try groups.map { try Name(parsing: $0) }.sorted(),
            labels: try labels.map { try PolicyLabel(parsing: $0) }.sorted(),
            level: try row.value("level") { UInt8(exactly: $0["level"] as Int64) },
            networks: try networks.map { try IPPrefix(parsing: $0) }.sorted(),
            kind: try row.value("kind") { Endpoint.Kind(rawValue: $0["kind"]) }, attachment: row["attachment"],
            host: try row.name("host"), state: try State(row: row), epoch: try row.unsigned("epoch"),
            publishedBy: published, createdAt: row.time("created_at"))
    }
}

extension Endpoint.State {
    fileprivate init(row: Row) throws {
        let code: String = row["state"]
        switch code {
        case "waiting": self = .waiting
        case "running": self = .running
        case "moving": self = .moving(from: try row.name("former_host"), deadline: row.time("deadline"))
        default: self = try row.value("state") { code == "failed" ? .failed(detail: $0["detail"]) : nil }
        }
    }
}

extension Row {
    fileprivate func hasNull(atColumn name: String) -> Bool { (self[name] as DatabaseValue).isNull }
}
