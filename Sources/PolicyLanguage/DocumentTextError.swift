/// What a text should have been, as a noun phrase with an example. The place and the text are with whoever reads.
public struct DocumentTextError: Error, Hashable, Sendable {
    /// What should stand there.
    public let expected: String

    /// Makes an error.
    public init(_ expected: String) { self.expected = expected }
}
