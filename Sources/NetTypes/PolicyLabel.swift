/// A label of an endpoint: a key and a value, such as `tier=web`. Labels are certified attributes; who gives them to an
/// endpoint decides what rules speak about it.
public struct PolicyLabel: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The key.
    public let key: String
    /// The value.
    public let value: String

    /// The most bytes of a key, and of a value.
    public static let wordBytes = 63
    /// The key that memberships in groups of the directory stand under: a member of `web` has `group=web`.
    public static let groupKey = "group"

    /// The label of the members of a group of the directory.
    public init(memberOf group: Name) {
        key = Self.groupKey
        value = group.text
    }

    /// Makes a label; nil where key or value are not of the form that ``isWord(_:)`` asks for.
    public init?(key: String, value: String) {
        guard Self.isWord(key), Self.isWord(value) else { return nil }
        self.key = key
        self.value = value
    }

    /// Reads the form `tier=web`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let label = Self(key: String(parts[0]), value: String(parts[1])) else {
            throw TextError(
                text, "a label such as tier=web: key and value of 1 to 63 letters, digits, '.', '_', '-' and '/'")
        }
        self = label
    }

    /// Whether a text may be a key or a value: 1 to 63 ASCII letters, digits, `.`, `_`, `-` and `/`, with a letter or
    /// digit first and last.
    public static func isWord(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...wordBytes).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || (0x2d...0x2f).contains($0) || $0 == 0x5f }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    public var description: String { "\(key)=\(value)" }

    public static func < (a: Self, b: Self) -> Bool { (a.key, a.value) < (b.key, b.value) }
}
