import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("Policies in the directory")
struct DirectoryPolicyTests {
    private func world(_ kind: StoreKind, configuration: DirectoryConfiguration = .init()) async throws -> Fixture {
        let fixture = try Fixture(kind, configuration: configuration)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        for group in ["web", "db"] { _ = try await fixture.directory.createGroup(try tenantName("acme/\(group)")) }
        for (endpoint, groups) in [("web1", ["web"]), ("web2", ["web"]), ("db1", ["db"]), ("lone1", [])] {
            _ = try await fixture.endpoint("acme/\(endpoint)", on: "h1", groups: groups)
        }
        return fixture
    }

    private func selector(_ text: String) throws -> Selector { try Selector(parsing: text) }

    private func verdicts(_ fixture: Fixture, _ a: String, _ b: String) async throws -> [Bool] {
        let explanation = try await fixture.directory.explain(try name("acme"), from: try name(a), to: try name(b))
        return [explanation.forward.isPlugged, explanation.reverse.isPlugged]
    }

    @Test("Each change is a revision, signed with the tenant's key", arguments: StoreKind.allCases)
    func revisions(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        let acme = try name("acme")
        let first = try await fixture.directory.addPolicyEntry(
            to: acme, .plug, from: try selector("group:web"), to: try selector("group:db"))
        let second = try await fixture.directory.addPolicyEntry(
            to: acme, .unplug, from: try selector("web2"), to: try selector("db1"), oneWay: true)
        #expect(first.id != second.id)
        try await fixture.directory.removePolicyEntry(first.id, of: acme)
        #expect(try await fixture.directory.policyRevisions(of: acme).map(\.revision) == [4, 3, 2, 1])
        for revision in UInt64(1)...4 {
            let state = try await fixture.directory.policy(of: acme, revision: revision)
            #expect(state.revision == revision && state.signed.body == state.policy.canonicalBytes)
            let speaker = await fixture.platform.anchor.verify(
                policy: state.signed, at: fixture.now, revocations: .none)
            #expect(speaker == .success(acme))
        }
        #expect(try await fixture.directory.policy(of: acme, revision: 3).entries == [first, second])
        #expect(try await fixture.directory.policy(of: acme).entries == [second])
        await expectRefusal(.notFound, mentions: "5") { try await fixture.directory.policy(of: acme, revision: 5) }
    }

    @Test("Plug and unplug, both directions", arguments: StoreKind.allCases)
    func plug(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        let acme = try name("acme")
        let (web1, db1) = (try selector("web1"), try selector("db1"))
        #expect(try await verdicts(fixture, "web1", "db1") == [false, false])
        let plugged = try await fixture.directory.plug(acme, from: web1, to: db1)
        #expect(try await verdicts(fixture, "web1", "db1") == [true, true])
        // Saying it again makes no revision.
        #expect(try await fixture.directory.plug(acme, from: web1, to: db1) == plugged)
        _ = try await fixture.directory.plug(acme, from: web1, to: db1, oneWay: true)
        #expect(try await verdicts(fixture, "web1", "db1") == [true, false])
        #expect(try await verdicts(fixture, "db1", "web1") == [false, true])
        _ = try await fixture.directory.unplug(acme, from: db1, to: web1)
        #expect(try await verdicts(fixture, "web1", "db1") == [false, false])
        #expect(try await fixture.directory.policy(of: acme).entries.isEmpty)
    }

