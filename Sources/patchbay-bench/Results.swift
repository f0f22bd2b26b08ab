import Foundation

/// A number that was measured once.
struct Reading {
    /// The extremes of the samples behind a percentile, and how many they were.
    struct Spread {
        let min: Double
        let max: Double
        let count: Int

        /// The extremes of the samples of both.
        func joined(with other: Spread?) -> Spread {
            guard let other else { return self }
            return Spread(
                min: Swift.min(min, other.min), max: Swift.max(max, other.max), count: count + other.count)
        }
    }

    let metric: Metric
    let value: Double
    var spread: Spread?
    var limit: Limit?
}

/// What is measured, and in which unit.
struct Metric: Hashable {
    let name: String
    let unit: String

    static let tcp1 = Metric(name: "tcp-1-stream", unit: "Gbit/s")
    static let tcp4 = Metric(name: "tcp-4-streams", unit: "Gbit/s")
    static let cpu = Metric(name: "cpu-per-gigabyte", unit: "s/GB")
    static let tcpBoth = Metric(name: "tcp-both-ways", unit: "Gbit/s")
    static let small = Metric(name: "echo-64", unit: "echoes/s")
    static let large = Metric(name: "echo-1400", unit: "echoes/s")
    static let smallLoss = Metric(name: "echo-64-loss", unit: "%")
    static let largeLoss = Metric(name: "echo-1400-loss", unit: "%")
    static let engineDrops = Metric(name: "engine-drops", unit: "packets")
    static let udpReceived = Metric(name: "udp-64-received", unit: "packets/s")
    static let udpOffered = Metric(name: "udp-64-offered", unit: "packets/s")
    static let udpLoss = Metric(name: "udp-64-loss", unit: "%")
    static let rtt50 = Metric(name: "round-trip-p50", unit: "us")
    static let rtt99 = Metric(name: "round-trip-p99", unit: "us")
    static let guestFrame = Metric(name: "guest-frame-mean", unit: "bytes")
    static let wireMemory = Metric(name: "memory-per-wire", unit: "bytes")
    static let fill = Metric(name: "plug-in-bulk", unit: "ns/wire")
    static let p50 = Metric(name: "p50", unit: "ms")
    static let p99 = Metric(name: "p99", unit: "ms")
    static let lostFirst = Metric(name: "lost-first-packets", unit: "count")
    static let samples = Metric(name: "samples", unit: "count")
    static let answer50 = Metric(name: "answer-p50", unit: "ms")
    static let verdict = Metric(name: "verdict", unit: "us")
    static let verdict99 = Metric(name: "verdict-p99", unit: "us")
    static let tables = Metric(name: "verdict-and-tables", unit: "us")
    static let membership = Metric(name: "membership", unit: "us")
    static let ruleMemory = Metric(name: "memory-per-rule", unit: "bytes")
    static let ruleMemoryWithGroups = Metric(name: "memory-with-groups", unit: "bytes")
    static let ruleMemoryWithDocument = Metric(name: "memory-with-document", unit: "bytes")
    static let duration = Metric(name: "duration", unit: "ms")
    static let resident = Metric(name: "resident-memory", unit: "MB")
    static let listeners = Metric(name: "listeners", unit: "count")
    static let textSize = Metric(name: "size", unit: "bytes")
    static let findings = Metric(name: "findings", unit: "count")
    static let comparedPairs = Metric(name: "class-pairs", unit: "count")
    static let changes = Metric(name: "changes", unit: "count")

    /// All of them, in the order of the table's columns.
    static let all: [Metric] = [
        tcp1, tcp4, tcpBoth, cpu, udpReceived, udpOffered, udpLoss, small, smallLoss, large, largeLoss, rtt50, rtt99,
        engineDrops, guestFrame, wireMemory, fill, verdict, verdict99, tables, membership, ruleMemory,
        ruleMemoryWithGroups, ruleMemoryWithDocument, duration, textSize, findings, comparedPairs, changes, listeners,
        p50, p99,
        answer50, lostFirst, samples,
    ]

    /// Those that only explain others: they are not compared.
    static let explaining: Set<Metric> = [
        udpLoss, udpOffered, smallLoss, largeLoss, engineDrops, guestFrame, lostFirst, samples, textSize, findings,
        comparedPairs, changes,
    ]
}

