import DirectoryCore
import Foundation
import GRDB
import NetTypes
import Trust

extension SQLiteTransaction {
    // MARK: What is booked of leaves

    func usageLeaf(_ leaf: LeafID) throws(DirectoryError) -> UsageLeaf? {
        try first("SELECT * FROM usage_leaf WHERE leaf = ?", [leaf.blob]) { row in
            var state = UsageLeaf()
            state.receipt = try row.unsigned("receipt")
            state.readAt = row.time("read_at")
            state.bookedAt = row.time("booked_at")
            state.budget = row["budget"]
            return state
        }
    }

    func put(_ state: UsageLeaf, of leaf: LeafID) throws(DirectoryError) {
        try run(
            """
            INSERT INTO usage_leaf (leaf, receipt, read_at, booked_at, budget) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (leaf) DO UPDATE SET receipt = excluded.receipt, read_at = excluded.read_at,
                booked_at = excluded.booked_at, budget = excluded.budget
            """,
            [
                leaf.blob, state.receipt.stored, state.readAt?.seconds ?? 0, state.bookedAt?.seconds ?? 0, state.budget,
            ])
    }

    func usageCounter(_ id: UInt64, of leaf: LeafID) throws(DirectoryError) -> UsageCounter? {
        try first("SELECT * FROM usage_counter WHERE leaf = ? AND id = ?", [leaf.blob, id.stored]) { row in
            UsageCounter(
                wire: row["wire"], end: try row.value("end") { UsageEnd(rawValue: $0["end"]) },
                packets: try row.unsigned("packets"), bytes: try row.unsigned("bytes"))
        }
    }

    func put(_ counter: UsageCounter, id: UInt64, run number: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try run(
            """
            INSERT INTO usage_counter (leaf, id, wire, end, packets, bytes, run) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (leaf, id) DO UPDATE SET packets = excluded.packets, bytes = excluded.bytes, run = excluded.run
            """,
            [
                leaf.blob, id.stored, counter.wire, counter.end.rawValue, counter.packets.stored, counter.bytes.stored,
                number.stored,
            ])
    }

    func touch(usageCounter id: UInt64, run number: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try run(
            "UPDATE usage_counter SET run = ? WHERE leaf = ? AND id = ?", [number.stored, leaf.blob, id.stored])
    }

    func delete(usageCounter id: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try run("DELETE FROM usage_counter WHERE leaf = ? AND id = ?", [leaf.blob, id.stored])
    }

    func deleteUsageCounters(of leaf: LeafID, except number: UInt64) throws(DirectoryError) {
        try run("DELETE FROM usage_counter WHERE leaf = ? AND run <> ?", [leaf.blob, number.stored])
    }

    // MARK: Names

    func usageNumber(of tenant: Tenant) throws(DirectoryError) -> UsageNumber? {
        try first("SELECT id FROM usage_tenant WHERE authority = ?", [tenant.authorityKeyHash.blob]) { $0["id"] }
    }

    func usageParty(_ identity: Identity) throws(DirectoryError) -> UsageParty? {
        try first("SELECT * FROM usage_endpoint WHERE identity = ?", [identity.blob], Self.party)
    }

    func usageParty(_ number: UsageNumber) throws(DirectoryError) -> UsageParty? {
        try first("SELECT * FROM usage_endpoint WHERE id = ?", [number], Self.party)
    }

    private static func party(_ row: Row) throws -> UsageParty {
        UsageParty(number: row["id"], tenant: row["tenant"], identity: try row.identity())
    }

