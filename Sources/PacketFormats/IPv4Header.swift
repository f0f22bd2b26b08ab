public import NetTypes

/// An IPv4 header (RFC 791), with its options.
///
/// version and length (1), traffic class (1), total length (2), identification (2), flags and fragment offset (2),
/// time to live (1), protocol (1), checksum (2), source (4), destination (4), options (0 to 40)
public struct IPv4Header: Hashable, Sendable {
    /// DSCP and ECN (RFC 2474, RFC 3168).
    public var trafficClass: UInt8
    /// The bytes of header and payload together.
    public var totalLength: UInt16
    /// What the fragments of one packet have in common.
    public var identification: UInt16
    /// Whether routers must not cut the packet.
    public var dontFragment: Bool
    /// Whether other fragments follow.
    public var moreFragments: Bool
    /// Where the fragment's payload belongs, in units of eight bytes, 0 to 8,191.
    public var fragmentOffset: UInt16
    /// How many hops are left.
    public var timeToLive: UInt8
    /// What the payload is.
    public var protocolNumber: IPProtocol
    /// Who sent the packet.
    public var source: IPv4Address
    /// Who is to receive it.
    public var destination: IPv4Address
    /// The options, 0 to 40 bytes, a multiple of four.
    public let options: [UInt8]

    /// The bytes of a header without options.
    public static let minimumByteCount = 20
    /// 20 to 60
    public var byteCount: Int { Self.minimumByteCount + options.count }

    /// Makes a header without options.
    public init(
        source: IPv4Address, destination: IPv4Address, protocolNumber: IPProtocol, payloadByteCount: Int,
        timeToLive: UInt8 = 64, dontFragment: Bool = true, identification: UInt16 = 0, trafficClass: UInt8 = 0
    ) {
        self.trafficClass = trafficClass
        totalLength = UInt16(clamping: Self.minimumByteCount + payloadByteCount)
        self.identification = identification
        self.dontFragment = dontFragment
        moreFragments = false
        fragmentOffset = 0
        self.timeToLive = timeToLive
        self.protocolNumber = protocolNumber
        self.source = source
        self.destination = destination
        options = []
    }

    /// Reads the header at the beginning of a packet.
    ///
    /// Refused are another version, lengths that contradict each other or the bytes that are there, the reserved flag,
    /// and a wrong checksum (RFC 1122, section 3.2.1.2).
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.minimumByteCount, .ipv4)
        guard bytes[0] >> 4 == 4 else { throw .badField(.ipv4, "version") }
        let headerByteCount = Int(bytes[0] & 0xf) * 4
        guard headerByteCount >= Self.minimumByteCount else { throw .badField(.ipv4, "header length") }
        try bytes.need(headerByteCount, .ipv4)
        totalLength = bytes.uint16(2)
        guard Int(totalLength) >= headerByteCount else { throw .badField(.ipv4, "total length") }
        try bytes.need(Int(totalLength), .ipv4)
        var sum = Checksum()
        sum.add(bytes.extracting(0..<headerByteCount))
        guard sum.value == 0 else { throw .badChecksum(.ipv4) }
        trafficClass = bytes[1]
        identification = bytes.uint16(4)
        let flags = bytes.uint16(6)
        guard flags & 0x8000 == 0 else { throw .badField(.ipv4, "reserved flag") }
        dontFragment = flags & 0x4000 != 0
        moreFragments = flags & 0x2000 != 0
        fragmentOffset = flags & 0x1fff
        timeToLive = bytes[8]
        protocolNumber = IPProtocol(rawValue: bytes[9])
        source = bytes.ipv4(12)
        destination = bytes.ipv4(16)
        options = bytes.bytes(Self.minimumByteCount..<headerByteCount)
    }

    /// Whether the packet is a part of one that was cut.
    public var isFragment: Bool { moreFragments || fragmentOffset != 0 }

    /// Appends the ``byteCount`` bytes of the header with its checksum; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        var header = [UInt8](capacity: byteCount) { header in
            header.append(UInt8(truncatingIfNeeded: 0x40 | byteCount / 4))
            header.append(trafficClass)
            header.append(totalLength)
            header.append(identification)
            header.append((dontFragment ? 0x4000 : 0) | (moreFragments ? 0x2000 : 0) | (fragmentOffset & 0x1fff))
            header.append(timeToLive)
            header.append(protocolNumber.rawValue)
            header.append(0 as UInt16)
            header.append(source)
            header.append(destination)
            header.append(bytes: options)
        }
        var sum = Checksum()
        sum.add(header.span)
        header[10] = UInt8(truncatingIfNeeded: sum.value >> 8)
        header[11] = UInt8(truncatingIfNeeded: sum.value)
        output.append(bytes: header)
    }
}
