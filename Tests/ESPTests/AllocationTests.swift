import AEAD
import CAllocationCounter
import ESP
import Testing

@Suite("No allocation per packet")
struct AllocationTests {
    /// A sink that keeps nothing.
    struct CountingSink: FrameSink, ~Copyable {
        var packets = 0
        var bytes = 0

        mutating func deliver(_ frame: Span<UInt8>, slot: Int, packets: Int) {
            self.packets &+= packets
            bytes &+= frame.count
        }
    }

    /// A table of one association.
    struct SingleTable: ReceiveTable, ~Copyable {
        var association: ReceiveAssociation

        mutating func lookup(spi: UInt32) -> ReceiveLookup {
            spi == association.spi ? .slot(0) : .drop(.unknownSPI)
        }

        mutating func withAssociation<Result>(_ slot: Int, _ body: (inout ReceiveAssociation) -> Result) -> Result {
            body(&association)
        }
    }

    @Test("1: the counter counts what this thread allocates")
    func counter() {
        let before = allocation_count()
        var arrays: [[UInt8]] = []
        for index in 0..<10 { arrays.append([UInt8](repeating: UInt8(index), count: 1_000 + index)) }
        #expect(allocation_count() >= before + 10)
        #expect(arrays.count == 10)
    }

    @Test("2: sealing and opening allocate nothing", arguments: SecurityLevel.allCases)
    func packetPath(_ level: SecurityLevel) throws {
        let fast = try allocations(IPSecMBCipher.self, level)
        let other = try allocations(OpenSSLCipher.self, level)
        #expect(fast == 0, "by \(CipherBackend.ipsecMB)")
        #expect(other == 0, "by \(CipherBackend.openSSL)")
    }

    /// The allocations while thousands of packets of every kind pass from end to end.
    private func allocations<Cipher: PacketCipher & ~Copyable>(
        _ type: Cipher.Type, _ level: SecurityLevel
    ) throws -> UInt64 {
        // 1. Everything that is allocated once.
        let key = PacketKey(high: 1, low: 2, salt: 3)
        let path = try ESPPath(pathMTU: 1_500, family: .v4, level: level)
        var association = TransmitAssociation(spi: 256, wire: 1, key: key, level: level, path: path)
        var table = SingleTable(association: ReceiveAssociation(spi: 256, wire: 1, key: key, level: level))
        var sealCipher = try Cipher(capacity: 1)
        var openCipher = try Cipher(capacity: 1)
        try sealCipher.install(0, key: key, level: level)
        try openCipher.install(0, key: key, level: level)
        var sealer = Sealer()
        var opener = Opener()
        var sink = CountingSink()
        var output = [UInt8](repeating: 0, count: ESPLimits.burstBufferByteCount)
        var joined = [UInt8](repeating: 0, count: ESPLimits.joinBufferByteCount)
        var packet = TestPacket(payload: [UInt8](repeating: 1, count: 60_000))
        var frames = [TestFrame(offloading: packet, segmentByteCount: 1_398)]
        packet.isIPv6 = true
        packet.transport = .udp
        frames.append(TestFrame(offloading: packet, segmentByteCount: 1_300))
        packet.payload = [UInt8](repeating: 1, count: 64)
        frames += [
            TestFrame(packet), TestFrame(offloading: packet), TestFrame(etherType: 0x0806, packet: packet.payload),
        ]
        let originals = frames.map(\.bytes)
        var buffer = [UInt8](repeating: 0, count: ESPLimits.frameBufferByteCount)
        var sealed = 0

        // 2. The loop, once for what is made when it is first used, then counted.
        var before: UInt64 = 0
        // Indices by hand: without optimisation, the iterators of a for loop allocate.
        var step = 0
        while step < 60 * originals.count {
            if step == 10 * originals.count { before = allocation_count() }
            let original = originals[step % originals.count]
            step &+= 1
            var frame = buffer.mutableSpan
            frame.copy(original.span, from: 0, count: original.count, to: 0)
            var burst = Burst()
            guard case .ready(var job) = sealer.begin(&frame, byteCount: original.count, path: path)
            else { continue }
            while true {
                var room = output.mutableSpan
                let progress = sealer.seal(
                    &job, frame: &frame, association: &association, slot: 0, cipher: &sealCipher, burst: &burst,
                    output: &room)
                // A forged packet before the good ones.
                room.store(room.load32(burst.byteCount - 4) ^ 1, at: burst.byteCount - 4)
                var place = joined.mutableSpan
                opener.open(
                    output.span.extracting(burst.byteCount - last(burst)..<burst.byteCount), segmentByteCount: 0,
                    table: &table, cipher: &openCipher, output: &place, sink: &sink)
                var again = output.mutableSpan
                again.store(again.load32(burst.byteCount - 4) ^ 1, at: burst.byteCount - 4)
                opener.open(
                    output.span.extracting(0..<burst.byteCount), segmentByteCount: burst.segmentByteCount,
                    table: &table, cipher: &openCipher, output: &place, sink: &sink)
                sealed &+= burst.packets
                guard progress == .burstFull else { break }
                burst.reset()
            }
            var place = joined.mutableSpan
            opener.flush(output: &place, sink: &sink)
        }
        let counted = allocation_count() - before
        // 3. The loop did what it says: all packets came through, the forged ones did not.
        #expect(sealed == sink.packets && sealed > 60 * 90)
        #expect(opener.drops[.authentication] == opener.drops.total && opener.drops.total >= 5 * 60)
        return counted
    }

    @Test("3: refusals allocate nothing of their own")
    func refusals() throws {
        let path = try ESPPath(pathMTU: 1_500, family: .v4, level: .conf)
        let original = TestFrame(TestPacket(payload: [UInt8](repeating: 1, count: 3_000))).bytes
        var buffer = [UInt8](repeating: 0, count: ESPLimits.frameBufferByteCount)
        var frame = buffer.mutableSpan
        frame.copy(original.span, from: 0, count: original.count, to: 0)
        var sealer = Sealer()
        _ = sealer.begin(&frame, byteCount: original.count, path: path)
        let before = allocation_count()
        var step = 0
        while step < 1_000 {
            _ = sealer.begin(&frame, byteCount: original.count, path: path)
            step &+= 1
        }
        // Swift Testing looks at every error that is thrown, and puts it into a box for that: one each.
        #expect(allocation_count() - before <= 1_000)
        #expect(sealer.drops[.tooBig] == 1_001)
    }

    /// The bytes of a burst's last packet.
    private func last(_ burst: Burst) -> Int {
        burst.byteCount - (burst.packets - 1) * burst.segmentByteCount
    }
}
