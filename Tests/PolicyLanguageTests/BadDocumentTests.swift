import NetTypes
import PolicyLanguage
import PolicyYAML
import Testing

/// A document that is refused: its text, where the first finding stands, of what kind it is, and words of it.
struct BadDocument: Sendable, CustomTestStringConvertible {
    let number: Int
    let text: String
    let place: Place
    let code: Finding.Code
    let words: String

    var testDescription: String { "\(number): \(words)" }

    init(_ number: Int, _ text: String, _ line: Int, _ column: Int, _ code: Finding.Code, _ words: String) {
        self.number = number
        self.text = text
        place = Place(line: line, column: column)
        self.code = code
        self.words = words
    }

    /// The text after two lines that are right.
    init(head number: Int, _ text: String, _ line: Int, _ column: Int, _ code: Finding.Code, _ words: String) {
        self.init(number, "version: 1\ntenant: acme\n" + text, line, column, code, words)
    }

    /// Fields of a rule, from line 6 on, each indented by four.
    init(rule number: Int, _ fields: String, _ line: Int, _ column: Int, _ code: Finding.Code, _ words: String) {
        let lines = fields.split(separator: "\n").map { "    \($0)\n" }.joined()
        self.init(
            number, "version: 1\ntenant: acme\ngroups: {web: {label: tier=web}}\nrules:\n  - name: r\n" + lines, line,
            column,
            code, words)
    }
}

@Suite("Documents that are refused, with line and column")
struct BadDocumentTests {
    static let form: [BadDocument] = [
        BadDocument(1, "", 1, 1, .syntax, "empty"),
        BadDocument(2, "# nothing\n", 1, 1, .syntax, "empty"),
        BadDocument(3, "hello", 1, 1, .badValue, "is not the document"),
        BadDocument(4, "[a, b]", 1, 1, .badValue, "is not the document"),
        BadDocument(5, "tenant: acme", 1, 1, .missingField, "'version'"),
        BadDocument(6, "version: 2\ntenant: acme", 1, 10, .badValue, "out of range"),
        BadDocument(7, "version: \"1\"\ntenant: acme", 1, 10, .badValue, "not a decimal number"),
        BadDocument(8, "version: 01\ntenant: acme", 1, 10, .badValue, "not a decimal number"),
        BadDocument(9, "version: 1", 1, 1, .missingField, "whose it is"),
        BadDocument(10, "version: 1\ntenant: Acme", 2, 9, .badValue, "is not a name"),
        BadDocument(
            11, "version: 1\ntenant: acme\nplatform: true", 3, 11, .contradiction, "a tenant's or the platform's"),
        BadDocument(12, "version: 1\nplatform: false", 2, 11, .badValue, "platform is true"),
        BadDocument(13, "version: 1\nplatform: yes", 2, 11, .badValue, "'yes' is not true or false"),
        BadDocument(head: 14, "rule: []", 3, 1, .unknownField, "unknown field 'rule'"),
        BadDocument(head: 15, "rules: []\nrules: []", 3, 1, .duplicateField, "'rules' stands here twice"),
        BadDocument(head: 16, "rules: {}", 3, 8, .badValue, "is not a list of rules"),
        BadDocument(head: 17, "rules:\n", 3, 7, .badValue, "is not a list of rules"),
        BadDocument(head: 18, "tiers: []", 3, 8, .badValue, "0 tiers"),
        BadDocument(head: 19, "tiers: [a, b, a]", 3, 15, .duplicateName, "two tiers 'a'"),
        BadDocument(head: 20, "groups: [web]", 3, 9, .badValue, "not a map from names"),
    ]

