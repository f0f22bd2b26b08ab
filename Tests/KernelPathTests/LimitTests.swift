import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// Limits are rates of IP packets, kept for TCP and UDP alike. These are tests of accuracy, not of speed.
extension KernelPathTests {
    @Test("a limit is kept within five per cent", arguments: [10, 100, 1000], [false, true])
    func limits(megabits: UInt64, isTCP: Bool) throws {
        let hosts = try TwoHosts()
        // Datagrams go in packets of 9,000 bytes, which takes a local wire: nobody makes 100,000 small ones a second on a
        // busy machine.
        let (e1, e2) = (hosts.e1, isTCP ? hosts.e2 : hosts.e3)
        if !isTCP { for end in [e1, e2] { try hosts.setMTU(9_000, of: end) } }
        let rate = megabits * 1_000_000
        let action = FlowAction(.pass, answers: true, limit: 1)
        // The control connection of iperf3 is TCP and has the same limit when the test is one of TCP.
        let rules = FlowRules(
            segments: [
                FlowSegment(start: 0, action: isTCP ? action : FlowAction(.pass, answers: true)),
                FlowSegment(start: FlowNumber.of(.udp, 0), action: action),
            ], otherwise: FlowAction(.drop))
        try hosts.plug(e1, e2, rules, .nothing, limits: [FlowLimit(bitsPerSecond: rate)])
        let measured = try throughput(hosts, e1, e2, tcp: isTCP, offered: rate * 3 / 2)
        #expect(measured.keeps(rate), "\(isTCP ? "TCP" : "UDP") at \(megabits) Mbit/s: \(measured)")
    }

    @Test(
        "a limit counts IP packets, so it is kept within five per cent for small ones", arguments: [false, true],
        [false, true])
    func limitsOfSmallPackets(isLocal: Bool, usesTCX: Bool) throws {
        let hosts = try TwoHosts { $0.usesTCX = usesTCX }
        let (e1, other) = (hosts.e1, isLocal ? hosts.e3 : hosts.e2)
        let rules = FlowRules(
            segments: [
                FlowSegment(start: 0, action: FlowAction(.pass, answers: true)),
                FlowSegment(start: FlowNumber.of(.udp, 0), action: FlowAction(.pass, answers: true, limit: 1)),
            ], otherwise: FlowAction(.drop))
        let rate: UInt64 = 5_000_000
        try hosts.plug(e1, other, rules, .nothing, limits: [FlowLimit(bitsPerSecond: rate)])
        let measured = try throughput(hosts, e1, other, tcp: false, offered: rate, datagram: 64)
        #expect(measured.keeps(rate), "\(measured)")
    }

    @Test("what has waited for its limit is as it was, whatever its size") func limitedFramesAreWhole() throws {
        let hosts = try TwoHosts()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        let tap = try TapDevice(name: "engine", in: a.namespace)
        let device = try #require(try a.netlink.link(named: "engine")).index
        try a.netlink.setUp(device)
        try a.path.useEngine(device: device)
        let limited = FlowRules(otherwise: FlowAction(.pass, answers: true, limit: 1))
        let binding = try a.path.setRules(
            PairRules(low: limited, high: .nothing, limits: [FlowLimit(bitsPerSecond: 100_000_000)]),
            of: PairEnds(e1.identity, e2.identity))
        for destination in [e2.identity.address, IPv6Address(mapped: e2.ipv4)] {
            try a.path.plugSend(
                port: e1.device, destination: destination, to: .protected(locator: hosts.b.locator, slot: 9),
                rules: binding)
        }
        try hosts.silence()
        for size in Array(0...40) + [500, 1_370, 1_400] {
            for isIPv6 in [false, true] {
                let packet = e1.packet(e2, v6: isIPv6, 17, udp(1, 2, bytes: size))
                try hosts.inject(ethernet(e1.mac, e2.mac, isIPv6 ? 0x86dd : 0x0800, packet), at: e1)
                // The host's own chatter on the new device is not ours.
                var arrived: [UInt8]?
                while arrived == nil, let read = try tap.read(milliseconds: 500) {
                    let frame = read.dropFirst(TapDevice.vnetHeaderLength)
                    if frame.starts(with: [0x02, 0x50, 0, 0, 0, 9]) { arrived = Array(frame) }
                }
                let sent = e1.mac.octets + (isIPv6 ? [0x86, 0xdd] : [0x08, 0x00]) + packet
                #expect(arrived.map { Array($0.dropFirst(6)) } == sent, "\(size) bytes, IPv6: \(isIPv6)")
            }
        }
    }

