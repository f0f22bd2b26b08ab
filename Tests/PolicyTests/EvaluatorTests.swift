import NetTypes
import Policy
import Testing

@Suite("Verdicts of a policy")
struct EvaluatorTests {
    static let seed: UInt64 = 0x5eed_9011

    static func evaluator(_ entries: PolicyEntry...) throws -> PolicyEvaluator {
        PolicyEvaluator(try PolicyDocument(tenant: try name("acme"), revision: 1, entries: entries))
    }

    @Test("1: without entries everything is unplugged, and the reason says so")
    func empty() throws {
        let verdict = try Self.evaluator().verdict(source: subject("a", "web"), destination: subject("b", "web"))
        #expect(!verdict.isPlugged)
        #expect(verdict.entry == nil)
        #expect(verdict.reason == "no entry speaks about a → b, so it is unplugged")
    }

    /// One entry, and what it makes of a → b and of b → a. Endpoint a is in group x, b in group y.
    static let directions: [(action: PolicyEntry.Action, from: String, to: String, oneWay: Bool, ab: Bool, ba: Bool)] =
        [
            (.plug, "a", "b", false, true, true),
            (.plug, "b", "a", false, true, true),
            (.plug, "a", "b", true, true, false),
            (.plug, "b", "a", true, false, true),
            (.plug, "a", "group:y", false, true, true),
            (.plug, "a", "group:y", true, true, false),
            (.plug, "group:y", "a", true, false, true),
            (.plug, "group:y", "a", false, true, true),
            (.plug, "group:x", "b", true, true, false),
            (.plug, "b", "group:x", true, false, true),
            (.plug, "group:x", "group:y", false, true, true),
            (.plug, "group:x", "group:y", true, true, false),
            (.plug, "group:y", "group:x", true, false, true),
            (.plug, "group:x", "group:x", false, false, false),
            (.plug, "a", "a", false, false, false),
            (.plug, "a", "group:x", false, false, false),
        ]

    @Test("2: direction of every kind of entry, for plug", arguments: directions)
    func direction(
        row: (action: PolicyEntry.Action, from: String, to: String, oneWay: Bool, ab: Bool, ba: Bool)
    ) throws {
        let evaluator = try Self.evaluator(
            PolicyEntry(
                id: 1, action: row.action, from: Selector(parsing: row.from), to: Selector(parsing: row.to),
                oneWay: row.oneWay))
        let (a, b) = (try subject("a", "x"), try subject("b", "y"))
        #expect(evaluator.verdict(source: a, destination: b).isPlugged == row.ab)
        #expect(evaluator.verdict(source: b, destination: a).isPlugged == row.ba)
    }

    @Test("3: direction of every kind of entry, for unplug, above a plug of the groups", arguments: directions)
    func unplugDirection(
        row: (action: PolicyEntry.Action, from: String, to: String, oneWay: Bool, ab: Bool, ba: Bool)
    ) throws {
        let evaluator = try Self.evaluator(
            PolicyEntry(id: 1, action: .plug, from: group("x"), to: group("y")),
            PolicyEntry(
                id: 2, action: .unplug, from: Selector(parsing: row.from), to: Selector(parsing: row.to),
                oneWay: row.oneWay))
        let (a, b) = (try subject("a", "x"), try subject("b", "y"))
        #expect(evaluator.verdict(source: a, destination: b).isPlugged == !row.ab)
        #expect(evaluator.verdict(source: b, destination: a).isPlugged == !row.ba)
    }