    static let traps: [BadDocument] = [
        BadDocument(21, "version: &v 1\ntenant: acme", 1, 10, .syntax, "anchors"),
        BadDocument(22, "version: 1\ntenant: *t", 2, 9, .syntax, "aliases"),
        BadDocument(23, "a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]", 1, 4, .syntax, "anchors"),
        BadDocument(24, "version: 1\n<<: *base", 2, 5, .syntax, "aliases"),
        BadDocument(25, "version: !!int 1", 1, 10, .syntax, "tags"),
        BadDocument(26, "version: 1\ntenant: !acme acme", 2, 9, .syntax, "tags"),
        BadDocument(27, "version: 1\n\ttenant: acme", 2, 1, .syntax, "tab"),
        BadDocument(28, "version: 1\ntenant:\tacme", 2, 8, .syntax, "tab"),
        BadDocument(29, "version: 1\n---\ntenant: acme", 2, 1, .syntax, "second document"),
        BadDocument(30, "---\nversion: 1\n...\ntenant: acme", 4, 1, .syntax, "after the end"),
        BadDocument(31, "%YAML 1.1\n---\nversion: 1", 1, 1, .syntax, "directives"),
        BadDocument(32, "version: 1\ntenant: |\n  acme", 2, 9, .syntax, "block scalars"),
        BadDocument(33, "version: 1\ntenant: >-\n  acme", 2, 9, .syntax, "block scalars"),
        BadDocument(34, "? version\n: 1", 1, 1, .syntax, "'?'"),
        BadDocument(35, "version: 1\ntenant: \"ac\n  me\"", 2, 9, .syntax, "quotes"),
        BadDocument(36, "version: 1\ntenant: ac\n  me", 3, 3, .syntax, "goes on"),
        BadDocument(37, "version: 1\ntenant: 'acme", 2, 9, .syntax, "quotes"),
        BadDocument(38, "version: 1\ntenant: acme: x", 2, 13, .syntax, "no YAML"),
        BadDocument(39, "version: 1\n  tenant: acme", 2, 3, .syntax, "goes on"),
        BadDocument(40, "version: 1\ntenant: [acme", 3, 1, .syntax, "no YAML"),
        BadDocument(41, "version: 1\ntenant: acme]", 2, 9, .badValue, "is not a name"),
        BadDocument(42, "version: 1\ntenant: \"a\" b", 2, 13, .syntax, "belong"),
        BadDocument(43, "version: 1\ntenant: no", 2, 9, .badValue, "boolean or nothing"),
        BadDocument(44, "version: 1\ntenant: ~", 2, 9, .badValue, "boolean or nothing"),
        BadDocument(45, "version: 1\ntenant: ", 2, 8, .badValue, "nothing stands here"),
        BadDocument(46, "version: 1\n[a]: acme", 2, 1, .syntax, "no name of a field"),
        BadDocument(47, "version: 1\ntenant: @acme", 2, 9, .syntax, "no YAML"),
        BadDocument(48, "version: 1\n# \u{85}\ntenant: acme", 2, 3, .syntax, "U+85"),
        BadDocument(49, "version: 1\ntenant: ac\u{0}me", 2, 11, .syntax, "U+0"),
        BadDocument(50, "\u{feff}version: 1", 1, 1, .syntax, "byte order mark"),
        BadDocument(51, "version: 1\rtenant: acme", 1, 11, .syntax, "U+D"),
        BadDocument(52, "version: 1\ntenant: \u{2028}acme", 2, 9, .syntax, "U+2028"),
        BadDocument(53, "été: 1\nversion: 1\ntenant: é \u{7}", 3, 11, .syntax, "U+7"),
        BadDocument(54, String(repeating: " ", count: 97) + "version: 1", 1, 98, .limit, "further right"),
        BadDocument(55, "a: " + String(repeating: "[", count: 25), 1, 28, .limit, "brackets"),
        BadDocument(56, String(repeating: "- ", count: 60) + "a", 1, 99, .limit, "nested too deep"),
        BadDocument(57, String(repeating: "- ", count: 30) + "a", 1, 51, .limit, "more than 24 lists"),
    ]

