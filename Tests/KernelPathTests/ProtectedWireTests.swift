import KernelPath
import LinuxKit
import NetTypes
import Testing

/// Protected wires as the kernel sees them, with the test in the place of the ESP engine: what it reads from the
/// device of one host it writes to that of the other, under the number of the receiving end.
extension KernelPathTests {
    /// The device of an engine that is the test itself.
    private struct Engine {
        let tap: TapDevice
        let device: UInt32

        init(on host: TwoHosts.Host) throws {
            tap = try TapDevice(name: "engine", in: host.namespace)
            device = try #require(try host.netlink.link(named: "engine")).index
            try host.netlink.setMTU(65_000, of: device)
            try host.netlink.setUp(device)
            try host.path.useEngine(device: device)
        }

        /// The next frame with a number of ours in its MAC address; other frames are the device's own.
        func next(milliseconds: Int32 = 500) throws -> (slot: UInt32, frame: [UInt8])? {
            while let read = try tap.read(milliseconds: milliseconds) {
                let frame = Array(read.dropFirst(TapDevice.vnetHeaderLength))
                guard frame.count > 14, frame[0] == 0x02, frame[1] == 0x50 else { continue }
                return (frame[2..<6].reduce(0) { $0 << 8 | UInt32($1) }, frame)
            }
            return nil
        }

        func write(_ frame: [UInt8], prefix: UInt16 = 0x0250, as label: UInt32) throws {
            let header = [UInt8](repeating: 0, count: TapDevice.vnetHeaderLength)
            try tap.write(header + prefix.octets + label.octets + frame.dropFirst(6))
        }
    }

    @Test("a protected wire leads to the engine and back, and nowhere else", arguments: [false, true])
    func protected(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        let (a, b, e1, e2) = (hosts.a, hosts.b, hosts.e1, hosts.e2)
        let label = try #require(Label(77))
        for destination in [e2.identity.address, IPv6Address(mapped: e2.ipv4)] {
            try a.path.plugSend(
                port: e1.device, destination: destination, to: .protected(locator: b.locator, slot: 0x0102_0304),
                mtu: 1400)
        }
        try b.path.plugReceive(
            locator: nil, label: label, port: e2.device, source: e1.identity.address, sourceIPv4: e1.ipv4)

        // Without an engine nothing passes, least of all in the clear.
        let before = b.count(.unknownLabel) + b.count(.vxlan)
        #expect(try !ping(e1, "\(e2.identity)"))
        #expect(try a.drops(e1, .engine) == 1)
        #expect(b.count(.unknownLabel) + b.count(.vxlan) == before)

        let (near, far) = (try Engine(on: a), try Engine(on: b))
        for address in ["\(e2.identity)", "\(e2.ipv4)"] {
            #expect(try !ping(e1, address), "there is no way back")
            let sent = try #require(try near.next())
            #expect(sent.slot == 0x0102_0304)
            let had = b.path.receiveCounters(locator: nil, label: label)?.packets ?? 0
            try far.write(sent.frame, as: 77)
            #expect(b.path.receiveCounters(locator: nil, label: label)?.packets == had + 1)

            // Under another number, or a MAC address that is none of ours, it is nobody's.
            let strange = b.count(.engine)
            try far.write(sent.frame, as: 78)
            try far.write(sent.frame, prefix: 0x0251, as: 77)
            try far.write(sent.frame, prefix: 0xffff, as: 77)
            #expect(b.count(.engine) == strange + 3)
            #expect(b.path.receiveCounters(locator: nil, label: label)?.packets == had + 1)
        }
        #expect(try a.path.sendWires().map(\.target).contains(.protected(locator: b.locator, slot: 0x0102_0304)))
        #expect(try a.path.sendWires().allSatisfy { $0.mtu == 1400 })
        #expect(try b.path.receiveWires().map(\.locator) == [nil])

        // Authenticated or not: the inner sender must be the wire's.
        let strangers = b.count(.innerSource)
        try far.write(
            ethernet(e1.mac, e2.mac, 0x86dd, ipv6(hosts.e3.identity.address, e2.identity.address, 17, udp(8))), as: 77)
        #expect(b.count(.innerSource) == strangers + 1)

        // When the engine is gone, it is as if there had been none.
        try a.path.useEngine(device: nil)
        #expect(try !ping(e1, "\(e2.identity)"))
        #expect(try near.next(milliseconds: 50) == nil)
        #expect(try a.drops(e1, .engine) == 2)
    }

