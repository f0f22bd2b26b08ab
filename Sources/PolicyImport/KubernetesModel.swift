import NetTypes
import PolicyLanguage

// Kubernetes policies as they are read, before they are layers.

/// Endpoints that are surely meant, and those that may be: labels that Patchbay cannot have make the difference.
struct Estimate: Hashable, Sendable {
    var certain: Selection
    var possible: Selection

    init(_ certain: Selection, _ possible: Selection) {
        self.certain = certain
        self.possible = possible
    }

    init(_ selection: Selection) { self.init(selection, selection) }

    var isExact: Bool { certain == possible }
}

/// The other end of a rule.
struct KubernetesPeers: Sendable {
    var endpoints: Estimate
    var outside: AddressSet
    var slug: String
}

/// Ports that are surely meant, and those that may be.
struct PortEstimate: Sendable {
    var certain: PortSet
    var possible: PortSet
    /// Those that stand there as numbers: a name is that of a port of a pod, and addresses outside have none.
    var numbers: PortSet

    static let none = PortEstimate(certain: PortSet([]), possible: PortSet([]), numbers: PortSet([]))
    static let all = PortEstimate(number: .all)

    init(certain: PortSet, possible: PortSet, numbers: PortSet) {
        self.certain = certain
        self.possible = possible
        self.numbers = numbers
    }

    init(number: PortSet) { self.init(certain: number, possible: number, numbers: number) }

    func union(_ other: Self) -> Self {
        Self(
            certain: certain.union(other.certain), possible: possible.union(other.possible),
            numbers: numbers.union(other.numbers))
    }
}

/// A rule of a NetworkPolicy.
struct KubernetesRule: Sendable {
    let peers: KubernetesPeers
    let ports: PortEstimate
    let origin: Origin
}

/// A NetworkPolicy (networking.k8s.io/v1).
struct NetworkPolicy: Sendable {
    let slug: String
    let selected: Estimate
    /// The rules for what pods receive; nil where the policy does not speak about that.
    let ingress: [KubernetesRule]?
    /// The rules for what pods begin.
    let egress: [KubernetesRule]?
}

/// What a rule of an administrator's policy says.
enum AdminAction: String, Sendable {
    case allow = "Allow"
    case deny = "Deny"
    case pass = "Pass"
}

/// A rule of an administrator's policy.
struct AdminRule: Sendable {
    let action: AdminAction
    let rule: KubernetesRule
}

/// An AdminNetworkPolicy or BaselineAdminNetworkPolicy (policy.networking.k8s.io/v1alpha1).
struct AdminPolicy: Sendable {
    let name: String
    let slug: String
    let subject: Estimate
    /// Lower decides first; of the baseline 0.
    let priority: Int
    let ingress: [AdminRule]
    let egress: [AdminRule]
    let source: String
    let place: Place
}

/// All policies of an import.
struct KubernetesPolicies: Sendable {
    var policies: [NetworkPolicy] = []
    var admin: [AdminPolicy] = []
    var baseline: AdminPolicy?
}

extension KubernetesPolicies {
    enum Direction {
        case ingress, egress

        var word: String { self == .ingress ? "ingress" : "egress" }
    }

