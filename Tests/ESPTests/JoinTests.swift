import AEAD
import ESP
import Testing

@Suite("What is joined, and what is not")
struct JoinTests {
    /// Sends packets one after the other; returns how many were joined in each frame that came out, and checks that
    /// what comes out is what went in, in order.
    private func joined(_ packets: [TestPacket], joinsTCP: Bool = true, joinsUDP: Bool = true) throws -> [Int] {
        var bench = try TestBench(IPSecMBCipher.self, pathMTU: 9_000, joinsTCP: joinsTCP, joinsUDP: joinsUDP)
        for (number, packet) in packets.enumerated() {
            bench.receive(
                bench.packet(sequence: UInt64(number + 1), inner: packet.bytes, next: packet.isIPv6 ? 41 : 4))
        }
        bench.flush()
        var out: [[UInt8]] = []
        for frame in bench.sink.frames {
            out += try #require(DumbDevice.packets(of: TestFrame(reading: frame), innerMTU: .max))
        }
        #expect(out == packets.map(\.bytes))
        return bench.sink.packets
    }

    /// Segments of one stream.
    private func stream(_ count: Int, isIPv6: Bool = false, size: Int = 200) -> [TestPacket] {
        (0..<count).map { index in
            var packet = TestPacket(
                isIPv6: isIPv6, payload: (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7 + index) })
            packet.sequence = 0xffff_ff00 &+ UInt32(index * size)
            packet.identification = 0xfffe &+ UInt16(index)
            packet.options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
            packet.trafficClass = 2
            packet.label = 0x54321
            return packet
        }
    }

    private func datagrams(_ count: Int, isIPv6: Bool = false, size: Int = 200) -> [TestPacket] {
        stream(count, isIPv6: isIPv6, size: size).map { packet in
            var packet = packet
            packet.transport = .udp
            packet.options = []
            return packet
        }
    }

    @Test("1: a whole stream is one frame, for both versions and protocols")
    func whole() throws {
        for isIPv6 in [false, true] {
            #expect(try joined(stream(5, isIPv6: isIPv6)) == [5])
            #expect(try joined(datagrams(5, isIPv6: isIPv6)) == [5])
            #expect(try joined(stream(5, isIPv6: isIPv6), joinsTCP: false) == [1, 1, 1, 1, 1])
            #expect(try joined(datagrams(5, isIPv6: isIPv6), joinsUDP: false) == [1, 1, 1, 1, 1])
            // Odd sizes too.
            #expect(try joined(stream(5, isIPv6: isIPv6, size: 201)) == [5])
            #expect(try joined(datagrams(5, isIPv6: isIPv6, size: 53)) == [5])
            // The last may be shorter; nothing may follow it.
            var packets = stream(3, isIPv6: isIPv6)
            packets[1].payload.removeLast(7)
            packets[2].sequence &-= 7
            #expect(try joined(packets) == [2, 1])
            packets = datagrams(3, isIPv6: isIPv6)
            packets[1].payload.removeLast(7)
            #expect(try joined(packets) == [2, 1])
            // A longer one begins anew.
            packets = stream(4, isIPv6: isIPv6)
            packets[1].payload += [1]
            packets[2].sequence &+= 1
            packets[3].sequence &+= 1
            #expect(try joined(packets) == [1, 2, 1])
        }
        // No more datagrams than UDP's own limit, no more bytes than an IP packet holds.
        #expect(try joined(datagrams(130, size: 60)) == [64, 64, 2])
        #expect(try joined(stream(10, size: 8_800)) == [7, 3])
    }

    @Test("2: a change in any field that cutting would not make keeps packets apart")
    func fields() throws {
        let changes: [(String, Bool, Bool, (inout TestPacket) -> Void)] = [
            ("source", true, true, { $0.source = 9 }),
            ("destination", true, true, { $0.destination = 9 }),
            ("source port", true, true, { $0.sourcePort = 9 }),
            ("destination port", true, true, { $0.destinationPort = 9 }),
            ("time to live", true, true, { $0.timeToLive = 9 }),
            ("congestion mark", true, true, { $0.trafficClass = 3 }),
            ("gap", true, false, { $0.sequence &+= 1 }),
            ("overlap", true, false, { $0.sequence &-= 1 }),
            ("again", true, false, { $0.sequence &-= 200 }),
            ("acknowledgement", true, false, { $0.acknowledgement = 9 }),
            ("window", true, false, { $0.window = 9 }),
            ("FIN", true, false, { $0.flags |= 1 }),
            ("SYN", true, false, { $0.flags |= 2 }),
            ("RST", true, false, { $0.flags |= 4 }),
            ("URG", true, false, { $0.flags |= 0x20 }),
            ("ECE", true, false, { $0.flags |= 0x40 }),
            ("CWR", true, false, { $0.flags |= 0x80 }),
            ("no ACK", true, false, { $0.flags = 0 }),
            ("accurate ECN", true, false, { $0.reserved = 1 }),
            ("urgent", true, false, { $0.urgent = 9 }),
            ("options", true, false, { $0.options[7] = 9 }),
            ("no options", true, false, { $0.options = [] }),
            ("checksum", true, true, { $0.checksum = 0x1234 }),
        ]
        for isIPv6 in [false, true] {
            for (name, tcp, udp, change) in changes {
                for (applies, packets) in [
                    (tcp, stream(6, isIPv6: isIPv6)), (udp, datagrams(6, isIPv6: isIPv6)),
                ] where applies {
                    var packets = packets
                    change(&packets[2])
                    let found = try joined(packets)
                    // The changed one stands alone, or, a gap, begins what follows by its own numbers.
                    #expect(found == [2, 1, 3], "\(name), IPv6 \(isIPv6)")
                }
            }
        }
        let changes4: [(String, (inout TestPacket) -> Void)] = [
            ("identification", { $0.identification &+= 7 }),
            ("may be cut", { $0.fragment = 0 }),
            ("fragment", { $0.fragment = 0x2000 }),
            ("later fragment", { $0.fragment = 5 }),
            ("options", { $0.ipOptions = [1, 1, 1, 0] }),
        ]
        for (name, change) in changes4 {
            for packets in [stream(6), datagrams(6)] {
                var packets = packets
                change(&packets[2])
                #expect(try joined(packets) == [2, 1, 3], "\(name)")
            }
        }
        for packets in [stream(6, isIPv6: true), datagrams(6, isIPv6: true)] {
            var packets = packets
            packets[2].label = 1
            #expect(try joined(packets) == [2, 1, 3])
            packets[2].label = packets[1].label
            packets[2].extensionHeader = (60, [0, 0, 1, 4, 0, 0, 0, 0])
            #expect(try joined(packets) == [2, 1, 3])
        }
        // Fragments are never joined, however alike they are.
        for fragment in [0x2000, 0x8000, 0x0001] as [UInt16] {
            var packets = datagrams(3)
            for index in 0..<3 { packets[index].fragment = fragment }
            #expect(try joined(packets) == [1, 1, 1])
        }
        // A datagram without a checksum would get one.
        var packets = datagrams(3)
        for index in 0..<3 { packets[index].checksum = 0 }
        #expect(try joined(packets) == [1, 1, 1])
    }

    @Test("3: PSH ends a frame and is kept; FIN goes alone; bare acknowledgements go alone")
    func flags() throws {
        var packets = stream(6)
        packets[2].flags |= 8
        #expect(try joined(packets) == [3, 3])
        packets[0].flags |= 8
        #expect(try joined(packets) == [1, 2, 3])
        packets = stream(3)
        packets[2].flags |= 1
        #expect(try joined(packets) == [2, 1])
        packets = stream(3, size: 0)
        #expect(try joined(packets) == [1, 1, 1])
        // Less payload than headers: not worth it.
        #expect(try joined(stream(3, size: 51)) == [1, 1, 1])
        #expect(try joined(stream(3, size: 52)) == [3])
    }

    @Test("4: flows that take turns keep their order")
    func interleaved() throws {
        let a = stream(4)
        let b = stream(4).map { packet in
            var packet = packet
            packet.sourcePort = 5
            return packet
        }
        #expect(try joined([a[0], b[0], a[1], b[1], a[2], b[2]]) == [1, 1, 1, 1, 1, 1])
        #expect(try joined([a[0], a[1], b[0], b[1], b[2], a[2], a[3]]) == [2, 3, 2])
        #expect(try joined([a[1], a[0], a[2]]) == [1, 1, 1])
    }

    @Test("5: an identification that stands still is joined only where packets may not be cut")
    func identification() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        for fragment in [0x4000, 0] as [UInt16] {
            bench.sink.packets = []
            for packet in stream(3) {
                var packet = packet
                packet.identification = 0
                packet.fragment = fragment
                let sequence = bench.table.associations[0].window.highest + 1
                bench.receive(bench.packet(sequence: sequence, inner: packet.bytes, next: 4))
            }
            bench.flush()
            #expect(bench.sink.packets == (fragment == 0 ? [1, 1, 1] : [3]))
        }
    }

    @Test("6: nothing is joined over two associations, and what was refused in between does not part")
    func associations() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        let other: UInt32 = 0x5555_0000
        let key = TestBench<IPSecMBCipher>.key
        try bench.openCipher.install(1, key: key, level: .conf)
        bench.table.associations.append(ReceiveAssociation(spi: other, wire: 2, key: key, level: .conf))
        bench.table.slots[other] = .slot(1)
        let packets = stream(4)
        func sealed(_ packet: TestPacket, _ sequence: UInt64, _ spi: UInt32) -> [UInt8] {
            let inner = packet.bytes
            let body = inner + [1, 2, 3].prefix((4 - (inner.count + 2) % 4) % 4)
            let opened = body + [UInt8(body.count - inner.count), 4]
            var bytes =
                be32(spi) + be32(UInt32(sequence)) + be64(sequence)
                + [UInt8](repeating: 0, count: opened.count + 16)
            var span = bytes.mutableSpan
            _ = bench.sealCipher.seal(
                0, spi: spi, sequence: sequence, iv: sequence, source: opened.span, from: 0, count: opened.count,
                destination: &span, to: 16)
            return bytes
        }
        let first = TestBench<IPSecMBCipher>.spi
        bench.receive(sealed(packets[0], 1, first))
        bench.receive(sealed(packets[1], 1, other))
        bench.receive(sealed(packets[2], 2, other))
        bench.flush()
        #expect(bench.sink.packets == [1, 2] && bench.sink.slots == [0, 1])
        #expect(bench.sink.frames.map { TestFrame(reading: $0).wire } == [0x0102_0304, 2])

        // A forgery, a replay and a dummy between two segments: the pending one is whole, and goes on.
        bench.sink = TestSink()
        bench.receive(sealed(packets[0], 5, first))
        var forged = sealed(packets[1], 6, first)
        forged[40] ^= 1
        bench.receive(forged)
        bench.receive(sealed(packets[0], 5, first))
        bench.receive(bench.packet(sequence: 7, opened: [UInt8](repeating: 0xee, count: 98) + [0, 59]))
        bench.receive(sealed(packets[1], 8, first))
        bench.flush()
        #expect(bench.sink.packets == [2])
        let frame = TestFrame(reading: try #require(bench.sink.frames.first))
        #expect(DumbDevice.packets(of: frame, innerMTU: .max) == [packets[0].bytes, packets[1].bytes])
    }

    @Test("7: packets that never join go on through the end of the buffer and begin anew")
    func wrapping() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var packets: [TestPacket] = []
        for index in 0..<400 {
            var packet = TestPacket(payload: random.bytes(Int.random(in: 60...8_000, using: &random)))
            packet.sourcePort = UInt16(index)
            packets.append(packet)
        }
        #expect(try joined(packets) == [Int](repeating: 1, count: 400), "seed \(seed)")
    }
}
