import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML
import Testing

@Suite("Verdicts of the policy language")
struct EvaluatorTests {
    static let moment = Timestamp(1_795_000_000)
    static let a = party("a", "x=1")
    static let b = party("b", "y=1")
    static let c = party("c")

    static func party(_ text: String, _ labels: String..., level: UInt8 = 0) -> Party {
        .endpoint(
            Document.defaultTiers[0].named(text), labels: Set(labels.compactMap { try? PolicyLabel(parsing: $0) }),
            level: level)
    }

    static let head =
        "version: 1\ntenant: acme\ntiers: [early, late]\ngroups: {x: {label: x=1}, y: {label: y=1}, xy: {any: [x, \"y\"]}}\nnetworks: {out: [192.0.2.0/24, \"2001:db8::/32\"]}\nrules:\n"

    static func policy(_ rules: [String], guardrails: [String]? = nil) throws(DocumentRefusal) -> CompiledPolicy {
        func lines(_ rules: [String], _ letter: String) -> String {
            rules.enumerated().map { "  - {name: \(letter)\($0), \($1)}\n" }.joined()
        }
        let document = try PolicyYAML.read(head + (rules.isEmpty ? "  []\n" : lines(rules, "r")))
        let platform = try guardrails.map { (rules) throws(DocumentRefusal) in
            try PolicyYAML.read("version: 1\nplatform: true\ngroups: {x: {label: x=1}}\nrules:\n" + lines(rules, "p"))
        }
        return CompiledPolicy(document, guardrails: platform)
    }

    static func word(_ policy: CompiledPolicy, _ from: Party, _ to: Party, _ transport: Transport = .other(47))
        -> String
    {
        let verdict = policy.evaluate(Flow(from: from, to: to, transport, at: moment))
        return (verdict.outcome.rule?.name.text ?? "-") + (verdict.isPlugged ? verdict.answers ? "+" : ">" : "")
    }

    /// Rules, and who decides a → b and b → a: `+` plugs with answers, `>` plugs without.
    static let directions: [(rule: String, ab: String, ba: String)] = [
        ("from: a, to: b, verdict: plug", "r0+", "r0+"),
        ("from: a, to: b, verdict: plug, direction: one-way", "r0>", "-"),
        ("from: b, to: a, verdict: plug, direction: one-way", "-", "r0>"),
        ("from: group:x, to: group:y, verdict: plug", "r0+", "r0+"),
        ("from: group:y, to: group:x, verdict: plug, direction: one-way", "-", "r0>"),
        ("from: a, to: group:y, verdict: plug, direction: one-way", "r0>", "-"),
        ("from: group:x, to: group:x, verdict: plug", "-", "-"),
        ("from: any, to: any, verdict: plug", "r0+", "r0+"),
        ("from: everything, to: b, verdict: plug, direction: one-way", "r0>", "-"),
        ("from: network:out, to: b, verdict: plug", "-", "-"),
        ("from: a, to: b, verdict: unplug", "r0", "r0"),
        ("from: a, to: b, verdict: reject, direction: one-way", "r0", "-"),
    ]

    @Test("1: directions of rules without ports", arguments: directions)
    func directionsRow(row: (rule: String, ab: String, ba: String)) throws {
        let policy = try Self.policy([row.rule])
        #expect(Self.word(policy, Self.a, Self.b) == row.ab)
        #expect(Self.word(policy, Self.b, Self.a) == row.ba)
    }

    @Test("2: with ports only 'from' begins, and answers pass unless the rule or a diode says otherwise")
    func portDirections() throws {
        let tcp = Transport.numbered(.tcp, 80)
        var policy = try Self.policy(["from: a, to: b, verdict: plug, ports: [tcp/80]"])
        #expect(Self.word(policy, Self.a, Self.b, tcp) == "r0+")
        #expect(Self.word(policy, Self.b, Self.a, tcp) == "-")
        policy = try Self.policy(["from: a, to: b, verdict: plug, ports: [tcp/80], direction: one-way"])
        #expect(Self.word(policy, Self.a, Self.b, tcp) == "r0>")
        policy = try Self.policy([
            "from: group:x, to: group:y, verdict: plug, ports: [tcp/80]",
            "from: b, to: a, verdict: unplug, direction: one-way",
        ])
        #expect(Self.word(policy, Self.a, Self.b, tcp) == "r0>")
        // A diode that stands after the rule stops nothing of it.
        policy = try Self.policy([
            "from: a, to: b, verdict: plug, ports: [tcp/80]",
            "from: group:y, to: group:x, verdict: unplug, direction: one-way",
        ])
        #expect(Self.word(policy, Self.a, Self.b, tcp) == "r0+")
        #expect(Self.word(policy, Self.b, Self.a, tcp) == "r1")
    }

