import Foundation

/// The suites `whole` and `segmented`: the same paths over an underlay that carries super-packets whole, or cuts them.
final class PathSuites {
    private let durations: Durations
    /// A path that could not be made is not tried again: each of its cases says why.
    private var paths: [String: Result<PairPath, any Error>] = [:]

    init(durations: Durations) { self.durations = durations }

    func steps() -> [Step] {
        Underlay.allCases.flatMap { underlay in
            Self.cases.compactMap { carrier, attachment in
                // A local wire crosses no underlay: once is enough.
                if carrier == .local, underlay == .segmented { return nil }
                return step(underlay, carrier, attachment)
            }
        }
    }

    func close() {
        for path in paths.values { try? path.get().close() }
        paths = [:]
    }

    private static let cases: [(Carrier, Attachment)] = [
        (.routed, .veth), (.bridge, .veth), (.remote, .veth), (.local, .veth),
        (.routed, .tap), (.bridge, .tap), (.remote, .tap), (.local, .tap),
    ]

    private func step(_ underlay: Underlay, _ carrier: Carrier, _ attachment: Attachment) -> Step {
        Step(
            suite: underlay.rawValue, name: "\(carrier.rawValue)-\(attachment.rawValue)",
            reference: carrier == .routed ? nil : "routed-\(attachment.rawValue)",
            seconds: Double(durations.tcp) * 2 + durations.udp * (attachment == .tap ? 3 : 1) + durations.ping + 3
        ) { [self] in
            let path = try path(carrier, attachment)
            try path.apply(underlay)
            return try Measuring(path: path, durations: durations).all()
        }
    }

    private func path(_ carrier: Carrier, _ attachment: Attachment) throws -> PairPath {
        let key = "\(carrier.rawValue)-\(attachment.rawValue)"
        let path = paths[key] ?? Result { try PairPath(carrier, attachment) }
        paths[key] = path
        return try path.get()
    }
}
