import APITypes
import Foundation

/// How values are written for people.
enum Formatting {
    /// `1.2 MB`: decimal multiples, as network people count.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(count)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0
            ? "\(count) B" : "\(value.formatted(.number.precision(.fractionLength(1)).locale(.posix))) \(units[unit])"
    }

    /// `12:34:56` of a time in RFC 3339, or the whole of it when it is of another form.
    static func clock(_ time: String) -> String {
        let parts = time.split(separator: "T")
        guard parts.count == 2, parts[1].count >= 8 else { return time }
        return String(parts[1].prefix(8))
    }

    /// `2026-01-31 12:34:56 UTC` of a time in RFC 3339.
    static func moment(_ time: String) -> String {
        time.hasSuffix("Z") ? time.dropLast().replacing("T", with: " ") + " UTC" : time
    }

    /// `1 rule`, `2 rules`.
    static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }

    /// A list in words, or what stands for none.
    static func list(_ items: [String], none: String = "-") -> String {
        items.isEmpty ? none : items.joined(separator: ", ")
    }

    /// The first members of a group, and how many more there are.
    static func members(of group: Group, none: String = "-") -> String {
        let more = group.memberCount - group.members.count
        return list(group.members + (more > 0 ? ["and \(more) more"] : []), none: none)
    }
}

extension Locale {
    fileprivate static let posix = Locale(identifier: "en_US_POSIX")
}
