import Accounts
import NetTypes
import Testing

@Suite("Names of people")
struct NameTests {
    @Test(
        "1: what is taken, and as what",
        arguments: [
            ("ada", "ada"), ("ADA", "ada"), ("a", "a"), ("7", "7"), ("ada.lovelace", "ada.lovelace"),
            ("a-b_c.d", "a-b_c.d"),
            ("Ada@Acme", "ada@acme"), ("x1@t-9", "x1@t-9"),
            (String(repeating: "a", count: 64), String(repeating: "a", count: 64)),
        ])
    func taken(_ text: String, _ expected: String) throws {
        let name = try AccountName(parsing: text)
        #expect(name.description == expected)
        #expect(try AccountName(parsing: name.description) == name)
    }

    @Test(
        "2: what is refused, tricks of Unicode among it",
        arguments: [
            "", "@", "@acme", "ada@", "ada@acme@x", ".ada", "ada.", "-ada", "a..b", "a._b", "a b", "ada ", " ada",
            "a/b", "a\\b",
            "a\u{0}b", "ada\n", "a'b", "<b>", "аda", "ad\u{0430}", "ａｄａ", "ﬁn", "\u{212A}ate", "ada\u{200B}",
            "ada\u{202E}",
            "a\u{301}da", "\u{1F600}", "İda", "ada@аcme", "ada@-acme", "ada@\u{212A}9",
        ])
    func refused(_ text: String) {
        #expect(throws: TextError.self) { try AccountName(parsing: text) }
    }

    @Test("2b: what is too long is refused", arguments: [65, 129, 1_000_000])
    func tooLong(_ count: Int) {
        #expect(throws: TextError.self) { try AccountName(parsing: String(repeating: "a", count: count)) }
        #expect(throws: TextError.self) { try DisplayName(parsing: String(repeating: "a", count: count)) }
    }

    @Test(
        "3: names to show: any script, nothing hidden",
        arguments: [
            ("Ada Lovelace", true), ("林雅婷", true), ("Müller-Lüdenscheidt", true), ("e\u{301}", true), ("नमस्ते", true),
            ("O'Neil", true),
            ("<script>", true), ("", false), (" Ada", false), ("Ada ", false), ("A  b", false), ("A\tb", false),
            ("A\nb", false),
            ("A\u{0}", false), ("A\u{1b}[2J", false), ("A\u{202E}b", false), ("A\u{200B}b", false),
            ("A\u{2028}b", false),
            ("A\u{00A0}b", false), ("\u{301}a", false), ("a\u{301}\u{301}\u{301}", false), ("A\u{E000}", false),
            ("A\u{FFFF}", false), ("A\u{AD}b", false), (String(repeating: "a", count: 64), true),
            (String(repeating: "a", count: 65), false),
        ])
    func shown(_ text: String, _ isTaken: Bool) {
        #expect(((try? DisplayName(parsing: text)) != nil) == isTaken)
    }

    @Test("4: ids have one text")
    func ids() throws {
        let id = World().id()
        #expect(try AccountID(parsing: id.description) == id)
        #expect(throws: TextError.self) { try AccountID(parsing: id.description.uppercased()) }
        #expect(throws: TextError.self) { try AccountID(parsing: String(id.description.dropLast())) }
    }

    @Test("5: sources are counted as whole networks")
    func sources() {
        let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7] as [UInt8]
        #expect(
            SourceNetwork(octets: v6 + [UInt8](repeating: 1, count: 8))
                == SourceNetwork(octets: v6 + [UInt8](repeating: 9, count: 8)))
        let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 192, 0, 2, 1]
        #expect(SourceNetwork(octets: mapped) == SourceNetwork(octets: [192, 0, 2, 1] as [UInt8]))
        #expect(SourceNetwork(octets: [192, 0, 2, 1] as [UInt8]).description == "192.0.2.1")
    }
}
