public import NetTypes

/// What a leaf has to know of a frame that it has no wire for.
public struct FirstPacket: Hashable, Sendable {
    /// What the frame asks for, or whom it is for.
    public enum Kind: Hashable, Sendable {
        /// An IPv4 packet.
        case ipv4(source: IPv4Address, destination: IPv4Address)
        /// An IPv6 packet that is none of the questions below.
        case ipv6(source: IPv6Address, destination: IPv6Address)
        /// An ARP request; a probe has the sender 0.0.0.0 (RFC 5227), an announcement sender and target alike.
        case arpRequest(sender: IPv4Address, target: IPv4Address)
        /// A neighbor solicitation; in duplicate address detection the source is `::`.
        case neighborSolicitation(source: IPv6Address, target: IPv6Address)
        /// A router solicitation.
        case routerSolicitation(source: IPv6Address)
        /// Nothing that a leaf answers or leads anywhere.
        case other(EtherType)
    }

    /// Who sent the frame.
    public let sourceMAC: MACAddress
    /// Whom it is for.
    public let destinationMAC: MACAddress
    /// What it is.
    public let kind: Kind

    /// Reads a frame from its Ethernet header on.
    ///
    /// Headers that contradict themselves are refused. A checksum above IP may still be missing, so only the messages
    /// of neighbor discovery, which are answered from here, must have a right one.
    public init(parsing frame: [UInt8]) throws(FormatError) {
        try self.init(parsing: frame.span)
    }

    /// Reads a frame from its Ethernet header on.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        let ethernet = try EthernetHeader(parsing: bytes)
        sourceMAC = ethernet.source
        destinationMAC = ethernet.destination
        let payload = bytes.extracting(EthernetHeader.byteCount...)
        switch ethernet.etherType {
        case .arp:
            let arp = try ARPPacket(parsing: payload)
            kind =
                arp.operation == .request
                ? .arpRequest(sender: arp.senderIPv4, target: arp.targetIPv4) : .other(.arp)
        case .ipv4:
            let header = try IPv4Header(parsing: payload)
            kind = .ipv4(source: header.source, destination: header.destination)
        case .ipv6:
            kind = try Self.kind6(of: payload)
        default:
            kind = .other(ethernet.etherType)
        }
    }

    private static func kind6(of packet: Span<UInt8>) throws(FormatError) -> Kind {
        let header = try IPv6Header(parsing: packet)
        let upper = try UpperLayer(of: header, in: packet)
        let plain = Kind.ipv6(source: header.source, destination: header.destination)
        // Discovery in fragments is ignored (RFC 6980), and so it is no question here.
        guard upper.protocolNumber == .icmpv6, !upper.isFragment, upper.byteCount > 0 else { return plain }
        let message = packet.extracting(upper.offset..<upper.offset + upper.byteCount)
        switch message[0] {
        case ICMPv6Type.neighborSolicitation:
            let solicitation = try NeighborSolicitation(parsing: message, in: header)
            return .neighborSolicitation(source: header.source, target: solicitation.target)
        case ICMPv6Type.routerSolicitation:
            _ = try RouterSolicitation(parsing: message, in: header)
            return .routerSolicitation(source: header.source)
        default:
            return plain
        }
    }
}

extension FirstPacket {
    /// Whom a frame is for of which perhaps only the beginning is there; IPv4 in its mapped form. Nil for what is no
    /// IP packet, or shorter than an IP header.
    public static func destination(ofBeginning frame: [UInt8]) -> IPv6Address? { addresses(ofBeginning: frame)?.1 }

    /// Whom a frame is from; the same otherwise.
    public static func source(ofBeginning frame: [UInt8]) -> IPv6Address? { addresses(ofBeginning: frame)?.0 }

    private static func addresses(ofBeginning frame: [UInt8]) -> (IPv6Address, IPv6Address)? {
        let bytes = frame.span
        guard let ethernet = try? EthernetHeader(parsing: bytes) else { return nil }
        let packet = bytes.extracting(EthernetHeader.byteCount...)
        switch ethernet.etherType {
        case .ipv4 where packet.count >= IPv4Header.minimumByteCount:
            guard let source = IPv4Address(octets: packet.bytes(12..<16)),
                let destination = IPv4Address(octets: packet.bytes(16..<20))
            else { return nil }
            return (IPv6Address(mapped: source), IPv6Address(mapped: destination))
        case .ipv6 where packet.count >= IPv6Header.byteCount:
            guard let source = IPv6Address(octets: packet.bytes(8..<24)),
                let destination = IPv6Address(octets: packet.bytes(24..<40))
            else { return nil }
            return (source, destination)
        default: return nil
        }
    }
}
