public import NetTypes

/// Ports with what happens to flows to them.
public struct PortRule: Hashable, Sendable {
    /// The ports, of which none is in a rule before this one and in this one too with effect: the first that matches
    /// decides.
    public let ports: [PortMatch]
    /// What happens.
    public let outcome: Outcome
}

/// What a policy says about the flows that begin at one end of a pair.
public struct DirectionVerdict: Hashable, Sendable {
    /// The rules for ports, in the order in which they decide; empty where the whole direction has one verdict.
    public internal(set) var rules: [PortRule] = []
    /// What happens to all else: other ports, other protocols, fragments without ports.
    public internal(set) var otherwise: Outcome = .byDefault
    /// The rules in dry run that would have decided something, in their order.
    public internal(set) var dryRun: [RuleReference] = []

    /// Whether the direction is plugged or unplugged as a whole.
    public var isWhole: Bool { rules.isEmpty }

    /// Whether this has the same rules for the same ports, whatever they are called. Two that are not the same in this
    /// way may still come to the same.
    func isSame(as other: Self) -> Bool {
        otherwise.isSame(as: other.otherwise) && rules.count == other.rules.count
            && zip(rules, other.rules).allSatisfy { $0.ports == $1.ports && $0.outcome.isSame(as: $1.outcome) }
    }

    /// What happens to a flow.
    public func outcome(of transport: Transport) -> Outcome {
        guard case .numbered(let portProtocol, let number) = transport else { return otherwise }
        for rule in rules where rule.ports.contains(where: { $0.contains(portProtocol, number) }) {
            return rule.outcome
        }
        return otherwise
    }
}

/// What a policy says about a pair of parties: all that a leaf needs of it for their wires.
public struct PairVerdict: Hashable, Sendable {
    /// Flows that the first party begins.
    public let forward: DirectionVerdict
    /// Flows that the second party begins.
    public let backward: DirectionVerdict
    /// A moment up to which all this holds; nil where it depends on no time.
    public let holdsUntil: Timestamp?
}

/// The verdict of one flow.
public struct FlowVerdict: Hashable, Sendable, CustomStringConvertible {
    /// What happens, and which rule decided.
    public let outcome: Outcome
    /// The rule in dry run that would have decided, were it in force.
    public let dryRun: RuleReference?

    /// Whether the flow passes.
    public var isPlugged: Bool { outcome.isPlugged }
    /// Whether its answers pass.
    public var answers: Bool { outcome.answers }

    public var description: String { outcome.description }
}
