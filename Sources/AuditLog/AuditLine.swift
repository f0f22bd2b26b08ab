public import NetTypes

/// A line of the own store, taken apart into its members, each as the text that it is.
///
/// To show entries is to pass their texts on: what a policy was before and after is tens of kilobytes of canonical JSON,
/// which need not be read and written again for that. Nothing is verified here; see ``AuditEntry/init(line:)``.
public struct AuditLine: Sendable {
    private let members: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
    /// When it happened.
    public let time: Timestamp
    /// What came of it.
    public let outcome: AuditEvent.Outcome

    /// Takes a line apart; nil for bytes that are no entry.
    public init?(stored bytes: [UInt8]) {
        guard bytes.count <= AuditLimits.line, let members = Self.members(of: bytes) else { return nil }
        self.members = members
        func member(_ name: String) -> AuditValue? {
            members.first { $0.name.elementsEqual(name.utf8) }.flatMap { try? AuditValue(stored: Array($0.value)) }
        }
        guard let time = member("time")?.number, let outcome = member("outcome").flatMap(AuditEvent.Outcome.init),
            member("number")?.number != nil, member("action")?.text != nil
        else { return nil }
        self.time = Timestamp(time)
        self.outcome = outcome
    }

    /// The canonical JSON of a member, such as `actor`; nil when there is none of this name.
    public subscript(name: String) -> ArraySlice<UInt8>? {
        members.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    private static func members(
        of bytes: [UInt8]
    ) -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]? {
        var members: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
        guard bytes.first == 0x7b else { return nil }
        var place = 1
        while true {
            guard place < bytes.count, bytes[place] == 0x22, let colon = end(ofText: place, bytes),
                colon < bytes.count, bytes[colon] == 0x3a, let next = end(ofValue: colon + 1, bytes),
                next < bytes.count
            else { return nil }
            members.append((bytes[place + 1..<colon - 1], bytes[colon + 1..<next]))
            place = next + 1
            if bytes[next] == 0x7d { return place == bytes.count ? members : nil }
            guard bytes[next] == 0x2c else { return nil }
        }
    }

    /// Where a text ends that begins with the quote at a place; nil when it does not.
    private static func end(ofText start: Int, _ bytes: [UInt8]) -> Int? {
        var place = start + 1
        while let quote = bytes[place...].firstIndex(of: 0x22) {
            // A quote is of the text where an odd number of backslashes stands before it.
            var escape = quote
            while escape > place, bytes[escape - 1] == 0x5c { escape -= 1 }
            if (quote - escape).isMultiple(of: 2) { return quote + 1 }
            place = quote + 1
        }
        return nil
    }

    /// Where a value ends that begins at a place: at the comma or bracket of what it stands in; nil when it does not.
    private static func end(ofValue start: Int, _ bytes: [UInt8]) -> Int? {
        var place = start
        var depth = 0
        while place < bytes.count {
            switch bytes[place] {
            case 0x22:
                guard let end = end(ofText: place, bytes) else { return nil }
                place = end
            case 0x5b, 0x7b:
                depth += 1
                place += 1
            case 0x5d, 0x7d:
                if depth == 0 { return place > start ? place : nil }
                depth -= 1
                place += 1
            case 0x2c where depth == 0: return place > start ? place : nil
            default: place += 1
            }
        }
        return nil
    }
}
