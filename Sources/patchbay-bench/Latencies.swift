/// Samples of a time in milliseconds.
struct Latencies {
    private var samples: [Double] = []
    /// What was lost on the way; see who counts it.
    var lost = 0

    mutating func add(_ milliseconds: Double) { samples.append(milliseconds) }

    /// The median, the 99th percentile and how many samples there were.
    ///
    /// - Parameter limit: what the 99th percentile is to reach.
    func readings(limit: Limit? = nil) throws -> [Reading] {
        let sorted = samples.sorted()
        guard let first = sorted.first, let last = sorted.last else { throw BenchError("no samples") }
        let spread = Reading.Spread(min: first, max: last, count: sorted.count)
        return [
            Reading(metric: .p50, value: Self.percentile(50, of: sorted), spread: spread),
            Reading(metric: .p99, value: Self.percentile(99, of: sorted), spread: spread, limit: limit),
            Reading(metric: .samples, value: Double(sorted.count)),
        ]
    }

    /// The median of the samples; 0 without any.
    var median: Double { samples.isEmpty ? 0 : Self.percentile(50, of: samples.sorted()) }

    /// The lowest of some sorted numbers that no less than so many percent of them are at or below.
    static func percentile(_ percent: Double, of sorted: [Double]) -> Double {
        sorted[min(sorted.count - 1, max(0, Int((Double(sorted.count) * percent / 100).rounded(.up)) - 1))]
    }
}
