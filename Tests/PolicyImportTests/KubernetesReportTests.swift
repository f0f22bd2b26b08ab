import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// What is said about policies that cannot be carried over, or not be read.
@Suite struct KubernetesReportTests {
    private func imported(_ text: String, _ change: (inout KubernetesOptions) -> Void = { _ in }) throws -> PolicyImport
    {
        var options = KubernetesOptions(tenant: try Name(parsing: "acme"))
        change(&options)
        return try PolicyImport.kubernetes([ImportSource(name: "p.yaml", text: text)], options: options)
    }

    private func refusal(_ text: String, _ change: (inout KubernetesOptions) -> Void = { _ in }) -> ImportError? {
        do {
            _ = try imported(text, change)
            return nil
        } catch {
            return error as? ImportError
        }
    }

    private func policy(_ spec: String) -> String { ConformanceCase.policy("p", in: "x", spec) }

    private func allows(_ result: PolicyImport, from: [String], to: [String], _ port: String) throws -> Bool {
        func party(_ name: String, _ labels: [String]) throws -> Party {
            .endpoint(try Name(parsing: name), labels: Set(try labels.map { try PolicyLabel(parsing: $0) }))
        }
        let match = try PortMatch(parsing: port)
        let flow = Flow(
            from: try party("one", from), to: try party("two", to), .numbered(match.portProtocol, match.first),
            at: Timestamp(0))
        return CompiledPolicy(result.document).evaluate(flow).isPlugged
    }

    @Test func namedPortIsLeftOut() throws {
        let result = try imported(policy("podSelector: {}, ingress: [{ports: [{port: web}, {port: 80}]}]"))
        let note = try #require(result.report.first { $0.severity == .closes })
        #expect(note.place == Place(line: 5, column: 51))
        #expect(note.what.contains("'web'"))
        #expect(!result.isExact)
        #expect(try allows(result, from: ["namespace=y"], to: ["namespace=x"], "tcp/80"))
        #expect(try !allows(result, from: ["namespace=y"], to: ["namespace=x"], "tcp/8080"))
    }

    @Test func deniedNamedPortIsEveryPort() throws {
        let result = try imported(
            ConformanceCase.admin(
                "a", 1,
                "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], ports: [{namedPort: web}]}]"
            ))
        #expect(result.report.contains { $0.severity == .closes && $0.what.contains("'web'") })
        #expect(try !allows(result, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        #expect(try allows(result, from: ["namespace=y"], to: ["namespace=x"], "icmp/8"))
    }

    @Test func labelThatNoEndpointCanHave() throws {
        // Who may have it is isolated, and nobody is allowed by it.
        let isolating = try imported(policy("podSelector: {matchLabels: {app: \"\"}}, ingress: []"))
        #expect(isolating.report.contains { $0.severity == .closes && $0.place.line == 5 })
        #expect(try !allows(isolating, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        let key = String(repeating: "k", count: 70)
        let allowing = try imported(
            policy("podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {\(key): a}}}]}]"))
        #expect(allowing.report.contains { $0.severity == .closes })
        #expect(try !allows(allowing, from: ["namespace=x"], to: ["namespace=x"], "tcp/1"))
    }

