import NetTypes
import PolicyLanguage

// The model that all sources are read into. What a system says about the flows that endpoints begin (egress) and about
// those that they receive (ingress) is a layer each, and a flow passes if both let it.

/// Where a part of the document comes from.
struct Origin: Hashable, Sendable {
    /// What it is, for comments, such as `NetworkPolicy shop/db, line 12, ingress rule 1`.
    let text: String
    /// The beginning of names that are made for it.
    let slug: String
}

/// A condition on flows: who is near, which is where the layer stands, who is far, and on which ports.
struct Clause: Sendable {
    /// The endpoints at which the layer stands: the sources of an egress layer, the destinations of an ingress layer.
    var near: Selection
    /// The endpoints at the other end.
    var far: Selection
    /// The outside addresses at the other end.
    var outside = AddressSet()
    /// The ports of the destination.
    var ports = PortSet.all
    /// What to call those who are near.
    var nearSlug: String
    /// What to call those who are far.
    var farSlug: String
    /// Where it comes from.
    var origins: [Origin]
}

/// Clauses with one verdict. Their order does not matter.
struct Stage: Sendable {
    let allows: Bool
    let clauses: [Clause]
}

/// A list of stages: the first that has a clause for a flow decides it; what none has is denied. The last stage allows.
struct Layer: Sendable {
    var stages: [Stage]

    /// A layer that only allows.
    init(allowing clauses: [Clause]) { stages = [Stage(allows: true, clauses: clauses)] }

    /// A layer of stages that decide first, and then of what it allows.
    init(_ stages: [Stage], allowing clauses: [Clause]) {
        self.stages = stages.filter { !$0.clauses.isEmpty } + [Stage(allows: true, clauses: clauses)]
    }
}
