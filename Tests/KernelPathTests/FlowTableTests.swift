import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// The tables behind the rules: what is shared, what is kept, what is full.
extension KernelPathTests {
    @Test("a flood of flows leaves the flows of a neighbour") func flood() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, e1, e2, e3) = (hosts.a, hosts.e1, hosts.e2, hosts.e3)
        try hosts.plug(e1, e2, .only([(.tcp, 80), (.udp, 53)]), .nothing)
        try hosts.plug(e3, e2, .everyPort, .nothing)
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e2))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, 18)), e2, e1))
        let began = ContinuousClock.now
        for round in UInt16(0)..<4 {
            for port in UInt16(0)..<50_000 {
                let packet = e3.packet(e2, v6: true, 17, udp(port, 1000 + round))
                try hosts.inject(ethernet(e3.mac, e2.mac, 0x86dd, packet), at: e3)
            }
        }
        // What a pair may begin at once, and 2,000 a second; a busy machine takes a while for the others.
        let most = 16_384 + 2_000 * UInt64(began.duration(to: .now) / .seconds(1) + 1)
        #expect(try a.drops(e3, .flowBudget) > 199_000 - most)
        #expect(
            try hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, TCP.ack)), e2, e1), "e1's flow is still there")
        #expect(try hosts.passes(e1.packet(e2, v6: true, 17, udp(9, 53)), e1, e2), "and it may begin another")
        #expect(try hosts.passes(e2.packet(e1, v6: true, 17, udp(53, 9)), e2, e1))
        #expect(try a.drops(e1, .flowBudget) == 0)
        #expect(try UInt64(a.path.flowCount) < most + 100)
        try a.path.forgetFlows(of: PairEnds(e3.identity, e2.identity))
        #expect(try a.path.flowCount < 10)
    }

    @Test("a change of rules cuts one running connection and leaves the other of the wire") func cutOne() throws {
        let hosts = try TwoHosts()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        func rules(_ ports: [UInt16]) -> FlowRules {
            var rules = FlowRules.only(ports.map { (.tcp, $0) })
            for index in rules.segments.indices where rules.segments[index].action.verdict == .pass {
                rules.segments[index].action.rule = rules.segments[index].start
            }
            return rules
        }
        try hosts.plug(e1, e2, rules([5201, 5203]), .nothing)
        var running: [Running] = []
        defer { for process in running { process.stop() } }
        for port in ["5201", "5203"] {
            running.append(try start(["ip", "netns", "exec", e2.name, "iperf3", "-s", "-p", port]))
            for _ in 0..<50 {
                Thread.sleep(forTimeInterval: 0.02)
                if try run("ip", "netns", "exec", e2.name, "ss", "-Hltn", "sport", "=", port).contains(port) { break }
            }
            running.append(
                try start([
                    "ip", "netns", "exec", e1.name, "iperf3", "-c", "\(e2.identity)", "-p", port, "-t", "8", "-b",
                    "100M",
                ]))
        }
        func counts() -> [UInt64] { [5201, 5203].map { a.path.ruleCounters()[$0]?.packets ?? 0 } }
        func moved() -> [Bool] {
            let before = counts()
            Thread.sleep(forTimeInterval: 0.5)
            return zip(before, counts()).map { $1 > $0 + 10 }
        }
        var tries = 0
        while moved() != [true, true], tries < 5 { tries += 1 }
        #expect(tries < 5, "both run")
        try hosts.setRules(e1, e2, rules([5203]), .nothing)
        #expect(moved() == [false, true])
        let stopped = counts()
        try hosts.setRules(e1, e2, rules([5201, 5203]), .nothing)
        Thread.sleep(forTimeInterval: 1)
        #expect(zip(stopped, counts()).allSatisfy { $1 > $0 }, "what is allowed again goes on")
    }

    @Test("rules, numbers, flows and bindings survive the leaf") func rulesSurvive() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, b, e1, e2, e3) = (hosts.a, hosts.b, hosts.e1, hosts.e2, hosts.e3)
        try hosts.plug(e1, e2, .only([(.tcp, 80)], FlowAction(.pass, answers: true, rule: 7)), .nothing)
        try hosts.plug(e3, e1, .nothing, .only([(.udp, 53)]))
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e2))
        let ends = PairEnds(e1.identity, e2.identity)
        let (wires, receives) = (try Set(a.path.sendWires().map(\.rules)), try b.path.receiveWires().map(\.rules))
        let rules = try #require(a.path.rules(of: ends))
        let number = try #require(try a.path.setRules(rules, of: ends)?.number)
        #expect(wires.contains(PairBinding(ends: ends, number: number)))
        for host in [a, b] {
            host.path.close()
            host.path = try DataPath(configuration: host.configuration)
        }
        #expect(try Set(a.path.sendWires().map(\.rules)) == wires)
        #expect(try b.path.receiveWires().map(\.rules) == receives)
        #expect(a.path.rules(of: ends) == rules)
        #expect(try a.path.setRules(rules, of: ends) == PairBinding(ends: ends, number: number))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, 18)), e2, e1), "the flow is still known")
        #expect(try a.path.flows(of: ends).count == 1)
        #expect(a.path.ruleCounters()[7]?.packets == 2)
        // What the new process sets has places of its own.
        try hosts.setRules(e3, e1, .nothing, .only([(.udp, 54)]))
        #expect(try hosts.passes(e1.packet(e3, v6: true, 17, udp(1, 54)), e1, e3))
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 81, TCP.syn)), e1, e2))
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.ack)), e1, e2))
    }

    @Test("a wire gets and loses its rules without losing a count") func rebind() throws {
        let hosts = try TwoHosts()
        let (a, b, e1, e2) = (hosts.a, hosts.b, hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let ends = PairEnds(e1.identity, e2.identity)
        let rules = PairRules(low: .everyPort, high: .everyPort)
        let running = try echoes(400, e1, e2)
        while a.path.sendCounters(port: e1.device, destination: e2.identity.address)?.packets == 0 {}
        for round in 0..<50 {
            let isBound = round % 2 == 0
            let here = try a.path.setRules(rules, of: ends)
            let there = try b.path.setRules(rules, of: ends)
            #expect(
                try a.path.rebind(
                    sendPort: e1.device, destination: e2.identity.address, rules: isBound ? here : nil))
            #expect(try b.path.rebind(receiveFrom: a.locator, label: label, rules: isBound ? there : nil))
            let sent = try a.path.sendWires().first { $0.destination == e2.identity.address && $0.port == e1.device }
            #expect(sent?.rules == (isBound ? here : nil))
            Thread.sleep(forTimeInterval: 0.005)
        }
        let result = running.finish()
        #expect(result.output.contains(" = 400/400/0%"), "\(result.output)")
        #expect(a.path.sendCounters(port: e1.device, destination: e2.identity.address)?.packets == 400)
        #expect(b.path.receiveCounters(locator: a.locator, label: label)?.packets == 400)
        let binding = try a.path.setRules(rules, of: ends)
        #expect(try !a.path.rebind(sendPort: e1.device, destination: IPv6Address(1), rules: binding))
        #expect(throws: DataPathError.self) {
            try a.path.rebind(sendPort: hosts.e3.device, destination: e2.identity.address, rules: binding)
        }
        try a.path.setRules(nil, of: ends)
        #expect(throws: DataPathError.self) {
            try a.path.plugSend(
                port: e1.device, destination: e2.identity.address, to: .local(port: hosts.e3.device), rules: binding)
        }
    }

    @Test("any order of the same changes ends in the same", arguments: 0..<3) func order(_: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(state: seed)
        let hosts = try TwoHosts {
            $0.maxSegments = 256
            $0.maxFlowRules = 48
            $0.maxPairs = 8
        }
        try hosts.silence()
        let (path, ends) = (
            hosts.a.path,
            try (UInt8(1)...6).map {
                PairEnds(try TwoHosts.identity($0), try TwoHosts.identity(100))
            }
        )
        var expected: [PairEnds: PairRules] = [:]
        var numbers: [PairEnds: UInt32] = [:]
        for _ in 0..<400 {
            let pair = try #require(ends.randomElement(using: &random))
            if Int.random(in: 0..<4, using: &random) == 0 {
                #expect(try path.setRules(nil, of: pair) == nil)
                expected[pair] = nil
                numbers[pair] = nil
                continue
            }
            let ports = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                (FlowNumber.Transport.tcp, UInt16.random(in: 1...3, using: &random) * 2)
            }
            let rules = PairRules(low: .only(ports), high: Bool.random(using: &random) ? .nothing : .everyPort)
            let binding = try #require(try path.setRules(rules, of: pair))
            if let number = numbers[pair] { #expect(binding.number == number, "seed \(seed)") }
            numbers[pair] = binding.number
            expected[pair] = rules
        }
        for pair in ends { #expect(path.rules(of: pair) == expected[pair], "seed \(seed)") }
        #expect(Set(numbers.values).count == numbers.count, "seed \(seed)")
        path.close()
        hosts.a.path = try DataPath(configuration: hosts.a.configuration)
        for pair in ends { #expect(hosts.a.path.rules(of: pair) == expected[pair], "seed \(seed), after a restart") }
    }

    @Test("full tables name their limits, and what was set stays") func fullRules() throws {
        let hosts = try TwoHosts {
            $0.maxSegments = 40
            $0.maxFlowRules = 8
            $0.maxPairs = 6
        }
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, .only([(.tcp, 80)]), .nothing)
        let ends = PairEnds(e1.identity, e2.identity)
        func refused(_ ends: PairEnds, _ rules: PairRules) -> DataPathError? {
            do throws(DataPathError) {
                try a.path.setRules(rules, of: ends)
                return nil
            } catch { return error }
        }
        let large = FlowRules.only((0..<30).map { (.tcp, $0 * 2) })
        let full = try #require(refused(ends, PairRules(low: large, high: .nothing)))
        #expect(full.code == .full && full.description.contains("40"))
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e2))
        for number in UInt8(0)..<4 {
            let other = PairEnds(try TwoHosts.identity(10 + number), e2.identity)
            #expect(refused(other, PairRules(low: .nothing, high: .nothing)) == nil)
        }
        let pairs = try #require(
            refused(PairEnds(try TwoHosts.identity(50), e2.identity), PairRules(low: .nothing, high: .nothing)))
        #expect(pairs.code == .full && pairs.description.contains("5 pairs"))
        // A pair that is forgotten gives its number back, without the flows that it had.
        try a.path.setRules(nil, of: PairEnds(try TwoHosts.identity(10), e2.identity))
        #expect(
            refused(PairEnds(try TwoHosts.identity(50), e2.identity), PairRules(low: .nothing, high: .nothing)) == nil)
        for (limit, index) in (UInt8(1)...20).enumerated() {
            let rules = FlowRules(otherwise: FlowAction(.pass, rule: UInt32(index)))
            let other = PairEnds(try TwoHosts.identity(11 + UInt8(limit) % 3), e2.identity)
            #expect(refused(other, PairRules(low: rules, high: rules)) == nil, "old rules make room")
        }
        let faults: [PairRules] = [
            PairRules(
                low: FlowRules(segments: [.init(start: 1, action: .init(.pass))], otherwise: .init(.drop)),
                high: .nothing),
            PairRules(
                low: FlowRules(
                    segments: [.init(start: 0, action: .init(.pass)), .init(start: 0, action: .init(.drop))],
                    otherwise: .init(.drop)), high: .nothing),
            PairRules(low: FlowRules(otherwise: FlowAction(.pass, limit: 1)), high: .nothing),
            PairRules(
                low: FlowRules(
                    segments: (0..<4097).map { .init(start: $0, action: .init(.pass)) }, otherwise: .init(.drop)),
                high: .nothing),
        ]
        for fault in faults { #expect(refused(ends, fault)?.code == .rules) }
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.ack)), e1, e2))
    }

    @Test("a pair's number that another gets brings no flows along") func numbersReused() throws {
        let hosts = try TwoHosts { $0.maxPairs = 2 }
        try hosts.silence()
        let (a, e1, e3) = (hosts.a, hosts.e1, hosts.e3)
        let first = PairEnds(e1.identity, e3.identity)
        try hosts.plug(e1, e3, .only([(.tcp, 80)]), .nothing)
        #expect(try hosts.passes(e1.packet(e3, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e3))
        let number = try #require(try a.path.setRules(a.path.rules(of: first), of: first)?.number)
        let second = PairEnds(e1.identity, try TwoHosts.identity(99))
        try a.path.setRules(nil, of: first)
        let rules = PairRules(low: .nothing, high: .nothing)
        #expect(throws: DataPathError.self, "wires still carry it") { try a.path.setRules(rules, of: second) }
        for (from, to) in [(e1, e3), (e3, e1)] {
            a.path.unplugSend(port: from.device, destination: to.identity.address)
            a.path.unplugSend(port: from.device, destination: IPv6Address(mapped: to.ipv4))
        }
        #expect(try a.path.flowCount == 1)
        #expect(try a.path.setRules(rules, of: second)?.number == number)
        #expect(try a.path.flowCount == 0)
    }

    @Test("what a rule decides is counted, tried rules too") func ruleCounts() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        try hosts.plug(
            e1, e2,
            .only(
                [(.udp, 53)], FlowAction(.pass, answers: true, rule: 5, dryRun: 9),
                else: FlowAction(.drop, rule: 6)), .nothing)
        let packet = e1.packet(e2, v6: true, 17, udp(9, 53))
        for _ in 0..<3 { #expect(try hosts.passes(packet, e1, e2)) }
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 17, udp(9, 54)), e1, e2))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 17, udp(53, 9)), e2, e1))
        let counters = a.path.ruleCounters()
        #expect(counters[5] == RuleCounters(packets: 4, bytes: UInt64(4 * packet.count)))
        #expect(counters[6] == RuleCounters(drops: 1))
        #expect(counters[9] == RuleCounters(dryRuns: 4))
        #expect(hosts.b.path.ruleCounters()[6] == RuleCounters(), "it was dropped before it got there")
    }
}
