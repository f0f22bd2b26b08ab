/// "This is not allowed", as a frame back to whoever sent what a rule rejects.
///
/// TCP gets a RST (RFC 9293, section 3.10.7.1), everything else ICMP type 3, code 13 (RFC 1812, section 5.2.7.1) or
/// ICMPv6 type 1, code 1 (RFC 4443, section 3.1). The answer comes from the address that the packet was for: a wire has
/// no router on it.
public struct RejectAnswer: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case reset
        case unreachable
    }

    public let kind: Kind
    /// The Ethernet frame of the answer.
    public let frame: [UInt8]

    /// The largest answer, as an IP packet: RFC 1812, section 4.3.2.3, and RFC 4443, section 3.1.
    private static let (largest4, largest6) = (576, 1280)

    /// Makes the answer to a frame, of which the beginning does; nil where there must be none.
    ///
    /// There is none to a RST, to ICMP errors and anything in ICMP that is neither question nor answer, to fragments,
    /// to multicast and broadcast, from nobody, and to what is no IP packet (RFC 1122, section 3.2.2; RFC 4443,
    /// section 2.4).
    public init?(rejecting frame: [UInt8]) {
        guard frame.count > 14, frame[0] & 1 == 0, frame[6] & 1 == 0 else { return nil }
        let packet = Array(frame[14...])
        let answer: (Kind, [UInt8])?
        switch (frame[12], frame[13]) {
        case (0x08, 0x00): answer = Self.answer4(packet)
        case (0x86, 0xdd): answer = Self.answer6(packet)
        default: answer = nil
        }
        guard let (kind, bytes) = answer else { return nil }
        self.kind = kind
        self.frame = frame[6..<12] + frame[0..<6] + frame[12..<14] + bytes
    }

    // MARK: IPv4

    private static func answer4(_ packet: [UInt8]) -> (Kind, [UInt8])? {
        guard packet.count >= 20, packet[0] >> 4 == 4 else { return nil }
        let header = Int(packet[0] & 15) * 4
        let total = Int(packet.word(2))
        // Neither a later fragment nor a first one.
        guard header >= 20, packet.count >= header, total >= header, packet.word(6) & 0x3fff == 0 else { return nil }
        let (source, destination) = (packet[12..<16], packet[16..<20])
        for address in [source, destination] {
            // 0/8 is nobody; 224/4 and above are many, or reserved.
            guard let first = address.first, first != 0, first < 224 else { return nil }
        }
        let message: (Kind, UInt8, [UInt8])
        if packet[9] == 6 {
            guard let segment = reset(to: packet, at: header, length: total - header) else { return nil }
            let pseudo = destination + source + [0, 6] + UInt16(segment.count).pair
            message = (.reset, 6, segment.with(checksum: Array(pseudo), at: 16))
        } else {
            if packet[9] == 1 {
                guard packet.count > header, [0, 8, 13, 14].contains(packet[header]) else { return nil }
            }
            let quote = packet.prefix(min(total, largest4 - 28))
            message = (.unreachable, 1, ([3, 13, 0, 0, 0, 0, 0, 0] + quote).with(checksum: [], at: 2))
        }
        let (kind, number, body) = message
        let back = [0x45, 0] + UInt16(20 + body.count).pair + [0, 0, 0x40, 0, 64, number, 0, 0] + destination + source
        return (kind, back.with(checksum: [], at: 10) + body)
    }

    // MARK: IPv6

    private static func answer6(_ packet: [UInt8]) -> (Kind, [UInt8])? {
        guard packet.count >= 40, packet[0] >> 4 == 6 else { return nil }
        let (source, destination) = (packet[8..<24], packet[24..<40])
        guard packet[8] != 0xff, packet[24] != 0xff, source.contains(where: { $0 != 0 }) else { return nil }
        let total = 40 + Int(packet.word(4))
        guard let (number, at) = transport6(packet) else { return nil }
        let pseudo = { (count: Int, next: UInt8) in
            Array(destination + source + [0, 0] + UInt16(count).pair + [0, 0, 0, next])
        }
        let message: (Kind, UInt8, [UInt8])
        if number == 6 {
            guard total >= at, let segment = reset(to: packet, at: at, length: total - at) else { return nil }
            message = (.reset, 6, segment.with(checksum: pseudo(segment.count, 6), at: 16))
        } else {
            if number == 58 {
                // Below 128 are errors (RFC 4443, section 2.1); of the others only echo is answered.
                guard packet.count > at, packet[at] == 128 || packet[at] == 129 else { return nil }
            }
            let body = [1, 1, 0, 0, 0, 0, 0, 0] + packet.prefix(min(total, largest6 - 48))
            message = (.unreachable, 58, body.with(checksum: pseudo(body.count, 58), at: 2))
        }
        let (kind, next, body) = message
        return (kind, [0x60, 0, 0, 0] + UInt16(body.count).pair + [next, 64] + destination + source + body)
    }

    /// What follows the extension headers, and where; nil for fragments and what is cut off.
    private static func transport6(_ packet: [UInt8]) -> (UInt8, Int)? {
        var (next, at) = (packet[6], 40)
        for _ in 0...8 {
            guard [0, 43, 60, 51, 44].contains(next) else { return (next, at) }
            guard next != 44, packet.count >= at + 2 else { return nil }
            let length = next == 51 ? (Int(packet[at + 1]) + 2) * 4 : (Int(packet[at + 1]) + 1) * 8
            (next, at) = (packet[at], at + length)
        }
        return nil
    }

    // MARK: TCP

    /// The answer to a segment, with its checksum still 0; nil for a RST. The length is that of the segment with its
    /// header.
    private static func reset(to packet: [UInt8], at: Int, length: Int) -> [UInt8]? {
        guard packet.count >= at + 20 else { return nil }
        let flags = packet[at + 13]
        let header = Int(packet[at + 12] >> 4) * 4
        guard flags & 4 == 0, header >= 20, length >= header else { return nil }
        let ports = packet[at + 2..<at + 4] + packet[at..<at + 2]
        var numbers: [UInt8]
        let back: UInt8
        if flags & 16 != 0 {
            // The sequence number that the sender expects; no acknowledgement.
            numbers = packet[at + 8..<at + 12] + [0, 0, 0, 0]
            back = 4
        } else {
            let sequence = packet[at + 4..<at + 8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            // SYN and FIN count as one each.
            let count = UInt32(length - header) + UInt32(flags >> 1 & 1) + UInt32(flags & 1)
            let acknowledged = sequence &+ count
            numbers = [0, 0, 0, 0] + UInt16(acknowledged >> 16).pair + UInt16(acknowledged & 0xffff).pair
            back = 4 | 16
        }
        numbers += [0x50, back, 0, 0, 0, 0, 0, 0]
        return ports + numbers
    }
}

extension UInt16 {
    fileprivate var pair: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xff)] }
}

extension [UInt8] {
    fileprivate func word(_ offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    /// These bytes with the Internet checksum (RFC 1071) over them and a pseudo header at an offset, which holds 0.
    fileprivate func with(checksum pseudo: [UInt8], at offset: Int) -> [UInt8] {
        var sum: UInt32 = 0
        for bytes in [pseudo, self] {
            for index in stride(from: 0, to: bytes.count, by: 2) {
                sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
            }
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        var bytes = self
        bytes.replaceSubrange(offset..<offset + 2, with: UInt16(~sum & 0xffff).pair)
        return bytes
    }
}
