import KernelPath
import NetTypes
import Plugging
import Policy
import PolicyLanguage
import Testing

@testable import LeafAgent

/// What the kernel is told is what the policy says, for every port of every protocol, from both ends.
@Suite struct PairRulesTests {
    private static func name(_ text: String) throws -> Name { try Name(parsing: text) }

    private static func identity(_ number: UInt128) throws -> Identity {
        try #require(Identity(IPv6Address(0xfd00_0001_0002 << 80 | number)))
    }

    /// Rules of random ports between the two of them, and some without ports.
    private static func rules(_ random: inout some RandomNumberGenerator) throws -> [Rule] {
        try (0..<Int.random(in: 0...12, using: &random)).map { index in
            let isForward = Bool.random(using: &random)
            let verdict: RuleVerdict = try #require([.plug, .plug, .unplug, .reject].randomElement(using: &random))
            let transport = try #require(PortProtocol.allCases.randomElement(using: &random))
            let first = UInt16.random(in: 0...40, using: &random)
            let isOpen = Bool.random(using: &random)
            let length = UInt16.random(in: 0...9, using: &random)
            // ICMP has single types and codes only.
            let last = transport.isICMP ? first : isOpen ? UInt16.max : first + length
            return Rule(
                name: try name("r\(index)"), priority: Int.random(in: 0...4, using: &random) * 100,
                from: .endpoint(try name(isForward ? "a" : "b")), to: .endpoint(try name(isForward ? "b" : "a")),
                verdict: verdict,
                ports: Int.random(in: 0..<5, using: &random) == 0 ? [] : [PortMatch(transport, first...last)],
                direction: Int.random(in: 0..<4, using: &random) == 0 ? .oneWay : .twoWay,
                security: verdict == .plug ? .conf : .none,
                rate: verdict == .plug && Bool.random(using: &random)
                    ? RateLimit(bitsPerSecond: 1_000_000 + UInt64(index)) : nil,
                isLogged: Bool.random(using: &random), isDryRun: Int.random(in: 0..<5, using: &random) == 0)
        }
    }

    @Test("random rules, seeds 0x5eed1eaf to 0x5eed1eb2", arguments: 0..<4)
    func random(run: UInt64) throws {
        let seed: UInt64 = 0x5eed_1eaf + UInt64(run)
        var random = SplitMix(seed: seed)
        var withRules = 0
        for _ in 0..<500 {
            let document = try Document(scope: .tenant(try Self.name("t")), rules: try Self.rules(&random))
            let policy = PolicyInForce(
                try TenantPolicy(entries: PolicyDocument(tenant: try Self.name("t")), document: document))
            let (a, b) = (Party.endpoint(try Self.name("a")), Party.endpoint(try Self.name("b")))
            let plan = policy.plan(source: a, destination: b, at: Timestamp(0))
            #expect(policy.plan(source: b, destination: a, at: Timestamp(0)) == plan.reversed)
            let pair = Pair(source: try Self.identity(run % 2 == 0 ? 1 : 9), destination: try Self.identity(5))
            var numbers = RuleNumbers()
            let tenant = try Self.name("t")
            guard let rules = PairRules(plan, of: pair, number: { numbers.number(of: $0, tenant: tenant) }) else {
                #expect(!plan.needsFlows)
                continue
            }
            withRules += 1
            // The same rules, whichever end they are made at.
            var others = RuleNumbers()
            let again = PairRules(plan.reversed, of: pair.reversed) {
                others.number(of: $0, tenant: tenant)
            }
            #expect(again?.low.segments.map(\.start) == rules.low.segments.map(\.start))
            let (forward, backward) = run % 2 == 0 ? (rules.low, rules.high) : (rules.high, rules.low)
            for (table, flows) in [(plan.forward, forward), (plan.backward, backward)] {
                check(flows.action(for: nil), table.otherwise, rules.limits)
                for transport in FlowNumber.Transport.allCases {
                    for port in Array(UInt16(0)...60) + [255, 256, UInt16.max - 1, UInt16.max] {
                        let known = try #require(PortProtocol(rawValue: transport.protocolNumber))
                        check(
                            flows.action(for: FlowNumber.of(transport, port)),
                            table.decision(of: .numbered(known, port)), rules.limits)
                    }
                }
            }
        }
        #expect(withRules > 100)
    }

    private func check(_ action: FlowAction, _ decision: FlowTable.Decision, _ limits: [FlowLimit]) {
        let outcome = decision.outcome
        #expect((action.verdict == .pass) == outcome.isPlugged)
        #expect((action.verdict == .reject) == (outcome.verdict == .reject))
        #expect(action.answers == outcome.answers)
        #expect(action.isLogged == outcome.isLogged)
        #expect((action.rule != 0) == (outcome.rule != nil))
        #expect((action.dryRun != 0) == (decision.dryRun != nil))
        let limit = action.limit == 0 ? nil : limits[Int(action.limit) - 1]
        #expect(limit?.bitsPerSecond == outcome.rate?.bitsPerSecond)
    }

    @Test("a rule keeps its number, and another has another")
    func numbers() throws {
        let names = try (0..<5_000).map { try Self.name("rule-\($0)") }
        let document = try Document(
            scope: .tenant(try Self.name("t")),
            rules: try names.enumerated().map { index, name in
                Rule(
                    name: name, from: .endpoint(try Self.name("a")), to: .endpoint(try Self.name("b")), verdict: .plug,
                    ports: [PortMatch(.tcp, UInt16(index)...UInt16(index))])
            })
        let policy = try TenantPolicy(entries: PolicyDocument(tenant: try Self.name("t")), document: document)
        let plan = PolicyInForce(policy).plan(
            source: .endpoint(try Self.name("a")), destination: .endpoint(try Self.name("b")), at: Timestamp(0))
        var numbers = RuleNumbers(), again = RuleNumbers()
        var seen = Set<UInt32>()
        for reference in plan.forward.decisions.compactMap(\.outcome.rule) {
            let number = numbers.number(of: reference, tenant: try Self.name("t"))
            #expect(seen.insert(number).inserted)
            #expect(number == numbers.number(of: reference, tenant: try Self.name("t")))
            #expect(number == again.number(of: reference, tenant: try Self.name("t")))
            #expect(numbers.rule(number)?.name == reference.name)
        }
        #expect(seen.count == 5_000)
    }
}
