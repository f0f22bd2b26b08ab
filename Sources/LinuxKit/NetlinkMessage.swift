internal import CLinux

/// A netlink message under construction: header, fixed part, attributes (RFC 3549, section 2.2).
///
/// Numbers are in the machine's own byte order; attributes are padded to four bytes.
struct NetlinkMessage {
    private(set) var bytes: [UInt8]

    /// Starts a message; the header's length and sequence number are written by ``finish(sequence:)``.
    init(type: Int, flags: Int32) {
        bytes = [0, 0, 0, 0]
        append(UInt16(type))
        append(UInt16(flags))
        append(UInt32(0))
        append(UInt32(0))
    }

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        var rest = number
        for _ in 0..<Number.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest = Number.bitWidth > 8 ? rest >> 8 : 0
        }
    }

    /// `struct ifinfomsg`
    mutating func appendLinkHeader(index: UInt32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt32(0))
        append(index)
        append(flags)
        append(change)
    }

    mutating func attribute(_ type: Int, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(UInt16(type))
        bytes += value
        pad()
    }

    mutating func attribute(_ type: Int, text: String) { attribute(type, Array(text.utf8) + [0]) }
    mutating func attribute(_ type: Int, u8 value: UInt8) { attribute(type, [value]) }

    mutating func attribute(_ type: Int, u32 value: UInt32) {
        append(UInt16(8))
        append(UInt16(type))
        append(value)
    }

    mutating func nested(_ type: Int, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(type | 0x8000))
        body(&self)
        patch(UInt16(bytes.count - start), at: start)
    }

    mutating func finish(sequence: UInt32) -> [UInt8] {
        patch(UInt32(bytes.count), at: 0)
        patch(sequence, at: 8)
        return bytes
    }

    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }

    private mutating func patch<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for index in 0..<Number.bitWidth / 8 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: number >> Number(8 * index))
        }
    }
}

/// The attributes of a received message: a slice is read without trust in any length in it.
struct NetlinkAttributes {
    private(set) var values: [Int: ArraySlice<UInt8>] = [:]

    init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.number(at: 0, UInt16.self))
            guard length >= 4, length <= rest.count else { return }
            let type = Int(rest.number(at: 2, UInt16.self) & 0x3fff)
            values[type] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    func bytes(_ type: Int) -> ArraySlice<UInt8>? { values[type] }
    func u32(_ type: Int) -> UInt32? { values[type].flatMap { $0.count >= 4 ? $0.number(at: 0, UInt32.self) : nil } }
    func text(_ type: Int) -> String? { values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
    func nested(_ type: Int) -> NetlinkAttributes? { values[type].map(NetlinkAttributes.init) }
}

extension ArraySlice<UInt8> {
    /// A number in the machine's own byte order; the caller has checked that it is there.
    func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number {
        var value: Number = 0
        for index in (0..<Number.bitWidth / 8).reversed() {
            value =
                (Number.bitWidth > 8 ? value << 8 : 0) | Number(truncatingIfNeeded: self[startIndex + offset + index])
        }
        return value
    }
}
