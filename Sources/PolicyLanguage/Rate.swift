/// How much a plugged rule's wires carry in each direction.
public struct RateLimit: Hashable, Sendable {
    /// Bits per second, within ``PolicyLimits/rate``.
    public let bitsPerSecond: UInt64
    /// How many bytes may go at once above the rate, within ``PolicyLimits/burst``; nil leaves it to the leaf.
    public let burstBytes: UInt64?

    /// Makes a limit; nil where a number is out of range.
    public init?(bitsPerSecond: UInt64, burstBytes: UInt64? = nil) {
        guard PolicyLimits.rate.contains(bitsPerSecond), burstBytes.map(PolicyLimits.burst.contains) ?? true else {
            return nil
        }
        self.bitsPerSecond = bitsPerSecond
        self.burstBytes = burstBytes
    }

    private static let rateUnits: [(String, UInt64)] = [
        ("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000),
        ("Tbit/s", 1_000_000_000_000),
    ]
    private static let burstUnits: [(String, UInt64)] = [
        ("B", 1), ("kB", 1_000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ]

    /// Reads bits per second such as `2.5 Gbit/s`. The prefixes are decimal (SI); bytes per second are refused.
    public static func bitsPerSecond(parsing text: some StringProtocol) throws(DocumentTextError) -> UInt64 {
        guard let value = quantity(text, rateUnits), PolicyLimits.rate.contains(value) else {
            throw DocumentTextError(
                "a rate from 8 kbit/s to 1 Tbit/s, such as '100 Mbit/s' (bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s)")
        }
        return value
    }

    /// Reads bytes such as `256 KiB`.
    public static func burstBytes(parsing text: some StringProtocol) throws(DocumentTextError) -> UInt64 {
        guard let value = quantity(text, burstUnits), PolicyLimits.burst.contains(value) else {
            throw DocumentTextError("a burst from 1500 B to 1 GiB, such as '256 KiB' (B, kB, KiB, MB, MiB, GiB)")
        }
        return value
    }

    /// A number with up to three decimals and a unit, a space between them or not. Nothing is rounded: what gives no
    /// whole number is refused.
    private static func quantity(_ text: some StringProtocol, _ units: [(String, UInt64)]) -> UInt64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let rest = text.dropFirst(number.count)
        let unit = rest.hasPrefix(" ") ? rest.dropFirst() : rest[...]
        guard let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }), parts[0].count <= 13,
            parts[0] == "0" || !parts[0].hasPrefix("0"), let whole = UInt64(parts[0])
        else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        guard parts.count == 2 else { return product }
        guard parts[1].count <= 3, let fraction = UInt64(parts[1]) else { return nil }
        let scale = (0..<parts[1].count).reduce(UInt64(1)) { scale, _ in scale * 10 }
        let thousandths = fraction * factor
        guard thousandths % scale == 0 else { return nil }
        let (sum, carry) = product.addingReportingOverflow(thousandths / scale)
        return carry ? nil : sum
    }

    /// The shortest text of a rate that reads as the same number.
    public static func text(bitsPerSecond: UInt64) -> String { text(bitsPerSecond, rateUnits) }
    /// The shortest text of a burst that reads as the same number.
    public static func text(burstBytes: UInt64) -> String { text(burstBytes, burstUnits) }

    private static func text(_ value: UInt64, _ units: [(String, UInt64)]) -> String {
        let texts = units.filter { value % $0.1 == 0 }.map { "\(value / $0.1) \($0.0)" }
        return texts.min { ($0.utf8.count, $0) < ($1.utf8.count, $1) } ?? "\(value)"
    }
}
