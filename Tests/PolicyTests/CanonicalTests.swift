import NetTypes
import Policy
import Testing

@Suite("Canonical form of a policy")
struct CanonicalTests {
    static let seed: UInt64 = 0x5eed_ca01
    static let good =
        #"{"entries":[{"action":"plug","from":"web1","id":1,"one_way":false,"to":"group:db"},"#
        + #"{"action":"unplug","from":"web1","id":3,"one_way":true,"to":"db1"}],"revision":7,"tenant":"acme","version":1}"#

    static func refusal(_ text: String) -> PolicyError? { refusal(Array(text.utf8)) }

    static func refusal(_ bytes: [UInt8]) -> PolicyError? {
        do throws(PolicyError) {
            _ = try PolicyDocument(canonicalBytes: bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test("1: the form itself, both ways")
    func form() throws {
        let document = try PolicyDocument(canonicalBytes: Array(Self.good.utf8))
        #expect(String(decoding: document.canonicalBytes, as: UTF8.self) == Self.good)
        #expect(document.tenant == (try name("acme")))
        #expect(document.revision == 7)
        #expect(
            document.entries == [
                PolicyEntry(id: 1, action: .plug, from: try endpoint("web1"), to: try group("db")),
                PolicyEntry(id: 3, action: .unplug, from: try endpoint("web1"), to: try endpoint("db1"), oneWay: true),
            ])
        let empty = PolicyDocument(tenant: try name("acme"), revision: .max)
        #expect(try PolicyDocument(canonicalBytes: empty.canonicalBytes) == empty)
    }

    /// What stands in the good document, what stands in its place, and the refusal.
    static let refused: [(old: String, new: String, code: PolicyError.Code, place: String)] = [
        (#""revision":7"#, #""revision":7,"signed":true"#, .unknownField, "/signed"),
        (#""one_way":true"#, #""one_way":true,"ports":80"#, .unknownField, "/entries/1/ports"),
        (#""revision":7"#, #""revision":7,"revision":7"#, .duplicateField, "/revision"),
        (#""id":3"#, #""id":3,"id":4"#, .duplicateField, "/entries/1/id"),
        (#""revision":7,"#, "", .missingField, "/revision"),
        (#""tenant":"acme","#, "", .missingField, "/tenant"),
        (#","version":1"#, "", .missingField, "/version"),
        (#""id":3,"#, "", .missingField, "/entries/1/id"),
        (#""one_way":true,"#, "", .missingField, "/entries/1/one_way"),
        (#""action":"unplug","#, "", .missingField, "/entries/1/action"),
        (#""version":1"#, #""version":2"#, .unknownVersion, "/version"),
        (#""version":1"#, #""version":0"#, .unknownVersion, "/version"),
        (#""revision":7"#, #""revision":"7""#, .badValue, "/revision"),
        (#""revision":7"#, #""revision":true"#, .badValue, "/revision"),
        (#""one_way":true"#, #""one_way":1"#, .badValue, "/entries/1/one_way"),
        (#""action":"unplug""#, #""action":"drop""#, .badValue, "/entries/1/action"),
        (#""action":"unplug""#, #""action":"Plug""#, .badValue, "/entries/1/action"),
        (#""to":"db1""#, #""to":"db_1""#, .badValue, "/entries/1/to"),
        (#""to":"db1""#, #""to":"globex/db1""#, .badValue, "/entries/1/to"),
        (#""to":"db1""#, #""to":["db1"]"#, .badValue, "/entries/1/to"),
        (#""tenant":"acme""#, #""tenant":"ACME""#, .badValue, "/tenant"),
        (#""id":3"#, #""id":1"#, .duplicateEntry, "/entries"),
        (#""id":3"#, #""id":0"#, .notCanonical, "byte 23"),
        (#""revision":7,"tenant":"acme""#, #""tenant":"acme","revision":7"#, .notCanonical, "byte 152"),
        (#""revision":7"#, #""revision": 7"#, .syntax, "byte 162"),
        (#""revision":7"#, #""revision":07"#, .syntax, "byte 162"),
        (#""revision":7"#, #""revision":-7"#, .syntax, "byte 162"),
        (#""revision":7"#, #""revision":7.0"#, .syntax, "byte 163"),
        (#""revision":7"#, #""revision":18446744073709551616"#, .syntax, "byte 162"),
        (#""revision":7"#, #""revision":null"#, .syntax, "byte 162"),
        (#""tenant":"acme""#, #""tenant":"\u0061cme""#, .syntax, "byte 174"),
        (#""tenant":"acme""#, #""tenant":"acmé""#, .syntax, "byte 177"),
        (#"1}"#, #"1} "#, .syntax, "byte 192"),
        (#"1}"#, #"1}{}"#, .syntax, "byte 192"),
        (#"1}"#, #"1"#, .syntax, "byte 191"),
    ]

    @Test("2: every other form is refused, with its place", arguments: refused)
    func refuses(row: (old: String, new: String, code: PolicyError.Code, place: String)) throws {
        let range = try #require(Self.good.firstRange(of: row.old))
        let text = Self.good.replacingCharacters(in: range, with: row.new)
        let error = try #require(Self.refusal(text), "\(row.new) was taken")
        #expect(error.code == row.code, "\(error)")
        #expect(error.place == row.place, "\(error)")
        #expect(!error.remedy.isEmpty && !error.problem.isEmpty)
    }

    @Test("3: no object, no JSON, nothing, and depth without end")
    func rubbish() {
        #expect(Self.refusal("")?.code == .syntax)
        #expect(Self.refusal("[]")?.code == .badValue)
        #expect(Self.refusal("7")?.code == .badValue)
        #expect(Self.refusal("{}")?.code == .missingField)
        #expect(Self.refusal(String(repeating: "[", count: 100_000))?.code == .syntax)
        #expect(Self.refusal(String(repeating: #"{"a":"#, count: 100_000))?.code == .syntax)
        #expect(Self.refusal([0xff, 0xfe])?.code == .syntax)
    }

    @Test("4: the size limit, at limit±1")
    func size() throws {
        #expect(Self.refusal([UInt8](repeating: 0x20, count: PolicyDocument.maximumByteCount + 1))?.code == .tooLarge)
        #expect(Self.refusal([UInt8](repeating: 0x20, count: PolicyDocument.maximumByteCount))?.code == .syntax)
        // Entries of one length until the next one would not fit: then nothing is added.
        let long = try name(String(repeating: "n", count: 63))
        var entries: [PolicyEntry] = []
        let bytesEach =
            #"{"action":"unplug","from":"group:","id":100000,"one_way":false,"to":"group:"},"#.utf8.count + 126
        let envelope = #"{"entries":[],"revision":18446744073709551615,"tenant":"acme","version":1}"#.utf8.count
        let fitting = (PolicyDocument.maximumByteCount - envelope) / bytesEach
        for id in 0..<UInt64(fitting) {
            entries.append(PolicyEntry(id: 100_000 + id, action: .unplug, from: .group(long), to: .group(long)))
        }
        var document = try PolicyDocument(tenant: try name("acme"), revision: .max, entries: entries)
        #expect(document.canonicalBytes.count <= PolicyDocument.maximumByteCount)
        let before = document
        #expect(throws: PolicyError(.tooLarge, at: "", "", remedy: "")) {
            try document.add(.unplug, from: .group(long), to: .group(long))
        }
        #expect(document == before)
        #expect(throws: PolicyError(.tooLarge, at: "", "", remedy: "")) {
            try PolicyDocument(
                tenant: try name("acme"), revision: 1,
                entries: entries + [PolicyEntry(id: 1, action: .unplug, from: .group(long), to: .group(long))])
        }
        try document.remove(100_000)
        try document.add(.unplug, from: .group(long), to: .group(long))
    }

    @Test("5: random documents come back; a changed byte never gives the same document, nor another form of one")
    func random() throws {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<300 {
            let town = try Town(using: &random)
            let document = try town.document(entries: Int(random.next() % 12), using: &random)
            var bytes = document.canonicalBytes
            #expect(try PolicyDocument(canonicalBytes: bytes) == document, "seed \(Self.seed), round \(round)")
            for _ in 0..<20 {
                let at = Int(random.next() % UInt64(bytes.count))
                let old = bytes[at]
                bytes[at] = UInt8(truncatingIfNeeded: random.next())
                if bytes[at] != old, let other = try? PolicyDocument(canonicalBytes: bytes) {
                    #expect(other != document, "seed \(Self.seed), round \(round), byte \(at)")
                    #expect(other.canonicalBytes == bytes, "seed \(Self.seed), round \(round), byte \(at)")
                }
                bytes[at] = old
            }
        }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with new: String) -> String {
        String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
    }
}
