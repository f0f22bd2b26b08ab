import Testing

private typealias Case = ConformanceCase
private let everyPort = "tcp/80 tcp/81 udp/80 udp/81 sctp/80 sctp/81"
private let everywhere = "networks: [0.0.0.0/0, \"::/0\"]"
private let outside = ["192.0.2.7", "2001:db8::7"]
/// Pods of x, y and w that are told apart by a label of their own.
private let teams = ["x": ["team=red"], "y": ["team=blue"], "w": ["team=green"]]

private func space(_ name: String) -> String { "namespaces: {matchLabels: {kubernetes.io/metadata.name: \"\(name)\"}}" }
private func pods(_ key: String, _ value: String, in space: String? = nil) -> String {
    let selector = space.map { "{matchLabels: {ns: \"\($0)\"}}" } ?? "{}"
    return "pods: {namespaceSelector: \(selector), podSelector: {matchLabels: {\(key): \(value)}}}"
}
private func number(_ name: String, _ port: Int) -> String { "{portNumber: {protocol: \(name), port: \(port)}}" }
private func range(_ name: String) -> String { "{portRange: {protocol: \(name), start: 80, end: 81}}" }

/// Which of the two lists of rules, and how a table says that nobody of a namespace passes by it.
private enum Way: String, CaseIterable {
    case ingress, egress

    func rule(_ action: String, _ peer: String, _ ports: String...) -> String {
        let list = ports.isEmpty ? "" : ", ports: [\(ports.joined(separator: ", "))]"
        return "{action: \(action), \(self == .ingress ? "from" : "to"): [{\(peer)}]\(list)}"
    }

    func rules(_ rules: [String]) -> String { "\(rawValue): [\(rules.joined(separator: ", "))]" }

    func stop(_ other: String) -> String { self == .ingress ? "- \(other)/* x/*" : "- x/* \(other)/*" }
}

private enum Kind: String, CaseIterable {
    case administrator, baseline

    func policy(_ subject: String, _ lists: String...) -> String {
        let spec = "subject: {\(subject)}, \(lists.joined(separator: ", "))"
        return self == .administrator ? Case.admin("a", 10, spec) : Case.baseline(spec)
    }
}

