/// The words of the text formats: names, values, and what has to be escaped.
enum MetricText {
    /// A name of a metric out of any text: `[a-zA-Z_:][a-zA-Z0-9_:]*`, counters with `_total`.
    static func metricName(_ text: String, _ kind: MetricDescription.Kind) -> String {
        let name = identifier(text, allowsColon: true)
        return kind == .counter && !name.hasSuffix("_total") ? name + "_total" : name
    }

    /// A name of a label out of any text: `[a-zA-Z_][a-zA-Z0-9_]*`, none that begins with `__`, which are reserved, and
    /// none of the two that histograms and summaries have for themselves.
    static func labelName(_ text: String) -> String {
        var name = identifier(text, allowsColon: false)
        while name.hasPrefix("__") { name.removeFirst() }
        return name == "le" || name == "quantile" ? name + "_" : name
    }

    private static func identifier(_ text: String, allowsColon: Bool) -> String {
        var name = ""
        for scalar in text.unicodeScalars.prefix(MetricLimits.nameScalars) {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(scalar)
            case ":" where allowsColon: name.unicodeScalars.append(scalar)
            case "0"..."9":
                if name.isEmpty { name = "_" }
                name.unicodeScalars.append(scalar)
            default: name += "_"
            }
        }
        return name.isEmpty ? "_" : name
    }

    /// A value of a label as it is kept: bounded, and with control characters replaced, which readers and terminals take
    /// amiss. Values are cleaned before they are told apart, so that no two series are ever shown alike.
    static func cleaned(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(MetricLimits.valueScalars) {
            result.unicodeScalars.append(isControl(scalar) && scalar != "\n" ? "\u{FFFD}" : scalar)
        }
        return result
    }

    /// The value of a label between its quotes: `\`, `"` and the line feed are escaped.
    static func labelValue(_ text: String) -> String { escaped(text, quotes: true) }

    /// The text of a HELP line. OpenMetrics escapes quotes there too.
    static func help(_ text: String, quotes: Bool) -> String { escaped(text, quotes: quotes) }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether a scalar has no shape of its own but changes how others are shown, or ends lines: Cc, Cf, Zl, Zp.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// A number: whole ones without a fraction, others in the shortest form that reads back as the same number.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value.rounded(.towardZero) == value, abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
        return value.description
    }

    /// The limit of a bucket. OpenMetrics wants a fraction even where it is nought (canonical numbers).
    static func limit(_ value: Double) -> String { value.isInfinite ? "+Inf" : value.description }
}

/// How much a registry takes, whoever asks for it.
public enum MetricLimits {
    /// The most metrics that nobody has described.
    public static let undescribed = 256
    /// The most sets of label values of one metric; more are counted as refused, and not shown.
    public static let series = 2_000
    /// The most labels of one metric.
    public static let labels = 8
    /// The longest name of a metric or a label that is kept, and the longest value of a label, in scalars.
    static let nameScalars = 128
    static let valueScalars = 256
}
