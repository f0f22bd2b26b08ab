import NetTypes
import PacketFormats
import Testing

@Suite("First packets")
struct FirstPacketTests {
    static let a4 = IPv4Address(10, 0, 0, 1)
    static let b4 = IPv4Address(10, 0, 0, 2)
    static let a6 = IPv6Address(0xfd12_3456_789a_0000_0000_0000_0000_0001)
    static let b6 = IPv6Address(0xfd12_3456_789a_0000_0000_0000_0000_0002)

    @Test("1: every frame of the corpus is seen as what it is", arguments: corpus)
    func kinds(frame: CorpusFrame) throws {
        let packet = try FirstPacket(parsing: frame.bytes)
        #expect(packet.sourceMAC == MACAddress(0x0200_0000_0001))
        let found: CorpusFrame.Expectation =
            switch packet.kind {
            case .ipv4: .ipv4
            case .ipv6: .ipv6
            case .arpRequest: .arpRequest
            case .neighborSolicitation: .neighborSolicitation
            case .routerSolicitation: .routerSolicitation
            case .other: .other
            }
        #expect(found == frame.expectation)
    }

    @Test("2: addresses")
    func addresses() throws {
        func kind(_ name: String) throws -> FirstPacket.Kind { try FirstPacket(parsing: CorpusFrame.named(name)).kind }
        #expect(try kind("arp request") == .arpRequest(sender: Self.a4, target: Self.b4))
        #expect(try kind("arp request, padded to 60") == .arpRequest(sender: Self.a4, target: Self.b4))
        #expect(try kind("arp probe") == .arpRequest(sender: IPv4Address(0), target: Self.b4))
        #expect(try kind("arp reply") == .other(.arp))
        #expect(try kind("ipv4 tcp syn") == .ipv4(source: Self.a4, destination: Self.b4))
        #expect(try kind("ipv6 routing header, udp") == .ipv6(source: Self.a6, destination: Self.b6))
        #expect(try kind("neighbor solicitation") == .neighborSolicitation(source: Self.a6, target: Self.b6))
        #expect(
            try kind("neighbor solicitation, duplicate address detection with nonce")
                == .neighborSolicitation(source: IPv6Address(0), target: Self.b6))
        #expect(
            try kind("router solicitation")
                == .routerSolicitation(source: IPv6Address(0xfe80_0000_0000_0000_0000_0000_0000_0001)))
        #expect(try kind("vlan tag") == .other(.vlan))
    }

    /// Frames of the corpus with one byte changed, and what is then wrong with them.
    static let broken: [(frame: [UInt8], error: FormatError)] = [
        (CorpusFrame.named("arp request").with(15, 2), .badField(.arp, "hardware type")),
        (CorpusFrame.named("arp request").with(17, 1), .badField(.arp, "protocol type")),
        (CorpusFrame.named("arp request").with(18, 8), .badField(.arp, "address length")),
        (CorpusFrame.named("arp request").with(21, 9), .badField(.arp, "operation")),
        (Array(CorpusFrame.named("arp request").dropLast()), .truncated(.arp, needed: 28, have: 27)),
        (CorpusFrame.named("ipv4 tcp syn").with(14, 0x55).withIPv4Checksum(), .badField(.ipv4, "version")),
        (CorpusFrame.named("ipv4 tcp syn").with(14, 0x44).withIPv4Checksum(), .badField(.ipv4, "header length")),
        (CorpusFrame.named("ipv4 tcp syn").with(17, 19).withIPv4Checksum(), .badField(.ipv4, "total length")),
        (CorpusFrame.named("ipv4 tcp syn").with(17, 41).withIPv4Checksum(), .truncated(.ipv4, needed: 41, have: 40)),
        (CorpusFrame.named("ipv4 tcp syn").with(22, 63), .badChecksum(.ipv4)),
        (CorpusFrame.named("ipv4 tcp syn").with(20, 0xc0).withIPv4Checksum(), .badField(.ipv4, "reserved flag")),
        (CorpusFrame.named("ipv6 tcp syn").with(14, 0x40), .badField(.ipv6, "version")),
        (CorpusFrame.named("ipv6 tcp syn").with(19, 21), .truncated(.ipv6, needed: 61, have: 60)),
        (CorpusFrame.named("neighbor solicitation").with(21, 254), .badField(.neighborDiscovery, "hop limit")),
        (CorpusFrame.named("neighbor solicitation").with(70, 0xfe), .badChecksum(.icmpv6)),
        (CorpusFrame.named("router solicitation").with(21, 254), .badField(.neighborDiscovery, "hop limit")),
    ]

    @Test("3: headers that contradict themselves are refused", arguments: broken)
    func refuses(frame: [UInt8], error: FormatError) {
        #expect(throws: error) { try FirstPacket(parsing: frame) }
    }

    @Test("4: solicitations that RFC 4861 has silently dropped")
    func solicitations() {
        func refusal(
            _ message: NeighborSolicitation, source: IPv6Address, destination: IPv6Address
        ) -> FormatError? {
            let frame = message.frame(
                from: MACAddress(1), to: MACAddress(2), source: source, destination: destination)
            do throws(FormatError) {
                _ = try FirstPacket(parsing: frame)
                return nil
            } catch {
                return error
            }
        }
        let nobody = IPv6Address(0)
        #expect(refusal(.init(target: Self.b6), source: Self.a6, destination: Self.b6) == nil)
        #expect(refusal(.init(target: Self.b6), source: nobody, destination: Self.b6.solicitedNode) == nil)
        #expect(
            refusal(.init(target: Self.b6.solicitedNode), source: Self.a6, destination: Self.b6)
                == .badField(.neighborDiscovery, "target"))
        #expect(
            refusal(.init(target: Self.b6), source: nobody, destination: Self.b6)
                == .badField(.neighborDiscovery, "destination"))
        #expect(
            refusal(
                .init(target: Self.b6, options: [.sourceLinkLayer(MACAddress(1))]), source: nobody,
                destination: Self.b6.solicitedNode) == .badField(.neighborDiscovery, "source option"))
    }

    @Test("5: a frame cut off anywhere never traps, and IP packets are refused", arguments: corpus)
    func cutOff(frame: CorpusFrame) {
        for count in 0..<frame.bytes.count {
            let cut = Array(frame.bytes[..<count])
            _ = try? FirstPacket(parsing: cut)
            _ = completingChecksum(cut)
            _ = TooBig(refusing: cut, mtu: 1_400)
            if count < 14 || frame.expectation == .ipv4 || frame.expectation == .ipv6 {
                #expect(throws: FormatError.self, "\(count) bytes") { try FirstPacket(parsing: cut) }
            }
        }
    }
}

