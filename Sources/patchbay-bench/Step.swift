/// One case of one suite; it runs once a round.
struct Step {
    let suite: String
    let name: String
    /// The case of the same suite that it is compared to.
    let reference: String?
    /// Seconds that it takes, roughly.
    let seconds: Double
    /// Whether it takes part in the shuffle of a round; the others come after it, there and back in turns.
    var isMovable = true
    /// Whether it takes all its samples in the last round.
    var runsOnce = false
    let run: () throws -> [Reading]
}

/// A generator of numbers that gives the same order of cases for the same seed (SplitMix64, Steele 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
