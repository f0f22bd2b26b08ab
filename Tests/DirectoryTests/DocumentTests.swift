import DirectoryCore
import NetTypes
import Policy
import PolicyLanguage
import Testing
import Trust

@Suite("Policy documents in the directory")
struct DirectoryDocumentTests {
    /// A document with comments that only its text has.
    static let document = """
        # The shop.  Ünïcode: 店 \u{1F6D2}
        version: 1
        tenant: acme
        groups:
          web: {label: tier=web}   # who answers
          db: {label: tier=db}
        rules:
          - name: db-access
            from: group:web
            to: group:db
            verdict: plug
            ports: [tcp/5432]
            security: conf
        tests:
          - expect: plug
            from: web1
            to: db1
            port: tcp/5432
            reason: the shop needs its database
          - expect: unplug
            from: web1
            to: db1
            port: tcp/22
            reason: nobody logs in
        """

    static func world(_ kind: StoreKind = .memory, _ configuration: DirectoryConfiguration = .init()) async throws
        -> Fixture
    {
        let fixture = try Fixture(kind, configuration: configuration)
        try await fixture.tenant()
        _ = try await fixture.host("h1")
        _ = try await fixture.directory.createGroup(try tenantName("acme/ops"))
        _ = try await fixture.endpoint("acme/web1", on: "h1", labels: ["tier=web"])
        _ = try await fixture.endpoint("acme/web2", on: "h1", groups: ["ops"], labels: ["tier=web"])
        _ = try await fixture.endpoint("acme/db1", on: "h1", labels: ["tier=db"], level: 2)
        return fixture
    }

    private func apply(
        _ fixture: Fixture, _ text: String, expected: UInt64? = nil, dryRun: Bool = false
    ) async throws -> AppliedDocument {
        try await fixture.directory.applyDocument(
            Array(text.utf8), of: try name("acme"), expectedRevision: expected, dryRun: dryRun)
    }

    /// The findings with which a document is refused.
    private func refused(_ fixture: Fixture, _ text: [UInt8]) async throws -> [Finding] {
        let acme = try name("acme")
        let before = try await fixture.directory.policy(of: acme)
        var findings: [Finding] = []
        do {
            _ = try await fixture.directory.applyDocument(text, of: acme)
            Issue.record("It was not refused: \(String(decoding: text.prefix(200), as: UTF8.self))")
        } catch {
            #expect(error.code == .refusedDocument, "\(error)")
            findings = error.findings
        }
        #expect(findings.contains { $0.severity == .error })
        #expect(try await fixture.directory.policy(of: acme) == before, "a broken document changed it")
        return findings
    }

    private func passes(_ fixture: Fixture, _ a: String, _ b: String, _ port: UInt16) async throws -> Bool {
        try await fixture.directory.explain(
            try name("acme"), from: try name(a), to: try name(b), .numbered(.tcp, port)
        ).forward.isPlugged
    }

    @Test("A document is signed, in force, and kept byte for byte", arguments: StoreKind.allCases)
    func apply(_ kind: StoreKind) async throws {
        let fixture = try await Self.world(kind)
        let acme = try name("acme")
        let stream = fixture.directory.changes()
        let done = try await apply(fixture, Self.document, expected: 1)
        #expect(done.isNew && done.revision == 2 && done.review.passedTests == 2 && done.review.rules == 1)
        _ = try await fixture.directory.createHost(try name("marker"), controllerURL: Fixture.url)
        #expect(await changes(stream, until: try name("marker")) == [.policyChanged(tenant: acme)])
        let state = try await fixture.directory.policy(of: acme)
        #expect(state.policy.document?.rules.map(\.name.text) == ["db-access"])
        #expect(state.signed.body == state.policy.canonicalBytes)
        let verdict = await fixture.platform.anchor.verify(
            policy: state.signed, lock: nil, at: fixture.now, revocations: .none)
        #expect((try? verdict.get())?.covers(tenant: acme, revision: 2) == true)
        let text = try await fixture.directory.documentText(of: acme)
        #expect(text.revision == 2 && text.text == Array(Self.document.utf8))
        #expect(try await passes(fixture, "web2", "db1", 5432))
        #expect(try await !passes(fixture, "web2", "db1", 22))
        // The same text makes no revision; another comment does, though the rules are the same.
        let again = try await apply(fixture, Self.document)
        #expect(!again.isNew && again.revision == 2)
        let commented = try await apply(fixture, Self.document + "# more\n")
        #expect(commented.isNew && commented.revision == 3)
        #expect(try await fixture.directory.documentText(of: acme, revision: 2).text == Array(Self.document.utf8))
        let notes = try await fixture.directory.policyRevisions(of: acme)
        #expect(notes.map(\.revision) == [3, 2, 1])
        #expect(notes[1].summary == "apply a document of 1 rule, 2 groups and 2 tests")
        // After a restart it is all there.
        let other = fixture.directory(on: fixture.store)
        #expect(try await other.documentText(of: acme, revision: 2).text == Array(Self.document.utf8))
    }

