public import CoreMetrics
import Synchronization

/// The metrics of a program: a backend of swift-metrics that keeps them, and shows them in the formats of Prometheus.
///
/// Counters, meters and recorders are shown as counters and gauges; timers, and recorders that aggregate, as histograms.
/// What is counted elsewhere is read when somebody asks (``collect(_:)``). All of it is bounded (``MetricLimits``).
public final class MetricsRegistry: MetricsFactory {
    /// Gives samples of described metrics.
    public typealias Collector = @Sendable () async -> [MetricSample]

    private struct State {
        var families: [String: MetricFamily] = [:]
        var undescribed = 0
        var collectors: [Collector] = []
        var refused = 0.0
    }

    /// Protects the families with their series, and the collectors.
    private let state: Mutex<State>

    /// How many series were refused because there were too many; counted by the registry itself.
    public static let refusedSeries = MetricDescription(
        .counter, "patchbay_metrics_refused_series_total",
        "Sets of label values that were not kept because a metric has too many of them.")

    /// Makes a registry that knows some metrics. Of two descriptions with one name the first holds.
    public init(_ descriptions: [MetricDescription]) {
        var state = State()
        for description in [Self.refusedSeries] + descriptions where state.families[description.name] == nil {
            state.families[description.name] = MetricFamily(description)
        }
        self.state = Mutex(state)
    }

    /// Has a body asked for samples whenever the metrics are shown.
    public func collect(_ collector: @escaping Collector) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// What there is now, in order of name.
    public func families() async -> [MetricFamily] {
        let collectors = state.withLock { $0.collectors }
        var samples: [MetricSample] = []
        for collector in collectors { samples += await collector() }
        var (families, refused) = state.withLock { ($0.families, $0.refused) }
        for sample in samples {
            let isTaken = families[sample.name]?.put(sample) ?? false
            if !isTaken { refused += 1 }
        }
        families[Self.refusedSeries.name]?.put(MetricSample(Self.refusedSeries.name, [], refused))
        return families.values.sorted { $0.description.name < $1.description.name }
    }

    // MARK: Backend of swift-metrics

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        if case .counter(let value) = series(.counter, label, dimensions) { return value }
        return RefusedSeries()
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        if case .counter(let value) = series(.counter, label, dimensions) { return value }
        return RefusedSeries()
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        if case .gauge(let value) = series(.gauge, label, dimensions) { return value }
        return RefusedSeries()
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        switch series(aggregate ? .histogram : .gauge, label, dimensions) {
        case .gauge(let value): value
        case .histogram(let value): value
        default: RefusedSeries()
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        if case .histogram(let value) = series(.histogram, label, dimensions) { return value }
        return RefusedSeries()
    }

    // A series stays: its counter would begin anew if it were made again, and readers would take that for a restart.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// The series of a metric for some values of its labels; nil when there is no room for it, or when the metric is of
    /// another kind or has other labels.
    private func series(
        _ kind: MetricDescription.Kind, _ label: String, _ dimensions: [(String, String)]
    ) -> MetricFamily.Value? {
        let name = MetricText.metricName(label, kind)
        return state.withLock { state in
            if state.families[name] == nil {
                let description = MetricDescription(kind, label, "", labels: dimensions.map(\.0))
                guard state.undescribed < MetricLimits.undescribed, dimensions.count <= MetricLimits.labels,
                    Set(description.labels).count == description.labels.count
                else {
                    state.refused += 1
                    return nil
                }
                state.undescribed += 1
                state.families[name] = MetricFamily(description)
            }
            guard let value = state.families[name]?.series(kind, dimensions) else {
                state.refused += 1
                return nil
            }
            return value
        }
    }
}
