/// Why a flow has its verdict, in words: the rule that decided, the ones that came nearest and what each lacked, and
/// what the platform had to say.
public struct Explanation: Sendable, CustomStringConvertible {
    /// A rule that did not decide.
    public struct NearMiss: Hashable, Sendable, CustomStringConvertible {
        /// The rule.
        public let rule: RuleReference
        /// What it says.
        public let verdict: RuleVerdict
        /// What it lacked, each as a sentence without a full stop.
        public let lacks: [String]

        public var description: String { "\(rule) (\(verdict.rawValue)): \(lacks.joined(separator: "; "))" }
    }

    /// How many near misses are told.
    public static let nearMisses = 5

    /// The flow.
    public let flow: Flow
    /// The verdict.
    public let verdict: FlowVerdict
    /// What the rule that decided says, as it stands in the document; empty where none did.
    public let deciding: String
    /// The rules that came nearest, the nearest first.
    public let nearest: [NearMiss]
    /// The guardrails of the platform that speak about the pair, and what they came to.
    public let guardrails: [String]
    /// The levels of both ends, where they are not both 0 or a guardrail asks for them.
    public let levels: String?

    /// Explains a flow. It looks at all rules, so it costs more than ``CompiledPolicy/evaluate(_:zones:)``.
    public init(
        _ flow: Flow, _ source: SourcedDocument, guardrails: SourcedDocument? = nil,
        zones: some TimeZones = FixedTimeZones()
    ) {
        let policy = CompiledPolicy(source, guardrails: guardrails)
        self.flow = flow
        verdict = policy.evaluate(flow, zones: zones)
        let sides = (policy.membership(of: flow.source), policy.membership(of: flow.destination))
        let numbers = Dictionary(policy.sides.keys.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
        func rule(_ packed: PackedRule) -> Rule {
            let documents = packed.flags.contains(.platform) ? guardrails : source
            return (documents ?? source).document.rules[Int(packed.index)]
        }
        let deciding = verdict.outcome.rule
        self.deciding = deciding.map { rule(policy.rules[$0.position]).summary } ?? ""
        var misses: [(weight: Int, lacks: [String], position: Int)] = []
        var told: [String] = []
        for (position, packed) in policy.rules.enumerated() where position != deciding?.position {
            let isPlatform = packed.flags.contains(.platform)
            let rule = rule(packed)
            let from = numbers[SideKey(rule.from, inPlatform: isPlatform)] ?? 0
            let to = numbers[SideKey(rule.to, inPlatform: isPlatform)] ?? 0
            let question = Question(
                flow: flow, rule: rule, isDryRun: packed.flags.contains(.dryRun), zones: zones)
            let lacks = question.lacks(
                isFrom: (sides.0.contains(from), sides.1.contains(from)),
                isTo: (sides.0.contains(to), sides.1.contains(to)),
                decidedBefore: deciding.map { $0.position < position } ?? false,
                by: deciding)
            if lacks.count <= 2 {
                // A rule that would have done otherwise is what people look for.
                let weight = (rule.verdict == .plug) == verdict.isPlugged ? 4 : 0
                misses.append((lacks.reduce(weight) { $0 + $1.weight }, lacks.map(\.text), position))
            }
            let matches = sides.0.contains(from) && sides.1.contains(to)
            if isPlatform, matches {
                told.append(
                    "\(packed.reference(UInt32(position))): \(lacks.isEmpty ? "passes on" : lacks.map(\.text).joined(separator: "; "))"
                )
            }
        }
        misses.sort { ($0.weight, $0.position) < ($1.weight, $1.position) }
        nearest = misses.filter { !$0.lacks.isEmpty }.prefix(Self.nearMisses).map { miss in
            let packed = policy.rules[miss.position]
            return NearMiss(
                rule: packed.reference(UInt32(miss.position)), verdict: packed.verdict, lacks: miss.lacks)
        }
        if let deciding, deciding.isPlatform { told.append("\(deciding): decides") }
        self.guardrails = told
        let asksForLevels = policy.rules.contains { $0.flags.contains(.levels) }
        levels =
            asksForLevels || flow.source.level > 0 || flow.destination.level > 0
            ? "\(flow.source) has level \(flow.source.level), \(flow.destination) level \(flow.destination.level)" : nil
    }

    public var description: String {
        var lines = ["\(flow): \(verdict.outcome)"]
        if !deciding.isEmpty { lines.append("  it says: \(deciding)") }
        if let dryRun = verdict.dryRun { lines.append("  in dry run, would decide: \(dryRun)") }
        lines += guardrails.map { "  platform: \($0)" }
        if let levels { lines.append("  levels: \(levels)") }
        lines += nearest.map { "  near: \($0)" }
        return lines.joined(separator: "\n")
    }
}

extension Rule {
    /// The rule in one line.
    public var summary: String {
        if isLevelGuardrail { return "information flows only upwards, \(from) → \(to)" }
        var words = ["\(verdict.rawValue) \(from) \(direction == .oneWay ? "→" : "↔") \(to)"]
        if !ports.isEmpty { words.append(ports.map(\.description).joined(separator: ", ")) }
        if security != .none { words.append(security.rawValue) }
        if let rate { words.append(RateLimit.text(bitsPerSecond: rate.bitsPerSecond)) }
        if !windows.isEmpty { words.append(windows.map(\.description).joined(separator: " or ")) }
        return words.joined(separator: ", ")
    }
}

/// One thing that a rule lacks, and how far it takes the rule away from the flow.
private struct Lack {
    let weight: Int
    let text: String
}

/// What a rule lacks to decide a flow.
private struct Question<Zones: TimeZones> {
    let flow: Flow
    let rule: Rule
    let isDryRun: Bool
    let zones: Zones

