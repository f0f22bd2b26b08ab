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
        var ends = (IPAddress.v6(source.address), IPAddress.v6(destination.address))
        if protocolNumber == .icmpv4 {
            guard let addresses else { return nil }
            ends = (.v4(addresses.0), .v4(addresses.1))
        }
        self.init(
            from: ends.0, to: ends.1, macs: (MACAddress(of: source), MACAddress(of: destination)),
            protocolNumber: protocolNumber, number: number, sourcePort: sourcePort, mark: mark)
    }

    /// Makes a packet between two addresses of one family; nil comes of two families, and of ICMP of the other one.
    public init?(
        from source: IPAddress, to destination: IPAddress, macs: (MACAddress, MACAddress), protocolNumber: IPProtocol,
        number: UInt16, sourcePort: UInt16, mark: UInt32 = 0
    ) {
        guard let body = Self.body(protocolNumber, number, sourcePort) else { return nil }
        var bytes = body.bytes
        var sum: Checksum
        let length = bytes.count
        switch (source, destination) {
        case (.v4(let from), .v4(let to)) where protocolNumber != .icmpv6:
            // ICMP of IPv4 has no pseudo-header (RFC 792).
            sum =
                protocolNumber == .icmpv4
                ? Checksum()
                : Checksum(source: from, destination: to, protocolNumber: protocolNumber, length: length)
        case (.v6(let from), .v6(let to)) where protocolNumber != .icmpv4:
            sum = Checksum(source: from, destination: to, protocolNumber: protocolNumber, length: length)
        default: return nil
        }
        if let place = body.checksumAt {
            sum.add(bytes.span)
            // RFC 768, and RFC 8200, section 8.1: a UDP checksum of zero means none, and is written as its complement.
            Self.put(protocolNumber == .udp && sum.value == 0 ? 0xffff : sum.value, into: &bytes, at: place)
        }
        if case .v4(let from) = source, case .v4(let to) = destination {
            let header = IPv4Header(
                source: from, destination: to, protocolNumber: protocolNumber, payloadByteCount: length,
                identification: UInt16(truncatingIfNeeded: mark))
            let ethernet = EthernetHeader(destination: macs.1, source: macs.0, etherType: .ipv4)
            frame = [UInt8](capacity: ethernet.byteCount + header.byteCount + length) { output in
                ethernet.emit(into: &output)
                header.emit(into: &output)
                output.append(bytes: bytes)
            }
            return
        }
        let header = IPv6Header(
            source: source.mapped, destination: destination.mapped, nextHeader: protocolNumber,
            payloadByteCount: length, flowLabel: mark)
        let ethernet = EthernetHeader(destination: macs.1, source: macs.0, etherType: .ipv6)
        frame = [UInt8](capacity: ethernet.byteCount + header.byteCount + length) { output in
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