    @Test("Groups: an unplugged pair stays out, an unplugged group pair goes", arguments: StoreKind.allCases)
    func groups(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        let acme = try name("acme")
        let (web, db) = (try selector("group:web"), try selector("group:db"))
        let plugged = try await fixture.directory.plug(acme, from: web, to: db)
        #expect(try await fixture.directory.plug(acme, from: web, to: db) == plugged)
        #expect(try await verdicts(fixture, "web2", "db1") == [true, true])
        _ = try await fixture.directory.unplug(acme, from: try selector("web1"), to: try selector("db1"))
        #expect(try await verdicts(fixture, "web1", "db1") == [false, false])
        #expect(try await verdicts(fixture, "web2", "db1") == [true, true])
        _ = try await fixture.directory.plug(acme, from: web, to: db, oneWay: true)
        #expect(try await verdicts(fixture, "web2", "db1") == [true, false])
        _ = try await fixture.directory.plug(acme, from: web, to: web)
        let state = try await fixture.directory.unplug(acme, from: db, to: web)
        #expect(try await verdicts(fixture, "web2", "db1") == [false, false])
        #expect(try await verdicts(fixture, "web2", "web1") == [true, true])
        #expect(try await fixture.directory.unplug(acme, from: db, to: web) == state)
    }

    private func levels(_ fixture: Fixture, _ a: String, _ b: String) async throws -> [Security] {
        let explanation = try await fixture.directory.explain(try name("acme"), from: try name(a), to: try name(b))
        return [explanation.forward.security, explanation.reverse.security]
    }

    @Test("A level holds both ways, and plugging again changes it and keeps the entry", arguments: StoreKind.allCases)
    func security(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        let (acme, directory) = (try name("acme"), fixture.directory)
        let (web1, db1) = (try selector("web1"), try selector("db1"))
        let first = try await directory.plug(acme, from: web1, to: db1, security: .conf)
        #expect(try await levels(fixture, "web1", "db1") == [.conf, .conf])
        #expect(try await directory.plug(acme, from: db1, to: web1, security: .conf) == first)
        let second = try await directory.plug(acme, from: db1, to: web1, security: .auth)
        #expect(second.revision == first.revision + 1)
        #expect(second.entries.map(\.id) == first.entries.map(\.id))
        #expect(try await levels(fixture, "web1", "db1") == [.auth, .auth])
        // What is signed and kept says it too.
        let kept = try await directory.policy(of: acme)
        #expect(String(decoding: kept.signed.body, as: UTF8.self).contains(#""security":"auth""#))
        #expect(kept.entries.map(\.security) == [.auth])
        _ = try await directory.plug(acme, from: web1, to: db1, oneWay: true, security: .conf)
        #expect(try await levels(fixture, "web1", "db1") == [.conf, .none])
        _ = try await directory.plug(acme, from: web1, to: db1)
        #expect(try await levels(fixture, "web1", "db1") == [.none, .none])
        _ = try await directory.unplug(acme, from: web1, to: db1)
        #expect(try await levels(fixture, "web1", "db1") == [.none, .none])
    }

    @Test("A level of groups, changed in its entry, below the entries of endpoints", arguments: StoreKind.allCases)
    func groupSecurity(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        let (acme, directory) = (try name("acme"), fixture.directory)
        let (web, db) = (try selector("group:web"), try selector("group:db"))
        let first = try await directory.plug(acme, from: web, to: db, security: .auth)
        #expect(try await levels(fixture, "db1", "web2") == [.auth, .auth])
        let second = try await directory.plug(acme, from: db, to: web, security: .conf)
        #expect(second.entries == first.entries.map { $0.with(.conf) })
        #expect(try await directory.plug(acme, from: web, to: db, security: .conf) == second)
        _ = try await directory.plug(acme, from: try selector("web1"), to: try selector("db1"))
        #expect(try await levels(fixture, "web1", "db1") == [.none, .none])
        #expect(try await levels(fixture, "web2", "db1") == [.conf, .conf])
        _ = try await directory.plug(acme, from: web, to: db, oneWay: true, security: .conf)
        #expect(try await levels(fixture, "web2", "db1") == [.conf, .none])
    }

    @Test("An unplug entry has no level")
    func securityOfUnplug() async throws {
        let fixture = try await world(.memory)
        let acme = try name("acme")
        let (web1, db1) = (try selector("web1"), try selector("db1"))
        for level in [Security.auth, .conf] {
            await expectRefusal(.invalid, at: "/security", mentions: level.rawValue) {
                try await fixture.directory.addPolicyEntry(to: acme, .unplug, from: web1, to: db1, security: level)
            }
        }
        #expect(try await fixture.directory.policyRevisions(of: acme).map(\.revision) == [1])
        let entry = try await fixture.directory.addPolicyEntry(to: acme, .plug, from: web1, to: db1, security: .conf)
        #expect(entry.security == .conf)
    }