    @Test("limits change in place, hold on local and protected wires, and leave others alone")
    func limitsEverywhere() throws {
        let hosts = try TwoHosts()
        let (a, e1, e2, e3) = (hosts.a, hosts.e1, hosts.e2, hosts.e3)
        let limited = FlowRules(otherwise: FlowAction(.pass, answers: true, limit: 2))
        let limits = { (rate: UInt64) in [FlowLimit(bitsPerSecond: 1_000_000), FlowLimit(bitsPerSecond: rate)] }
        try hosts.plug(e1, e3, limited, .nothing, limits: limits(20_000_000))
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let local = try throughput(hosts, e1, e3, tcp: true, offered: 0)
        #expect(local.keeps(20_000_000), "a local wire: \(local)")
        let free = try throughput(hosts, e1, e2, tcp: true, offered: 0)
        #expect(free.best > 1e9, "a wire without a limit: \(free)")
        // A change of the rate alone keeps the class, and a restart finds it.
        try hosts.setRules(e1, e3, limited, .nothing, limits: limits(50_000_000))
        let changed = try throughput(hosts, e1, e3, tcp: true, offered: 0)
        #expect(changed.keeps(50_000_000), "after a change: \(changed)")
        a.path.close()
        a.path = try DataPath(configuration: a.configuration)
        let ends = PairEnds(e1.identity, e3.identity)
        #expect(a.path.rules(of: ends)?.limits == limits(50_000_000))
        try a.path.setRules(a.path.rules(of: ends), of: ends)
        let classes = try run("ip", "netns", "exec", "\(TwoHosts.prefix)-a", "tc", "class", "show", "dev", "pbk-shaper")
        #expect(classes.split(separator: "\n").count == 4, "\(classes)")
        let again = try throughput(hosts, e1, e3, tcp: true, offered: 0)
        #expect(again.keeps(50_000_000), "after a restart: \(again)")
        // No limit any more: no class.
        try hosts.setRules(e1, e3, .everyPort, .nothing)
        #expect(
            try run("ip", "netns", "exec", "\(TwoHosts.prefix)-a", "tc", "class", "show", "dev", "pbk-shaper").isEmpty)
        #expect(try ping(e1, "\(e3.identity)"))
    }

    @Test("a limited protected wire leads through the shaper to the engine") func limitedProtected() throws {
        let hosts = try TwoHosts()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        let tap = try TapDevice(name: "engine", in: a.namespace)
        let device = try #require(try a.netlink.link(named: "engine")).index
        try a.netlink.setUp(device)
        try a.path.useEngine(device: device)
        let ends = PairEnds(e1.identity, e2.identity)
        let limited = FlowRules(otherwise: FlowAction(.pass, answers: true, limit: 1))
        let binding = try a.path.setRules(
            PairRules(low: limited, high: .nothing, limits: [FlowLimit(bitsPerSecond: 800_000)]), of: ends)
        try a.path.plugSend(
            port: e1.device, destination: e2.identity.address, to: .protected(locator: hosts.b.locator, slot: 9),
            rules: binding)
        try hosts.silence()
        let began = ContinuousClock.now
        // A socket waits when much of what it sent is in the queue; so there are several.
        let frame = ethernet(e1.mac, e2.mac, 0x86dd, e1.packet(e2, v6: true, 17, udp(1, 2, bytes: 1_352)))
        let link = try #require(try Netlink(in: e1.namespace).link(named: "eth0")).index
        let sockets = try (0..<8).map { _ in try PacketSocket(in: e1.namespace) }
        for socket in sockets { for _ in 0..<50 { try socket.send(frame, to: link) } }
        var count = 0
        var last = began
        while let read = try tap.read(milliseconds: 300) {
            guard read.count > 1_400, read[TapDevice.vnetHeaderLength] == 0x02 else { continue }
            count += 1
            last = .now
        }
        let measured = Double(count * 1_400 * 8) / (began.duration(to: last) / .seconds(1))
        #expect(abs(measured - 800e3) < 80e3, "\(count) packets, \(Int(measured)) bit/s")
        #expect(count < 300, "the queue is bounded")
        let sent = a.path.sendCounters(port: e1.device, destination: e2.identity.address)
        #expect(sent?.packets == UInt64(count), "what is dropped was not sent")
    }

    /// Bits per second of IP packets, as they passed.
    private struct Throughput: CustomStringConvertible {
        /// Over all windows.
        var mean: Double
        /// In the window in which most passed.
        var best: Double

        /// Within five per cent: never more passes, and as much whenever the machine lets the sender go on.
        func keeps(_ rate: UInt64) -> Bool { mean < 1.05 * Double(rate) && best > 0.95 * Double(rate) }

        var description: String { "\(Int(mean)) bit/s, at best \(Int(best))" }
    }

    /// What passes from one endpoint to the other, after the first second.
    private func throughput(
        _ hosts: TwoHosts, _ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint, tcp: Bool, offered: UInt64,
        datagram: Int = 8_900
    ) throws -> Throughput {
        let server = try start(["ip", "netns", "exec", to.name, "iperf3", "-s", "-1"])
        // Until it has ended: the next transfer between the two is not to find its connections.
        defer {
            server.stop()
            _ = server.finish()
        }
        for _ in 0..<50 {
            Thread.sleep(forTimeInterval: 0.02)
            if try run("ip", "netns", "exec", to.name, "ss", "-Hltn", "sport", "=", "5201").contains("5201") { break }
        }
        let kind = tcp ? [] : ["-u", "-b", "\(offered)", "-l", "\(datagram)"]
        let client = try start(
            ["ip", "netns", "exec", from.name, "iperf3", "-c", "\(to.identity)", "-t", "6"] + kind)
        defer {
            client.stop()
            _ = client.finish()
        }
        Thread.sleep(forTimeInterval: 1)
        var moments: [(bytes: UInt64, at: ContinuousClock.Instant)] = []
        for window in 0...3 {
            if window > 0 { Thread.sleep(forTimeInterval: 0.85) }
            moments.append((try tcp ? goodput(at: to) : hosts.arrivedBytes(from, to), .now))
        }
        // The counters know a super-packet's headers once only; so what TCP got, and 72 bytes of IPv6, TCP and its time
        // stamps for each packet.
        let headers = tcp ? Double(from.mtu) / Double(from.mtu - 72) : 1
        func rate(_ from: Int, _ to: Int) -> Double {
            let seconds = moments[from].at.duration(to: moments[to].at) / .seconds(1)
            return Double(moments[to].bytes - moments[from].bytes) * 8 * headers / seconds
        }
        return Throughput(mean: rate(0, 3), best: max(rate(0, 1), rate(1, 2), rate(2, 3)))
    }

    /// The bytes that iperf3's connections have got in order. Its own figure has the beginning and the end in it, where
    /// what is limited waits.
    private func goodput(at endpoint: TwoHosts.Endpoint) throws -> UInt64 {
        let sockets = try run(
            "ip", "netns", "exec", endpoint.name, "ss", "-Htni", "state", "established", "sport", "=", "5201")
        let words = sockets.split { $0 == " " || $0 == "\n" }.filter { $0.hasPrefix("bytes_received:") }
        return words.compactMap { UInt64($0.dropFirst("bytes_received:".count)) }.reduce(0, +)
    }
}
