/// A UDP header (RFC 768): source port (2), destination port (2), length (2), checksum (2).
public struct UDPHeader: Hashable, Sendable {
    /// The sender's port.
    public var source: UInt16
    /// The receiver's port.
    public var destination: UInt16
    /// The bytes of header and payload together.
    public var length: UInt16
    /// The checksum as it stands there; 0: none.
    public var checksum: UInt16

    /// 8
    public static let byteCount = 8
    /// 8
    public var byteCount: Int { Self.byteCount }

    /// Makes a header.
    public init(source: UInt16, destination: UInt16, payloadByteCount: Int, checksum: UInt16 = 0) {
        self.source = source
        self.destination = destination
        length = UInt16(clamping: Self.byteCount + payloadByteCount)
        self.checksum = checksum
    }

    /// Reads the header of a datagram, all of whose bytes must be there. The checksum is not checked.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.byteCount, .udp)
        source = bytes.uint16(0)
        destination = bytes.uint16(2)
        length = bytes.uint16(4)
        checksum = bytes.uint16(6)
        guard length >= Self.byteCount else { throw .badField(.udp, "length") }
        try bytes.need(Int(length), .udp)
    }

    /// Appends the ``byteCount`` bytes of the header; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        output.append(source)
        output.append(destination)
        output.append(length)
        output.append(checksum)
    }
}