    @Test("A trial tells what would be, and changes nothing")
    func dryRun() async throws {
        let fixture = try await Self.world()
        let done = try await apply(fixture, Self.document, dryRun: true)
        #expect(!done.isNew && done.revision == 1)
        #expect(done.diff?.changes.map(\.description) == ["web1, web2 → db1: tcp/5432: unplug → plug, conf"])
        #expect(try await fixture.directory.policyRevisions(of: try name("acme")).map(\.revision) == [1])
        let diff = try await fixture.directory.diffDocument(Array(Self.document.utf8), of: try name("acme"))
        #expect(diff.changes == done.diff?.changes)
    }

    @Test("What is broken never replaces what is good")
    func broken() async throws {
        let fixture = try await Self.world()
        _ = try await apply(fixture, Self.document)
        let good = Self.document
        let deep = String(repeating: "[", count: 5_000)
        let rows: [(String, [UInt8], Finding.Code, Int)] = [
            ("empty", [], .syntax, 1),
            ("no YAML", Array("version: 1\ntenant: [acme".utf8), .syntax, 0),
            ("not UTF-8", Array(good.utf8) + [0xff], .syntax, 0),
            ("a byte order mark", [0xef, 0xbb, 0xbf] + Array(good.utf8), .syntax, 1),
            ("twice", Array((good + "\nversion: 1\n").utf8), .duplicateField, 0),
            ("an anchor", Array("version: 1\ntenant: &a acme\n".utf8), .syntax, 2),
            ("too deep", Array("version: 1\ntenant: acme\ngroups: \(deep)".utf8), .limit, 3),
            ("too long", Array(repeating: 0x23, count: PolicyLimits.documentBytes + 1), .limit, 0),
            ("a long line", Array(("# " + String(repeating: "x", count: 70_000)).utf8), .limit, 1),
            (
                "an unknown group", Array(good.replacing("from: group:web", with: "from: group:wbe").utf8),
                .unknownName, 9
            ),
            ("another tenant's", Array(good.replacing("tenant: acme", with: "tenant: globex").utf8), .contradiction, 3),
            ("the platform's", Array("version: 1\nplatform: true\n".utf8), .contradiction, 2),
            (
                "a failing test", Array(good.replacing("ports: [tcp/5432]", with: "ports: [tcp/22]").utf8), .testFailed,
                15
            ),
            (
                "an unknown endpoint in a test", Array(good.replacing("from: web1", with: "from: wbe1").utf8),
                .unknownName, 16
            ),
        ]
        for (number, row) in rows.enumerated() {
            let findings = try await refused(fixture, row.1)
            let hit = findings.first { $0.code == row.2 && (row.3 == 0 || $0.place.line == row.3) }
            #expect(hit != nil, "row \(number), \(row.0): \(findings)")
            let review = try await fixture.directory.checkDocument(row.1, of: try name("acme"))
            #expect(!review.isAccepted && review.findings == findings, "row \(number), \(row.0)")
        }
        let unknown = try await refused(fixture, Array(good.replacing("from: group:web", with: "from: group:wbe").utf8))
        #expect(unknown[0].problem.contains("unknown group 'wbe'") && unknown[0].remedy.contains("web"))
        await expectRefusal(.notFound, mentions: "initech") {
            try await fixture.directory.applyDocument([], of: try name("initech"))
        }
    }

