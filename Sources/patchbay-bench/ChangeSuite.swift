/// The suite `change`: from an operator's request to the last leaf at which it is in effect, with the real controller
/// and simulated leaves.
final class ChangeSuite {
    private let isQuick: Bool
    private var made: Result<ChangeSite, any Error>?

    init(isQuick: Bool) { self.isQuick = isQuick }

    private var leaves: Int { isQuick ? 10 : 50 }
    /// How often something is plugged, and unplugged again.
    private var cycles: Int { isQuick ? 5 : 100 }

    /// What issue 4 asks for, in milliseconds.
    private static let limit = Limit.below(100)

    func steps() -> [Step] {
        [
            step("pair") { site, number in
                let changes = [try await site.plugPair(true, number), try await site.plugPair(false, number)]
                try await site.clear()
                return changes
            },
            step("group") { site, _ in [try await site.plugAll(), try await site.unplugAll()] },
        ]
    }

    func close() {
        guard case .success(let site) = made else { return }
        made = nil
        try? Blocking.wait { await site.close() }
    }

    private func step(
        _ name: String, _ cycle: @escaping @Sendable (ChangeSite, Int) async throws -> [ChangeSite.Change]
    ) -> Step {
        Step(
            suite: "change", name: name, reference: nil, seconds: Double(cycles) * 0.15 + 5, isMovable: false,
            runsOnce: true
        ) { [self] in
            let (site, cycles) = (try site(), cycles)
            let changes = try Blocking.wait {
                // The first cycle warms connections and caches, and is not counted.
                _ = try await cycle(site, 0)
                var changes: [ChangeSite.Change] = []
                for number in 1...cycles { changes += try await cycle(site, number) }
                return changes
            }
            var (effects, answers) = (Latencies(), Latencies())
            for change in changes {
                effects.add(Double(change.last - change.asked) / 1e6)
                answers.add(Double(change.answered - change.asked) / 1e6)
            }
            return try effects.readings(limit: Self.limit) + [Reading(metric: .answer50, value: answers.median)]
        }
    }

    private func site() throws -> ChangeSite {
        let leaves = leaves
        let made = made ?? Result { try Blocking.wait { try await ChangeSite(leaves: leaves) } }
        self.made = made
        return try made.get()
    }
}
