import Testing

private typealias Case = ConformanceCase
private let everyPort = "tcp/80 tcp/81 udp/80 udp/81 sctp/80 sctp/81"
private let xa = "podSelector: {matchLabels: {pod: a}}"
private let everyPod = "podSelector: {}"
private let nameKey = "kubernetes.io/metadata.name"

private func pod(_ name: String) -> String { "podSelector: {matchLabels: {pod: \(name)}}" }
private func space(_ name: String) -> String { "namespaceSelector: {matchLabels: {\(nameKey): \"\(name)\"}}" }
private func otherSpaces(than name: String) -> String {
    "namespaceSelector: {matchExpressions: [{key: \(nameKey), operator: NotIn, values: [\"\(name)\"]}]}"
}
private func ingress(_ peers: String..., ports: String = "") -> String { "ingress: [\(rule("from", peers, ports))]" }
private func egress(_ peers: String..., ports: String = "") -> String {
    "policyTypes: [Egress], egress: [\(rule("to", peers, ports))]"
}
private func rule(_ side: String, _ peers: [String], _ ports: String) -> String {
    let peers = peers.isEmpty ? [] : ["\(side): [\(peers.map { "{\($0)}" }.joined(separator: ", "))]"]
    return "{\((peers + (ports.isEmpty ? [] : ["ports: [\(ports)]"])).joined(separator: ", "))}"
}

