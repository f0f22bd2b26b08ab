import Foundation
import KernelPath
import LinuxKit
import NetTypes
import PacketFormats
import Testing

/// A marked packet is followed through the programs of both hosts, and no other is.
extension KernelPathTests {
    private static let echo = FlowAction(.pass, answers: true, rule: 7)

    private func rules(_ number: UInt16, _ transport: FlowNumber.Transport = .tcp) -> FlowRules {
        .only([(transport, number)], Self.echo, else: FlowAction(.drop, rule: 9))
    }

    private func packet(
        _ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint, _ protocolNumber: IPProtocol, _ number: UInt16,
        mark: UInt32 = 0x5_4321
    ) throws -> [UInt8] {
        try #require(
            TracePacket(
                from: from.identity, to: to.identity, addresses: (from.ipv4, to.ipv4), protocolNumber: protocolNumber,
                number: number, sourcePort: 50_000, mark: mark)
        ).frame
    }

    @Test("each program tells what it did, and the rule that decided", arguments: [false, true])
    func traceSteps(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        try hosts.silence()
        let (a, b, e1, e2) = (hosts.a.path, hosts.b.path, hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, rules(80), .nothing)
        try b.setRules(
            PairRules(low: rules(81), high: .nothing), of: PairEnds(e1.identity, e2.identity))
        // What the far host forbids, the near one forbids, both pass, none knows.
        for (number, here, there) in [(UInt16(80), true, false), (81, false, true), (82, false, false)] {
            let frame = try packet(e1, e2, .tcp, number)
            let (one, two) = (
                try #require(try a.follow(frame, for: .seconds(5))), try #require(try b.follow(frame, for: .seconds(5)))
            )
            #expect(a.steps(of: one).isEmpty && b.steps(of: two).isEmpty)
            // Others of the same flow, of the same mark, and of nothing in common.
            for other in [
                try packet(e1, e2, .tcp, number, mark: 0x5_4322), try packet(e1, e2, .udp, number),
                try packet(e1, e2, .tcp, 90), try packet(e1, hosts.e3, .tcp, number),
            ] { try hosts.inject(other, at: e1) }
            #expect(a.steps(of: one).isEmpty && b.steps(of: two).isEmpty, "port \(number)")
            try hosts.inject(frame, at: e1)
            let (sent, received) = (a.steps(of: one), b.steps(of: two))
            #expect(sent.map(\.place) == [.port])
            #expect(sent.first?.decision == .init(passes: here, rule: here ? 7 : 9, dryRun: 0), "port \(number)")
            #expect(sent.first?.outcome == (here ? .passed : .dropped(.rules)))
            #expect(received.map(\.place) == (here ? [.underlay] : []), "port \(number)")
            if here {
                #expect(received.first?.decision == .init(passes: there, rule: there ? 7 : 9, dryRun: 0))
                #expect(received.first?.outcome == (there ? .passed : .dropped(.rules)))
            }
            a.unfollow(one)
            b.unfollow(two)
            try hosts.inject(frame, at: e1)
            #expect(a.steps(of: one).isEmpty && b.steps(of: two).isEmpty, "it is followed no more")
        }
        try b.setRules(PairRules(low: rules(80), high: .nothing), of: PairEnds(e1.identity, e2.identity))
        for transport in [IPProtocol.tcp, .udp, .sctp, .icmpv6, .icmpv4] {
            let frame = try packet(e1, e2, transport, 80)
            let trace = try #require(try b.follow(frame, for: .seconds(5)))
            let before = try #require(try a.follow(frame, for: .seconds(5)))
            try hosts.inject(frame, at: e1)
            #expect(a.steps(of: before).count == 1, "\(transport)")
            #expect(b.steps(of: trace).map(\.outcome) == (transport == .tcp ? [.passed] : []), "\(transport)")
            a.unfollow(before)
            b.unfollow(trace)
        }
    }

    @Test("a trace tells of a wire that is missing, of the queue of a limit, and of what a leaf forges")
    func traceReasons() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, b, e1, e2, e3) = (hosts.a.path, hosts.b.path, hosts.e1, hosts.e2, hosts.e3)
        let frame = try packet(e1, e2, .udp, 53)
        let trace = try #require(try a.follow(frame, for: .seconds(20)))
        let there = try #require(try b.follow(frame, for: .seconds(20)))
        try hosts.inject(frame, at: e1)
        #expect(a.steps(of: trace).map(\.outcome) == [.dropped(.noWire)])
        #expect(a.steps(of: trace).first?.decision == nil)
        // Forged: from the other host, under the label of another sender.
        try hosts.plug(e3, to: e2)
        let label = try hosts.plug(e1, to: e2)
        let wires = try b.receiveWires().filter { $0.source == e3.identity.address }
        let forged = try #require(wires.first?.label)
        try a.plugSend(
            port: e1.device, destination: e2.identity.address, to: .remote(locator: hosts.b.locator, label: forged))
        try hosts.inject(frame, at: e1)
        #expect(b.steps(of: there).map(\.outcome) == [.dropped(.innerSource)])
        try a.plugSend(
            port: e1.device, destination: e2.identity.address, to: .remote(locator: hosts.b.locator, label: label))
        // With a limit it waits: the far end of the shaper tells that it came out.
        let limited = FlowRules(otherwise: FlowAction(.pass, answers: true, limit: 1))
        try hosts.plug(e1, e2, limited, .nothing, limits: [FlowLimit(bitsPerSecond: 1_000_000)])
        try hosts.inject(frame, at: e1)
        Thread.sleep(forTimeInterval: 0.1)
        let steps = a.steps(of: trace).suffix(2)
        #expect(steps.map(\.place) == [.port, .shaper])
        #expect(steps.map(\.outcome) == [.shaped, .passed])
        #expect(b.steps(of: there).last?.outcome == .passed)
        #expect(b.steps(of: there).last?.decision?.passes == true)
    }

    @Test("what is told is bounded, and so are the traces") func traceBudget() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, e1, e2) = (hosts.a.path, hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        let frame = try packet(e1, e2, .udp, 53)
        let brief = try #require(try a.follow(frame, for: .milliseconds(1)))
        Thread.sleep(forTimeInterval: 0.01)
        try hosts.inject(frame, at: e1)
        #expect(a.steps(of: brief).isEmpty, "its time is over")
        var traces: [PacketTrace] = []
        for number in 0..<UInt16(DataPath.maximumTraces) {
            traces.append(
                try #require(try a.follow(try packet(e1, e2, .udp, 53 + number), for: .seconds(30)), "\(number)"))
        }
        #expect(try a.follow(frame, for: .seconds(1)) == nil, "no place is left")
        for _ in 0..<1_000 { try hosts.inject(frame, at: e1) }
        #expect(a.steps(of: traces[0]).count == 16)
        #expect(traces.dropFirst().allSatisfy { a.steps(of: $0).isEmpty }, "each has places of its own")
        #expect(a.sendCounters(port: e1.device, destination: e2.identity.address)?.packets == 1_001)
        // A place that is free again begins anew, and the old trace sees nothing of it.
        a.unfollow(traces[0])
        let next = try #require(try a.follow(frame, for: .seconds(30)))
        #expect(a.steps(of: next).isEmpty && a.steps(of: traces[0]).isEmpty)
        try hosts.inject(frame, at: e1)
        #expect(a.steps(of: next).count == 1 && a.steps(of: traces[0]).isEmpty)
        // A leaf that begins again follows nothing.
        let (old, host) = (next, hosts.a)
        host.path.close()
        host.path = try DataPath(configuration: host.configuration)
        try hosts.inject(frame, at: e1)
        #expect(host.path.steps(of: old).isEmpty)
        let fresh = try #require(try host.path.follow(frame, for: .seconds(30)))
        try hosts.inject(frame, at: e1)
        #expect(host.path.steps(of: fresh).count == 1)
    }
}
