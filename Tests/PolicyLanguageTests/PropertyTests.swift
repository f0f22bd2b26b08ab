import NetTypes
import Policy
import PolicyLanguage
import Testing

@Suite("Random policies")
struct PropertyTests {
    static let seed: UInt64 = 0x5eed_0011
    /// Documents in each of four runs; every one is asked as many questions as ``questions`` says.
    static let documents = 25_000

    @Test(
        "1: 100,000 random documents and questions: the evaluator says what the dumb reference says", arguments: 0..<4)
    func reference(run: Int) throws {
        let town = try Town()
        var random = SeededGenerator(seed: Self.seed + UInt64(run))
        var plugged = 0
        for number in 0..<Self.documents {
            guard let document = try town.document(&random) else { continue }
            let guardrails = random.chance(30) ? try town.document(&random, isPlatform: true) : nil
            let policy = CompiledPolicy(document, guardrails: guardrails)
            let dumb = DumbPolicy(guardrails: guardrails, document: document, zones: town.zones)
            let flow = Flow(
                from: random.pick(town.parties), to: random.pick(town.parties), town.transport(&random),
                at: town.moment(&random))
            if flow.source == flow.destination { continue }
            let verdict = policy.evaluate(flow, zones: town.zones)
            let expected = dumb.answer(flow)
            let rule = verdict.outcome.rule.map { ($0.isPlatform ? "p/" : "") + $0.name.text } ?? ""
            let answer = DumbPolicy.Answer(verdict: verdict.outcome.verdict, rule: rule, answers: verdict.answers)
            if answer != expected {
                Issue.record("seed \(Self.seed) run \(run) document \(number): \(flow): \(answer), not \(expected)")
                return
            }
            if verdict.isPlugged { plugged += 1 }
        }
        // A generator whose flows are all unplugged would prove little.
        #expect(plugged > Self.documents / 10)
    }

    @Test("2: the canonical form reads as the same document, and no bit of it can be turned unseen")
    func canonical() throws {
        let town = try Town()
        var random = SeededGenerator(seed: Self.seed)
        for number in 0..<1_000 {
            guard let document = try town.document(&random, isPlatform: random.chance(20)) else { continue }
            let bytes = document.canonicalBytes
            let again = try Document(canonicalBytes: bytes)
            #expect(again == document, "seed \(Self.seed) document \(number)")
            #expect(again.canonicalBytes == bytes)
            var broken = bytes
            broken[random.below(bytes.count)] ^= UInt8(1 << random.below(7))
            if let other = try? Document(canonicalBytes: broken) {
                #expect(other != document && other.canonicalBytes == broken)
            }
        }
    }

    @Test("3: rules in another order decide the same, but for the name among equals")
    func order() throws {
        let town = try Town()
        var random = SeededGenerator(seed: Self.seed + 77)
        for number in 0..<3_000 {
            guard let document = try town.document(&random) else { continue }
            let shuffled = try Document(
                scope: document.scope, tiers: document.tiers, groups: document.groups.shuffled(using: &random),
                networks: document.networks.shuffled(using: &random), rules: document.rules.shuffled(using: &random))
            let (one, other) = (CompiledPolicy(document), CompiledPolicy(shuffled))
            for _ in 0..<4 {
                let flow = Flow(
                    from: random.pick(town.parties), to: random.pick(town.parties), town.transport(&random),
                    at: town.moment(&random))
                let (a, b) = (one.evaluate(flow, zones: town.zones), other.evaluate(flow, zones: town.zones))
                #expect(
                    a.outcome.effect.replacing(", logged", with: "")
                        == b.outcome.effect.replacing(", logged", with: ""), "document \(number)")
            }
        }
    }

    @Test("4: a compiled pair says what single flows say, and holds as long as it says")
    func pairs() throws {
        let town = try Town()
        var random = SeededGenerator(seed: Self.seed + 5)
        for number in 0..<2_000 {
            guard let document = try town.document(&random) else { continue }
            let policy = CompiledPolicy(document)
            let (a, b) = (random.pick(town.parties), random.pick(town.parties))
            let moment = town.moment(&random)
            let pair = policy.compile(policy.membership(of: a), policy.membership(of: b), at: moment, zones: town.zones)
            let later = pair.holdsUntil.map { Timestamp(max(moment.seconds, $0.seconds - 1)) } ?? moment + 10_000_000
            for moment in [moment, later] {
                let transport = town.transport(&random)
                let there = policy.evaluate(Flow(from: a, to: b, transport, at: moment), zones: town.zones)
                let back = policy.evaluate(Flow(from: b, to: a, transport, at: moment), zones: town.zones)
                #expect(there.outcome == pair.forward.outcome(of: transport), "document \(number)")
                #expect(back.outcome == pair.backward.outcome(of: transport), "document \(number)")
            }
        }
    }

    @Test("5: a diff names exactly the pairs and ports whose outcome changes")
    func diff() throws {
        let town = try Town()
        var random = SeededGenerator(seed: Self.seed + 9)
        for number in 0..<250 {
            guard let old = try town.document(&random) else { continue }
            // Mostly small edits: a whole other document compares everything, which hides what is passed over.
            var rules = old.rules
            if !rules.isEmpty, random.chance(70) { rules.remove(at: random.below(rules.count)) }
            if random.chance(30) { rules.shuffle(using: &random) }
            var groups = old.groups
            if !groups.isEmpty, random.chance(40) {
                groups[0] = PolicyGroup(name: groups[0].name, try town.definition(&random, earlier: []))
            }
            let edited = try? Document(
                scope: old.scope, tiers: old.tiers, groups: groups, networks: old.networks, rules: rules)
            guard let new = edited else { continue }
            let moment = town.moment(&random)
            let endpoints = town.parties.filter { if case .endpoint = $0.kind { true } else { false } }
            let diff = PolicyDiff(from: old, to: new, endpoints: endpoints, at: moment, zones: town.zones)
            #expect(diff.isComplete)
            let (before, after) = (CompiledPolicy(old), CompiledPolicy(new))
            for a in endpoints {
                for b in endpoints where a != b {
                    let told = diff.changes.contains { $0.sources.contains(a) && $0.destinations.contains(b) }
                    var differs = false
                    for portProtocol in PortProtocol.allCases {
                        for number in [0, 1, 2, 3, 4, 5, 6, UInt16.max] {
                            let flow = Flow(from: a, to: b, .numbered(portProtocol, number), at: moment)
                            let (was, now) = (
                                before.evaluate(flow, zones: town.zones), after.evaluate(flow, zones: town.zones)
                            )
                            if !was.outcome.isSame(as: now.outcome) { differs = true }
                        }
                    }
                    let flow = Flow(from: a, to: b, .other(47), at: moment)
                    let (was, now) = (before.evaluate(flow, zones: town.zones), after.evaluate(flow, zones: town.zones))
                    if !was.outcome.isSame(as: now.outcome) { differs = true }
                    #expect(told == differs, "document \(number): \(a) → \(b)")
                }
            }
        }
    }
}