/// The cases of Kubernetes' end-to-end tests of network policies (kubernetes/kubernetes,
/// test/e2e/network/netpol/network_policy.go and network_policy_api.go as of commits 008b3652 and 025f2834) that had no
/// row of their own in ``NetworkPolicyConformance``.
///
/// Every upstream case, by what tells its title from the others, and the rows that say the same; rows of the other
/// suite are marked with `*`. Where a case changes something halfway, the first row is before, the second after.
///
///     default-deny-ingress (TCP, UDP, SCTP)            default-deny-ingress *
///     default-deny-all                                 default-deny-all *
///     pods within server namespace                     allow from a pod of the same namespace *
///     ingress traffic for a target                     every pod may reach one pod, nobody the others
///     pods in all namespaces                           allow from every namespace by an empty selector *
///     only from a different namespace                  the name of a namespace as a label *
///     PodSelector with MatchExpressions                allow by matchExpressions of pods *
///     NamespaceSelector with MatchExpressions          allow by matchExpressions of namespaces *
///     PodSelector or NamespaceSelector                 allow from all other namespaces, or from one pod
///     PodSelector and NamespaceSelector                allow from one pod of all other namespaces
///     Multiple PodSelectors and NamespaceSelectors     allow from several namespaces and pods at once *
///     any PodSelectors                                 allow from either of two pods
///     only from a pod in a different namespace
///       (TCP, UDP, SCTP)                               allow from pods and namespaces *
///     based on Ports (TCP, UDP, SCTP)                  one namespace on one port of TCP, … of UDP, … of SCTP
///     multiple, stacked policies                       one namespace on one port of TCP; two policies of a port each
///     allow-all policy                                 allow everything by an empty rule *
///     ingress on one named port                        a namespace by the name of a port
///     from namespace on one named port                 one namespace by the name of a port
///     egress on one named port                         egress of a namespace by the name of a port
///     updated policy                                   allow everything by an empty rule *; default-deny-ingress *
///     from updated namespace                           before a namespace has a label;
///                                                      a label of a namespace that was changed *
///     from updated pod                                 before a pod has a second label; a pod by two labels
///     deny ingress from pods on other namespaces       deny from pods of other namespaces *
///     deny ingress access to updated pod               before a pod has the label that isolates it;
///                                                      deny all to pods that have a label *
///     deny egress based on PodSelector                 no egress of one pod
///     deny egress from all pods in a namespace         default-deny-egress *
///     Ingress, Egress specified together               ingress from a pod, egress to a port
///     denying of egress on the client side             the client's egress decides
///     egress to a server in a different namespace      egress to a server in another namespace, by pods and
///                                                      namespaces *
///     any port on a specific protocol                  every port of one protocol
///     ingress allow-all taking precedence              one port of a namespace; every port by a second policy
///     egress allow-all taking precedence               egress to one port; egress to every port by a second policy
///     stop enforcing after they are deleted            default-deny-all *; no policy at all *
///     server in CIDR block                             egress to a block *
///     except clause                                    egress to a block with an exception *
///     IPBlock.CIDR and IPBlock.Except overlap          egress to a block with an exception *; egress to a block *
///       (the first policy is replaced; with both:      one policy lets in what another's exception keeps out *)
///     controlled independently based on PodSelector    every egress of a pod; every egress of a pod, no ingress
///     SCTP not mistaken for TCP                        SCTP to one pod, nothing to the others
///     isolate by a policy allowing SCTP                SCTP only *
///     not by TCP when only UDP                         UDP only, to a pod that TCP does not reach *
///     default ns label, MatchLabels                    the name of a namespace as a label *
///     default ns label, MatchExpressions               egress to all namespaces but one
///     API with endport field                           a range of one port; egress to a range of ports by endPort *;
///                                                      what is refused: KubernetesReportTests.brokenPolicies
///     API operations                                   none: they are about the server of the Kubernetes API
///
/// The tests there probe with one protocol; the tables here have all three. What the names of ports mean for another
/// protocol and for addresses outside has no case upstream.
@Suite struct NetworkPolicyUpstreamConformance {
    @Test(arguments: Self.peers) func peersTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.protocols) func protocolsTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.ports) func portsTable(_ test: ConformanceCase) throws { try test.run() }
    @Test(arguments: Self.ends) func endsTable(_ test: ConformanceCase) throws { try test.run() }

    static let peers: [ConformanceCase] = [
        Case(
            "every pod may reach one pod, nobody the others",
            Case.policy("none", in: "x", "\(everyPod), ingress: []")
                + Case.policy("a", in: "x", "\(xa), \(ingress("podSelector: {}, namespaceSelector: {}"))"),
            outside: ["192.0.2.7"], .init(everyPort, "- * x/*", "+ * x/a", "- 192.0.2.7 x/*")),
        Case(
            "allow from all other namespaces, or from one pod",
            Case.policy("p", in: "x", "\(xa), \(ingress(otherSpaces(than: "x"), pod("b")))"),
            .init(everyPort, "- x/* x/a", "+ x/b x/a")),
        Case(
            "allow from one pod of all other namespaces",
            Case.policy("p", in: "x", "\(xa), \(ingress("\(otherSpaces(than: "x")), \(pod("b"))"))"),
            .init(everyPort, "- * x/a", "+ y/b x/a", "+ z/b x/a")),
        Case(
            "allow from either of two pods",
            Case.policy("p", in: "x", "\(xa), \(ingress(pod("b"), pod("c")))"),
            .init(everyPort, "- * x/a", "+ x/b x/a", "+ x/c x/a")),
        Case(
            "before a namespace has a label",
            Case.policy(
                "p", in: "x", "\(xa), \(ingress("namespaceSelector: {matchLabels: {ns2: updated}}"))"),
            .init(everyPort, "- * x/a")),
        Case(
            "before a pod has a second label",
            Case.policy("p", in: "x", "\(xa), \(ingress("podSelector: {matchLabels: {pod: b, pod2: updated}}"))"),
            labels: ["x/c": ["pod2=updated"], "y/b": ["pod2=updated"]], .init(everyPort, "- * x/a")),
        Case(
            "a pod by two labels",
            Case.policy("p", in: "x", "\(xa), \(ingress("podSelector: {matchLabels: {pod: b, pod2: updated}}"))"),
            labels: ["x/b": ["pod2=updated"]], .init(everyPort, "- * x/a", "+ x/b x/a")),
        Case(
            "before a pod has the label that isolates it",
            Case.policy("p", in: "x", "podSelector: {matchLabels: {target: isolated}}, ingress: []"),
            outside: ["192.0.2.7"], .init(everyPort)),
        Case(
            "egress to all namespaces but one",
            Case.policy("p", in: "x", "\(xa), \(egress(otherSpaces(than: "y")))"), outside: ["192.0.2.7"],
            .init(everyPort, "- x/a y/*", "- x/a 192.0.2.7")),
    ]

    static let protocols: [ConformanceCase] = ["TCP", "UDP", "SCTP"].map { name in
        let port = "\(name.lowercased())/81"
        let others = everyPort.split(separator: " ").filter { $0 != port }.joined(separator: " ")
        return Case(
            "one namespace on one port of \(name)",
            Case.policy("p", in: "x", "\(xa), \(ingress(space("y"), ports: "{protocol: \(name), port: 81}"))"),
            .init(port, "- * x/a", "+ y/* x/a"), .init(others, "- * x/a"))
    }

    static let ports: [ConformanceCase] = [
        Case(
            "two policies of a port each",
            Case.policy("p81", in: "x", "\(xa), \(ingress(space("y"), ports: "{protocol: TCP, port: 81}"))")
                + Case.policy("p80", in: "x", "\(xa), \(ingress(space("y"), ports: "{protocol: TCP, port: 80}"))"),
            .init("tcp/80 tcp/81", "- * x/a", "+ y/* x/a"), .init("tcp/82 udp/80 sctp/81", "- * x/a")),
        Case(
            "a namespace by the name of a port",
            Case.policy("p", in: "x", "\(everyPod), \(ingress(ports: "{port: web-alt}"))"),
            namedPorts: ["web-alt": "tcp/81"], .init("tcp/81"), .init("tcp/80 udp/81 sctp/81", "- * x/*")),
        Case(
            "one namespace by the name of a port",
            Case.policy("p", in: "x", "\(xa), \(ingress(space("y"), ports: "{protocol: TCP, port: web}"))"),
            namedPorts: ["web": "tcp/80"], .init("tcp/80", "- * x/a", "+ y/* x/a"),
            .init("tcp/81 udp/80 sctp/80", "- * x/a")),
        Case(
            "egress of a namespace by the name of a port",
            Case.policy("p", in: "x", "\(everyPod), \(egress(ports: "{port: web}"))"),
            namedPorts: ["web": "tcp/80"], outside: ["192.0.2.7"], .init("tcp/80", "- x/* 192.0.2.7"),
            .init("tcp/81 udp/80 sctp/80", "- x/* *", "- x/* 192.0.2.7")),
        Case(
            "egress by a name and by a number: outside the number only",
            Case.policy("p", in: "x", "\(xa), \(egress(ports: "{port: web}, {port: 81}"))"),
            namedPorts: ["web": "tcp/80"], outside: ["192.0.2.7"], .init("tcp/80", "- x/a 192.0.2.7"),
            .init("tcp/81"), .init("udp/80", "- x/a *", "- x/a 192.0.2.7")),
        Case(
            "ingress by a name: also from outside",
            Case.policy("p", in: "x", "\(xa), \(ingress(ports: "{port: web}"))"), namedPorts: ["web": "tcp/80"],
            outside: ["192.0.2.7"], .init("tcp/80"), .init("tcp/81 udp/80", "- * x/a", "- 192.0.2.7 x/a")),
        Case(
            "the name of a port of another protocol is none",
            Case.policy("p", in: "x", "\(xa), \(ingress(ports: "{protocol: UDP, port: web}"))"),
            namedPorts: ["web": "tcp/80"], .init(everyPort, "- * x/a")),
        Case(
            "every port of one protocol",
            Case.policy("p", in: "x", "\(xa), \(ingress(ports: "{protocol: TCP}"))"),
            .init("tcp/1 tcp/80 tcp/65535"), .init("udp/80 sctp/80", "- * x/a")),
        Case(
            "one port of a namespace",
            Case.policy("p", in: "x", "\(everyPod), \(ingress(ports: "{port: 80}"))"), .init("tcp/80"),
            .init("tcp/81 udp/80", "- * x/*")),
        Case(
            "every port by a second policy",
            Case.policy("p", in: "x", "\(everyPod), \(ingress(ports: "{port: 80}"))")
                + Case.policy("all", in: "x", "\(everyPod), \(ingress())"),
            outside: ["192.0.2.7"], .init(everyPort)),
        Case(
            "egress to one port",
            Case.policy("p", in: "x", "\(everyPod), \(egress(ports: "{port: 80}"))"), .init("tcp/80"),
            .init("tcp/81 udp/80", "- x/* *")),
        Case(
            "egress to every port by a second policy",
            Case.policy("p", in: "x", "\(everyPod), \(egress(ports: "{port: 80}"))")
                + Case.policy("all", in: "x", "\(everyPod), \(egress())"),
            outside: ["192.0.2.7"], .init(everyPort)),
        Case(
            "SCTP to one pod, nothing to the others",
            Case.policy("none", in: "x", "\(everyPod), ingress: []")
                + Case.policy("a", in: "x", "\(xa), \(ingress(ports: "{protocol: SCTP, port: 81}"))"),
            .init("sctp/81", "- * x/*", "+ * x/a"), .init("tcp/80 tcp/81 udp/81 sctp/80", "- * x/*")),
        Case(
            "a range of one port",
            Case.policy("p", in: "x", "\(xa), \(ingress(ports: "{port: 80, endPort: 80}"))"), .init("tcp/80"),
            .init("tcp/79 tcp/81 udp/80", "- * x/a")),
    ]

    static let ends: [ConformanceCase] = [
        Case(
            "no egress of one pod", Case.policy("p", in: "x", "\(xa), policyTypes: [Egress], egress: []"),
            outside: ["192.0.2.7"], .init(everyPort, "- x/a *", "- x/a 192.0.2.7")),
        Case(
            "ingress from a pod, egress to a port",
            Case.policy(
                "p", in: "x",
                "\(xa), policyTypes: [Egress, Ingress], \(ingress(pod("b"))), egress: [{ports: [{port: 80}]}]"),
            .init("tcp/80", "- * x/a", "+ x/b x/a"),
            .init("tcp/81 udp/80 sctp/80", "- * x/a", "- x/a *", "+ x/b x/a")),
        Case(
            "the client's egress decides",
            Case.policy("out", in: "x", "\(xa), \(egress("\(space("y")), \(pod("a"))"))")
                + Case.policy("in-a", in: "y", "\(pod("a")), \(ingress("\(space("x")), \(pod("a"))"))")
                + Case.policy("in-b", in: "y", "\(pod("b")), \(ingress("\(space("x")), \(pod("a"))"))"),
            .init(everyPort, "- x/a *", "- * y/a", "- * y/b", "+ x/a y/a")),
        Case(
            "every egress of a pod", Case.policy("out", in: "x", "\(xa), \(egress())"), outside: ["192.0.2.7"],
            .init(everyPort)),
        Case(
            "every egress of a pod, no ingress",
            Case.policy("out", in: "x", "\(xa), \(egress())") + Case.policy("in", in: "x", "\(xa), ingress: []"),
            outside: ["192.0.2.7"], .init(everyPort, "- * x/a", "- 192.0.2.7 x/a")),
    ]
}
