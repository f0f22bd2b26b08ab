public import NetTypes

/// The fixed IPv6 header (RFC 8200, section 3).
///
/// version, traffic class and flow label (4), payload length (2), next header (1), hop limit (1), source (16),
/// destination (16)
public struct IPv6Header: Hashable, Sendable {
    /// DSCP and ECN.
    public var trafficClass: UInt8
    /// The flow label, 20 bits (RFC 6437).
    public var flowLabel: UInt32
    /// The bytes that follow this header, extension headers included.
    public var payloadLength: UInt16
    /// What follows this header.
    public var nextHeader: IPProtocol
    /// How many hops are left.
    public var hopLimit: UInt8
    /// Who sent the packet.
    public var source: IPv6Address
    /// Who is to receive it.
    public var destination: IPv6Address

    /// 40
    public static let byteCount = 40
    /// 40
    public var byteCount: Int { Self.byteCount }

    /// Makes a header.
    public init(
        source: IPv6Address, destination: IPv6Address, nextHeader: IPProtocol, payloadByteCount: Int,
        hopLimit: UInt8 = 64, trafficClass: UInt8 = 0, flowLabel: UInt32 = 0
    ) {
        self.trafficClass = trafficClass
        self.flowLabel = flowLabel & 0xf_ffff
        payloadLength = UInt16(clamping: payloadByteCount)
        self.nextHeader = nextHeader
        self.hopLimit = hopLimit
        self.source = source
        self.destination = destination
    }

    /// Reads the header at the beginning of a packet, all of whose bytes must be there.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.byteCount, .ipv6)
        let first = bytes.uint32(0)
        guard first >> 28 == 6 else { throw .badField(.ipv6, "version") }
        trafficClass = UInt8(truncatingIfNeeded: first >> 20)
        flowLabel = first & 0xf_ffff
        payloadLength = bytes.uint16(4)
        try bytes.need(Self.byteCount + Int(payloadLength), .ipv6)
        nextHeader = IPProtocol(rawValue: bytes[6])
        hopLimit = bytes[7]
        source = bytes.ipv6(8)
        destination = bytes.ipv6(24)
    }

    /// Appends the ``byteCount`` bytes of the header; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        output.append(6 << 28 | UInt32(trafficClass) << 20 | (flowLabel & 0xf_ffff))
        output.append(payloadLength)
        output.append(nextHeader.rawValue)
        output.append(hopLimit)
        output.append(source)
        output.append(destination)
    }
}