    @Test("Who expects another revision is told, and so is one of two at the same time")
    func expectedRevision() async throws {
        let fixture = try await Self.world(.file)
        await expectRefusal(.conflict, at: "/expected_revision", mentions: "revision 1, not 7") {
            try await apply(fixture, Self.document, expected: 7)
        }
        let texts = (0..<8).map { Self.document + "# \($0)\n" }
        let done = await withTaskGroup(of: UInt64?.self) { group in
            for text in texts {
                group.addTask { try? await apply(fixture, text, expected: 1).revision }
            }
            return await group.reduce(into: [UInt64?]()) { $0.append($1) }
        }
        #expect(done.compactMap { $0 } == [2], "one of eight has the revision that it expected: \(done)")
        // Without an expectation they all get through, one after the other.
        await withTaskGroup(of: Void.self) { group in
            for text in texts.prefix(4) { group.addTask { _ = try? await apply(fixture, text + "#\n") } }
        }
        #expect(try await fixture.directory.policy(of: try name("acme")).revision == 6)
    }

    @Test("Entries and document live side by side")
    func entries() async throws {
        let fixture = try await Self.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        _ = try await apply(fixture, Self.document)
        // A group of the document may stand in an entry; one that nobody has may not.
        let state = try await directory.plug(
            acme, from: try Selector(parsing: "group:web"), to: .endpoint(try name("db1")))
        #expect(state.policy.document != nil && state.entries.count == 1 && state.notes.isEmpty)
        #expect(try await passes(fixture, "web1", "db1", 22))
        #expect(try await directory.documentText(of: acme).text == Array(Self.document.utf8), "the text stays")
        await expectRefusal(.notFound, at: "/from") {
            try await directory.plug(acme, from: try Selector(parsing: "group:none"), to: .endpoint(try name("db1")))
        }
        // A document that makes a test fail because of an entry is refused too.
        let findings = try await refused(fixture, Array((Self.document + "\n#\n").utf8))
        #expect(findings.contains { $0.code == .testFailed })
        _ = try await directory.unplug(acme, from: try Selector(parsing: "group:web"), to: .endpoint(try name("db1")))
        #expect(try await directory.policy(of: acme).entries.isEmpty)
        // A document without the group that an entry names is told of it.
        _ = try await directory.plug(acme, from: try Selector(parsing: "group:web"), to: .endpoint(try name("web1")))
        let review = try await directory.checkDocument(Array("version: 1\ntenant: acme\n".utf8), of: acme)
        #expect(review.isAccepted && review.findings.contains { $0.problem.contains("names the group 'web'") })
    }

    @Test("Plug and unplug tell where a rule decides otherwise")
    func notes() async throws {
        let fixture = try await Self.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        let (web1, web2, db1) = (
            Selector.endpoint(try name("web1")), Selector.endpoint(try name("web2")), Selector.endpoint(try name("db1"))
        )
        let tiers = """
            version: 1
            tenant: acme
            tiers: [first, patches, last]
            rules:
              - {name: never, tier: first, from: web1, to: db1, verdict: unplug}
              - {name: mail, tier: first, from: web2, to: db1, verdict: reject, ports: [tcp/25]}
              - {name: always, tier: last, from: web1, to: web2, verdict: plug}
            """
        _ = try await apply(fixture, tiers)
        let never = try await directory.plug(acme, from: web1, to: db1)
        #expect(never.notes.first == "web1 → db1 is 'unplug' all the same: rule never decides before it.")
        #expect(never.notes.count == 2 && never.entries.count == 1)
        let mail = try await directory.plug(acme, from: web2, to: db1, security: .auth)
        #expect(mail.notes == ["web2 → db1 is 'reject' for tcp/25: rule mail decides before it."])
        // What the document plugs behind the entries, an entry of its own unplugs.
        let apart = try await directory.unplug(acme, from: web1, to: web2)
        #expect(apart.notes.isEmpty && apart.entries.count == 3)
        #expect(try await !passes(fixture, "web1", "web2", 80))
        #expect(try await directory.unplug(acme, from: web1, to: web2) == apart, "again changes nothing")
        let oneWay = try await directory.plug(acme, from: web2, to: web1, oneWay: true)
        #expect(oneWay.notes.isEmpty)
        #expect(try await passes(fixture, "web2", "web1", 80))
        #expect(try await !passes(fixture, "web1", "web2", 80))
    }

