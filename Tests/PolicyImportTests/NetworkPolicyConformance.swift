import Testing

// The cases of Kubernetes' end-to-end tests of network policies, as tables.

private typealias Case = ConformanceCase
private let everyPort = "tcp/80 tcp/81 udp/80 udp/81 sctp/80 sctp/81"
private let xa = "podSelector: {matchLabels: {pod: a}}"
private let everyPod = "podSelector: {}"

@Suite struct NetworkPolicyConformance {
    @Test(arguments: Self.ingress) func ingressTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.egress) func egressTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.ports) func portsTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.stacked) func stackedTable(_ test: ConformanceCase) throws { try test.run() }

    static let ingress: [ConformanceCase] = [
        Case("no policy at all", "", outside: ["192.0.2.7"], .init(everyPort)),
        Case(
            "default-deny-ingress", Case.policy("deny", in: "x", "\(everyPod), ingress: []"),
            outside: ["192.0.2.7"], .init(everyPort, "- * x/*", "- 192.0.2.7 x/*")),
        Case(
            "default-deny-all", Case.policy("deny", in: "x", "\(everyPod), policyTypes: [Ingress, Egress]"),
            outside: ["192.0.2.7"],
            .init(everyPort, "- * x/*", "- x/* *", "- 192.0.2.7 x/*", "- x/* 192.0.2.7")),
        Case(
            "allow all from pods of the same namespace",
            Case.policy("own", in: "x", "\(everyPod), ingress: [{from: [{podSelector: {}}]}]"),
            .init(everyPort, "- y/* x/*", "- z/* x/*")),
        Case(
            "allow from a namespace by its label",
            Case.policy("y", in: "x", "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}]}]"),
            .init(everyPort, "- * x/a", "+ y/* x/a")),
        Case(
            "allow from a pod of the same namespace",
            Case.policy("b", in: "x", "\(xa), ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]"),
            .init(everyPort, "- * x/a", "+ x/b x/a")),
        Case(
            "allow by matchExpressions of pods",
            Case.policy(
                "b", in: "x",
                "\(xa), ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]}]"
            ),
            .init(everyPort, "- * x/a", "+ x/b x/a")),
        Case(
            "allow by matchExpressions of namespaces",
            Case.policy(
                "y", in: "x",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: In, values: [\"y\"]}]}}]}]"
            ), .init(everyPort, "- * x/a", "+ y/* x/a")),
        Case(
            "allow from pods or namespaces",
            Case.policy(
                "or", in: "x",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}, {podSelector: {matchLabels: {pod: b}}}]}]"
            ), .init(everyPort, "- * x/a", "+ y/* x/a", "+ x/b x/a")),
        Case(
            "allow from pods and namespaces",
            Case.policy(
                "and", in: "x",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}, podSelector: {matchLabels: {pod: b}}}]}]"
            ), .init(everyPort, "- * x/a", "+ y/b x/a")),
        Case(
            "allow from several namespaces and pods at once",
            Case.policy(
                "notx", in: "x",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}, podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]"
            ), .init(everyPort, "- * x/a", "+ y/b x/a", "+ y/c x/a", "+ z/b x/a", "+ z/c x/a")),
        Case(
            "allow from every namespace by an empty selector",
            Case.policy("any", in: "x", "\(xa), ingress: [{from: [{namespaceSelector: {}}]}]"), outside: ["192.0.2.7"],
            .init(everyPort, "- 192.0.2.7 x/a")),
        Case(
            "allow everything by an empty rule", Case.policy("all", in: "x", "\(everyPod), ingress: [{}]"),
            outside: ["192.0.2.7"], .init(everyPort)),
        Case(
            "deny from pods of other namespaces",
            Case.policy("deny", in: "x", "\(everyPod), ingress: [{from: [{podSelector: {}}]}]"),
            outside: ["192.0.2.7"], .init(everyPort, "- y/* x/*", "- z/* x/*", "- 192.0.2.7 x/*")),
        Case(
            "the name of a namespace as a label",
            Case.policy(
                "y", in: "x",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: \"y\"}}}]}]"),
            .init(everyPort, "- * x/a", "+ y/* x/a")),
        Case(
            "a label of a namespace that was changed",
            Case.policy(
                "n2", in: "x", "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns2: updated}}}]}]"),
            labels: ["y": ["ns/ns2=updated"]], .init(everyPort, "- * x/a", "+ y/* x/a")),
        Case(
            "a label of a pod that was changed",
            Case.policy("p2", in: "x", "\(xa), ingress: [{from: [{podSelector: {matchLabels: {pod2: updated}}}]}]"),
            labels: ["x/b": ["pod2=updated"]], .init(everyPort, "- * x/a", "+ x/b x/a")),
        Case(
            "deny all to pods that have a label",
            Case.policy(
                "t", in: "x", "podSelector: {matchLabels: {target: isolated}}, policyTypes: [Ingress], ingress: []"),
            labels: ["x/a": ["target=isolated"]], .init(everyPort, "- * x/a")),
        Case(
            "pods without a key, by DoesNotExist",
            Case.policy(
                "d", in: "x",
                "podSelector: {matchExpressions: [{key: role, operator: DoesNotExist}]}, ingress: []"),
            labels: ["x/b": ["role=any"]], .init(everyPort, "- * x/a", "- * x/c")),
        Case(
            "pods with a key, by Exists",
            Case.policy("e", in: "x", "podSelector: {matchExpressions: [{key: role, operator: Exists}]}, ingress: []"),
            labels: ["x/b": ["role=any"]], .init(everyPort, "- * x/b")),
        Case(
            "ingress from a block with an exception",
            Case.policy(
                "b", in: "x", "\(xa), ingress: [{from: [{ipBlock: {cidr: 10.244.1.0/24, except: [10.244.1.2/32]}}]}]"),
            outside: ["10.244.1.77"], .init(everyPort, "- * x/a", "+ y/a x/a", "+ y/c x/a")),
    ]

    static let egress: [ConformanceCase] = [
        Case(
            "default-deny-egress", Case.policy("deny", in: "x", "\(everyPod), policyTypes: [Egress]"),
            outside: ["192.0.2.7"], .init(everyPort, "- x/* *", "- x/* 192.0.2.7")),
        Case(
            "an empty list of egress rules and no types isolates for ingress only",
            Case.policy("d", in: "x", "\(everyPod), egress: []"), .init(everyPort, "- * x/*")),
        Case(
            "egress to one pod of the same namespace",
            Case.policy(
                "b", in: "x",
                "\(xa), policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: b}}}]}]"),
            .init(everyPort, "- x/a *", "+ x/a x/b")),
        Case(
            "egress to a server in another namespace, by pods and namespaces",
            Case.policy(
                "ya", in: "x",
                "\(xa), policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: \"y\"}}, podSelector: {matchLabels: {pod: a}}}]}]"
            ), .init(everyPort, "- x/a *", "+ x/a y/a")),
        Case(
            "egress to a block",
            Case.policy(
                "b", in: "x", "\(xa), policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.1.2/32}}]}]"),
            outside: ["10.244.1.77"], .init(everyPort, "- x/a *", "- x/a 10.244.1.77", "+ x/a y/b")),
        Case(
            "egress to a block with an exception",
            Case.policy(
                "b", in: "x",
                "\(xa), policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.2/32]}}]}]"
            ), outside: ["10.244.9.9", "192.0.2.7"], .init(everyPort, "- x/a y/b", "- x/a 192.0.2.7")),
        Case(
            "one policy lets in what another's exception keeps out",
            Case.policy(
                "b", in: "x",
                "\(xa), policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.2/32]}}]}]"
            )
                + Case.policy(
                    "c", in: "x", "\(xa), policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.1.2/32}}]}]"),
            .init(everyPort)),
        Case(
            "ingress and egress of one policy",
            Case.policy(
                "both", in: "x",
                "\(xa), policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}], egress: [{to: [{podSelector: {matchLabels: {pod: c}}}]}]"
            ), .init(everyPort, "- * x/a", "- x/a *", "+ x/b x/a", "+ x/a x/c")),
        Case(
            "both ends must allow: only egress does",
            Case.policy("in", in: "y", "\(xa), ingress: []")
                + Case.policy(
                    "out", in: "x",
                    "\(xa), policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}]}]"),
            .init(everyPort, "- * y/a", "- x/a *", "+ x/a y/b", "+ x/a y/c")),
        Case(
            "both ends must allow: both do, on a port that both have",
            Case.policy(
                "in", in: "y",
                "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}], ports: [{port: 80}, {protocol: UDP, port: 81}]}]"
            )
                + Case.policy(
                    "out", in: "x",
                    "\(xa), policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}], ports: [{port: 80}, {port: 81}]}]"
                ), .init("tcp/80", "- * y/a", "+ x/* y/a", "- x/a x/*", "- x/a z/*"),
            .init("tcp/81", "- * y/a", "- x/a x/*", "- x/a z/*"),
            .init("udp/81", "- * y/a", "+ x/* y/a", "- x/a *"), .init("sctp/80", "- * y/a", "- x/a *")),
        Case(
            "rules of a type that is not listed are passed over",
            Case.policy(
                "e", in: "x", "\(xa), policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{}]"),
            .init(everyPort)),
    ]

    static let ports: [ConformanceCase] = [
        Case(
            "ingress on one port",
            Case.policy("p", in: "x", "\(xa), ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 81}]}]"),
            .init("tcp/81"), .init("tcp/80 udp/80 udp/81 sctp/80 sctp/81", "- * x/a")),
        Case(
            "ingress on several ports",
            Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{port: 80}, {port: 81}]}]"), .init("tcp/80 tcp/81"),
            .init("udp/80 sctp/81", "- * x/a")),
        Case(
            "ingress by the name of a port, whose number is a fact",
            Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{port: serve-80}]}]"),
            namedPorts: ["serve-80": "tcp/80"], .init("tcp/80"), .init("tcp/81 udp/80", "- * x/a")),
        Case(
            "egress by the name of a port, whose number is a fact",
            Case.policy(
                "p", in: "x", "\(xa), policyTypes: [Egress], egress: [{ports: [{protocol: UDP, port: serve-81}]}]"),
            namedPorts: ["serve-81": "udp/81"], .init("udp/81"), .init("tcp/81 udp/80", "- x/a *")),
        Case(
            "egress on one port",
            Case.policy("p", in: "x", "\(xa), policyTypes: [Egress], egress: [{ports: [{port: 80}]}]"), .init("tcp/80"),
            .init("tcp/81 udp/80", "- x/a *")),
        Case(
            "a protocol without a port",
            Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{protocol: UDP}]}]"), .init("udp/80 udp/81"),
            .init("tcp/80 sctp/80", "- * x/a")),
        Case(
            "a port element without fields is TCP", Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{}]}]"),
            .init("tcp/80 tcp/65535"), .init("udp/80 sctp/80", "- * x/a")),
        Case(
            "SCTP only", Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{protocol: SCTP, port: 80}]}]"),
            .init("sctp/80"), .init("tcp/80 udp/80 sctp/81", "- * x/a")),
        Case(
            "UDP only, to a pod that TCP does not reach",
            Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{protocol: UDP, port: 80}]}]"), .init("udp/80"),
            .init("tcp/80 udp/81 sctp/80", "- * x/a")),
        Case(
            "egress to a range of ports by endPort",
            Case.policy("p", in: "x", "\(xa), policyTypes: [Egress], egress: [{ports: [{port: 80, endPort: 81}]}]"),
            .init("tcp/80 tcp/81"), .init("tcp/79 tcp/82 udp/80", "- x/a *")),
        Case(
            "ingress from one pod on one port",
            Case.policy(
                "p", in: "x", "\(xa), ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}]"),
            .init("tcp/80", "- * x/a", "+ x/b x/a"), .init("tcp/81 udp/80", "- * x/a")),
        Case(
            "ICMP is none of the ports, and any of no ports",
            Case.policy("p", in: "x", "\(xa), ingress: [{ports: [{port: 80}]}]"),
            .init("icmp/8 icmpv6/128", "- * x/a")),
    ]

    static let stacked: [ConformanceCase] = [
        Case(
            "several policies of one pod add up",
            Case.policy("deny", in: "x", "\(everyPod), ingress: []")
                + Case.policy("b", in: "x", "\(xa), ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]")
                + Case.policy(
                    "y", in: "x", "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}]}]"),
            .init(everyPort, "- * x/*", "+ x/b x/a", "+ y/* x/a")),
        Case(
            "overlapping policies of one pod, of different ports",
            Case.policy("p80", in: "x", "\(xa), ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]")
                + Case.policy(
                    "p81", in: "x",
                    "\(xa), ingress: [{from: [{namespaceSelector: {matchLabels: {ns: \"y\"}}}], ports: [{port: 81}]}]"),
            .init("tcp/80", "- * x/a", "+ x/* x/a"), .init("tcp/81", "- * x/a", "+ y/* x/a"),
            .init("udp/80", "- * x/a")),
        Case(
            "an allowing policy opens what a denying one isolated",
            Case.policy("deny", in: "x", "\(everyPod), ingress: []")
                + Case.policy("allow", in: "x", "\(everyPod), ingress: [{}]"), .init(everyPort)),
        Case(
            "policies of equal names in two namespaces",
            Case.policy("p", in: "x", "\(everyPod), ingress: []") + Case.policy("p", in: "y", "\(xa), ingress: []"),
            .init(everyPort, "- * x/*", "- * y/a")),
        Case(
            "egress to any of the own namespace, ingress from one pod",
            Case.policy(
                "out", in: "x", "\(everyPod), policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]")
                + Case.policy("in", in: "x", "\(xa), ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]"),
            .init(everyPort, "- x/* y/*", "- x/* z/*", "- * x/a", "+ x/b x/a")),
    ]
}