    /// - Parameters:
    ///   - isFrom: Whether source and destination are in the rule's `from`.
    ///   - isTo: Whether they are in its `to`.
    func lacks(
        isFrom: (source: Bool, destination: Bool), isTo: (source: Bool, destination: Bool), decidedBefore: Bool,
        by deciding: RuleReference?
    ) -> [Lack] {
        var lacks: [Lack] = []
        let isReversed = isFrom.destination && isTo.source
        let matches = isFrom.source && isTo.destination
        if !matches, !(isReversed && rule.isMirrored) {
            if isReversed {
                lacks.append(
                    Lack(
                        weight: 2,
                        text: rule.direction == .oneWay
                            ? "it is one-way, \(flow.destination) → \(flow.source)"
                            : "with ports it is for flows that \(flow.destination) begins"))
            } else {
                if !isFrom.source { lacks.append(Lack(weight: 3, text: "\(flow.source) is not in \(rule.from)")) }
                if !isTo.destination { lacks.append(Lack(weight: 3, text: "\(flow.destination) is not in \(rule.to)")) }
            }
        }
        lacks += portLack.map { Lack(weight: 1, text: $0) }
        if rule.isLevelGuardrail, flow.source.level <= flow.destination.level {
            lacks.append(
                Lack(weight: 3, text: "level \(flow.source.level) to \(flow.destination.level) is not downwards"))
        }
        lacks += timeLack.map { Lack(weight: 1, text: $0) }
        if isDryRun { lacks.append(Lack(weight: 1, text: "it is in dry run")) }
        if lacks.isEmpty, decidedBefore, let deciding {
            lacks.append(Lack(weight: 1, text: "\(deciding) stands before it"))
        }
        return lacks
    }

    private var portLack: [String] {
        guard !rule.ports.isEmpty else { return [] }
        let ports =
            rule.ports.prefix(4).map(\.description).joined(separator: ", ") + (rule.ports.count > 4 ? ", …" : "")
        let verb = rule.verdict == .plug ? "allows" : "is for"
        guard case .numbered(let portProtocol, let number) = flow.transport else {
            if flow.transport == .other(0) { return ["it \(verb) \(ports) only"] }
            return ["it \(verb) \(ports) only, and a \(flow.transport) has no port"]
        }
        return rule.ports.contains { $0.contains(portProtocol, number) } ? [] : ["it \(verb) \(ports) only"]
    }

    private var timeLack: [String] {
        if let notBefore = rule.notBefore, flow.moment < notBefore { return ["it begins at \(notBefore)"] }
        if let notAfter = rule.notAfter, flow.moment >= notAfter { return ["it ended at \(notAfter)"] }
        guard !rule.holds(at: flow.moment, zones: zones) else { return [] }
        return ["it holds \(rule.windows.map(\.description).joined(separator: " or ")), and it is \(flow.moment)"]
    }
}
