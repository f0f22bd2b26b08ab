import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// Firewall sections of Nebula configurations.
@Suite struct NebulaTests {
    private func imported(
        _ texts: [(String, String)], change: (inout NebulaOptions) -> Void = { _ in }
    ) throws -> PolicyImport {
        var options = NebulaOptions(tenant: try Name(parsing: "acme"))
        change(&options)
        let sources = try texts.map { text, hosts in
            NebulaSource(ImportSource(name: "n.yml", text: text), appliesTo: try NebulaHosts(parsing: hosts))
        }
        let result = try PolicyImport.nebula(sources, options: options)
        #expect(try PolicyYAML.read(result.text).document == result.document)
        return result
    }

    private func party(_ name: String, _ groups: String...) throws -> Party {
        .endpoint(try Name(parsing: name), labels: Set(try groups.map { try PolicyLabel(parsing: "group=\($0)") }))
    }

    private func allows(_ result: PolicyImport, _ from: Party, _ to: Party, _ port: String) throws -> Bool {
        let match = try PortMatch(parsing: port)
        let verdict = CompiledPolicy(result.document).evaluate(
            Flow(from: from, to: to, .numbered(match.portProtocol, match.first), at: Timestamp(0)))
        #expect(verdict.isPlugged == verdict.answers)
        return verdict.isPlugged
    }

    private static let web = """
        pki:
          ca: |
            -----BEGIN NEBULA CERTIFICATE-----
            &not an anchor
            -----END NEBULA CERTIFICATE-----
        lighthouse: {am_lighthouse: false}
        firewall:
          outbound_action: drop
          inbound_action: reject
          conntrack: {tcp_timeout: 12m}
          outbound:
            - port: any
              proto: any
              host: any
          inbound:
            - {port: any, proto: icmp, host: any}
            - port: 443
              proto: tcp
              groups: [laptop, home]
            - {port: 200-210, proto: udp, group: ops}
            - {port: 22, proto: tcp, host: admin.example.com}
            - {port: 25, proto: any, cidr: 192.0.2.0/24}
        """

    @Test func oneConfiguration() throws {
        let result = try imported([(Self.web, "group:web")]) { $0.hostSuffix = ".example.com" }
        let web = try party("w", "web")
        let both = try party("l", "laptop", "home")
        let one = try party("k", "laptop")
        #expect(try allows(result, one, web, "icmp/8"))
        #expect(try allows(result, one, web, "icmpv6/128"))
        #expect(try allows(result, both, web, "tcp/443"))
        #expect(try !allows(result, one, web, "tcp/443"))
        #expect(try allows(result, party("o", "ops"), web, "udp/205"))
        #expect(try !allows(result, party("o", "ops"), web, "udp/211"))
        #expect(try allows(result, party("admin"), web, "tcp/22"))
        #expect(try !allows(result, party("adm"), web, "tcp/22"))
        #expect(try allows(result, web, one, "tcp/9"))
        // Of hosts without a configuration nothing is known, and two of them have no wire.
        #expect(try !allows(result, both, one, "tcp/443"))
        let office = Party.outside(try IPAddress(parsing: "192.0.2.4"))
        #expect(try allows(result, office, web, "sctp/25"))
        #expect(try !allows(result, office, web, "tcp/443"))
        #expect(try allows(result, office, web, "icmp/8"))
        #expect(try allows(result, web, office, "tcp/1"))
        #expect(result.report.contains { $0.severity == .note && $0.place.line == 9 })
        #expect(result.report.contains { $0.severity == .opens && $0.what.contains("without an imported") })
    }

    @Test func twoConfigurations() throws {
        let db = "firewall:\n  outbound: []\n  inbound:\n  - {port: 5432, proto: tcp, group: web}\n"
        let web = "outbound:\n- {port: 5432-5433, proto: tcp, group: db}\ninbound: []\n"
        let result = try imported([(db, "group:db"), (web, "group=web")])
        let (w, d) = (try party("w", "web"), try party("d", "db"))
        #expect(try allows(result, w, d, "tcp/5432"))
        #expect(try !allows(result, w, d, "tcp/5433"))
        #expect(try !allows(result, d, w, "tcp/5432"))
        #expect(try !allows(result, w, w, "tcp/5432"))
        // A host that has both configurations may what one of them lets it.
        let two = try party("t", "web", "db")
        #expect(try allows(result, w, two, "tcp/5432"))
    }

    @Test(arguments: [
        ("{port: 1, proto: tcp, host: any, ca_name: x}", ImportNote.Severity.closes, "who signed"),
        ("{port: 1, proto: tcp, ca_sha: abc}", .closes, "who signed"),
        ("{port: 1, proto: tcp, host: any, local_cidr: 10.0.0.0/8}", .closes, "behind a host"),
        ("{port: fragment, proto: any, host: any}", .closes, "fragments"),
        ("{port: 1, proto: tcp, host: a.b}", .closes, "no name of an endpoint"),
        ("{port: 1, proto: tcp, group: a b}", .closes, "no value of a label"),
        ("{port: 1, proto: tcp, cidr: 10.0.0.0/8}", .closes, "outside addresses only"),
        ("{port: 1, proto: tcp, cidr: 0.0.0.0/0}", .opens, "one family"),
    ]) func losses(_ rule: String, _ severity: ImportNote.Severity, _ what: String) throws {
        let result = try imported([("inbound:\n- \(rule)\n", "group:web")])
        let note = try #require(result.report.first { $0.what.contains(what) }, "\(result.report)")
        #expect(note.severity == severity && note.place.line == 2)
    }

