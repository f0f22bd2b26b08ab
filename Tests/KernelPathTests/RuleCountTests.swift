import KernelPath
import NetTypes
import Testing

/// What is counted for rules, and that a flow which is known by heart is decided about as any other.
extension KernelPathTests {
    @Test("flows are decided about and counted by the rules of now, whichever they met before") func changingRules()
        throws
    {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(state: seed)
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, .nothing, .nothing)
        let ports = (0..<6).map { _ in UInt16.random(in: 0...UInt16.max, using: &random) }
        var expected: [UInt32: RuleCounters] = [:]
        for round in 0..<60 {
            // The ports of the flows are often where a segment begins, or right before.
            var starts: Set<UInt32> = [0]
            for port in ports.shuffled(using: &random).prefix(Int.random(in: 0...6, using: &random)) {
                starts.insert(FlowNumber.of(.udp, port))
                if Bool.random(using: &random) { starts.insert(FlowNumber.of(.udp, port) + 1) }
            }
            for _ in 0..<Int.random(in: 0...120, using: &random) {
                starts.insert(FlowNumber.of(.udp, UInt16.random(in: 0...UInt16.max, using: &random)))
            }
            let segments = starts.sorted().map { start in
                let passes = Bool.random(using: &random)
                return FlowSegment(
                    start: start,
                    action: FlowAction(
                        passes ? .pass : .drop, answers: passes && Bool.random(using: &random),
                        rule: UInt32.random(in: 1_000_000...1_000_040, using: &random),
                        dryRun: UInt32.random(in: 2_000_000...2_000_003, using: &random)))
            }
            let rules = FlowRules(segments: segments, otherwise: FlowAction(.drop))
            try hosts.setRules(e1, e2, rules, .nothing)
            for _ in 0..<3 {
                for port in ports {
                    let packet = e1.packet(e2, v6: Bool.random(using: &random), 17, udp(9, port, bytes: 30))
                    let action = rules.action(for: FlowNumber.of(.udp, port))
                    let passes = action.verdict == .pass
                    expected[action.dryRun, default: RuleCounters()].dryRuns += 1
                    if passes {
                        expected[action.rule, default: RuleCounters()].packets += 1
                        expected[action.rule, default: RuleCounters()].bytes += UInt64(packet.count)
                    } else {
                        expected[action.rule, default: RuleCounters()].drops += 1
                    }
                    #expect(
                        try hosts.passes(packet, e1, e2) == passes, "seed \(seed), round \(round), port \(port)")
                }
            }
        }
        #expect(a.path.ruleCounters().filter { $0.value != RuleCounters() } == expected, "seed \(seed)")
        a.path.close()
        a.path = try DataPath(configuration: a.configuration)
        #expect(a.path.ruleCounters().filter { $0.value != .init() } == expected, "seed \(seed), another process")
    }

    @Test("rules that nobody has any more make room for others, which are counted from zero") func countedRules() throws
    {
        let hosts = try TwoHosts { $0.maxCountedRules = 4 }
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        let ends = PairEnds(e1.identity, e2.identity)
        func rules(_ numbers: [UInt32]) -> FlowRules {
            FlowRules(
                segments: numbers.enumerated().map { index, number in
                    FlowSegment(
                        start: index == 0 ? 0 : FlowNumber.of(.udp, UInt16(index)),
                        action: FlowAction(.pass, answers: true, rule: number))
                }, otherwise: FlowAction(.drop))
        }
        try hosts.plug(e1, e2, rules([11, 12, 13]), .nothing)
        let packet = e1.packet(e2, v6: true, 17, udp(9, 1))
        #expect(try hosts.passes(packet, e1, e2))
        #expect(a.path.ruleCounters()[12]?.packets == 1)
        // Old and new are there together while one is exchanged for the other, so five are too many.
        let error = #expect(throws: DataPathError.self) {
            try a.path.setRules(PairRules(low: rules([21, 22]), high: .nothing), of: ends)
        }
        #expect(error?.code == .full && error?.description.contains("4 rules") == true)
        #expect(a.path.rules(of: ends)?.low == rules([11, 12, 13]))
        #expect(try hosts.passes(packet, e1, e2))
        try hosts.setRules(e1, e2, .nothing, .nothing)
        #expect(a.path.ruleCounters()[12]?.packets == 2, "until the room is needed")
        try hosts.setRules(e1, e2, rules([21, 22, 23]), .nothing)
        #expect(try hosts.passes(packet, e1, e2))
        let counters = a.path.ruleCounters()
        #expect(counters[22] == RuleCounters(packets: 1, bytes: UInt64(packet.count)))
        #expect(counters[12] == nil && counters[21] == RuleCounters())
    }
}
