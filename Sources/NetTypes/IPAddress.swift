/// An address of either family, such as a locator on the underlay.
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// Reads either text form.
    public init(parsing text: some StringProtocol) throws(TextError) {
        if text.contains(":") {
            self = .v6(try IPv6Address(parsing: text))
        } else {
            self = .v4(try IPv4Address(parsing: text))
        }
    }

    /// Makes an address from four or sixteen octets in network order; nil for any other number of them.
    public init?(octets: some Collection<UInt8>) {
        if let v4 = IPv4Address(octets: octets) {
            self = .v4(v4)
        } else if let v6 = IPv6Address(octets: octets) {
            self = .v6(v6)
        } else {
            return nil
        }
    }

    /// Four or sixteen octets in network order.
    public var octets: [UInt8] {
        switch self {
        case .v4(let address): address.octets
        case .v6(let address): address.octets
        }
    }

    /// The address as one IPv6 address, an IPv4 one in its mapped form (RFC 4291, section 2.5.5.2).
    public var mapped: IPv6Address {
        switch self {
        case .v4(let address): IPv6Address(mapped: address)
        case .v6(let address): address
        }
    }

    /// Undoes ``mapped``.
    public init(unmapping address: IPv6Address) {
        self = address.mappedIPv4.map(IPAddress.v4) ?? .v6(address)
    }

    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}
