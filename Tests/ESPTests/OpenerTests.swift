import AEAD
import Testing

@testable import ESP

@Suite("What the opener refuses")
struct OpenerTests {
    private let inner = TestPacket(transport: .udp, payload: [UInt8](0..<52)).bytes

    @Test("1: a packet with any one bit changed is refused, and the packet itself is still accepted after")
    func bitFlips() throws {
        for level in SecurityLevel.allCases {
            var bench = try TestBench(IPSecMBCipher.self, level: level)
            let good = bench.packet(sequence: 9, inner: inner, next: 4)
            for index in good.indices {
                for bit in 0..<8 {
                    var bad = good
                    bad[index] ^= 1 << UInt8(bit)
                    let before = bench.table.associations[0].window.highest
                    bench.receive(bad)
                    #expect(bench.sink.frames.isEmpty, "byte \(index), bit \(bit)")
                    #expect(bench.table.associations[0].window.highest == before, "byte \(index), bit \(bit)")
                }
            }
            // The SPI's bits make it unknown; the number's, vector's, body's and tag's make it unauthentic.
            #expect(bench.opener.drops[.unknownSPI] == 32)
            #expect(bench.opener.drops[.authentication] == UInt64(good.count - 4) * 8)
            #expect(bench.table.associations[0].failures == bench.opener.drops[.authentication])
            bench.receive(good)
            bench.flush()
            #expect(bench.sink.frames.map { TestFrame(reading: $0).packet } == [inner])
        }
    }

    @Test("2: a packet cut to any length, or made longer, is refused")
    func lengths() throws {
        for level in SecurityLevel.allCases {
            var bench = try TestBench(OpenSSLCipher.self, level: level)
            let good = bench.packet(sequence: 9, inner: inner, next: 4)
            for count in 0..<good.count { bench.receive(Array(good[..<count])) }
            for more in [1, 2, 3, 4, 16, 100, 1_000, 60_000, 65_535 - good.count, 70_000] {
                bench.receive(good + [UInt8](repeating: 0, count: more))
            }
            bench.flush()
            #expect(bench.sink.frames.isEmpty && bench.table.associations[0].packets == 0)
            // No datagram of no bytes is one; the others are too short, not aligned, too long, or not authentic.
            #expect(bench.opener.drops.total == UInt64(good.count - 1 + 10))
            #expect(bench.opener.drops[.malformed] > 0 && bench.opener.drops[.authentication] > 0)
            bench.receive(good)
            bench.flush()
            #expect(bench.sink.frames.count == 1)
        }
    }