    @Test(arguments: [
        ("{port: 1, proto: tcp}", "whom it is about"),
        ("{port: 1, proto: gre, host: any}", "no protocol"),
        ("{port: 1, host: any}", "no protocol"),
        ("{proto: tcp, host: any}", "no port"),
        ("{port: 70000, proto: tcp, host: any}", "no port"),
        ("{port: 9-8, proto: tcp, host: any}", "no port"),
        ("{port: 1, code: 2, proto: tcp, host: any}", "port and code"),
        ("{port: 1, proto: tcp, group: a, groups: [b]}", "group and groups"),
        ("{port: 1, proto: tcp, group: [a, b]}", "2 groups"),
        ("{port: 1, proto: tcp, cidr: 10.0.0.0}", "a prefix"),
        ("{port: 1, proto: tcp, hosts: a}", "unknown field 'hosts'"),
    ]) func broken(_ rule: String, _ problem: String) throws {
        let refusal = #expect(throws: ImportError.self) { try imported([("inbound:\n- \(rule)\n", "group:web")]) }
        #expect(refusal?.finding.problem.contains(problem) == true, "\(String(describing: refusal))")
        #expect(refusal?.finding.place.line == 2)
    }

    @Test func brokenConfigurations() throws {
        #expect(throws: ImportError.self) { try imported([("pki: {}\n", "group:web")]) }
        #expect(throws: ImportError.self) { try imported([("inbound: []\n---\ninbound: []\n", "group:web")]) }
        #expect(throws: ImportError.self) { try imported([("inbound: []\n", "host:A")]) }
        #expect(throws: DocumentTextError.self) { try NebulaHosts(parsing: "group:") }
        #expect(throws: DocumentTextError.self) { try NebulaHosts(parsing: "web1") }
    }

    // MARK: A reference

    private struct RandomRule {
        let isInbound: Bool
        let owner: String
        let groups: [String]
        let host: String?
        let name: String
        let ports: ClosedRange<Int>?

        func matches(_ other: (name: String, groups: [String]), _ portProtocol: String, _ port: Int) -> Bool {
            guard name == "any" || name == portProtocol, ports?.contains(port) ?? true else { return false }
            if host == "any" { return true }
            return host == other.name || !groups.isEmpty && groups.allSatisfy { other.groups.contains($0) }
        }

        var yaml: String {
            var fields = ["proto: \(name)", "port: \(ports.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "any")"]
            if let host { fields.append("host: \(host)") }
            if !groups.isEmpty { fields.append("groups: [\(groups.joined(separator: ", "))]") }
            return "- {\(fields.joined(separator: ", "))}\n"
        }
    }

    /// Random firewalls of all hosts against the plain words: a rule of the one that begins, and of the one that receives.
    @Test func randomFirewalls() throws {
        let hosts = [("h1", ["a"]), ("h2", ["b"]), ("h3", ["a", "b"]), ("h4", []), ("h5", ["b", "c"])]
        var (allowed, denied) = (0, 0)
        for seed in 0..<500 {
            var random = Seeded(UInt64(seed))
            var rules: [RandomRule] = []
            for (owner, _) in hosts {
                for _ in 0..<Int.random(in: 2...8, using: &random) {
                    let kind = random.pick([0, 1, 2, 3])
                    rules.append(
                        RandomRule(
                            isInbound: random.once(in: 2), owner: owner,
                            groups: kind == 0 || kind == 3 ? random.pick([["a"], ["b"], ["a", "b"], ["c"]]) : [],
                            host: kind == 1 ? "any" : kind > 1 ? random.pick(hosts).0 : nil,
                            name: random.pick(["any", "tcp", "udp"]),
                            ports: random.once(in: 3) ? nil : Int.random(in: 79...81, using: &random)...82))
                }
            }
            let texts = hosts.map { host, _ in
                let own = rules.filter { $0.owner == host }
                let (ins, outs) = (own.filter(\.isInbound), own.filter { !$0.isInbound })
                let text =
                    "firewall:\n  inbound:\(ins.isEmpty ? " []" : "")\n" + ins.map { "  " + $0.yaml }.joined()
                    + "  outbound:\(outs.isEmpty ? " []" : "")\n" + outs.map { "  " + $0.yaml }.joined()
                return (text, "host:\(host)")
            }
            let result = try imported(texts)
            let compiled = CompiledPolicy(result.document)
            for from in hosts {
                for to in hosts where from.0 != to.0 {
                    for (name, portProtocol) in [("tcp", PortProtocol.tcp), ("udp", .udp)] {
                        let port = Int.random(in: 78...83, using: &random)
                        let expected =
                            rules.contains { !$0.isInbound && $0.owner == from.0 && $0.matches(to, name, port) }
                            && rules.contains { $0.isInbound && $0.owner == to.0 && $0.matches(from, name, port) }
                        func end(_ host: (String, [String])) throws -> Party {
                            .endpoint(
                                try Name(parsing: host.0),
                                labels: Set(try host.1.map { try PolicyLabel(parsing: "group=\($0)") }))
                        }
                        let verdict = compiled.evaluate(
                            Flow(
                                from: try end(from), to: try end(to), .numbered(portProtocol, UInt16(port)),
                                at: Timestamp(0)))
                        if expected { allowed += 1 } else { denied += 1 }
                        #expect(
                            verdict.isPlugged == expected && verdict.isPlugged == verdict.answers,
                            "seed \(seed): \(from) to \(to) \(name)/\(port)\n\(texts)")
                    }
                }
            }
        }
        #expect(allowed > 1_000 && denied > 1_000, "\(allowed) allowed, \(denied) denied show nothing")
    }
}
