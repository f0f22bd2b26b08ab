import CoreMetrics
import Synchronization

/// A value that only grows.
final class CountedValue: CounterHandler, FloatingPointCounterHandler {
    /// The bit pattern of what was counted.
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func increment(by amount: Int64) { increment(by: Double(amount)) }

    /// What is negative or no number is left out: a counter never goes back.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        var found = bits.load(ordering: .relaxed)
        while true {
            let wanted = (Double(bitPattern: found) + amount).bitPattern
            let result = bits.compareExchange(expected: found, desired: wanted, ordering: .relaxed)
            if result.exchanged { return }
            found = result.original
        }
    }

    func reset() { bits.store(0, ordering: .relaxed) }
}

/// A value that goes up and down.
final class GaugeValue: MeterHandler, RecorderHandler {
    private let current = Mutex<Double>(0)

    var value: Double { current.withLock { $0 } }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { current.withLock { $0 = value } }
    func increment(by amount: Double) { current.withLock { $0 += amount } }
    func decrement(by amount: Double) { current.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
}

/// Observations, sorted into buckets.
final class HistogramValue: TimerHandler, RecorderHandler {
    /// What was observed.
    struct Observed: Equatable {
        /// How many in each bucket, not summed up; the last is that of infinity.
        var counts: [UInt64]
        var sum: Double = 0
    }

    let limits: [Double]
    private let state: Mutex<Observed>

    init(limits: [Double]) {
        self.limits = limits
        state = Mutex(Observed(counts: Array(repeating: 0, count: limits.count + 1)))
    }

    var observed: Observed { state.withLock { $0 } }

    /// Takes an observation; what is no number is left out, for it would spoil the sum for ever.
    func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = limits.firstIndex { value <= $0 } ?? limits.count
        state.withLock {
            $0.counts[bucket] &+= 1
            $0.sum += value
        }
    }

    func record(_ value: Int64) { record(Double(value)) }

    /// Durations are shown in seconds, the base unit of Prometheus.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
}

/// Stands in for a series that was refused: it takes everything and shows nothing.
final class RefusedSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    func increment(by amount: Int64) {}
    func increment(by amount: Double) {}
    func decrement(by amount: Double) {}
    func reset() {}
    func set(_ value: Int64) {}
    func set(_ value: Double) {}
    func record(_ value: Int64) {}
    func record(_ value: Double) {}
    func recordNanoseconds(_ duration: Int64) {}
}
