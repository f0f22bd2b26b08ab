import NetTypes
import PacketFormats
import Testing

@Suite("Internet checksum")
struct ChecksumTests {
    static let seed: UInt64 = 0x5eed_0c5c

    @Test("1: the example of RFC 1071, section 3")
    func example() {
        var sum = Checksum()
        sum.add(([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7] as [UInt8]).span)
        #expect(sum.folded == 0xddf2)
        #expect(sum.value == ~0xddf2)
    }

    @Test("2: random bytes against the dumb reference")
    func random() {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...130, using: &random)
            let bytes = (0..<count).map { _ in
                Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : 0xff
            }
            var sum = Checksum()
            sum.add(bytes.span)
            #expect(sum.folded == dumbSum(bytes), "seed \(Self.seed), bytes \(bytes)")
        }
    }

    @Test("3: pseudo-headers against the dumb reference")
    func pseudo() {
        var random = SeededGenerator(seed: Self.seed + 1)
        for _ in 0..<500 {
            let length = Int.random(in: 0...200_000, using: &random)
            let number = UInt8.random(in: 0...255, using: &random)
            let (a6, b6) = (
                IPv6Address(.random(in: 0 ... .max, using: &random)),
                IPv6Address(.random(in: 0 ... .max, using: &random))
            )
            let six = Checksum(
                source: a6, destination: b6, protocolNumber: IPProtocol(rawValue: number), length: length)
            #expect(six.folded == dumbSum(pseudoHeader(a6.octets, b6.octets, number, length)), "seed \(Self.seed + 1)")
            let short = length & 0xffff
            let (a4, b4) = (
                IPv4Address(.random(in: 0 ... .max, using: &random)),
                IPv4Address(.random(in: 0 ... .max, using: &random))
            )
            let four = Checksum(
                source: a4, destination: b4, protocolNumber: IPProtocol(rawValue: number), length: short)
            #expect(four.folded == dumbSum(pseudoHeader(a4.octets, b4.octets, number, short)), "seed \(Self.seed + 1)")
        }
    }

    /// Frames whose checksum was left to the device, with where the field stands and the checksum's bytes begin.
    static let partial: [(name: String, transport: Int, field: Int)] = [
        ("ipv4 tcp with partial checksum", 34, 50),
        ("ipv4 udp with partial checksum", 34, 40),
        ("ipv6 tcp with partial checksum", 54, 70),
        ("ipv6 echo with partial checksum", 54, 56),
    ]

    @Test("4: a partial checksum is completed, and nothing else is changed", arguments: partial)
    func completes(name: String, transport: Int, field: Int) {
        let frame = CorpusFrame.named(name)
        let completed = completingChecksum(frame)
        let addresses = frame[12] == 0x08 ? (frame[26..<30], frame[30..<34]) : (frame[22..<38], frame[38..<54])
        let number = frame[12] == 0x08 ? frame[23] : frame[20]
        let message = completed.from(transport)
        #expect(
            dumbSum(pseudoHeader(Array(addresses.0), Array(addresses.1), number, message.count) + message) == 0xffff)
        for index in frame.indices where index != field && index != field + 1 {
            #expect(completed[index] == frame[index], "byte \(index)")
        }
        #expect(completed != frame)
        #expect(completingChecksum(completed) == completed, "a completed one stays")
    }

    @Test("5: every other frame is left as it is", arguments: corpus)
    func leaves(frame: CorpusFrame) {
        guard !Self.partial.map(\.name).contains(frame.name) else { return }
        #expect(completingChecksum(frame.bytes) == frame.bytes)
    }

    @Test("6: a wrong checksum stays wrong")
    func wrong() {
        for (name, _, field) in Self.partial {
            let frame = CorpusFrame.named(name)
            let wrong = frame.with(field + 1, frame[field + 1] ^ 1)
            #expect(completingChecksum(wrong) == wrong, "\(name)")
        }
    }

    @Test("7: random TCP segments, cut off anywhere, with payloads up to a super-packet")
    func superPackets() {
        var random = SeededGenerator(seed: Self.seed + 2)
        for count in [0, 1, 2, 1_459, 1_460, 65_494, 65_495] {
            let data = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let header = IPv4Header(
                source: IPv4Address(10, 0, 0, 1), destination: IPv4Address(10, 0, 0, 2), protocolNumber: .tcp,
                payloadByteCount: 20 + count)
            var tcp: [UInt8] = [156, 64, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 16, 255, 255, 0, 0, 0, 0] + data
            let partial = dumbSum(pseudoHeader([10, 0, 0, 1], [10, 0, 0, 2], 6, tcp.count))
            tcp[16] = UInt8(partial >> 8)
            tcp[17] = UInt8(partial & 255)
            let frame = CorpusFrame.named("ipv4 tcp syn")[..<14] + written(20) { header.emit(into: &$0) } + tcp
            let message = completingChecksum(Array(frame)).from(34)
            #expect(
                dumbSum(pseudoHeader([10, 0, 0, 1], [10, 0, 0, 2], 6, tcp.count) + message) == 0xffff,
                "seed \(Self.seed + 2), \(count) bytes")
        }
    }
}
