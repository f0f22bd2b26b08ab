import NetTypes

/// Completes the checksum that a sender left to its device.
///
/// An endpoint's kernel sends with `CHECKSUM_PARTIAL`: in the checksum field stands the folded sum of the
/// pseudo-header, and the device adds the rest. A frame that the leaf held and sends itself never meets such a device. So where TCP's,
/// UDP's or ICMPv6's field holds just that sum, the checksum is completed; a right one, a wrong one, none (UDP over
/// IPv4), fragments and all other protocols are left as they are. A wrong checksum passes for a partial one once in
/// 65,536 times; as any other wrong one it comes from a damaged packet of the endpoint's own.
///
/// - Parameter frame: An Ethernet frame, also a super-packet.
/// - Returns: The frame, as long as before.
public func completingChecksum(_ frame: [UInt8]) -> [UInt8] {
    guard let field = PartialChecksum(parsing: frame.span) else { return frame }
    var frame = frame
    frame[field.offset] = UInt8(truncatingIfNeeded: field.completed >> 8)
    frame[field.offset + 1] = UInt8(truncatingIfNeeded: field.completed)
    return frame
}

/// A checksum field that holds only the folded sum of the pseudo-header.
struct PartialChecksum {
    /// Where the field stands in the frame.
    let offset: Int
    /// What it has to hold.
    let completed: UInt16

    init?(parsing frame: Span<UInt8>) {
        // 1. Find the bytes above IP, whole ones only.
        guard let ethernet = try? EthernetHeader(parsing: frame) else { return nil }
        let packet = frame.extracting(EthernetHeader.byteCount...)
        let upper: UpperLayer
        let pseudo: Checksum
        switch ethernet.etherType {
        case .ipv4:
            guard let header = try? IPv4Header(parsing: packet), let found = try? UpperLayer(of: header, in: packet)
            else { return nil }
            upper = found
            pseudo = Checksum(
                source: header.source, destination: header.destination, protocolNumber: found.protocolNumber,
                length: found.byteCount)
        case .ipv6:
            guard let header = try? IPv6Header(parsing: packet), let found = try? UpperLayer(of: header, in: packet)
            else { return nil }
            upper = found
            pseudo = Checksum(
                source: header.source, destination: header.destination, protocolNumber: found.protocolNumber,
                length: found.byteCount)
        default: return nil
        }
        guard !upper.isFragment else { return nil }

        // 2. Where is the field?
        let isIPv6 = ethernet.etherType == .ipv6
        let (fieldOffset, minimum): (Int, Int)
        switch upper.protocolNumber {
        case .tcp: (fieldOffset, minimum) = (16, 20)
        case .udp: (fieldOffset, minimum) = (6, UDPHeader.byteCount)
        case .icmpv6 where isIPv6: (fieldOffset, minimum) = (2, ICMPv6Header.byteCount)
        default: return nil
        }
        guard upper.byteCount >= minimum else { return nil }
        let message = packet.extracting(upper.offset..<upper.offset + upper.byteCount)
        let present = message.uint16(fieldOffset)
        if upper.protocolNumber == .udp, Int(message.uint16(4)) != upper.byteCount { return nil }
        if upper.protocolNumber == .udp, present == 0 { return nil }

        // 3. Is it partial? A right checksum that looks like it by chance comes out as it was.
        guard present == pseudo.folded else { return nil }

        // 4. The sum of the message holds the pseudo-header's already, by the field itself.
        var sum = Checksum()
        sum.add(message)
        offset = EthernetHeader.byteCount + upper.offset + fieldOffset
        // UDP writes a checksum of 0 as all ones, since 0 means that there is none (RFC 768).
        completed = upper.protocolNumber == .udp && sum.value == 0 ? 0xffff : sum.value
    }
}
