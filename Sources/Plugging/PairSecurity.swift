public import Policy

/// How the two directions of a pair's wire are protected. Each direction has the level of its own verdict.
public struct PairSecurity: Hashable, Sendable {
    /// From the source to the destination.
    public var forward: Security
    /// From the destination back to the source; `none` where there is no way back.
    public var reverse: Security

    /// Puts them together.
    public init(forward: Security = .none, reverse: Security = .none) {
        self.forward = forward
        self.reverse = reverse
    }
}