    static let groups: [BadDocument] = [
        BadDocument(head: 58, "groups:\n  web: web1", 4, 8, .badValue, "is not a group"),
        BadDocument(head: 59, "groups:\n  web: {}", 4, 8, .missingField, "here are 0"),
        BadDocument(head: 60, "groups:\n  web: {members: [a], label: b=c}", 4, 8, .contradiction, "here are 2"),
        BadDocument(head: 61, "groups:\n  web: {member: [a]}", 4, 9, .unknownField, "unknown field 'member'"),
        BadDocument(head: 62, "groups:\n  web: {members: [a, b, a]}", 4, 25, .duplicateName, "'a' stands here twice"),
        BadDocument(head: 63, "groups:\n  web: {members: [a, 9_x]}", 4, 22, .badValue, "is not a name"),
        BadDocument(head: 64, "groups:\n  web: {label: tier}", 4, 16, .badValue, "is not a label"),
        BadDocument(head: 65, "groups:\n  web: {label: tier in ()}", 4, 16, .badValue, "is not a label"),
        BadDocument(head: 66, "groups:\n  web: {label: \"tier in (a, a)\"}", 4, 16, .badValue, "is not a label"),
        BadDocument(head: 67, "groups:\n  web: {label: \"tier within (a)\"}", 4, 16, .badValue, "is not a label"),
        BadDocument(head: 68, "groups:\n  web: {any: []}", 4, 14, .badValue, "0 groups"),
        BadDocument(head: 69, "groups:\n  web: {any: [wbe]}", 4, 15, .unknownName, "unknown group 'wbe'"),
        BadDocument(head: 70, "groups:\n  a: {any: [b]}\n  b: {not: a}", 4, 3, .cycle, "a → b → a"),
        BadDocument(head: 71, "groups:\n  a: {not: a}", 4, 3, .cycle, "a → a"),
        BadDocument(head: 72, "groups:\n  Web: {label: a=b}", 4, 3, .badValue, "is not a name"),
        BadDocument(
            head: 73, "groups:\n  a: {label: a=b}\n  \"a\": {label: a=b}", 4, 3, .duplicateField, "stands here twice"),
        BadDocument(
            head: 74,
            "groups:\n  a: " + String(repeating: "{not: ", count: 17) + "{label: a=b}"
                + String(repeating: "}", count: 17), 4, 108, .limit,
            "nested"),
        BadDocument(head: 75, "networks:\n  n: [10.0.0.1/8]", 4, 7, .badValue, "did you mean 10.0.0.0/8?"),
        BadDocument(head: 76, "networks:\n  n: [10.0.0.0]", 4, 7, .badValue, "IPv4 prefix"),
        BadDocument(head: 77, "networks:\n  n: [\"fd00::/129\"]", 4, 7, .badValue, "IPv6 prefix"),
        BadDocument(head: 78, "networks:\n  n: []", 4, 6, .badValue, "0 prefixes"),
        BadDocument(head: 79, "networks:\n  n: [10.0.0.0/8, 10.0.0.0/8]", 4, 6, .duplicateName, "twice"),
    ]

