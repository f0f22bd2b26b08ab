/// A value of CBOR (RFC 8949), as far as WebAuthn uses it.
public indirect enum CBOR: Hashable, Sendable {
    /// Major types 0 and 1.
    case integer(Int64)
    /// Major type 2.
    case bytes([UInt8])
    /// Major type 3.
    case text(String)
    /// Major type 4.
    case array([CBOR])
    /// Major type 5, in the order of the text, which is that of the keys.
    case map([Member])
    /// Major type 7, simple values 20 and 21.
    case boolean(Bool)
    /// Major type 7, simple value 22.
    case null

    /// A key and its value.
    public struct Member: Hashable, Sendable {
        public let key: CBOR
        public let value: CBOR

        public init(_ key: CBOR, _ value: CBOR) {
            self.key = key
            self.value = value
        }
    }

    /// The value of a key of a map; nil where there is none, or where this is no map.
    public subscript(key: CBOR) -> CBOR? {
        guard case .map(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The value of a number as a key, as COSE has them.
    public subscript(label: Int64) -> CBOR? { self[.integer(label)] }

    /// The value of a text as a key, as attestation objects have them.
    public subscript(name: String) -> CBOR? { self[.text(name)] }
}

/// Why bytes are not the CBOR that is read here, and where.
public struct CBORError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The offset, from 0.
    public let offset: Int
    /// What is wrong there.
    public let reason: String

    public var description: String { "octet \(offset): \(reason)" }
}

/// Reads CBOR strictly, in the one form that CTAP2 gives every value ("CTAP2 canonical CBOR encoding form", Client to
/// Authenticator Protocol 2.1, section 8): shortest numbers and lengths, definite lengths, keys in order and none twice, no
/// tags, no more than four levels. Fractions and undefined values are read nowhere in WebAuthn, so there are none here.
///
/// Two readers that disagree about bytes are how a check is passed by something else than what is then used.
public struct CBORReader {
    private let bytes: ArraySlice<UInt8>
    /// The offset of what is read next.
    public private(set) var position: Int

    /// How deep arrays and maps may be nested (CTAP 2.1, section 8).
    public static let depth = 4
    /// The longest input, in octets.
    public static let longest = 65_536

    /// Reads from the beginning of some bytes.
    public init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)[...]
        position = 0
    }

    /// Reads bytes that are one value and nothing else.
    public static func read(_ bytes: some Collection<UInt8>) throws(CBORError) -> CBOR {
        var reader = CBORReader(bytes)
        let value = try reader.next()
        guard reader.position == reader.bytes.count else { throw reader.error("there is more behind the value") }
        return value
    }

    /// Reads the next value; more may be behind it.
    public mutating func next() throws(CBORError) -> CBOR {
        guard bytes.count <= Self.longest else { throw error("longer than \(Self.longest) octets") }
        return try value(level: 0)
    }

    private mutating func value(level: Int) throws(CBORError) -> CBOR {
        let start = position
        let first = try octet()
        let (major, info) = (first >> 5, first & 31)
        if major == 7 { return try simple(info, at: start) }
        let argument = try self.argument(info, at: start)
        switch major {
        case 0, 1:
            guard let number = Int64(exactly: argument) else { throw error("the number is too large", at: start) }
            return .integer(major == 0 ? number : -1 - number)
        case 2: return .bytes(Array(try take(argument, at: start)))
        case 3:
            guard let text = String(validating: try take(argument, at: start), as: UTF8.self) else {
                throw error("the text is not UTF-8", at: start)
            }
            return .text(text)
        case 4:
            try enter(level, argument, at: start)
            var items: [CBOR] = []
            for _ in 0..<argument { items.append(try value(level: level + 1)) }
            return .array(items)
        case 5: return try map(argument, level: level, at: start)
        default: throw error("tags are not allowed", at: start)
        }
    }

    private mutating func map(_ count: UInt64, level: Int, at start: Int) throws(CBORError) -> CBOR {
        try enter(level, count, at: start)
        var members: [CBOR.Member] = []
        var former: ArraySlice<UInt8>?
        for _ in 0..<count {
            let place = position
            let key = try value(level: level + 1)
            switch key {
            case .integer, .text, .bytes: break
            default: throw error("a key is a number or a text", at: place)
            }
            let encoded = bytes[place..<position]
            if let former {
                guard Self.isBefore(former, encoded) else {
                    throw error(
                        former.elementsEqual(encoded) ? "the key is here for the second time" : "keys are out of order",
                        at: place)
                }
            }
            former = encoded
            members.append(CBOR.Member(key, try value(level: level + 1)))
        }
        return .map(members)
    }

    /// The order of keys: lower major types first, then shorter keys, then octet by octet.
    private static func isBefore(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Bool {
        let (major, other) = ((a.first ?? 0) >> 5, (b.first ?? 0) >> 5)
        if major != other { return major < other }
        return a.count == b.count ? a.lexicographicallyPrecedes(b) : a.count < b.count
    }

    private func enter(_ level: Int, _ count: UInt64, at start: Int) throws(CBORError) {
        guard level < Self.depth else { throw error("nested deeper than \(Self.depth)", at: start) }
        // Each item has an octet at least, so nothing is begun that cannot end.
        guard count <= UInt64(bytes.count - position) else { throw error("the bytes end before the items", at: start) }
    }

    private func simple(_ info: UInt8, at start: Int) throws(CBORError) -> CBOR {
        switch info {
        case 20: return .boolean(false)
        case 21: return .boolean(true)
        case 22: return .null
        case 31: throw error("indefinite lengths are not allowed", at: start)
        default: throw error("neither true, false nor null", at: start)
        }
    }

    private mutating func argument(_ info: UInt8, at start: Int) throws(CBORError) -> UInt64 {
        guard info >= 24 else { return UInt64(info) }
        guard info < 28 else {
            throw error(info == 31 ? "indefinite lengths are not allowed" : "no such length", at: start)
        }
        let width = 1 << Int(info - 24)
        var value: UInt64 = 0
        for _ in 0..<width { value = value << 8 | UInt64(try octet()) }
        let least: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
        guard value >= least else { throw error("the number has a shorter form", at: start) }
        return value
    }

    private mutating func octet() throws(CBORError) -> UInt8 {
        guard position < bytes.count else { throw error("the bytes end where a value is expected") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func take(_ count: UInt64, at start: Int) throws(CBORError) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count - position) else { throw error("the bytes end before the text", at: start) }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }

    private func error(_ reason: String, at place: Int? = nil) -> CBORError {
        CBORError(offset: place ?? position, reason: reason)
    }
}