    @Test("3: unknown protocols and fragments never match a rule with ports")
    func unknown() throws {
        let policy = try Self.policy([
            "from: a, to: b, verdict: plug, ports: [tcp/any, udp/any, sctp/any, icmp/any, icmpv6/any]",
            "from: a, to: b, verdict: unplug",
        ])
        for transport in [
            Transport.fragment(6), .fragment(17), .fragment(0), .other(6), .other(17), .other(47), .other(50),
            .other(255),
        ] {
            #expect(Self.word(policy, Self.a, Self.b, transport) == "r1")
        }
        for portProtocol in PortProtocol.allCases {
            #expect(Self.word(policy, Self.a, Self.b, .numbered(portProtocol, 0)) == "r0+")
            #expect(Self.word(policy, Self.a, Self.b, .numbered(portProtocol, .max)) == "r0+")
        }
    }

    /// Rules, and which of them decides a → b tcp/80.
    static let order: [(rules: [String], deciding: String)] = [
        (
            [
                "from: a, to: b, verdict: plug, tier: late, priority: 0",
                "from: any, to: any, verdict: unplug, tier: early, priority: 1000",
            ], "r1"
        ),
        (["from: a, to: b, verdict: plug", "from: any, to: any, verdict: unplug, priority: 499"], "r1"),
        (["from: a, to: b, verdict: plug", "from: a, to: group:y, verdict: unplug"], "r0+"),
        (["from: a, to: any, verdict: plug", "from: group:x, to: group:y, verdict: unplug"], "r0+"),
        (["from: group:x, to: any, verdict: plug", "from: any, to: any, verdict: unplug"], "r0+"),
        (["from: any, to: any, verdict: plug", "from: everything, to: any, verdict: unplug"], "r0+"),
        (
            [
                "from: group:x, to: group:y, verdict: plug, ports: [tcp/80]",
                "from: group:x, to: group:y, verdict: unplug",
            ], "r0+"
        ),
        (["from: group:x, to: group:y, verdict: plug", "from: group:xy, to: group:y, verdict: unplug"], "r1"),
        (["from: a, to: b, verdict: reject", "from: a, to: b, verdict: unplug"], "r1"),
        (["from: a, to: b, verdict: plug", "from: b, to: a, verdict: plug, security: conf"], "r1+"),
        (["from: a, to: b, verdict: plug, security: auth", "from: a, to: b, verdict: plug, security: conf"], "r1+"),
        (["from: a, to: b, verdict: plug", "from: a, to: b, verdict: plug, direction: one-way"], "r1>"),
        (["from: a, to: b, verdict: plug", "from: a, to: b, verdict: plug, rate: 1 Mbit/s"], "r1+"),
        (["from: a, to: b, verdict: plug", "from: a, to: b, verdict: plug, log: true"], "r0+"),
        (["from: a, to: b, verdict: unplug, dry-run: true", "from: any, to: any, verdict: plug"], "r1+"),
        (["from: a, to: b, verdict: unplug, not-after: 2020-01-01", "from: any, to: any, verdict: plug"], "r1+"),
        (["from: a, to: b, verdict: unplug, not-before: 2090-01-01", "from: any, to: any, verdict: plug"], "r1+"),
    ]

    @Test("4: which rule decides", arguments: order)
    func orderRow(row: (rules: [String], deciding: String)) throws {
        #expect(Self.word(try Self.policy(row.rules), Self.a, Self.b, .numbered(.tcp, 80)) == row.deciding)
    }

