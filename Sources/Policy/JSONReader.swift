/// A JSON value (RFC 8259) of the kinds that a policy has.
enum JSONValue: Hashable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(UInt64)
    case boolean(Bool)
}

/// Reads the JSON of canonical documents: no white space, strings of printable ASCII without escapes, whole numbers
/// without sign, no null, no field twice, at most ``maximumDepth`` levels.
///
/// Foundation's decoder would do less: it takes the last of two equal fields, and passes over unknown ones.
struct JSONReader {
    /// How many objects and arrays may stand inside one another; a policy has three.
    static let maximumDepth = 8

    private let bytes: [UInt8]
    private var offset = 0
    private var path: [String] = []

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads one value that takes all of the bytes.
    static func read(_ bytes: [UInt8]) throws(PolicyError) -> JSONValue {
        var reader = JSONReader(bytes)
        let value = try reader.value()
        guard reader.offset == bytes.count else { throw reader.expected("the end of the document") }
        return value
    }

    private mutating func value() throws(PolicyError) -> JSONValue {
        switch peek() ?? 0 {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"):
            try take("true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try take("false")
            return .boolean(false)
        default: throw expected("an object, an array, a string, a whole number, true or false")
        }
    }

    private mutating func object() throws(PolicyError) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [:]
        try take("{")
        guard peek() != UInt8(ascii: "}") else {
            try take("}")
            return fields
        }
        while true {
            let name = try string()
            try take(":")
            try descend(name)
            let value = try value()
            guard fields.updateValue(value, forKey: name) == nil else {
                throw PolicyError(
                    .duplicateField, at: "/" + path.joined(separator: "/"), "the field stands here twice",
                    remedy: "keep one of the two")
            }
            path.removeLast()
            guard peek() == UInt8(ascii: ",") else { break }
            try take(",")
        }
        try take("}")
        return fields
    }

    private mutating func array() throws(PolicyError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try take("[")
        guard peek() != UInt8(ascii: "]") else {
            try take("]")
            return elements
        }
        while true {
            try descend(String(elements.count))
            elements.append(try value())
            path.removeLast()
            guard peek() == UInt8(ascii: ",") else { break }
            try take(",")
        }
        try take("]")
        return elements
    }

    private mutating func string() throws(PolicyError) -> String {
        try take("\"")
        let start = offset
        while let byte = peek(), byte != UInt8(ascii: "\"") {
            guard (0x20...0x7e).contains(byte), byte != UInt8(ascii: "\\") else {
                throw expected("printable ASCII without escapes")
            }
            offset += 1
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        try take("\"")
        return text
    }

    private mutating func number() throws(PolicyError) -> UInt64 {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        let digits = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard digits == "0" || !digits.hasPrefix("0"), let number = UInt64(digits) else {
            offset = start
            throw expected("a whole number from 0 to \(UInt64.max) without leading zeros")
        }
        return number
    }

    // MARK: Bytes

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func take(_ text: StaticString) throws(PolicyError) {
        for byte in String(describing: text).utf8 {
            guard peek() == byte else { throw expected("'\(text)'") }
            offset += 1
        }
    }

    private mutating func descend(_ name: String) throws(PolicyError) {
        path.append(name)
        guard path.count <= Self.maximumDepth else { throw expected("at most \(Self.maximumDepth) levels") }
    }

    private func expected(_ what: String) -> PolicyError {
        PolicyError(
            .syntax, at: "byte \(offset)", "\(what) is expected here",
            remedy: "write canonical JSON: no white space, no escapes")
    }
}