    static let rules: [BadDocument] = [
        BadDocument(head: 80, "rules:\n  - web", 4, 5, .badValue, "is not a rule"),
        BadDocument(head: 81, "rules:\n  - {from: any, to: any, verdict: plug}", 4, 5, .missingField, "'name'"),
        BadDocument(rule: 82, "from: any\nverdict: plug", 5, 5, .missingField, "'to'"),
        BadDocument(rule: 83, "from: any\nto: any", 5, 5, .missingField, "'verdict'"),
        BadDocument(rule: 84, "from: group:wbe\nto: any\nverdict: plug", 6, 11, .unknownName, "unknown group 'wbe'"),
        BadDocument(rule: 85, "from: any\nto: network:x\nverdict: plug", 7, 9, .unknownName, "unknown network 'x'"),
        BadDocument(rule: 86, "from: any\nto: groups:web\nverdict: plug", 7, 9, .badValue, "is not an endpoint"),
        BadDocument(rule: 87, "from: any\nto: any\nverdict: allow", 8, 14, .badValue, "'allow' is not a verdict"),
        BadDocument(rule: 88, "from: any\nto: any\nverdict: pass", 8, 14, .contradiction, "only the platform"),
        BadDocument(
            rule: 89, "from: any\nto: any\nverdict: plug\ntier: late", 9, 11, .unknownName, "unknown tier 'late'"),
        BadDocument(rule: 90, "from: any\nto: any\nverdict: plug\npriority: 1001", 9, 15, .badValue, "out of range"),
        BadDocument(rule: 91, "from: any\nto: any\nverdict: plug\npriority: 0x10", 9, 15, .badValue, "decimal"),
        BadDocument(rule: 92, "from: any\nto: any\nverdict: plug\npriority: -1", 9, 15, .badValue, "decimal"),
        BadDocument(rule: 93, "from: any\nto: any\nverdict: plug\nports: tcp/80", 9, 12, .badValue, "list of ports"),
        BadDocument(
            rule: 94, "from: any\nto: any\nverdict: plug\nports: [tcp/80, tcp/65536]", 9, 21, .badValue, "is not a port"
        ),
        BadDocument(rule: 95, "from: any\nto: any\nverdict: plug\nports: [tcp/080]", 9, 13, .badValue, "is not a port"),
        BadDocument(
            rule: 96, "from: any\nto: any\nverdict: plug\nports: [tcp/90-80]", 9, 13, .badValue, "is not a port"),
        BadDocument(
            rule: 97, "from: any\nto: any\nverdict: plug\nports: [icmp/256]", 9, 13, .badValue, "is not a port"),
        BadDocument(rule: 98, "from: any\nto: any\nverdict: plug\nports: [gre/1]", 9, 13, .badValue, "is not a port"),
        BadDocument(
            rule: 99, "from: any\nto: any\nverdict: plug\nports: [tcp/1, tcp/1]", 9, 20, .duplicateName, "twice"),
        BadDocument(
            rule: 100, "from: any\nto: any\nverdict: plug\ndirection: oneway", 9, 16, .badValue, "is not a direction"),
        BadDocument(
            rule: 101, "from: any\nto: any\nverdict: plug\nsecurity: esp", 9, 15, .badValue, "level of security"),
        BadDocument(
            rule: 102, "from: any\nto: any\nverdict: unplug\nsecurity: conf", 9, 15, .contradiction, "protected"),
        BadDocument(rule: 103, "from: any\nto: any\nverdict: plug\nrate: 10 MB/s", 9, 11, .badValue, "is not a rate"),
        BadDocument(
            rule: 104, "from: any\nto: any\nverdict: plug\nrate: 7999 bit/s", 9, 11, .badValue, "is not a rate"),
        BadDocument(
            rule: 105, "from: any\nto: any\nverdict: plug\nburst: 64 KiB", 9, 12, .contradiction, "without a rate"),
        BadDocument(
            rule: 106, "from: any\nto: any\nverdict: reject\nrate: 1 Mbit/s", 9, 11, .contradiction, "have a rate"),
        BadDocument(rule: 107, "from: any\nto: any\nverdict: plug\nvia: scanner", 9, 10, .notSupported, "reserved"),
        BadDocument(rule: 108, "from: any\nto: any\nverdict: plug\nlevels: upward", 8, 14, .contradiction, "'verdict'"),
        BadDocument(
            rule: 109, "from: any\nto: any\nverdict: plug\nlog: on", 9, 10, .badValue, "'on' is not true or false"),
        BadDocument(
            rule: 110, "from: any\nto: any\nverdict: plug\nnot-after: 2026-02-30", 9, 16, .badValue, "is not a moment"),
        BadDocument(
            rule: 111, "from: any\nto: any\nverdict: plug\nnot-before: 2026-02-02\nnot-after: 2026-02-01", 10, 16,
            .contradiction, "before it begins"),
        BadDocument(
            rule: 112, "from: any\nto: any\nverdict: plug\nwhen: {from: \"8:00\", to: \"18:00\", zone: UTC}", 9, 18,
            .badValue,
            "time of day"),
        BadDocument(
            rule: 113, "from: any\nto: any\nverdict: plug\nwhen: {from: \"08:00\", to: \"08:00\", zone: UTC}", 9, 31,
            .contradiction, "is not one"),
        BadDocument(
            rule: 114, "from: any\nto: any\nverdict: plug\nwhen: {from: \"08:00\", to: \"09:00\"}", 9, 11,
            .missingField, "'zone'"),
        BadDocument(
            rule: 115,
            "from: any\nto: any\nverdict: plug\nwhen: {days: [monday], from: \"08:00\", to: \"09:00\", zone: UTC}", 9,
            19,
            .badValue, "day of the week"),
        BadDocument(
            rule: 116, "from: any\nto: any\nverdict: plug\nwhen: {from: \"08:00\", to: \"09:00\", zone: \"+8\"}", 9, 46,
            .badValue,
            "time zone"),
        BadDocument(rule: 117, "from: any\nto: any\nverdict: plug\n- x", 9, 5, .syntax, "no YAML"),
        BadDocument(rule: 118, "from: any\nto: any\nverdit: plug\nverdict: plug", 8, 5, .unknownField, "'verdit'"),
        BadDocument(
            head: 119,
            "rules:\n  - {name: a, from: any, to: any, verdict: plug}\n  - {name: a, from: any, to: any, verdict: plug}",
            5,
            12, .duplicateName, "two rules 'a'"),
        BadDocument(
            120, "version: 1\nplatform: true\nrules:\n  - {name: a, from: any, to: any, verdict: plug}", 4, 44,
            .contradiction,
            "only forbids or passes on"),
        BadDocument(
            121, "version: 1\nplatform: true\nrules:\n  - {name: a, from: web1, to: any, verdict: unplug}", 4, 21,
            .contradiction,
            "none of its own"),
        BadDocument(
            122, "version: 1\nplatform: true\nrules:\n  - {name: a, from: any, to: any, verdict: pass, ports: [tcp/1]}",
            4, 57,
            .contradiction, "takes no ports"),
        BadDocument(
            123, "version: 1\nplatform: true\nrules:\n  - {name: a, levels: downward}", 4, 23, .badValue,
            "no rule of levels"),
        BadDocument(
            head: 124,
            "networks: {n: [10.0.0.0/8]}\nrules:\n  - {name: a, from: network:n, to: network:n, verdict: plug}", 5, 36,
            .contradiction, "both sides are outside"),
    ]

