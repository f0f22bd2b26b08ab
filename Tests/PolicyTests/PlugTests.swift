import NetTypes
import Policy
import Testing

@Suite("The edits plug and unplug")
struct PlugTests {
    static let seed: UInt64 = 0x5eed_9106

    static func verdicts(_ document: PolicyDocument, _ a: Subject, _ b: Subject) -> [Bool] {
        [
            PolicyEvaluator(document).verdict(source: a, destination: b).isPlugged,
            PolicyEvaluator(document).verdict(source: b, destination: a).isPlugged,
        ]
    }

    @Test("1: plug, again, one-way, the other way, unplug")
    func story() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let (a, b) = (try subject("web1", "web"), try subject("db1", "db"))
        #expect(try document.plug(a, b).added.map(\.description) == ["plug web1 ↔ db1"])
        #expect(Self.verdicts(document, a, b) == [true, true])
        #expect(try document.plug(a, b).isEmpty)
        #expect(try document.plug(b, a).isEmpty, "a two-way wire has no direction")
        let change = try document.plug(a, b, oneWay: true)
        #expect(change.added.map(\.description) == ["plug web1 → db1"])
        #expect(change.removed.map(\.description) == ["plug web1 ↔ db1"])
        #expect(Self.verdicts(document, a, b) == [true, false])
        try document.plug(b, a, oneWay: true)
        #expect(Self.verdicts(document, a, b) == [false, true])
        try document.unplug(a, b)
        #expect(Self.verdicts(document, a, b) == [false, false])
        #expect(document.entries.isEmpty, "nothing is left over")
        #expect(try document.unplug(a, b).isEmpty)
    }

    @Test("2: against a plug of the groups, unplug and one-way need an entry of their own")
    func groups() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let (a, b) = (try subject("web1", "web"), try subject("db1", "db"))
        try document.add(.plug, from: try group("web"), to: try group("db"))
        #expect(try document.unplug(a, b).added.map(\.description) == ["unplug web1 ↔ db1"])
        #expect(Self.verdicts(document, a, b) == [false, false])
        #expect(try document.unplug(b, a).isEmpty)
        #expect(try document.plug(a, b, oneWay: true).added.count == 2)
        #expect(Self.verdicts(document, a, b) == [true, false])
        #expect(try document.plug(a, b, oneWay: true).isEmpty)
        try document.plug(a, b)
        #expect(Self.verdicts(document, a, b) == [true, true])
        #expect(Self.verdicts(document, a, try subject("db2", "db")) == [true, true], "others are untouched")
    }

    @Test("3: an unplug entry outlives unplug, so that a group that comes later opens nothing")
    func lasting() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let (a, b) = (try subject("web1", "web"), try subject("db1", "db"))
        try document.add(.unplug, from: try endpoint("web1"), to: try endpoint("db1"))
        #expect(try document.unplug(a, b).isEmpty)
        try document.add(.plug, from: try group("web"), to: try group("db"))
        #expect(Self.verdicts(document, a, b) == [false, false])
        var diode = PolicyDocument(tenant: try name("acme"))
        try diode.add(.unplug, from: try endpoint("web1"), to: try endpoint("db1"))
        try diode.plug(a, b, oneWay: true)
        try diode.add(.plug, from: try group("web"), to: try group("db"))
        #expect(
            Self.verdicts(diode, a, b) == [true, false], "what was forbidden before stays forbidden on the way back")
    }

    @Test("4: two tenants, one endpoint, unknown entries: refused, nothing changed")
    func refusals() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let a = try subject("web1")
        func code(_ body: () throws -> Void) -> PolicyError.Code? {
            do { try body() } catch { return (error as? PolicyError)?.code }
            return nil
        }
        #expect(code { try document.plug(a, a) } == .sameEndpoint)
        #expect(code { try document.unplug(a, a) } == .sameEndpoint)
        #expect(
            code {
                _ = try PolicyDocument.pair(
                    try TenantName(parsing: "acme/web1"), try TenantName(parsing: "globex/web1"))
            } == .crossTenant)
        let pair = try PolicyDocument.pair(
            try TenantName(parsing: "acme/web1"), try TenantName(parsing: "acme/db1"))
        #expect(pair.from == a.name && pair.tenant == document.tenant)
        #expect(code { try document.remove(1) } == .unknownEntry)
        try document.insert(PolicyEntry(id: .max, action: .plug, from: try endpoint("a"), to: try endpoint("b")))
        let before = document
        #expect(code { try document.plug(a, try subject("db1")) } == .numbersExhausted)
        #expect(code { try document.insert(before.entries[0]) } == .duplicateEntry)
        #expect(document == before)
    }

    @Test("5: after any edit of any document the verdicts are as promised, others are untouched, and it is idempotent")
    func promises() throws {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<1_500 {
            let town = try Town(using: &random)
            var document = try town.document(entries: Int(random.next() % 12), using: &random)
            let before = document
            let a = town.subjects[Int(random.next() % 3)]
            let b = town.subjects[3 + Int(random.next() % 3)]
            let verb = random.next() % 3
            let level = town.level(using: &random)
            func edit() throws -> PolicyChange {
                switch verb {
                case 0: try document.plug(a, b, security: level)
                case 1: try document.plug(a, b, oneWay: true, security: level)
                default: try document.unplug(a, b)
                }
            }
            let place: Comment = "seed \(Self.seed), round \(round), verb \(verb), \(level), \(before.entries)"
            let change = try edit()
            #expect(
                Self.verdicts(document, a, b) == [[true, true], [true, false], [false, false]][Int(verb)], place)
            let levels = [[level, level], [level, .none], [.none, .none]][Int(verb)]
            #expect(SecurityTests.levels(document, a, b) == levels, place)
            #expect(Set(before.entries).subtracting(change.removed).union(change.added) == Set(document.entries), place)
            let settled = document
            #expect(try edit().isEmpty, place)
            #expect(document == settled, place)
            for source in town.subjects {
                for destination in town.subjects where Set([source.name, destination.name]) != Set([a.name, b.name]) {
                    #expect(
                        dumbVerdict(document, source, destination) == dumbVerdict(before, source, destination), place)
                }
            }
            #expect(try PolicyDocument(canonicalBytes: document.canonicalBytes) == document, place)
        }
    }
}
