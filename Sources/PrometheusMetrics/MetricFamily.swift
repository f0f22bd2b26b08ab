/// A metric with all of its series.
public struct MetricFamily: Sendable {
    /// What it is.
    public let description: MetricDescription
    /// The series by the values of their labels.
    private(set) var series: [[String]: Value] = [:]

    /// Where the value of a series is.
    enum Value: Sendable {
        case counter(CountedValue)
        case gauge(GaugeValue)
        case histogram(HistogramValue)
        /// It was read from elsewhere a moment ago.
        case read(Double)
    }

    init(_ description: MetricDescription) { self.description = description }

    /// The series for some dimensions, made if need be; nil when it cannot be.
    mutating func series(_ kind: MetricDescription.Kind, _ dimensions: [(String, String)]) -> Value? {
        guard kind == description.kind, let values = values(dimensions) else { return nil }
        if let known = series[values] { return known }
        guard series.count < MetricLimits.series else { return nil }
        let value: Value =
            switch kind {
            case .counter: .counter(CountedValue())
            case .gauge: .gauge(GaugeValue())
            case .histogram: .histogram(HistogramValue(limits: description.buckets))
            }
        series[values] = value
        return value
    }

    /// Takes a value that was read; says whether there was room.
    @discardableResult
    mutating func put(_ sample: MetricSample) -> Bool {
        let values = sample.labels.map(MetricText.cleaned)
        guard description.kind != .histogram, values.count == description.labels.count,
            series[values] != nil || series.count < MetricLimits.series
        else { return false }
        series[values] = .read(sample.value)
        return true
    }

    /// The values of dimensions in the order of the labels; nil when these are not the labels.
    private func values(_ dimensions: [(String, String)]) -> [String]? {
        guard dimensions.count == description.labels.count else { return nil }
        let named = dimensions.map { (MetricText.labelName($0.0), $0.1) }
        var values: [String] = []
        for label in description.labels {
            guard let found = named.first(where: { $0.0 == label }) else { return nil }
            values.append(MetricText.cleaned(found.1))
        }
        return values
    }
}
