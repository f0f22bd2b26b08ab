import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// Random policies, imported and asked, against ``Cluster/allows(from:to:_:_:)``.
@Suite struct KubernetesPropertyTests {
    private static let transports: [(String, PortProtocol)] = [("TCP", .tcp), ("UDP", .udp), ("SCTP", .sctp)]
    private static let outside: [UInt32] = [0xc000_0207, 0xc633_6401, 0x0af4_0007, 0x0808_0808]

    private struct Counts {
        var allowed = 0
        var denied = 0
    }

    @Test(arguments: 0..<10) func networkPolicies(_ part: Int) throws {
        var counts = Counts()
        for number in 0..<125 { try compare(UInt64(part * 1_000 + number), withAdmin: false, &counts) }
        // Were nearly all flows of one kind, nothing would be shown.
        #expect(counts.allowed * 5 > counts.denied && counts.denied * 5 > counts.allowed, "\(counts)")
    }

    @Test(arguments: 0..<10) func administratorsPolicies(_ part: Int) throws {
        var counts = Counts()
        for number in 0..<125 { try compare(UInt64(100_000 + part * 1_000 + number), withAdmin: true, &counts) }
        #expect(counts.allowed * 5 > counts.denied && counts.denied * 5 > counts.allowed, "\(counts)")
    }

    private func compare(_ seed: UInt64, withAdmin: Bool, _ counts: inout Counts) throws {
        var random = Seeded(seed)
        let cluster = Cluster.random(&random, withAdmin: withAdmin)
        let text = cluster.yaml
        var options = KubernetesOptions(tenant: try Name(parsing: "acme"))
        for pod in cluster.pods { options.addresses.endpoints[try pod.endpoint] = [.v4(IPv4Address(pod.address))] }
        let imported = try PolicyImport.kubernetes([ImportSource(name: "policies.yaml", text: text)], options: options)
        #expect(imported.isExact, "seed \(seed): \(imported.report)")
        let read = try PolicyYAML.read(imported.text).document
        #expect(read == imported.document, "seed \(seed): the text reads as another document")
        let compiled = CompiledPolicy(imported.document)
        var ends: [(end: End, membership: Membership)] = []
        for end in cluster.pods.map(End.pod) + [.outside(random.pick(Self.outside))] {
            ends.append((end, compiled.membership(of: try cluster.party(end))))
        }
        for a in 0..<ends.count {
            for b in 0..<a {
                let verdict = compiled.compile(ends[a].membership, ends[b].membership, at: Timestamp(0))
                for (word, portProtocol) in Self.transports {
                    let port = Int.random(in: 78...85, using: &random)
                    for (from, to, direction) in [(a, b, verdict.forward), (b, a, verdict.backward)] {
                        let outcome = direction.outcome(of: .numbered(portProtocol, UInt16(port)))
                        let expected = cluster.allows(from: ends[from].end, to: ends[to].end, word, port)
                        if expected { counts.allowed += 1 } else { counts.denied += 1 }
                        guard outcome.isPlugged != expected || outcome.isPlugged != outcome.answers else { continue }
                        Issue.record(
                            """
                            seed \(seed): \(ends[from].end) to \(ends[to].end) \(word)/\(port) is \(outcome), \
                            should be \(expected) with answers
                            \(text)
                            """)
                        return
                    }
                }
            }
        }
    }
}
