import Policy
public import PolicyLanguage

/// What two leaves make of a policy's verdict about a pair: which directions have a wire, how each is protected, and
/// which flows pass on it.
public struct WirePlan: Hashable, Sendable {
    /// Flows that the source begins.
    public let forward: FlowTable
    /// Flows that the destination begins.
    public let backward: FlowTable

    /// Joins the tables of both directions.
    public init(forward: FlowTable, backward: FlowTable) {
        self.forward = forward
        self.backward = backward
    }

    /// The same, as the destination sees it.
    public var reversed: WirePlan { WirePlan(forward: backward, backward: forward) }

    /// Whether any packet may go from the source to the destination: one that begins a flow, or an answer.
    public var isPlugged: Bool { forward.begins || backward.isAnswered }
    /// Whether any packet may come back.
    public var isPluggedBack: Bool { backward.begins || forward.isAnswered }

    /// How both directions are protected: each by the highest level that any of its flows asks for.
    public var security: PairSecurity {
        PairSecurity(
            forward: isPlugged ? Self.level(of: forward, answering: backward) : .none,
            reverse: isPluggedBack ? Self.level(of: backward, answering: forward) : .none)
    }

    private static func level(of table: FlowTable, answering other: FlowTable) -> Security {
        let levels =
            table.decisions.lazy.map(\.outcome).filter(\.isPlugged).map(\.security)
            + other.decisions.lazy.map(\.outcome).filter { $0.isPlugged && $0.answers }.map(\.security)
        return levels.max() ?? .none
    }

    /// Whether the kernel has to look at flows: else every packet of a direction that is plugged passes, unlimited and
    /// unlogged, and needs no state.
    public var needsFlows: Bool {
        func isSimple(_ table: FlowTable, isPlugged: Bool) -> Bool {
            let outcome = table.otherwise.outcome
            guard table.isWhole, table.otherwise.dryRun == nil, outcome.isPlugged == isPlugged else { return false }
            return outcome.rate == nil && !outcome.isLogged && (isPlugged || outcome.verdict != .reject)
        }
        return !isSimple(forward, isPlugged: isPlugged) || !isSimple(backward, isPlugged: isPluggedBack)
    }

    /// The decision about a direction as a whole, for a refusal: the one that flows without ports get.
    public var refusal: Outcome { forward.otherwise.outcome }
}
