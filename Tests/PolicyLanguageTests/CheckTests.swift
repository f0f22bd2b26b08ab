import NetTypes
import PolicyLanguage
import PolicyYAML
import PolicyZones
import Testing

@Suite("Check, explain, diff")
struct CheckTests {
    static let moment = Timestamp(1_795_000_000)

    static func check(_ rules: [String], endpoints: [Party]? = nil, more: String = "") throws(DocumentRefusal)
        -> [String]
    {
        let lines = rules.enumerated().map { "  - {name: r\($0), \($1)}\n" }.joined()
        let text =
            "version: 1\ntenant: acme\ngroups: {x: {label: x=1}, y: {members: [b]}, xy: {any: [x, \"y\"]}, sub: {all: [x, xy]}, none: {members: []}}\nrules:\n"
            + lines + more
        let check = PolicyCheck(try PolicyYAML.read(text), endpoints: endpoints, at: moment)
        return check.findings.map { "\($0.place) \($0.code.rawValue)" }
    }

    static let reach: [(rules: [String], findings: [String])] = [
        (["from: any, to: any, verdict: plug"], []),
        (["from: any, to: any, verdict: unplug, priority: 1", "from: a, to: b, verdict: plug"], ["6:5 shadowed"]),
        (["from: any, to: any, verdict: plug, priority: 1", "from: a, to: b, verdict: plug"], ["6:5 redundant"]),
        (["from: any, to: any, verdict: unplug, priority: 1, ports: [tcp/80]", "from: a, to: b, verdict: plug"], []),
        (
            [
                "from: any, to: any, verdict: unplug, priority: 1, ports: [tcp/80-90]",
                "from: a, to: b, verdict: plug, ports: [tcp/85]",
            ], ["6:5 shadowed"]
        ),
        (
            [
                "from: any, to: any, verdict: unplug, priority: 1, ports: [tcp/80-84, tcp/85-90]",
                "from: a, to: b, verdict: plug, ports: [tcp/83-86]",
            ], ["6:5 shadowed"]
        ),
        (
            [
                "from: any, to: any, verdict: unplug, priority: 1, ports: [tcp/80-84, tcp/86-90]",
                "from: a, to: b, verdict: plug, ports: [tcp/83-86]",
            ], []
        ),
        (
            ["from: any, to: any, verdict: unplug, priority: 1, direction: one-way", "from: a, to: b, verdict: plug"],
            ["6:5 shadowed"]
        ),
        (["from: a, to: any, verdict: unplug, priority: 1, direction: one-way", "from: a, to: b, verdict: plug"], []),
        (
            ["from: group:xy, to: any, verdict: unplug, priority: 1", "from: group:x, to: c, verdict: plug"],
            ["6:5 shadowed"]
        ),
        (
            ["from: group:x, to: any, verdict: unplug, priority: 1", "from: group:sub, to: c, verdict: plug"],
            ["6:5 shadowed"]
        ),
        (["from: group:x, to: any, verdict: unplug, priority: 1", "from: group:xy, to: c, verdict: plug"], []),
        (["from: group:y, to: any, verdict: unplug, priority: 1", "from: b, to: c, verdict: plug"], ["6:5 shadowed"]),
        (["from: any, to: any, verdict: unplug, priority: 1, dry-run: true", "from: a, to: b, verdict: plug"], []),
        (
            [
                "from: any, to: any, verdict: unplug, priority: 1, not-after: 2090-01-01",
                "from: a, to: b, verdict: plug",
            ], []
        ),
        (["from: any, to: any, verdict: plug, not-after: 2020-01-01"], ["5:62 unreachable"]),
        (["from: a, to: a, verdict: plug"], ["5:5 unreachable"]),
        (["from: group:none, to: any, verdict: plug"], ["5:22 unreachable"]),
        (["from: group:x, to: any, verdict: plug", "from: group:sub, to: any, verdict: unplug"], ["5:5 conflict"]),
        (
            ["from: group:y, to: group:y, verdict: plug", "from: group:xy, to: group:xy, verdict: unplug"],
            ["5:5 shadowed", "5:5 conflict"]
        ),
        (["from: a, to: b, verdict: plug", "from: group:x, to: group:y, verdict: unplug"], []),
        (
            [
                "from: a, to: any, verdict: plug, ports: [tcp/80-90]",
                "from: any, to: b, verdict: reject, ports: [tcp/90]",
            ], ["5:5 conflict"]
        ),
        (
            [
                "from: a, to: any, verdict: plug, ports: [tcp/80-90]",
                "from: any, to: b, verdict: reject, ports: [tcp/91]",
            ], []
        ),
        (
            [
                "from: a, to: any, verdict: plug, ports: [tcp/80-90]",
                "from: any, to: b, verdict: reject, ports: [udp/90]",
            ], []
        ),
        (["from: a, to: any, verdict: plug", "from: any, to: b, verdict: unplug, priority: 4"], []),
        (
            ["from: any, to: any, verdict: plug, when: {from: \"01:00\", to: \"02:00\", zone: Mars/Olympus}"],
            ["5:57 unknown-name"]
        ),
    ]

    @Test("1: rules that never decide, and rules that contradict each other", arguments: reach)
    func reachRow(row: (rules: [String], findings: [String])) throws {
        let findings = try Self.check(row.rules)
        #expect(findings == row.findings)
    }

