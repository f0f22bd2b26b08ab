public import NetTypes

/// The network from which a request comes, as far as one party usually has it: an IPv4 address, or the /64 of an IPv6
/// address. An IPv4 address mapped into IPv6 counts as what it maps.
public struct SourceNetwork: Hashable, Sendable, CustomStringConvertible {
    /// Four or eight octets.
    let octets: [UInt8]

    /// The network of an address of four or sixteen octets; others are one network together.
    public init(octets address: some Collection<UInt8>) {
        let address = Array(address)
        switch address.count {
        case 4: octets = address
        case 16:
            let isMapped = address.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
            octets = isMapped ? Array(address.suffix(4)) : Array(address.prefix(8))
        default: octets = []
        }
    }

    /// The network of an address.
    public init(_ address: IPAddress) { self.init(octets: address.octets) }

    public var description: String {
        if octets.count == 4 { return octets.map(String.init).joined(separator: ".") }
        return octets.isEmpty ? "unknown" : Hexadecimal.text(octets) + "::/64"
    }
}
