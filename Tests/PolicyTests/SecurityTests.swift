import NetTypes
import Policy
import Testing

@Suite("The security level of a policy's entries")
struct SecurityTests {
    static let seed: UInt64 = 0x5eed_5ec0

    static func levels(_ document: PolicyDocument, _ a: Subject, _ b: Subject) -> [Security] {
        let evaluator = PolicyEvaluator(document)
        return [
            evaluator.verdict(source: a, destination: b).security,
            evaluator.verdict(source: b, destination: a).security,
        ]
    }

    static func code(_ body: () throws -> Void) -> (code: PolicyError.Code, place: String)? {
        do { try body() } catch { return (error as? PolicyError).map { ($0.code, $0.place) } }
        return nil
    }

    @Test("1: the words and their order")
    func words() {
        #expect(Security.allCases.map(\.rawValue) == ["none", "auth", "conf"])
        #expect(Security.allCases.sorted() == [.none, .auth, .conf])
    }

    @Test("2: the level stands between one_way and to, and only where it is not none")
    func canonical() throws {
        let text =
            #"{"entries":[{"action":"plug","from":"web1","id":1,"one_way":false,"security":"auth","to":"group:db"},"#
            + #"{"action":"plug","from":"web1","id":2,"one_way":true,"security":"conf","to":"db1"},"#
            + #"{"action":"plug","from":"web1","id":3,"one_way":true,"to":"db1"}],"#
            + #""revision":7,"tenant":"acme","version":1}"#
        let document = try PolicyDocument(canonicalBytes: Array(text.utf8))
        #expect(document.entries.map(\.security) == [.auth, .conf, .none])
        #expect(String(decoding: document.canonicalBytes, as: UTF8.self) == text)
    }