    @Test("Back to a former revision, entries and all, if its tests hold")
    func rollback() async throws {
        let fixture = try await Self.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        let (web1, web2) = (Selector.endpoint(try name("web1")), Selector.endpoint(try name("web2")))
        _ = try await apply(fixture, Self.document)
        let good = try await directory.plug(acme, from: web1, to: web2)
        _ = try await apply(fixture, "version: 1\ntenant: acme\n")
        _ = try await directory.unplug(acme, from: web1, to: web2)
        let diff = try await directory.diffRevisions(of: acme, from: good.revision)
        #expect(
            diff.changes.contains { $0.description.hasSuffix("db1: tcp/5432: plug, conf → unplug") },
            "\(diff.changes)")
        let done = try await directory.rollback(acme, to: good.revision)
        #expect(done.isNew && done.revision == 6)
        let state = try await directory.policy(of: acme)
        #expect(state.policy.document == good.policy.document && state.entries == good.entries)
        #expect(state.summary == "roll back to revision 3")
        #expect(try await directory.documentText(of: acme).text == Array(Self.document.utf8))
        #expect(try await !directory.rollback(acme, to: good.revision).isNew, "it is in force already")
        await expectRefusal(.notFound, mentions: "99") { try await directory.rollback(acme, to: 99) }
        await expectRefusal(.conflict) { try await directory.rollback(acme, to: 2, expectedRevision: 5) }
        // The labels have changed meanwhile, and with them what the tests of that revision say.
        _ = try await apply(fixture, "version: 1\ntenant: acme\n")
        _ = try await directory.setLabels([], of: try tenantName("acme/web1"))
        await expectRefusal(.refusedDocument, mentions: "15:5") {
            try await directory.rollback(acme, to: good.revision)
        }
        #expect(try await directory.policy(of: acme).revision == 7)
    }

    @Test("A foreign tenant's revisions and documents are its own")
    func tenants() async throws {
        let fixture = try await Self.world()
        try await fixture.tenant("globex")
        _ = try await apply(fixture, Self.document)
        await expectRefusal(.notFound, mentions: "revision 2") {
            try await fixture.directory.rollback(try name("globex"), to: 2)
        }
        let text = try await fixture.directory.documentText(of: try name("globex")).text
        #expect(text == nil)
        await expectRefusal(.refusedDocument) {
            try await fixture.directory.applyDocument(Array(Self.document.utf8), of: try name("globex"))
        }
    }

    @Test("Explanations name the rule, its line and revision, what came near, guardrails and levels")
    func explain() async throws {
        let fixture = try await Self.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        _ = try await apply(fixture, Self.document)
        let guardrails = "version: 1\nplatform: true\nrules:\n  - name: upward\n    levels: upward\n"
        _ = try await directory.applyGuardrails(Array(guardrails.utf8))
        func explain(_ a: String, _ b: String, _ transport: Transport?) async throws -> FlowExplanation {
            try await directory.explain(acme, from: try name(a), to: try name(b), transport)
        }
        let allowed = try await explain("web1", "db1", .numbered(.tcp, 5432))
        #expect(allowed.forward.isPlugged && allowed.forward.security == .conf && allowed.forward.entry == nil)
        #expect(allowed.forward.outcome.rule?.line == 8 && allowed.revision == 2 && allowed.guardrailsRevision == 1)
        #expect(allowed.reason == "rule db-access (line 8) of revision 2, plug group:web ↔ group:db, tcp/5432, conf")
        #expect(allowed.why.levels == "web1 has level 0, db1 level 2")
        let other = try await explain("web1", "db1", .numbered(.tcp, 22))
        #expect(!other.forward.isPlugged && other.reason.hasPrefix("no rule speaks about web1 → db1 tcp/22"))
        #expect(other.why.nearest.first?.description == "rule db-access (line 8) (plug): it allows tcp/5432 only")
        let down = try await explain("db1", "web1", .numbered(.tcp, 80))
        #expect(!down.forward.isPlugged && down.forward.outcome.rule?.isPlatform == true)
        #expect(down.reason.hasPrefix("guardrail upward (line 4) of revision 1"), "\(down.reason)")
        // Of the pair as a whole: it has a wire, for these ports only.
        let pair = try await explain("web1", "db1", nil)
        #expect(pair.forward.isPlugged && !pair.forward.verdict.otherwise.isPlugged)
        #expect(pair.why.nearest.first?.lacks == ["it allows tcp/5432 only"])
    }
}
