/// The suite `rules`: what port rules and state cost packets, on wires and on the routed path with nftables.
final class RulesSuite {
    private let durations: Durations
    private let paths: PairPaths

    init(durations: Durations, paths: PairPaths) {
        self.durations = durations
        self.paths = paths
    }

    /// What issue 4 asks of throughput: compared to the same wire without rules.
    private static let limit = Limit.ratio(0.9)
    private static let limited: Set<Metric> = [.tcp1, .tcp4, .udpReceived]

    func steps() -> [Step] {
        [Carrier.remote, .protected(.conf), .routed].flatMap { carrier in
            [nil, RuleLoad.few, .many].map { step(carrier, $0) }
        }
    }

    private func step(_ carrier: Carrier, _ rules: RuleLoad?) -> Step {
        let name = rules.map { "\(carrier == .routed ? "nftables-forward" : "\(carrier.name)-rules")-\($0.segments)" }
        return Step(
            suite: "rules", name: name ?? carrier.name, reference: rules == nil ? nil : carrier.name,
            seconds: Double(durations.tcp) * 2 + durations.udp * 2 + durations.ping + 3
        ) { [self] in
            let path = try paths.path(PathKind(carrier: carrier, attachment: .veth))
            try path.apply(.whole, rules: rules)
            let readings = try Measuring(path: path, durations: durations).all()
            guard rules != nil, carrier != .routed else { return readings }
            return readings.map { reading in
                var reading = reading
                if Self.limited.contains(reading.metric) { reading.limit = Self.limit }
                return reading
            }
        }
    }
}
