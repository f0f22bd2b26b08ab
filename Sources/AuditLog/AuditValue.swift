/// A value of an audit entry: JSON without fractions, with one text for one value.
///
/// The canonical form: no white space; members in order of their keys' scalars, none twice; numbers as the shortest
/// decimal; strings in quotes with `\"` and `\\`, and every scalar outside of U+0020 to U+007E as `\uXXXX` in lower-case
/// digits (two of them above U+FFFF). So it is one line of visible ASCII, whatever somebody's text was.
public indirect enum AuditValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case number(Int64)
    case text(String)
    case list([AuditValue])
    case object([String: AuditValue])

    /// The canonical form.
    public var canonical: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .number(let value): bytes += String(value).utf8
        case .text(let text): Self.write(text, into: &bytes)
        case .list(let items):
            bytes.append(0x5b)
            for (place, item) in items.enumerated() {
                if place > 0 { bytes.append(0x2c) }
                item.write(into: &bytes)
            }
            bytes.append(0x5d)
        case .object(let members):
            bytes.append(0x7b)
            let sorted = members.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
            for (place, member) in sorted.enumerated() {
                if place > 0 { bytes.append(0x2c) }
                Self.write(member.key, into: &bytes)
                bytes.append(0x3a)
                member.value.write(into: &bytes)
            }
            bytes.append(0x7d)
        }
    }

    private static func write(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(0x22)
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            // Entries with the text of a policy are most of an audit, and nearly all of them are ASCII.
            for byte in text.utf8 { write(byte, into: &bytes) }
        } else {
            for scalar in text.unicodeScalars {
                if let byte = UInt8(exactly: scalar.value), byte < 0x80 {
                    write(byte, into: &bytes)
                } else {
                    for unit in UTF16.encode(scalar).map(Array.init) ?? [] { write(unit, into: &bytes) }
                }
            }
        }
        bytes.append(0x22)
    }

    /// Writes a character of ASCII.
    private static func write(_ byte: UInt8, into bytes: inout [UInt8]) {
        switch byte {
        case 0x22, 0x5c:
            bytes.append(0x5c)
            bytes.append(byte)
        case 0x20...0x7e: bytes.append(byte)
        default: write(UInt16(byte), into: &bytes)
        }
    }

    private static func write(_ unit: UInt16, into bytes: inout [UInt8]) {
        bytes.append(0x5c)
        bytes.append(0x75)
        for shift in [12, 8, 4, 0] as [UInt16] { bytes.append(digits[Int(unit >> shift & 0xf)]) }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}

/// Why bytes are not the canonical form of a value, and where.
public struct AuditSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The place, counted in bytes from 1.
    public let place: Int
    /// What is wrong there.
    public let reason: String

    public var description: String { "byte \(place): \(reason)" }
}

extension AuditValue {
    /// Reads what was written as a canonical form before. Whether it still is, is not looked at.
    public init(stored bytes: [UInt8]) throws(AuditSyntaxError) {
        var reader = AuditReader(bytes: bytes)
        let value = try reader.value(depth: 0)
        guard reader.position == bytes.count else { throw reader.error("more after the value") }
        self = value
    }

    /// Reads a canonical form, and nothing else.
    public init(canonical bytes: [UInt8]) throws(AuditSyntaxError) {
        let value = try AuditValue(stored: bytes)
        // What reads like JSON, but would be written otherwise, is another text for the same value.
        let again = value.canonical
        guard again == bytes else {
            let place = zip(again, bytes).enumerated().first { $1.0 != $1.1 }?.offset ?? min(again.count, bytes.count)
            throw AuditSyntaxError(place: place + 1, reason: "not the canonical form")
        }
        self = value
    }

    /// A member of an object.
    subscript(key: String) -> AuditValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int64? { if case .number(let number) = self { number } else { nil } }
    var members: [String: AuditValue]? { if case .object(let members) = self { members } else { nil } }
}

