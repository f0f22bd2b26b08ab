import NetTypes
import PolicyLanguage
import Testing

/// The tables by which the kernel decides say what the evaluator says, for every packet.
@Suite struct FlowTableTests {
    @Test("random documents: the table of a pair is the evaluator, port by port", arguments: 0..<4)
    func evaluator(run: UInt64) throws {
        let seed: UInt64 = 0x5eed_0f70 + run
        let town = try Town()
        var random = SeededGenerator(seed: seed)
        var segments = 0
        for number in 0..<2_000 {
            guard let document = try town.document(&random) else { continue }
            let policy = CompiledPolicy(document)
            let (source, destination) = (random.pick(town.parties), random.pick(town.parties))
            let moment = town.moment(&random)
            if source == destination { continue }
            let verdict = policy.compile(
                policy.membership(of: source), policy.membership(of: destination), at: moment, zones: town.zones)
            for (direction, from, to) in [
                (verdict.forward, source, destination), (verdict.backward, destination, source),
            ] {
                let table = policy.table(direction)
                segments += table.segments.count
                for (segment, next) in zip(table.segments, table.segments.dropFirst())
                where segment.ports.portProtocol == next.ports.portProtocol {
                    #expect(UInt32(segment.ports.last) + 1 == UInt32(next.ports.first))
                    #expect(segment.decision != next.decision)
                }
                var transports: [Transport] = [.fragment(6), .other(47)]
                for portProtocol in PortProtocol.allCases {
                    transports += (0...6).map { .numbered(portProtocol, $0) }
                    transports += [.numbered(portProtocol, .max), .numbered(portProtocol, 255)]
                }
                for transport in transports {
                    let expected = policy.evaluate(Flow(from: from, to: to, transport, at: moment), zones: town.zones)
                    let found = table.decision(of: transport)
                    guard found.outcome == expected.outcome, found.dryRun == expected.dryRun else {
                        Issue.record("seed \(seed), document \(number), \(from) → \(to) \(transport)")
                        return
                    }
                }
            }
        }
        #expect(segments > 1_000)
    }

    @Test("many ports that overlap are few segments, and are found quickly")
    func overlaps() throws {
        let a = try Name(parsing: "a"), b = try Name(parsing: "b")
        let rules = try (0..<2_000).map { index in
            Rule(
                name: try Name(parsing: "r\(index)"), priority: index / 2, from: .endpoint(a), to: .endpoint(b),
                verdict: index % 2 == 0 ? .plug : .unplug,
                ports: [PortMatch(.tcp, UInt16(index)...UInt16(60_000 - index))])
        }
        let policy = CompiledPolicy(try Document(scope: .tenant(a), rules: rules))
        let verdict = policy.compile(
            policy.membership(of: .endpoint(a)), policy.membership(of: .endpoint(b)), at: Timestamp(0))
        let table = policy.table(verdict.forward)
        // Rules of one priority: the stricter decides first, here the narrower one of each two.
        #expect(table.decision(of: .numbered(.tcp, 0)).outcome.isPlugged)
        #expect(!table.decision(of: .numbered(.tcp, 1)).outcome.isPlugged)
        #expect(!table.decision(of: .numbered(.tcp, 60_001)).outcome.isPlugged)
        #expect(table.otherwise.outcome == .byDefault)
        #expect(table.segments.allSatisfy { $0.ports.portProtocol == .tcp })
    }
}
