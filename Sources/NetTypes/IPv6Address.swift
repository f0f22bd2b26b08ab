/// An IPv6 address (RFC 4291).
public struct IPv6Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    private var bits: Bits128

    /// The address as a number; its highest bits come first on the network.
    public var value: UInt128 {
        get { bits.value }
        set { bits = Bits128(newValue) }
    }

    /// Makes an address from a number.
    public init(_ value: UInt128) { bits = Bits128(value) }

    /// Makes an address from sixteen octets in network order; nil for any other number of them.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        bits = Bits128(octets.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// Makes the IPv4-mapped form of an address, `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2).
    public init(mapped address: IPv4Address) { bits = Bits128(0xffff_0000_0000 | UInt128(address.value)) }

    /// Reads any of the text forms of RFC 4291, section 2.2, without a zone.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let bad = TextError(text, "an IPv6 address such as fd00::1")
        let halves = Self.halves(of: String(text))
        guard halves.count <= 2 else { throw bad }
        var groups: [[UInt16]] = []
        for (index, half) in halves.enumerated() {
            guard let read = Self.groups(of: half, mayEndInIPv4: index == halves.count - 1) else {
                throw bad
            }
            groups.append(read)
        }
        let count = groups.joined().count
        guard halves.count == 1 ? count == 8 : count <= 7 else { throw bad }
        let tail = groups.count == 2 ? groups[1] : []
        let all = groups[0] + Array(repeating: 0, count: 8 - count) + tail
        bits = Bits128(all.reduce(0) { $0 << 16 | UInt128($1) })
    }

    private static func halves(of text: String) -> [String] {
        var halves = [""]
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix("::") {
                halves.append("")
                rest = rest.dropFirst(2)
            } else {
                halves[halves.count - 1].append(rest.removeFirst())
            }
        }
        return halves
    }

    private static func groups(of half: String, mayEndInIPv4: Bool) -> [UInt16]? {
        guard !half.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = half.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let ipv4 = try? IPv4Address(parsing: part) else { return nil }
                groups += [UInt16(ipv4.value >> 16), UInt16(truncatingIfNeeded: ipv4.value)]
            } else {
                guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    /// The sixteen octets in network order.
    public var octets: [UInt8] { (0..<16).map { UInt8(truncatingIfNeeded: value >> (120 - 8 * $0)) } }

    /// The IPv4 address of an IPv4-mapped address, else nil.
    public var mappedIPv4: IPv4Address? {
        value >> 32 == 0xffff ? IPv4Address(UInt32(truncatingIfNeeded: value)) : nil
    }

    /// Whether this is a multicast address, `ff00::/8`.
    public var isMulticast: Bool { value >> 120 == 0xff }

    /// Whether this is a link-local unicast address, `fe80::/10`.
    public var isLinkLocal: Bool { value >> 118 == 0x3fa }

    /// The solicited-node multicast address (RFC 4291, section 2.7.1).
    public var solicitedNode: IPv6Address {
        IPv6Address(0xff02_0000_0000_0000_0000_0001_ff00_0000 | (value & 0xff_ffff))
    }

    /// The canonical text form (RFC 5952): lower case, the longest run of zero groups shortened.
    public var description: String {
        if let mappedIPv4 { return "::ffff:\(mappedIPv4)" }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> (112 - 16 * $0)) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        let hex = groups.map { String($0, radix: 16) }
        guard best.count >= 2 else { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::"
            + hex[best.upperBound...].joined(separator: ":")
    }

    public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// An IPv6 prefix whose host bits are zero (RFC 4291, section 2.3).
public struct IPv6Prefix: Hashable, Sendable, CustomStringConvertible {
    /// The network's address.
    public let address: IPv6Address
    /// The number of leading bits that the addresses of the prefix share, 0 to 128.
    public let length: Int

    /// Makes a prefix; nil when the length is out of range or a host bit is set.
    public init?(_ address: IPv6Address, length: Int) {
        guard (0...128).contains(length), address.value & ~Self.mask(length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// Reads the form `fd00::/48`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(prefixLength: parts[1]), (0...128).contains(length) else {
            throw .init(text, "an IPv6 prefix such as fd00::/48")
        }
        let address = try IPv6Address(parsing: parts[0])
        guard let prefix = Self(address, length: length) else {
            let network = IPv6Address(address.value & Self.mask(length))
            throw .init(text, "a prefix without host bits; did you mean \(network)/\(length)?")
        }
        self = prefix
    }

    /// Whether the address belongs to the prefix.
    public func contains(_ other: IPv6Address) -> Bool {
        other.value & Self.mask(length) == address.value
    }

    /// The network mask of a length.
    public static func mask(_ length: Int) -> UInt128 {
        length == 0 ? 0 : ~UInt128(0) << UInt128(128 - length)
    }

    public var description: String { "\(address)/\(length)" }
}
