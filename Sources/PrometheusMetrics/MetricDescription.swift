/// What a metric is: its name, its kind, its labels, and one sentence for people.
///
/// The descriptions of a program are its catalogue: what its endpoint shows, what docs/metrics.md lists, and the only
/// names that the dashboard and the alert rules may ask for.
public struct MetricDescription: Hashable, Sendable {
    /// The kinds of the text format.
    public enum Kind: String, Hashable, Sendable {
        /// It only grows, until the process starts anew. Its name ends with `_total`.
        case counter
        /// It goes up and down.
        case gauge
        /// How many observations were at most how large.
        case histogram
    }

    /// The name: letters, digits and `_`.
    public let name: String
    /// The kind.
    public let kind: Kind
    /// What it says, in one sentence.
    public let help: String
    /// The names of its labels, in the order in which they are shown.
    public let labels: [String]
    /// The upper limits of a histogram's buckets in rising order, without that of infinity.
    public let buckets: [Double]

    /// Describes a metric. A counter whose name does not end with `_total` gets it.
    public init(
        _ kind: Kind, _ name: String, _ help: String, labels: [String] = [], buckets: [Double] = Self.durations
    ) {
        self.name = MetricText.metricName(name, kind)
        self.kind = kind
        self.help = help
        self.labels = labels.map(MetricText.labelName)
        self.buckets = kind == .histogram ? buckets.filter(\.isFinite).sorted() : []
    }

    /// Buckets for durations of requests and transactions, in seconds: a hundred microseconds to ten seconds.
    public static let durations: [Double] = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
}

/// One value of a metric that is counted elsewhere, such as in the kernel, and read when somebody asks.
public struct MetricSample: Hashable, Sendable {
    /// The name of a described metric; a sample of another is not shown.
    public let name: String
    /// The values of the metric's labels, in their order.
    public let labels: [String]
    /// The value.
    public let value: Double

    /// Makes a sample.
    public init(_ name: String, _ labels: [String] = [], _ value: some BinaryInteger) {
        self.init(name, labels, Double(value))
    }

    /// Makes a sample.
    public init(_ name: String, _ labels: [String] = [], _ value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }
}
