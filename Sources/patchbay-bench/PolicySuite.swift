import NetTypes
import PolicyLanguage
import PolicyYAML

/// The suite `policy`: what the evaluator costs, with a document of 10,000 rules over 100,000 endpoints. No packets.
final class PolicySuite {
    private let isQuick: Bool
    private var made: Result<Prepared, any Error>?
    private var seed: UInt64 = 0

    init(isQuick: Bool) { self.isQuick = isQuick }

    /// What every measurement begins with.
    private struct Prepared {
        let workload: PolicyWorkload
        let policy: CompiledPolicy
        let memberships: [Membership]
    }

    /// What issue 4 asks for: microseconds of one pair, bytes of one rule, milliseconds of a check or a comparison.
    private static let pairLimit = Limit.below(10)
    private static let ruleLimit = Limit.below(200)
    private static let checkLimit = Limit.below(2_000)

    func steps() -> [Step] {
        [
            step("pair", seconds: 1) { suite, prepared in try suite.pair(prepared) },
            step("flow", seconds: 1) { suite, prepared in try suite.flow(prepared) },
            step("membership", seconds: 1) { suite, prepared in try suite.membership(prepared) },
            step("memory", seconds: 5) { _, _ in try PolicyMemory.measure().readings(limit: Self.ruleLimit) },
            step("read-yaml", seconds: 1) { _, prepared in
                let text = Array(prepared.workload.text.utf8)
                return [try Self.duration { _ = try PolicyYAML.read(text) }, size(text)]
            },
            step("read-canonical", seconds: 1) { _, prepared in
                let bytes = prepared.workload.canonicalBytes
                return [try Self.duration { _ = try Document(canonicalBytes: bytes) }, size(bytes)]
            },
            step("compile", seconds: 1) { _, prepared in
                [Self.duration { _ = CompiledPolicy(prepared.workload.source) }]
            },
            step("check", seconds: 2) { _, prepared in
                var findings = 0
                let duration = Self.duration(limit: Self.checkLimit) {
                    let workload = prepared.workload
                    let check = PolicyCheck(
                        workload.source, endpoints: workload.parties, at: PolicyWorkload.moment)
                    findings = check.findings.count
                }
                return [duration, Reading(metric: .findings, value: Double(findings))]
            },
            diff("diff-nothing") { _, _ in },
            diff("diff-rule-gone") { rules, _ in rules.remove(at: 17) },
            diff("diff-ports-of-100") { rules, _ in
                for index in stride(from: 0, to: 5_000, by: 50) { rules[index].ports = [PortMatch(.tcp, 1...1)] }
            },
            diff("diff-group") { _, groups in
                groups[3] = PolicyGroup(name: groups[3].name, .label(.equals(try PolicyLabel(parsing: "env=prod"))))
            },
            diff("diff-rule-to-any") { rules, _ in (rules[0].from, rules[0].to) = (.any, .any) },
        ]
    }

    private func step(
        _ name: String, seconds: Double, _ body: @escaping (PolicySuite, Prepared) throws -> [Reading]
    ) -> Step {
        Step(suite: "policy", name: name, reference: nil, seconds: seconds) { [self] in
            try body(self, try prepared())
        }
    }

    private func prepared() throws -> Prepared {
        let made =
            made
            ?? Result {
                let workload = try PolicyWorkload()
                let policy = CompiledPolicy(workload.source)
                return Prepared(
                    workload: workload, policy: policy, memberships: workload.parties.map(policy.membership))
            }
        self.made = made
        return try made.get()
    }

    // MARK: Verdicts

    /// Pairs of endpoints, others in every round.
    private func pairs() -> [(Int, Int)] {
        seed += 1
        var random = SeededGenerator(seed: seed)
        return (0..<(isQuick ? 20_000 : 200_000)).map { _ in
            (
                Int.random(in: 0..<PolicyWorkload.endpoints, using: &random),
                Int.random(in: 0..<PolicyWorkload.endpoints, using: &random)
            )
        }
    }

