public import NetTypes

/// Counts attempts that failed, by account, source and device, and says how long the next one has to wait.
///
/// An attempt is counted as failed when it is admitted, and taken back when it succeeds: a hundred at once are admitted no
/// more often than a hundred one after another. It forgets by itself and its memory is bounded; see ``capacity``.
struct Throttle: Sendable {
    /// What is counted together.
    enum Key: Hashable, Sendable {
        /// One device cookie.
        case device([UInt8])
        /// One account from one network, with no known device.
        case account([UInt8], SourceNetwork)
        /// One account from anywhere, with no known device.
        case everywhere([UInt8])
        /// Any account from one network, with no known device.
        case source(SourceNetwork)
        /// The second factor of one account, from one network or device.
        case second([UInt8], [UInt8])
        /// The second factor of one account from anywhere, with no known device.
        case secondEverywhere([UInt8])
    }

    /// How many failures cost nothing, and how the wait grows then.
    struct Limit: Sendable {
        /// How many attempts are admitted without a wait.
        var free: Int
        /// The wait after the last free one, in seconds; it doubles with each further failure.
        var first: Int64
        /// The longest wait.
        var longest: Int64

        /// The wait after so many failures.
        func wait(after failures: Int) -> Int64 {
            guard failures >= free else { return 0 }
            return failures - free >= 30 ? longest : min(longest, first << Int64(failures - free))
        }
    }

    /// What an admitted attempt was counted under.
    struct Ticket: Hashable, Sendable {
        let keys: [Key]
    }

    /// What is said to an attempt.
    enum Admission: Hashable, Sendable {
        case admitted(Ticket)
        /// It has to wait so many seconds.
        case wait(Int64)
    }

    private struct Count {
        var failures: Int
        var last: Timestamp
    }

    /// How long after the last failure all are forgotten, in seconds; longer than the longest wait.
    static let memory: Int64 = 3_600
    /// How many keys are kept. Keys come with attempts whose hash was computed, which is some tens a second at most;
    /// when they are too many, those with the fewest and oldest failures go.
    static let capacity = 131_072

    private var counts: [Key: Count] = [:]

    /// How many keys there are.
    var count: Int { counts.count }

    /// How many failures are counted under a key.
    func failures(_ key: Key, at now: Timestamp) -> Int {
        guard let count = counts[key], now - count.last <= Self.memory else { return 0 }
        return count.failures
    }

    /// Admits an attempt under all of its keys, or under none.
    mutating func admit(_ limits: [(key: Key, limit: Limit)], at now: Timestamp) -> Admission {
        var wait: Int64 = 0
        for (key, limit) in limits {
            guard let count = counts[key] else { continue }
            // A clock that was set back must not make anybody wait for longer than the longest.
            let passed = max(now - count.last, 0)
            guard passed <= Self.memory else { continue }
            wait = max(wait, limit.wait(after: count.failures) - passed)
        }
        guard wait <= 0 else { return .wait(wait) }
        if counts.count + limits.count > Self.capacity { makeRoom(at: now) }
        for (key, _) in limits {
            counts[key] = Count(failures: min(failures(key, at: now), 1 << 20) + 1, last: now)
        }
        return .admitted(Ticket(keys: limits.map(\.key)))
    }

    /// Takes back an attempt that cost nothing, because there was no time for it.
    mutating func abandon(_ ticket: Ticket) {
        for key in ticket.keys { takeBack(key) }
    }

    /// Notes that an attempt succeeded: the account is forgiven on this device and from this network. Failures from
    /// elsewhere, and of other accounts, stay.
    mutating func succeed(_ ticket: Ticket) {
        for key in ticket.keys {
            switch key {
            case .device, .account, .second: counts[key] = nil
            case .everywhere, .source, .secondEverywhere: takeBack(key)
            }
        }
    }

    private mutating func takeBack(_ key: Key) {
        guard var count = counts[key] else { return }
        count.failures -= 1
        counts[key] = count.failures > 0 ? count : nil
    }

    private mutating func makeRoom(at now: Timestamp) {
        counts = counts.filter { now - $0.value.last <= Self.memory }
        guard counts.count > Self.capacity * 3 / 4 else { return }
        let order = counts.sorted { ($0.value.failures, $0.value.last) < ($1.value.failures, $1.value.last) }
        for (key, _) in order.prefix(Self.capacity / 4) { counts[key] = nil }
    }
}

/// Bounds how often something is done, by key: a bucket that holds ``burst`` and gets one more every ``interval``.
public struct RateLimiter<Key: Hashable & Sendable>: Sendable {
    /// How many may come at once.
    public let burst: Int
    /// How many seconds bring one more.
    public let interval: Int64
    /// How many keys are kept; one more, and those that are full again are forgotten.
    public let capacity: Int
    /// For each key the time at which its bucket will be full.
    private var full: [Key: Int64] = [:]

    /// Makes one with all buckets full.
    public init(burst: Int, interval: Int64, capacity: Int = 65_536) {
        precondition(burst > 0 && interval > 0 && capacity > 0, "limits are positive")
        self.burst = burst
        self.interval = interval
        self.capacity = capacity
    }

    /// Takes one from the bucket of a key; if there is none, the seconds until there is.
    ///
    /// When there is no room for a new key, it is let pass: this bounds the frequent, not the many.
    public mutating func take(_ key: Key, at now: Timestamp) -> Int64? {
        let begin = max(full[key] ?? now.seconds, now.seconds)
        let end = begin + interval
        let wait = end - now.seconds - Int64(burst) * interval
        guard wait <= 0 else { return wait }
        if full[key] == nil, full.count >= capacity {
            full = full.filter { $0.value > now.seconds }
            guard full.count < capacity else { return nil }
        }
        full[key] = end
        return nil
    }
}
