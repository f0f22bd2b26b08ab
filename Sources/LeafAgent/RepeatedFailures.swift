/// Failures that come again and again, of which the log is told when they are new and then once in a while.
///
/// There is one entry for each name, so names must be of a limited number, such as configured addresses.
struct RepeatedFailures {
    /// For how long the same failure of the same name is not told again.
    static let interval: Duration = .seconds(300)

    private struct Told {
        var failure: String
        var at: ContinuousClock.Instant
        var more: Int
    }

    private var told: [String: Told] = [:]

    /// Notes that something failed.
    ///
    /// - Returns: how often it failed in this way since that was told; nil when it is not to be told now.
    mutating func note(_ failure: String, of name: String, at now: ContinuousClock.Instant) -> Int? {
        if var former = told[name], former.failure == failure, now - former.at < Self.interval {
            former.more += 1
            told[name] = former
            return nil
        }
        let more = told[name].map { $0.failure == failure ? $0.more : 0 } ?? 0
        told[name] = Told(failure: failure, at: now, more: 0)
        return more
    }

    /// Forgets what failed, as it works now.
    mutating func clear() { told.removeAll() }
}
