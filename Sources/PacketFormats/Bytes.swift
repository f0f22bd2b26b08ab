import NetTypes

// Reading and writing fields in network order. Every header checks its length once, before the first of these.

extension Span<UInt8> {
    /// Throws unless at least so many bytes are there.
    func need(_ count: Int, _ header: FormatError.Header) throws(FormatError) {
        guard self.count >= count else { throw .truncated(header, needed: count, have: self.count) }
    }

    func uint16(_ offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    func uint32(_ offset: Int) -> UInt32 { UInt32(uint16(offset)) << 16 | UInt32(uint16(offset + 2)) }

    func mac(_ offset: Int) -> MACAddress {
        MACAddress(UInt64(uint16(offset)) << 32 | UInt64(uint32(offset + 2)))
    }

    func ipv4(_ offset: Int) -> IPv4Address { IPv4Address(uint32(offset)) }

    func ipv6(_ offset: Int) -> IPv6Address {
        var value: UInt128 = 0
        for index in stride(from: 0, to: 16, by: 4) { value = value << 32 | UInt128(uint32(offset + index)) }
        return IPv6Address(value)
    }

    /// A copy of some of the bytes.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        [UInt8](capacity: range.count) { output in
            for index in range { output.append(self[index]) }
        }
    }
}

extension OutputSpan<UInt8> {
    mutating func append(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(_ value: UInt32) {
        append(UInt16(truncatingIfNeeded: value >> 16))
        append(UInt16(truncatingIfNeeded: value))
    }

    mutating func append(_ address: MACAddress) {
        append(UInt16(truncatingIfNeeded: address.value >> 32))
        append(UInt32(truncatingIfNeeded: address.value))
    }

    mutating func append(_ address: IPv4Address) { append(address.value) }

    mutating func append(_ address: IPv6Address) {
        for shift in stride(from: 96, through: 0, by: -32) {
            append(UInt32(truncatingIfNeeded: address.value >> UInt128(shift)))
        }
    }

    mutating func append(bytes: [UInt8]) {
        for byte in bytes { append(byte) }
    }
}
