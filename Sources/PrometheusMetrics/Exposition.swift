/// The formats in which metrics are shown.
public enum ExpositionFormat: Hashable, Sendable {
    /// Prometheus' text format 0.0.4.
    case text
    /// OpenMetrics 1.0.
    case openMetrics

    /// The media type of an answer.
    public var mediaType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The format for a request's header `Accept`: OpenMetrics for who names it (every Prometheus since 2.5 does), text
    /// for everyone else.
    public init(accepting header: String?) {
        self =
            header?.prefix(1_024).lowercased().contains("application/openmetrics-text") == true ? .openMetrics : .text
    }

    /// Writes metrics down. Series are in order of their labels, so that two texts of the same values are the same.
    public func text(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families where !family.series.isEmpty { write(family, to: &text) }
        if self == .openMetrics { text += "# EOF\n" }
        return text
    }

    private func write(_ family: MetricFamily, to text: inout String) {
        let description = family.description
        var name = description.name
        // In OpenMetrics the name of the metric itself is without what its samples end with.
        if self == .openMetrics, description.kind == .counter { name.removeLast("_total".count) }
        if !description.help.isEmpty {
            text += "# HELP \(name) \(MetricText.help(description.help, quotes: self == .openMetrics))\n"
        }
        text += "# TYPE \(name) \(description.kind.rawValue)\n"
        for (values, value) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let labels = zip(description.labels, values).map { "\($0)=\"\(MetricText.labelValue($1))\"" }
            switch value {
            case .counter(let counted): Self.sample(description.name, labels, counted.value, to: &text)
            case .gauge(let gauge): Self.sample(description.name, labels, gauge.value, to: &text)
            case .read(let number): Self.sample(description.name, labels, number, to: &text)
            case .histogram(let histogram): Self.write(histogram, description.name, labels, to: &text)
            }
        }
    }

    private static func write(_ histogram: HistogramValue, _ name: String, _ labels: [String], to text: inout String) {
        let observed = histogram.observed
        var count: UInt64 = 0
        for (limit, more) in zip(histogram.limits + [.infinity], observed.counts) {
            count += more
            sample(name + "_bucket", labels + ["le=\"\(MetricText.limit(limit))\""], Double(count), to: &text)
        }
        sample(name + "_sum", labels, observed.sum, to: &text)
        sample(name + "_count", labels, Double(count), to: &text)
    }

    private static func sample(_ name: String, _ labels: [String], _ value: Double, to text: inout String) {
        text += name
        if !labels.isEmpty { text += "{\(labels.joined(separator: ","))}" }
        text += " \(MetricText.number(value))\n"
    }
}