    @Test("5: guardrails forbid before any tier, pass on, and never plug")
    func guardrails() throws {
        let rules = ["from: a, to: b, verdict: plug, tier: early, priority: 0"]
        var policy = try Self.policy(rules, guardrails: ["from: any, to: any, verdict: reject, priority: 1000"])
        #expect(Self.word(policy, Self.a, Self.b) == "p0")
        policy = try Self.policy(
            rules, guardrails: ["from: any, to: any, verdict: reject", "from: group:x, to: any, verdict: pass"])
        #expect(Self.word(policy, Self.a, Self.b) == "r0+")
        policy = try Self.policy([], guardrails: ["from: any, to: any, verdict: pass"])
        #expect(Self.word(policy, Self.a, Self.b) == "-")
        // A group of the platform is not the tenant's group of that name.
        policy = try Self.policy(
            ["from: group:y, to: c, verdict: plug"], guardrails: ["from: group:x, to: any, verdict: unplug"])
        #expect(Self.word(policy, Self.b, Self.c) == "r0+")
        #expect(Self.word(policy, Self.a, Self.b) == "p0")
    }

    @Test(
        "6: information flows only upwards, for endpoints, the outside, and answers", arguments: [0, 1, 2] as [UInt8])
    func levels(level: UInt8) throws {
        let policy = try Self.policy(
            ["from: everything, to: any, verdict: plug, ports: [tcp/80]"], guardrails: ["levels: upward"])
        let (low, high) = (Self.party("low", level: 1), Self.party("high", level: level))
        let tcp = Transport.numbered(.tcp, 80)
        #expect(Self.word(policy, low, high, tcp) == (level < 1 ? "p0" : level == 1 ? "r0+" : "r0>"))
        #expect(Self.word(policy, high, low, tcp) == (level > 1 ? "p0" : level == 1 ? "r0+" : "r0>"))
        let outside = Party.outside(.v4(IPv4Address(192, 0, 2, 1)))
        #expect(Self.word(policy, outside, high, tcp) == (level == 0 ? "r0+" : "r0>"))
    }

    @Test("7: any is not the outside, and a network is its prefixes")
    func outside() throws {
        let policy = try Self.policy([
            "from: any, to: any, verdict: plug", "from: network:out, to: group:x, verdict: plug",
        ])
        for (text, expected) in [
            ("192.0.2.0", "r1+"), ("192.0.2.255", "r1+"), ("192.0.3.0", "-"), ("2001:db8::1", "r1+"),
            ("2001:db9::", "-"),
        ] {
            let outside = Party.outside(try IPAddress(parsing: text))
            #expect(Self.word(policy, outside, Self.a) == expected)
            #expect(Self.word(policy, outside, Self.b) == "-")
        }
    }

    @Test(
        "8: a pair is one verdict where no rule has ports, and a short list where some have; a rule in dry run is told")
    func pairs() throws {
        let policy = try Self.policy([
            "from: a, to: b, verdict: plug", "from: a, to: c, verdict: plug, ports: [tcp/80]",
            "from: a, to: b, verdict: reject, dry-run: true",
        ])
        let ab = policy.compile(policy.membership(of: Self.a), policy.membership(of: Self.b), at: Self.moment)
        #expect(ab.forward.isWhole && ab.backward.isWhole && ab.forward.otherwise.isPlugged && ab.holdsUntil == nil)
        #expect(ab.forward.dryRun.map(\.name.text) == ["r2"])
        let ac = policy.compile(policy.membership(of: Self.a), policy.membership(of: Self.c), at: Self.moment)
        #expect(ac.forward.rules.map(\.ports) == [[PortMatch(.tcp, 80...80)]] && !ac.forward.otherwise.isPlugged)
        #expect(ac.backward.isWhole)
        let flow = Flow(from: Self.a, to: Self.b, .other(47), at: Self.moment)
        #expect(policy.evaluate(flow).dryRun?.name.text == "r2")
    }

