import NetTypes
import PacketFormats
import Testing

@Suite("Answers of a leaf")
struct AnswerTests {
    static let asking = MACAddress(0x0200_0000_0001)
    static let answer = MACAddress(0x0200_0000_0002)

    @Test("1: an ARP reply, byte for byte")
    func arp() throws {
        let reply = ARPReply(
            mac: Self.answer, ipv4: FirstPacketTests.b4, targetMAC: Self.asking, targetIPv4: FirstPacketTests.a4)
        let expected: [UInt8] = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6,
            0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
        ]
        #expect(reply.frame == expected)
        #expect(try FirstPacket(parsing: reply.frame).kind == .other(.arp))
    }

    @Test("2: the frames of the corpus come out again byte for byte")
    func discovery() throws {
        let (a, b) = (FirstPacketTests.a6, FirstPacketTests.b6)
        let solicitation = NeighborSolicitation(target: b, options: [.sourceLinkLayer(Self.asking)]).frame(
            from: Self.asking, to: MACAddress(0x3333_ff00_0002), source: a, destination: b.solicitedNode)
        #expect(solicitation == CorpusFrame.named("neighbor solicitation"))
        let advertisement = NeighborAdvertisement(target: a, mac: Self.asking).frame(
            from: Self.asking, to: Self.answer, source: a, destination: b)
        #expect(advertisement == CorpusFrame.named("neighbor advertisement"))
        let link = try IPv6Address(parsing: "fe80::1")
        let prefix = try IPv6Prefix(parsing: "fd12:3456:789a::/48")
        var router = RouterAdvertisement(mtu: 1_450, prefix: prefix)
        router.options.append(.sourceLinkLayer(Self.asking))
        let frame = router.frame(
            from: Self.asking, to: MACAddress(0x3333_0000_0001), source: link,
            destination: try IPv6Address(parsing: "ff02::1"))
        #expect(frame == CorpusFrame.named("router advertisement"))
        let echo = CorpusFrame.named("ipv6 udp with flow label")
        let tooBig = PacketTooBig(mtu: 1_280, quote: CorpusFrame.named("packet too big").from(62))
        #expect(echo.count > 0)
        #expect(
            tooBig.frame(from: Self.asking, to: Self.answer, source: b, destination: a, hopLimit: 64)
                == CorpusFrame.named("packet too big"))
    }

    @Test("3: packets that get an answer when they are too big, and those that never do", arguments: corpus)
    func tooBig(frame: CorpusFrame) throws {
        let silent: Set<String> = [
            "ipv4 later fragment that looks like tcp", "ipv4 first fragment of udp",
            "ipv6 later fragment that looks like tcp", "ipv6 later fragment whose next header is an extension",
            "packet too big", "neighbor solicitation",
            "neighbor solicitation, duplicate address detection with nonce", "router solicitation",
            "router advertisement",
        ]
        let isIP = frame.bytes[12...13] == [0x08, 0x00] || frame.bytes[12...13] == [0x86, 0xdd]
        let answer = TooBig(refusing: frame.bytes, mtu: 1_400)
        guard isIP, !silent.contains(frame.name) else {
            #expect(answer == nil)
            return
        }
        let bytes = try #require(answer).frame
        #expect(Array(bytes[0..<6]) == Array(frame.bytes[6..<12]))
        #expect(Array(bytes[6..<12]) == Array(frame.bytes[0..<6]))
        let packet = bytes.from(14)
        if frame.expectation == .ipv4 {
            let header = try IPv4Header(parsing: packet.span)
            #expect(Array(packet[12..<16]) == Array(frame.bytes[30..<34]), "from whom the packet was for")
            #expect(Array(packet[16..<20]) == Array(frame.bytes[26..<30]))
            #expect(header.protocolNumber == .icmpv4)
            #expect(Array(packet[20..<22]) == [3, 4])
            #expect(Array(packet[26..<28]) == [0x05, 0x78])
            #expect(dumbSum(packet.from(20)) == 0xffff)
            #expect(packet.from(28) == frame.bytes.from(14))
        } else {
            let header = try IPv6Header(parsing: packet.span)
            let message = packet.from(40)
            let read = try PacketTooBig(parsing: message.span, in: header)
            #expect(read.mtu == 1_400)
            #expect(read.quote == frame.bytes.from(14))
            #expect(
                dumbSum(pseudoHeader(header.source.octets, header.destination.octets, 58, message.count) + message)
                    == 0xffff)
            #expect(Array(packet[8..<24]) == Array(frame.bytes[38..<54]))
        }
        #expect(TooBig(refusing: bytes, mtu: 1_400) == nil, "an error is never answered")
    }

    @Test(
        "4: a long packet is quoted up to the limit, at limit±1",
        arguments: [547, 548, 549, 1_231, 1_232, 1_233, 9_000])
    func quotes(count: Int) throws {
        let four = IPv4Header(
            source: FirstPacketTests.a4, destination: FirstPacketTests.b4, protocolNumber: .udp,
            payloadByteCount: count - 20)
        let head = EthernetHeader(destination: Self.answer, source: Self.asking, etherType: .ipv4)
        let frame4 =
            written(14) { head.emit(into: &$0) } + written(20) { four.emit(into: &$0) }
            + [UInt8](repeating: 7, count: count - 20)
        let answer4 = try #require(TooBig(refusing: frame4, mtu: 100_000))
        #expect(answer4.frame.count == 14 + 28 + min(count, 548))
        #expect(Array(answer4.frame[40..<42]) == [0xff, 0xff], "an MTU that does not fit is written as the largest")
        #expect(try #require(TooBig(refusing: frame4, mtu: 514)).frame.count == 14 + 514, "it fits what it says")
        #expect(try #require(TooBig(refusing: frame4, mtu: 0)).frame.count == 14 + 28 + 28, "header and eight bytes")
        let six = IPv6Header(
            source: FirstPacketTests.a6, destination: FirstPacketTests.b6, nextHeader: .udp,
            payloadByteCount: count - 40)
        let head6 = EthernetHeader(destination: Self.answer, source: Self.asking, etherType: .ipv6)
        let frame6 =
            written(14) { head6.emit(into: &$0) } + written(40) { six.emit(into: &$0) }
            + [UInt8](repeating: 7, count: count - 40)
        #expect(try #require(TooBig(refusing: frame6, mtu: 1_400)).frame.count == 14 + 48 + min(count, 1_232))
        // The kernel path hands over beginnings: the answer quotes what is there, and no more.
        #expect(try #require(TooBig(refusing: Array(frame4[..<200]), mtu: 1_400)).frame.count == 14 + 28 + 186)
        #expect(try #require(TooBig(refusing: Array(frame6[..<200]), mtu: 1_400)).frame.count == 14 + 48 + 186)
    }

    @Test("5: no answer to packets that may be cut, to groups, and from nobody")
    func never() throws {
        let frame = CorpusFrame.named("ipv4 udp")
        #expect(TooBig(refusing: frame, mtu: 1_400) != nil)
        #expect(TooBig(refusing: frame.with(20, 0).withIPv4Checksum(), mtu: 1_400) == nil, "may be cut")
        #expect(TooBig(refusing: frame.with(30, 224).withIPv4Checksum(), mtu: 1_400) == nil, "to a group")
        #expect(TooBig(refusing: frame.with(0, 3), mtu: 1_400) == nil, "to a group of machines")
        #expect(
            TooBig(refusing: frame.with(26, 0).with(29, 0).withIPv4Checksum(), mtu: 1_400) == nil, "from nobody")
        let bare = Array(CorpusFrame.named("ipv4 icmp echo")[..<34]).with(17, 20).withIPv4Checksum()
        #expect(TooBig(refusing: bare, mtu: 1_400) == nil, "ICMP without a type")
        let echo = CorpusFrame.named("ipv4 icmp echo")
        #expect(TooBig(refusing: echo, mtu: 1_400) != nil)
        for type: UInt8 in [3, 4, 5, 11, 12, 99] {
            #expect(TooBig(refusing: echo.with(34, type), mtu: 1_400) == nil, "ICMP type \(type)")
        }
    }

    @Test("6: VXLAN there and back, and what it refuses")
    func vxlan() throws {
        let inner = CorpusFrame.named("ipv4 udp")
        let label = try #require(Label(0x1234))
        let frame = VXLANFrame(vni: label, inner: inner)
        #expect(frame.bytes == [8, 0, 0, 0, 0, 0x12, 0x34, 0] + inner)
        #expect(CorpusFrame.named("vxlan over ipv4").from(42) == frame.bytes)
        #expect(try VXLANFrame(parsing: frame.bytes.span) == frame)
        #expect(throws: FormatError.badField(.vxlan, "flag I")) { try VXLANFrame(parsing: frame.bytes.with(0, 0).span) }
        #expect(throws: FormatError.badField(.vxlan, "network identifier")) {
            try VXLANFrame(parsing: frame.bytes.with(5, 0).with(6, 0).span)
        }
        #expect(throws: FormatError.truncated(.vxlan, needed: 8, have: 7)) {
            try VXLANFrame(parsing: Array(frame.bytes[..<7]).span)
        }
        #expect(throws: FormatError.truncated(.ethernet, needed: 14, have: 13)) {
            try VXLANFrame(parsing: Array(frame.bytes[..<21]).span)
        }
    }
}