/// The conformance cases of the network policy API (kubernetes-sigs/network-policy-api, conformance/tests), which have
/// four namespaces and long lists of rules, as they are there; ``AdminPolicyConformance`` has one point a row.
///
/// For AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1, files of "core" and "extended"), by the short names
/// of the tests without the kind, with how many cases they have for the one and the other:
///
///     IngressTCP, IngressUDP, IngressSCTP,     ladders: allow first (allow, allow at a port, deny at a port),
///     EgressTCP, EgressUDP, EgressSCTP           deny first (deny), of the administrator pass first (pass, pass
///       (6 and 4 each)                           at a port)
///     Gress (6 and 4)                          combined: the same in both directions, ports of three protocols
///     Integration (6)                          together: deny; pass of ingress; pass of both; pass to the baseline
///     PriorityField (3)                        together: a later pass; an earlier pass
///     IngressNamedPort, EgressNamedPort        namedPorts
///       (1 and 1 each)
///                                                (namesOutside has no case upstream)
///     EgressInlineCIDRPeers (2 and 2)          networks
///     EgressNodePeers (3 and 2)                none: nodes are no endpoints. What is reported is shown in
///                                                KubernetesReportTests.nodesBesidePods; what to write instead is
///                                                "nodes by their addresses" here
///     IngressPodSelectorTCP and the like,      onePod
///       of 107f154e only (2 each)
///
/// For ClusterNetworkPolicy (v1alpha2 and v1beta1, files of "standard" and "experimental"), a kind that the importer
/// passes over: the tests above again, with `Accept` for `Allow`, and those that only it has, for both of its tiers.
/// They are said in the older kinds here:
///
///     IngressRulesEgressUnaffected (3)         oneWay
///     EgressRulesIngressUnaffected (3)         oneWay
///     PodSelector (3)                          selectors; a baseline has one subject, so its two policies are two rows
///     PortRange (2), ranges in tests above     ranges
///     SamePriority (3)                         together: three policies of one priority; of the baseline none, as
///                                                it is one policy with one subject
///     Hairpin (1, of the administrator)        none: there are no addresses of services. Between two pods it is
///                                                AdminPolicyConformance, "the subject may be its own peer"
///
/// Read at the commits 107f154e, 135bf4bf and d48faeeb (the two older kinds), 30ea168a, 2643c7d1, efe784ef, d1a2cd7a
/// and e98949c4 (the newer one).
@Suite struct AdminPolicyUpstreamConformance {
    @Test(arguments: Self.ladders) func laddersTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.combined) func combinedTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.together) func togetherTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.namedPorts) func namedPortsTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.namesOutside) func namesOutsideTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.networks + [Self.nodes]) func networksTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.oneWay) func oneWayTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.selectors) func selectorsTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.onePod) func onePodTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.ranges) func rangesTable(_ test: ConformanceCase) throws { try test.run() }

    /// The orders of the rules about y, and with each that of those about z, at a port.
    private static func orders(_ kind: Kind) -> [(first: [String], second: [String])] {
        kind == .baseline
            ? [(["Allow", "Deny"], ["Deny"]), (["Deny", "Allow"], ["Deny"])]
            : [
                (["Allow", "Deny", "Pass"], ["Deny", "Pass"]), (["Deny", "Allow", "Pass"], ["Deny", "Pass"]),
                (["Pass", "Allow", "Deny"], ["Pass", "Deny"]),
            ]
    }

    static let ladders: [ConformanceCase] = Kind.allCases.flatMap { kind in
        Way.allCases.flatMap { way in
            [("TCP", "udp"), ("UDP", "sctp"), ("SCTP", "tcp")].flatMap { ladders(kind, way, $0, $1) }
        }
    }

    /// Of y everything by the first of its rules, of z one port by the first of its, of w one port and nothing else.
    private static func ladders(_ kind: Kind, _ way: Way, _ name: String, _ other: String) -> [ConformanceCase] {
        orders(kind).map { order in
            var rules = order.first.map { way.rule($0, space("y")) }
            rules += order.second.map { way.rule($0, space("z"), number(name, 80)) }
            rules.append(way.rule("Allow", space("w"), number(name, 80)))
            rules.append(way.rule("Deny", space("w")))
            let y = order.first[0] == "Deny" ? [way.stop("y")] : []
            let z = order.second[0] == "Deny" ? [way.stop("z")] : []
            let port = name.lowercased()
            return Case(
                "\(kind.rawValue), \(name), \(way.rawValue), \(order.first[0].lowercased()) first",
                kind.policy(space("x"), way.rules(rules)), pods: ConformanceTown.four,
                .init("\(port)/80", lines: y + z),
                .init("\(port)/81 \(other)/80", lines: y + [way.stop("w")]))
        }
    }

    /// Both directions in one policy, and ports of three protocols in one rule; w's differ by direction.
    static let combined: [ConformanceCase] = Kind.allCases.flatMap { kind in
        orders(kind).map { order in
            let lists = Way.allCases.map { way in
                let tcp = way == .ingress ? number("TCP", 80) : number("TCP", 81)
                var rules = order.first.map { way.rule($0, space("y")) }
                rules += order.second.map {
                    way.rule($0, space("z"), number("TCP", 80), number("UDP", 81), number("SCTP", 80))
                }
                rules.append(way.rule("Allow", space("w"), tcp, number("UDP", 80), number("SCTP", 80)))
                rules.append(way.rule("Deny", space("w")))
                return way.rules(rules)
            }
            let y = order.first[0] == "Deny" ? Way.allCases.map { $0.stop("y") } : []
            let z = order.second[0] == "Deny" ? Way.allCases.map { $0.stop("z") } : []
            let w = Way.allCases.map { $0.stop("w") }
            return Case(
                "\(kind.rawValue), both directions, \(order.first[0].lowercased()) first",
                kind.policy(space("x"), lists[0], lists[1]), pods: ConformanceTown.four,
                .init("tcp/80", lines: y + z + [Way.egress.stop("w")]),
                .init("tcp/81", lines: y + [Way.ingress.stop("w")]),
                .init("udp/80", lines: y), .init("udp/81", lines: y + z + w),
                .init("sctp/80", lines: y + z), .init("sctp/81", lines: y + w))
        }
    }

    /// Rules about y in both directions.
    private static func both(_ ingress: String, _ egress: String, _ peer: String = space("y")) -> String {
        Way.ingress.rules([Way.ingress.rule(ingress, peer)]) + ", " + Way.egress.rules([Way.egress.rule(egress, peer)])
    }

    /// A NetworkPolicy for all pods of x, by a selector that is null, and a baseline that says the opposite.
    private static let ofTenant = """
        ---
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: both, namespace: x}
        spec:
          podSelector:
          policyTypes: [Ingress, Egress]
          ingress:
          - from:
            - namespaceSelector: {matchLabels: {ns: "y"}}
          egress:
          - to:
            - namespaceSelector: {matchLabels: {ns: "y"}}

        """
    private static let opposite = Kind.baseline.policy(space("x"), both("Deny", "Deny"))

    static let together: [ConformanceCase] = [
        Case(
            "administrator, NetworkPolicy and baseline: deny",
            Kind.administrator.policy(space("x"), both("Deny", "Deny")) + ofTenant + opposite,
            .init(everyPort, "- * x/*", "- x/* *")),
        Case(
            "administrator, NetworkPolicy and baseline: pass of ingress",
            Kind.administrator.policy(space("x"), both("Pass", "Deny")) + ofTenant + opposite,
            .init(everyPort, "- * x/*", "- x/* *", "+ y/* x/*")),
        Case(
            "administrator, NetworkPolicy and baseline: pass of both",
            Kind.administrator.policy(space("x"), both("Pass", "Pass")) + ofTenant + opposite,
            .init(everyPort, "- * x/*", "- x/* *", "+ y/* x/*", "+ x/* y/*")),
        Case(
            "administrator and baseline: pass to the baseline",
            Kind.administrator.policy(space("x"), both("Pass", "Pass")) + opposite,
            .init(everyPort, "- y/* x/*", "- x/* y/*")),
        priority("a later pass", 60, "- y/* x/*", "- x/* y/*"),
        priority("an earlier pass", 40),
        Case(
            "three policies of one priority",
            equal("a", "x", "y", 80) + equal("b", "x", "z", 80) + equal("c", "z", "y", 81),
            pods: ConformanceTown.four,
            .init("tcp/80", "- y/* x/*", "- x/* y/*", "- z/* x/*", "- x/* z/*"),
            .init("tcp/81", "- y/* z/*", "- z/* y/*"), .init("tcp/82 udp/80 sctp/81")),
    ]

    /// Denies a TCP port in both directions.
    private static func equal(_ name: String, _ own: String, _ peer: String, _ port: Int) -> String {
        let lists = Way.allCases.map { $0.rules([$0.rule("Deny", space(peer), number("TCP", port))]) }
        return Case.admin(name, 15, "subject: {\(space(own))}, \(lists.joined(separator: ", "))")
    }

    /// Pods denied at priority 50, passed on at another, and allowed by the baseline.
    private static func priority(_ name: String, _ pass: Int, _ lines: String...) -> ConformanceCase {
        let subject = "subject: {\(pods("team", "red", in: "x"))}"
        let peer = pods("team", "blue", in: "y")
        return Case(
            name,
            Case.admin("deny", 50, "\(subject), \(both("Deny", "Deny", peer))")
                + Case.admin("pass", pass, "\(subject), \(both("Pass", "Pass", peer))")
                + Case.baseline("\(subject), \(both("Allow", "Allow", peer))"),
            labels: teams, .init(everyPort, lines: lines))
    }

    /// A name is that of one port of one protocol.
    static let namedPorts: [ConformanceCase] = Kind.allCases.flatMap { kind in
        Way.allCases.map { way in
            let isUDP = (kind == .administrator) == (way == .ingress)
            return Case(
                "\(kind.rawValue), \(way.rawValue), the name of a port of \(isUDP ? "UDP" : "TCP")",
                kind.policy(
                    space("x"),
                    way.rules([way.rule("Allow", space("y"), "{namedPort: service}"), way.rule("Deny", space("y"))])),
                namedPorts: ["service": isUDP ? "udp/80" : "tcp/80"],
                .init(isUDP ? "udp/80" : "tcp/80"),
                .init((isUDP ? "tcp/80" : "udp/80") + " tcp/81 udp/81 sctp/80", lines: [way.stop("y")]))
        }
    }

    /// Nor is it one of an address outside.
    static let namesOutside: [ConformanceCase] = Kind.allCases.map { kind in
        Case(
            "\(kind.rawValue), the name of a port, and addresses outside",
            kind.policy(
                space("x"),
                Way.egress.rules([Way.egress.rule("Deny", everywhere, "{namedPort: service}", number("TCP", 81))])),
            namedPorts: ["service": "tcp/80"], outside: outside, .init("tcp/80", "- x/* *"),
            .init("tcp/81", lines: ["- x/* *"] + outside.map { "- x/* \($0)" }), .init("tcp/82 udp/80"))
    }

    static let networks: [ConformanceCase] = Kind.allCases.flatMap { kind in
        let subject = kind == .baseline ? space("x") : pods("team", "red", in: "x")
        let some = Way.egress.rule("Allow", "networks: [10.244.1.1/32, 10.244.2.1/32]")
        let rules = [Way.egress.rule("Allow", pods("team", "green", in: "w")), Way.egress.rule("Deny", everywhere)]
        let stop = ["- x/* *"] + outside.map { "- x/* \($0)" } + ["+ x/* w/*"]
        return [
            Case(
                "\(kind.rawValue), all addresses but some pods", kind.policy(subject, Way.egress.rules(rules)),
                labels: teams, outside: outside, pods: ConformanceTown.four, .init(everyPort, lines: stop)),
            Case(
                "\(kind.rawValue), all addresses but some pods and two addresses",
                kind.policy(subject, Way.egress.rules([some] + rules)), labels: teams, outside: outside,
                pods: ConformanceTown.four, .init(everyPort, lines: stop + ["+ x/* y/a", "+ x/* z/a"])),
        ]
    }

    static let nodes: ConformanceCase = Case(
        "nodes by their addresses",
        Kind.administrator.policy(
            pods("team", "red", in: "x"),
            Way.egress.rules([
                Way.egress.rule("Allow", "networks: [192.0.2.0/28]", number("TCP", 80)),
                Way.egress.rule("Pass", "networks: [192.0.2.0/28]", number("UDP", 80)),
                "{action: Deny, to: [{\(pods("team", "blue", in: "y"))}, {networks: [192.0.2.0/28]}]}",
            ])), labels: teams, outside: outside, .init("tcp/80 udp/80", "- x/* y/*"),
        .init("tcp/81 udp/81 sctp/80", "- x/* y/*", "- x/* 192.0.2.7"))

    static let oneWay: [ConformanceCase] = Kind.allCases.flatMap { kind in
        Way.allCases.map { way in
            Case(
                "\(kind.rawValue), rules of \(way.rawValue) only",
                kind.policy(space("x"), way.rules([way.rule("Deny", space("y"))])), outside: outside,
                .init(everyPort, lines: [way.stop("y")]))
        }
    }

    /// By labels of pods in whatever namespace, and one pod of a namespace.
    static let selectors: [ConformanceCase] = Kind.allCases.flatMap { kind in
        [
            Case(
                "\(kind.rawValue), pods by their labels",
                kind.policy(
                    pods("team", "red"),
                    Way.egress.rules([
                        Way.egress.rule("Deny", pods("team", "blue")),
                        Way.egress.rule("Deny", pods("pod", "a", in: "z")),
                    ]),
                    Way.ingress.rules([
                        Way.ingress.rule("Deny", pods("team", "green")),
                        Way.ingress.rule("Deny", pods("pod", "a", in: "z")),
                    ])), labels: teams, pods: ConformanceTown.four,
                .init(everyPort, "- x/* y/*", "- x/* z/a", "- w/* x/*", "- z/a x/*")),
            Case(
                "\(kind.rawValue), one pod as the subject",
                kind.policy(pods("pod", "a", in: "y"), Way.egress.rules([Way.egress.rule("Deny", space("w"))])),
                pods: ConformanceTown.four, .init(everyPort, "- y/a w/*")),
        ]
    }

    /// A port of one pod, and all but that of another.
    static let onePod: [ConformanceCase] = Kind.allCases.flatMap { kind in
        Way.allCases.map { way in
            let (a, b) = (pods("pod", "a", in: "z"), pods("pod", "b", in: "z"))
            let stop = way == .ingress ? ["- z/a x/*", "- z/b x/*"] : ["- x/* z/a", "- x/* z/b"]
            return Case(
                "\(kind.rawValue), \(way.rawValue), single pods",
                kind.policy(
                    space("x"),
                    way.rules([
                        way.rule("Deny", a, number("TCP", 80)), way.rule("Allow", b, number("TCP", 80)),
                        way.rule("Deny", b),
                    ])), .init("tcp/80", stop[0]), .init("tcp/81 udp/80 sctp/80", stop[1]))
        }
    }

    /// A range each, and nothing else to and from all namespaces that have a label.
    static let ranges: [ConformanceCase] = Kind.allCases.map { kind in
        let lists = Way.allCases.map { way in
            way.rules(
                [("y", "TCP"), ("w", "UDP"), ("z", "SCTP")].map { way.rule("Allow", space($0), range($1)) }
                    + [way.rule("Deny", "namespaces: {matchExpressions: [{key: ns, operator: Exists}]}")])
        }
        let stop = ["- x/* *", "- * x/*"]
        return Case(
            "\(kind.rawValue), a range of ports for each namespace", kind.policy(space("x"), lists[0], lists[1]),
            pods: ConformanceTown.four,
            .init("tcp/80 tcp/81", lines: stop + ["+ x/* y/*", "+ y/* x/*"]),
            .init("udp/80 udp/81", lines: stop + ["+ x/* w/*", "+ w/* x/*"]),
            .init("sctp/80 sctp/81", lines: stop + ["+ x/* z/*", "+ z/* x/*"]),
            .init("tcp/79 tcp/82 udp/82 sctp/79", lines: stop))
    }
}
