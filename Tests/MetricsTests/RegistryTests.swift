import CoreMetrics
import Testing

@testable import PrometheusMetrics

/// What a registry keeps, and what it refuses.
@Suite struct RegistryTests {
    private func value(_ registry: MetricsRegistry, _ name: String, _ labels: [String] = []) async -> Double? {
        let family = await registry.families().first { $0.description.name == name }
        switch family?.series[labels] {
        case .counter(let counted): return counted.value
        case .gauge(let gauge): return gauge.value
        case .read(let number): return number
        case .histogram(let histogram): return histogram.observed.sum
        case nil: return nil
        }
    }

    @Test func countersOnlyGrow() async {
        let registry = MetricsRegistry([])
        let counter = Counter(label: "a", factory: registry)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let floating = FloatingPointCounter(label: "a", factory: registry)
        floating.increment(by: 0.5)
        floating.increment(by: Double.nan)
        floating.increment(by: Double.infinity)
        #expect(await value(registry, "a_total") == 5.5)
        counter.destroy()
        Counter(label: "a", factory: registry).increment()
        #expect(await value(registry, "a_total") == 6.5)
    }

    @Test func countedFromManyThreads() async {
        let registry = MetricsRegistry([])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        Counter(label: "a", dimensions: [("k", "v")], factory: registry).increment()
                        Timer(label: "t", factory: registry).recordNanoseconds(Int64(1_000_000_000))
                    }
                }
            }
        }
        #expect(await value(registry, "a_total", ["v"]) == 8_000)
        #expect(await value(registry, "t") == 8_000)
    }

    @Test func recordersAndMeters() async {
        let registry = MetricsRegistry([])
        Gauge(label: "g", factory: registry).record(3)
        Recorder(label: "h", dimensions: [], aggregate: true, factory: registry).record(2.5)
        Recorder(label: "h", dimensions: [], aggregate: true, factory: registry).record(Double.nan)
        let meter = Meter(label: "m", factory: registry)
        meter.increment(by: 4)
        meter.decrement(by: 1)
        #expect(await value(registry, "g") == 3)
        #expect(await value(registry, "h") == 2.5)
        #expect(await value(registry, "m") == 3)
    }

    @Test func seriesAreBounded() async {
        let registry = MetricsRegistry([MetricDescription(.counter, "a", "", labels: ["k"])])
        for number in 0..<(MetricLimits.series + 7) {
            Counter(label: "a", dimensions: [("k", "\(number)")], factory: registry).increment()
        }
        let family = await registry.families().first { $0.description.name == "a_total" }
        #expect(family?.series.count == MetricLimits.series)
        #expect(await value(registry, MetricsRegistry.refusedSeries.name) == 7)
    }

    @Test func undescribedMetricsAreBounded() async {
        let registry = MetricsRegistry([])
        for number in 0..<(MetricLimits.undescribed + 3) { Counter(label: "a\(number)", factory: registry).increment() }
        #expect(await registry.families().count == MetricLimits.undescribed + 1)
        #expect(await value(registry, MetricsRegistry.refusedSeries.name) == 3)
    }

    @Test func othersKindsAndLabelsAreRefused() async {
        let registry = MetricsRegistry([MetricDescription(.gauge, "a", "", labels: ["k"])])
        Timer(label: "a", dimensions: [("k", "v")], factory: registry).recordNanoseconds(Int64(1))
        Meter(label: "a", factory: registry).set(1)
        Meter(label: "a", dimensions: [("other", "v")], factory: registry).set(1)
        Meter(label: "a", dimensions: [("k", "v"), ("k", "w")], factory: registry).set(1)
        Meter(label: "b", dimensions: [("k", "v"), ("k", "w")], factory: registry).set(1)
        let many = (0..<9).map { ("k\($0)", "v") }
        Meter(label: "c", dimensions: many, factory: registry).set(1)
        #expect(await value(registry, MetricsRegistry.refusedSeries.name) == 6)
        let names = await registry.families().filter { !$0.series.isEmpty }.map(\.description.name)
        #expect(names == [MetricsRegistry.refusedSeries.name])
    }

    @Test func collectedSamples() async {
        let registry = MetricsRegistry([
            MetricDescription(.counter, "a", "", labels: ["k"]), MetricDescription(.histogram, "h", ""),
        ])
        registry.collect {
            [
                MetricSample("a_total", ["v"], 7), MetricSample("a_total", [], 1), MetricSample("unknown", [], 1),
                MetricSample("h", [], 1),
            ]
        }
        #expect(await value(registry, "a_total", ["v"]) == 7)
        #expect(await value(registry, "a_total") == nil)
        #expect(await value(registry, "unknown") == nil)
        #expect(await value(registry, MetricsRegistry.refusedSeries.name) == 3)
    }

    @Test func theProcess() async {
        let registry = MetricsRegistry(ProcessMetrics.descriptions)
        ProcessMetrics.collect(in: registry, program: "test", version: "1")
        #expect(await value(registry, "patchbay_build_info", ["test", "1"]) == 1)
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
            let read = await value(registry, name) ?? 0
            #expect(read > 0, "\(name)")
        }
        let used = await value(registry, "process_cpu_seconds_total") ?? -1
        #expect(used >= 0)
    }
}