/// Reads values; the caller checks that they are in the canonical form.
private struct AuditReader {
    let bytes: [UInt8]
    var position = 0

    /// Two deeper than a state may be, for it stands inside of an entry.
    private static let depth = AuditLimits.depth + 2

    func error(_ reason: String) -> AuditSyntaxError { AuditSyntaxError(place: position + 1, reason: reason) }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    mutating func value(depth: Int) throws(AuditSyntaxError) -> AuditValue {
        guard depth <= Self.depth else { throw error("nested too deep") }
        switch peek {
        case 0x7b: return try object(depth)
        case 0x5b: return try list(depth)
        case 0x22: return .text(try string())
        case 0x2d, .some(0x30...0x39): return try number()
        default:
            for (word, value) in [("null", AuditValue.null), ("true", .boolean(true)), ("false", .boolean(false))]
            where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return value
            }
            throw error("no value")
        }
    }

    private mutating func object(_ depth: Int) throws(AuditSyntaxError) -> AuditValue {
        position += 1
        var members: [String: AuditValue] = [:]
        if take(0x7d) { return .object(members) }
        while true {
            guard peek == 0x22 else { throw error("no key") }
            let key = try string()
            guard take(0x3a) else { throw error("no ':'") }
            let value = try value(depth: depth + 1)
            guard members.updateValue(value, forKey: key) == nil else { throw error("a key for the second time") }
            if take(0x7d) { return .object(members) }
            guard take(0x2c) else { throw error("no ',' or '}'") }
        }
    }

    private mutating func list(_ depth: Int) throws(AuditSyntaxError) -> AuditValue {
        position += 1
        var items: [AuditValue] = []
        if take(0x5d) { return .list(items) }
        while true {
            items.append(try value(depth: depth + 1))
            if take(0x5d) { return .list(items) }
            guard take(0x2c) else { throw error("no ',' or ']'") }
        }
    }

    private mutating func number() throws(AuditSyntaxError) -> AuditValue {
        let start = position
        _ = take(0x2d)
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
        guard let number = Int64(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw error("no number of 64 bits")
        }
        return .number(number)
    }

    private mutating func string() throws(AuditSyntaxError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case 0x22:
                position += 1
                return String(decoding: text, as: UTF8.self)
            case 0x5c:
                position += 1
                if take(0x75) {
                    try character(into: &text)
                } else if let next = peek, next == 0x22 || next == 0x5c {
                    text.append(next)
                    position += 1
                } else {
                    throw error("no such escape")
                }
            case 0x20...0x7e:
                let start = position
                while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
                text.append(contentsOf: bytes[start..<position])
            default: throw error("a character that must be escaped")
            }
        }
        throw error("the text does not end")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7e).contains(byte) && byte != 0x22 && byte != 0x5c
    }

    /// Reads the digits of an escaped character, which may be one of two halves (RFC 8259, section 7).
    private mutating func character(into text: inout [UInt8]) throws(AuditSyntaxError) {
        let first = try unit()
        var units = [first]
        if (0xd800...0xdbff).contains(first) {
            guard take(0x5c), take(0x75) else { throw error("half of a character") }
            units.append(try unit())
        }
        guard let character = String(validating: units, as: UTF16.self) else { throw error("half of a character") }
        text.append(contentsOf: character.utf8)
    }

    private mutating func unit() throws(AuditSyntaxError) -> UInt16 {
        guard let unit = UInt16(hexadecimal: bytes.dropFirst(position).prefix(4)) else { throw error("no four digits") }
        position += 4
        return unit
    }
}

extension UInt16 {
    /// Reads four lower-case digits.
    fileprivate init?(hexadecimal digits: ArraySlice<UInt8>) {
        guard digits.count == 4 else { return nil }
        var value: UInt16 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt16(digit - 0x30)
            case 0x61...0x66: value = value << 4 | UInt16(digit - 0x61 + 10)
            default: return nil
            }
        }
        self = value
    }
}
