public import NetTypes

/// A random 128-bit number, by which an account, a session, a token or a grant is known for good.
///
/// It is no secret: knowing one gives no right. As text it is 32 hexadecimal digits.
public struct AccountID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The sixteen octets.
    public let octets: [UInt8]

    /// Takes sixteen octets.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 16 else { return nil }
        self.octets = Array(octets)
    }

    /// Draws a number.
    public init(random: (Int) -> [UInt8]) {
        let drawn = random(16)
        precondition(drawn.count == 16, "the source of randomness gives as many octets as asked for")
        octets = drawn
    }

    /// Reads 32 lower-case hexadecimal digits.
    public init(parsing text: some StringProtocol) throws(TextError) {
        guard text.utf8.count == 32, let octets = Hexadecimal.octets(text) else {
            throw .init(text, "an id, 32 hexadecimal digits in lower case")
        }
        self.octets = octets
    }

    public var description: String { Hexadecimal.text(octets) }

    public static func < (a: Self, b: Self) -> Bool { a.octets.lexicographicallyPrecedes(b.octets) }
}

/// Octets as lower-case hexadecimal digits; one text for one value.
enum Hexadecimal {
    static func text(_ octets: some Sequence<UInt8>) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func octets(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[place]), let low = value(digits[place + 1]) else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}

/// Base64url without padding (RFC 4648, section 5); one text for one value.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> count & 63)])
            }
            bits &= 0xff
        }
        if count > 0 { text.append(alphabet[Int(bits << (6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for a text that ``encode(_:)`` never gives.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0xfff
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        // What is left over is less than a character's worth of zero bits, else there were two texts for one value.
        guard count < 6, bits & (1 << count - 1) == 0 else { return nil }
        return bytes
    }
}

/// Whether two texts of octets are equal, in a time that follows from their lengths alone.
func isEqualInConstantTime(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
    a.count == b.count && zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
