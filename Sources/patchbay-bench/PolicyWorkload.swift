import NetTypes
import PolicyLanguage
import PolicyYAML

/// A document of 10,000 rules over 100,000 endpoints, drawn from a seed: the same text in every run.
///
/// A thousand groups: 500 by a label, 400 by members (one endpoint in ten is in one of them), 100 by operations on
/// others. Of the rules' sides nine in ten are groups, the rest named endpoints, and one in a hundred is `any`. Seven
/// rules in ten have ports, seven plug, three of those protected; they stand in three tiers and ten priorities.
struct PolicyWorkload {
    static let rules = 10_000
    static let endpoints = 100_000

    /// The document as people write it.
    let text: String
    /// The same, read.
    let source: SourcedDocument
    /// The same in the form that is signed.
    let canonicalBytes: [UInt8]
    /// The same without its rules.
    let groupsAlone: Document
    /// The tenant's endpoints.
    let parties: [Party]

    /// When everything is asked.
    static let moment = Timestamp(1_795_000_000)

    init() throws {
        text = Self.makeText()
        source = try PolicyYAML.read(text)
        let document = source.document
        canonicalBytes = document.canonicalBytes
        groupsAlone = try Document(
            scope: document.scope, tiers: document.tiers, groups: document.groups, networks: document.networks)
        let environments = [try PolicyLabel(parsing: "env=prod"), try PolicyLabel(parsing: "env=test")]
        let apps = try (0..<Self.labelGroups).map { try PolicyLabel(parsing: "app=a\($0)") }
        parties = try (0..<Self.endpoints).map { number in
            .endpoint(
                try Name(parsing: "e\(number)"), labels: [apps[number % apps.count], environments[number % 2]])
        }
    }

    /// The document with some of its rules or groups changed.
    func changed(_ change: (inout [Rule], inout [PolicyGroup]) throws -> Void) throws -> Document {
        let document = source.document
        var (rules, groups) = (document.rules, document.groups)
        try change(&rules, &groups)
        return try Document(
            scope: document.scope, tiers: document.tiers, groups: groups, networks: document.networks, rules: rules)
    }

    // MARK: The text

    private static let labelGroups = 500
    private static let memberGroups = 400
    private static let operationGroups = 100

    private static func makeText() -> String {
        var random = SeededGenerator(seed: 42)
        func draw(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
        var text = "version: 1\ntenant: acme\ntiers: [a, b, c]\ngroups:\n"
        var members = [[Int]](repeating: [], count: memberGroups)
        for group in members.indices { members[group].append(draw(endpoints)) }
        for endpoint in stride(from: 0, to: endpoints, by: 10) { members[draw(memberGroups)].append(endpoint) }
        for group in 0..<labelGroups { text += "  g\(group): {label: app=a\(group)}\n" }
        for (group, numbers) in members.enumerated() {
            text += "  g\(labelGroups + group):\n    members:\n"
            for number in Set(numbers).sorted() { text += "      - e\(number)\n" }
        }
        let simple = labelGroups + memberGroups
        for group in simple..<simple + operationGroups {
            let (one, other, named) = (draw(labelGroups), draw(labelGroups), labelGroups + draw(memberGroups))
            text += "  g\(group): {any: [g\(one), {all: [g\(other), {label: env=prod}]}, g\(named)]}\n"
        }
        func side() -> String {
            let kind = draw(100)
            return kind < 90
                ? "group:g\(draw(simple + operationGroups))" : kind < 99 ? "e\(draw(endpoints))" : "any"
        }
        text += "rules:\n"
        for rule in 0..<rules {
            let (tier, priority, from, to, kind) = (["a", "b", "c"][draw(3)], draw(10) * 100, side(), side(), draw(10))
            text += "  - name: rule-\(rule)\n    tier: \(tier)\n    priority: \(priority)\n"
            text += "    from: \(from)\n    to: \(to)\n"
            text += "    verdict: \(kind < 7 ? "plug" : kind < 9 ? "unplug" : "reject")\n"
            if draw(10) < 7 {
                text += "    ports: [tcp/\(draw(65_536)), udp/\(draw(1_000))-\(2_000 + draw(1_000))]\n"
            }
            if kind < 3 { text += "    security: conf\n" }
        }
        return text
    }
}