    @Test("a plain packet never reaches a protected wire's receiving end")
    func plainOnProtected() throws {
        let hosts = try TwoHosts()
        let (b, e1, e2) = (hosts.b, hosts.e1, hosts.e2)
        try b.path.plugReceive(
            locator: nil, label: try #require(Label(77)), port: e2.device, source: e1.identity.address,
            sourceIPv4: e1.ipv4)
        let inner = ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(8)))
        let datagram = { (label: UInt32) -> [UInt8] in
            let body = vxlan(label, inner)
            return [0xc0, 0, 0x12, 0xb5] + UInt16(8 + body.count).octets + [0, 0] + body
        }
        let link = try #require(try hosts.a.netlink.link(named: "under"))
        // The programs look at frames before the device does, so any MAC addresses serve.
        let (here, there) = (e1.mac, e2.mac)
        let unknown = b.count(.unknownLabel)
        // From the sending leaf, from an unspecified address of both families, which the table holds no leaf for.
        for label in [UInt32(77), 0x80_004d] {
            for packet in [
                ipv4(IPv4Address(192, 0, 2, 1), IPv4Address(192, 0, 2, 2), 17, datagram(label)),
                ipv4(IPv4Address(0), IPv4Address(192, 0, 2, 2), 17, datagram(label)),
            ] {
                try PacketSocket(in: hosts.a.namespace).send(
                    ethernet(here, there, 0x0800, packet), to: link.index)
            }
            let v6 = ipv6(IPv6Address(0), try IPv6Address(parsing: "2001:db8::2"), 17, datagram(label))
            try PacketSocket(in: hosts.a.namespace).send(
                ethernet(here, there, 0x86dd, v6), to: link.index)
        }
        #expect(b.count(.unknownLabel) == unknown + 6)
        #expect(b.path.receiveCounters(locator: nil, label: try #require(Label(77)))?.packets == 0)
    }

    @Test("what is larger than a protected wire carries is told to the sender, or left to the engine to cut")
    func protectedSizes() async throws {
        let hosts = try TwoHosts()
        let (a, b, e1, e2) = (hosts.a, hosts.b, hosts.e1, hosts.e2)
        let engine = try Engine(on: a)
        for destination in [e2.identity.address, IPv6Address(mapped: e2.ipv4)] {
            try a.path.plugSend(
                port: e1.device, destination: destination, to: .protected(locator: b.locator, slot: 5), mtu: 1400)
        }
        // 1,400 bytes pass, 1,401 do not (IPv6, and IPv4 with DF set).
        #expect(try !ping(e1, "\(e2.identity)", size: 1400 - 48))
        #expect(try engine.next()?.frame.count == 1414)
        #expect(try !ping(e1, "\(e2.identity)", size: 1401 - 48))
        #expect(try engine.next(milliseconds: 50) == nil)
        let told = try await a.punts.first(.tooBig, from: e1.device) { $0.count > 60 }
        #expect(told != nil)
        #expect(try !ping(e1, "\(e2.ipv4)", size: 1401 - 28))
        #expect(try engine.next(milliseconds: 50) == nil)
        // Without DF the engine gets it whole.
        let large = ethernet(e1.mac, e2.mac, 0x0800, ipv4(e1.ipv4, e2.ipv4, 17, udp(1410), flags: 0))
        try hosts.inject(large, at: e1)
        #expect(try engine.next()?.frame.count == 14 + 20 + 8 + 1410)
    }

    @Test("a data path that takes over keeps the engine") func engineSurvives() throws {
        let hosts = try TwoHosts()
        let (a, b, e1, e2) = (hosts.a, hosts.b, hosts.e1, hosts.e2)
        let engine = try Engine(on: a)
        try a.path.plugSend(
            port: e1.device, destination: e2.identity.address, to: .protected(locator: b.locator, slot: 9))
        a.path.close()
        a.path = try DataPath(configuration: a.configuration)
        #expect(try !ping(e1, "\(e2.identity)"))
        #expect(try engine.next()?.slot == 9)
    }
}
