import AuditLog
import DirectoryCore
import NetTypes
import Testing
import Trust

@testable import StoreSQLite

@Suite("The audit in the store")
struct AuditStoreTests {
    private let at = Fixture.start
    private let root = SigningKey()
    private let key = SigningKey()

    private func event(_ number: Int, _ action: String = "createHost", refused: Bool = false) -> AuditEvent {
        AuditEvent(
            time: at + Int64(number), actor: number % 2 == 0 ? .user(id: "ab", name: "root") : .installation,
            means: .command, source: "192.0.2.1", action: action, resource: "host/h\(number)",
            after: .object(["n": .number(Int64(number))]), outcome: refused ? .refused("role") : .done)
    }

    private func add(_ events: [AuditEvent], to chain: AuditChainName = .platform, of store: SQLiteStore) async throws {
        try await store.write { (tx) throws(DirectoryError) in
            for event in events { try tx.audit(event, in: chain) }
        }
    }

    private func sign(_ chain: AuditChainName, of store: SQLiteStore) async throws -> AuditCheckpoint {
        try await store.write { [key, at] (tx) throws(DirectoryError) in
            let head = try tx.auditHead(of: chain)
            let checkpoint: AuditCheckpoint
            do { checkpoint = try AuditCheckpoint(head, of: chain, at: at, sign: key.sign) } catch {
                throw DirectoryError(.storage, "\(error)")
            }
            try tx.put(checkpoint)
            return checkpoint
        }
    }

    /// An export as the controller makes one: from the first entry that is there, page by page.
    private func export(_ chain: AuditChainName, of store: SQLiteStore) async throws -> [UInt8] {
        var lines = [try AuditKeyStatement(key: key.publicKeyInfo, sign: root.sign).line]
        var number: UInt64 = 0
        while true {
            let page = try await store.read { [number] (tx) throws(DirectoryError) in
                try tx.auditLines(of: chain, after: number, limit: 7)
            }
            guard let last = page.last.flatMap(AuditEntry.init(line:)) else { break }
            if number == 0, let first = page.first.flatMap(AuditEntry.init(line:)), first.number > 1 {
                let base = try await store.read { (tx) throws(DirectoryError) in
                    try tx.auditCheckpoint(of: chain, atMost: first.number - 1)
                }
                lines.append(try #require(base).line)
            }
            lines += page
            number = last.number
        }
        lines.append(try await sign(chain, of: store).line)
        return lines.flatMap { $0 + [0x0a] }
    }

    @Test("1: what was appended is exported and verified", arguments: StoreKind.allCases)
    func exported(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let tenant = AuditChainName(tenant: Samples.acme, id: [UInt8](repeating: 1, count: 16))
        try await add((0..<20).map { event($0) }, of: fixture.store)
        try await add((0..<3).map { event($0) }, to: tenant, of: fixture.store)
        for (chain, count) in [(AuditChainName.platform, 20), (tenant, 3)] as [(AuditChainName, UInt64)] {
            let report = AuditVerifier.verify(try await export(chain, of: fixture.store), root: root.publicKeyInfo)
            #expect(report.isIntact && report.entries == 1...count && report.chain == chain, "\(report.faults)")
        }
    }

    @Test("2: an entry and its change are one: an error takes both back")
    func together() async throws {
        let fixture = try Fixture()
        let host = LeafHost(name: Samples.h1, id: LeafID(1), enrolledAt: nil, locators: [], plugPort: 0, createdAt: at)
        let event = event(1)
        do {
            try await fixture.store.write { (tx) throws(DirectoryError) in
                try tx.put(host)
                try tx.audit(event, in: .platform)
                throw DirectoryError(.conflict, "on purpose")
            }
        } catch { #expect(error.code == .conflict) }
        let left = try await fixture.store.read { (tx) throws(DirectoryError) in
            (try tx.host(Samples.h1), try tx.auditHead(of: .platform))
        }
        #expect(left.0 == nil && left.1 == .empty)
    }

    @Test("3: an entry that was sealed after another head is refused")
    func heads() async throws {
        let fixture = try Fixture()
        try await add([event(1)], of: fixture.store)
        let stale = SealedEntry(event(2), in: .platform, after: .empty)
        do {
            try await fixture.store.write { (tx) throws(DirectoryError) in try tx.append(stale) }
            Issue.record("appended after a head of before")
        } catch { #expect(error.code == .storage) }
    }

    @Test("4: many writers at once make one chain")
    func concurrent() async throws {
        let fixture = try Fixture(.file)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<10 { try await add([event(task * 10 + number)], of: fixture.store) }
                }
            }
            try await group.waitForAll()
        }
        let report = AuditVerifier.verify(try await export(.platform, of: fixture.store), root: root.publicKeyInfo)
        #expect(report.isIntact && report.entries == 1...80)
    }

