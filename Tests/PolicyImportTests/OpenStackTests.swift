import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// Security groups, as the command and the API write them.
@Suite struct OpenStackTests {
    private func imported(
        _ texts: String..., change: (inout OpenStackOptions) -> Void = { _ in }
    ) throws -> PolicyImport {
        var options = OpenStackOptions(tenant: try Name(parsing: "acme"))
        change(&options)
        let sources = texts.enumerated().map { ImportSource(name: "\($0).json", text: $1) }
        let result = try PolicyImport.openStack(sources, options: options)
        #expect(try PolicyYAML.read(result.text).document == result.document)
        return result
    }

    private func party(_ groups: [String]) throws -> Party {
        .endpoint(
            try Name(parsing: "e-" + groups.joined(separator: "-").lowercased()),
            labels: Set(try groups.map { try PolicyLabel(parsing: "security-group=\($0)") }))
    }

    private func allows(_ result: PolicyImport, _ from: Party, _ to: Party, _ port: String) throws -> Bool {
        let match = try PortMatch(parsing: port)
        let verdict = CompiledPolicy(result.document).evaluate(
            Flow(from: from, to: to, .numbered(match.portProtocol, match.first), at: Timestamp(0)))
        #expect(verdict.isPlugged == verdict.answers)
        return verdict.isPlugged
    }

    private static let api = """
        {"security_groups": [
          {"id": "11111111-aaaa", "name": "web", "description": "", "security_group_rules": [
            {"id": "r1", "direction": "egress", "ethertype": "IPv4", "protocol": null, "port_range_min": null,
             "port_range_max": null, "remote_ip_prefix": null, "remote_group_id": null, "security_group_id": "11111111-aaaa"},
            {"id": "r2", "direction": "egress", "ethertype": "IPv6", "protocol": null, "security_group_id": "11111111-aaaa"},
            {"id": "r3", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 443,
             "port_range_max": 443, "remote_ip_prefix": "192.0.2.0/24", "security_group_id": "11111111-aaaa"},
            {"id": "r4", "direction": "ingress", "ethertype": "IPv4", "protocol": "1", "port_range_min": 8,
             "port_range_max": 0, "security_group_id": "11111111-aaaa"}
          ]},
          {"id": "22222222-bbbb", "name": "db", "security_group_rules": [
            {"id": "r5", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 5432,
             "port_range_max": 5433, "remote_group_id": "11111111-aaaa", "security_group_id": "22222222-bbbb"}
          ]}
        ]}
        """

    @Test func neutronAPI() throws {
        let result = try imported(Self.api) { $0.families = [.ipv4] }
        let (web, db) = (try party(["web"]), try party(["db"]))
        let office = Party.outside(try IPAddress(parsing: "192.0.2.9"))
        let elsewhere = Party.outside(try IPAddress(parsing: "2001:db8::1"))
        #expect(try allows(result, web, db, "tcp/5433"))
        #expect(try !allows(result, web, db, "tcp/5434"))
        #expect(try !allows(result, db, web, "tcp/443"))
        #expect(try allows(result, office, web, "tcp/443"))
        #expect(try !allows(result, elsewhere, web, "tcp/443"))
        #expect(try allows(result, web, elsewhere, "udp/53"))
        #expect(try allows(result, web, web, "icmp/8/0"))
        #expect(try !allows(result, web, web, "icmp/8/1"))
        #expect(try allows(result, office, web, "icmp/8/0"))
        #expect(try !allows(result, db, elsewhere, "udp/53"))
        #expect(result.report.contains { $0.severity == .closes && $0.place.line == 6 })
        #expect(result.text.contains("# security group db, 0.json line 12, ingress IPv4"))
    }

    @Test func commandOutput() throws {
        let list = #"[{"ID": "g1", "Name": "web", "Description": "x", "Project": "p", "Tags": []}]"#
        let rules = """
            [
              {"ID": "a", "IP Protocol": "tcp", "Ethertype": "IPv4", "IP Range": "0.0.0.0/0", "Port Range": "80:81",
               "Direction": "ingress", "Remote Security Group": null, "Remote Address Group": null, "Security Group": "g1"},
              {"ID": "b", "IP Protocol": null, "Ethertype": "IPv4", "IP Range": "0.0.0.0/0", "Port Range": "",
               "Direction": "egress", "Remote Security Group": null, "Remote Address Group": null, "Security Group": "g1"},
              {"ID": "c", "IP Protocol": "icmp", "Ethertype": "IPv4", "IP Range": "0.0.0.0/0", "Port Range": "type=3:code=4",
               "Direction": "ingress", "Security Group": "g1"}
            ]
            """
        let show = """
            {"id": "g1", "name": "web", "rules": [
              {"id": "a", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 80,
               "port_range_max": 81, "remote_ip_prefix": "0.0.0.0/0", "security_group_id": "g1"},
              {"id": "d", "direction": "ingress", "ethertype": "IPv4", "protocol": "udp", "port_range_min": 53,
               "port_range_max": 53, "security_group_id": "g1"}], "stateful": true}
            """
        let result = try imported(list, rules, show) { $0.families = [.ipv4] }
        let web = try party(["web"])
        #expect(try allows(result, web, web, "tcp/81"))
        #expect(try allows(result, web, web, "udp/53"))
        #expect(try allows(result, web, web, "icmp/3/4"))
        #expect(try !allows(result, web, web, "icmp/3/3"))
        #expect(try !allows(result, web, web, "tcp/82"))
    }

