internal import CryptProtocol
internal import Dispatch
public import PrometheusMetrics
internal import Synchronization

/// What an engine counts, asked for by its control socket when somebody wants to know.
///
/// The engine counts by wire; here it is summed up, so that no metric tells of one. What a group of keys carried between
/// the last look and its end is in no sum: it is the traffic accounts that are complete, not these.
public final class CryptMetrics: Sendable {
    /// The version of the program, as in CHANGELOG.md.
    public static let version = "0.1.0"
    /// The metrics.
    public let registry: MetricsRegistry
    private let control: String
    /// Protects the connection and the sums; held while the engine is asked, one asker at a time.
    private let state = Mutex(State())
    /// Where calls that block are made.
    private let queue = DispatchQueue(label: "crypt-metrics")

    private struct State {
        var client: EngineClient?
        var sums = CarriedSums()
    }

    /// Prepares to ask the engine that listens at a path.
    ///
    /// - Parameter client: a connection to it that there is already.
    public init(
        control: String, client: EngineClient? = nil,
        registry: MetricsRegistry = MetricsRegistry(CryptMetrics.descriptions)
    ) {
        self.control = control
        self.registry = registry
        state.withLock { $0.client = client }
        registry.collect { [weak self] in await self?.samples() ?? [] }
    }

    /// What is wrong with the engine; nil when it moves packets.
    public func problem() async -> String? {
        await ask { client in
            try client.info().phase == .running ? nil : "it waits for the descriptors that it is to adopt"
        } ?? "it does not answer"
    }

    private func samples() async -> [MetricSample] {
        let state = Reference(self)
        return await ask { client in
            let info = try client.info()
            guard info.phase == .running else { return [MetricSample(Self.up, [], 0)] }
            var samples = [
                MetricSample(Self.up, [], 1), MetricSample(Self.generation, [], info.generation),
                MetricSample(Self.info, [info.backend, String(info.queues)], 1),
                MetricSample(Self.capacity, ["transmit"], info.transmitCapacity),
                MetricSample(Self.capacity, ["receive"], info.receiveCapacity),
            ]
            for direction in Direction.allCases {
                samples += state.add(try client.counters(direction), direction)
            }
            for drop in try client.drops() {
                samples.append(MetricSample(Self.drops, [drop.direction.word, drop.reason], drop.count))
            }
            return samples
        } ?? [MetricSample(Self.up, [], 0)]
    }

    /// Calls the engine; nil when it cannot be reached, also on a new connection.
    private func ask<T: Sendable>(_ body: @escaping @Sendable (EngineClient) throws -> T) async -> T? {
        await withCheckedContinuation { continuation in
            queue.async {
                for _ in 0..<2 {
                    guard let client = self.connected() else { break }
                    do { return continuation.resume(returning: try body(client)) } catch {
                        self.state.withLock { $0.client = nil }
                    }
                }
                continuation.resume(returning: nil)
            }
        }
    }

    private func connected() -> EngineClient? {
        state.withLock { state in
            if state.client == nil {
                do throws(EngineClientError) { state.client = try EngineClient(path: control) } catch { return nil }
            }
            return state.client
        }
    }

    /// What the closures of a reading need of the metrics.
    private struct Reference: Sendable {
        let metrics: CryptMetrics

        init(_ metrics: CryptMetrics) { self.metrics = metrics }

        func add(_ groups: [GroupCounters], _ direction: Direction) -> [MetricSample] {
            metrics.state.withLock { $0.sums.add(groups, direction) }
        }
    }

    /// The descriptions of all metrics of an engine.
    public static let descriptions =
        [
            MetricDescription(.gauge, up, "Whether the engine moves packets: 1 or 0."),
            MetricDescription(
                .gauge, info, "1, with the cipher's implementation and the number of queues.",
                labels: ["backend", "queues"]),
            MetricDescription(.gauge, generation, "How many engines have had this table of keys, this one among them."),
            MetricDescription(
                .gauge, capacity, "How many groups of keys fit into the table, by direction.", labels: ["direction"]),
            MetricDescription(
                .gauge, groups, "Groups of keys in use, by direction and protection.",
                labels: ["direction", "protection"]),
            MetricDescription(
                .counter, installed, "Groups of keys that were seen for the first time: new wires and new keys.",
                labels: ["direction"]),
            MetricDescription(
                .counter, packets, "Packets inside of protection, by direction.", labels: ["direction"]),
            MetricDescription(.counter, bytes, "Bytes inside of protection, by direction.", labels: ["direction"]),
            MetricDescription(
                .counter, rejected, "Received packets that were refused: replayed or too old, or forged.",
                labels: ["reason"]),
            MetricDescription(
                .counter, drops, "Packets that the engine dropped, by direction and reason.",
                labels: ["direction", "reason"]),
        ] + ProcessMetrics.descriptions

    static let up = "patchbay_crypt_up"
    static let info = "patchbay_crypt_info"
    static let generation = "patchbay_crypt_generation"
    static let capacity = "patchbay_crypt_capacity"
    static let groups = "patchbay_crypt_groups"
    static let installed = "patchbay_crypt_groups_installed_total"
    static let packets = "patchbay_crypt_packets_total"
    static let bytes = "patchbay_crypt_bytes_total"
    static let rejected = "patchbay_crypt_rejected_packets_total"
    static let drops = "patchbay_crypt_drops_total"
}

/// Sums over groups that come and go: they only grow.
struct CarriedSums {
    private struct Key: Hashable {
        let place: UInt32
        let spiBase: UInt32
    }

    private struct Sum {
        var present: [Key: GroupCounters] = [:]
        var packets: UInt64 = 0
        var bytes: UInt64 = 0
        var replayed: UInt64 = 0
        var forged: UInt64 = 0
        var installed: UInt64 = 0
    }

    private var sums: [Direction: Sum] = [:]

    /// Takes what all groups of a direction have carried by now.
    mutating func add(_ groups: [GroupCounters], _ direction: Direction) -> [MetricSample] {
        var sum = sums[direction] ?? Sum()
        var present: [Key: GroupCounters] = [:]
        var kinds: [Protection: Int] = [:]
        for group in groups {
            let key = Key(place: group.place, spiBase: group.spiBase)
            let former = sum.present[key]
            if former == nil { sum.installed += 1 }
            // A group that counts less than before is another one in the same place.
            func grown(_ member: KeyPath<GroupCounters, UInt64>) -> UInt64 {
                let now = group[keyPath: member]
                let before = former?[keyPath: member] ?? 0
                return now >= before ? now - before : now
            }
            sum.packets &+= grown(\.packets)
            sum.bytes &+= grown(\.bytes)
            sum.replayed &+= grown(\.replayed)
            sum.forged &+= grown(\.forged)
            present[key] = group
            kinds[group.protection, default: 0] += 1
        }
        sum.present = present
        sums[direction] = sum
        let word = direction.word
        var samples = [
            MetricSample(CryptMetrics.packets, [word], sum.packets),
            MetricSample(CryptMetrics.bytes, [word], sum.bytes),
            MetricSample(CryptMetrics.installed, [word], sum.installed),
        ]
        for protection in Protection.allCases {
            samples.append(MetricSample(CryptMetrics.groups, [word, "\(protection)"], kinds[protection] ?? 0))
        }
        if direction == .receive {
            samples.append(MetricSample(CryptMetrics.rejected, ["replayed"], sum.replayed))
            samples.append(MetricSample(CryptMetrics.rejected, ["forged"], sum.forged))
        }
        return samples
    }
}

extension Direction {
    /// The word of a label.
    fileprivate var word: String { self == .transmit ? "transmit" : "receive" }
}