    static let tests: [BadDocument] = [
        BadDocument(head: 125, "tests:\n  - {from: a, to: b, reason: x}", 4, 5, .missingField, "'expect'"),
        BadDocument(
            head: 126, "tests:\n  - {expect: reject, from: a, to: b, reason: x}", 4, 14, .badValue,
            "what a test expects"),
        BadDocument(head: 127, "tests:\n  - {expect: plug, from: a, to: b}", 4, 5, .missingField, "'reason'"),
        BadDocument(
            head: 128, "tests:\n  - {expect: plug, from: a, to: \"A b\", reason: x}", 4, 33, .badValue, "neither"),
        BadDocument(
            head: 129, "tests:\n  - {expect: plug, from: a, to: b, port: tcp/1-2, reason: x}", 4, 42, .badValue,
            "more than one"),
        BadDocument(
            head: 130, "tests:\n  - {expect: plug, from: 192.0.2.1, to: 192.0.2.2, reason: x}", 4, 5, .contradiction,
            "both ends"),
        BadDocument(
            head: 131, "tests:\n  - {expect: plug, from: {name: a, level: 256}, to: b, reason: x}", 4, 43, .badValue,
            "out of range"),
        BadDocument(
            head: 132, "tests:\n  - {expect: plug, from: {name: a, labels: [x]}, to: b, reason: x}", 4, 45, .badValue,
            "label"),
        BadDocument(head: 133, "tests:\n  - {expect: plug, from: a, to: b, reason: yes}", 4, 44, .badValue, "boolean"),
    ]

    @Test("Each is refused where and as it should be", arguments: form + traps + groups + rules + tests)
    func refused(bad: BadDocument) {
        do {
            _ = try PolicyYAML.read(bad.text)
            Issue.record("taken: \(bad.text)")
        } catch {
            let finding = error.findings[0]
            #expect(finding.place == bad.place, "\(finding)")
            #expect(finding.code == bad.code, "\(finding)")
            #expect(finding.problem.contains(bad.words), "\(finding)")
            #expect(!finding.remedy.isEmpty && finding.severity == .error)
        }
    }

