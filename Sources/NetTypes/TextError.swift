/// Text that is not what it should be, with what was expected in its place.
public struct TextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The offending text, cut to 80 characters.
    public let text: String
    /// What should stand there, as a noun phrase with an example.
    public let expected: String

    /// Makes an error about a text.
    public init(_ text: some StringProtocol, _ expected: String) {
        self.text = String(text.prefix(80))
        self.expected = expected
    }

    public var description: String { "'\(text)' is not \(expected)" }
}
