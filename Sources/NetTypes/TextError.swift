/// Text that is not what it should be, with what was expected in its place.
public struct TextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The offending text, cut to 80 Unicode scalars, with control codes replaced.
    public let text: String
    /// What should stand there, as a noun phrase with an example.
    public let expected: String

    /// Makes an error about a text.
    public init(_ text: some StringProtocol, _ expected: String) {
        // Scalars, not characters, for one character can be of any length; no control codes into logs and terminals.
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(80) {
            shown.append(scalar.properties.generalCategory == .control ? "\u{fffd}" : scalar)
        }
        self.text = String(shown)
        self.expected = expected
    }

    public var description: String { "'\(text)' is not \(expected)" }
}