    func enterUsageParty(_ endpoint: Endpoint, of tenant: Tenant) throws(DirectoryError) -> UsageParty {
        try run(
            "INSERT INTO usage_tenant (authority, name) VALUES (?, ?) ON CONFLICT (authority) DO NOTHING",
            [tenant.authorityKeyHash.blob, tenant.name.text])
        try run(
            """
            INSERT INTO usage_endpoint (identity, tenant, name)
            VALUES (?, (SELECT id FROM usage_tenant WHERE authority = ?), ?)
            ON CONFLICT (identity) DO UPDATE SET name = excluded.name WHERE name <> excluded.name
            """, [endpoint.identity.blob, tenant.authorityKeyHash.blob, endpoint.name.name.text])
        guard let party = try usageParty(endpoint.identity) else {
            throw DirectoryError(.storage, "An endpoint that was entered is not there.", remedy: "Try again.")
        }
        return party
    }

    func usageEnds(of wire: UsageNumber) throws(DirectoryError) -> (source: UsageNumber, destination: UsageNumber)? {
        try first("SELECT source, destination FROM usage_wire WHERE id = ?", [wire]) { row in
            (source: row["source"], destination: row["destination"])
        }
    }

    func enterUsageWire(
        _ pair: TrafficPair, source: UsageParty, destination: UsageParty
    ) throws(DirectoryError) -> UsageNumber {
        let key: StatementArguments = [
            source.number, destination.number, Self.blob(pair.outsideSource), Self.blob(pair.outsideDestination),
        ]
        try run(
            """
            INSERT INTO usage_wire (source, destination, outside_source, outside_destination) VALUES (?, ?, ?, ?)
            ON CONFLICT DO NOTHING
            """, key)
        let number: UsageNumber? = try first(
            """
            SELECT id FROM usage_wire
            WHERE source = ? AND destination = ? AND outside_source = ? AND outside_destination = ?
            """, key
        ) { $0["id"] }
        guard let number else {
            throw DirectoryError(.storage, "A wire that was entered is not there.", remedy: "Try again.")
        }
        return number
    }

    /// An address outside; empty for none, so that it can be part of a key.
    private static func blob(_ address: IPAddress?) -> Data { Data(address?.octets ?? []) }

    func usageKnows(_ name: Name, of tenant: UsageNumber) throws(DirectoryError) -> Bool {
        try first("SELECT 1 FROM usage_endpoint WHERE tenant = ? AND name = ? LIMIT 1", [tenant, name.text]) { _ in
            true
        } ?? false
    }

    func usageTenure(of identity: Identity, at leaf: LeafID) throws(DirectoryError) -> Timestamp? {
        try first("SELECT until FROM usage_tenure WHERE identity = ? AND leaf = ?", [identity.blob, leaf.blob]) {
            $0.time("until")
        }
    }

    func putUsageTenure(of identity: Identity, at leaf: LeafID, until: Timestamp) throws(DirectoryError) {
        try run(
            """
            INSERT INTO usage_tenure (identity, leaf, until) VALUES (?, ?, ?)
            ON CONFLICT (identity, leaf) DO UPDATE SET until = max(until, excluded.until)
            """, [identity.blob, leaf.blob, until.seconds])
    }

    // MARK: Figures

    func add(
        _ traffic: Traffic, to number: UsageNumber, _ kind: UsageKind, of tenant: UsageNumber, at moment: Timestamp
    ) throws(DirectoryError) {
        for step in UsageStep.allCases {
            try run(
                """
                INSERT INTO usage_figure (kind, step, subject, time, tenant, sent_packets, sent_bytes, received_packets,
                    received_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (kind, step, subject, time) DO UPDATE SET
                    sent_packets = sent_packets + excluded.sent_packets, sent_bytes = sent_bytes + excluded.sent_bytes,
                    received_packets = received_packets + excluded.received_packets,
                    received_bytes = received_bytes + excluded.received_bytes
                """,
                [
                    kind.rawValue, step.rawValue, number, step.begin(of: moment).seconds, tenant,
                    traffic.sentPackets.stored, traffic.sentBytes.stored, traffic.receivedPackets.stored,
                    traffic.receivedBytes.stored,
                ])
        }
    }