    /// The shapes of the network policy conformance cases of Kubernetes (network-policy-api and the e2e suite): a policy
    /// isolates what it selects, and allows from there. Rows: rules, from, to, port, whether it passes.
    static let kubernetes: [(what: String, rules: [String], from: Party, to: Party, port: UInt16, passes: Bool)] = [
        ("no policy that plugs", [], a, b, 80, false),
        ("allow all", ["from: any, to: any, verdict: plug"], c, b, 80, true),
        (
            "default deny ingress",
            ["from: any, to: group:y, verdict: unplug, direction: one-way", "from: any, to: any, verdict: plug"], a, b,
            80, false
        ),
        (
            "default deny ingress leaves egress",
            ["from: any, to: group:y, verdict: unplug, direction: one-way", "from: any, to: any, verdict: plug"], b, c,
            80, true
        ),
        ("allow from pod label", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/80]"], a, b, 80, true),
        ("other pods are isolated", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/80]"], c, b, 80, false),
        ("other ports are isolated", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/80]"], a, b, 81, false),
        ("two ports", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/80, tcp/81]"], a, b, 81, true),
        ("port range, first", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/79-81]"], a, b, 79, true),
        ("port range, last", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/79-81]"], a, b, 81, true),
        ("port range, after", ["from: group:x, to: group:y, verdict: plug, ports: [tcp/79-81]"], a, b, 82, false),
        ("egress to label", ["from: group:x, to: group:y, verdict: plug, direction: one-way"], a, b, 80, true),
        ("egress is not ingress", ["from: group:x, to: group:y, verdict: plug, direction: one-way"], b, a, 80, false),
        ("udp is not tcp", ["from: group:x, to: group:y, verdict: plug, ports: [udp/80]"], a, b, 80, false),
        (
            "additive policies",
            [
                "from: group:x, to: group:y, verdict: plug, ports: [tcp/80]",
                "from: c, to: group:y, verdict: plug, ports: [tcp/81]",
            ], c, b, 81, true
        ),
        (
            "additive policies do not mix",
            [
                "from: group:x, to: group:y, verdict: plug, ports: [tcp/80]",
                "from: c, to: group:y, verdict: plug, ports: [tcp/81]",
            ], c, b, 80, false
        ),
        ("in expression", ["from: group:xy, to: any, verdict: plug"], a, c, 80, true),
        (
            "ip block", ["from: network:out, to: group:y, verdict: plug"], .outside(.v4(IPv4Address(192, 0, 2, 9))), b,
            80, true
        ),
        (
            "ip block, outside of it", ["from: network:out, to: group:y, verdict: plug"],
            .outside(.v4(IPv4Address(192, 0, 3, 9))), b, 80, false
        ),
        (
            "admin deny before allow",
            ["from: any, to: group:y, verdict: reject, tier: early", "from: a, to: b, verdict: plug, tier: late"], a, b,
            80, false
        ),
        (
            "admin allow before deny",
            [
                "from: group:x, to: group:y, verdict: plug, tier: early",
                "from: any, to: any, verdict: unplug, tier: late",
            ], a, b, 80, true
        ),
        (
            "admin priority",
            [
                "from: any, to: any, verdict: unplug, priority: 50",
                "from: group:x, to: group:y, verdict: plug, priority: 49",
            ], a, b, 80, true
        ),
        (
            "baseline deny below allow",
            [
                "from: any, to: any, verdict: unplug, tier: late, priority: 1000",
                "from: group:x, to: group:y, verdict: plug",
            ], a, b, 80, true
        ),
        (
            "baseline deny for the rest",
            [
                "from: any, to: any, verdict: unplug, tier: late, priority: 1000",
                "from: group:x, to: group:y, verdict: plug",
            ], c, b, 80, false
        ),
    ]

    @Test("9: the shapes of Kubernetes' network policy cases", arguments: 0..<kubernetes.count)
    func kubernetesRow(index: Int) throws {
        let row = Self.kubernetes[index]
        let policy = try Self.policy(row.rules)
        let verdict = policy.evaluate(Flow(from: row.from, to: row.to, .numbered(.tcp, row.port), at: Self.moment))
        #expect(verdict.isPlugged == row.passes, "\(row.what): \(verdict)")
    }
}

extension Name {
    /// Another name, or this one where the text is none; for tables, which cannot throw.
    fileprivate func named(_ text: String) -> Name { (try? Name(parsing: text)) ?? self }
}
