/// The permanent 128-bit number of a leaf; it is in the leaf's certificate and in location records.
public struct LeafID: Hashable, Sendable, CustomStringConvertible {
    private let bits: Bits128

    /// The number.
    public var value: UInt128 { bits.value }

    /// Takes a number.
    public init(_ value: UInt128) { bits = Bits128(value) }

    /// Makes an id from sixteen octets in network order.
    public init?(octets: some Collection<UInt8>) {
        guard let address = IPv6Address(octets: octets) else { return nil }
        bits = Bits128(address.value)
    }

    /// Reads 32 hexadecimal digits.
    public init(parsing text: some StringProtocol) throws(TextError) {
        bits = Bits128(try UInt128(hexadecimal: text, what: "the id of a leaf"))
    }

    /// The sixteen octets in network order.
    public var octets: [UInt8] { IPv6Address(value).octets }

    public var description: String { value.hexadecimal }
}

/// The 128-bit number of a vnet, a layer-2 segment.
public struct VNetID: Hashable, Sendable, CustomStringConvertible {
    private let bits: Bits128

    /// The number.
    public var value: UInt128 { bits.value }

    /// Takes a number.
    public init(_ value: UInt128) { bits = Bits128(value) }

    /// Makes an id from sixteen octets in network order.
    public init?(octets: some Collection<UInt8>) {
        guard let address = IPv6Address(octets: octets) else { return nil }
        bits = Bits128(address.value)
    }

    /// Reads 32 hexadecimal digits.
    public init(parsing text: some StringProtocol) throws(TextError) {
        bits = Bits128(try UInt128(hexadecimal: text, what: "the id of a vnet"))
    }

    /// The sixteen octets in network order.
    public var octets: [UInt8] { IPv6Address(value).octets }

    public var description: String { value.hexadecimal }
}

/// The number of a location record of an identity; it only grows, and a lower one never replaces a higher one.
public typealias Epoch = UInt64

/// The number by which a receiving leaf knows a wire: a VXLAN VNI of 24 bits (RFC 7348, section 5), never 0.
public struct Label: Hashable, Sendable, CustomStringConvertible {
    /// The number, 1 to 16,777,215.
    public let value: UInt32

    /// Takes a number; nil when it is 0 or longer than 24 bits.
    public init?(_ value: UInt32) {
        guard value > 0, value <= Self.highest else { return nil }
        self.value = value
    }

    /// The highest VNI.
    public static let highest: UInt32 = 0xff_ffff

    public var description: String { String(value) }
}

/// A moment in whole seconds since 1970-01-01 UTC, given to engines by their callers.
public struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01 UTC.
    public var seconds: Int64

    /// Takes a number of seconds.
    public init(_ seconds: Int64) { self.seconds = seconds }

    public static func < (a: Self, b: Self) -> Bool { a.seconds < b.seconds }

    /// The moment so many seconds later; the first or last that there is where that is out of range, for moments
    /// come from outside too.
    public static func + (a: Self, b: Int64) -> Self {
        let (sum, overflow) = a.seconds.addingReportingOverflow(b)
        return Self(overflow ? (b < 0 ? .min : .max) : sum)
    }

    /// The seconds from one moment to another, saturating as `+` does.
    public static func - (a: Self, b: Self) -> Int64 {
        let (difference, overflow) = a.seconds.subtractingReportingOverflow(b.seconds)
        return overflow ? (a.seconds < 0 ? .min : .max) : difference
    }

    /// The moment in the form of RFC 3339, such as `2026-01-31T23:59:59Z`.
    public var description: String {
        let (quotient, remainder) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let days = Int(quotient) - (remainder < 0 ? 1 : 0)
        let rest = Int(remainder) + (remainder < 0 ? 86_400 : 0)
        // Civil date from day number: years begin in March, eras are 400 years of 146,097 days.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let pad = String(repeating: "0", count: max(0, 4 - String(year).count))
        return "\(pad)\(year)-\(two(month))-\(two(day))T\(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
    }
}

extension UInt128 {
    fileprivate init(hexadecimal text: some StringProtocol, what: String) throws(TextError) {
        guard text.utf8.count == 32, text.allSatisfy({ $0.isHexDigit && $0.isASCII }),
            let value = UInt128(text, radix: 16)
        else { throw .init(text, "\(what), 32 hexadecimal digits") }
        self = value
    }

    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