    @Test("5: lists go backwards, page by page, by what is looked for")
    func lists() async throws {
        let fixture = try Fixture()
        try await add(
            (1...30).map { event($0, $0 % 3 == 0 ? "plug" : "createHost", refused: $0 % 5 == 0) }, of: fixture.store)
        func numbers(_ filter: AuditFilter, before: UInt64? = nil, limit: Int = 100) async throws -> [UInt64] {
            try await fixture.store.read { (tx) throws(DirectoryError) in
                try tx.auditLines(of: .platform, before: before, filter: filter, limit: limit)
            }.compactMap { AuditEntry(line: $0)?.number }
        }
        var filter = AuditFilter()
        #expect(try await numbers(filter, limit: 3) == [30, 29, 28])
        #expect(try await numbers(filter, before: 3) == [2, 1])
        filter.action = "plug"
        #expect(try await numbers(filter, limit: 2) == [30, 27])
        filter.outcome = "refused"
        #expect(try await numbers(filter) == [30, 15])
        filter = AuditFilter()
        filter.actor = "ab"
        filter.since = at + 10
        filter.until = at + 15
        #expect(try await numbers(filter) == [14, 12, 10])
        filter.actor = "' OR 1=1 --"
        #expect(try await numbers(filter).isEmpty)
    }

    @Test("6: chains that have entries after their checkpoint are known")
    func toSign() async throws {
        let fixture = try Fixture()
        func waiting() async throws -> [String] {
            try await fixture.store.read { (tx) throws(DirectoryError) in
                try tx.auditChainsToSign().map { "\($0.chain) \($0.head.count)" }
            }
        }
        #expect(try await waiting() == [])
        try await add([event(1), event(2)], of: fixture.store)
        #expect(try await waiting() == ["platform 2"])
        let checkpoint = try await sign(.platform, of: fixture.store)
        #expect(try await waiting() == [])
        let kept = try await fixture.store.read { (tx) throws(DirectoryError) in
            (
                try tx.auditCheckpoint(of: .platform, atMost: nil), try tx.auditCheckpoint(of: .platform, atMost: 1)
            )
        }
        #expect(kept.0 == checkpoint && kept.1 == nil)
        try await add([event(3)], of: fixture.store)
        #expect(try await waiting() == ["platform 3"])
    }

    @Test("7: entries are forgotten only up to a checkpoint, and what is left is verified from there")
    func forgetting() async throws {
        let fixture = try Fixture()
        try await add((1...10).map { event($0) }, of: fixture.store)
        let first = try await sign(.platform, of: fixture.store)
        try await add((11...15).map { event($0) }, of: fixture.store)
        for number in [9, 11, 15] as [UInt64] {
            do {
                try await fixture.store.write { (tx) throws(DirectoryError) in
                    try tx.deleteAudit(of: .platform, through: number)
                }
                Issue.record("forgot up to \(number)")
            } catch { #expect(error.code == .conflict) }
        }
        try await fixture.store.write { (tx) throws(DirectoryError) in try tx.deleteAudit(of: .platform, through: 10) }
        let report = AuditVerifier.verify(
            try await export(.platform, of: fixture.store), root: root.publicKeyInfo, expecting: [first])
        #expect(report.isIntact && report.entries == 11...15, "\(report.faults)")
    }

    @Test("8: heads and pages are found by an index")
    func plans() async throws {
        let fixture = try Fixture()
        try await add([event(1)], of: fixture.store)
        let plans = try await fixture.store.plans { (tx) throws(DirectoryError) in
            _ = try tx.auditHead(of: .platform)
            _ = try tx.auditLines(of: .platform, after: 5, limit: 10)
            _ = try tx.auditLines(of: .platform, before: 5, filter: AuditFilter(), limit: 10)
            _ = try tx.auditCheckpoint(of: .platform, atMost: 5)
        }
        for (sql, steps) in plans {
            #expect(!steps.contains { $0.contains("SCAN") || $0.contains("TEMP B-TREE") }, "\(sql): \(steps)")
        }
    }
}
