/// A label of an endpoint: a key and a value, such as `tier=web`. Labels are certified attributes; who gives them to an
/// endpoint decides what rules speak about it.
public struct PolicyLabel: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The key.
    public let key: String
    /// The value.
    public let value: String

    /// Makes a label; nil where key or value are not of the form that ``isWord(_:)`` asks for.
    public init?(key: String, value: String) {
        guard Self.isWord(key), Self.isWord(value) else { return nil }
        self.key = key
        self.value = value
    }

    /// Reads the form `tier=web`.
    public init(parsing text: some StringProtocol) throws(DocumentTextError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let label = Self(key: String(parts[0]), value: String(parts[1])) else {
            throw DocumentTextError("a label such as tier=web")
        }
        self = label
    }

    /// Whether a text may be a key or a value: 1 to 63 ASCII letters, digits, `.`, `_`, `-` and `/`, with a letter or
    /// digit first and last.
    public static func isWord(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...PolicyLimits.labelBytes).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
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

/// What a text should have been, as a noun phrase with an example. The place and the text are with whoever reads.
public struct DocumentTextError: Error, Hashable, Sendable {
    /// What should stand there.
    public let expected: String

    /// Makes an error.
    public init(_ expected: String) { self.expected = expected }
}

/// What a group asks of the labels of its endpoints. An endpoint may have several values of one key.
public enum LabelRequirement: Hashable, Sendable, CustomStringConvertible {
    /// The endpoint has this label: `tier=web`.
    case equals(PolicyLabel)
    /// The endpoint has the key with one of these values: `tier in (web, app)`.
    case isIn(key: String, values: [String])
    /// The endpoint has the key with none of these values, or has not got the key: `env notin (test, dev)`.
    case isNotIn(key: String, values: [String])
    /// The endpoint has the key: `tier exists`.
    case exists(key: String)

    /// Reads the text form. Values are sorted, and one that stands there twice is refused.
    public init(parsing text: some StringProtocol) throws(DocumentTextError) {
        let expected = DocumentTextError(
            "a label such as tier=web, 'tier in (web, app)', 'env notin (test)' or 'tier exists'")
        if let label = try? PolicyLabel(parsing: text) {
            self = .equals(label)
            return
        }
        let words = String(text).split(separator: " " as Character, maxSplits: 2, omittingEmptySubsequences: false)
            .map { String($0) }
        guard words.count >= 2, PolicyLabel.isWord(words[0]) else { throw expected }
        if words.count == 2, words[1] == "exists" {
            self = .exists(key: words[0])
            return
        }
        guard words.count == 3, words[2].hasPrefix("("), words[2].hasSuffix(")") else { throw expected }
        let inside = String(words[2].dropFirst().dropLast())
        let parts = inside.split(separator: "," as Character, omittingEmptySubsequences: false)
        let values: [String] = parts.map { part in String(part.drop { $0 == " " }) }
        guard values.allSatisfy(PolicyLabel.isWord), Set(values).count == values.count,
            values.count <= PolicyLimits.operands
        else { throw expected }
        switch words[1] {
        case "in": self = .isIn(key: words[0], values: values.sorted())
        case "notin": self = .isNotIn(key: words[0], values: values.sorted())
        default: throw expected
        }
    }

    public var description: String {
        switch self {
        case .equals(let label): label.description
        case .isIn(let key, let values): "\(key) in (\(values.joined(separator: ", ")))"
        case .isNotIn(let key, let values): "\(key) notin (\(values.joined(separator: ", ")))"
        case .exists(let key): "\(key) exists"
        }
    }
}