    @Test("2: what is known of endpoints is used")
    func endpoints() throws {
        let known: [Party] = [
            .endpoint(try name("web1"), labels: [try PolicyLabel(parsing: "x=1")]), .endpoint(try name("b")),
        ]
        #expect(try Self.check(["from: wbe1, to: b, verdict: plug"], endpoints: known) == ["5:22 unknown-name"])
        #expect(try Self.check(["from: group:sub, to: b, verdict: plug"], endpoints: known) == [])
        // By labels nobody is in both groups, so the rules do not meet.
        let rules = ["from: group:x, to: any, verdict: plug", "from: group:y, to: any, verdict: unplug"]
        #expect(try Self.check(rules, endpoints: known).filter { $0.contains("conflict") }.isEmpty == false)
        let nobody = try Self.check(["from: group:x, to: b, verdict: plug"], endpoints: [])
        #expect(nobody == ["3:27 unknown-name", "5:22 unreachable", "5:35 unknown-name"])
    }

    @Test("3: the examples pass their own tests, and a test that fails refuses the document")
    func tests() throws {
        let example = try Example.document()
        let line = try Example.line(of: "db-access")
        let zones = SystemTimeZones(of: [example.document])
        let check = PolicyCheck(example, guardrails: try Example.guardrails(), at: Self.moment, zones: zones)
        #expect(check.isAccepted && check.passedTests == 4, "\(check.findings)")
        let platform = PolicyCheck(try Example.guardrails(), at: Self.moment)
        #expect(platform.isAccepted && platform.passedTests == 1, "\(platform.findings)")
        let text = try Example.text().replacing("port: tcp/22", with: "port: tcp/5432")
        let failing = PolicyCheck(try PolicyYAML.read(text), at: Self.moment, zones: zones)
        #expect(!failing.isAccepted)
        let finding = try #require(failing.findings.first { $0.code == .testFailed })
        #expect(
            finding.problem.contains("nobody logs in") && finding.problem.contains("rule db-access (line \(line))"),
            "\(finding)")
        #expect(text.components(line: finding.place.line).contains("- expect: unplug"))
    }

    @Test("4: explain names the rule, its line, and what the others lacked")
    func explain() throws {
        let example = try Example.document()
        let line = try Example.line(of: "db-access")
        let web = Party.endpoint(try name("web1"), labels: [try PolicyLabel(parsing: "tier=web")], level: 1)
        let db = Party.endpoint(try name("db1"), labels: [try PolicyLabel(parsing: "tier=db")], level: 2)
        let guardrails = try Example.guardrails()
        let zones = SystemTimeZones(of: [example.document])
        func explanation(_ from: Party, _ to: Party, _ transport: Transport) -> Explanation {
            Explanation(
                Flow(from: from, to: to, transport, at: Self.moment), example, guardrails: guardrails, zones: zones)
        }
        let allowed = explanation(web, db, .numbered(.tcp, 5432))
        #expect(allowed.verdict.outcome.rule?.name.text == "db-access" && allowed.verdict.outcome.rule?.line == line)
        #expect(
            !allowed.verdict.answers && allowed.deciding.hasPrefix("plug group:web ↔ group:db, icmp/8, tcp/5432, conf"))
        #expect(allowed.levels == "web1 has level 1, db1 level 2")
        let refused = explanation(web, db, .numbered(.tcp, 22))
        #expect(!refused.verdict.isPlugged && refused.nearest[0].rule.name.text == "db-access")
        #expect(refused.nearest[0].lacks == ["it allows icmp/8, tcp/5432 only"], "\(refused)")
        let down = explanation(db, web, .numbered(.tcp, 5432))
        #expect(down.verdict.outcome.rule?.name.text == "upward")
        #expect(down.guardrails.contains("guardrail upward (line 13): decides"), "\(down)")
        #expect(down.nearest.contains { $0.lacks.contains("with ports it is for flows that web1 begins") }, "\(down)")
        let fragment = explanation(web, db, .fragment(6))
        #expect(fragment.nearest.contains { $0.lacks.contains { $0.contains("has no port") } }, "\(fragment)")
        #expect(fragment.description.contains("fragment of protocol 6"))
    }

    @Test("5: a diff tells pairs by name and ports, class by class")
    func diff() throws {
        let old = try PolicyYAML.read(
            "version: 1\ntenant: acme\ngroups: {w: {label: t=w}, d: {label: t=d}}\nrules:\n  - {name: r, from: group:w, to: group:d, verdict: plug, ports: [tcp/80-90]}\n"
        ).document
        let new = try PolicyYAML.read(
            "version: 1\ntenant: acme\ngroups: {w: {label: t=w}, d: {label: t=d}}\nrules:\n  - {name: r, from: group:w, to: group:d, verdict: plug, ports: [tcp/80-89, udp/53], security: conf}\n"
        ).document
        var endpoints: [Party] = []
        for index in 0..<2_000 {
            let label = try PolicyLabel(parsing: index % 2 == 0 ? "t=w" : "t=d")
            endpoints.append(.endpoint(try name("e\(index)"), labels: [label]))
        }
        let diff = PolicyDiff(from: old, to: new, endpoints: endpoints, at: Self.moment)
        #expect(diff.comparedPairs == 1 && diff.isComplete && diff.changes.count == 1)
        let change = try #require(diff.changes.first)
        #expect(change.sources.count == 1_000 && change.destinations.count == 1_000)
        #expect(
            change.description
                == "e0, e2, e4 and 997 more → e1, e3, e5 and 997 more: tcp/80-89: plug → plug, conf; tcp/90: plug → unplug; udp/53: unplug → plug, conf"
        )
        #expect(PolicyDiff(from: old, to: old, endpoints: endpoints, at: Self.moment).comparedPairs == 0)
    }
}

extension String {
    fileprivate func components(line: Int) -> String {
        split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[line - 1]
    }
}
