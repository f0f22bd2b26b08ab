public import NetTypes

/// The beginning of every ICMPv6 message (RFC 4443, section 2.1): type (1), code (1), checksum (2).
struct ICMPv6Header {
    static let byteCount = 4

    let type: UInt8
    let code: UInt8

    /// Reads the beginning of a message and checks its checksum over the pseudo-header and all bytes.
    init(parsing bytes: Span<UInt8>, source: IPv6Address, destination: IPv6Address) throws(FormatError) {
        try bytes.need(Self.byteCount, .icmpv6)
        var sum = Checksum(
            source: source, destination: destination, protocolNumber: .icmpv6, length: bytes.count)
        sum.add(bytes)
        guard sum.value == 0 else { throw .badChecksum(.icmpv6) }
        type = bytes[0]
        code = bytes[1]
    }
}

/// The numbers of the ICMPv6 messages that we read or write.
enum ICMPv6Type {
    static let packetTooBig: UInt8 = 2
    static let routerSolicitation: UInt8 = 133
    static let routerAdvertisement: UInt8 = 134
    static let neighborSolicitation: UInt8 = 135
    static let neighborAdvertisement: UInt8 = 136

    /// Messages below 128 are errors, which are never answered with another error (RFC 4443, section 2.4).
    static func isError(_ type: UInt8) -> Bool { type < 128 }
}

/// A message that has the form of ICMPv6: a type, a code, a checksum, a body.
public protocol ICMPv6Message: Hashable, Sendable {
    /// The type of the message.
    static var type: UInt8 { get }
    /// The bytes from the type to the last option.
    var byteCount: Int { get }
    /// Reads a message: its checksum is right, its code 0.
    ///
    /// - Parameters:
    ///   - bytes: All bytes above IPv6 and its extension headers.
    ///   - header: The fixed header of the packet, for the pseudo-header and the checks of RFC 4861.
    init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError)
    /// Appends what follows type, code and checksum.
    func emitBody(into output: inout OutputSpan<UInt8>)
}

extension ICMPv6Message {
    /// The message with its checksum.
    public func bytes(source: IPv6Address, destination: IPv6Address) -> [UInt8] {
        var bytes = [UInt8](capacity: byteCount) { output in
            output.append(Self.type)
            output.append(0 as UInt8)
            output.append(0 as UInt16)
            emitBody(into: &output)
        }
        var sum = Checksum(
            source: source, destination: destination, protocolNumber: .icmpv6, length: bytes.count)
        sum.add(bytes.span)
        bytes[2] = UInt8(truncatingIfNeeded: sum.value >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: sum.value)
        return bytes
    }

    /// The message as a whole Ethernet frame.
    public func frame(
        from sourceMAC: MACAddress, to destinationMAC: MACAddress, source: IPv6Address, destination: IPv6Address,
        hopLimit: UInt8 = 255
    ) -> [UInt8] {
        let message = bytes(source: source, destination: destination)
        let ethernet = EthernetHeader(destination: destinationMAC, source: sourceMAC, etherType: .ipv6)
        let header = IPv6Header(
            source: source, destination: destination, nextHeader: .icmpv6, payloadByteCount: message.count,
            hopLimit: hopLimit)
        return [UInt8](capacity: ethernet.byteCount + header.byteCount + message.count) { output in
            ethernet.emit(into: &output)
            header.emit(into: &output)
            output.append(bytes: message)
        }
    }

    /// Checks what RFC 4861 asks of every message of neighbor discovery: hop limit 255, checksum, type and code.
    static func checkDiscovery(
        _ bytes: Span<UInt8>, in header: IPv6Header, needing minimum: Int
    ) throws(FormatError) {
        guard header.hopLimit == 255 else { throw .badField(.neighborDiscovery, "hop limit") }
        let icmp = try ICMPv6Header(parsing: bytes, source: header.source, destination: header.destination)
        guard icmp.type == type else { throw .badField(.neighborDiscovery, "type") }
        guard icmp.code == 0 else { throw .badField(.neighborDiscovery, "code") }
        try bytes.need(minimum, .neighborDiscovery)
    }
}
