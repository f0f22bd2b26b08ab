/// An IPv4 address (RFC 791).
///
/// The value is kept in host order, so that arithmetic and comparison follow the address's own order.
public struct IPv4Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The address as a number: `10.0.0.1` is `0x0a00_0001`.
    public var value: UInt32

    /// Makes an address from a number in host order.
    public init(_ value: UInt32) { self.value = value }

    /// Makes an address from its four octets.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        value = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Reads the dotted-quad form, four decimal numbers without leading zeros (RFC 6943, section 3.1.1).
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { throw .init(text, "an IPv4 address such as 10.0.0.7") }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = UInt8(part), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                part == "0" || part.first != "0"
            else { throw .init(text, "an IPv4 address such as 10.0.0.7") }
            value = value << 8 | UInt32(octet)
        }
        self.value = value
    }

    /// Makes an address from four octets in network order; nil for any other number of them.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 4 else { return nil }
        value = octets.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The four octets in network order.
    public var octets: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    /// Whether this is a multicast address, `224.0.0.0/4` (RFC 5771).
    public var isMulticast: Bool { value >> 28 == 0xe }

    public var description: String { octets.map(String.init).joined(separator: ".") }

    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// An IPv4 prefix whose host bits are zero (RFC 4632).
public struct IPv4Prefix: Hashable, Sendable, CustomStringConvertible {
    /// The network's address.
    public let address: IPv4Address
    /// The number of leading bits that the addresses of the prefix share, 0 to 32.
    public let length: Int

    /// Makes a prefix; nil when the length is out of range or a host bit is set.
    public init?(_ address: IPv4Address, length: Int) {
        guard (0...32).contains(length), address.value & ~Self.mask(length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// Reads the form `10.0.0.0/24`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(prefixLength: parts[1]), (0...32).contains(length) else {
            throw .init(text, "an IPv4 prefix such as 10.0.0.0/24")
        }
        let address = try IPv4Address(parsing: parts[0])
        guard let prefix = Self(address, length: length) else {
            let network = IPv4Address(address.value & Self.mask(length))
            throw .init(text, "a prefix without host bits; did you mean \(network)/\(length)?")
        }
        self = prefix
    }

    /// Whether the address belongs to the prefix.
    public func contains(_ other: IPv4Address) -> Bool {
        other.value & Self.mask(length) == address.value
    }

    /// Whether the two prefixes share an address.
    public func overlaps(_ other: IPv4Prefix) -> Bool {
        length <= other.length ? contains(other.address) : other.contains(address)
    }

    /// The addresses that a machine can have: without network and broadcast address where there are such.
    public var hosts: ClosedRange<UInt32> {
        let last = address.value | ~Self.mask(length)
        return length >= 31 ? address.value...last : address.value + 1...last - 1
    }

    /// The network mask of a length, in host order.
    public static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << (32 - length) }

    public var description: String { "\(address)/\(length)" }
}

extension Int {
    /// Reads the length of a prefix: one to three decimal digits, without a sign or leading zeros.
    init?(prefixLength text: some StringProtocol) {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            text == "0" || text.utf8.first != 0x30, let length = Int(text)
        else { return nil }
        self = length
    }
}
