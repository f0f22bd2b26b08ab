import AEAD
import ESP
import Testing

@Suite("Seal, send, open")
struct RoundTripTests {
    @Test(
        "1: random frames over random paths come out as a dumb device would have cut them, in order",
        arguments: SecurityLevel.allCases)
    func property(_ level: SecurityLevel) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var joined = 0
        var kinds: [UInt8: Int] = [:]
        for round in 0..<150 {
            let family: UnderlayFamily = round % 3 == 0 ? .v6 : .v4
            let pathMTU =
                [1_500, 9_000, 1_400, Int.random(in: 200...2_000, using: &random), 65_535].randomElement(using: &random)
                ?? 1_500
            var bench = try TestBench(IPSecMBCipher.self, level: level, pathMTU: pathMTU, family: family)
            let path = bench.transmit.path
            var expected: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let frame = Self.frame(&random, innerMTU: path.innerMTU)
                let outcome = bench.seal(frame)
                guard let packets = DumbDevice.packets(of: frame, innerMTU: path.innerMTU) else {
                    #expect(outcome == .tooBig(path.innerMTU), "seed \(seed), round \(round)")
                    continue
                }
                #expect(outcome == .sealed, "seed \(seed), round \(round)")
                kinds[frame.kind, default: 0] += 1
                expected += packets
                // A burst may take the next frame too.
                if Bool.random(using: &random) { bench.send() }
            }
            bench.send()
            #expect(bench.sent.reduce(0) { $0 + $1.packets } == expected.count, "seed \(seed), round \(round)")
            #expect(
                bench.transmit.sequence == UInt64(expected.count) && bench.transmit.packets == UInt64(expected.count))
            // An Ethernet frame, which begins with the wire's address, has its EtherIP header with it.
            #expect(bench.transmit.bytes == expected.reduce(0) { $0 + UInt64($1.count + ($1[0] == 2 ? 2 : 0)) })

            for burst in bench.sent {
                // Each fits the path, and all into one sendmsg.
                #expect(family.headerByteCount + 8 + burst.segmentByteCount <= pathMTU)
                #expect(burst.bytes.count <= ESPLimits.maximumBurstByteCount)
                #expect(burst.packets <= ESPLimits.maximumBurstPackets && burst.datagrams.count == burst.packets)
                if Bool.random(using: &random) {
                    bench.receive(burst.bytes, segmentByteCount: burst.packets > 1 ? burst.segmentByteCount : 0)
                } else {
                    for datagram in burst.datagrams { bench.receive(datagram) }
                }
                if Bool.random(using: &random) { bench.flush() }
            }
            bench.flush()
            var found: [[UInt8]] = []
            for bytes in bench.sink.frames {
                let frame = TestFrame(reading: bytes)
                #expect(frame.etherType != 0x0800 && frame.etherType != 0x86dd || frame.wire == 0x0102_0304)
                guard frame.etherType == 0x0800 || frame.etherType == 0x86dd else {
                    // As the sealer left its addresses.
                    found.append([0x02, 0x50, 0, 0, 0, 0, 0x02, 0x50, 0, 0, 0, 9] + bytes[22...])
                    continue
                }
                found += try #require(DumbDevice.packets(of: frame, innerMTU: .max))
            }
            try #require(found.count == expected.count, "seed \(seed), round \(round)")
            for (index, pair) in zip(found, expected).enumerated() {
                try #require(pair.0 == pair.1, "seed \(seed), round \(round), packet \(index)")
            }
            #expect(bench.opener.drops.total == 0)
            #expect(bench.table.associations[0].packets == UInt64(expected.count))
            #expect(bench.table.associations[0].bytes == bench.transmit.bytes)
            joined += bench.sink.packets.count { $0 > 1 }
        }
        // The test has met what it is for.
        #expect(joined > 50, "seed \(seed)")
        for kind in [0, 1, 4, 5] as [UInt8] { #expect(kinds[kind, default: 0] > 20, "seed \(seed)") }
    }

    /// A frame of any kind that an endpoint sends.
    static func frame(_ random: inout SeededGenerator, innerMTU: Int, largest: Int = 65_300) -> TestFrame {
        var packet = TestPacket()
        packet.isIPv6 = Bool.random(using: &random)
        packet.sourcePort = UInt16.random(in: 1...3, using: &random)
        packet.sequence = UInt32(truncatingIfNeeded: random.next())
        packet.identification = UInt16(truncatingIfNeeded: random.next())
        packet.trafficClass = UInt8.random(in: 0...3, using: &random)
        packet.label = UInt32.random(in: 0...0xfffff, using: &random)
        packet.fragment = Bool.random(using: &random) ? 0x4000 : 0
        packet.options = Bool.random(using: &random) ? [] : [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
        packet.flags = [0x10, 0x18, 0x11, 0x90, 0x50, 0x19].randomElement(using: &random) ?? 0x10
        if !packet.isIPv6, Int.random(in: 0..<10, using: &random) == 0 { packet.ipOptions = [1, 1, 1, 0] }
        if packet.isIPv6, Int.random(in: 0..<10, using: &random) == 0 {
            packet.extensionHeader = ([0, 60].randomElement(using: &random) ?? 0, [0, 0, 1, 4, 0, 0, 0, 0])
        }
        let small = Int.random(in: 0...max(1, min(innerMTU - 120, 1_400)), using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...2:
            // A TCP super-packet.
            packet.payload = random.bytes(Int.random(in: 1...largest - packet.headerByteCount, using: &random))
            return TestFrame(offloading: packet, segmentByteCount: Int.random(in: 60...9_000, using: &random))
        case 3...4:
            // A UDP super-packet.
            packet.transport = .udp
            let segment = Int.random(in: 30...max(40, min(innerMTU - 60, 9_000)), using: &random)
            let count = Int.random(in: 1...min(largest, segment * 60), using: &random)
            packet.payload = random.bytes(count)
            return TestFrame(offloading: packet, segmentByteCount: segment)
        case 5:
            // A checksum left to the device.
            packet.transport = Bool.random(using: &random) ? .udp : .tcp
            packet.payload = random.bytes(small)
            return TestFrame(offloading: packet)
        case 6:
            // A packet that is complete, perhaps too long.
            packet.transport = Bool.random(using: &random) ? .udp : .tcp
            packet.payload = random.bytes(Bool.random(using: &random) ? small : min(innerMTU, largest))
            return TestFrame(packet)
        case 7:
            // A fragment, or another protocol.
            packet.transport = .other(packet.isIPv6 ? 44 : 1)
            packet.payload = random.bytes(8 + small)
            packet.fragment = [0x2000, 0x0010, 0].randomElement(using: &random) ?? 0
            return TestFrame(packet)
        case 8:
            // Filled up by Ethernet, or with a wrong checksum, which is not ours to mend.
            packet.transport = .udp
            packet.payload = random.bytes(Int.random(in: 1...6, using: &random))
            packet.checksum = UInt16(truncatingIfNeeded: random.next())
            var frame = TestFrame(packet)
            frame.packet += [UInt8](repeating: 0, count: 20)
            return frame
        default:
            // Not IP.
            return TestFrame(etherType: 0x0806, packet: random.bytes(min(28 + small, innerMTU - 20)))
        }
    }

    @Test("2: one super-packet of full segments is one burst, and one super-packet again")
    func superPacket() throws {
        for (isIPv6, mtu) in [(false, 1_500), (true, 1_500), (false, 9_000), (true, 9_000)] {
            for level in SecurityLevel.allCases {
                var bench = try TestBench(OpenSSLCipher.self, level: level, pathMTU: mtu)
                let path = bench.transmit.path
                var packet = TestPacket(isIPv6: isIPv6)
                packet.options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
                let segment = path.innerMTU - packet.headerByteCount
                packet.payload = [UInt8](repeating: 0x42, count: segment * path.superPacketSegments - 5)
                packet.payload.removeLast(max(0, packet.payload.count + packet.headerByteCount - 65_535))
                let frame = TestFrame(offloading: packet, segmentByteCount: segment)
                #expect(bench.seal(frame) == .sealed)
                bench.send()
                #expect(bench.sent.count == 1)
                let burst = try #require(bench.sent.first)
                bench.receive(burst.bytes, segmentByteCount: burst.segmentByteCount)
                bench.flush()
                #expect(bench.sink.frames.count == 1 && bench.sink.packets == [burst.packets])
                var expected = frame
                expected.wire = 0x0102_0304
                var bytes = expected.bytes
                bytes.replaceSubrange(16..<22, with: [0x02, 0x50, 0, 0, 0, 0])
                #expect(bench.sink.frames == [bytes])
            }
        }
    }

    @Test("3: small packets of one size share a burst; a shorter one ends it, a longer one begins another")
    func sharedBurst() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        var packet = TestPacket(transport: .udp, payload: [UInt8](repeating: 1, count: 64))
        for index in 0..<100 {
            packet.identification = UInt16(index)
            #expect(bench.seal(TestFrame(packet)) == .sealed)
        }
        #expect(bench.sent.map(\.packets) == [64] && bench.burst.packets == 36)
        packet.payload = [UInt8](repeating: 2, count: 20)
        #expect(bench.seal(TestFrame(packet)) == .sealed)
        #expect(bench.burst.packets == 37 && bench.burst.isClosed)
        #expect(bench.seal(TestFrame(packet)) == .sealed)
        #expect(bench.sent.map(\.packets) == [64, 37] && bench.burst.packets == 1)
        packet.payload = [UInt8](repeating: 2, count: 200)
        #expect(bench.seal(TestFrame(packet)) == .sealed)
        #expect(bench.sent.map(\.packets) == [64, 37, 1] && bench.burst.packets == 1)
        bench.send()
        for burst in bench.sent { bench.receive(burst.bytes, segmentByteCount: burst.segmentByteCount) }
        bench.flush()
        #expect(bench.sink.packets.reduce(0, +) == 103 && bench.opener.drops.total == 0)
    }

    @Test("4: the address names the wire")
    func wires() {
        var frame = TestFrame(TestPacket())
        for wire in [0, 1, 0xffff_ffff, 0x0102_0304] as [UInt32] {
            frame.wire = wire
            let bytes = frame.bytes
            let found = Sealer.wire(of: bytes.span)
            #expect(found == wire)
        }
        var other = frame.bytes
        other[10] = 4
        let none = Sealer.wire(of: other.span)
        #expect(none == nil)
        let short = Sealer.wire(of: other.span.extracting(first: 23))
        #expect(short == nil)
    }
}
