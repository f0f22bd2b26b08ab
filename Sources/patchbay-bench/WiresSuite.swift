/// The suite `wires`: a remote wire between veth ports while there are 1 to 1,000,000 wires in the maps of both hosts.
///
/// `hot-N`: every packet takes the same wire. `random-N`: every packet takes another of the N, drawn at random, so that
/// what a packet needs is in no cache. `routed-random-N`: the same packets between the same devices without overlay.
final class WiresSuite {
    private let durations: Durations
    private var wires: ManyPath?
    private var routed: ManyPath?

    init(durations: Durations) { self.durations = durations }

    static let counts = [1, 1_000, 100_000, 1_000_000]

    func steps() -> [Step] {
        Self.counts.flatMap { count in
            [
                step("hot-\(count)", count == 1 ? "routed-random-1" : "hot-1") { suite in
                    let path = try suite.wiredPath()
                    let fill = try path.set(wires: count)
                    return try path.spray(pairs: 1, seconds: suite.durations.udp)
                        + (fill.map { [Reading(metric: .fill, value: $0)] } ?? [])
                },
                step("random-\(count)", "routed-random-\(count)") { suite in
                    let path = try suite.wiredPath()
                    try path.set(wires: count)
                    let readings = try path.spray(pairs: count, seconds: suite.durations.udp)
                    guard count >= 1000 else { return readings }
                    return readings + [Reading(metric: .wireMemory, value: try path.memoryPerWire())]
                },
                step("routed-random-\(count)", count == 1 ? nil : "routed-random-1") { suite in
                    try suite.routedPath().spray(pairs: count, seconds: suite.durations.udp)
                },
            ]
        }
    }

    func close() {
        wires?.close()
        (wires, routed) = (nil, nil)
    }

    private func step(
        _ name: String, _ reference: String?, _ body: @escaping (WiresSuite) throws -> [Reading]
    ) -> Step {
        Step(
            suite: "wires", name: name, reference: reference, seconds: durations.udp + 1.5, isMovable: false
        ) { [self] in try body(self) }
    }

    private func wiredPath() throws -> ManyPath {
        if let wires { return wires }
        let made = try ManyPath(isRouted: false)
        wires = made
        return made
    }

    private func routedPath() throws -> ManyPath {
        if let routed { return routed }
        let made = try ManyPath(isRouted: true)
        routed = made
        return made
    }
}
