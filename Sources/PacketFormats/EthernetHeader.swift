public import NetTypes

/// The type of what an Ethernet frame carries (IEEE 802 numbers).
public struct EtherType: RawRepresentable, Hashable, Sendable {
    /// The number; below 0x0600 it is a length (IEEE 802.3).
    public let rawValue: UInt16

    /// Takes a number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// IPv4, 0x0800.
    public static let ipv4 = Self(rawValue: 0x0800)
    /// ARP, 0x0806.
    public static let arp = Self(rawValue: 0x0806)
    /// A VLAN tag (IEEE 802.1Q), 0x8100.
    public static let vlan = Self(rawValue: 0x8100)
    /// IPv6, 0x86dd.
    public static let ipv6 = Self(rawValue: 0x86dd)
}

/// An Ethernet header: destination (6), source (6), type (2).
public struct EthernetHeader: Hashable, Sendable {
    /// Who is to receive the frame.
    public var destination: MACAddress
    /// Who sent it.
    public var source: MACAddress
    /// What it carries.
    public var etherType: EtherType

    /// 14
    public static let byteCount = 14
    /// 14
    public var byteCount: Int { Self.byteCount }

    /// Makes a header.
    public init(destination: MACAddress, source: MACAddress, etherType: EtherType) {
        self.destination = destination
        self.source = source
        self.etherType = etherType
    }

    /// Reads the header at the beginning of a frame.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.byteCount, .ethernet)
        destination = bytes.mac(0)
        source = bytes.mac(6)
        etherType = EtherType(rawValue: bytes.uint16(12))
    }

    /// Appends the ``byteCount`` bytes of the header; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        output.append(destination)
        output.append(source)
        output.append(etherType.rawValue)
    }
}
