/// A prefix of either family, such as one that a border endpoint reaches.
///
/// The order is that of IPv4 before IPv6, then of the address, then of the length.
public enum IPPrefix: Hashable, Sendable, Comparable, CustomStringConvertible {
    case v4(IPv4Prefix)
    case v6(IPv6Prefix)

    /// Reads either text form.
    public init(parsing text: some StringProtocol) throws(TextError) {
        if text.contains(":") {
            self = .v6(try IPv6Prefix(parsing: text))
        } else {
            self = .v4(try IPv4Prefix(parsing: text))
        }
    }

    /// The number of leading bits that the addresses of the prefix share.
    public var length: Int {
        switch self {
        case .v4(let prefix): prefix.length
        case .v6(let prefix): prefix.length
        }
    }

    /// Whether the address belongs to the prefix; one of the other family never does.
    public func contains(_ address: IPAddress) -> Bool {
        switch (self, address) {
        case (.v4(let prefix), .v4(let address)): prefix.contains(address)
        case (.v6(let prefix), .v6(let address)): prefix.contains(address)
        default: false
        }
    }

    public var description: String {
        switch self {
        case .v4(let prefix): prefix.description
        case .v6(let prefix): prefix.description
        }
    }

    public static func < (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.v4(let a), .v4(let b)): (a.address.value, a.length) < (b.address.value, b.length)
        case (.v6(let a), .v6(let b)): (a.address.value, a.length) < (b.address.value, b.length)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

extension IPAddress {
    /// Whether a machine outside can have the address: neither unspecified, loopback, multicast, broadcast nor
    /// link-local, of which no packet is ever for another network (RFC 6890), and no IPv6 form of an IPv4 address.
    public var isRoutable: Bool {
        switch self {
        case .v4(let address):
            !address.isMulticast && address.value >> 24 != 0 && address.value >> 24 != 127
                && address.value >> 16 != 0xa9fe && address.value >> 28 != 0xf
        case .v6(let address):
            !address.isMulticast && !address.isLinkLocal && address.value >> 32 != 0 && address.mappedIPv4 == nil
        }
    }
}
