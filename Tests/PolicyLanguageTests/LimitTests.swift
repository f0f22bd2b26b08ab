import NetTypes
import PolicyLanguage
import PolicyYAML
import Testing

@Suite("Limits of documents: taken at the limit, refused one above")
struct LimitTests {
    static func isTaken(_ text: String) -> Bool { (try? PolicyYAML.read(text)) != nil }
    static func refusal(_ text: String) -> Finding? {
        do {
            _ = try PolicyYAML.read(text)
            return nil
        } catch {
            return error.findings.first
        }
    }

    static let head = "version: 1\ntenant: acme\n"
    static func list(_ count: Int, _ element: (Int) -> String) -> String {
        (0..<count).map(element).joined(separator: ", ")
    }

    /// What is limited, the limit, and a document of so many.
    static let counts: [(what: String, limit: Int, text: @Sendable (Int) -> String)] = [
        ("tiers", PolicyLimits.tiers, { head + "tiers: [\(list($0) { "t\($0)" })]" }),
        (
            "operands", PolicyLimits.operands,
            { head + "groups: {a: {label: a=b}, g: {any: [\(list($0) { _ in "a" })]}}" }
        ),
        (
            "ports", PolicyLimits.ports,
            { head + "rules:\n  - {name: r, from: any, to: any, verdict: plug, ports: [\(list($0) { "tcp/\($0)" })]}" }
        ),
        (
            "windows", PolicyLimits.windows,
            {
                head
                    + "rules:\n  - {name: r, from: any, to: any, verdict: plug, when: [\(list($0) { _ in "{from: \"01:00\", to: \"02:00\", zone: UTC}" })]}"
            }
        ),
        (
            "prefixes", PolicyLimits.prefixes,
            { head + "networks: {n: [\(list($0) { "10.\($0 / 256).\($0 % 256).0/24" })]}" }
        ),
        (
            "networks", PolicyLimits.networks,
            { head + "networks:\n" + (0..<$0).map { "  n\($0): [10.0.0.0/8]\n" }.joined() }
        ),
        (
            "tests", PolicyLimits.tests,
            { head + "tests:\n" + String(repeating: "  - {expect: unplug, from: a, to: b, reason: r}\n", count: $0) }
        ),
        (
            "depth", PolicyLimits.groupDepth,
            {
                head + "groups: {a: {label: a=b}, g: " + String(repeating: "{not: ", count: $0) + "a"
                    + String(repeating: "}", count: $0 + 1)
            }
        ),
        (
            "depth through names", PolicyLimits.groupDepth,
            { head + "groups:\n  g0: {label: a=b}\n" + (1...$0).map { "  g\($0): {not: g\($0 - 1)}\n" }.joined() }
        ),
        (
            "depth through names, backwards", PolicyLimits.groupDepth,
            { count in
                head + "groups:\n  z: {label: a=b}\n"
                    + (1...count).map { "  g\(100 + $0): {not: \($0 == count ? "z" : "g\(101 + $0)")}\n" }.joined()
            }
        ),
        ("indentation", PolicyLimits.indentation, { head + "tiers:\n" + String(repeating: " ", count: $0) + "- a" }),
        (
            "reason", PolicyLimits.reasonBytes,
            { head + "tests:\n  - {expect: unplug, from: a, to: b, reason: \(String(repeating: "r", count: $0))}" }
        ),
    ]

    @Test("1: counts", arguments: 0..<counts.count)
    func countsRow(index: Int) {
        let (what, limit, text) = Self.counts[index]
        #expect(Self.isTaken(text(limit)), "\(what): \(String(describing: Self.refusal(text(limit))))")
        #expect(!Self.isTaken(text(limit + 1)), "\(what)")
    }

    @Test("2: bytes of documents, lines and scalars; nothing of it is copied about")
    func bytes() {
        let comment = Self.head + "# " + String(repeating: "x", count: PolicyLimits.lineBytes - 2)
        #expect(Self.isTaken(comment))
        #expect(Self.refusal(comment + "x")?.code == .limit)
        let filler = String(repeating: String(repeating: "#", count: 65_000) + "\n", count: 130)
        let whole = Self.head + String(filler.prefix(PolicyLimits.documentBytes - Self.head.utf8.count))
        #expect(Self.isTaken(whole))
        #expect(Self.refusal(whole + "#")?.problem.contains("more than the 8388608") == true)
        let scalar = Self.refusal(
            Self.head
                + "tests:\n  - {expect: plug, from: a, to: b, reason: \"\(String(repeating: "r", count: 1_025))\"}")
        #expect(scalar?.code == .limit && scalar?.text.count == 80)
    }

    @Test("3: values, whatever they are")
    func values() {
        let many = Self.head + "x:\n" + String(repeating: "- [a,a,a,a,a,a,a,a]\n", count: PolicyLimits.values / 9 + 1)
        #expect(Self.refusal(many)?.code == .limit)
    }

    @Test("4: an alias bomb, a cycle of anchors and deep brackets cost nothing")
    func bombs() {
        let bomb =
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + (1...26).map { "\(Unicode.Scalar(UInt8(97 + $0 % 26))): &b\($0) [*a,*a,*a,*a,*a,*a]\n" }.joined()
        #expect(Self.refusal(bomb)?.problem == "anchors are not taken")
        #expect(Self.refusal("? {? {? &x a : b} : c}\n: d")?.code == .syntax)
        #expect(Self.refusal(String(repeating: "{a: ", count: 100_000))?.code == .limit)
        #expect(Self.refusal(String(repeating: "[", count: 60_000))?.code == .limit)
        #expect(Self.refusal(String(repeating: "a:\n ", count: 60_000)) != nil)
        #expect(Self.refusal((0..<2_000).map { String(repeating: " ", count: $0) + "a:\n" }.joined())?.code == .limit)
    }

    @Test("5: rules and groups of a document made by a program")
    func model() throws {
        let rules = try (0...PolicyLimits.rules).map {
            Rule(name: try name("r\($0)"), from: .any, to: .any, verdict: .plug)
        }
        _ = try Document(scope: .tenant(name("acme")), rules: Array(rules.dropLast()))
        #expect(throws: DocumentRefusal.self) { try Document(scope: .tenant(name("acme")), rules: rules) }
        let groups = try (0...PolicyLimits.groups).map { PolicyGroup(name: try name("g\($0)"), .members([])) }
        _ = try Document(scope: .tenant(name("acme")), groups: Array(groups.dropLast()))
        #expect(throws: DocumentRefusal.self) { try Document(scope: .tenant(name("acme")), groups: groups) }
    }
}