    private func pair(_ prepared: Prepared) throws -> [Reading] {
        let (pairs, policy, memberships) = (pairs(), prepared.policy, prepared.memberships)
        // What was found is used, so that it has to be found.
        var decided = 0
        let verdict = Self.microseconds(each: pairs) { pair in
            let verdict = policy.compile(memberships[pair.0], memberships[pair.1], at: PolicyWorkload.moment)
            decided += verdict.forward.rules.count + (verdict.forward.otherwise.rule == nil ? 0 : 1)
        }
        let tables = Self.microseconds(each: pairs) { pair in
            let verdict = policy.compile(memberships[pair.0], memberships[pair.1], at: PolicyWorkload.moment)
            decided += policy.table(verdict.forward).segments.count + policy.table(verdict.backward).segments.count
        }
        var singles: [Double] = []
        for pair in pairs.prefix(20_000) {
            singles.append(
                Self.microseconds(each: CollectionOfOne(pair)) { pair in
                    let verdict = policy.compile(memberships[pair.0], memberships[pair.1], at: PolicyWorkload.moment)
                    decided += verdict.backward.rules.count
                })
        }
        guard decided > 0 else { throw BenchError("no rule of the document speaks about any of \(pairs.count) pairs") }
        return [
            Reading(metric: .verdict, value: verdict, limit: Self.pairLimit),
            Reading(metric: .verdict99, value: Latencies.percentile(99, of: singles.sorted())),
            Reading(metric: .tables, value: tables, limit: Self.pairLimit),
        ]
    }

    /// One flow as anybody asks who keeps nothing: with the memberships of both parties.
    private func flow(_ prepared: Prepared) throws -> [Reading] {
        let parties = prepared.workload.parties
        var plugged = 0
        let time = Self.microseconds(each: pairs()) { pair in
            let flow = Flow(
                from: parties[pair.0], to: parties[pair.1], .numbered(.tcp, 80), at: PolicyWorkload.moment)
            plugged += prepared.policy.evaluate(flow).isPlugged ? 1 : 0
        }
        guard plugged > 0 else { throw BenchError("no flow of the document is plugged") }
        return [Reading(metric: .verdict, value: time, limit: Self.pairLimit)]
    }

    private func membership(_ prepared: Prepared) throws -> [Reading] {
        let parties = prepared.workload.parties
        var different = Set<Membership>()
        let time = Self.microseconds(each: parties.indices) { index in
            let membership = prepared.policy.membership(of: parties[index])
            if index.isMultiple(of: 1_000) { different.insert(membership) }
        }
        guard different.count > 1 else { throw BenchError("all endpoints stand on the same sides") }
        return [Reading(metric: .membership, value: time)]
    }

    // MARK: Comparing

    private func diff(
        _ name: String, _ change: @escaping (inout [Rule], inout [PolicyGroup]) throws -> Void
    ) -> Step {
        step(name, seconds: 2) { _, prepared in
            let workload = prepared.workload
            let new = try workload.changed(change)
            var compared: PolicyDiff?
            let duration = Self.duration(limit: Self.checkLimit) {
                compared = PolicyDiff(
                    from: workload.source.document, to: new, endpoints: workload.parties, at: PolicyWorkload.moment)
            }
            guard let compared, compared.changes.isEmpty == (name == "diff-nothing") else {
                throw BenchError("\(name) found \(compared?.changes.count ?? 0) changes")
            }
            return [
                duration, Reading(metric: .comparedPairs, value: Double(compared.comparedPairs)),
                Reading(metric: .changes, value: Double(compared.changes.count)),
            ]
        }
    }

    // MARK: Time

    private static func microseconds<Items: Collection>(
        each items: Items, _ body: (Items.Element) -> Void
    ) -> Double {
        let start = ContinuousClock.now
        for item in items { body(item) }
        return (ContinuousClock.now - start) / .microseconds(1) / Double(items.count)
    }

    private static func duration(limit: Limit? = nil, _ body: () throws -> Void) rethrows -> Reading {
        let start = ContinuousClock.now
        try body()
        return Reading(metric: .duration, value: (ContinuousClock.now - start) / .milliseconds(1), limit: limit)
    }
}

/// How long a text is.
private func size(_ bytes: [UInt8]) -> Reading { Reading(metric: .textSize, value: Double(bytes.count)) }
