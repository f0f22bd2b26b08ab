/// What a packet carries above IP and all its extension headers, and where.
///
/// Ports exist only where the bytes of a TCP or UDP header are really there: an unknown protocol, ESP, GRE or a later
/// fragment has none, whatever its bytes look like.
public struct UpperLayer: Hashable, Sendable {
    /// The protocol above IP.
    public let protocolNumber: IPProtocol
    /// Where its bytes begin, counted from the IP header.
    public let offset: Int
    /// How many bytes of it are there.
    public let byteCount: Int
    /// Whether the packet is one part of several.
    public let isFragment: Bool
    /// Whether the packet is a part without the beginning, so that there is no header of ``protocolNumber`` in it.
    public let isLaterFragment: Bool
    /// TCP's and UDP's ports; nil for everything else.
    public let ports: Ports?

    /// The two ports of a TCP segment or UDP datagram.
    public struct Ports: Hashable, Sendable {
        /// The sender's port.
        public let source: UInt16
        /// The receiver's port.
        public let destination: UInt16
    }

    /// The most extension headers that are walked; each kind stands at most once in an honest packet, destination
    /// options twice (RFC 8200, section 4.1).
    public static let maximumExtensions = 8

    /// Finds what an IPv4 packet carries.
    public init(of header: IPv4Header, in packet: Span<UInt8>) throws(FormatError) {
        try packet.need(Int(header.totalLength), .ipv4)
        self.init(
            header.protocolNumber, at: header.byteCount, end: max(header.byteCount, Int(header.totalLength)),
            in: packet, isFragment: header.isFragment, isLater: header.fragmentOffset != 0)
    }

    /// Finds what an IPv6 packet carries: walks hop-by-hop options, routing, fragment and authentication headers,
    /// destination options, mobility, HIP and Shim6 (RFC 7045, section 2). Anything else, ESP included, ends the walk.
    public init(of header: IPv6Header, in packet: Span<UInt8>) throws(FormatError) {
        let end = IPv6Header.byteCount + Int(header.payloadLength)
        try packet.need(end, .ipv6)
        var next = header.nextHeader
        var offset = IPv6Header.byteCount
        var isFragment = false
        var extensions = 0
        while true {
            // 1. How long is this header, if it is one that can be walked over?
            let walked: Bool
            switch next {
            case .hopByHop, .routing, .destinationOptions, .mobility, .hip, .shim6, .authentication, .fragment:
                walked = true
            default: walked = false
            }
            guard walked else { break }
            extensions += 1
            guard extensions <= Self.maximumExtensions else { throw .badField(.ipv6Extension, "number of headers") }
            guard offset + 8 <= end else { throw .truncated(.ipv6Extension, needed: offset + 8, have: end) }
            // 2. Hop-by-hop options stand right after the fixed header or nowhere (RFC 8200, section 4.1).
            guard next != .hopByHop || offset == IPv6Header.byteCount else {
                throw .badField(.ipv6Extension, "order")
            }
            let byteCount =
                switch next {
                case .fragment: 8
                case .authentication: (Int(packet[offset + 1]) + 2) * 4  // RFC 4302, section 2.2
                default: (Int(packet[offset + 1]) + 1) * 8
                }
            guard offset + byteCount <= end else {
                throw .truncated(.ipv6Extension, needed: offset + byteCount, have: end)
            }
            let inner = IPProtocol(rawValue: packet[offset])
            // 3. Behind a later fragment's header are bytes from the middle: nothing there can be read.
            if next == .fragment {
                let field = packet.uint16(offset + 2)
                isFragment = isFragment || field & 0xfff9 != 0
                if field & 0xfff8 != 0 {
                    self.init(inner, at: offset + byteCount, end: end, in: packet, isFragment: true, isLater: true)
                    return
                }
            }
            offset += byteCount
            next = inner
        }
        self.init(next, at: offset, end: end, in: packet, isFragment: isFragment, isLater: false)
    }

    private init(
        _ protocolNumber: IPProtocol, at offset: Int, end: Int, in packet: Span<UInt8>, isFragment: Bool, isLater: Bool
    ) {
        self.protocolNumber = protocolNumber
        self.offset = offset
        byteCount = end - offset
        self.isFragment = isFragment
        isLaterFragment = isLater
        let headerByteCount: Int? =
            switch protocolNumber {
            case .tcp: 20
            case .udp: UDPHeader.byteCount
            default: nil
            }
        if let headerByteCount, !isLater, end - offset >= headerByteCount {
            ports = Ports(source: packet.uint16(offset), destination: packet.uint16(offset + 2))
        } else {
            ports = nil
        }
    }
}
