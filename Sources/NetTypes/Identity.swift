/// An endpoint's permanent identity: an IPv6 address inside the platform's own ULA /48 (RFC 4193).
///
/// It never changes and never says where the endpoint runs.
public struct Identity: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The identity as an address; it is what the endpoint has on its interface.
    public let address: IPv6Address

    /// Takes an address as an identity, if it is a locally assigned unique local one (`fd00::/8`).
    public init?(_ address: IPv6Address) {
        guard address.value >> 120 == 0xfd else { return nil }
        self.address = address
    }

    /// Makes an identity from sixteen octets in network order.
    public init?(octets: some Collection<UInt8>) {
        guard let address = IPv6Address(octets: octets) else { return nil }
        self.init(address)
    }

    /// Reads the text form of an IPv6 address inside `fd00::/8`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        guard let identity = Identity(try IPv6Address(parsing: text)) else {
            throw .init(text, "an identity, an address inside fd00::/8")
        }
        self = identity
    }

    /// The sixteen octets in network order.
    public var octets: [UInt8] { address.octets }

    /// The platform's /48 of this identity.
    public var platform: IPv6Prefix {
        // A /48 mask leaves no host bit, so the prefix always exists.
        IPv6Prefix(IPv6Address(address.value & IPv6Prefix.mask(48)), length: 48)
            ?? IPv6Prefix.platformOfNothing
    }

    public var description: String { address.description }

    public static func < (a: Self, b: Self) -> Bool { a.address < b.address }
}

extension IPv6Prefix {
    /// `fd00::/48`, the platform of no one: its global id is zero (RFC 4193, section 3.2.2 asks for a random one).
    public static let platformOfNothing = IPv6Prefix(fixed: IPv6Address(0xfd << 120), length: 48)

    private init(fixed address: IPv6Address, length: Int) {
        self.address = address
        self.length = length
    }
}
