/// A day of the week.
public enum Weekday: Int, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday

    private static let words = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    init?(_ text: String) {
        guard let index = Self.words.firstIndex(of: text) else { return nil }
        self.init(rawValue: index)
    }

    /// The day's three letters.
    public var description: String { Self.words[rawValue] }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Hours of some days of the week, by the clocks of a time zone.
public struct TimeWindow: Hashable, Sendable, CustomStringConvertible {
    /// The days on which the window opens, in the order of the week; never empty.
    public let days: [Weekday]
    /// The minute of the day at which it opens, 0 to 1,439.
    public let from: Int
    /// The minute of the day at which it closes, 1 to 1,440; not after ``from`` means the next day.
    public let to: Int
    /// The IANA time zone's name, such as `Asia/Taipei` or `UTC`.
    public let zone: String

    /// Makes a window; nil where something is out of range, or it opens and closes in the same minute.
    public init?(days: Set<Weekday>, from: Int, to: Int, zone: String) {
        guard !days.isEmpty, (0...1_439).contains(from), (1...1_440).contains(to), from != to,
            Self.isZoneName(zone)
        else { return nil }
        self.days = days.sorted()
        self.from = from
        self.to = to
        self.zone = zone
    }

    /// Whether a text has the form of an IANA time zone's name. Whether there is such a zone the ``TimeZones`` know.
    public static func isZoneName(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return (1...3).contains(parts.count) && text.utf8.count <= 64
            && parts.allSatisfy { part in
                part.utf8.first.map { (0x41...0x5a).contains($0 & 0xdf) } == true
                    && part.utf8.allSatisfy {
                        (0x41...0x5a).contains($0 & 0xdf) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d
                            || $0 == 0x2b
                    }
            }
    }

    /// Whether the window is open at a local time, in seconds since 1970-01-01 00:00 of that place.
    func isOpen(atLocal seconds: Int64) -> Bool {
        let day = Self.quotient(seconds, 86_400)
        let minute = Int(seconds - day * 86_400) / 60
        // The first of January 1970 was a Thursday.
        let weekday = Int((day % 7 + 7 + 3) % 7)
        func opens(_ day: Int) -> Bool { days.contains { $0.rawValue == day } }
        if from < to { return opens(weekday) && from <= minute && minute < to }
        return opens(weekday) && minute >= from || opens((weekday + 6) % 7) && minute < to
    }

    /// The local times, in seconds, of the next openings and closings after a local time; two days are enough to find
    /// one that matters, for nothing is held to hold longer than a day.
    func edges(afterLocal seconds: Int64) -> [Int64] {
        let day = Self.quotient(seconds, 86_400)
        return (0...1).flatMap { later in [from, to].map { (day + Int64(later)) * 86_400 + Int64($0) * 60 } }
            .filter { $0 > seconds }
    }

    private static func quotient(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : (a - b + 1) / b }

    /// Reads a time of day such as `08:30`; `24:00` is the end of a day.
    static func minute(parsing text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
        let digits = [bytes[0], bytes[1], bytes[3], bytes[4]].map { Int($0) - 0x30 }
        guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let minute = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
        return digits[2] < 6 && minute <= 1_440 ? minute : nil
    }

    /// A minute of the day as `08:30`.
    static func text(minute: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minute / 60)):\(two(minute % 60))"
    }

    public var description: String {
        "\(days.map(\.description).joined(separator: ",")) \(Self.text(minute: from))-\(Self.text(minute: to)) \(zone)"
    }
}
