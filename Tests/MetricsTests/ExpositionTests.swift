import CoreMetrics
import Testing

@testable import PrometheusMetrics

/// What the texts look like, and what never gets into them.
@Suite struct ExpositionTests {
    private static let descriptions = [
        MetricDescription(.counter, "packets", "Packets.\nOf \"all\" kinds \\.", labels: ["reason", "direction"]),
        MetricDescription(.gauge, "wires", "Wires."),
        MetricDescription(.histogram, "took_seconds", "How long.", buckets: [1, 0.5, .infinity]),
    ]

    @Test func bothFormats() async {
        let registry = MetricsRegistry(Self.descriptions)
        Counter(label: "packets", dimensions: [("direction", "in"), ("reason", "b")], factory: registry).increment(
            by: 3)
        Counter(label: "packets", dimensions: [("reason", "a"), ("direction", "in")], factory: registry).increment()
        Meter(label: "wires", factory: registry).set(-2.5)
        let timer = Timer(label: "took_seconds", factory: registry)
        timer.recordNanoseconds(Int64(500_000_000))
        timer.recordNanoseconds(Int64(700_000_000))
        timer.recordNanoseconds(Int64(4_000_000_000))
        let families = await registry.families()
        let text = ExpositionFormat.text.text(families)
        #expect(
            text == """
                # HELP packets_total Packets.\\nOf "all" kinds \\\\.
                # TYPE packets_total counter
                packets_total{reason="a",direction="in"} 1
                packets_total{reason="b",direction="in"} 3
                # HELP patchbay_metrics_refused_series_total \(MetricsRegistry.refusedSeries.help)
                # TYPE patchbay_metrics_refused_series_total counter
                patchbay_metrics_refused_series_total 0
                # HELP took_seconds How long.
                # TYPE took_seconds histogram
                took_seconds_bucket{le="0.5"} 1
                took_seconds_bucket{le="1.0"} 2
                took_seconds_bucket{le="+Inf"} 3
                took_seconds_sum 5.2
                took_seconds_count 3
                # HELP wires Wires.
                # TYPE wires gauge
                wires -2.5

                """)
        let open = ExpositionFormat.openMetrics.text(families)
        #expect(open.hasSuffix("\n# EOF\n"))
        #expect(
            open.contains(
                "# HELP packets Packets.\\nOf \\\"all\\\" kinds \\\\.\n# TYPE packets counter\npackets_total{"))
    }

    @Test func formatsByAccept() {
        #expect(ExpositionFormat(accepting: nil) == .text)
        #expect(ExpositionFormat(accepting: "text/plain") == .text)
        let prometheus =
            "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,text/plain;version=0.0.4;q=0.3"
        #expect(ExpositionFormat(accepting: prometheus) == .openMetrics)
        let late = String(repeating: "a", count: 2_000) + ",application/openmetrics-text"
        #expect(ExpositionFormat(accepting: late) == .text)
    }

    @Test func numbers() {
        let cases: [(Double, String)] = [
            (0, "0"), (-0.0, "0"), (1, "1"), (9_007_199_254_740_991, "9007199254740991"), (1e300, "1e+300"),
            (0.1, "0.1"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1_700_000_000.25, "1700000000.25"),
        ]
        for (number, text) in cases { #expect(MetricText.number(number) == text) }
    }

    /// Whatever a label's value is, the text is lines of one form, and the values read back as they were cleaned.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func anyValueIsEscaped(seed: UInt64) async throws {
        var random = Seeded(seed)
        let registry = MetricsRegistry([
            MetricDescription(.gauge, "g", "G.", labels: ["a", "b"]),
            MetricDescription(.counter, "c", "", labels: ["a"]),
        ])
        var expected = Set<[String]>()
        for _ in 0..<100 {
            let values = [random.text(), random.text()]
            expected.insert(values.map(MetricText.cleaned))
            Meter(label: "g", dimensions: [("a", values[0]), ("b", values[1])], factory: registry).set(1)
            Counter(label: "c", dimensions: [("a", values[0])], factory: registry).increment()
        }
        for format in [ExpositionFormat.text, .openMetrics] {
            let text = format.text(await registry.families())
            for scalar in text.unicodeScalars where scalar != "\n" {
                let kind = scalar.properties.generalCategory
                #expect(
                    kind != .control && kind != .format && kind != .lineSeparator && kind != .paragraphSeparator,
                    "seed \(seed): \(scalar.value)")
            }
            var read = Set<[String]>()
            let lines = text.unicodeScalars.split(separator: "\n").map { String(String.UnicodeScalarView($0)) }
            for line in lines where line.hasPrefix("g{") {
                let values = try #require(Self.values(in: line), "seed \(seed): \(line)")
                #expect(read.insert(values).inserted, "seed \(seed): twice \(values)")
            }
            #expect(read == expected, "seed \(seed)")
        }
    }

    /// A reader of a line that knows nothing of the writer: the values of its labels.
    private static func values(in line: String) -> [String]? {
        var rest = line.unicodeScalars.drop { $0 != "{" }.dropFirst()
        var values: [String] = []
        while true {
            guard let quote = rest.firstIndex(of: "\"") else { return nil }
            rest = rest[rest.index(after: quote)...]
            var value = ""
            reading: while let scalar = rest.popFirst() {
                switch scalar {
                case "\"": break reading
                case "\\":
                    switch rest.popFirst() {
                    case "n": value += "\n"
                    case "\\": value += "\\"
                    case "\"": value += "\""
                    default: return nil
                    }
                default: value.unicodeScalars.append(scalar)
                }
            }
            values.append(value)
            switch rest.popFirst() {
            case ",": continue
            case "}": return String(String.UnicodeScalarView(rest)) == " 1" ? values : nil
            default: return nil
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func anyNameIsOne(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<200 {
            let name = MetricText.metricName(random.text(), .gauge)
            #expect(name.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil, "seed \(seed): \(name)")
            let label = MetricText.labelName(random.text())
            #expect(label.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil, "seed \(seed): \(label)")
            #expect(!label.hasPrefix("__") && label != "le" && label != "quantile")
        }
        for name in ["", "0", "é", "__", "__name__", "le", "quantile", "a-b", "\u{0}"] {
            #expect(MetricText.labelName(name).wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil, "\(name)")
        }
    }
}

/// A generator whose texts can be had again by its seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private static let nasty: [Unicode.Scalar] = [
        "\"", "\\", "\n", "\r", "\0", "{", "}", ",", "=", " ", "#", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}",
        "\u{202e}", "\u{200b}", "\u{feff}", "\u{1b}", "a", "Z", "0", "_", ":", "é", "路", "\u{1f50c}", "\u{301}",
    ]

    /// A text of hard scalars.
    mutating func text() -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &self) {
            if let scalar = Self.nasty.randomElement(using: &self) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