    @Test func blocksWithoutFacts() throws {
        let some = try imported(policy("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"))
        #expect(some.report.contains { $0.severity == .closes && $0.what.contains("outside addresses only") })
        #expect(try !allows(some, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        let all = try imported(policy("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"))
        #expect(all.report.contains { $0.severity == .opens && $0.what.contains("one family") })
        #expect(try allows(all, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        let both = try imported(
            policy("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}]}]"))
        #expect(both.isExact)
        #expect(try allows(both, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
    }

    @Test func blocksWithNetworksOfPods() throws {
        func block(_ cidr: String) throws -> PolicyImport {
            try imported(policy("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \(cidr)}}]}]")) {
                $0.addresses.networks = ["10.244.0.0/16"]
            }
        }
        #expect(try block("10.0.0.0/8").isExact)
        #expect(try allows(block("10.0.0.0/8"), from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        #expect(try block("192.0.2.0/24").isExact)
        #expect(try !allows(block("192.0.2.0/24"), from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        #expect(try !block("10.244.3.0/24").isExact)
        #expect(try !allows(block("10.244.3.0/24"), from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
    }

    @Test func nodesAndNamesOfDomains() throws {
        let result = try imported(
            ConformanceCase.admin(
                "a", 1,
                "subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}, {action: Allow, to: [{domainNames: [\"*.example.com\"]}]}]"
            ))
        #expect(result.report.contains { $0.severity == .opens && $0.what.contains("'nodes'") })
        #expect(result.report.contains { $0.severity == .closes && $0.what.contains("'domainNames'") })
    }

    /// What the conformance tests of the network policy API have of nodes: the rest of a rule stays.
    @Test func nodesBesidePods() throws {
        let nodes = "{nodes: {matchLabels: {kubernetes.io/os: linux}}}"
        let pods = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {team: blue}}}}"
        func port(_ name: String, _ number: Int) -> String {
            "ports: [{portNumber: {protocol: \(name), port: \(number)}}]"
        }
        let admin = try imported(
            ConformanceCase.admin(
                "a", 75,
                "subject: {namespaces: {}}, egress: [{action: Allow, to: [\(nodes)], \(port("TCP", 80))}, "
                    + "{action: Pass, to: [\(nodes)], \(port("UDP", 80))}, {action: Deny, to: [\(pods), \(nodes)]}]"))
        let found = admin.report.filter { $0.what.contains("'nodes'") }
        #expect(found.map(\.severity) == [.opens, .opens, .closes])
        #expect(try !allows(admin, from: ["namespace=x"], to: ["namespace=y", "team=blue"], "tcp/80"))
        #expect(try allows(admin, from: ["namespace=x"], to: ["namespace=y"], "tcp/80"))
        let baseline = try imported(
            ConformanceCase.baseline(
                "subject: {namespaces: {}}, egress: [{action: Allow, to: [\(nodes)], "
                    + "ports: [{portRange: {protocol: TCP, start: 80, end: 81}}]}, {action: Deny, to: [\(nodes)]}]"))
        #expect(baseline.report.filter { $0.what.contains("'nodes'") }.map(\.severity) == [.opens, .closes])
        #expect(try allows(baseline, from: ["namespace=x"], to: ["namespace=y"], "tcp/82"))
    }

    /// The kind that comes after the two of administrators is not read, and that is said.
    @Test(arguments: ["v1alpha2", "v1beta1"]) func laterKindOfAdministrators(_ version: String) throws {
        let result = try imported(
            """
            apiVersion: policy.networking.k8s.io/\(version)
            kind: ClusterNetworkPolicy
            metadata: {name: c}
            spec:
              tier: Admin
              priority: 1
              subject: {namespaces: {}}
              ingress:
              - {action: Deny, from: [{namespaces: {}}]}
            """)
        #expect(result.report.contains { $0.severity == .opens && $0.what.contains("ClusterNetworkPolicy") })
        #expect(try allows(result, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
    }

    @Test func whatIsPassedOnTooWide() throws {
        func pass(_ networks: String) throws -> PolicyImport {
            try imported(
                ConformanceCase.admin(
                    "a", 1,
                    "subject: {namespaces: {}}, egress: [{action: Pass, to: [{networks: [\(networks)]}]}, {action: Deny, to: [{namespaces: {}}]}]"
                ))
        }
        #expect(try pass("0.0.0.0/0").report.contains { $0.severity == .opens && $0.what.contains("one family") })
        #expect(try pass("10.0.0.0/8").report.contains { $0.severity == .opens && $0.what.contains("passes on") })
        #expect(try pass("0.0.0.0/0, \"::/0\"").isExact)
    }

    @Test func equalPriorities() throws {
        let rule = "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]"
        let result = try imported(ConformanceCase.admin("a", 1, rule) + ConformanceCase.admin("b", 1, rule))
        #expect(result.report.contains { $0.severity == .note && $0.what.contains("priority 1") })
    }

    @Test func otherObjectsArePassedOver() throws {
        let text = """
            apiVersion: v1
            kind: Namespace
            metadata: {name: x, annotations: {note: "a: b"}}
            ---
            apiVersion: cilium.io/v2
            kind: CiliumNetworkPolicy
            metadata:
              name: c
              annotations:
                kubectl.kubernetes.io/last-applied-configuration: |
                  {"apiVersion":"cilium.io/v2", "kind": *not an alias}
                long: this text
                  goes on here
                quoted: "this text
                  goes on too"
            spec: {endpointSelector: {}}
            """
        let result = try imported(text)
        #expect(result.report.contains { $0.severity == .note && $0.what.contains("Namespace") && $0.place.line == 2 })
        #expect(result.report.contains { $0.severity == .opens && $0.place == Place(line: 6, column: 7) })
    }

    @Test func listsOfObjects() throws {
        let text = """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: networking.k8s.io/v1
              kind: NetworkPolicy
              metadata: {name: p, namespace: x}
              spec:
                podSelector: {}
                policyTypes:
                - Ingress
            """
        let result = try imported(text)
        #expect(try !allows(result, from: ["namespace=y"], to: ["namespace=x"], "tcp/1"))
        #expect(try allows(result, from: ["namespace=x"], to: ["namespace=y"], "tcp/1"))
    }

    @Test func endpointsThatAreNoPods() throws {
        let result = try imported("")
        #expect(try !allows(result, from: ["tier=web"], to: ["namespace=y"], "tcp/1"))
        #expect(try allows(result, from: ["namespace=x"], to: ["namespace=y"], "tcp/1"))
    }

    @Test func otherProtocolsBetweenOpenPods() throws {
        let result = try imported(policy("podSelector: {matchLabels: {pod: a}}, ingress: []"))
        func other(_ from: String, _ to: String) throws -> Bool {
            func party(_ name: String) throws -> Party {
                .endpoint(
                    try Name(parsing: name),
                    labels: [try PolicyLabel(parsing: "namespace=x"), try PolicyLabel(parsing: "pod=\(name)")])
            }
            return CompiledPolicy(result.document).evaluate(
                Flow(from: try party(from), to: try party(to), .fragment(17), at: Timestamp(0))
            ).isPlugged
        }
        #expect(try other("b", "c"))
        #expect(try !other("b", "a"))
        #expect(try !other("a", "b"))
    }

    @Test func commentsNameTheSource() throws {
        let result = try imported(
            policy("podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]"))
        #expect(result.text.contains("# NetworkPolicy x/p, p.yaml line 5, ingress rule 1"))
        #expect(result.text.contains("# Imported from Kubernetes policies: p.yaml."))
    }

    @Test(arguments: [
        ("podSelectr: {}", 5, "unknown field 'podSelectr'"),
        ("podSelector: {}, policyTypes: [ingress]", 5, "'ingress' is no policy type"),
        ("podSelector: {}, ingress: [{from: [{}]}]", 5, "the peer is empty"),
        ("podSelector: {}, ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]", 5, "beside selectors"),
        ("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]", 5, "not an IPv4 prefix"),
        ("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]", 5, "not inside"),
        ("podSelector: {}, ingress: [{ports: [{port: 0}]}]", 5, "'0' is not a port"),
        ("podSelector: {}, ingress: [{ports: [{port: 65536}]}]", 5, "'65536' is not a port"),
        ("podSelector: {}, ingress: [{ports: [{port: \"80\"}]}]", 5, "'80' is no port"),
        ("podSelector: {}, ingress: [{ports: [{endPort: 80}]}]", 5, "an endPort without a port"),
        ("podSelector: {}, ingress: [{ports: [{port: web, endPort: 80}]}]", 5, "'web' is no port"),
        ("podSelector: {}, ingress: [{ports: [{port: 81, endPort: 80}]}]", 5, "the range 81-80 is empty"),
        ("podSelector: {}, ingress: [{ports: [{protocol: tcp}]}]", 5, "is no protocol"),
        ("podSelector: {matchLabels: {a: true}}", 5, "'true' without quotes"),
        ("podSelector: {matchLabels: {a: 1}}", 5, "'1' without quotes"),
        ("podSelector: {matchLabels: {a: b, a: c}}", 5, "stands here twice"),
        ("podSelector: {matchExpressions: [{key: a, operator: In}]}", 5, "In goes with values"),
        ("podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}", 5, "Exists goes with no values"),
        ("podSelector: {matchExpressions: [{key: a, operator: Equals, values: [b]}]}", 5, "'Equals' is no operator"),
        ("podSelector: {matchLabels: {namespace: b}}", 5, "has the key that stands for namespaces"),
        ("podSelector: {matchLabels: {ns/a: b}}", 5, "has the key that stands for namespaces"),
        ("podSelector: [], ingress: {}", 5, "is not a selector of labels"),
    ]) func brokenPolicies(_ spec: String, _ line: Int, _ problem: String) throws {
        let error = try #require(refusal(policy(spec)), "\(spec) was taken")
        #expect(error.finding.place.line == line)
        #expect(error.finding.problem.contains(problem), "\(error)")
        #expect(!error.finding.remedy.isEmpty && error.source == "p.yaml")
    }

    @Test(arguments: [
        ("priority: 1001, subject: {namespaces: {}}", "'1001' is not a priority"),
        ("priority: 1", "'subject' of an AdminNetworkPolicy is missing"),
        ("priority: 1, subject: {}", "a subject is one of"),
        (
            "priority: 1, subject: {namespaces: {}}, ingress: [{action: allow, from: [{namespaces: {}}]}]",
            "is no action"
        ),
        ("priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: []}]", "has no peers"),
        ("priority: 1, subject: {pods: {podSelector: {}}}", "'namespaceSelector' of pods is missing"),
        (
            "priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {namespaceSelector: {}}}]}]",
            "unknown field 'namespaceSelector'"
        ),
        (
            "priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{networks: [10.0.0.0/8]}]}]",
            "unknown field 'networks'"
        ),
        (
            "priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{}]}]",
            "a port is one of"
        ),
    ]) func brokenAdministratorsPolicies(_ spec: String, _ problem: String) throws {
        let text = """
            apiVersion: policy.networking.k8s.io/v1alpha1
            kind: AdminNetworkPolicy
            metadata: {name: a}
            spec: {\(spec)}
            """
        let error = try #require(refusal(text), "\(spec) was taken")
        #expect(error.finding.place.line == 4)
        #expect(error.finding.problem.contains(problem), "\(error)")
    }

    @Test func equalNamesAndTwoBaselines() throws {
        let twice = try #require(refusal(policy("podSelector: {}") + policy("podSelector: {}")))
        #expect(twice.finding.code == .duplicateName && twice.finding.place.line == 9)
        let baseline = ConformanceCase.baseline("subject: {namespaces: {}}")
        let two = try #require(refusal(baseline + baseline.replacing("default", with: "other")))
        #expect(two.finding.code == .duplicateName)
    }

    @Test func badOptions() throws {
        #expect(refusal("") { $0.namespaceKey = "-" }?.finding.code == .badValue)
        #expect(refusal("") { $0.namespaceLabelPrefix = "" }?.finding.code == .badValue)
        #expect(refusal("") { $0.namespaceLabelPrefix = "name" }?.finding.code == .contradiction)
        #expect(refusal("") { $0.addresses.networks = ["10.0.0.0"] }?.finding.code == .badValue)
        for port in ["tcp/0", "tcp/80-81", "udp/any", "icmp/8/0"] {
            let match = try PortMatch(parsing: port)
            #expect(refusal("") { $0.namedPorts["web"] = match }?.finding.code == .badValue, "\(port) was taken")
        }
    }

    @Test func moreLevelsThanATierHas() throws {
        func rules(_ count: Int, _ start: Int) -> [GressRule] {
            (0..<count).map { index in
                GressRule(
                    action: index % 2 == 0 ? "Allow" : "Deny", peers: [.pods(namespaces: Selector(), pods: nil)],
                    ports: [Port(first: start + index * 7, last: start + 1_000 - index * 3)])
            }
        }
        var cluster = Cluster()
        cluster.namespaces = ["x": [:], "y": [:]]
        cluster.pods = [
            Pod(namespace: "x", name: "a", labels: [:], address: 1),
            Pod(namespace: "y", name: "a", labels: [:], address: 2),
        ]
        cluster.clusterPolicies = [
            ClusterPolicy(name: "a", priority: 1, ingress: rules(61, 1_000), egress: rules(44, 1_200))
        ]
        let result = try imported(cluster.yaml)
        #expect(result.document.tiers.count == 2)
        #expect(try PolicyYAML.read(result.text).document == result.document)
        let compiled = CompiledPolicy(result.document)
        for port in 900..<2_300 {
            let flow = Flow(
                from: try cluster.party(cluster.pods[0]), to: try cluster.party(cluster.pods[1]),
                .numbered(.tcp, UInt16(port)), at: Timestamp(0))
            let expected = cluster.allows(from: .pod(cluster.pods[0]), to: .pod(cluster.pods[1]), "TCP", port)
            #expect(compiled.evaluate(flow).isPlugged == expected, "port \(port)")
        }
    }

    @Test func morePrefixesThanANetworkHas() throws {
        func block(_ count: Int) -> String {
            let except = (1...count).map { "\"2001:db8:\($0)::1/128\"" }.joined(separator: ", ")
            return policy("podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"::/0\", except: [\(except)]}}]}]")
        }
        #expect(refusal(block(2)) == nil)
        #expect(refusal(block(12))?.finding.code == .limit)
    }

    @Test func moreRulesThanADocumentHas() throws {
        let rules = (1...200).map { "{from: [{podSelector: {matchLabels: {r: v\($0)}}}]}" }.joined(separator: ", ")
        let out = (1...200).map { "{to: [{podSelector: {matchLabels: {s: v\($0)}}}]}" }.joined(separator: ", ")
        let error = try #require(
            refusal(policy("podSelector: {}, policyTypes: [Ingress, Egress], ingress: [\(rules)], egress: [\(out)]")))
        #expect(error.finding.code == .limit)
        #expect(error.finding.problem.contains("20000"))
    }
}