    /// What stands in place of `"security":"conf",` after the entry's action, and the place and the remedy's words.
    static let refused: [(action: String, field: String, code: PolicyError.Code, place: String, words: String)] = [
        ("plug", #""security":"none","#, .badValue, "/entries/0/security", "auth or conf"),
        ("plug", #""security":"CONF","#, .badValue, "/entries/0/security", "auth or conf"),
        ("plug", #""security":"","#, .badValue, "/entries/0/security", "auth or conf"),
        ("plug", #""security":"aes","#, .badValue, "/entries/0/security", "auth or conf"),
        ("plug", #""security":true,"#, .badValue, "/entries/0/security", "a string"),
        ("plug", #""security":2,"#, .badValue, "/entries/0/security", "a string"),
        ("plug", #""security":["conf"],"#, .badValue, "/entries/0/security", "a string"),
        ("plug", #""security":null,"#, .syntax, "byte 74", "canonical"),
        ("plug", #""security":"conf","security":"conf","#, .duplicateField, "/entries/0/security", "one of the two"),
        ("unplug", #""security":"conf","#, .badValue, "/entries/0/security", "leave the level out"),
        ("unplug", #""security":"auth","#, .badValue, "/entries/0/security", "leave the level out"),
        ("unplug", #""security":"none","#, .badValue, "/entries/0/security", "remove the field"),
        ("plug", #""Security":"conf","#, .unknownField, "/entries/0/Security", "security"),
    ]

    @Test("3: any other level, a level that is none, and the level of an unplug entry are refused", arguments: refused)
    func refuses(
        row: (action: String, field: String, code: PolicyError.Code, place: String, words: String)
    ) throws {
        let text =
            #"{"entries":[{"action":"\#(row.action)","from":"a","id":1,"one_way":false,\#(row.field)"to":"b"}],"#
            + #""revision":7,"tenant":"acme","version":1}"#
        let error = try #require(CanonicalTests.refusal(text), "\(row.field) was taken")
        #expect(error.code == row.code, "\(error)")
        #expect(error.place == row.place, "\(error)")
        #expect(error.remedy.contains(row.words), "\(error)")
    }

    @Test("4: no document takes an unplug entry with a level, and none is changed by the attempt")
    func unplug() throws {
        let (a, b) = (try endpoint("a"), try endpoint("b"))
        var document = PolicyDocument(tenant: try name("acme"))
        try document.add(.plug, from: a, to: b, security: .conf)
        let before = document
        for level in [Security.auth, .conf] {
            let entry = PolicyEntry(id: 9, action: .unplug, from: a, to: b, security: level)
            #expect(Self.code { try document.insert(entry) }?.place == "/entries/1/security")
            #expect(Self.code { try document.add(.unplug, from: a, to: b, security: level) }?.code == .badValue)
            let made = Self.code {
                _ = try PolicyDocument(tenant: name("acme"), revision: 1, entries: before.entries + [entry])
            }
            #expect(made?.place == "/entries/1/security")
        }
        #expect(document == before)
    }

    @Test("5: a verdict has the level of the entry that decides it")
    func verdicts() throws {
        let (a, b) = (try subject("a", "x"), try subject("b", "y"))
        func levels(_ entries: PolicyEntry...) throws -> [Security] {
            Self.levels(try PolicyDocument(tenant: name("acme"), revision: 1, entries: entries), a, b)
        }
        func plug(
            _ id: UInt64, _ from: Selector, _ to: Selector, oneWay: Bool = false, _ level: Security
        ) -> PolicyEntry {
            PolicyEntry(id: id, action: .plug, from: from, to: to, oneWay: oneWay, security: level)
        }
        let (ea, eb, gx, gy) = (try endpoint("a"), try endpoint("b"), try group("x"), try group("y"))
        #expect(try levels() == [.none, .none])
        #expect(try levels(plug(1, ea, eb, .conf)) == [.conf, .conf])
        let there = plug(1, ea, eb, oneWay: true, .conf)
        #expect(try levels(there) == [.conf, .none])
        #expect(try levels(there, plug(2, eb, ea, oneWay: true, .auth)) == [.conf, .auth])
        #expect(try levels(plug(1, gx, gy, .conf), plug(2, ea, gy, .auth)) == [.auth, .auth], "the more specific")
        #expect(try levels(plug(1, gx, gy, .conf), plug(2, ea, eb, .none)) == [.none, .none], "the more specific")
        #expect(
            try levels(plug(1, ea, eb, .conf), PolicyEntry(id: 2, action: .unplug, from: ea, to: eb)) == [.none, .none])
        // Among equals the one that protects more, whatever its number: a second group takes no protection away.
        #expect(try levels(plug(1, gx, gy, .none), plug(2, gy, gx, .auth)) == [.auth, .auth])
        #expect(try levels(plug(1, gx, gy, .auth), plug(2, gx, gy, .conf)) == [.conf, .conf])
        #expect(try levels(plug(2, gx, gy, .conf), plug(1, gx, gy, .none)) == [.conf, .conf])
        #expect(try levels(plug(1, ea, gy, .none), plug(2, gx, eb, .conf)) == [.conf, .conf])
        let document = try PolicyDocument(tenant: name("acme"), revision: 1, entries: [plug(1, ea, eb, .conf)])
        let verdict = PolicyEvaluator(document).verdict(source: a, destination: b)
        #expect(verdict.reason == "entry 1, plug a ↔ b (conf)")
    }

    @Test("6: plugging again with another level changes the level of that entry and nothing else")
    func change() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let (a, b) = (try subject("web1", "web"), try subject("db1", "db"))
        try document.plug(a, b)
        let id = try #require(document.entries.first?.id)
        try document.add(.plug, from: try group("web"), to: try group("db"), security: .auth)
        let change = try document.plug(a, b, security: .conf)
        #expect(change.removed.map(\.description) == ["plug web1 ↔ db1"])
        #expect(change.added.map(\.description) == ["plug web1 ↔ db1 (conf)"])
        #expect(document.entries.map(\.description) == ["plug web1 ↔ db1 (conf)", "plug group:web ↔ group:db (auth)"])
        #expect(document.entries.first?.id == id, "it keeps its number")
        #expect(Self.levels(document, a, b) == [.conf, .conf])
        #expect(try document.plug(a, b, security: .conf).isEmpty)
        #expect(try document.plug(b, a, security: .conf).isEmpty, "a two-way wire has no direction")
        #expect(try document.plug(b, a, security: .auth).added.map(\.id) == [id])
        #expect(document.entries.first?.from == .endpoint(a.name), "the entry stands as it was written")
        // Without a level none is asked for, and none is what holds, in spite of the groups.
        try document.plug(a, b)
        #expect(Self.levels(document, a, b) == [.none, .none])
        #expect(document.entries.count == 2)
        // Another way is another entry.
        try document.plug(a, b, oneWay: true, security: .conf)
        #expect(Self.levels(document, a, b) == [.conf, .none])
        try document.unplug(a, b)
        #expect(Self.levels(document, a, b) == [.none, .none])
    }

    @Test("7: two entries of one pair become one, of the level asked for")
    func duplicates() throws {
        var document = PolicyDocument(tenant: try name("acme"))
        let (a, b) = (try subject("web1"), try subject("db1"))
        let (ea, eb) = (try endpoint("web1"), try endpoint("db1"))
        try document.add(.plug, from: ea, to: eb, security: .conf)
        try document.add(.plug, from: eb, to: ea, security: .auth)
        #expect(Self.levels(document, a, b) == [.conf, .conf])
        try document.plug(a, b, security: .auth)
        #expect(document.entries == [PolicyEntry(id: 1, action: .plug, from: ea, to: eb, security: .auth)])
    }

    @Test("8: documents that differ in a level have different bytes, and the bytes come back")
    func unique() throws {
        var random = SeededGenerator(seed: Self.seed)
        var changed = 0
        for round in 0..<300 {
            let town = try Town(using: &random)
            let document = try town.document(entries: 1 + Int(random.next() % 8), using: &random)
            let place: Comment = "seed \(Self.seed), round \(round)"
            let old = document.entries[Int(random.next() % UInt64(document.entries.count))]
            guard old.action == .plug else { continue }
            let level = town.level(using: &random)
            var other = document
            try other.remove(old.id)
            try other.insert(old.with(level))
            #expect((other == document) == (level == old.security), place)
            #expect((other.canonicalBytes == document.canonicalBytes) == (level == old.security), place)
            #expect(try PolicyDocument(canonicalBytes: other.canonicalBytes) == other, place)
            changed += level == old.security ? 0 : 1
        }
        #expect(changed > 50, "\(changed) of 300: hardly tried")
    }
}
