import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML
import Testing

/// Entries and document as one policy, and the bytes that are signed.
@Suite struct TenantPolicyTests {
    private func document(_ text: String) throws -> Document { try PolicyYAML.read(text).document }

    @Test("an entry decides as it did before there were documents", arguments: 1...20)
    func entriesAsBefore(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let endpoints = ["a", "b", "c", "d"]
        let groups = ["g", "h"]
        func selector() throws -> Selector {
            let number = Int.random(in: 0..<6, using: &random)
            return number < 4 ? .endpoint(try name(endpoints[number])) : .group(try name(groups[number - 4]))
        }
        for _ in 0..<50 {
            var entries = PolicyDocument(tenant: try name("acme"))
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let plugs = Bool.random(using: &random)
                try entries.add(
                    plugs ? .plug : .unplug, from: try selector(), to: try selector(),
                    oneWay: Bool.random(using: &random),
                    security: plugs ? try #require(Security.allCases.randomElement(using: &random)) : .none)
            }
            let evaluator = PolicyEvaluator(entries)
            let compiled = try TenantPolicy(entries: entries).compiled()
            var members: [String: [Name]] = [:]
            for endpoint in endpoints {
                members[endpoint] = try groups.filter { _ in Bool.random(using: &random) }.map { try name($0) }
            }
            func subject(_ text: String) throws -> Subject {
                Subject(name: try name(text), groups: members[text] ?? [])
            }
            func party(_ text: String) throws -> Party {
                .endpoint(try name(text), labels: Set((members[text] ?? []).map { PolicyLabel(memberOf: $0) }))
            }
            for from in endpoints {
                for to in endpoints where from != to {
                    let expected = try evaluator.verdict(source: subject(from), destination: subject(to))
                    let flow = try Flow(from: party(from), to: party(to), .other(0), at: Timestamp(0))
                    let found = compiled.evaluate(flow)
                    #expect(found.isPlugged == expected.isPlugged, "seed \(seed), \(from) → \(to)")
                    #expect(found.outcome.security == expected.security, "seed \(seed), \(from) → \(to)")
                }
            }
        }
    }

    @Test("entries stand before the document's tiers, or where it says")
    func tiers() throws {
        var entries = PolicyDocument(tenant: try name("acme"))
        try entries.add(.plug, from: .endpoint(try name("a")), to: .endpoint(try name("b")))
        let forbids =
            "version: 1\ntenant: acme\nTIERSrules:\n  - {name: stop, TIER from: any, to: any, verdict: unplug}\n"
        func isPlugged(_ tiers: String, _ tier: String) throws -> Bool {
            let text = forbids.replacing("TIERS", with: tiers).replacing("TIER", with: tier)
            let policy = try TenantPolicy(entries: entries, document: try document(text))
            let flow = Flow(
                from: .endpoint(try name("a")), to: .endpoint(try name("b")), .other(0), at: Timestamp(0))
            return policy.compiled().evaluate(flow).isPlugged
        }
        #expect(try isPlugged("", ""))
        #expect(try isPlugged("tiers: [late]\n", "tier: late,"))
        #expect(try !isPlugged("tiers: [early, patches]\n", "tier: early,"))
        #expect(try isPlugged("tiers: [early, patches, late]\n", "tier: late,"))
        // A rule without a tier is in the first one of the document's own.
        #expect(try isPlugged("tiers: [patches, late]\n", ""))
        #expect(try !isPlugged("tiers: [early, patches]\n", ""))
    }

    @Test("the names of entries are not for rules")
    func reservedNames() throws {
        for text in [
            "rules: [{name: entry-7, from: any, to: any, verdict: plug}]",
            "tiers: [patches]", "tiers: [patches, a]\nrules: [{name: x, tier: patches, from: a, to: b, verdict: plug}]",
        ] {
            #expect(throws: DocumentRefusal.self) { try document("version: 1\ntenant: acme\n\(text)\n") }
        }
        _ = try document("version: 1\ntenant: acme\nrules: [{name: entry-x, from: any, to: any, verdict: plug}]\n")
    }

    @Test("a document in dry run decides nothing, and tells what it would; entries stay in force")
    func dryRun() throws {
        let text = """
            version: 1
            tenant: acme
            dry-run: true
            rules: [{name: open, from: a, to: c, verdict: plug}, {name: shut, from: a, to: b, verdict: unplug}]
            tests: [{expect: plug, from: a, to: c, reason: it will be so}]

            """
        let source = try PolicyYAML.read(text)
        #expect(try Document(canonicalBytes: source.document.canonicalBytes) == source.document)
        var entries = PolicyDocument(tenant: try name("acme"))
        try entries.add(.plug, from: .endpoint(try name("a")), to: .endpoint(try name("b")))
        let policy = try TenantPolicy(entries: entries, document: source.document)
        func verdict(_ to: String) throws -> FlowVerdict {
            policy.compiled().evaluate(
                Flow(from: .endpoint(try name("a")), to: .endpoint(try name(to)), .other(0), at: Timestamp(0)))
        }
        #expect(try verdict("b").isPlugged && verdict("b").dryRun == nil, "the entry stands before it")
        #expect(try !verdict("c").isPlugged && verdict("c").dryRun?.name == name("open"))
        // Its tests are those of the document in force.
        let check = PolicyCheck(source, at: Timestamp(0))
        #expect(check.isAccepted && check.passedTests == 1, "\(check.findings)")
        let flow = Flow(
            from: .endpoint(try name("a")), to: .endpoint(try name("c")), .other(0), at: Timestamp(0))
        #expect("\(Explanation(flow, source))".contains("it is in dry run"))
    }

    @Test("one policy has one form, and reads back")
    func canonical() throws {
        var policy = TenantPolicy(tenant: try name("acme"), revision: 7)
        #expect(policy.canonicalBytes == policy.entries.canonicalBytes)
        try policy.entries.add(.plug, from: .endpoint(try name("a")), to: .group(try name("web")))
        try policy.replace(try document(Example.text()))
        let bytes = policy.canonicalBytes
        #expect(try TenantPolicy(canonicalBytes: bytes) == policy)
        #expect(try PolicyDocument(canonicalBytes: policy.entries.canonicalBytes) == policy.entries)
        for broken in [bytes + [0x0a], bytes.dropLast(), Array(bytes.prefix { $0 != 0x0a }) + [0x0a]] {
            #expect(throws: (any Error).self) { try TenantPolicy(canonicalBytes: Array(broken)) }
        }
        let other = TenantPolicy(tenant: try name("other")).entries
        #expect(throws: DocumentRefusal.self) { try TenantPolicy(entries: other, document: policy.document) }
    }

    @Test("guardrails read back, and are no tenant's")
    func guardrails() throws {
        let document = try document("version: 1\nplatform: true\nrules: [{name: up, levels: upward}]\n")
        let guardrails = try #require(Guardrails(revision: 3, document: document))
        #expect(try Guardrails(canonicalBytes: guardrails.canonicalBytes) == guardrails)
        let bytes = guardrails.canonicalBytes
        for broken in [bytes + [0x0a], [0x20] + bytes, Array(bytes.dropLast()), document.canonicalBytes] {
            #expect(throws: DocumentRefusal.self) { try Guardrails(canonicalBytes: broken) }
        }
        #expect(Guardrails(revision: 3, document: try self.document(Example.text())) == nil)
    }
}
