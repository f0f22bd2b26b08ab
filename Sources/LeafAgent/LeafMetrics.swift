import CoreMetrics
import KernelPath
import LeafProtocol
import NetTypes
public import PrometheusMetrics
import Synchronization

/// What a leaf counts, and whether it can work.
///
/// Packets are counted by the kernel and read from its maps when somebody asks; labels are words of closed lists, so that
/// no metric says which endpoints there are.
public final class LeafMetrics: Sendable {
    /// The metrics.
    public let registry: MetricsRegistry
    /// Protects the agent, which is there once the leaf runs.
    private let agent = Mutex<LeafAgent?>(nil)

    /// Begins counting in a registry that knows the ``descriptions``.
    public init(registry: MetricsRegistry = MetricsRegistry(LeafMetrics.descriptions)) {
        self.registry = registry
        registry.collect { [weak self] in
            guard let agent = self?.agent.withLock({ $0 }) else { return [] }
            return await agent.samples()
        }
    }

    /// The leaf runs.
    func follow(_ agent: LeafAgent) { self.agent.withLock { $0 = agent } }

    /// The checks of readiness, with what is wrong; nil when nothing is.
    public func checks() async -> [(name: String, problem: String?)] {
        guard let agent = agent.withLock({ $0 }) else {
            return [("kernel", "the programs and maps are being loaded"), ("controller", "not asked yet")]
        }
        return await agent.checks()
    }

    /// The descriptions of all metrics of a leaf.
    public static let descriptions =
        [
            MetricDescription(
                .gauge, wires, "Ends of wires that are plugged here, by direction and protection.",
                labels: ["direction", "protection"]),
            MetricDescription(.gauge, ports, "Ports of endpoints, by whether they are open.", labels: ["state"]),
            MetricDescription(
                .counter, plugs, "Wires that this leaf asked for, by how it ended: plugged, or the reason why not.",
                labels: ["outcome"]),
            MetricDescription(.histogram, plugDuration, "How long asking for a wire took, in seconds."),
            MetricDescription(
                .counter, asked, "Wires that other leaves asked for, by how it ended: plugged, or the reason why not.",
                labels: ["outcome"]),
            MetricDescription(.histogram, askedDuration, "How long answering another leaf took, in seconds."),
            MetricDescription(
                .counter, rekeys, "Exchanges of new keys that this leaf began, by how they ended.", labels: ["outcome"]),
            MetricDescription(
                .counter, punts, "Frames that the kernel left to the leaf, by the reason.", labels: ["reason"]),
            MetricDescription(
                .counter, drops, "Frames that the kernel dropped on this host, by the reason.", labels: ["reason"]),
            MetricDescription(
                .counter, held, "First packets that were held, by what became of them.", labels: ["outcome"]),
            MetricDescription(.gauge, controllerUp, "Whether a controller is connected: 1 or 0."),
            MetricDescription(.gauge, engineUp, "Whether the engine of protected wires runs: 1 or 0."),
            MetricDescription(.gauge, known, "Endpoints elsewhere whose facts are kept."),
            MetricDescription(.gauge, resolving, "Flows whose first packet is being decided on."),
            MetricDescription(.gauge, policies, "Policies of tenants that are in force here."),
            MetricDescription(
                .gauge, proofEnd,
                "When the first proof of a kind ends, in seconds since 1970: location record, or certificate, of an endpoint here.",
                labels: ["kind"]),
        ] + ProcessMetrics.descriptions

    static let wires = "patchbay_leaf_wires"
    static let ports = "patchbay_leaf_ports"
    static let plugs = "patchbay_leaf_plugs_total"
    static let plugDuration = "patchbay_leaf_plug_duration_seconds"
    static let asked = "patchbay_leaf_plug_requests_total"
    static let askedDuration = "patchbay_leaf_plug_request_duration_seconds"
    static let rekeys = "patchbay_leaf_rekeys_total"
    static let punts = "patchbay_leaf_punts_total"
    static let drops = "patchbay_leaf_drops_total"
    static let held = "patchbay_leaf_held_packets_total"
    static let controllerUp = "patchbay_leaf_controller_connected"
    static let engineUp = "patchbay_leaf_engine_up"
    static let known = "patchbay_leaf_known_endpoints"
    static let resolving = "patchbay_leaf_resolving_flows"
    static let policies = "patchbay_leaf_policies"
    static let proofEnd = "patchbay_leaf_proof_expiry_timestamp_seconds"
}

