import Foundation

/// The suites `protected` and `protected-segmented`: protected wires, and what else encrypts in user space, over an
/// underlay that carries super-packets whole, or cuts them. All ports are veths.
final class ProtectedSuites {
    private let durations: Durations
    private let paths: PairPaths

    init(durations: Durations, paths: PairPaths) {
        self.durations = durations
        self.paths = paths
    }

    static let names = ["protected", "protected-segmented"]

    func steps() -> [Step] {
        Self.whole.map { step(Self.names[0], .whole, $0) } + Self.segmented.map { step(Self.names[1], .segmented, $0) }
    }

    private static let whole: [Carrier] =
        [.routed, .bridge]
        + [EngineKind.conf, .auth, .twoQueues, .pinned, .oneProcessor, .asleep, .openSSL, .bounded].map(
            Carrier.protected)
        + Peer.allCases.map { Carrier.peer($0) } + [.peer(.wireGuard, isPinned: true)]

    private static let segmented: [Carrier] = [
        .routed, .bridge, .protected(.conf), .protected(.auth), .protected(.twoQueues), .peer(.wireGuard),
        .peer(.nebula),
    ]

    private func step(_ suite: String, _ underlay: Underlay, _ carrier: Carrier) -> Step {
        Step(
            suite: suite, name: carrier.name, reference: carrier == .routed ? nil : "routed",
            seconds: Double(durations.tcp) * 3 + durations.udp * 2 + durations.ping + 1.5
        ) { [self] in
            let path = try paths.path(PathKind(carrier: carrier, attachment: .veth))
            try path.apply(underlay)
            return try Measuring(path: path, durations: durations).allProtected()
        }
    }
}
