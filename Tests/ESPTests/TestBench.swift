import AEAD
import ESP

/// A generator whose values follow from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// The smallest table: SPIs by number.
struct TestTable: ReceiveTable, ~Copyable {
    var associations: [ReceiveAssociation] = []
    var slots: [UInt32: ReceiveLookup] = [:]

    mutating func lookup(spi: UInt32) -> ReceiveLookup { slots[spi] ?? .drop(.unknownSPI) }

    mutating func withAssociation<Result>(_ slot: Int, _ body: (inout ReceiveAssociation) -> Result) -> Result {
        body(&associations[slot])
    }
}

/// Keeps what is delivered.
struct TestSink: FrameSink, ~Copyable {
    var frames: [[UInt8]] = []
    var packets: [Int] = []
    var slots: [Int] = []

    mutating func deliver(_ frame: Span<UInt8>, slot: Int, packets: Int) {
        frames.append(frame.indices.map { frame[$0] })
        self.packets.append(packets)
        slots.append(slot)
    }
}

/// A sent burst: its bytes, and the size of its segments.
struct SentBurst {
    let bytes: [UInt8]
    let segmentByteCount: Int
    let packets: Int

    /// The datagrams, as the network has them.
    var datagrams: [[UInt8]] {
        stride(from: 0, to: bytes.count, by: segmentByteCount).map {
            Array(bytes[$0..<min($0 + segmentByteCount, bytes.count)])
        }
    }
}

/// Both ends of a wire, with everything in arrays. Slot 0 of each side is the association.
struct TestBench<Cipher: PacketCipher & ~Copyable>: ~Copyable {
    static var spi: UInt32 { 0xabcd_1230 }
    static var key: PacketKey { .init(high: 0x0123_4567_89ab_cdef, low: 0x1122_3344_5566_7788, salt: 0xdead_beef) }

    var sealer = Sealer()
    var opener: Opener
    var transmit: TransmitAssociation
    var table = TestTable()
    var sink = TestSink()
    var sealCipher: Cipher
    var openCipher: Cipher
    var burst = Burst()
    var output = [UInt8](repeating: 0, count: ESPLimits.burstBufferByteCount)
    var joined = [UInt8](repeating: 0xa5, count: ESPLimits.joinBufferByteCount)
    var sent: [SentBurst] = []

    init(
        _ type: Cipher.Type, level: SecurityLevel = .conf, pathMTU: Int = 1_500, family: UnderlayFamily = .v4,
        joinsTCP: Bool = true, joinsUDP: Bool = true
    ) throws {
        let path = try ESPPath(pathMTU: pathMTU, family: family, level: level)
        var sealCipher = try Cipher(capacity: 1)
        var openCipher = try Cipher(capacity: 2)
        try sealCipher.install(0, key: Self.key, level: level)
        try openCipher.install(0, key: Self.key, level: level)
        self.sealCipher = sealCipher
        self.openCipher = openCipher
        opener = Opener(joinsTCP: joinsTCP, joinsUDP: joinsUDP)
        transmit = TransmitAssociation(spi: Self.spi, wire: 7, key: Self.key, level: level, path: path)
        table.associations = [ReceiveAssociation(spi: Self.spi, wire: 0x0102_0304, key: Self.key, level: level)]
        table.slots[Self.spi] = .slot(0)
    }

    /// Seals a frame behind what stands in the burst, and sends what is full.
    mutating func seal(_ frame: TestFrame) -> SealOutcome {
        var bytes = frame.bytes + [UInt8](repeating: 0x5c, count: ESPLimits.tailroomByteCount)
        let count = bytes.count - ESPLimits.tailroomByteCount
        var span = bytes.mutableSpan
        switch sealer.begin(&span, byteCount: count, path: transmit.path) {
        case .tooBig(let innerMTU): return .tooBig(innerMTU)
        case .dropped(let reason): return .dropped(reason)
        case .ready(var job):
            while true {
                // Out of self for the call, since a span of a property keeps all of self busy.
                var buffer: [UInt8] = []
                swap(&buffer, &output)
                var room = buffer.mutableSpan
                let progress = sealer.seal(
                    &job, frame: &span, association: &transmit, slot: 0, cipher: &sealCipher, burst: &burst,
                    output: &room)
                swap(&buffer, &output)
                switch progress {
                case .done: return .sealed
                case .dropped(let reason): return .dropped(reason)
                case .burstFull: send()
                }
            }
        }
    }

    /// Sends what stands in the burst.
    mutating func send() {
        guard !burst.isEmpty else { return }
        sent.append(
            SentBurst(
                bytes: Array(output[..<burst.byteCount]), segmentByteCount: burst.segmentByteCount,
                packets: burst.packets))
        burst.reset()
    }

    /// The datagrams of one frame that nothing was sealed before.
    mutating func datagrams(_ frame: TestFrame) -> [[UInt8]] {
        sent = []
        guard seal(frame) == .sealed else { return [] }
        send()
        return sent.flatMap(\.datagrams)
    }

    /// Receives a burst.
    mutating func receive(_ bytes: [UInt8], segmentByteCount: Int = 0) {
        var buffer: [UInt8] = []
        swap(&buffer, &joined)
        var room = buffer.mutableSpan
        opener.open(
            bytes.span, segmentByteCount: segmentByteCount, table: &table, cipher: &openCipher, output: &room,
            sink: &sink)
        swap(&buffer, &joined)
    }

    /// Delivers what is pending.
    mutating func flush() {
        var buffer: [UInt8] = []
        swap(&buffer, &joined)
        var room = buffer.mutableSpan
        opener.flush(output: &room, sink: &sink)
        swap(&buffer, &joined)
    }

    /// An ESP packet of any opened bytes, trailer included, as a peer that makes mistakes would send it.
    mutating func packet(sequence: UInt64, opened: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16 + opened.count + 16)
        bytes.replaceSubrange(
            0..<16, with: be32(Self.spi) + be32(UInt32(truncatingIfNeeded: sequence)) + be64(sequence))
        var span = bytes.mutableSpan
        _ = sealCipher.seal(
            0, spi: Self.spi, sequence: sequence, iv: sequence, source: opened.span, from: 0, count: opened.count,
            destination: &span, to: 16)
        return bytes
    }

    /// An ESP packet around an inner packet, padded as it should be.
    mutating func packet(sequence: UInt64, inner: [UInt8], next: UInt8, traffic: Int = 0) -> [UInt8] {
        let body = inner + [UInt8](repeating: 0, count: traffic)
        let padding = (4 - (body.count + 2) % 4) % 4
        return packet(
            sequence: sequence, opened: body + [1, 2, 3].prefix(padding) + [UInt8(padding), next])
    }
}

/// What came of a frame that was given to be sealed.
enum SealOutcome: Equatable {
    case sealed
    case tooBig(Int)
    case dropped(ESPDrop)
}
