import APIClient
import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import HummingbirdTesting
import NetTypes
import PolicyLanguage
import Testing
import Trust

@testable import ControllerAPI

/// Policy documents, guardrails, labels and locks over the API.
@Suite(.timeLimit(.minutes(2))) struct DocumentRESTTests {
    static let t = "/v1/tenants/acme"
    static let document = """
        # A shop. Ünïcode: 店 \u{1F6D2}
        version: 1
        tenant: acme
        groups:
          web: {label: tier=web}
        rules:
          - name: db-access   # nothing else
            from: group:web
            to: db1
            verdict: plug
            ports: [tcp/5432]
        tests:
          - {expect: plug, from: web1, to: db1, port: tcp/5432, reason: the shop needs it}

        """

    private static func label(_ api: API) async throws {
        for name in ["web1", "web2"] {
            let one = try await api.post(
                "\(t)/endpoints/\(name)/labels", #"{"set":["tier=web"]}"#, status: 200
            ).read(APITypes.Endpoint.self)
            #expect(one.labels == ["tier=web"] && one.level == 0)
        }
    }

    @Test func labelsAndLevels() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await Self.label(api)
            let e = "\(Self.t)/endpoints"
            let level = try await api.post("\(e)/db1/level", #"{"level":255}"#, status: 200)
            #expect(try level.read(APITypes.Endpoint.self).level == 255)
            let changed = try await api.post(
                "\(e)/web1/labels", #"{"set":["env=live","env=test"],"remove":["tier"]}"#, status: 200)
            #expect(try changed.read(APITypes.Endpoint.self).labels == ["env=live", "env=test"])
            let made = try await api.post(
                e, #"{"name":"new1","vnet":"lan","host":"h1","kind":"tap","labels":["a=b"],"level":7}"#
            ).read(APITypes.Endpoint.self)
            #expect(made.labels == ["a=b"] && made.level == 7)
            #expect(try await api.get(APITypes.Endpoint.self, "\(e)/new1") == made)
            let rows: [(String, String, Int, String)] = [
                ("db1/level", #"{"level":256}"#, 400, "/level"), ("db1/level", #"{"level":-1}"#, 400, "/level"),
                ("db1/level", #"{"level":1.0}"#, 400, "/level"), ("db1/level", #"{"level":"1"}"#, 400, "/level"),
                ("db1/level", #"{"level":01}"#, 400, ""), ("db1/level", "{}", 400, "/level"),
                ("none/level", #"{"level":1}"#, 404, ""), ("db1/labels", #"{"set":["tier"]}"#, 400, "/set/0"),
                ("db1/labels", #"{"set":["a=b","ü=1"]}"#, 400, "/set/1"),
                ("db1/labels", #"{"set":["group=web"]}"#, 400, "/labels/0"),
                ("db1/labels", #"{"remove":["tier"]}"#, 404, "/remove/0"),
                ("db1/labels", #"{"set":"a=b"}"#, 400, "/set"),
            ]
            for (number, row) in rows.enumerated() {
                let answer = try await api.send(.post, "\(e)/\(row.0)", json: row.1)
                #expect(answer.status == row.2, "row \(number)")
                if !row.3.isEmpty { #expect(answer.problem?.pointer == row.3, "row \(number): \(answer)") }
            }
        }
    }

    @Test func applyShowRollback() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await Self.label(api)
            let p = "\(Self.t)/policy"
            #expect(try await api.send(.get, "\(p)/document").status == 404)
            let trial = try await api.send(.put, "\(p)/document?dry_run=true", document: Self.document)
                .read(AppliedPolicy.self)
            #expect(!trial.changed && trial.revision == 1 && trial.changes?.changes.first?.sources == ["web1", "web2"])
            let applied = try await api.send(.put, "\(p)/document?expected_revision=1", document: Self.document)
                .read(AppliedPolicy.self)
            #expect(applied.changed && applied.revision == 2 && applied.passedTests == 1 && applied.rules == 1)
            let shown = try await api.send(.get, "\(p)/document")
            #expect(shown.body == Data(Self.document.utf8), "not byte for byte")
            #expect(shown.headers[.contentType] == "application/yaml")
            #expect(shown.headers[.xContentTypeOptions] == "nosniff")
            let canonical = try await api.send(.get, "\(p)/canonical?revision=2").body
            #expect(try PolicyLanguage.TenantPolicy(canonicalBytes: Array(canonical)).revision == 2)
            let policy = try await api.get(APITypes.TenantPolicy.self, p)
            #expect(policy.document?.rules == 1 && policy.document?.tests == 1 && policy.lock == nil)
            _ = try await api.send(.put, "\(p)/document", document: "version: 1\ntenant: acme\n")
            let revisions = try await api.get(ItemList<RevisionSummary>.self, "\(p)/revisions").items
            #expect(revisions.map(\.revision) == [3, 2, 1] && revisions[0].changedAt.hasSuffix("Z"))
            let diff = try await api.get(PolicyChanges.self, "\(p)/diff?from=2&to=3")
            #expect(diff.count == 1 && diff.complete && diff.changes[0].destinations == ["db1"])
            #expect(diff.changes[0].ports == [.init(ports: "tcp/5432", before: "plug", after: "unplug")])
            let back = try await api.post("\(p)/rollback", #"{"revision":2}"#, status: 200).read(AppliedPolicy.self)
            #expect(back.revision == 4 && back.changed)
            #expect(try await api.send(.get, "\(p)/document").body == Data(Self.document.utf8))
            #expect(
                try await api.send(.get, "\(p)/document?revision=3").body == Data("version: 1\ntenant: acme\n".utf8))
            let review = try await api.send(.post, "\(p)/check", document: Self.document).read(PolicyReview.self)
            #expect(review.accepted && review.passedTests == 1)
            let same = try await api.send(.post, "\(p)/diff", document: Self.document).read(PolicyChanges.self)
            #expect(same.changes.isEmpty)
        }
    }

    @Test func findingsInTheProblem() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await Self.label(api)
            let p = "\(Self.t)/policy"
            _ = try await api.send(.put, "\(p)/document", document: Self.document)
            let before = try await api.send(.get, "\(p)/canonical").body
            let wrong = Self.document.replacing("from: group:web", with: "from: group:wbe")
            let refused = try await api.send(.put, "\(p)/document", document: wrong)
            #expect(refused.status == 422 && refused.problem?.code == "refused-document")
            #expect(refused.headers[.contentType] == "application/problem+json")
            let finding = try #require(refused.problem?.findings?.first)
            #expect(finding.severity == "error" && finding.code == "unknown-name" && finding.line == 8)
            #expect(finding.column == 11 && finding.text == "group:wbe" && finding.remedy.contains("'web'"))
            #expect(finding.line(ofFile: "shop.yaml").hasPrefix("shop.yaml:8:11: error: unknown group 'wbe' ("))
            let failing = try await api.send(
                .put, "\(p)/document", document: Self.document.replacing("[tcp/5432]", with: "[tcp/22]"))
            #expect(failing.problem?.findings?.contains { $0.code == "test-failed" && $0.line == 13 } == true)
            // Hostile bodies, of which none changes anything.
            let huge = String(repeating: "# x\n", count: PolicyLimits.documentBytes / 4 + 1)
            let rows: [(String, String, Int)] = [
                (huge, "application/yaml", 413), ("", "application/yaml", 422), (Self.document, "text/html", 415),
                ("version: 1\ntenant: acme\ngroups: " + String(repeating: "[", count: 9_999), "text/yaml", 422),
                (Self.document + "\nversion: 1\n", "application/yaml; charset=utf-8", 422),
                (Self.document.replacing("tenant: acme", with: "tenant: globex"), "application/yaml", 422),
                ("version: 1\nplatform: true\n", "application/yaml", 422),
                ("a: &a [*a]", "application/yaml", 422),
            ]
            for (number, row) in rows.enumerated() {
                let answer = try await api.send(.put, "\(p)/document", json: row.0, type: row.1)
                #expect(answer.status == row.2, "row \(number): \(answer.problem?.description ?? "")")
            }
            for (query, status) in [
                ("expected_revision=7", 409), ("expected_revision=x", 400), ("expected_revision=-1", 400),
                ("dry_run=maybe", 400), ("force=true", 400), ("dry_run=true&dry_run=true", 400),
            ] {
                let answer = try await api.send(.put, "\(p)/document?\(query)", document: Self.document + "#\n")
                #expect(answer.status == status, "\(query)")
            }
            #expect(try await api.send(.get, "\(p)/canonical").body == before)
            #expect(try await api.send(.put, "/v1/tenants/globex/policy/document", document: "").status == 404)
            for (path, json, status) in [
                ("rollback", #"{"revision":99}"#, 404), ("rollback", #"{"revision":2,"expected_revision":1}"#, 409),
                ("rollback", #"{"revision":"2"}"#, 400), ("rollback", #"{"revision":1e3}"#, 400),
            ] { #expect(try await api.send(.post, "\(p)/\(path)", json: json).status == status, "\(json)") }
            // Who is not the operator may not even send one.
            let stranger = try await api.send(
                .put, "\(p)/document", json: Self.document, type: "application/yaml", headers: [:])
            #expect(stranger.status == 401)
        }
    }

    @Test func guardrails() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            #expect(try await api.get(GuardrailsSummary.self, "/v1/guardrails").revision == 0)
            #expect(try await api.send(.get, "/v1/guardrails/document").status == 404)
            let text =
                "# rails\nversion: 1\nplatform: true\nrules:\n  - {name: shut, from: any, to: db1, verdict: unplug}\n"
            let wide = text.replacing("to: db1", with: "to: any")
            let narrow = try await api.send(.post, "/v1/guardrails/check", document: text).read(PolicyReview.self)
            #expect(narrow.findings.allSatisfy { $0.line > 0 })
            let applied = try await api.send(.put, "/v1/guardrails/document?expected_revision=0", document: wide)
            #expect(try applied.read(AppliedPolicy.self).revision == 1)
            #expect(try await api.send(.get, "/v1/guardrails/document").body == Data(wide.utf8))
            let plugged = try await api.post("\(Self.t)/plug", #"{"from":"web1","to":"db1"}"#, status: 200)
                .read(APITypes.PairVerdict.self)
            #expect(plugged.verdict == .unplug && plugged.notes?.first?.contains("guardrail shut (line 5)") == true)
            let explained = try await api.get(
                APITypes.Explanation.self, "\(Self.t)/explain?from=web1&to=db1&port=tcp/22")
            #expect(explained.rule?.document == "platform" && explained.rule?.line == 5)
            #expect(explained.guardrailsRevision == 1 && explained.guardrails.contains { $0.contains("decides") })
            _ = try await api.send(.put, "/v1/guardrails/document", document: "version: 1\nplatform: true\n")
            #expect(
                try await api.post("\(Self.t)/plug", #"{"from":"web1","to":"db1"}"#, status: 200)
                    .read(APITypes.PairVerdict.self).notes == nil)
            let back = try await api.post("/v1/guardrails/rollback", #"{"revision":1}"#, status: 200)
            #expect(try back.read(AppliedPolicy.self).revision == 3)
            let items = try await api.get(ItemList<RevisionSummary>.self, "/v1/guardrails/revisions").items
            #expect(items.map(\.revision) == [3, 2, 1])
            let tenants = try await api.send(.put, "/v1/guardrails/document", document: Self.document)
            #expect(tenants.status == 422 && tenants.problem?.findings?.first?.line == 3)
        }
    }

    @Test func explainsPorts() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await Self.label(api)
            _ = try await api.send(.put, "\(Self.t)/policy/document", document: Self.document)
            func explain(_ query: String) async throws -> APITypes.Explanation {
                try await api.get(APITypes.Explanation.self, "\(Self.t)/explain?from=web1&to=db1\(query)")
            }
            let open = try await explain("&port=tcp/5432")
            #expect(open.verdict == .plug && open.port == "tcp/5432" && open.effect == "plug" && open.entry == nil)
            #expect(
                open.rule
                    == .init(
                        name: "db-access", document: "tenant", line: 7, revision: 2, verdict: "plug",
                        says: "plug group:web ↔ db1, tcp/5432"))
            let shut = try await explain("&port=tcp/22")
            #expect(shut.verdict == .unplug && shut.rule == nil && shut.reasonCode == "policy")
            #expect(shut.nearest.first?.lacks == ["it allows tcp/5432 only"] && shut.nearest.first?.line == 7)
            let pair = try await explain("")
            #expect(pair.verdict == .plug && pair.ports == ["tcp/5432: plug"] && pair.effect == "unplug")
            #expect(pair.from.labels == ["tier=web"] && pair.leaves.count == 2)
            #expect(try await explain("&port=icmp/8").verdict == .unplug)
            for bad in ["tcp/1-2", "tcp", "tcp/any", "gre/1", "tcp/65536", ""] {
                let answer = try await api.send(.get, "\(Self.t)/explain?from=web1&to=db1&port=\(bad)")
                #expect(answer.status == 400 && answer.problem?.pointer == "port", "\(bad)")
            }
        }
    }

    @Test func locks() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let p = "\(Self.t)/policy"
            let key = SigningKey()
            func next() async throws -> PolicyLanguage.TenantPolicy {
                let bytes = Array(try await api.send(.get, "\(p)/canonical").body)
                var policy = try PolicyLanguage.TenantPolicy(canonicalBytes: bytes)
                policy.entries.revision += 1
                return policy
            }
            func json(_ value: some Encodable) throws -> String {
                String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
            }
            func base64(_ octets: [UInt8]) -> String { Data(octets).base64EncodedString() }
            let body = try await next().canonicalBytes
            var signed = SignedDocument(
                body: base64(body), signature: base64(try key.sign(body)), key: base64(key.publicKeyInfo))
            let locked = try await api.post("\(p)/lock", json(signed), status: 200).read(RevisionSummary.self)
            #expect(locked.revision == 2)
            let hash = key.keyHash.hexadecimal
            #expect(try await api.get(APITypes.TenantPolicy.self, p).lock == hash)
            let refused = try await api.send(.put, "\(p)/document", document: "version: 1\ntenant: acme\n")
            #expect(refused.status == 423 && refused.problem?.code == "locked" && refused.problem?.remedy != nil)
            #expect(try await api.send(.post, "\(Self.t)/plug", json: #"{"from":"web1","to":"db1"}"#).status == 423)
            #expect(try await api.send(.post, "\(p)/lock", json: json(signed)).status == 423)
            // What is signed outside is taken; replayed it is not, nor with anything changed.
            var policy = try await next()
            try policy.entries.add(.plug, from: .init(parsing: "web1"), to: .init(parsing: "db1"))
            let after = policy.canonicalBytes
            signed = SignedDocument(body: base64(after), signature: base64(try key.sign(after)))
            let applied = try await api.post("\(p)/signed", json(signed), status: 200).read(AppliedPolicy.self)
            #expect(applied.revision == 3 && applied.changed)
            #expect(try await api.send(.post, "\(p)/signed", json: json(signed)).status == 409)
            let again = try await next().canonicalBytes
            for (number, row) in [
                SignedDocument(body: base64(again), signature: base64(try SigningKey().sign(again))),
                SignedDocument(body: base64(again), signature: ""), SignedDocument(body: "§", signature: ""),
                SignedDocument(body: base64([0, 1]), signature: base64(try key.sign([0, 1]))),
                SignedDocument(
                    body: base64(again), signature: base64(try key.sign(again)), text: "version: 1\ntenant: acme\n"),
            ].enumerated() {
                #expect(try await api.send(.post, "\(p)/signed", json: json(row)).status == 400, "row \(number)")
            }
            let lock = try #require(PolicyLock(tenant: Name(parsing: "acme"), keyHash: nil, revision: 4))
            let statement = try SignedLock(signing: lock, key: [], with: key)
            let forged = try SignedLock(signing: lock, key: [], with: SigningKey())
            for (statement, status) in [(forged, 400), (statement, 200), (statement, 409)] {
                let unlock = UnlockPolicy(
                    lockBody: base64(statement.body), lockSignature: base64(statement.signature))
                #expect(try await api.send(.post, "\(p)/unlock", json: json(unlock)).status == status)
            }
            #expect(try await api.get(APITypes.TenantPolicy.self, p).lock == nil)
        }
    }

    /// Through TLS and the client, with a document of 10,000 rules.
    @Test func largeDocumentThroughTheClient() async throws {
        try await TLSTests.serve { controller, _, port in
            let client = try APIClient(
                ControllerLocation(
                    controller: "https://127.0.0.1:\(port)", token: controller.token,
                    rootCertificate: controller.platform.rootPEM), timeout: 60)
            _ = try await client.create(NewTenant(name: "acme"))
            let text = Array(LargeDocument.text.utf8)
            let applied = try await client.apply(text, of: .tenant("acme"))
            #expect(applied.revision == 2 && applied.rules == LargeDocument.rules)
            #expect(try await client.document(of: .tenant("acme")) == text)
            #expect(try await client.revisions(of: .tenant("acme")).map(\.revision) == [2, 1])
            let error = await #expect(throws: APIClientError.self) {
                try await client.apply(Array("version: 1\ntenant: acme\nx: 1\n".utf8), of: .tenant("acme"))
            }
            guard case .problem(let problem)? = error else {
                Issue.record("not a problem: \(String(describing: error))")
                return
            }
            #expect(problem.findings?.first?.code == "unknown-field" && problem.findings?.first?.line == 3)
            #expect(try await client.guardrails().revision == 0)
            await client.shutdown()
        }
    }
}

/// A document of 10,000 rules, whose canonical form is longer than the 4 MiB of a message by default.
enum LargeDocument {
    static let rules = 10_000
    static let text: String = {
        var lines = ["version: 1", "tenant: acme", "groups:"]
        func long(_ name: String) -> String { name + String(repeating: "x", count: 63 - name.utf8.count) }
        for index in 0..<1_000 { lines.append("  \(long("g\(index)")): {label: app=a\(index)}") }
        lines.append("rules:")
        for index in 0..<rules {
            lines.append(
                "  - {name: \(long("r\(index)")), from: group:\(long("g\(index % 1_000)")), "
                    + "to: group:\(long("g\((index / 1_000 + index) % 1_000)")), verdict: plug, "
                    + "priority: \(index / 20), security: conf, rate: 2.5 Gbit/s, burst: 256 KiB, "
                    + "not-before: 2026-01-01T12:34:56Z, not-after: 2099-01-01T12:34:56Z, "
                    + "ports: [tcp/\(index), tcp/65530, udp/65530]}")
        }
        return lines.joined(separator: "\n") + "\n"
    }()
}