    func usageFigures(
        of tenant: UsageNumber, _ question: UsageQuestion
    ) throws(DirectoryError) -> [UsageFigure] {
        var columns = ["f.*"]
        var joins = ""
        switch question.kind {
        case .tenant: break
        case .endpoint:
            columns += ["e.name AS s_name, e.identity AS s_identity"]
            joins = " JOIN usage_endpoint e ON e.id = f.subject"
        case .wire:
            columns += [
                "s.name AS s_name, s.identity AS s_identity, d.name AS d_name, d.identity AS d_identity",
                "w.outside_source, w.outside_destination",
            ]
            joins = """
                 JOIN usage_wire w ON w.id = f.subject JOIN usage_endpoint s ON s.id = w.source
                 JOIN usage_endpoint d ON d.id = w.destination
                """
        }
        var conditions = ["f.kind = ?", "f.step = ?", "f.tenant = ?", "f.time >= ?", "f.time < ?"]
        var arguments: StatementArguments = [
            question.kind.rawValue, question.step.rawValue, tenant, question.from.seconds, question.to.seconds,
        ]
        if let after = question.after {
            conditions.append("(f.time, f.subject) > (?, ?)")
            arguments += [after.time.seconds, after.number]
        }
        Self.add(question, to: &conditions, &arguments)
        arguments += [min(max(question.limit, 1), 1_000_000)]
        return try all(
            """
            SELECT \(columns.joined(separator: ", ")) FROM usage_figure f\(joins)
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY f.time, f.subject LIMIT ?
            """, arguments
        ) { try Self.figure($0, question.kind) }
    }

    /// Adds what the ends have to be.
    private static func add(
        _ question: UsageQuestion, to conditions: inout [String], _ arguments: inout StatementArguments
    ) {
        guard let end = question.end else { return }
        guard question.kind == .wire else {
            guard case .endpoint(let name) = end, question.kind == .endpoint else { return }
            conditions.append("e.name = ?")
            arguments += [name.text]
            return
        }
        func matches(_ end: FlowEnd, _ party: String, _ outside: String) -> (String, StatementArguments) {
            switch end {
            case .endpoint(let name): ("(\(party).name = ? AND w.\(outside) = x'')", [name.text])
            case .outside(let address): ("w.\(outside) = ?", [blob(address)])
            }
        }
        var ways: [(String, StatementArguments)] = []
        for isReversed in question.isOneWay ? [false] : [false, true] {
            let (near, far) = isReversed ? ("d", "s") : ("s", "d")
            func outside(_ party: String) -> String { party == "s" ? "outside_source" : "outside_destination" }
            var way = matches(end, near, outside(near))
            if let peer = question.peer {
                let other = matches(peer, far, outside(far))
                way = ("(\(way.0) AND \(other.0))", way.1 + other.1)
            }
            ways.append(way)
        }
        conditions.append("(" + ways.map(\.0).joined(separator: " OR ") + ")")
        for way in ways { arguments += way.1 }
    }

    private static func figure(_ row: Row, _ kind: UsageKind) throws -> UsageFigure {
        var traffic = Traffic()
        traffic.sentPackets = try row.unsigned("sent_packets")
        traffic.sentBytes = try row.unsigned("sent_bytes")
        traffic.receivedPackets = try row.unsigned("received_packets")
        traffic.receivedBytes = try row.unsigned("received_bytes")
        func end(_ prefix: String, _ outside: String) throws -> UsageFigure.End {
            UsageFigure.End(
                name: try row.name(prefix + "_name"), identity: try row.identity(prefix + "_identity"),
                outside: kind == .wire ? IPAddress(octets: row.octets(outside)) : nil)
        }
        return UsageFigure(
            time: row.time("time"), number: row["subject"],
            end: kind == .tenant ? nil : try end("s", "outside_source"),
            destination: kind == .wire ? try end("d", "outside_destination") : nil, traffic: traffic)
    }

