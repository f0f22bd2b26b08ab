public import NetTypes

/// A VXLAN header (RFC 7348, section 5): flags (1), reserved (3), network identifier (3), reserved (1).
public struct VXLANHeader: Hashable, Sendable {
    /// The label of the wire, in the place of the network identifier.
    public var label: Label

    /// 8
    public static let byteCount = 8
    /// 8
    public var byteCount: Int { Self.byteCount }
    /// The UDP port, 4789.
    public static let port: UInt16 = 4789

    /// Makes a header.
    public init(label: Label) { self.label = label }

    /// Reads the header after that of UDP. Reserved bits are ignored, as the RFC says; a header without identifier,
    /// and identifier 0, which is no label, are refused.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.byteCount, .vxlan)
        guard bytes[0] & 0x08 != 0 else { throw .badField(.vxlan, "flag I") }
        guard let label = Label(bytes.uint32(4) >> 8) else { throw .badField(.vxlan, "network identifier") }
        self.label = label
    }

    /// Appends the ``byteCount`` bytes of the header; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        output.append(0x0800_0000 as UInt32)
        output.append(label.value << 8)
    }
}

/// The payload of a VXLAN datagram: the header and the inner Ethernet frame.
public struct VXLANFrame: Hashable, Sendable {
    /// The label of the wire.
    public var vni: Label
    /// The inner frame, from its Ethernet header on.
    public var inner: [UInt8]

    /// Puts the two together.
    public init(vni: Label, inner: [UInt8]) {
        self.vni = vni
        self.inner = inner
    }

    /// Reads the payload of a datagram; the inner frame has at least an Ethernet header.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        vni = try VXLANHeader(parsing: bytes).label
        _ = try EthernetHeader(parsing: bytes.extracting(VXLANHeader.byteCount...))
        inner = bytes.bytes(VXLANHeader.byteCount..<bytes.count)
    }

    /// The bytes of header and inner frame.
    public var byteCount: Int { VXLANHeader.byteCount + inner.count }

    /// Appends the ``byteCount`` bytes; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        VXLANHeader(label: vni).emit(into: &output)
        output.append(bytes: inner)
    }

    /// The payload of the datagram.
    public var bytes: [UInt8] {
        [UInt8](capacity: byteCount) { output in emit(into: &output) }
    }
}