/// One line of `results.jsonl`.
struct Summary: Encodable {
    let suite: String
    let `case`: String
    let metric: String
    let unit: String
    let median: Double
    let min: Double
    let max: Double
    let rounds: Int
    var ratioTo: String?
    var ratio: Double?
    /// What the figure is to reach, where that is said somewhere.
    var limit: Double?
    /// What is held against the limit: `median`, which is to be below it, or `ratio`, which is not to be.
    var limitOf: String?
    var isReached: Bool?

    enum CodingKeys: String, CodingKey {
        case suite, `case`, metric, unit, median, min, max, rounds, ratio, limit
        case ratioTo = "ratio_to"
        case limitOf = "limit_of"
        case isReached = "reached"
    }
}

/// All readings of a run, in the order in which cases first came.
struct Results {
    private struct Key: Hashable {
        let suite: String
        let name: String
        let metric: Metric
    }

    private var keys: [Key] = []
    private var values: [Key: [Double]] = [:]
    private var spreads: [Key: Reading.Spread] = [:]
    private var references: [[String]: String] = [:]
    private var limits: [Key: Limit] = [:]

    /// Adds the readings of one case in one round; `reference` names the case of the same suite it is compared to.
    mutating func add(_ readings: [Reading], suite: String, name: String, reference: String?) {
        references[[suite, name]] = reference
        for reading in readings {
            let key = Key(suite: suite, name: name, metric: reading.metric)
            if values[key] == nil { keys.append(key) }
            values[key, default: []].append(reading.value)
            // Each round has extremes of its own; those of the run are theirs together.
            if let spread = reading.spread { spreads[key] = spread.joined(with: spreads[key]) }
            limits[key] = reading.limit
        }
    }

    var isEmpty: Bool { keys.isEmpty }

    /// The median of a metric of a case.
    func median(_ suite: String, _ name: String, _ metric: Metric) -> Double? {
        values[Key(suite: suite, name: name, metric: metric)].map(Self.median)
    }

    /// The case's ratio to its reference; metrics that only explain others are not compared.
    func ratio(_ suite: String, _ name: String, _ metric: Metric) -> Double? {
        guard !Metric.explaining.contains(metric), let reference = references[[suite, name]], reference != name,
            let value = median(suite, name, metric), let base = median(suite, reference, metric), base > 0
        else { return nil }
        return value / base
    }

    /// What a metric of a case is to reach, and whether it does; nil where nothing is said about it.
    func limit(_ suite: String, _ name: String, _ metric: Metric) -> (limit: Limit, isReached: Bool?)? {
        guard let limit = limits[Key(suite: suite, name: name, metric: metric)],
            let median = median(suite, name, metric)
        else { return nil }
        return (limit, limit.isReached(median: median, ratio: ratio(suite, name, metric)))
    }

    func summaries(order: [String: Int]) -> [Summary] {
        keys.sorted { (order["\($0.suite)/\($0.name)"] ?? 0) < (order["\($1.suite)/\($1.name)"] ?? 0) }.map { key in
            let all = (values[key] ?? []).sorted()
            let ratio = ratio(key.suite, key.name, key.metric)
            let limit = limit(key.suite, key.name, key.metric)
            return Summary(
                suite: key.suite, case: key.name, metric: key.metric.name, unit: key.metric.unit,
                median: Self.round(Self.median(all)), min: Self.round(spreads[key]?.min ?? all.first ?? 0),
                max: Self.round(spreads[key]?.max ?? all.last ?? 0),
                rounds: all.count, ratioTo: ratio == nil ? nil : references[[key.suite, key.name]],
                ratio: ratio.map(Self.round), limit: limit?.limit.value, limitOf: limit?.limit.subject,
                isReached: limit?.isReached)
        }
    }

    /// One JSON object a line, keys sorted.
    func jsonLines(order: [String: Int]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try summaries(order: order).map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }
            .joined()
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Four significant digits; what is measured here has no more.
    static func round(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return 0 }
        let scale = pow(10, 3 - floor(log10(abs(value))))
        return scale >= 1 ? (value * scale).rounded() / scale : value.rounded()
    }
}
