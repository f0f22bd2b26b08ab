/// Bytes that are not the header that they should be.
public enum FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was to be read.
    public enum Header: String, Hashable, Sendable {
        case ethernet = "Ethernet"
        case arp = "ARP"
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"
        case ipv6Extension = "IPv6 extension"
        case icmpv4 = "ICMPv4"
        case icmpv6 = "ICMPv6"
        case neighborDiscovery = "neighbor discovery"
        case udp = "UDP"
        case vxlan = "VXLAN"
    }

    /// Fewer bytes than the header needs, or says that it has.
    case truncated(Header, needed: Int, have: Int)
    /// A field has a value that no such header has; the field's name.
    case badField(Header, String)
    /// The checksum is wrong.
    case badChecksum(Header)

    public var description: String {
        switch self {
        case .truncated(let header, let needed, let have):
            "\(header.rawValue) header cut off: it needs \(needed) bytes, \(have) are there"
        case .badField(let header, let field): "\(header.rawValue) header with a bad \(field)"
        case .badChecksum(let header): "\(header.rawValue) header with a wrong checksum"
        }
    }
}
