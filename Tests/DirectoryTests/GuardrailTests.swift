import DirectoryCore
import NetTypes
import Policy
import PolicyLanguage
import Testing
import Trust

@Suite("Guardrails in the directory")
struct DirectoryGuardrailTests {
    static let text = """
        # nothing flows down
        version: 1
        platform: true
        rules:
          - name: upward
            levels: upward
        tests:
          - expect: unplug
            from: {name: inner, level: 2}
            to: {name: outer, level: 1}
            reason: nothing flows down
        """

    @Test("Signed by the platform, kept with their text, announced", arguments: StoreKind.allCases)
    func apply(_ kind: StoreKind) async throws {
        let fixture = try await DirectoryDocumentTests.world(kind)
        let directory = fixture.directory
        #expect(try await directory.guardrails() == nil)
        let stream = directory.changes()
        let done = try await directory.applyGuardrails(Array(Self.text.utf8), expectedRevision: 0)
        #expect(done.isNew && done.revision == 1 && done.review.passedTests == 1)
        _ = try await directory.createHost(try name("marker"), controllerURL: Fixture.url)
        #expect(await changes(stream, until: try name("marker")) == [.guardrailsChanged])
        let state = try #require(try await directory.guardrails())
        #expect(state.revision == 1 && state.text == Array(Self.text.utf8))
        #expect(try Guardrails(canonicalBytes: state.signed.body) == state.guardrails)
        func refusal(_ at: Timestamp) async throws -> TrustRefusal? {
            let signed = try #require(try await directory.guardrails()).signed
            if case .failure(let refusal) = await fixture.platform.anchor.verify(
                guardrails: signed, at: at, revocations: .none)
            {
                return refusal
            }
            return nil
        }
        #expect(try await refusal(fixture.now) == nil)
        // The same text again is no new revision; another one is, and one can go back.
        #expect(try await !directory.applyGuardrails(Array(Self.text.utf8)).isNew)
        _ = try await directory.applyGuardrails(Array("version: 1\nplatform: true\n".utf8), expectedRevision: 1)
        #expect(try await directory.rollbackGuardrails(to: 1).revision == 3)
        #expect(try await directory.guardrails()?.text == Array(Self.text.utf8))
        #expect(try await directory.guardrails(revision: 2).guardrails.document.rules.isEmpty)
        #expect(try await directory.guardrailsRevisions().map(\.revision) == [3, 2, 1])
        #expect(try await directory.guardrailsRevisions()[0].summary == "roll back to revision 1")
        // The certificate is renewed before it ends, and leaves are told.
        let announced = directory.changes()
        fixture.advance(fixture.platform.lifetimes.endpoint * 2 / 3 + 1)
        try await directory.upkeep()
        _ = try await directory.createHost(try name("marker2"), controllerURL: Fixture.url)
        #expect(await changes(announced, until: try name("marker2")).contains(.guardrailsChanged))
        #expect(try await refusal(fixture.now + fixture.platform.lifetimes.endpoint / 2) == nil)
        // Another directory on the same platform has the same key.
        let other = try #require(try await fixture.directory(on: fixture.store).guardrails())
        let verdict = await fixture.platform.anchor.verify(
            guardrails: other.signed, at: fixture.now, revocations: .none)
        #expect((try? verdict.get()) != nil)
    }

    @Test("Broken ones, failing tests and a tenant's document are refused; the former stay")
    func refusals() async throws {
        let fixture = try await DirectoryDocumentTests.world()
        let directory = fixture.directory
        _ = try await directory.applyGuardrails(Array(Self.text.utf8))
        let rows: [(String, Finding.Code)] = [
            ("version: 1\nplatform: true\nrules: [", .syntax),
            (DirectoryDocumentTests.document, .contradiction),
            (Self.text.replacing("expect: unplug", with: "expect: plug"), .testFailed),
            ("version: 1\nplatform: true\nrules:\n  - {name: x, from: any, to: any, verdict: plug}\n", .contradiction),
        ]
        for (number, row) in rows.enumerated() {
            do {
                _ = try await directory.applyGuardrails(Array(row.0.utf8))
                Issue.record("row \(number) was not refused")
            } catch {
                #expect(error.code == .refusedDocument, "row \(number): \(error)")
                let review = try await directory.checkGuardrails(Array(row.0.utf8))
                #expect(review.findings == error.findings && !review.isAccepted, "row \(number)")
                #expect(error.findings.contains { $0.code == row.1 }, "row \(number): \(error.findings)")
            }
        }
        await expectRefusal(.conflict) {
            try await directory.applyGuardrails(Array(Self.text.utf8), expectedRevision: 7)
        }
        await expectRefusal(.notFound) { try await directory.rollbackGuardrails(to: 9) }
        #expect(try await directory.guardrails()?.revision == 1)
        #expect(try await !directory.applyGuardrails(Array("version: 1\nplatform: true\n".utf8), dryRun: true).isNew)
        #expect(try await directory.guardrails()?.revision == 1)
    }

    @Test("They stand before every tenant's rules, in tests and in notes")
    func before() async throws {
        let fixture = try await DirectoryDocumentTests.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        _ = try await directory.applyGuardrails(
            Array("version: 1\nplatform: true\nrules:\n  - {name: shut, from: any, to: any, verdict: unplug}\n".utf8))
        let state = try await directory.plug(
            acme, from: .endpoint(try name("web1")), to: .endpoint(try name("db1")))
        #expect(state.notes.first == "web1 → db1 is 'unplug' all the same: guardrail shut (line 4) decides before it.")
        await expectRefusal(.refusedDocument, mentions: "guardrail shut") {
            try await directory.applyDocument(Array(DirectoryDocumentTests.document.utf8), of: acme)
        }
    }
}
