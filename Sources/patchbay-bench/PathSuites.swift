import Foundation

/// The suites `whole` and `segmented`: the same paths over an underlay that carries super-packets whole, or cuts them.
final class PathSuites {
    private let durations: Durations
    private let paths: PairPaths

    init(durations: Durations, paths: PairPaths) {
        self.durations = durations
        self.paths = paths
    }

    func steps() -> [Step] {
        Underlay.allCases.flatMap { underlay in
            Self.cases.compactMap { carrier, attachment in
                // A local wire crosses no underlay: once is enough.
                if carrier == .local, underlay == .segmented { return nil }
                return step(underlay, carrier, attachment)
            }
        }
    }

    private static let cases: [(Carrier, Attachment)] = [
        (.routed, .veth), (.bridge, .veth), (.remote, .veth), (.local, .veth),
        (.routed, .tap), (.bridge, .tap), (.remote, .tap), (.local, .tap),
    ]

    private func step(_ underlay: Underlay, _ carrier: Carrier, _ attachment: Attachment) -> Step {
        Step(
            suite: underlay.rawValue, name: "\(carrier.name)-\(attachment.rawValue)",
            reference: carrier == .routed ? nil : "routed-\(attachment.rawValue)",
            seconds: Double(durations.tcp) * 2 + durations.udp * (attachment == .tap ? 3 : 1) + durations.ping + 3
        ) { [self] in
            let path = try paths.path(PathKind(carrier: carrier, attachment: attachment))
            try path.apply(underlay)
            return try Measuring(path: path, durations: durations).all()
        }
    }
}
