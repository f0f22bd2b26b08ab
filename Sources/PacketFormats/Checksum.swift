public import NetTypes

/// The internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words.
public struct Checksum: Hashable, Sendable {
    private var total: UInt64

    /// Begins with nothing summed.
    public init() { total = 0 }

    /// Begins with the IPv4 pseudo-header of TCP and UDP (RFC 9293, section 3.1; RFC 768).
    public init(source: IPv4Address, destination: IPv4Address, protocolNumber: IPProtocol, length: Int) {
        total = 0
        add(source.value)
        add(destination.value)
        add(UInt32(protocolNumber.rawValue))
        add(UInt32(truncatingIfNeeded: length))
    }

    /// Begins with the IPv6 pseudo-header (RFC 8200, section 8.1).
    public init(source: IPv6Address, destination: IPv6Address, protocolNumber: IPProtocol, length: Int) {
        total = 0
        for address in [source, destination] {
            for shift in stride(from: 96, through: 0, by: -32) {
                add(UInt32(truncatingIfNeeded: address.value >> UInt128(shift)))
            }
        }
        add(UInt32(protocolNumber.rawValue))
        add(UInt32(truncatingIfNeeded: length))
    }

    private mutating func add(_ value: UInt32) { total += UInt64(value >> 16) + UInt64(value & 0xffff) }

    /// Adds bytes, the first of which is the high half of a word; an odd last one is padded with zero.
    public mutating func add(_ bytes: Span<UInt8>) {
        var index = 0
        while index + 1 < bytes.count {
            total += UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
            index += 2
        }
        if index < bytes.count { total += UInt64(bytes[index]) << 8 }
    }

    /// The sum with its carries folded in, not complemented: what stands in the field of a packet whose checksum the
    /// device was to complete (`CHECKSUM_PARTIAL`), when only the pseudo-header is summed.
    public var folded: UInt16 {
        var sum = total
        while sum > 0xffff { sum = (sum >> 16) + (sum & 0xffff) }
        return UInt16(sum)
    }

    /// The checksum, as it stands in a header. Over data that contains its own right checksum it is 0.
    public var value: UInt16 { ~folded }
}
