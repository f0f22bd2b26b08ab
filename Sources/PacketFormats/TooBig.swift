import NetTypes

/// "Your packet is too big for the way", as a frame back to whoever sent it.
///
/// ICMPv4 type 3, code 4 (RFC 792, RFC 1191): type, code, checksum (4), unused (2), MTU (2), then the header and the
/// first bytes of the packet. ICMPv6 type 2 (RFC 4443, section 3.2): type, code, checksum (4), MTU (4), then as much
/// of the packet as fits into 1,280 bytes.
///
/// A wire has no router on it, so the answer comes from the address that the packet was for, as in Linux's own tunnels.
public struct TooBig: Hashable, Sendable {
    /// The largest packet that would have passed, in bytes, without the Ethernet header.
    public let mtu: Int
    /// The Ethernet frame of the answer.
    public let frame: [UInt8]

    /// The most bytes of the refused IPv4 packet that are quoted: an answer of at most 576 bytes (RFC 1812, 4.3.2.3).
    static let maximumQuote4 = 576 - 20 - 8
    /// The most bytes of the refused IPv6 packet that are quoted: an answer of at most 1,280 bytes.
    static let maximumQuote6 = 1_280 - 40 - 8

    /// Makes the answer to a frame; nil where there must be none.
    ///
    /// There is none to errors, to multicast and broadcast, to later fragments, from nobody, to IPv4 packets that may
    /// be cut (RFC 1122, section 3.2.2; RFC 4443, section 2.4), and to what is no IP packet. The beginning of a frame
    /// does: what is there of it is quoted.
    public init?(refusing frame: [UInt8], mtu: Int) {
        let bytes = frame.span
        guard let ethernet = try? EthernetHeader(parsing: bytes), ethernet.destination.octets[0] & 1 == 0 else {
            return nil
        }
        let there = bytes.extracting(EthernetHeader.byteCount...)
        let packet = Self.filledUp(there, ethernet.etherType)
        let answer: [UInt8]?
        switch ethernet.etherType {
        case .ipv4: answer = Self.answer4(to: packet.span, mtu: mtu, there: there.count)
        case .ipv6: answer = Self.answer6(to: packet.span, mtu: mtu, there: there.count)
        default: answer = nil
        }
        guard let answer else { return nil }
        let back = EthernetHeader(
            destination: ethernet.source, source: ethernet.destination, etherType: ethernet.etherType)
        self.mtu = mtu
        self.frame = [UInt8](capacity: back.byteCount + answer.count) { output in
            back.emit(into: &output)
            output.append(bytes: answer)
        }
    }

    /// A packet of which only the beginning is there, with zeros up to the length that its header names.
    private static func filledUp(_ packet: Span<UInt8>, _ type: EtherType) -> [UInt8] {
        var bytes = packet.bytes(0..<packet.count)
        let length =
            switch type {
            case .ipv4 where packet.count >= IPv4Header.minimumByteCount: Int(packet.uint16(2))
            case .ipv6 where packet.count >= IPv6Header.byteCount: IPv6Header.byteCount + Int(packet.uint16(4))
            default: 0
            }
        if length > bytes.count { bytes += [UInt8](repeating: 0, count: length - bytes.count) }
        return bytes
    }

    private static func answer4(to packet: Span<UInt8>, mtu: Int, there: Int) -> [UInt8]? {
        guard let header = try? IPv4Header(parsing: packet), header.dontFragment, header.fragmentOffset == 0,
            !header.destination.isMulticast, header.destination.value != .max,
            !header.source.isMulticast, header.source.value != 0, header.source.value != .max
        else { return nil }
        if header.protocolNumber == .icmpv4 {
            // Only questions and answers may be answered: echo, time stamp and the like, never another error.
            guard header.byteCount < Int(header.totalLength) else { return nil }
            switch packet[header.byteCount] {
            case 0, 8, 13, 14: break
            default: return nil
            }
        }
        // The packet left a device that takes more than the MTU; the answer enters by it, and must not be too big itself.
        let room = max(mtu - 28, header.byteCount + 8)
        let quote = packet.bytes(0..<min(Int(header.totalLength), maximumQuote4, room, there))
        var message = [UInt8](capacity: 8 + quote.count) { output in
            output.append(3 as UInt8)
            output.append(4 as UInt8)
            output.append(0 as UInt16)
            output.append(0 as UInt16)
            output.append(UInt16(clamping: mtu))
            output.append(bytes: quote)
        }
        var sum = Checksum()
        sum.add(message.span)
        message[2] = UInt8(truncatingIfNeeded: sum.value >> 8)
        message[3] = UInt8(truncatingIfNeeded: sum.value)
        // Class selector 6, internetwork control (RFC 1812, section 4.3.2.5).
        let back = IPv4Header(
            source: header.destination, destination: header.source, protocolNumber: .icmpv4,
            payloadByteCount: message.count, dontFragment: false, trafficClass: 0xc0)
        return [UInt8](capacity: back.byteCount + message.count) { output in
            back.emit(into: &output)
            output.append(bytes: message)
        }
    }

    private static func answer6(to packet: Span<UInt8>, mtu: Int, there: Int) -> [UInt8]? {
        guard let header = try? IPv6Header(parsing: packet), let upper = try? UpperLayer(of: header, in: packet),
            !upper.isLaterFragment, !header.destination.isMulticast, !header.source.isMulticast,
            header.source.value != 0
        else { return nil }
        if upper.protocolNumber == .icmpv6 {
            guard upper.byteCount > 0, !ICMPv6Type.isError(packet[upper.offset]) else { return nil }
        }
        let end = min(header.byteCount + Int(header.payloadLength), maximumQuote6, there)
        let message = PacketTooBig(mtu: UInt32(clamping: mtu), quote: packet.bytes(0..<end))
            .bytes(source: header.destination, destination: header.source)
        let back = IPv6Header(
            source: header.destination, destination: header.source, nextHeader: .icmpv6,
            payloadByteCount: message.count)
        return [UInt8](capacity: back.byteCount + message.count) { output in
            back.emit(into: &output)
            output.append(bytes: message)
        }
    }
}

/// The ICMPv6 message "packet too big" (RFC 4443, section 3.2).
public struct PacketTooBig: ICMPv6Message {
    public static let type = ICMPv6Type.packetTooBig

    /// The largest packet that would have passed, in bytes.
    public var mtu: UInt32
    /// The beginning of the packet that did not.
    public var quote: [UInt8]

    public var byteCount: Int { 8 + quote.count }

    /// Makes a message.
    public init(mtu: UInt32, quote: [UInt8]) {
        self.mtu = mtu
        self.quote = quote
    }

    public init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError) {
        let icmp = try ICMPv6Header(parsing: bytes, source: header.source, destination: header.destination)
        guard icmp.type == Self.type else { throw .badField(.icmpv6, "type") }
        guard icmp.code == 0 else { throw .badField(.icmpv6, "code") }
        try bytes.need(8, .icmpv6)
        mtu = bytes.uint32(4)
        quote = bytes.bytes(8..<bytes.count)
    }

    public func emitBody(into output: inout OutputSpan<UInt8>) {
        output.append(mtu)
        output.append(bytes: quote)
    }
}
