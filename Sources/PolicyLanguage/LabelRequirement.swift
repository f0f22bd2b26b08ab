public import NetTypes

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