    @Test("3: what is not an ESP packet of ours is counted as what it is")
    func kinds() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        bench.table.slots[1_001] = .drop(.wrongQueue)
        bench.table.slots[1_002] = .drop(.retired)
        let good = bench.packet(sequence: 1, inner: inner, next: 4)
        func named(_ spi: UInt32) -> [UInt8] { be32(spi) + good[4...] }
        let cases: [([UInt8], ESPDrop)] = [
            ([0xff], .keepalive), ([0xfe], .malformed), ([], .malformed), ([0, 0, 0], .malformed),
            ([0, 0, 0, 0], .notESP), (named(0), .notESP), (named(77), .unknownSPI), (named(1_001), .wrongQueue),
            (named(1_002), .retired),
        ]
        for (bytes, reason) in cases where !bytes.isEmpty {
            let before = bench.opener.drops[reason]
            bench.receive(bytes)
            #expect(bench.opener.drops[reason] == before + 1, "\(bytes.prefix(8))")
        }
        #expect(bench.opener.drops.total == UInt64(cases.count - 1))
        bench.receive([])
        #expect(bench.opener.drops.total == UInt64(cases.count - 1))
    }

    @Test("4: an authentic packet that makes no sense is refused, and may not be sent again")
    func nonsense() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        let v6 = TestPacket(isIPv6: true, payload: [1, 2, 3, 4]).bytes
        func changed(_ bytes: [UInt8], _ index: Int, _ value: UInt8) -> [UInt8] {
            var bytes = bytes
            bytes[index] = value
            return bytes
        }
        let frame: [UInt8] = [UInt8](repeating: 1, count: 12) + [8, 6] + [UInt8](repeating: 3, count: 28)
        let cases: [(String, [UInt8], ESPDrop?)] = [
            ("good", inner + [1, 2, 2, 4], nil),
            ("much padding", inner + [UInt8](1...254) + [254, 4], nil),
            ("padding of another kind", inner + [0, 0, 2, 4], .malformed),
            ("padding from 0", inner + [0, 1, 2, 4], .malformed),
            ("more padding than bytes", [1, 1, 255, 4], .malformed),
            ("nothing but a trailer", [1, 2, 2, 4], .malformed),
            ("padding of all", [1, 2, 2, 59], .dummy),
            ("a dummy of any bytes", [9, 9, 9, 9, 9, 9, 0, 59], .dummy),
            ("version 6 as 4", v6 + [1, 2, 2, 4], .malformed),
            ("version 4 as 6", inner + [1, 2, 2, 41], .malformed),
            ("IPv4 header length", changed(inner, 0, 0x44) + [1, 2, 2, 4], .malformed),
            ("IPv4 too long", changed(inner, 3, 81) + [1, 2, 2, 4], .malformed),
            ("IPv4 shorter than its header", changed(inner, 3, 19) + [1, 2, 2, 4], .malformed),
            ("IPv6 too long", changed(v6, 5, 25) + [1, 2, 2, 41], .malformed),
            ("IPv6 header cut", Array(v6[..<38]) + [0, 41], .malformed),
            ("TCP without IP", inner + [1, 2, 2, 6], .nextHeader),
            ("ESP in ESP", inner + [1, 2, 2, 50], .nextHeader),
            ("EtherIP", [0x30, 0] + frame + [1, 2, 2, 97], nil),
            ("EtherIP of another version", [0x20, 0] + frame + [1, 2, 2, 97], .malformed),
            ("EtherIP with reserved bits", [0x30, 1] + frame + [1, 2, 2, 97], .malformed),
            ("EtherIP without a frame", [0x30, 0] + frame[..<13] + [1, 2, 3, 3, 97], .malformed),
        ]
        for (number, (name, opened, reason)) in cases.enumerated() {
            let sequence = UInt64(number + 1)
            try #require(opened.count % 4 == 0, "\(name): \(opened.count)")
            let packet = bench.packet(sequence: sequence, opened: opened)
            bench.sink.frames = []
            let before = bench.opener.drops
            bench.receive(packet)
            bench.flush()
            #expect(bench.sink.frames.count == (reason == nil ? 1 : 0), "\(name)")
            if let reason { #expect(bench.opener.drops[reason] == before[reason] + 1, "\(name)") }
            bench.receive(packet)
            #expect(bench.opener.drops[.replay] == before[.replay] + 1, "\(name)")
        }
        #expect(bench.table.associations[0].packets == UInt64(cases.count))
        #expect(bench.table.associations[0].window.highest == UInt64(cases.count))
    }

    @Test("5: traffic-flow padding behind the packet is not delivered")
    func trafficPadding() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        let v6 = TestPacket(isIPv6: true, payload: [1, 2, 3, 4]).bytes
        for (number, traffic) in [1, 2, 3, 100, 1_300].enumerated() {
            bench.receive(bench.packet(sequence: UInt64(2 * number + 1), inner: inner, next: 4, traffic: traffic))
            bench.receive(bench.packet(sequence: UInt64(2 * number + 2), inner: v6, next: 41, traffic: traffic))
        }
        bench.flush()
        let expected = [inner, v6, inner, v6, inner, v6, inner, v6, inner, v6]
        #expect(bench.sink.frames.map { TestFrame(reading: $0).packet } == expected)
    }

    @Test("6: a packet of one level is never accepted at the other, whichever of the two keys is used")
    func levels() throws {
        let secret = [UInt8](repeating: 5, count: 32)
        for (sent, expected) in [(SecurityLevel.auth, SecurityLevel.conf), (.conf, .auth)] {
            for sameKey in [true, false] {
                var sender = try TestBench(IPSecMBCipher.self, level: sent)
                var receiver = try TestBench(OpenSSLCipher.self, level: expected)
                if !sameKey {
                    let a = derivePacketKey(secret: secret.span, level: sent, queue: 0)
                    try sender.sealCipher.install(0, key: try #require(a), level: sent)
                    let b = derivePacketKey(secret: secret.span, level: expected, queue: 0)
                    try receiver.openCipher.install(0, key: try #require(b), level: expected)
                }
                receiver.receive(sender.packet(sequence: 1, inner: inner, next: 4))
                // A packet that was never protected at all.
                receiver.receive(be32(TestBench<OpenSSLCipher>.spi) + be32(2) + be64(2) + inner + [1, 2, 2, 4])
                receiver.flush()
                #expect(receiver.sink.frames.isEmpty && receiver.opener.drops[.authentication] == 2)
            }
        }
        // A context of another level than the association's is not used at all.
        var bench = try TestBench(IPSecMBCipher.self, level: .conf)
        let good = bench.packet(sequence: 1, inner: inner, next: 4)
        try bench.openCipher.install(0, key: TestBench<IPSecMBCipher>.key, level: .auth)
        bench.receive(good)
        bench.openCipher.remove(0)
        bench.receive(good)
        #expect(bench.opener.drops[.levelMismatch] == 2 && bench.table.associations[0].refusals == 2)
        #expect(bench.sink.frames.isEmpty)
    }

    @Test("7: replay at every position of the window, in bursts and alone")
    func replay() throws {
        var bench = try TestBench(IPSecMBCipher.self, level: .auth)
        let count = ESPLimits.replayWindow + 200
        var packets: [[UInt8]] = []
        for sequence in 1...count { packets.append(bench.packet(sequence: UInt64(sequence), inner: inner, next: 4)) }
        // Every second one first, then all: each is delivered once, in the order in which it came.
        for packet in packets.enumerated() where packet.offset % 2 == 0 { bench.receive(packet.element) }
        for packet in packets.suffix(ESPLimits.replayWindow) { bench.receive(packet) }
        bench.flush()
        let late = packets.count / 2 - (packets.count - ESPLimits.replayWindow) / 2
        #expect(bench.table.associations[0].packets == UInt64(packets.count / 2 + late))
        let before = bench.table.associations[0].packets
        for packet in packets { bench.receive(packet) }
        let together = Array(packets.suffix(60).joined())
        bench.receive(together, segmentByteCount: packets[0].count)
        bench.flush()
        #expect(bench.table.associations[0].packets == before)
        #expect(bench.sink.packets.reduce(0, +) == Int(before))
        #expect(bench.opener.drops[.replay] > UInt64(ESPLimits.replayWindow))
        #expect(bench.table.associations[0].replays == bench.opener.drops[.replay] + bench.opener.drops[.tooOld])
    }

    @Test("8: 200,000 damaged datagrams do no harm, and nothing of them is delivered")
    func mutations() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for level in SecurityLevel.allCases {
            var bench = try TestBench(IPSecMBCipher.self, level: level)
            var delivered = 0
            var sequence: UInt64 = 0
            for _ in 0..<1_000 {
                // A hundred datagrams out of few good ones, behind a pending packet that must stay whole.
                var packet = TestPacket(payload: [UInt8](repeating: 0x61, count: 100))
                packet.sequence = UInt32(truncatingIfNeeded: sequence)
                sequence += 1
                bench.receive(bench.packet(sequence: sequence, inner: packet.bytes, next: 4))
                let expected = packet.bytes
                let length = Int.random(in: 0...200, using: &random)
                let good = bench.packet(
                    sequence: sequence + UInt64.random(in: 0...3, using: &random), inner: random.bytes(length), next: 4)
                for _ in 0..<99 {
                    var bad = good
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0:
                        bad[Int.random(in: 4..<bad.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
                    case 1: bad.removeLast(Int.random(in: 1...bad.count, using: &random))
                    case 2:
                        bad = be32(TestBench<IPSecMBCipher>.spi) + random.bytes(Int.random(in: 0...300, using: &random))
                    default:
                        let start = Int.random(in: 0..<bad.count, using: &random)
                        bad.replaceSubrange(start..., with: random.bytes(bad.count - start))
                        if bad == good { bad[0] ^= 1 }
                    }
                    bench.receive(bad, segmentByteCount: Int.random(in: 0...bad.count, using: &random))
                }
                bench.flush()
                delivered += 1
                try #require(bench.sink.frames.count == delivered, "seed \(seed)")
                try #require(TestFrame(reading: bench.sink.frames[delivered - 1]).packet == expected, "seed \(seed)")
            }
            #expect(bench.table.associations[0].packets == 1_000)
            #expect(bench.opener.drops[.authentication] > 10_000)
        }
    }

    @Test("9: authentic packets of random bytes do no harm")
    func randomInner() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var bench = try TestBench(IPSecMBCipher.self, level: .auth)
        let nexts: [UInt8] = [4, 41, 97, 59, 6, 0]
        for sequence in 1...20_000 as ClosedRange<UInt64> {
            var opened = RoundTripTests.frame(&random, innerMTU: 400, largest: 600).packet
            for _ in 0..<Int.random(in: 0...5, using: &random) where !opened.isEmpty {
                opened[Int.random(in: 0..<min(60, opened.count), using: &random)] = UInt8(
                    truncatingIfNeeded: random.next())
            }
            let next = Int.random(in: 0..<4, using: &random) == 0 ? nexts.randomElement(using: &random) : nil
            bench.receive(
                bench.packet(
                    sequence: sequence, inner: opened,
                    next: next ?? (opened.first.map { $0 >> 4 == 6 } == true ? 41 : 4)))
            if sequence % 16 == 0 { bench.flush() }
        }
        bench.flush()
        #expect(bench.table.associations[0].packets == 20_000, "seed \(seed)")
        #expect(bench.sink.packets.reduce(0, +) > 1_000)
    }
}
