import PolicyLanguage

/// Reads JSON (RFC 8259) into values with their places. Foundation's reader tells no places, and takes the last of two
/// equal fields without a word.
struct JSONText {
    private let source: String
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0
    private var valueCount = 0

    /// Reads one value that takes all of the text.
    static func read(_ source: ImportSource) throws(ImportError) -> Value {
        var reader = JSONText(source)
        guard String(validating: source.text, as: UTF8.self) != nil else {
            throw reader.error(.syntax, "the text is not UTF-8", "save it as UTF-8")
        }
        let value = try reader.value()
        reader.skip()
        guard reader.offset == reader.bytes.count else { throw reader.expected("the end of the text") }
        return value
    }

    private init(_ source: ImportSource) {
        self.source = source.name
        bytes = source.text
    }

    private var place: Place { Place(line: line, column: offset - lineStart + 1) }
    private var next: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    private mutating func skip() {
        while true {
            switch next {
            case 0x0a:
                offset += 1
                line += 1
                lineStart = offset
            case 0x20, 0x09, 0x0d: offset += 1
            default: return
            }
        }
    }

    private mutating func value() throws(ImportError) -> Value {
        skip()
        valueCount += 1
        guard valueCount <= PolicyLimits.values else {
            throw error(.limit, "the text has more than \(PolicyLimits.values) values", "import a part at a time")
        }
        let start = place
        switch next {
        case UInt8(ascii: "{"):
            var seen = Set<String>()
            var fields: [Value.Field] = []
            try elements(to: UInt8(ascii: "}")) { (reader) throws(ImportError) in
                let start = reader.place
                let key = try reader.string()
                guard seen.insert(key).inserted else {
                    throw ImportError(
                        reader.source, .duplicateField, start, key, "the field '\(key.prefix(80))' stands here twice",
                        remedy: "keep one of the two")
                }
                reader.skip()
                try reader.take(UInt8(ascii: ":"))
                fields.append(Value.Field(key: key, place: start, value: try reader.value()))
            }
            return Value(.map(fields), at: start)
        case UInt8(ascii: "["):
            var elements: [Value] = []
            try self.elements(to: UInt8(ascii: "]")) { (reader) throws(ImportError) in
                elements.append(try reader.value())
            }
            return Value(.list(elements), at: start)
        case UInt8(ascii: "\""): return Value(.scalar(try string(), isQuoted: true), at: start)
        default: return Value(.scalar(try word(), isQuoted: false), at: start)
        }
    }

    private mutating func elements(
        to end: UInt8, _ element: (inout Self) throws(ImportError) -> Void
    ) throws(ImportError) {
        depth += 1
        guard depth <= PolicyLimits.textDepth else {
            throw error(.limit, "more than \(PolicyLimits.textDepth) lists and maps are nested here", "nest less")
        }
        defer { depth -= 1 }
        offset += 1
        skip()
        if next == end {
            offset += 1
            return
        }
        while true {
            skip()
            try element(&self)
            skip()
            guard next == UInt8(ascii: ",") else { break }
            offset += 1
        }
        try take(end)
    }

    /// A number or one of the three words.
    private mutating func word() throws(ImportError) -> String {
        let start = offset
        while (0x61...0x7a).contains(next) || (0x30...0x39).contains(next) || "+-.E".utf8.contains(next) { offset += 1 }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        let isNumber = Self.isNumber(text)
        guard isNumber || ["true", "false", "null"].contains(text) else {
            offset = start
            throw expected("a value")
        }
        return text
    }

    /// Whether a text is a number of JSON: no leading zeros, no sign but `-`, digits on both sides of a point.
    private static func isNumber(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard let first = digits.utf8.first, let last = digits.utf8.last, (0x30...0x39).contains(first),
            (0x30...0x39).contains(last), !digits.contains(".e"), !digits.contains(".E")
        else { return false }
        let isPadded = first == 0x30 && digits.utf8.dropFirst().first.map { (0x30...0x39).contains($0) } ?? false
        return !isPadded && Double(digits) != nil
    }

    private mutating func string() throws(ImportError) -> String {
        try take(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while next != UInt8(ascii: "\"") {
            guard offset < bytes.count, next >= 0x20 else {
                throw expected("a character that is no control code, or the end of the string")
            }
            if next == UInt8(ascii: "\\") {
                text.append(contentsOf: String(try escape()).utf8)
            } else {
                text.append(next)
                offset += 1
            }
        }
        offset += 1
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func escape() throws(ImportError) -> Unicode.Scalar {
        offset += 1
        let code = next
        offset += 1
        switch code {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(code)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let high = try hexadecimal()
            if let scalar = Unicode.Scalar(high) { return scalar }
            // A character above the basic plane is two escapes (RFC 8259, section 7).
            if (0xd800...0xdbff).contains(high), next == UInt8(ascii: "\\"), offset + 1 < bytes.count,
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                offset += 2
                let low = try hexadecimal()
                if (0xdc00...0xdfff).contains(low),
                    let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
                {
                    return scalar
                }
            }
            throw expected("a pair of surrogates")
        default:
            offset -= 1
            throw expected("one of the escapes of JSON")
        }
    }

    private mutating func hexadecimal() throws(ImportError) -> UInt32 {
        let digits = bytes[min(offset, bytes.count)..<min(offset + 4, bytes.count)]
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw expected("four hexadecimal digits") }
        offset += 4
        return value
    }

    private mutating func take(_ byte: UInt8) throws(ImportError) {
        guard offset < bytes.count, next == byte else { throw expected("'\(Unicode.Scalar(byte))'") }
        offset += 1
    }

    private func expected(_ what: String) -> ImportError {
        error(.syntax, "\(what) is expected here", "write JSON as RFC 8259 has it")
    }

    private func error(_ code: Finding.Code, _ problem: String, _ remedy: String) -> ImportError {
        let rest = bytes[min(offset, bytes.count)..<min(offset + 40, bytes.count)]
        return ImportError(source, code, place, String(decoding: rest, as: UTF8.self), problem, remedy: remedy)
    }
}