    /// What the policies say about one direction, as a layer: administrators' rules by priority, then what
    /// NetworkPolicies allow to pods that they isolate, then the baseline, then everything.
    ///
    /// The baseline stands before the rules of NetworkPolicies here, and for pods only that none of those isolates; so
    /// the two never speak of the same flow, and the list ends with a stage that allows, as a layer does.
    func layer(
        _ direction: Direction, pods: Selection, isolated: Selection, algebra: SelectionAlgebra
    ) -> Layer {
        let free = algebra.both([pods, algebra.not(isolated)])
        var allowing = policies.flatMap { policy in
            ((direction == .ingress ? policy.ingress : policy.egress) ?? []).flatMap { rule in
                rule.clauses(direction, near: policy.selected.certain, slug: policy.slug, allows: true)
            }
        }
        let slug = "open-\(direction.word)"
        let text = "What no policy isolates for \(direction.word) is open."
        if free != .none {
            allowing.append(
                Clause(
                    near: free, far: pods, outside: .all, nearSlug: isolated == .none ? "pods" : slug, farSlug: "pods",
                    origins: [Origin(text: text, slug: slug)]))
        }
        var tail: [Stage] = []
        if let baseline {
            for rule in direction == .ingress ? baseline.ingress : baseline.egress {
                let clauses = rule.clauses(direction, of: baseline).map { whole in
                    var clause = whole
                    clause.near = algebra.both([clause.near, free])
                    clause.nearSlug += "-open"
                    return clause
                }
                tail.append(Stage(allows: rule.action == .allow, clauses: clauses))
            }
        }
        let last = tail + [Stage(allows: true, clauses: allowing)]
        var rules = admin.flatMap { policy in
            (direction == .ingress ? policy.ingress : policy.egress).flatMap { rule in
                rule.clauses(direction, of: policy).map { (rule.action, $0) }
            }
        }
        // At the end, passing on changes nothing.
        while rules.last?.0 == .pass { rules.removeLast() }
        var stages: [Stage] = []
        for (action, clause) in rules {
            switch action {
            case .allow, .deny: stages.append(Stage(allows: action == .allow, clauses: [clause]))
            case .pass:
                // What is passed on is decided here by the rest of the list, and not by rules that stand between.
                for stage in last {
                    stages.append(
                        Stage(
                            allows: stage.allows,
                            clauses: stage.clauses.compactMap { $0.restricted(to: clause, algebra) }))
                }
                stages.append(Stage(allows: false, clauses: [clause]))
            }
        }
        return Layer(stages + tail, allowing: allowing)
    }

    /// The pods that some policy isolates.
    func isolated(_ direction: Direction, algebra: SelectionAlgebra) -> Selection {
        algebra.either(
            policies.filter { (direction == .ingress ? $0.ingress : $0.egress) != nil }.map(\.selected.possible))
    }
}

extension KubernetesRule {
    /// One clause; two where the ports of pods that it goes to are others than those of addresses outside.
    fileprivate func clauses(
        _ direction: KubernetesPolicies.Direction, near: Selection, slug: String, allows: Bool
    ) -> [Clause] {
        var clause = Clause(
            near: near, far: allows ? peers.endpoints.certain : peers.endpoints.possible, outside: peers.outside,
            ports: allows ? ports.certain : ports.possible, nearSlug: slug, farSlug: peers.slug, origins: [origin])
        guard direction == .egress, !peers.outside.isEmpty, ports.numbers != clause.ports else { return [clause] }
        var beyond = clause
        beyond.far = .none
        beyond.ports = ports.numbers
        clause.outside = AddressSet()
        return beyond.ports.isEmpty ? [clause] : [clause, beyond]
    }
}

extension AdminRule {
    /// What cannot be known well is denied rather than allowed.
    fileprivate func clauses(_ direction: KubernetesPolicies.Direction, of policy: AdminPolicy) -> [Clause] {
        rule.clauses(
            direction, near: action == .deny ? policy.subject.possible : policy.subject.certain, slug: policy.slug,
            allows: action != .deny)
    }
}

extension Clause {
    /// What this and another clause of the same layer both match; nil is nothing.
    fileprivate func restricted(to other: Clause, _ algebra: SelectionAlgebra) -> Clause? {
        var clause = self
        clause.near = algebra.both([other.near, near])
        clause.far = algebra.both([other.far, far])
        clause.outside = other.outside.intersection(outside)
        clause.ports = other.ports.intersection(ports)
        clause.nearSlug =
            clause.near == near
            ? nearSlug : clause.near == other.near ? other.nearSlug : other.nearSlug + "-and-" + nearSlug
        clause.farSlug =
            clause.far == far ? farSlug : clause.far == other.far ? other.farSlug : other.farSlug + "-and-" + farSlug
        clause.origins = other.origins + origins
        let isNobody = clause.far == .none && clause.outside.isEmpty
        return clause.near == .none || isNobody || clause.ports.isEmpty ? nil : clause
    }
}
