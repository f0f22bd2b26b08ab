import NetTypes
import Testing

@testable import AuditLog

@Suite("Values of the audit")
struct ValueTests {
    private func text(_ value: AuditValue) -> String { String(decoding: value.canonical, as: UTF8.self) }

    @Test("1: the canonical form")
    func canonical() {
        #expect(
            text(.object(["b": .number(-7), "a": .list([.null, .boolean(true), .text("x")])]))
                == #"{"a":[null,true,"x"],"b":-7}"#)
        #expect(text(.text("q\"\\/")) == #""q\"\\/""#)
        #expect(text(.text("a\nb\u{1b}[2J\u{7f}")) == #""a\u000ab\u001b[2J\u007f""#)
        #expect(text(.text("é林\u{202e}\u{2028}😀")) == #""\u00e9\u6797\u202e\u2028\ud83d\ude00""#)
        #expect(text(.object([:])) == "{}" && text(.list([])) == "[]")
        #expect(text(.number(.min)) == "-9223372036854775808")
    }

    @Test(
        "2: what is read is written the same; anything else is refused",
        arguments: [
            "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\" :1}", "[1, 2]", "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}", "01", "-0", "+1",
            "1.0", "1e3", "9223372036854775808", "nul", "True", "\"a", "\"\\n\"", "\"\\/\"", "\"\\u00E9\"",
            "\"\\u0041\"", "\"\\ud83d\"",
            "\"\\ude00\\ud83d\"", "\"é\"", "\"\u{7f}\"", "1 ", "{}{}", "[[[[[[[[[[[[1]]]]]]]]]]]]", "{1:2}",
            "\"\\u12\"",
        ])
    func refused(_ bad: String) {
        #expect(throws: AuditSyntaxError.self) { try AuditValue(canonical: Array(bad.utf8)) }
    }

    private func random(_ g: inout SeededGenerator, depth: Int = 0) -> AuditValue {
        func word(_ g: inout SeededGenerator) -> String {
            let ranges: [ClosedRange<UInt32>] = [
                0...0x7f, 0x20...0x7e, 0x80...0x7ff, 0xe000...0xffff, 0x10000...0x10ffff,
            ]
            return String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...6, using: &g)).compactMap { _ in
                        Unicode.Scalar(UInt32.random(in: ranges.randomElement(using: &g) ?? 0...1, using: &g))
                    }))
        }
        switch Int.random(in: 0...(depth > 4 ? 3 : 5), using: &g) {
        case 0: return .null
        case 1: return .boolean(Bool.random(using: &g))
        case 2: return .number(Int64.random(in: .min ... .max, using: &g))
        case 3: return .text(word(&g))
        case 4: return .list((0..<Int.random(in: 0...4, using: &g)).map { _ in random(&g, depth: depth + 1) })
        default:
            var members: [String: AuditValue] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &g) { members[word(&g)] = random(&g, depth: depth + 1) }
            return .object(members)
        }
    }

    @Test("3: 20,000 random values come back, as one line of visible ASCII; each other byte makes another or none")
    func roundTrip() throws {
        let seed: UInt64 = 11
        var g = SeededGenerator(seed: seed)
        for round in 0..<20_000 {
            let value = random(&g)
            let bytes = value.canonical
            guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }), try AuditValue(canonical: bytes).canonical == bytes
            else {
                Issue.record("seed \(seed), round \(round)")
                return
            }
            guard let place = bytes.indices.randomElement(using: &g) else { continue }
            var bad = bytes
            bad[place] ^= 1 << UInt8.random(in: 0...7, using: &g)
            if let other = try? AuditValue(canonical: bad), other.canonical == bytes {
                Issue.record("seed \(seed), round \(round): two texts for one value")
                return
            }
        }
    }

    @Test("4: secrets are taken out of states, wherever they stand")
    func secrets() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIG"
        let state = AuditState(
            .object([
                "name": .text("ada"), "password": .text("tulips"), "Password": .text("tulips"),
                "setup_token": .text("x"),
                "has": .object(["token": .boolean(true), "secret": .null]),
                "list": .list([.text("pbp_abc"), .text(pem)]),
                "hash": .text("$scrypt$ln=15,r=8,p=3$a$b"), "join": .text("pb1.x"), "uri": .text("otpauth://totp/x"),
                "code": .number(123_456),
            ]))
        let shown = text(state.value)
        for secret in ["tulips", "pbp_", "MIG", "$scrypt$", "pb1.", "otpauth", "123456", "\"x\""] {
            #expect(!shown.contains(secret), "\(secret)")
        }
        #expect(shown.contains(#""name":"ada""#) && shown.contains(#""token":true"#))
    }

    @Test("5: what is too long or too deep is replaced; the size is bounded to the byte")
    func bounds() throws {
        let most = AuditLimits.state - 2
        #expect(AuditState(.text(String(repeating: "a", count: most))).value.text?.count == most)
        let long = AuditState(.text(String(repeating: "a", count: most + 1))).value
        #expect(long["too_long"] == .boolean(true) && long["bytes"] == .number(Int64(AuditLimits.state + 1)))
        var deep = AuditValue.number(1)
        for _ in 0..<1_000 { deep = .list([deep]) }
        #expect(text(AuditState(deep).value) == #"[[[[[[["(nested too deep)"]]]]]]]"#)
    }
}
