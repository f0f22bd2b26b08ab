import NetTypes
import PolicyImport
import PolicyLanguage
import Testing

/// Text from outside that means harm, or is too much.
@Suite struct HostileTextTests {
    private func refusal(_ text: [UInt8]) -> ImportError? {
        do {
            _ = try PolicyImport.kubernetes(
                [ImportSource(name: "h.yaml", text: text)],
                options: KubernetesOptions(tenant: try Name(parsing: "acme")))
            return nil
        } catch {
            return error as? ImportError
        }
    }

    private func refusal(_ text: String) -> ImportError? { refusal(Array(text.utf8)) }

    @Test(arguments: [
        ("a: &x 1\nb: *x\n", 1, "anchors"),
        ("a: [*x]\n", 1, "aliases"),
        ("a: !!binary xx\n", 1, "tags"),
        ("? a\n: b\n", 1, "keys after"),
        ("%YAML 1.1\n---\na: b\n", 1, "directives"),
        ("a:\tb\n", 1, "tab"),
        ("--- a: b\n", 1, "after the mark"),
        ("a: b\n c: d\n", 2, "goes on"),
        ("a: text\n  'still text\nb: &x 1\n  '\n", 2, "goes on"),
        ("a: \"text\nb: *x\n", 3, "quotes"),
        ("a: [b\n", 2, "brackets"),
        ("a: ]\n", 1, "not opened"),
        ("a: |2\n   x\n", 1, "head of a block scalar"),
        ("a: [|\n  b]\n", 1, "between brackets"),
        ("a: |\n  text\n*x\n", 3, "aliases"),
        ("- |\n text\n-  &x b\n", 3, "anchors"),
        ("a: b # c\n  d: *x\n", 2, "goes on"),
        ("a: b\u{85}c: d\n", 1, "control character"),
        ("\u{feff}a: b\n", 1, "control character"),
        ("a: b: c\n", 1, "no YAML"),
        ("apiVersion: v1\nkind: X\nkind: Y\n", 1, "twice"),
        ("hello\n", 1, "is not a Kubernetes object"),
    ]) func refused(_ text: String, _ line: Int, _ problem: String) throws {
        let error = try #require(refusal(text), "\(text) was taken")
        #expect(error.finding.problem.contains(problem), "\(error)")
        #expect(error.finding.place.line == line || problem == "no YAML" || problem == "twice", "\(error)")
        #expect(!error.finding.remedy.isEmpty)
    }

    @Test func aliasBomb() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<40 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
        }
        #expect(refusal(text)?.finding.problem.contains("anchors") == true)
    }

    @Test func nesting() throws {
        #expect(refusal(String(repeating: "[", count: 100_000 / 2))?.finding.code == .limit)
        #expect(refusal(String(repeating: "- ", count: 30_000))?.finding.code == .limit)
        let deep = (0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(refusal(deep)?.finding.code == .limit)
        let brackets = { (depth: Int) in
            "apiVersion: v1\nkind: X\na: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        // The map around them is one level.
        #expect(refusal(brackets(PolicyLimits.textDepth - 1)) == nil)
        #expect(refusal(brackets(PolicyLimits.textDepth + 1))?.finding.code == .limit)
    }

    @Test func sizes() throws {
        let head = Array("# ".utf8)
        let line = head + Array(repeating: UInt8(ascii: "x"), count: PolicyLimits.lineBytes - head.count)
        #expect(refusal(line) == nil)
        #expect(refusal(line + [UInt8(ascii: "x")])?.finding.code == .limit)
        let lines = Array(repeating: UInt8(ascii: "\n"), count: PolicyLimits.documentBytes)
        #expect(refusal(lines) == nil)
        #expect(refusal(lines + [UInt8(ascii: "\n")])?.finding.code == .limit)
        let values = "a: [" + String(repeating: "1,\n", count: PolicyLimits.values) + "]\n"
        #expect(refusal(values)?.finding.code == .limit)
    }

    @Test func notUTF8() throws {
        #expect(refusal([0x61, 0x3a, 0x20, 0xff, 0x0a])?.finding.problem.contains("UTF-8") == true)
    }

    /// Random lines of hostile pieces: the parser never meets an anchor, an alias or a tag, whatever else it says.
    @Test func whatIsTakenHasNothingToExpand() throws {
        var random = Seeded(4_711)
        let pieces = [
            "a:", "b: ", "- ", "  ", "    ", "\n", "\n", "\n", "*x", "&x ", "|", ">", "|-", "'", "\"", "[", "]", "{",
            "}",
            ",", ": ", "# c", " # c", "---", "...", "text", "a b", "?", "!t", "\\", "%",
        ]
        var (taken, broken) = (0, 0)
        for number in 0..<100_000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...24, using: &random) { text += random.pick(pieces) }
            guard let problem = refusal(text)?.finding.problem else {
                taken += 1
                continue
            }
            // What a parser says that met one: of the two, one is ours and one Yams'.
            let isThrough = problem.contains("an anchor stands here") || problem.contains("undefined alias")
            #expect(!isThrough, "case \(number): \(text.debugDescription): \(problem)")
            if problem.contains("Kubernetes object") { taken += 1 }
            if problem.contains("no YAML") { broken += 1 }
        }
        #expect(taken > 1_000 && broken > 1_000, "\(taken) taken and \(broken) broken of 100,000 show nothing")
    }
}
