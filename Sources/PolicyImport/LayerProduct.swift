import NetTypes
import PolicyLanguage

/// A rule before it has names.
struct DraftRule: Sendable {
    enum Side: Hashable, Sendable {
        case endpoints(Selection)
        case outside(AddressSet)
    }

    /// What rules of one stage have in common if they can be one rule of more ports.
    struct Sides: Hashable {
        let from: Side
        let to: Side
    }

    var from: Side
    var to: Side
    /// nil is a rule without ports, which speaks about both directions and about every packet.
    var ports: PortSet?
    var fromSlug: String
    var toSlug: String
    var origins: [Origin]
}

/// Rules with one verdict, whose order does not matter.
struct DraftStage: Sendable {
    let plugs: Bool
    var rules: [DraftRule]
}

/// Joins an egress and an ingress layer into stages of which the first that has a rule for a flow decides it.
///
/// A flow passes if both layers let it. The product of two lists in which the first match decides is the list of all
/// pairs in the order of the first list and then the second: of the pairs that match a flow, the first is that of the
/// two first matches. A pair plugs if both of it allow. So no complement of ports or of rules is needed: where the egress
/// layer denies, the pair's other half does not matter; and of a flow for which one layer has no clause no pair plugs, so
/// that what is denied in silence needs no rule. Outside addresses have one layer only, that of the endpoint.
struct LayerProduct {
    private let algebra: SelectionAlgebra
    private var pairs = 0

    /// The most pairs of clauses that are tried.
    static let maximumPairs = 16_000_000

    private init(algebra: SelectionAlgebra) { self.algebra = algebra }

    /// The three lists of stages: between endpoints, from endpoints to the outside, from the outside to endpoints. No
    /// flow is in two of them.
    static func stages(
        egress: Layer, ingress: Layer, algebra: SelectionAlgebra
    ) throws(ImportError) -> [[DraftStage]] {
        var product = Self(algebra: algebra)
        var inside = try product.inside(egress, ingress)
        if inside.allSatisfy(\.plugs) { inside = inside.map { product.completed($0) } }
        return [
            inside.compactMap(merged),
            egress.stages.compactMap { stage in
                merged(
                    DraftStage(
                        plugs: stage.allows, rules: stage.clauses.compactMap { product.crossing($0, isEgress: true) }))
            },
            ingress.stages.compactMap { stage in
                merged(
                    DraftStage(
                        plugs: stage.allows, rules: stage.clauses.compactMap { product.crossing($0, isEgress: false) }))
            },
        ]
    }

    private mutating func inside(_ egress: Layer, _ ingress: Layer) throws(ImportError) -> [DraftStage] {
        var stages: [DraftStage] = []
        for outer in egress.stages {
            guard outer.allows else {
                stages.append(DraftStage(plugs: false, rules: outer.clauses.compactMap { denial($0) }))
                continue
            }
            for inner in ingress.stages {
                var rules: [DraftRule] = []
                let anchors = inner.clauses.map { (algebra.anchors(of: $0.far), algebra.anchors(of: $0.near)) }
                for a in outer.clauses {
                    pairs += inner.clauses.count
                    guard pairs <= Self.maximumPairs, rules.count <= PolicyLimits.rules * 2 else { throw Self.tooMany }
                    let (near, far) = (algebra.anchors(of: a.near), algebra.anchors(of: a.far))
                    for (b, (from, to)) in zip(inner.clauses, anchors) {
                        if SelectionAlgebra.areDisjoint(near, from) || SelectionAlgebra.areDisjoint(far, to) {
                            continue
                        }
                        if let rule = pair(a, b) { rules.append(rule) }
                    }
                }
                stages.append(DraftStage(plugs: inner.allows, rules: rules))
            }
        }
        return stages
    }

    static let tooMany = ImportError(
        "", .limit, .unknown, "", "the policies need more than the \(PolicyLimits.rules) rules of a document",
        remedy: "import fewer of them, such as one namespace or project at a time")

