import NetTypes

/// Where in a message one reads or writes: numbers in network byte order. The caller has checked the length.
struct Cursor {
    var offset: Int

    init(at offset: Int = CryptLimits.headerByteCount) { self.offset = offset }

    mutating func read<Number: FixedWidthInteger & UnsignedInteger>(
        _ type: Number.Type, _ bytes: Span<UInt8>
    ) -> Number {
        var value: UInt64 = 0
        for _ in 0..<Number.bitWidth / 8 {
            value = value << 8 | UInt64(bytes[offset])
            offset += 1
        }
        return Number(truncatingIfNeeded: value)
    }

    mutating func readAddress(_ name: String, _ bytes: Span<UInt8>) throws(MessageError) -> IPAddress {
        let family = read(UInt8.self, bytes)
        var octets: [UInt8] = []
        for index in 0..<16 { octets.append(bytes[offset + index]) }
        offset += 16
        let padding = family == 4 ? octets[4...] : []
        guard family == 4 || family == 6, padding.allSatisfy({ $0 == 0 }),
            let address = IPAddress(octets: octets.prefix(family == 4 ? 4 : 16))
        else { throw .field(name, value: "of family \(family)", allowed: "4 (then 12 zeros follow it) or 6") }
        return address
    }

    mutating func readText(_ name: String, limit: Int, _ bytes: Span<UInt8>) throws(MessageError) -> String {
        let count = Int(read(UInt16.self, bytes))
        guard count <= limit else { throw .field(name, value: "of \(count) bytes", allowed: "at most \(limit)") }
        var octets: [UInt8] = []
        for index in 0..<limit where index < count { octets.append(bytes[offset + index]) }
        offset += limit
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw .field(name, value: "\(octets)", allowed: "UTF-8")
        }
        return text
    }

    mutating func write<Number: FixedWidthInteger & UnsignedInteger>(
        _ value: Number, _ bytes: inout MutableSpan<UInt8>
    ) {
        for shift in stride(from: Number.bitWidth - 8, through: 0, by: -8) {
            bytes[offset] = UInt8(truncatingIfNeeded: UInt64(value) >> UInt64(shift))
            offset += 1
        }
    }

    mutating func write(_ address: IPAddress, _ bytes: inout MutableSpan<UInt8>) {
        let octets = address.octets
        write(UInt8(octets.count == 4 ? 4 : 6), &bytes)
        for index in 0..<16 { write(index < octets.count ? octets[index] : 0, &bytes) }
    }

    /// A text in a field of fixed size; what is beyond it is cut.
    mutating func write(_ text: String, limit: Int, _ bytes: inout MutableSpan<UInt8>) {
        var octets = Array(text.utf8.prefix(limit))
        while String(validating: octets, as: UTF8.self) == nil { octets.removeLast() }
        write(UInt16(octets.count), &bytes)
        for index in 0..<limit { write(index < octets.count ? octets[index] : 0, &bytes) }
    }
}

/// The sixteen bytes in front of every message.
struct MessageHeader {
    var kind: UInt16
    var length: Int
    var number: UInt32

    init(kind: UInt16, length: Int, number: UInt32) {
        self.kind = kind
        self.length = length
        self.number = number
    }

    /// Reads and checks the header of a whole message.
    init(parsing bytes: Span<UInt8>) throws(MessageError) {
        guard bytes.count >= CryptLimits.headerByteCount else {
            throw .length(expected: CryptLimits.headerByteCount, found: bytes.count)
        }
        var cursor = Cursor(at: 0)
        let magic = cursor.read(UInt32.self, bytes)
        guard magic == CryptLimits.magic else { throw .magic(magic) }
        let version = cursor.read(UInt16.self, bytes)
        guard version == CryptLimits.protocolVersion else { throw .version(version) }
        kind = cursor.read(UInt16.self, bytes)
        length = Int(cursor.read(UInt32.self, bytes))
        number = cursor.read(UInt32.self, bytes)
        guard length == bytes.count else { throw .length(expected: length, found: bytes.count) }
    }

    func expect(_ bodyByteCount: Int) throws(MessageError) {
        let expected = CryptLimits.headerByteCount + bodyByteCount
        guard length == expected else { throw .length(expected: expected, found: length) }
    }

    func emit(into bytes: inout MutableSpan<UInt8>) {
        var cursor = Cursor(at: 0)
        cursor.write(CryptLimits.magic, &bytes)
        cursor.write(CryptLimits.protocolVersion, &bytes)
        cursor.write(kind, &bytes)
        cursor.write(UInt32(length), &bytes)
        cursor.write(number, &bytes)
    }
}
