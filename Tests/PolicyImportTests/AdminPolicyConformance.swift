import Testing

// The cases of the conformance tests of the network policy API (AdminNetworkPolicy and its baseline), as tables.

private typealias Case = ConformanceCase
private let everyPort = "tcp/80 tcp/81 udp/80 udp/81 sctp/80 sctp/81"

private func space(_ name: String) -> String { "namespaces: {matchLabels: {ns: \"\(name)\"}}" }
private func pod(_ space: String, _ pod: String) -> String {
    "pods: {namespaceSelector: {matchLabels: {ns: \"\(space)\"}}, podSelector: {matchLabels: {pod: \(pod)}}}"
}
private func rule(_ action: String, _ side: String, _ peer: String, _ ports: String = "") -> String {
    "{action: \(action), \(side): [{\(peer)}]\(ports.isEmpty ? "" : ", ports: [\(ports)]")}"
}
private func number(_ port: String, _ number: Int) -> String { "{portNumber: {protocol: \(port), port: \(number)}}" }
private let denyAllOfX = "podSelector: {}, policyTypes: [Ingress, Egress]"

@Suite struct AdminPolicyConformance {
    @Test(arguments: Self.gress) func gressTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.order) func orderTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.baseline) func baselineTable(_ test: ConformanceCase) throws { try test.run() }

    static let gress: [ConformanceCase] = [
        Case(
            "ingress: allow before deny",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", pod("y", "a"))), \(rule("Deny", "from", space("y")))]"
            ),
            .init(everyPort, "- y/* x/*", "+ y/a x/*")),
        Case(
            "ingress: deny before allow hides it",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", space("y"))), \(rule("Allow", "from", pod("y", "a")))]"
            ),
            .init(everyPort, "- y/* x/*")),
        Case(
            "egress: allow before deny",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, egress: [\(rule("Allow", "to", pod("y", "a"))), \(rule("Deny", "to", space("y")))]"
            ),
            .init(everyPort, "- x/* y/*", "+ x/* y/a")),
        Case(
            "ingress by TCP ports",
            Case.admin(
                "a", 10,
                "subject: {\(pod("x", "a"))}, ingress: [\(rule("Allow", "from", space("y"), number("TCP", 80))), \(rule("Deny", "from", space("y")))]"
            ),
            .init("tcp/80"), .init("tcp/81 udp/80 sctp/80 icmp/8", "- y/* x/a")),
        Case(
            "ingress by UDP ports",
            Case.admin(
                "a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", space("y"), number("UDP", 80)))]"),
            .init("udp/80", "- y/* x/*"), .init("tcp/80 udp/81 sctp/80")),
        Case(
            "egress by SCTP ports",
            Case.admin(
                "a", 10, "subject: {\(space("x"))}, egress: [\(rule("Deny", "to", space("y"), number("SCTP", 80)))]"),
            .init("sctp/80", "- x/* y/*"), .init("tcp/80 udp/81 sctp/81")),
        Case(
            "a range of ports",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, egress: [\(rule("Deny", "to", space("y"), "{portRange: {protocol: TCP, start: 80, end: 81}}"))]"
            ),
            .init("tcp/80 tcp/81", "- x/* y/*"), .init("tcp/79 tcp/82 udp/80")),
        Case(
            "a named port whose number is a fact",
            Case.admin(
                "a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", space("y"), "{namedPort: web}"))]"),
            namedPorts: ["web": "tcp/80"], .init("tcp/80", "- y/* x/*"), .init("tcp/81 udp/80 sctp/80")),
        Case(
            "egress to networks outside, inside and except for one",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, egress: [\(rule("Allow", "to", "networks: [10.244.1.1/32]")), \(rule("Deny", "to", "networks: [10.244.1.0/24, 192.0.2.0/24]"))]"
            ),
            outside: ["192.0.2.7", "198.51.100.1"], .init(everyPort, "- x/* y/*", "- x/* 192.0.2.7", "+ x/* y/a")),
        Case(
            "one policy with ingress and egress",
            Case.admin(
                "a", 10,
                "subject: {\(pod("x", "a"))}, ingress: [\(rule("Deny", "from", space("y")))], egress: [\(rule("Deny", "to", space("z")))]"
            ),
            .init(everyPort, "- y/* x/a", "- x/a z/*")),
        Case(
            "the subject may be its own peer",
            Case.admin("a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", "namespaces: {}"))]"),
            .init(everyPort, "- * x/*")),
        Case(
            "egress isolation does not stop what comes in",
            Case.admin("a", 10, "subject: {\(space("x"))}, egress: [\(rule("Deny", "to", "namespaces: {}"))]"),
            .init(everyPort, "- x/* *")),
    ]

    static let order: [ConformanceCase] = [
        Case(
            "the lower priority number decides",
            Case.admin("late", 20, "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", space("y")))]")
                + Case.admin(
                    "early", 10, "subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", pod("y", "b")))]"),
            .init(everyPort, "- y/* x/*", "+ y/b x/*")),
        Case(
            "an administrator's allow beats a NetworkPolicy",
            Case.policy("deny", in: "x", denyAllOfX)
                + Case.admin("a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", space("y")))]"),
            .init(everyPort, "- * x/*", "- x/* *", "+ y/* x/*")),
        Case(
            "an administrator's deny beats a NetworkPolicy",
            Case.policy("allow", in: "x", "podSelector: {}, ingress: [{}]")
                + Case.admin("a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", space("y")))]"),
            .init(everyPort, "- y/* x/*")),
        Case(
            "pass leaves it to NetworkPolicies",
            Case.policy(
                "b", in: "x",
                "podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {pod: b}}}]}]")
                + Case.admin(
                    "a", 10,
                    "subject: {\(space("x"))}, ingress: [\(rule("Pass", "from", space("y"))), \(rule("Deny", "from", "namespaces: {}"))]"
                ),
            .init(everyPort, "- * x/*", "+ y/b x/*")),
        Case(
            "pass without a NetworkPolicy lets pass",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, ingress: [\(rule("Pass", "from", space("y"))), \(rule("Deny", "from", "namespaces: {}"))]"
            ),
            .init(everyPort, "- * x/*", "+ y/* x/*")),
        Case(
            "pass skips later policies too",
            Case.admin(
                "p", 5, "subject: {\(space("x"))}, egress: [\(rule("Pass", "to", space("y"), number("TCP", 80)))]")
                + Case.admin("d", 6, "subject: {\(space("x"))}, egress: [\(rule("Deny", "to", "namespaces: {}"))]"),
            .init("tcp/80", "- x/* *", "+ x/* y/*"), .init("tcp/81 udp/80", "- x/* *")),
        Case(
            "an allow of egress does not open the other end",
            Case.policy("deny", in: "y", "podSelector: {}, ingress: []")
                + Case.admin("a", 10, "subject: {\(space("x"))}, egress: [\(rule("Allow", "to", space("y")))]"),
            .init(everyPort, "- * y/*")),
        Case(
            "a deny at one end beats an allow at the other",
            Case.admin("a", 10, "subject: {\(space("x"))}, egress: [\(rule("Allow", "to", space("y")))]")
                + Case.admin("d", 50, "subject: {\(space("y"))}, ingress: [\(rule("Deny", "from", space("x")))]"),
            .init(everyPort, "- x/* y/*")),
    ]

    static let baseline: [ConformanceCase] = [
        Case(
            "the baseline denies where nothing else speaks",
            Case.baseline("subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", "namespaces: {}"))]"),
            outside: ["192.0.2.7"], .init(everyPort, "- * x/*")),
        Case(
            "the baseline's first rule decides",
            Case.baseline(
                "subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", pod("y", "a"))), \(rule("Deny", "from", space("y")))]"
            ),
            .init(everyPort, "- y/* x/*", "+ y/a x/*")),
        Case(
            "a NetworkPolicy beats the baseline",
            Case.policy(
                "allow", in: "x",
                "podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}]}]"
            )
                + Case.baseline("subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", "namespaces: {}"))]"),
            .init(everyPort, "- * x/*", "+ y/* x/a")),
        Case(
            "a NetworkPolicy that denies beats a baseline that allows",
            Case.policy("deny", in: "x", "podSelector: {matchLabels: {pod: a}}, ingress: []")
                + Case.baseline("subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", "namespaces: {}"))]"),
            .init(everyPort, "- * x/a")),
        Case(
            "an administrator's allow beats the baseline",
            Case.admin(
                "a", 10, "subject: {\(space("x"))}, ingress: [\(rule("Allow", "from", space("z"), number("TCP", 80)))]")
                + Case.baseline("subject: {\(space("x"))}, ingress: [\(rule("Deny", "from", "namespaces: {}"))]"),
            .init("tcp/80", "- * x/*", "+ z/* x/*"), .init("tcp/81 udp/80", "- * x/*")),
        Case(
            "pass leads to the baseline where no NetworkPolicy isolates",
            Case.admin(
                "a", 10,
                "subject: {\(space("x"))}, egress: [\(rule("Pass", "to", space("y"))), \(rule("Deny", "to", space("z")))]"
            )
                + Case.baseline("subject: {\(space("x"))}, egress: [\(rule("Deny", "to", pod("y", "c")))]"),
            .init(everyPort, "- x/* z/*", "- x/* y/c")),
        Case(
            "egress to networks by the baseline",
            Case.baseline("subject: {\(space("x"))}, egress: [\(rule("Deny", "to", "networks: [192.0.2.0/24]"))]"),
            outside: ["192.0.2.7", "198.51.100.1"], .init(everyPort, "- x/* 192.0.2.7")),
        Case(
            "egress of the baseline by ports",
            Case.baseline("subject: {\(space("x"))}, egress: [\(rule("Deny", "to", space("y"), number("UDP", 81)))]"),
            .init("udp/81", "- x/* y/*"), .init("tcp/81 udp/80 sctp/81")),
    ]
}
