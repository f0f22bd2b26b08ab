import NetTypes
import PacketFormats
import Testing

/// Every check of RFC 4861 on the messages of neighbor discovery has a message that only it refuses.
@Suite("Checks of neighbor discovery")
struct DiscoveryTests {
    static let link = IPv6Address(0xfe80 << 112 | 1)
    static let node = FirstPacketTests.b6
    static let group = IPv6Address(0xff02 << 112 | 1)

    /// A message of any bytes with a right checksum.
    static func message(_ type: UInt8, code: UInt8 = 0, _ body: [UInt8], from: IPv6Address, to: IPv6Address) -> [UInt8]
    {
        var bytes = [type, code, 0, 0] + body
        let sum = ~dumbSum(pseudoHeader(from.octets, to.octets, 58, bytes.count) + bytes)
        bytes[2] = UInt8(sum >> 8)
        bytes[3] = UInt8(sum & 255)
        return bytes
    }

    /// Reads a message as what it says it is; gives why not, nil when it is read.
    static func refusal<Message: ICMPv6Message>(
        _ kind: Message.Type, type: UInt8? = nil, code: UInt8 = 0, _ body: [UInt8], from: IPv6Address = link,
        to: IPv6Address = node, hopLimit: UInt8 = 255
    ) -> FormatError? {
        let bytes = message(type ?? Message.type, code: code, body, from: from, to: to)
        let header = IPv6Header(
            source: from, destination: to, nextHeader: .icmpv6, payloadByteCount: bytes.count, hopLimit: hopLimit)
        do throws(FormatError) {
            _ = try Message(parsing: bytes.span, in: header)
            return nil
        } catch {
            return error
        }
    }

    static let zeros4 = [UInt8](repeating: 0, count: 4)
    static let zeros12 = [UInt8](repeating: 0, count: 12)
    static let target = zeros4 + node.octets

    @Test("1: hop limit, type, code and length of each message")
    func every() {
        func check<Message: ICMPv6Message>(_ kind: Message.Type, _ body: [UInt8]) {
            let found = FormatError.badField(.neighborDiscovery, "hop limit")
            #expect(Self.refusal(kind, body) == nil)
            #expect(Self.refusal(kind, body, hopLimit: 254) == found)
            #expect(Self.refusal(kind, type: 137, body) == .badField(.neighborDiscovery, "type"))
            #expect(Self.refusal(kind, code: 1, body) == .badField(.neighborDiscovery, "code"))
            let needed = body.count + 4
            #expect(
                Self.refusal(kind, Array(body.dropLast()))
                    == .truncated(.neighborDiscovery, needed: needed, have: needed - 1))
        }
        check(NeighborSolicitation.self, Self.target)
        check(NeighborAdvertisement.self, Self.target)
        check(RouterSolicitation.self, Self.zeros4)
        check(RouterAdvertisement.self, Self.zeros12)
        #expect(Self.refusal(PacketTooBig.self, Self.zeros4) == nil)
        #expect(Self.refusal(PacketTooBig.self, type: 1, Self.zeros4) == .badField(.icmpv6, "type"))
        #expect(Self.refusal(PacketTooBig.self, code: 1, Self.zeros4) == .badField(.icmpv6, "code"))
        #expect(Self.refusal(PacketTooBig.self, [0, 0, 0]) == .truncated(.icmpv6, needed: 8, have: 7))
    }

    @Test(
        "2: options that are cut off, have no length, or the wrong one",
        arguments: [
            ([1], .truncated(.neighborDiscovery, needed: 10, have: 9)),
            ([1, 0, 0, 0, 0, 0, 0, 0], .badField(.neighborDiscovery, "option length")),
            ([1, 1, 0, 0, 0, 0, 0], .truncated(.neighborDiscovery, needed: 16, have: 15)),
            ([14, 2, 0, 0, 0, 0, 0, 0], .truncated(.neighborDiscovery, needed: 24, have: 16)),
            ([1, 2] + [UInt8](repeating: 0, count: 14), .badField(.neighborDiscovery, "option length")),
            ([3, 1, 0, 0, 0, 0, 0, 0], .badField(.neighborDiscovery, "option length")),
            ([5, 2] + [UInt8](repeating: 0, count: 14), .badField(.neighborDiscovery, "option length")),
            ([3, 4, 129] + [UInt8](repeating: 0, count: 29), .badField(.neighborDiscovery, "prefix length")),
            ([3, 4, 128] + [UInt8](repeating: 0, count: 29), nil),
            ([1, 1, 0, 0, 0, 0, 0, 0], nil),
            ([200, 1, 0, 0, 0, 0, 0, 0], nil),
        ] as [([UInt8], FormatError?)])
    func options(bytes: [UInt8], error: FormatError?) {
        #expect(Self.refusal(RouterSolicitation.self, Self.zeros4 + bytes) == error)
    }

    @Test("3: who may say what to whom")
    func addresses() {
        let solicited: [UInt8] = [0x60, 0, 0, 0] + Self.node.octets
        let unsolicited: [UInt8] = [0x20, 0, 0, 0] + Self.node.octets
        #expect(Self.refusal(NeighborAdvertisement.self, solicited) == nil)
        #expect(Self.refusal(NeighborAdvertisement.self, unsolicited, to: Self.group) == nil)
        #expect(
            Self.refusal(NeighborAdvertisement.self, solicited, to: Self.group)
                == .badField(.neighborDiscovery, "flag S"))
        #expect(
            Self.refusal(NeighborAdvertisement.self, Self.zeros4 + Self.group.octets)
                == .badField(.neighborDiscovery, "target"))
        #expect(
            Self.refusal(NeighborSolicitation.self, Self.zeros4 + Self.group.octets)
                == .badField(.neighborDiscovery, "target"))
        #expect(
            Self.refusal(RouterAdvertisement.self, Self.zeros12, from: Self.node)
                == .badField(.neighborDiscovery, "source"))
        let nobody = IPv6Address(0)
        #expect(Self.refusal(RouterSolicitation.self, Self.zeros4, from: nobody) == nil)
        #expect(
            Self.refusal(RouterSolicitation.self, Self.zeros4 + [1, 1, 2, 0, 0, 0, 0, 1], from: nobody)
                == .badField(.neighborDiscovery, "source option"))
    }

    @Test("4: a first fragment keeps its checksum field, even where it looks partial")
    func fragments() {
        let frame = CorpusFrame.named("ipv4 udp with partial checksum")
        #expect(completingChecksum(frame) != frame)
        let fragment = frame.with(20, 0x20).withIPv4Checksum()
        #expect(completingChecksum(fragment) == fragment)
    }

    @Test("5: UDP and UDP lengths that are too short")
    func udp() {
        let good: [UInt8] = [0, 1, 0, 2, 0, 8, 0, 0]
        #expect(throws: Never.self) { try UDPHeader(parsing: good.span) }
        #expect(throws: FormatError.badField(.udp, "length")) { try UDPHeader(parsing: good.with(5, 7).span) }
        #expect(throws: FormatError.truncated(.udp, needed: 9, have: 8)) {
            try UDPHeader(parsing: good.with(5, 9).span)
        }
    }
}
