import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Synchronization
import Testing

/// Logged flows are told of once, within bounds, and the packets never wait for that.
extension KernelPathTests {
    @Test("a logged flow is told of when it begins, and a drop at its first packet") func events() async throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        try hosts.plug(
            e1, e2,
            .only(
                [(.tcp, 80), (.icmpv6, 128 << 8)], FlowAction(.pass, answers: true, isLogged: true, rule: 3, dryRun: 4),
                else: FlowAction(.drop, isLogged: true, rule: 5)), .nothing)
        let log = EventLog(a.path.flowEvents)
        defer { log.stop() }
        for _ in 0..<5 {
            #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e2))
            #expect(try !hosts.passes(e1.packet(e2, v6: false, 17, udp(9, 53)), e1, e2))
            #expect(try !hosts.passes(e1.packet(e2, v6: true, 47, [0, 0, 0, 0]), e1, e2))
            #expect(try hosts.passes(e1.packet(e2, v6: true, 58, icmp(128)), e1, e2))
        }
        let events = try await log.first(4)
        try await Task.sleep(for: .milliseconds(200))
        #expect(log.all.count == 4, "each flow once")
        let ends = PairEnds(e1.identity, e2.identity)
        #expect(events.allSatisfy { a.path.ends(of: $0.pair) == ends && $0.isFromLow })
        let passed = try #require(events.first { $0.protocolNumber == 6 })
        #expect(passed.verdict == .pass && passed.rule == 3 && passed.dryRun == 4 && passed.isIPv6)
        #expect(passed.ports == .init(source: 4000, destination: 80))
        let dropped = try #require(events.first { $0.protocolNumber == 17 })
        #expect(dropped.verdict == .drop && dropped.rule == 5 && !dropped.isIPv6)
        #expect(dropped.ports == .init(source: 9, destination: 53))
        #expect(events.first { $0.protocolNumber == 47 }?.ports == .some(nil))
        #expect(events.first { $0.protocolNumber == 58 }?.ports == .init(source: 0, destination: 128 << 8))
        #expect(a.path.lostFlowEvents == 0)
    }

    @Test("what is not told is counted, and every packet passes all the same") func eventFlood() async throws {
        let hosts = try TwoHosts {
            $0.eventBurst = 100
            $0.eventsPerSecond = 100
        }
        try hosts.silence()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        let open = FlowRules(
            segments: [FlowSegment(start: 0, action: FlowAction(.pass, answers: true, isLogged: true))],
            otherwise: FlowAction(.drop))
        try hosts.plug(e1, e2, open, .nothing)
        let log = EventLog(a.path.flowEvents)
        defer { log.stop() }
        let began = ContinuousClock.now
        for port in UInt16(0)..<10_000 {
            try hosts.inject(
                ethernet(e1.mac, e2.mac, 0x86dd, e1.packet(e2, v6: true, 17, udp(port, 53))), at: e1)
        }
        let seconds = began.duration(to: .now) / .seconds(1)
        try await Task.sleep(for: .milliseconds(300))
        #expect(a.path.sendCounters(port: e1.device, destination: e2.identity.address)?.packets == 10_000)
        #expect(UInt64(log.all.count) + a.path.lostFlowEvents == 10_000, "told or counted, every one")
        // Each of the processors has a budget of its own.
        let processors = Double(ProcessInfo.processInfo.processorCount)
        #expect(Double(log.all.count) <= processors * (100 + 100 * (seconds + 1)))
        #expect(log.all.count >= 100)
    }
}

/// Flow events, collected by a task.
private final class EventLog: Sendable {
    private let collected = Mutex<[FlowEvent]>([])
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ stream: AsyncStream<FlowEvent>) {
        let reader = Task { [weak self] in
            for await event in stream { self?.collected.withLock { $0.append(event) } }
        }
        task.withLock { $0 = reader }
    }

    func stop() { task.withLock { $0?.cancel() } }

    var all: [FlowEvent] { collected.withLock { $0 } }

    /// Waits for some events, for two seconds at most.
    func first(_ count: Int) async throws -> [FlowEvent] {
        for _ in 0..<100 where all.count < count { try await Task.sleep(for: .milliseconds(20)) }
        return all
    }
}