    private func pair(_ egress: Clause, _ ingress: Clause) -> DraftRule? {
        let ports = egress.ports.intersection(ingress.ports)
        guard !ports.isEmpty else { return nil }
        let from = algebra.both([egress.near, ingress.far])
        if from == .none { return nil }
        let to = algebra.both([ingress.near, egress.far])
        if to == .none { return nil }
        return DraftRule(
            from: .endpoints(from), to: .endpoints(to), ports: ports,
            fromSlug: Self.join(egress.nearSlug, ingress.farSlug, from == egress.near, from == ingress.far),
            toSlug: Self.join(egress.farSlug, ingress.nearSlug, to == egress.far, to == ingress.near),
            origins: egress.origins + ingress.origins)
    }

    private static func join(_ a: String, _ b: String, _ isFirst: Bool, _ isSecond: Bool) -> String {
        isFirst ? a : isSecond || a == b ? b : "\(a)-and-\(b)"
    }

    private func denial(_ egress: Clause) -> DraftRule? {
        guard egress.near != .none, egress.far != .none, !egress.ports.isEmpty else { return nil }
        return DraftRule(
            from: .endpoints(egress.near), to: .endpoints(egress.far), ports: egress.ports,
            fromSlug: egress.nearSlug, toSlug: egress.farSlug, origins: egress.origins)
    }

    private func crossing(_ clause: Clause, isEgress: Bool) -> DraftRule? {
        guard clause.near != .none, !clause.outside.isEmpty, !clause.ports.isEmpty else { return nil }
        let near = DraftRule.Side.endpoints(clause.near)
        let far = DraftRule.Side.outside(clause.outside)
        return DraftRule(
            from: isEgress ? near : far, to: isEgress ? far : near, ports: clause.ports,
            fromSlug: isEgress ? clause.nearSlug : clause.farSlug,
            toSlug: isEgress ? clause.farSlug : clause.nearSlug, origins: clause.origins)
    }

    /// Adds a rule without ports for those who may begin every flow to each other, in both directions. It brings what
    /// no rule with ports can: other protocols, and fragments. Only where nothing unplugs, for it would stand behind.
    private func completed(_ stage: DraftStage) -> DraftStage {
        var rules: [DraftRule] = []
        for rule in stage.rules {
            guard rule.ports?.isAll == true, case .endpoints(let from) = rule.from, case .endpoints(let to) = rule.to,
                case let both = algebra.both([from, to]), both != .none
            else {
                rules.append(rule)
                continue
            }
            var whole = rule
            whole.ports = nil
            (whole.from, whole.to) = (.endpoints(both), .endpoints(both))
            let slug = Self.join(rule.fromSlug, rule.toSlug, both == from, both == to)
            (whole.fromSlug, whole.toSlug) = (slug, slug)
            if from != to { rules.append(rule) }
            rules.append(whole)
        }
        return DraftStage(plugs: stage.plugs, rules: rules)
    }

    /// One rule of what has the same sides; nil where there is no rule.
    private static func merged(_ stage: DraftStage) -> DraftStage? {
        var indexes: [DraftRule.Sides: Int] = [:]
        var whole = Set<DraftRule.Sides>()
        var rules: [DraftRule] = []
        for rule in stage.rules {
            let sides = DraftRule.Sides(from: rule.from, to: rule.to)
            guard let ports = rule.ports else {
                if whole.insert(sides).inserted { rules.append(rule) }
                continue
            }
            if let index = indexes[sides] {
                rules[index].ports = rules[index].ports?.union(ports)
                for origin in rule.origins where !rules[index].origins.contains(origin) {
                    rules[index].origins.append(origin)
                }
            } else {
                indexes[sides] = rules.count
                rules.append(rule)
            }
        }
        return rules.isEmpty ? nil : DraftStage(plugs: stage.plugs, rules: rules)
    }
}