@Suite("What stands above IP")
struct UpperLayerTests {
    static func upper(_ frame: [UInt8]) throws -> UpperLayer {
        let packet = frame.from(14)
        return frame[12] == 0x08
            ? try UpperLayer(of: IPv4Header(parsing: packet.span), in: packet.span)
            : try UpperLayer(of: IPv6Header(parsing: packet.span), in: packet.span)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let number: IPProtocol
        let offset: Int
        let port: UInt16?
        var fragment = false
        var later = false
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "ipv4 tcp syn", number: .tcp, offset: 20, port: 80),
        Row(name: "ipv4 udp, odd length, router alert option", number: .udp, offset: 24, port: 4_242),
        Row(name: "ipv4 icmp echo", number: .icmpv4, offset: 20, port: nil),
        Row(name: "ipv4 first fragment of udp", number: .udp, offset: 20, port: 4_242, fragment: true),
        Row(
            name: "ipv4 later fragment that looks like tcp", number: .tcp, offset: 20, port: nil, fragment: true,
            later: true),
        Row(name: "ipv4 sctp", number: .sctp, offset: 20, port: nil),
        Row(name: "ipv4 gre with ipv4 inside", number: .gre, offset: 20, port: nil),
        Row(name: "ipv4 esp that looks like tcp ports", number: .esp, offset: 20, port: nil),
        Row(name: "ipv6 tcp syn", number: .tcp, offset: 40, port: 80),
        Row(name: "ipv6 hop-by-hop, destination options, tcp", number: .tcp, offset: 56, port: 80),
        Row(name: "ipv6 routing header, udp", number: .udp, offset: 64, port: 4_242),
        Row(name: "ipv6 atomic fragment, udp", number: .udp, offset: 48, port: 4_242),
        Row(name: "ipv6 first fragment, udp", number: .udp, offset: 48, port: 4_242, fragment: true),
        Row(
            name: "ipv6 later fragment that looks like tcp", number: .tcp, offset: 48, port: nil, fragment: true,
            later: true),
        Row(
            name: "ipv6 later fragment whose next header is an extension", number: .destinationOptions, offset: 48,
            port: nil, fragment: true, later: true),
        Row(name: "ipv6 authentication header, tcp", number: .tcp, offset: 64, port: 80),
        Row(name: "ipv6 esp that looks like tcp ports", number: .esp, offset: 40, port: nil),
        Row(name: "ipv6 sctp", number: .sctp, offset: 40, port: nil),
        Row(name: "ipv6 gre", number: .gre, offset: 40, port: nil),
        Row(name: "ipv6 mobility, hip, shim6, nothing", number: .noNext, offset: 64, port: nil),
        Row(name: "ipv6 no next header", number: .noNext, offset: 40, port: nil),
    ]

    @Test("1: protocol, place and ports; ports only where a TCP or UDP header really is", arguments: rows)
    func table(row: Row) throws {
        let frame = CorpusFrame.named(row.name)
        let upper = try Self.upper(frame)
        #expect(upper.protocolNumber == row.number)
        #expect(upper.offset == row.offset)
        #expect(upper.ports?.destination == row.port)
        #expect(upper.ports?.source == (row.port == nil ? nil : 40_000))
        #expect(upper.isFragment == row.fragment)
        #expect(upper.isLaterFragment == row.later)
        #expect(upper.byteCount == frame.count - 14 - row.offset)
    }

    /// An IPv6 packet with extension headers of eight bytes each, then a cut TCP header.
    static func packet(_ headers: [IPProtocol], then last: IPProtocol, payload: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        for (index, _) in headers.enumerated() {
            let next = index + 1 < headers.count ? headers[index + 1] : last
            body += [next.rawValue, 0, 1, 4, 0, 0, 0, 0]
        }
        let header = IPv6Header(
            source: FirstPacketTests.a6, destination: FirstPacketTests.b6, nextHeader: headers.first ?? last,
            payloadByteCount: body.count + payload.count)
        return written(40) { header.emit(into: &$0) } + body + payload
    }

    static func upper6(_ packet: [UInt8]) throws -> UpperLayer {
        try UpperLayer(of: IPv6Header(parsing: packet.span), in: packet.span)
    }

    @Test("2: limit±1 of the number of extension headers")
    func count() throws {
        let most = Array(repeating: IPProtocol.destinationOptions, count: UpperLayer.maximumExtensions)
        let tcp = [UInt8](repeating: 1, count: 20)
        #expect(try Self.upper6(Self.packet(most.dropLast(), then: .tcp, payload: tcp)).ports != nil)
        #expect(try Self.upper6(Self.packet(most, then: .tcp, payload: tcp)).ports != nil)
        #expect(throws: FormatError.badField(.ipv6Extension, "number of headers")) {
            try Self.upper6(Self.packet(most + [.destinationOptions], then: .tcp, payload: tcp))
        }
    }

    @Test("3: hop-by-hop options stand first or nowhere")
    func order() throws {
        let tcp = [UInt8](repeating: 1, count: 20)
        #expect(try Self.upper6(Self.packet([.hopByHop], then: .tcp, payload: tcp)).ports != nil)
        #expect(throws: FormatError.badField(.ipv6Extension, "order")) {
            try Self.upper6(Self.packet([.destinationOptions, .hopByHop], then: .tcp, payload: tcp))
        }
    }

    @Test("4: a TCP header that is not whole has no ports, an extension header that is not whole is refused")
    func cut() throws {
        #expect(try Self.upper6(Self.packet([], then: .tcp, payload: [UInt8](repeating: 1, count: 19))).ports == nil)
        #expect(try Self.upper6(Self.packet([], then: .tcp, payload: [UInt8](repeating: 1, count: 20))).ports != nil)
        #expect(try Self.upper6(Self.packet([], then: .udp, payload: [UInt8](repeating: 1, count: 7))).ports == nil)
        #expect(throws: FormatError.truncated(.ipv6Extension, needed: 48, have: 47)) {
            try Self.upper6(Self.packet([], then: .routing, payload: [UInt8](repeating: 0, count: 7)))
        }
        #expect(throws: FormatError.truncated(.ipv6Extension, needed: 48, have: 40)) {
            try Self.upper6(Self.packet([], then: .routing, payload: []))
        }
        #expect(throws: FormatError.truncated(.ipv6Extension, needed: 56, have: 48)) {
            try Self.upper6(Self.packet([], then: .routing, payload: [6, 1, 0, 0, 0, 0, 0, 0]))
        }
    }
}
