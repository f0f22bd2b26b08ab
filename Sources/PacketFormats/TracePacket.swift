public import NetTypes

/// A small packet that is sent to see where it gets: a TCP SYN, a UDP datagram with the word `patchbay`, an SCTP INIT, or
/// an ICMP message.
public struct TracePacket: Hashable, Sendable {
    /// The whole Ethernet frame, from the source endpoint's address to the destination's.
    public let frame: [UInt8]

    /// Makes a packet.
    ///
    /// - Parameters:
    ///   - source: Who is to have sent it.
    ///   - destination: Who is to receive it.
    ///   - addresses: The IPv4 addresses of both, which an ICMP message of IPv4 needs; every other packet is IPv6.
    ///   - protocolNumber: TCP, UDP, SCTP, ICMP or ICMPv6; nil comes of any other.
    ///   - number: The destination port, or ICMP type × 256 + code.
    ///   - sourcePort: The source port; of an echo the identifier.
    ///   - mark: What tells it from other packets: 20 bits in the flow label, or the lower 16 in the identification.
    public init?(
        from source: Identity, to destination: Identity, addresses: (IPv4Address, IPv4Address)? = nil,
        protocolNumber: IPProtocol, number: UInt16, sourcePort: UInt16, mark: UInt32 = 0
    ) {
        guard let body = Self.body(protocolNumber, number, sourcePort) else { return nil }
        let macs = (MACAddress(of: destination), MACAddress(of: source))
        var bytes = body.bytes
        if protocolNumber == .icmpv4 {
            guard let (from, to) = addresses else { return nil }
            var sum = Checksum()
            sum.add(bytes.span)
            Self.put(sum.value, into: &bytes, at: body.checksumAt)
            let header = IPv4Header(
                source: from, destination: to, protocolNumber: protocolNumber, payloadByteCount: bytes.count,
                identification: UInt16(truncatingIfNeeded: mark))
            let ethernet = EthernetHeader(destination: macs.0, source: macs.1, etherType: .ipv4)
            frame = [UInt8](capacity: ethernet.byteCount + header.byteCount + bytes.count) { output in
                ethernet.emit(into: &output)
                header.emit(into: &output)
                output.append(bytes: bytes)
            }
            return
        }
        let (from, to) = (source.address, destination.address)
        if let place = body.checksumAt {
            var sum = Checksum(source: from, destination: to, protocolNumber: protocolNumber, length: bytes.count)
            sum.add(bytes.span)
            // RFC 8200, section 8.1: over IPv6 a UDP checksum of zero means none, and is written as its complement.
            Self.put(protocolNumber == .udp && sum.value == 0 ? 0xffff : sum.value, into: &bytes, at: place)
        }
        let header = IPv6Header(
            source: from, destination: to, nextHeader: protocolNumber, payloadByteCount: bytes.count, flowLabel: mark)
        let ethernet = EthernetHeader(destination: macs.0, source: macs.1, etherType: .ipv6)
        frame = [UInt8](capacity: ethernet.byteCount + header.byteCount + bytes.count) { output in
            ethernet.emit(into: &output)
            header.emit(into: &output)
            output.append(bytes: bytes)
        }
    }

    /// What stands behind the IP header, and where its checksum goes.
    private static func body(
        _ protocolNumber: IPProtocol, _ number: UInt16, _ sourcePort: UInt16
    ) -> (bytes: [UInt8], checksumAt: Int?)? {
        let ports = [sourcePort, number].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        switch protocolNumber {
        case .tcp:
            // RFC 9293, section 3.1: sequence number 0, a header of five words, SYN, a window of 1,024 bytes.
            return (ports + [0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0x04, 0, 0, 0, 0, 0], 16)
        case .udp:
            let word = Array("patchbay".utf8)
            return (ports + [0, UInt8(8 + word.count), 0, 0] + word, 6)
        case .sctp:
            // RFC 9260, section 3.3.2: an INIT without its CRC; the other end drops it, and the way to it is seen.
            return (
                ports + [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1], nil
            )
        case .icmpv4, .icmpv6:
            return ([UInt8(number >> 8), UInt8(number & 0xff), 0, 0] + ports.prefix(2) + [0, 1], 2)
        default: return nil
        }
    }

    private static func put(_ value: UInt16, into bytes: inout [UInt8], at place: Int?) {
        guard let place else { return }
        bytes[place] = UInt8(value >> 8)
        bytes[place + 1] = UInt8(value & 0xff)
    }
}