    func tenantUsage(
        step: UsageStep, from: Timestamp, to: Timestamp
    ) throws(DirectoryError) -> [TenantUsage] {
        try all(
            """
            SELECT u.name, t.name IS NOT NULL AS present, sum(f.sent_packets) AS sent_packets,
                sum(f.sent_bytes) AS sent_bytes, sum(f.received_packets) AS received_packets,
                sum(f.received_bytes) AS received_bytes
            FROM usage_tenant u JOIN usage_figure f
                ON f.kind = ? AND f.step = ? AND f.tenant = u.id AND f.time >= ? AND f.time < ?
            LEFT JOIN tenant t ON t.authority_key_hash = u.authority
            GROUP BY u.id ORDER BY u.name, u.id
            """, [UsageKind.tenant.rawValue, step.rawValue, from.seconds, to.seconds]
        ) { row in
            var traffic = Traffic()
            traffic.sentPackets = try row.unsigned("sent_packets")
            traffic.sentBytes = try row.unsigned("sent_bytes")
            traffic.receivedPackets = try row.unsigned("received_packets")
            traffic.receivedBytes = try row.unsigned("received_bytes")
            return TenantUsage(name: try row.name("name"), isPresent: row["present"], traffic: traffic)
        }
    }

    // MARK: Forgetting

    func deleteUsage(
        hoursBefore: Timestamp, daysBefore: Timestamp, at now: Timestamp
    ) throws(DirectoryError) -> Int {
        var count = 0
        let tenants: [UsageNumber] = try all("SELECT id FROM usage_tenant") { $0["id"] }
        for tenant in tenants {
            for kind in UsageKind.allCases {
                for (step, before) in [(UsageStep.hour, hoursBefore), (.day, daysBefore)] {
                    count += try run(
                        "DELETE FROM usage_figure WHERE kind = ? AND step = ? AND tenant = ? AND time < ?",
                        [kind.rawValue, step.rawValue, tenant, before.seconds])
                }
            }
        }
        count += try run("DELETE FROM usage_tenure WHERE until < ?", [now.seconds])
        return count
    }

    func sweepUsage() throws(DirectoryError) {
        for table in ["usage_counter", "usage_leaf", "usage_tenure"] {
            try run("DELETE FROM \(table) WHERE leaf NOT IN (SELECT leaf FROM host)", [])
        }
        // A wire whose count goes on is needed, and so are the names of its ends.
        try run(
            """
            DELETE FROM usage_wire WHERE NOT EXISTS (SELECT 1 FROM usage_counter c WHERE c.wire = usage_wire.id)
                AND NOT EXISTS (SELECT 1 FROM usage_figure f WHERE f.kind = 2 AND f.step = 1 AND f.subject = usage_wire.id)
                AND NOT EXISTS (SELECT 1 FROM usage_figure f WHERE f.kind = 2 AND f.step = 0 AND f.subject = usage_wire.id)
            """, [])
        try run(
            """
            DELETE FROM usage_endpoint WHERE identity NOT IN (SELECT identity FROM endpoint)
                AND NOT EXISTS (SELECT 1 FROM usage_wire w WHERE w.source = usage_endpoint.id)
                AND NOT EXISTS (SELECT 1 FROM usage_wire w WHERE w.destination = usage_endpoint.id)
                AND NOT EXISTS (SELECT 1 FROM usage_tenure t WHERE t.identity = usage_endpoint.identity)
                AND NOT EXISTS (
                    SELECT 1 FROM usage_figure f WHERE f.kind = 1 AND f.step = 1 AND f.subject = usage_endpoint.id)
                AND NOT EXISTS (
                    SELECT 1 FROM usage_figure f WHERE f.kind = 1 AND f.step = 0 AND f.subject = usage_endpoint.id)
            """, [])
        try run(
            """
            DELETE FROM usage_tenant WHERE authority NOT IN (SELECT authority_key_hash FROM tenant)
                AND NOT EXISTS (SELECT 1 FROM usage_endpoint e WHERE e.tenant = usage_tenant.id)
                AND NOT EXISTS (SELECT 1 FROM usage_figure f WHERE f.tenant = usage_tenant.id AND f.kind = 0)
            """, [])
    }
}
