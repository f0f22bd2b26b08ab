/// Reads canonical JSON into values: no white space, whole numbers without sign, `true` and `false`, strings in which
/// only `"` and `\` are escaped. Whether the fields are right is the ``DocumentReader``'s affair.
struct CanonicalReader {
    private let bytes: [UInt8]
    private var offset = 0
    private var depth = 0

    /// Reads one value that takes all of the bytes.
    static func read(_ bytes: [UInt8]) throws(DocumentRefusal) -> Value {
        guard bytes.count <= PolicyLimits.documentBytes else {
            throw DocumentRefusal([
                Finding(
                    .limit, at: .unknown, text: "",
                    "\(bytes.count) bytes are more than the \(PolicyLimits.documentBytes) of a document",
                    remedy: "put endpoints into groups")
            ])
        }
        var reader = CanonicalReader(bytes: bytes)
        let value = try reader.value()
        guard reader.offset == bytes.count else { throw reader.expected("the end of the document") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var place: Place { Place(line: 1, column: offset + 1) }
    private var next: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    private mutating func value() throws(DocumentRefusal) -> Value {
        let start = place
        switch next {
        case UInt8(ascii: "{"):
            return Value(
                .map(try sequence(to: "}") { (reader) throws(DocumentRefusal) in try reader.field() }), at: start)
        case UInt8(ascii: "["):
            return Value(
                .list(try sequence(to: "]") { (reader) throws(DocumentRefusal) in try reader.value() }), at: start)
        case UInt8(ascii: "\""): return Value(.scalar(try string(), isQuoted: true), at: start)
        default: return Value(.scalar(try word(), isQuoted: false), at: start)
        }
    }

    private mutating func field() throws(DocumentRefusal) -> Value.Field {
        let start = place
        let key = try string()
        try take(UInt8(ascii: ":"))
        return Value.Field(key: key, place: start, value: try value())
    }

    private mutating func sequence<Element>(
        to end: Unicode.Scalar, _ element: (inout Self) throws(DocumentRefusal) -> Element
    ) throws(DocumentRefusal) -> [Element] {
        depth += 1
        guard depth <= PolicyLimits.textDepth else { throw expected("at most \(PolicyLimits.textDepth) levels") }
        defer { depth -= 1 }
        let end = UInt8(ascii: end)
        offset += 1
        var elements: [Element] = []
        while next != end {
            if !elements.isEmpty { try take(UInt8(ascii: ",")) }
            elements.append(try element(&self))
        }
        try take(end)
        return elements
    }

    private mutating func string() throws(DocumentRefusal) -> String {
        try take(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while next != UInt8(ascii: "\"") {
            guard next >= 0x20 else { throw expected("a character that is no control code, or the end of the string") }
            if next == UInt8(ascii: "\\") {
                offset += 1
                guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else { throw expected("'\"' or '\\'") }
            }
            text.append(next)
            offset += 1
        }
        offset += 1
        guard let text = String(validating: text, as: UTF8.self) else { throw expected("a string of UTF-8") }
        return text
    }

    private mutating func word() throws(DocumentRefusal) -> String {
        let start = offset
        while (0x61...0x7a).contains(next) || (0x30...0x39).contains(next) { offset += 1 }
        guard offset > start else { throw expected("a value") }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func take(_ byte: UInt8) throws(DocumentRefusal) {
        guard next == byte else { throw expected("'\(Unicode.Scalar(byte))'") }
        offset += 1
    }

    private func expected(_ what: String) -> DocumentRefusal {
        DocumentRefusal([
            Finding(
                .syntax, at: place, text: offset < bytes.count ? String(Unicode.Scalar(bytes[offset])) : "",
                "\(what) is expected here", remedy: "write canonical JSON: no white space, no other escapes")
        ])
    }
}

/// Writes canonical JSON.
struct CanonicalWriter {
    private(set) var bytes: [UInt8] = []

    /// Writes an object; fields that are nil are left out. The caller gives them in alphabetical order.
    mutating func object(_ fields: [(String, ((inout Self) -> Void)?)]) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for case let (key, write?) in fields {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            string(key)
            bytes.append(UInt8(ascii: ":"))
            write(&self)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    mutating func array<Element>(_ elements: [Element], _ write: (inout Self, Element) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func number(_ number: some BinaryInteger) { bytes.append(contentsOf: String(number).utf8) }
    mutating func boolean(_ flag: Bool) { bytes.append(contentsOf: (flag ? "true" : "false").utf8) }
}
