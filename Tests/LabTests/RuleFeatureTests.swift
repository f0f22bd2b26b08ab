import Foundation
import Testing

/// Every word of a rule with packets that it lets pass, and with packets that it does not.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func portsAreThoseOfTheirProtocol() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: range, from: web1, to: web2, verdict: plug, ports: [udp/1010-1012, icmpv6/128, icmp/8]}
                  - {name: stream, from: web1, to: web2, verdict: plug, ports: [sctp/2000, icmpv6/200/3, tcp/any]}
                  - {name: everything, from: web1, to: db1, verdict: plug}
                """
        ) {
            let cases: [Case] = [
                Case("below", "six/UDP(sport=9,dport=1009)", false),
                Case("first", "six/UDP(sport=9,dport=1010)", true),
                Case("last4", "four/UDP(sport=9,dport=1012)", true),
                Case("above4", "four/UDP(sport=9,dport=1013)", false),
                Case("sctp", "six/SCTP(sport=9,dport=2000)", true),
                Case("sctpother", "four/SCTP(sport=9,dport=2001)", false),
                Case("udplikesctp", "six/UDP(sport=9,dport=2000)", false),
                Case("code", "IPv6(src=six.src,dst=six.dst,nh=58)/Raw(bytes([200,3,0,0,0,0,0,0]))", true),
                Case("othercode", "IPv6(src=six.src,dst=six.dst,nh=58)/Raw(bytes([200,4,0,0,0,0,0,0]))", false),
                Case("echo", "six/ICMPv6EchoRequest(data=b'x')", true),
                Case("echo4", "four/ICMP(type=8)", true),
                Case("stamp4", "four/ICMP(type=13)", false),
                Case("tcp4", "four/TCP(sport=9,dport=65535,flags='S')", true),
                // An ICMP of the other family is a protocol that rules do not know; so are these, whatever their bytes are.
                Case("icmpin6", "IPv6(src=six.src,dst=six.dst,nh=1)/Raw(bytes([8,0,0,0,0,0,0,0]))", false),
                Case("gre", "IPv6(src=six.src,dst=six.dst,nh=47)/Raw(bytes([0,9,3,242,0,12,0,0]))", false),
                Case("gre4", "IP(src=four.src,dst=four.dst,proto=47)/Raw(bytes([0,9,3,242,0,12,0,0]))", false),
            ]
            try await lab.expect(cases, from: "acme/web1", to: "acme/web2")
            // A rule without ports speaks about those too.
            try await lab.expect(
                cases.filter { ["gre", "gre4", "udplikesctp", "icmpin6"].contains($0.token) }.map { $0.passing },
                from: "acme/web1", to: "acme/db1")
            // Nobody may begin the other way round.
            try await lab.expect(
                cases.filter(\.passes).map { $0.stopping }, from: "acme/web2", to: "acme/web1")
        }
    }

    @Test(.timeLimit(.minutes(1))) func theRankOfRulesDecides() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                tiers: [first, second]
                groups:
                  fronts: {members: [web1, batch1]}
                rules:
                  - {name: p1, tier: second, priority: 400, from: any, to: web2, verdict: unplug, ports: [udp/1001]}
                  - {name: p2, tier: second, priority: 300, from: any, to: web2, verdict: plug, ports: [udp/1001]}
                  - {name: q1, tier: second, priority: 300, from: any, to: web2, verdict: unplug, ports: [udp/1002]}
                  - {name: q2, tier: second, priority: 400, from: web1, to: web2, verdict: plug, ports: [udp/1002]}
                  - {name: n1, tier: second, from: any, to: web2, verdict: unplug, ports: [udp/1003]}
                  - {name: n2, tier: second, from: web1, to: web2, verdict: plug, ports: [udp/1003]}
                  - {name: s1, tier: second, from: web1, to: web2, verdict: plug, ports: [udp/1004]}
                  - {name: s2, tier: second, from: web1, to: web2, verdict: unplug, ports: [udp/1004]}
                  - {name: t1, tier: second, from: web1, to: web2, verdict: plug, ports: [udp/1005]}
                  - {name: t2, tier: first, from: any, to: any, verdict: unplug, ports: [udp/1005]}
                  - {name: u1, tier: second, from: web1, to: web2, verdict: unplug, ports: [udp/1006]}
                  - {name: u2, tier: first, from: any, to: any, verdict: plug, ports: [udp/1006]}
                  - {name: g1, tier: second, from: any, to: web2, verdict: unplug, ports: [udp/1007]}
                  - {name: g2, tier: second, from: group:fronts, to: web2, verdict: plug, ports: [udp/1007]}
                  - {name: e1, tier: second, priority: 100, from: web1, to: everything, verdict: plug, ports: [udp/1008]}
                  - {name: rest, tier: second, from: web1, to: web2, verdict: unplug}
                """
        ) {
            func cases(_ passing: Set<Int>) -> [Case] {
                (1001...1008).map { port in
                    let family = port % 2 == 0 ? "six" : "four"
                    return Case("r\(port)", "\(family)/UDP(sport=9,dport=\(port))", passing.contains(port))
                }
            }
            try await lab.expect(cases([1001, 1003, 1006, 1008]), from: "acme/web1", to: "acme/web2")
            // Whom the names do not mean, the rules of any mean.
            try await lab.expect(cases([1001, 1006, 1007]), from: "acme/batch1", to: "acme/web2")
            try await lab.expect(cases([1001, 1006]), from: "acme/db1", to: "acme/web2")
        }
    }

    @Test(.timeLimit(.minutes(1))) func groupsAreWhomTheirWordsMean() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                groups:
                  one: {members: [web1, web2]}
                  two: {label: "zone in (north, south)"}
                  three: {label: "zone notin (north, east)"}
                  four: {label: zone exists}
                  five: {any: [{members: [web2]}, {label: zone=north}]}
                rules:
                  - {name: a, from: group:one, to: db1, verdict: plug, ports: [udp/1001]}
                  - {name: b, from: group:two, to: db1, verdict: plug, ports: [udp/1002]}
                  - {name: c, from: group:three, to: db1, verdict: plug, ports: [udp/1003]}
                  - {name: d, from: group:four, to: db1, verdict: plug, ports: [udp/1004]}
                  - {name: e, from: group:five, to: db1, verdict: plug, ports: [udp/1005]}
                """
        ) {
            try await lab.succeed("endpoint", "label", "acme/web1", "zone=north")
            try await lab.succeed("endpoint", "label", "acme/batch1", "zone=south")
            func cases(_ passing: Set<Int>) -> [Case] {
                (1001...1005).map { Case("r\($0)", "six/UDP(sport=9,dport=\($0))", passing.contains($0)) }
            }
            for (name, passing) in [
                ("acme/web1", [1001, 1002, 1004, 1005]), ("acme/batch1", [1002, 1003, 1004]),
                ("acme/web2", [1001, 1003, 1005]),
            ] as [(String, Set<Int>)] {
                try await lab.waitUntilRunning(name)
                try await lab.expect(cases(passing), from: name, to: "acme/db1")
            }
            for name in ["acme/web1", "acme/batch1"] { try await lab.succeed("endpoint", "label", name, "zone-") }
            try await lab.waitUntilRunning("acme/web1")
            try await lab.expect(cases([1001, 1003]), from: "acme/web1", to: "acme/db1")
        }
    }

    @Test(.timeLimit(.minutes(1))) func oneWayIsADiode() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: feed, from: web1, to: web2, verdict: plug, direction: one-way}
                  - {name: port, from: web1, to: db1, verdict: plug, direction: one-way, ports: [udp/7, tcp/7]}
                """
        ) {
            for (b, all) in [("acme/web2", true), ("acme/db1", false)] {
                let end = try lab.endpoint(b)
                try await lab.expect(
                    [
                        Case("up", "six/UDP(sport=9,dport=7)", true), Case("up4", "four/UDP(sport=9,dport=7)", true),
                        Case("syn", "six/TCP(sport=9,dport=7,flags='S')", true),
                        Case("other", "six/UDP(sport=9,dport=8)", all),
                        Case("gre", "IPv6(src=six.src,dst=six.dst,nh=47)/Raw(bytes(8))", all),
                    ], from: "acme/web1", to: b)
                // Not even an answer comes back, of no protocol.
                for address in [end.identity, end.ipv4] {
                    let before = lab.heard(by: b).count
                    #expect(try await lab.reach(from: "acme/web1", to: [address])[address] == .nothing)
                    #expect(lab.heard(by: b).count > before, "what goes up was not heard at \(b)")
                }
                try await lab.expect(
                    [
                        Case("answer", "six/UDP(sport=7,dport=9)", false),
                        Case("ack", "six/TCP(sport=7,dport=9,flags='SA')", false),
                        Case("reply", "six/ICMPv6EchoReply(id=1)", false),
                        Case("down4", "four/UDP(sport=7,dport=9)", false),
                    ], from: b, to: "acme/web1")
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aRejectedDatagramIsToldByICMP() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: echo, from: web1, to: web2, verdict: plug, ports: [udp/7]}
                  - {name: told, from: web1, to: web2, verdict: reject, ports: [udp/53, tcp/22]}
                  - {name: silent, from: web1, to: web2, verdict: unplug, ports: [udp/54, tcp/23]}
                """
        ) {
            let end = try lab.endpoint("acme/web2")
            for address in [end.identity, end.ipv4] {
                #expect(try await lab.ask(from: "acme/web1", address, 7) == "answer")
                let told = try await lab.ask(from: "acme/web1", address, 53)
                #expect(["EACCES", "EHOSTUNREACH", "ECONNREFUSED"].contains(told), "\(address): \(told)")
                #expect(try await lab.ask(from: "acme/web1", address, 54) == "timeout")
                #expect(try await lab.connect(from: "acme/web1", to: address, 22).outcome == "refused")
                #expect(try await lab.connect(from: "acme/web1", to: address, 23, seconds: 0.7).outcome == "timeout")
            }
            // The destination has heard nothing of it, and is not told in its turn.
            try await lab.expect(
                [Case("rejected", "six/UDP(sport=9,dport=53)", false)], from: "acme/web1", to: "acme/web2")
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatRulesDecideIsCounted() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        func counts() async throws -> [String: Int] {
            try await lab.counters(of: "h1").filter { $0.key.hasPrefix("rule-") }
        }
        let end = try lab.endpoint("acme/web2")
        // Of rules that other tests do not name: counts live as long as the kernel's maps.
        let rules = """
            rules:
              - {name: counted, from: web1, to: web2, verdict: plug, ports: [udp/7]}
              - {name: refusing, from: web1, to: web2, verdict: unplug, ports: [udp/8], log: true}
              - {name: trying, priority: 1, from: web1, to: web2, verdict: unplug, ports: [udp/7], dry-run: true}
              - {name: idle, from: web1, to: web2, verdict: plug, ports: [udp/9]}
            """
        try await lab.with(document: rules) {
            #expect(try await lab.ask(from: "acme/web1", end.identity, 7) == "answer")
            let before = try await counts()
            try await lab.expect(
                (0..<5).flatMap { round in
                    [
                        Case("yes\(round)", "six/UDP(sport=99,dport=7)", true),
                        Case("no\(round)", "six/UDP(sport=99,dport=8)", false),
                    ]
                }, from: "acme/web1", to: "acme/web2")
            let after = try await counts()
            func grown(_ name: String) -> Int { after[name, default: 0] - before[name, default: 0] }
            // An answer of each datagram is counted under the same rule.
            #expect(grown("rule-packets acme/counted") >= 10, "\(after)")
            #expect(grown("rule-bytes acme/counted") > 400, "\(after)")
            #expect(grown("rule-dry-runs acme/trying") >= 5, "\(after)")
            #expect(grown("rule-drops acme/refusing") >= 5, "\(after)")
            #expect(after.keys.allSatisfy { !$0.hasSuffix("acme/idle") }, "\(after)")
            #expect(after["rule-drops acme/trying"] == nil && after["rule-drops acme/counted"] == nil, "\(after)")
        }
        // A whole document that is only tried: nothing of it is in force.
        try await lab.with(document: "dry-run: true\n" + rules) {
            #expect(try await lab.ask(from: "acme/web1", end.identity, 7) == "timeout")
            let wires = try await lab.wires("acme/web1", "acme/web2")
            #expect(wires.isEmpty, "\(wires)")
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["auth", "conf"]) func theAskedProtectionIsGiven(_ security: String)
        async throws
    {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: safe, from: web1, to: web2, verdict: plug, ports: [udp/7, tcp/7], security: \(security)}
                  - {name: plain, from: web1, to: batch1, verdict: plug, ports: [udp/7]}
                """
        ) {
            let end = try lab.endpoint("acme/web2").identity
            #expect(try await lab.ask(from: "acme/web1", end, 7) == "answer")
            #expect(try await lab.connect(from: "acme/web1", to: end, 7).outcome == "open")
            #expect(try await lab.ask(from: "acme/web1", lab.endpoint("acme/batch1").identity, 7) == "answer")
            try await lab.expect(
                [Case("open", "six/UDP(sport=9,dport=7)", true), Case("shut", "six/UDP(sport=9,dport=8)", false)],
                from: "acme/web1", to: "acme/web2")
            for wire in try await lab.wires() {
                let safe = Set([wire.source, wire.destination]) == ["acme/web1", "acme/web2"]
                #expect(wire.security == (safe ? security : "none"), "\(wire)")
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func guardrailsForbidAndPassOn() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let end = try lab.endpoint("acme/web2").identity
        func guardrails(_ rules: String) async throws {
            let answer = try await lab.guardrails("apply", "version: 1\nplatform: true\n" + rules)
            #expect(answer.succeeded, "\(answer)")
        }
        func outcome(_ port: Int, _ expected: String) async throws -> Bool {
            try await eventually(within: 5) {
                try await lab.connect(from: "acme/web1", to: end, port, seconds: 0.5).outcome == expected
            }
        }
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        let atFirst = try await outcome(7, "open")
        #expect(atFirst)
        do {
            let told = "  - {name: told, priority: 20, from: any, to: any, verdict: reject, ports: [tcp/7]}\n"
            try await guardrails("rules:\n" + told)
            #expect(try await outcome(7, "refused"))
            #expect(try await lab.ask(from: "acme/web1", end, 7) == "answer", "no guardrail speaks of udp/7")
            // What a guardrail passes on is the tenant's to decide, and no later guardrail's.
            try await guardrails(
                "rules:\n" + told
                    + "  - {name: onward, priority: 10, from: any, to: any, verdict: pass}\n")
            #expect(try await outcome(7, "open"))
            try await guardrails(
                "rules:\n  - {name: shut, from: any, to: any, verdict: unplug, ports: [tcp/7, udp/7]}\n")
            #expect(try await outcome(7, "timeout"))
            #expect(try await lab.ask(from: "acme/web1", end, 7) == "timeout")
            // It passes on what the tenant has not plugged: still nothing.
            try await guardrails("rules:\n  - {name: onward, from: any, to: any, verdict: pass}\n")
            #expect(try await outcome(7, "open"))
            try await lab.expectUnplugged("acme/web1", "acme/batch1")
        } catch {
            Issue.record(error)
        }
        try await guardrails("")
    }
}