    @Test func defaultGroup() throws {
        let rules = ["IPv4", "IPv6"].flatMap { family in
            [
                #"{"direction": "egress", "ethertype": "\#(family)", "protocol": null}"#,
                #"{"direction": "ingress", "ethertype": "\#(family)", "protocol": null, "remote_group_id": "g"}"#,
            ]
        }
        let result = try imported(
            #"{"security_group": {"id": "g", "name": "default", "rules": [\#(rules.joined(separator: ","))]}}"#)
        let (one, other) = (try party(["default"]), try party(["other"]))
        #expect(try allows(result, one, one, "sctp/9"))
        #expect(try allows(result, one, one, "icmpv6/128"))
        #expect(try !allows(result, other, one, "tcp/1"))
        #expect(try !allows(result, one, other, "tcp/1"))
        // Everything both ways is everything: other protocols too.
        let verdict = CompiledPolicy(result.document).evaluate(Flow(from: one, to: one, .other(47), at: Timestamp(0)))
        #expect(verdict.isPlugged)
        #expect(result.report.allSatisfy { $0.severity != .opens })
    }

    private func single(_ rule: String) -> String {
        #"{"id": "g", "name": "web", "rules": [{"direction": "ingress", "ethertype": "IPv4", \#(rule)}]}"#
    }

    @Test(arguments: [
        (#""protocol": "vrrp""#, ImportNote.Severity.closes, "'vrrp'"),
        (#""protocol": "47""#, .closes, "'47'"),
        (#""protocol": "tcp", "remote_address_group_id": "x""#, .closes, "address group"),
        (#""protocol": "tcp", "remote_group_id": "x""#, .closes, "not among what was read"),
        (#""protocol": "tcp", "remote_ip_prefix": "10.0.0.0/8""#, .closes, "outside addresses only"),
        (#""protocol": "tcp""#, .opens, "IPv4 only"),
        (#""protocol": "tcp", "source_port": 53"#, .opens, "'source_port'"),
    ]) func losses(_ rule: String, _ severity: ImportNote.Severity, _ what: String) throws {
        let result = try imported(single(rule))
        let note = try #require(result.report.first { $0.what.contains(what) }, "\(result.report)")
        #expect(note.severity == severity && note.place.line == 1 && note.source == "0.json")
    }

    @Test func statelessGroups() throws {
        let result = try imported(#"{"id": "g", "name": "web", "stateful": false, "rules": []}"#)
        #expect(result.report.contains { $0.severity == .opens && $0.what.contains("keeps no state") })
    }

    @Test func namesThatAreNoLabels() throws {
        let result = try imported(
            #"{"security_groups": [{"id": "g1", "name": "my group", "rules": []}, {"id": "g2", "name": "default"}, {"id": "g3", "name": "default"}]}"#
        )
        #expect(result.report.count { $0.severity == .note && $0.what.contains("the label is") } == 3)
    }

    @Test(arguments: [
        (#"{"rules": 1"#, "is expected here"),
        (#"{"a": 1, "a": 2}"#, "twice"),
        (#"[{"name": "x", "rules": "direction='egress'"}]"#, "as text"),
        (#"[{"id": "x"}]"#, "neither a security group nor a rule"),
        (#"[{"id": "r", "ip_protocol": "tcp", "security_group": "g"}]"#, "direction"),
        (#"[{"direction": "ingress", "ethertype": "IPv4"}]"#, "of which group"),
        (#"[{"direction": "in", "ethertype": "IPv4", "security_group_id": "g"}]"#, "neither ingress nor egress"),
        (#"[{"direction": "ingress", "ethertype": "IPX", "security_group_id": "g"}]"#, "no ethertype"),
        (
            #"[{"direction": "ingress", "ethertype": "IPv4", "port_range_min": 1, "security_group_id": "g"}]"#,
            "without a protocol"
        ),
        (
            #"[{"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 9, "port_range_max": 8, "security_group_id": "g"}]"#,
            "is empty"
        ),
        (
            #"[{"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 65536, "security_group_id": "g"}]"#,
            "no port"
        ),
        (
            #"[{"direction": "ingress", "ethertype": "IPv4", "protocol": "icmp", "port_range_min": 256, "security_group_id": "g"}]"#,
            "above 255"
        ),
        (
            #"[{"direction": "ingress", "ethertype": "IPv4", "remote_ip_prefix": "::/0", "security_group_id": "g"}]"#,
            "a prefix of IPv4"
        ),
        ("[" + String(repeating: "[", count: 10_000), "nested"),
        (#"["\ud800"]"#, "surrogates"),
        ("[01]", "a value"),
        ("[1.]", "a value"),
        ("[-]", "a value"),
        ("[+1]", "a value"),
        ("[1.e5]", "a value"),
        ("", "a value"),
    ]) func broken(_ text: String, _ problem: String) throws {
        let refusal = #expect(throws: ImportError.self) { try imported(text) }
        #expect(refusal?.finding.problem.contains(problem) == true, "\(String(describing: refusal))")
        #expect(refusal?.source == "0.json" && refusal?.finding.remedy.isEmpty == false)
    }

    // MARK: A reference

    private struct RandomRule {
        let group: Int
        let isIngress: Bool
        /// The number of the group; nil is anywhere.
        let remote: Int?
        let outside: Bool
        let protocolName: String?
        let ports: ClosedRange<Int>?

        func matches(_ remoteGroups: [Int]?, _ portProtocol: String, _ port: Int) -> Bool {
            guard protocolName == nil || protocolName == portProtocol, ports?.contains(port) ?? true else {
                return false
            }
            if let remote { return remoteGroups?.contains(remote) ?? false }
            return !outside || remoteGroups == nil
        }
    }

    /// Random groups and rules against the plain words: some rule of some group, at both ends.
    @Test func randomGroups() throws {
        var (allowed, denied) = (0, 0)
        for seed in 0..<500 {
            var random = Seeded(UInt64(seed))
            let rules = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                let kind = random.pick([0, 0, 1, 2])
                let protocolName = random.pick(["tcp", "udp", nil] as [String?])
                return RandomRule(
                    group: random.pick([0, 1, 2]), isIngress: random.once(in: 2),
                    remote: kind == 0 ? random.pick([0, 1, 2]) : nil,
                    outside: kind == 2, protocolName: protocolName,
                    ports: protocolName == nil || random.once(in: 3)
                        ? nil : Int.random(in: 79...81, using: &random)...82)
            }
            let json = rules.map { rule in
                var fields = [
                    #""security_group_id": "g\#(rule.group)""#,
                    #""direction": "\#(rule.isIngress ? "ingress" : "egress")""#,
                    #""ethertype": "IPv4""#,
                ]
                if let name = rule.protocolName { fields.append(#""protocol": "\#(name)""#) }
                if let ports = rule.ports {
                    fields.append(#""port_range_min": \#(ports.lowerBound), "port_range_max": \#(ports.upperBound)"#)
                }
                if let remote = rule.remote { fields.append(#""remote_group_id": "g\#(remote)""#) }
                if rule.outside { fields.append(#""remote_ip_prefix": "192.0.2.0/24""#) }
                return "{\(fields.joined(separator: ", "))}"
            }
            let groups = (0..<3).map { #"{"id": "g\#($0)", "name": "g\#($0)"}"# }
            let text = "[\((groups + json).joined(separator: ",\n"))]"
            let result = try imported(text) {
                $0.families = [.ipv4]
                $0.addresses.networks = ["10.0.0.0/8"]
            }
            let compiled = CompiledPolicy(result.document)
            let memberships: [[Int]?] = [[0], [1], [2], [0, 1], [0, 1, 2], [], nil]
            for from in memberships {
                for to in memberships where from != nil || to != nil {
                    for (name, portProtocol) in [("tcp", PortProtocol.tcp), ("udp", .udp)] {
                        let port = Int.random(in: 78...83, using: &random)
                        let leaves =
                            from.map { own in
                                rules.contains { !$0.isIngress && own.contains($0.group) && $0.matches(to, name, port) }
                            }
                            ?? true
                        let enters =
                            to.map { own in
                                rules.contains {
                                    $0.isIngress && own.contains($0.group) && $0.matches(from, name, port)
                                }
                            }
                            ?? true
                        func side(_ groups: [Int]?) throws -> Party {
                            try groups.map { try party($0.map { "g\($0)" } + ($0.isEmpty ? ["none"] : [])) }
                                ?? .outside(try IPAddress(parsing: "192.0.2.1"))
                        }
                        let verdict = compiled.evaluate(
                            Flow(
                                from: try side(from), to: try side(to), .numbered(portProtocol, UInt16(port)),
                                at: Timestamp(0)))
                        if leaves, enters { allowed += 1 } else { denied += 1 }
                        #expect(
                            verdict.isPlugged == (leaves && enters) && verdict.isPlugged == verdict.answers,
                            "seed \(seed): \(String(describing: from)) to \(String(describing: to)) \(name)/\(port)\n\(text)"
                        )
                    }
                }
            }
        }
        #expect(allowed > 1_000 && denied > 1_000, "\(allowed) allowed, \(denied) denied show nothing")
    }
}
