/// What keeps a leaf from doing its work, in words for the person who runs it.
public struct LeafError: Error, CustomStringConvertible {
    /// What went wrong, and where.
    public let problem: String
    /// What to do about it.
    public let remedy: String

    /// Makes an error from two sentences, the first one without its full stop.
    public init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(problem). \(remedy)" }
}