    @Test("What is no UTF-8 is refused at its byte")
    func encoding() {
        let texts: [([UInt8], Int)] = [
            (Array("version: 1\n# ".utf8) + [0xff], 3), (Array("version: 1\n# é".utf8) + [0xc3], 4),
            (Array("version: 1\n".utf8) + [0xc0, 0xaf], 1), (Array("version: 1\n# ".utf8) + [0xed, 0xa0, 0x80], 3),
        ]
        for (text, column) in texts {
            do {
                _ = try PolicyYAML.read(text)
                Issue.record("taken")
            } catch {
                #expect(error.findings[0].place == Place(line: 2, column: column), "\(error)")
                #expect(error.findings[0].problem.contains("UTF-8"))
            }
        }
    }

    @Test("Several things that are wrong are found at once, in the order of the text")
    func several() {
        let text = "version: 1\ntenant: acme\nrules:\n  - {name: A, from: any, to: any, verdict: plg}\n  - {nme: b}\n"
        do {
            _ = try PolicyYAML.read(text)
            Issue.record("taken")
        } catch {
            #expect(error.findings.map(\.place.line) == [4, 4, 5, 5, 5, 5, 5])
            #expect(error.findings == error.findings.sorted { $0.place < $1.place })
            #expect(error.findings[1].remedy == "did you mean 'plug'?")
        }
    }

    @Test("A name that is near is suggested; one that is not near is not")
    func suggestions() {
        for (wrong, remedy) in [
            ("wbe", "did you mean 'web'?"), ("webs", "did you mean 'web'?"), ("zzzz", "define it under groups"),
        ] {
            let text =
                "version: 1\ntenant: acme\ngroups: {web: {label: a=b}, db: {label: a=c}}\nrules:\n  - {name: r, from: \"group:\(wrong)\", to: any, verdict: plug}"
            do {
                _ = try PolicyYAML.read(text)
                Issue.record("taken")
            } catch {
                #expect(error.findings[0].remedy == remedy)
                #expect(error.findings[0].text == "group:\(wrong)")
            }
        }
    }

    @Test(
        "Random damage to a document never ends the program, and never gives a document that is not its own canonical form"
    )
    func damage() throws {
        var random = SeededGenerator(seed: 0x5eed_bad)
        let text = Array(try Example.text().utf8)
        for _ in 0..<1_500 {
            var broken = text
            for _ in 0...random.below(3) {
                switch random.below(3) {
                case 0: broken[random.below(broken.count)] = UInt8(random.below(256))
                case 1: broken.remove(at: random.below(broken.count))
                default:
                    broken.insert(random.pick(Array("&*!|>[]{}:-,#'\"\\\n \t%@?".utf8)), at: random.below(broken.count))
                }
            }
            do {
                let document = try PolicyYAML.read(broken).document
                #expect((try? Document(canonicalBytes: document.canonicalBytes)) == document)
            } catch {
                #expect(!error.findings.isEmpty && error.findings[0].place.line > 0)
            }
        }
    }

    @Test("The guard and the parser take texts apart in the same way: no anchor, alias or tag gets past the guard")
    func sameTokens() {
        let seed: UInt64 = 0x5eed_a11a
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "a", "b: ", "- ", "&x ", "*x", "!t ", "\"", "'", "[", "]", "{", "}", ", ", ",", ": ", ":", "\n", "\n  ",
            "\n    ", "# ",
            "#", " ", "? ", "|", ">", "\\", "''", "---", "\n---\n", "%", "@", "-", "\na: ", "\n- ", "é", "\r\n",
        ]
        var taken = 0
        for number in 0..<80_000 {
            let text = (0..<random.below(14) + 2).map { _ in random.pick(pieces) }.joined()
            do {
                _ = try PolicyYAML.read(text)
            } catch {
                let problem = error.findings[0].problem
                if problem.hasPrefix("an anchor stands")
                    || problem.contains("alias") && !problem.hasPrefix("aliases are")
                {
                    Issue.record("seed \(seed) text \(number): \(problem): \(text.debugDescription)")
                }
                if error.findings[0].code != .syntax { taken += 1 }
            }
        }
        // As many as this get as far as the reader of documents.
        #expect(taken > 1_000)
    }
}
