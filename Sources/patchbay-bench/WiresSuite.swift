/// The suite `wires`: a remote wire between veth ports while there are 1 to 1,000,000 wires in the maps of both hosts.
///
/// `hot-N`: every packet takes the same wire. `random-N`: every packet takes another of the N, drawn at random, so that
/// what a packet needs is in no cache. `routed-random-N`: the same packets between the same devices without overlay.
final class WiresSuite {
    private let durations: Durations
    private var wiresMade: Result<ManyPath, any Error>?
    private var routedMade: Result<ManyPath, any Error>?

    init(durations: Durations) { self.durations = durations }

    static let counts = [1, 1_000, 100_000, 1_000_000]

    func steps() -> [Step] {
        Self.counts.flatMap { count -> [Step] in
            let hot = step("hot-\(count)", count == 1 ? "routed-1" : "hot-1") { suite in
                let path = try suite.wires()
                let fill = try path.set(wires: count)
                return try path.spray(pairs: 1, seconds: suite.durations.udp)
                    + (fill.map { [Reading(metric: .fill, value: $0)] } ?? [])
            }
            guard count > 1 else {
                let routed = step("routed-1", nil) { suite in
                    try suite.routed().spray(pairs: 1, seconds: suite.durations.udp)
                }
                return [routed, hot]
            }
            let random = step("random-\(count)", "routed-random-\(count)") { suite in
                let path = try suite.wires()
                try path.set(wires: count)
                return try path.spray(pairs: count, seconds: suite.durations.udp)
                    + [Reading(metric: .wireMemory, value: try path.memoryPerWire())]
            }
            let routed = step("routed-random-\(count)", "routed-1") { suite in
                try suite.routed().spray(pairs: count, seconds: suite.durations.udp)
            }
            return [hot, random, routed]
        }
    }

    func close() {
        try? wiresMade?.get().close()
        (wiresMade, routedMade) = (nil, nil)
    }

    private func step(
        _ name: String, _ reference: String?, _ body: @escaping (WiresSuite) throws -> [Reading]
    ) -> Step {
        Step(
            suite: "wires", name: name, reference: reference, seconds: durations.udp + 1.5, isMovable: false
        ) { [self] in try body(self) }
    }

    private func wires() throws -> ManyPath {
        let path = wiresMade ?? Result { try ManyPath(isRouted: false) }
        wiresMade = path
        return try path.get()
    }

    private func routed() throws -> ManyPath {
        let path = routedMade ?? Result { try ManyPath(isRouted: true) }
        routedMade = path
        return try path.get()
    }
}