    @Test("4: the more specific decides, then unplug, then the lower number")
    func precedence() throws {
        let (a, b) = (try subject("a", "x"), try subject("b", "y"))
        func deciding(_ entries: PolicyEntry...) throws -> UInt64? {
            let document = try PolicyDocument(tenant: name("acme"), revision: 1, entries: entries)
            return PolicyEvaluator(document).verdict(source: a, destination: b).entry?.id
        }
        func entry(_ id: UInt64, _ action: PolicyEntry.Action, _ from: Selector, _ to: Selector) -> PolicyEntry {
            PolicyEntry(id: id, action: action, from: from, to: to)
        }
        let (ea, eb, gx, gy) = (try endpoint("a"), try endpoint("b"), try group("x"), try group("y"))
        #expect(try deciding(entry(1, .unplug, gx, gy), entry(2, .plug, ea, gy)) == 2)
        #expect(try deciding(entry(1, .unplug, gx, gy), entry(2, .plug, gx, eb)) == 2)
        #expect(try deciding(entry(1, .unplug, ea, gy), entry(2, .plug, ea, eb)) == 2)
        #expect(try deciding(entry(1, .plug, ea, gy), entry(2, .unplug, gx, eb)) == 2)
        #expect(try deciding(entry(1, .plug, ea, eb), entry(2, .unplug, ea, eb)) == 2)
        #expect(try deciding(entry(1, .plug, gx, gy), entry(2, .unplug, gy, gx)) == 2)
        #expect(try deciding(entry(7, .plug, ea, eb), entry(3, .plug, eb, ea)) == 3)
        #expect(try deciding(entry(7, .unplug, gx, gy), entry(3, .unplug, gx, gy)) == 3)
    }

    @Test("5: 10,000 queries of random documents against the dumb reference")
    func random() throws {
        var random = SeededGenerator(seed: Self.seed)
        var plugged = 0
        for round in 0..<500 {
            let town = try Town(using: &random)
            let document = try town.document(entries: Int(random.next() % 16), using: &random)
            let evaluator = PolicyEvaluator(document)
            for _ in 0..<20 {
                let source = town.subjects[Int(random.next() % 6)]
                let destination = town.subjects[Int(random.next() % 6)]
                let verdict = evaluator.verdict(source: source, destination: destination)
                let (isPlugged, id) = dumbVerdict(document, source, destination)
                #expect(
                    verdict.isPlugged == isPlugged && verdict.entry?.id == id
                        && verdict.security == (isPlugged ? verdict.entry?.security ?? .none : .none),
                    "seed \(Self.seed), round \(round): \(source) → \(destination) in \(document.entries)")
                plugged += isPlugged ? 1 : 0
            }
        }
        #expect((2_000..<8_000).contains(plugged), "\(plugged) of 10,000: one verdict is hardly tried")
    }

    @Test("6: the cost of a query does not grow with the entries between other endpoints")
    func index() throws {
        var entries: [PolicyEntry] = []
        for id in 0..<20_000 as Range<UInt64> {
            entries.append(
                PolicyEntry(id: id, action: .plug, from: try endpoint("a\(id)"), to: try endpoint("b\(id)")))
        }
        let document = try PolicyDocument(tenant: try name("acme"), revision: 1, entries: entries)
        let evaluator = PolicyEvaluator(document)
        let clock = ContinuousClock()
        let (a, b) = (try subject("a19999"), try subject("b19999"))
        // Reading all 20,000 entries would cost a second for each of these 200 queries in a debug build.
        let elapsed = clock.measure {
            for _ in 0..<200 { #expect(evaluator.verdict(source: a, destination: b).entry?.id == 19_999) }
        }
        #expect(elapsed < .seconds(2))
        #expect(!evaluator.verdict(source: a, destination: try subject("b19998")).isPlugged)
    }

    @Test("7: text forms of selectors")
    func selectors() throws {
        #expect(try Selector(parsing: "web1") == endpoint("web1"))
        #expect(try Selector(parsing: "group:web") == group("web"))
        for text in ["", "group:", "Group:web", "group:Web", "web_1", "acme/web1", "group:group:web", " web1"] {
            #expect(throws: TextError.self, "'\(text)'") { try Selector(parsing: text) }
        }
        for selector in [try endpoint("group"), try group("a-b")] {
            #expect(try Selector(parsing: selector.description) == selector)
        }
    }
}
