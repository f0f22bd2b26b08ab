public import NetTypes

/// What clocks show where. Time zones change by law, so their data come from outside; the language has none.
public protocol TimeZones: Sendable {
    /// The seconds that a zone's clocks are ahead of UTC at a moment; nil where there is no such zone.
    func offset(of zone: String, at moment: Timestamp) -> Int?
}

/// Zones whose clocks never change; `UTC` is always among them.
public struct FixedTimeZones: TimeZones {
    private let offsets: [String: Int]

    /// Takes zones with their seconds ahead of UTC.
    public init(_ offsets: [String: Int] = [:]) { self.offsets = offsets.merging(["UTC": 0]) { $1 } }

    public func offset(of zone: String, at moment: Timestamp) -> Int? { offsets[zone] }
}

/// When a rule holds.
struct Timing: Hashable, Sendable {
    /// The longest that an answer is held to hold, in seconds: a day.
    static let longest: Int64 = 86_400

    let windows: [TimeWindow]
    let notBefore: Timestamp?
    let notAfter: Timestamp?

    init(_ rule: Rule) {
        windows = rule.windows
        notBefore = rule.notBefore
        notAfter = rule.notAfter
    }

    var isAlways: Bool { windows.isEmpty && notBefore == nil && notAfter == nil }

    /// A window of a zone that is not known is closed, for the rule may be one that opens.
    func holds(at moment: Timestamp, zones: some TimeZones) -> Bool {
        if let notBefore, moment < notBefore { return false }
        if let notAfter, moment >= notAfter { return false }
        return windows.isEmpty
            || windows.contains { window in
                zones.offset(of: window.zone, at: moment).map { window.isOpen(atLocal: moment.seconds &+ Int64($0)) }
                    ?? false
            }
    }

    /// A moment up to which the answer of ``holds(at:zones:)`` stays the same; not later than a day hence.
    func holdsUntil(after moment: Timestamp, zones: some TimeZones) -> Timestamp {
        var until = moment + Self.longest
        for bound in [notBefore, notAfter].compactMap({ $0 }) where bound > moment { until = min(until, bound) }
        for window in windows {
            guard let offset = zones.offset(of: window.zone, at: moment) else { continue }
            for edge in window.edges(afterLocal: moment.seconds &+ Int64(offset)) {
                until = min(until, max(moment + 1, Timestamp(edge &- Int64(offset))))
            }
            // Clocks that change before then: the answer holds up to the change.
            guard zones.offset(of: window.zone, at: until) != offset else { continue }
            var (same, changed) = (moment, until)
            while changed - same > 1 {
                let middle = same + (changed - same) / 2
                if zones.offset(of: window.zone, at: middle) == offset { same = middle } else { changed = middle }
            }
            until = changed
        }
        return until
    }
}

extension Timestamp {
    /// Reads `2026-01-31T23:59:59Z` or `2026-01-31`, which is that day's first moment in UTC (RFC 3339; years 1970 to
    /// 9999, no fractions, no other offsets, no leap seconds).
    init(parsingMoment text: String) throws(DocumentTextError) {
        let expected = DocumentTextError("a moment such as 2026-01-31T23:59:59Z, or a day such as 2026-01-31")
        let bytes = Array(text.utf8)
        let form = Array("0000-00-00T00:00:00Z".utf8)
        guard bytes.count == 20 || bytes.count == 10 else { throw expected }
        for (byte, wanted) in zip(bytes, form) {
            guard wanted == 0x30 ? (0x30...0x39).contains(byte) : byte == wanted else { throw expected }
        }
        func number(_ range: Range<Int>) -> Int {
            bytes.count < range.upperBound ? 0 : bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1970, (1...12).contains(month), (1...lengths[max(month, 1) - 1]).contains(day), hour < 24,
            minute < 60, second < 60
        else { throw expected }
        // Days from the civil date, with years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        self.init(Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + second))
    }
}
