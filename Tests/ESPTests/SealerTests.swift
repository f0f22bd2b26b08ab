import AEAD
import ESP
import Testing

@Suite("What the sealer refuses")
struct SealerTests {
    @Test("1: numbers end; they do not wrap")
    func exhaustion() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        let packet = TestFrame(TestPacket(payload: [1, 2, 3]))
        bench.transmit.sequence = .max - 2
        #expect(bench.seal(packet) == .sealed)
        #expect(bench.seal(packet) == .sealed)
        #expect(bench.transmit.sequence == .max)
        for _ in 0..<3 {
            #expect(bench.seal(packet) == .dropped(.sequenceExhausted))
            #expect(bench.transmit.sequence == .max)
        }
        #expect(bench.burst.packets == 2 && bench.transmit.refusals == 3 && bench.sealer.drops[.sequenceExhausted] == 3)

        // In the middle of a super-packet too, and what was sealed before is good.
        bench.send()
        bench.transmit.sequence = .max - 2
        let large = TestFrame(
            offloading: TestPacket(payload: [UInt8](repeating: 1, count: 5_000)), segmentByteCount: 1_000)
        #expect(bench.seal(large) == .dropped(.sequenceExhausted))
        #expect(bench.burst.packets == 2 && bench.transmit.sequence == .max)
    }

    @Test("2: over 2^32 the vector and the hidden half count on")
    func highHalf() throws {
        var bench = try TestBench(OpenSSLCipher.self, level: .auth)
        bench.transmit.sequence = 1 << 32 - 3
        bench.table.associations[0].window = ReplayWindow(highest: 1 << 32 - 3)
        let frame = TestFrame(
            offloading: TestPacket(payload: [UInt8](repeating: 1, count: 6_000)), segmentByteCount: 1_000)
        let datagrams = bench.datagrams(frame)
        #expect(datagrams.count == 6 && bench.transmit.sequence == 1 << 32 + 3)
        #expect(datagrams.map { value32($0, 4) } == [0xffff_fffe, 0xffff_ffff, 0, 1, 2, 3])
        #expect(datagrams.map { value32($0, 8) } == [0, 0, 1, 1, 1, 1])
        for datagram in datagrams { bench.receive(datagram) }
        bench.flush()
        #expect(bench.sink.packets == [6] && bench.opener.drops.total == 0)
    }

    @Test("3: levels must agree: association, context, path")
    func levels() throws {
        let packet = TestFrame(TestPacket(payload: [1]))
        for path in SecurityLevel.allCases {
            for association in SecurityLevel.allCases {
                for context in [nil, .auth, .conf] as [SecurityLevel?] {
                    var bench = try TestBench(OpenSSLCipher.self)
                    bench.transmit = TransmitAssociation(
                        spi: 300, wire: 7, key: PacketKey(high: 1, low: 1, salt: 1), level: association,
                        path: try ESPPath(pathMTU: 1_500, family: .v4, level: path))
                    if let context {
                        try bench.sealCipher.install(0, key: PacketKey(high: 1, low: 1, salt: 1), level: context)
                    } else {
                        bench.sealCipher.remove(0)
                    }
                    let agree = path == association && association == context
                    #expect(bench.seal(packet) == (agree ? .sealed : .dropped(.levelMismatch)))
                    #expect(bench.transmit.sequence == (agree ? 1 : 0) && bench.burst.packets == (agree ? 1 : 0))
                }
            }
        }
    }

    @Test("4: an inner packet as long as the path takes passes, one byte more does not; at every length around")
    func tooBig() throws {
        for mtu in [1_500, 1_501, 1_502, 1_503, 9_000, 300] {
            for isIPv6 in [false, true] {
                var bench = try TestBench(IPSecMBCipher.self, pathMTU: mtu)
                let innerMTU = bench.transmit.path.innerMTU
                for length in innerMTU - 6...innerMTU + 6 {
                    var packet = TestPacket(isIPv6: isIPv6, transport: .udp)
                    packet.payload = [UInt8](repeating: 7, count: length - packet.headerByteCount)
                    let expected: SealOutcome = length <= innerMTU ? .sealed : .tooBig(innerMTU)
                    #expect(bench.seal(TestFrame(packet)) == expected)
                    #expect(bench.seal(TestFrame(offloading: packet)) == expected)
                    // Datagrams of a super-packet are not cut smaller; TCP's segments are.
                    packet.payload += packet.payload
                    let segment = length - packet.headerByteCount
                    #expect(bench.seal(TestFrame(offloading: packet, segmentByteCount: segment)) == expected)
                    packet.transport = .tcp
                    #expect(bench.seal(TestFrame(offloading: packet, segmentByteCount: segment)) == .sealed)
                }
                let whole = [UInt8](repeating: 1, count: innerMTU - 16)
                #expect(bench.seal(TestFrame(etherType: 0x88cc, packet: whole)) == .sealed)
                #expect(bench.seal(TestFrame(etherType: 0x88cc, packet: whole + [1])) == .tooBig(innerMTU))
            }
        }
    }

    @Test("5: frames that contradict themselves are refused, and take no number")
    func malformed() throws {
        var bench = try TestBench(IPSecMBCipher.self)
        let good = TestFrame(
            offloading: TestPacket(payload: [UInt8](repeating: 1, count: 3_000)), segmentByteCount: 1_000)
        let good6 = TestFrame(
            offloading: TestPacket(isIPv6: true, transport: .udp, payload: [UInt8](repeating: 1, count: 3_000)),
            segmentByteCount: 1_000)
        func changed(_ frame: TestFrame, _ change: (inout TestFrame) -> Void) -> TestFrame {
            var frame = frame
            change(&frame)
            return frame
        }
        let cases: [(String, TestFrame, ESPDrop)] = [
            ("no packet", TestFrame(etherType: 0x0800, packet: []), .malformed),
            ("no packet 6", TestFrame(etherType: 0x86dd, packet: []), .malformed),
            ("version", changed(good) { $0.packet[0] = 0x65 }, .malformed),
            ("version 6", changed(good6) { $0.packet[0] = 0x45 }, .malformed),
            ("header length", changed(good) { $0.packet[0] = 0x44 }, .malformed),
            ("total length", changed(good) { $0.packet.removeLast() }, .malformed),
            ("total length small", changed(good) { $0.packet.replaceSubrange(2..<4, with: [0, 19]) }, .malformed),
            ("payload length", changed(good6) { $0.packet.removeLast() }, .malformed),
            ("jumbogram", changed(good6) { $0.packet.replaceSubrange(4..<7, with: [0, 0, 0]) }, .malformed),
            ("segment of nothing", changed(good) { $0.segmentByteCount = 0 }, .malformed),
            ("no checksum", changed(good) { $0.flags = 0 }, .malformed),
            ("checksum elsewhere", changed(good) { $0.checksumStart += 2 }, .malformed),
            ("TCP length", changed(good) { $0.packet[32] = 0x40 }, .malformed),
            ("TCP short", changed(good) { $0.packet.replaceSubrange(2..<4, with: [0, 30]) }, .malformed),
            ("no payload", changed(good) { $0.packet.replaceSubrange(2..<4, with: [0, 40]) }, .malformed),
            ("kind of the other version", changed(good) { $0.kind = 4 }, .segmentation),
            ("kind of the other version 6", changed(good6) { $0.kind = 1 }, .segmentation),
            ("TCP as UDP", changed(good) { $0.kind = 5 }, .segmentation),
            ("UDP as TCP", changed(good6) { $0.kind = 4 }, .segmentation),
            ("UFO", changed(good) { $0.kind = 3 }, .segmentation),
            ("unknown kind", changed(good) { $0.kind = 9 }, .segmentation),
            ("one byte a segment", changed(good) { $0.segmentByteCount = 1 }, .segmentation),
            ("not IP", changed(good) { $0.etherType = 0x8100 }, .segmentation),
            ("fragment 6", changed(good6) { $0.packet[6] = 44 }, .segmentation),
            ("routing 6", changed(good6) { $0.packet[6] = 43 }, .segmentation),
            (
                "options without end 6",
                changed(good6) {
                    $0.packet[6] = 60
                    $0.packet.replaceSubrange(40..., with: [UInt8](repeating: 60, count: $0.packet.count - 40))
                }, .malformed
            ),
            (
                "checksum behind the end",
                changed(TestFrame(offloading: TestPacket(payload: [1]))) { $0.checksumOffset = 60_000 }, .malformed
            ),
            (
                "checksum in the Ethernet header",
                changed(TestFrame(offloading: TestPacket(payload: [1]))) { $0.checksumStart = 13 }, .malformed
            ),
        ]
        for (name, frame, reason) in cases {
            #expect(bench.seal(frame) == .dropped(reason), "\(name)")
        }
        #expect(bench.transmit.sequence == 0 && bench.burst.isEmpty)
        #expect(bench.sealer.drops.total == UInt64(cases.count))
        #expect(bench.seal(good) == .sealed)
        #expect(bench.seal(good6) == .sealed)
    }

    @Test("6: frames cut at every length, and 20,000 damaged ones, never do harm")
    func damaged() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var bench = try TestBench(IPSecMBCipher.self, level: .auth, pathMTU: 1_500)
        for _ in 0..<20_000 {
            var bytes = RoundTripTests.frame(&random, innerMTU: 400, largest: 3_000).bytes
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let reach = min(bytes.count, Bool.random(using: &random) ? 10 : 90)
                bytes[Int.random(in: 0..<reach, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
            if Int.random(in: 0..<3, using: &random) == 0 {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            if bytes.count < 24 { bytes += [UInt8](repeating: 0, count: 24 - bytes.count) }
            _ = bench.seal(TestFrame(reading: bytes))
            bench.send()
            for burst in bench.sent {
                #expect(burst.packets == burst.datagrams.count)
                #expect(burst.datagrams.allSatisfy { $0.count + 28 <= 1_500 }, "seed \(seed)")
            }
            bench.sent = []
        }
        // Too short for an Ethernet header: nothing is read behind the end.
        for count in 0..<24 {
            var bytes = [UInt8](repeating: 0xff, count: count + ESPLimits.tailroomByteCount)
            var span = bytes.mutableSpan
            guard case .dropped(.malformed) = bench.sealer.begin(&span, byteCount: count, path: bench.transmit.path)
            else {
                Issue.record("\(count) bytes were taken for a frame")
                return
            }
        }
    }
}