    @Test("What an entry names must exist in the tenant", arguments: StoreKind.allCases)
    func refusals(_ kind: StoreKind) async throws {
        let fixture = try await world(kind)
        try await fixture.tenant("globex")
        _ = try await fixture.endpoint("globex/probe1", on: "h1")
        let acme = try name("acme")
        let (web1, db1, probe1) = (try selector("web1"), try selector("db1"), try selector("probe1"))
        await expectRefusal(.notFound, at: "/to", mentions: "acme/probe1") {
            try await fixture.directory.plug(acme, from: web1, to: probe1)
        }
        await expectRefusal(.notFound, at: "/from", mentions: "acme/probe1") {
            try await fixture.directory.unplug(acme, from: probe1, to: web1)
        }
        await expectRefusal(.notFound, at: "/to", mentions: "acme/nobody") {
            try await fixture.directory.addPolicyEntry(to: acme, .plug, from: web1, to: try selector("group:nobody"))
        }
        await expectRefusal(.invalid, at: "/to", mentions: "web1") {
            try await fixture.directory.plug(acme, from: web1, to: web1)
        }
        await expectRefusal(.notFound, mentions: "initech") {
            try await fixture.directory.plug(try name("initech"), from: web1, to: db1)
        }
        await expectRefusal(.notFound, mentions: "9") { try await fixture.directory.removePolicyEntry(9, of: acme) }
        await expectRefusal(.notFound, at: "/to") {
            try await fixture.directory.explain(acme, from: try name("web1"), to: try name("probe1"))
        }
        #expect(try await fixture.directory.policyRevisions(of: acme).map(\.revision) == [1])
    }

    @Test("The history is bounded")
    func history() async throws {
        var configuration = DirectoryConfiguration()
        configuration.policyHistory = 3
        let fixture = try await world(.memory, configuration: configuration)
        let acme = try name("acme")
        for index in 0..<5 {
            if index.isMultiple(of: 2) {
                _ = try await fixture.directory.plug(acme, from: try selector("web1"), to: try selector("db1"))
            } else {
                _ = try await fixture.directory.unplug(acme, from: try selector("web1"), to: try selector("db1"))
            }
        }
        #expect(try await fixture.directory.policyRevisions(of: acme).map(\.revision) == [6, 5, 4])
    }

    @Test("An explanation says what stands in the way first")
    func explain() async throws {
        let fixture = try await world(.memory)
        let acme = try name("acme")
        let host = try await fixture.host("h2")
        let (web1, db1) = (try name("web1"), try name("db1"))
        func reason() async throws -> String {
            try await fixture.directory.explain(acme, from: web1, to: db1).reasonCode
        }
        #expect(try await reason() == "policy")
        _ = try await fixture.directory.plug(acme, from: .endpoint(web1), to: .endpoint(db1))
        #expect(try await reason() == "source-not-running")
        for (endpoint, expected) in [(web1, "not-running"), (db1, "plugged")] {
            _ = try await fixture.directory.moveEndpoint(TenantName(acme, endpoint), to: host.host.name)
            fixture.advance(10)
            try await fixture.directory.upkeep()
            try await host.run(try await fixture.directory.endpoint(TenantName(acme, endpoint)).identity)
            #expect(try await reason() == expected)
        }
        let explanation = try await fixture.directory.explain(acme, from: web1, to: db1)
        #expect(explanation.forward.entry?.from == .endpoint(web1) && explanation.revision == 2)
        #expect(explanation.to.published?.leaf == host.id && explanation.to.isLive)
        fixture.advance(3_601)
        #expect(try await reason() == "source-not-running")
    }
}
