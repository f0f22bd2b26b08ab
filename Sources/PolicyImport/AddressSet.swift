import NetTypes

/// A set of IPv4 and IPv6 addresses, kept as ranges that neither overlap nor touch.
struct AddressSet: Hashable, Sendable {
    /// IPv4 addresses as numbers.
    private(set) var v4: [ClosedRange<UInt128>] = []
    /// IPv6 addresses as numbers.
    private(set) var v6: [ClosedRange<UInt128>] = []

    static let all = AddressSet(v4: [0...UInt128(UInt32.max)], v6: [0...UInt128.max])

    init() {}

    private init(v4: [ClosedRange<UInt128>], v6: [ClosedRange<UInt128>]) {
        self.v4 = v4
        self.v6 = v6
    }

    init(_ prefix: IPv4Prefix) {
        v4 = [UInt128(prefix.address.value)...UInt128(prefix.address.value | ~IPv4Prefix.mask(prefix.length))]
    }

    init(_ prefix: IPv6Prefix) {
        v6 = [prefix.address.value...(prefix.address.value | ~IPv6Prefix.mask(prefix.length))]
    }

    /// Reads a prefix of either family. Host bits are masked off, as the systems that are imported from do.
    init(parsing text: String) throws(TextError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw TextError(text, "a prefix such as 192.0.2.0/24 or 2001:db8::/32") }
        switch try IPAddress(parsing: parts[0]) {
        case .v4(let address):
            guard (0...32).contains(length),
                let prefix = IPv4Prefix(IPv4Address(address.value & IPv4Prefix.mask(length)), length: length)
            else { throw TextError(text, "an IPv4 prefix such as 192.0.2.0/24") }
            self.init(prefix)
        case .v6(let address):
            guard (0...128).contains(length),
                let prefix = IPv6Prefix(IPv6Address(address.value & IPv6Prefix.mask(length)), length: length)
            else { throw TextError(text, "an IPv6 prefix such as 2001:db8::/32") }
            self.init(prefix)
        }
    }

    var isEmpty: Bool { v4.isEmpty && v6.isEmpty }
    /// Whether every address of a family that has any here is in the set.
    var isWholeFamilies: Bool { !isEmpty && (v4.isEmpty || v4 == Self.all.v4) && (v6.isEmpty || v6 == Self.all.v6) }

    func contains(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): v4.contains { $0.contains(UInt128(address.value)) }
        case .v6(let address): v6.contains { $0.contains(address.value) }
        }
    }

    // MARK: Algebra

    func union(_ other: Self) -> Self {
        Self(v4: Self.normal(v4 + other.v4), v6: Self.normal(v6 + other.v6))
    }

    func intersection(_ other: Self) -> Self {
        Self(v4: Self.intersection(v4, other.v4), v6: Self.intersection(v6, other.v6))
    }

    func subtracting(_ other: Self) -> Self {
        Self(
            v4: Self.intersection(v4, Self.complement(other.v4, UInt128(UInt32.max))),
            v6: Self.intersection(v6, Self.complement(other.v6, .max)))
    }

    /// Ranges in their order, joined where they overlap or touch.
    private static func normal(_ ranges: [ClosedRange<UInt128>]) -> [ClosedRange<UInt128>] {
        var joined: [ClosedRange<UInt128>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private static func intersection(
        _ a: [ClosedRange<UInt128>], _ b: [ClosedRange<UInt128>]
    ) -> [ClosedRange<UInt128>] {
        var common: [ClosedRange<UInt128>] = []
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            let (low, high) = (max(a[i].lowerBound, b[j].lowerBound), min(a[i].upperBound, b[j].upperBound))
            if low <= high { common.append(low...high) }
            if a[i].upperBound < b[j].upperBound { i += 1 } else { j += 1 }
        }
        return common
    }

    private static func complement(_ ranges: [ClosedRange<UInt128>], _ last: UInt128) -> [ClosedRange<UInt128>] {
        var rest: [ClosedRange<UInt128>] = []
        var next: UInt128? = 0
        for range in ranges {
            if let start = next, start < range.lowerBound { rest.append(start...(range.lowerBound - 1)) }
            next = range.upperBound == last ? nil : range.upperBound + 1
        }
        if let start = next { rest.append(start...last) }
        return rest
    }

    // MARK: Prefixes

    /// The fewest prefixes that are the set's IPv4 addresses.
    var ipv4Prefixes: [IPv4Prefix] {
        v4.flatMap { range in
            Self.blocks(range, bits: 32).compactMap { start, length in
                IPv4Prefix(IPv4Address(UInt32(truncatingIfNeeded: start)), length: length)
            }
        }
    }

    /// The fewest prefixes that are the set's IPv6 addresses.
    var ipv6Prefixes: [IPv6Prefix] {
        v6.flatMap { range in
            Self.blocks(range, bits: 128).compactMap { start, length in IPv6Prefix(IPv6Address(start), length: length) }
        }
    }

    /// A range as aligned blocks, the largest that fit from its beginning on.
    private static func blocks(_ range: ClosedRange<UInt128>, bits: Int) -> [(UInt128, Int)] {
        var blocks: [(UInt128, Int)] = []
        var start = range.lowerBound
        while true {
            var size = start == 0 ? bits : min(start.trailingZeroBitCount, bits)
            while size > 0, size == 128 ? range.upperBound != .max : range.upperBound - start < (1 << size) - 1 {
                size -= 1
            }
            blocks.append((start, bits - size))
            guard size < 128, case let (next, overflow) = start.addingReportingOverflow(1 << size), !overflow,
                next <= range.upperBound
            else { return blocks }
            start = next
        }
    }
}