/// What is counted of the agent's own work, with the backend that the program has chosen.
struct LeafCounts: Sendable {
    private let plugDuration = Timer(label: LeafMetrics.plugDuration)
    private let askedDuration = Timer(label: LeafMetrics.askedDuration)
    private let punts: [Punt.Reason: Counter] = Dictionary(
        uniqueKeysWithValues: [
            (.miss, "miss"), (.arp, "arp"), (.neighborDiscovery, "neighbor-discovery"),
            (.routerSolicitation, "router-solicitation"), (.tooBig, "too-big"), (.rejected, "rejected"),
        ].map { (reason: Punt.Reason, word: String) in
            (reason, Counter(label: LeafMetrics.punts, dimensions: [("reason", word)]))
        })

    func punt(_ reason: Punt.Reason) { punts[reason]?.increment() }

    func plug(_ outcome: LeafAgent.PlugOutcome, took: Duration, isRekey: Bool) {
        let word =
            switch outcome {
            case .plugged: "plugged"
            case .unplugged(let reason): reason.code
            }
        Counter(label: isRekey ? LeafMetrics.rekeys : LeafMetrics.plugs, dimensions: [("outcome", word)]).increment()
        if !isRekey { plugDuration.recordNanoseconds(took.inNanoseconds) }
    }

    func asked(_ answer: Patchbay_Leaf_V1_PlugResponse, took: Duration) {
        // The reason is this leaf's own word, not the other one's.
        Counter(label: LeafMetrics.asked, dimensions: [("outcome", answer.plugged ? "plugged" : answer.reason)])
            .increment()
        askedDuration.recordNanoseconds(took.inNanoseconds)
    }
}

extension Duration {
    fileprivate var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ attoseconds / 1_000_000_000
    }
}

extension LeafAgent {
    /// What is counted elsewhere, as it is now.
    func samples() -> [MetricSample] {
        var samples = [
            MetricSample(LeafMetrics.ports, ["open"], ports.values.count),
            MetricSample(LeafMetrics.ports, ["failed"], unopened.count),
            MetricSample(LeafMetrics.controllerUp, [], controller.isConnected ? 1 : 0),
            MetricSample(LeafMetrics.engineUp, [], engine.info == nil ? 0 : 1),
            MetricSample(LeafMetrics.known, [], known.count),
            MetricSample(LeafMetrics.resolving, [], resolving.count),
            MetricSample(LeafMetrics.policies, [], policies.count),
        ]
        for direction in ["send", "receive"] {
            for protection in ["local", "none", "auth", "conf"] where direction == "send" || protection != "local" {
                let count = wires.tally[WireKind(direction: direction, protection: protection)] ?? 0
                samples.append(MetricSample(LeafMetrics.wires, [direction, protection], count))
            }
        }
        for (reason, count) in path.hostCounters() { samples.append(MetricSample(LeafMetrics.drops, [reason], count)) }
        let counters = holds.counters
        samples += [
            MetricSample(LeafMetrics.held, ["released"], counters.released),
            MetricSample(LeafMetrics.held, ["discarded"], counters.discarded),
        ]
        for (reason, count) in counters.dropped {
            samples.append(MetricSample(LeafMetrics.held, [reason.rawValue], count))
        }
        let proofs = ports.values.compactMap(\.verified)
        if let end = proofs.map(\.recordNotAfter).min() {
            samples.append(MetricSample(LeafMetrics.proofEnd, ["record"], end.seconds))
        }
        if let end = proofs.map(\.certificateNotAfter).min() {
            samples.append(MetricSample(LeafMetrics.proofEnd, ["certificate"], end.seconds))
        }
        return samples
    }

    /// The checks of readiness. Without a controller a leaf goes on by records that are still valid, and is ready while it
    /// has any.
    func checks() -> [(name: String, problem: String?)] {
        let moment = now()
        let isCovered =
            !ports.values.isEmpty && ports.values.allSatisfy { ($0.verified?.recordNotAfter ?? Timestamp(0)) > moment }
        let alone = controller.isConnected || isCovered ? nil : "no controller is connected, and records have ended"
        return [
            ("kernel", nil), ("controller", alone),
            ("ports", unopened.isEmpty ? nil : "\(unopened.count) ports could not be opened"),
        ]
    }
}
