import NetTypes

/// What a document must be as a whole: names resolve, nothing contradicts itself, all is within the limits.
struct DocumentValidator {
    let document: Document
    let places: DocumentPlaces
    private(set) var findings: [Finding] = []

    init(document: Document, places: DocumentPlaces) {
        self.document = document
        self.places = places
    }

    private mutating func report(_ code: Finding.Code, _ path: DocumentPath, _ problem: String, _ remedy: String) {
        guard findings.count < PolicyLimits.findings else { return }
        findings.append(places.finding(code, .error, path, problem, remedy: remedy))
    }

    mutating func run() {
        count(document.tiers.count, PolicyLimits.tiers, "tiers", .tiers)
        count(document.groups.count, PolicyLimits.groups, "groups", .groups)
        count(document.networks.count, PolicyLimits.networks, "networks", .networks)
        count(document.rules.count, PolicyLimits.rules, "rules", .rules)
        count(document.tests.count, PolicyLimits.tests, "tests", .tests)
        guard findings.isEmpty else { return }
        unique(document.tiers, "tier", .tiers)
        if document.tiers == [Document.patches] {
            report(
                .contradiction, DocumentPath(.tiers), "no rule can be in the only tier '\(Document.patches)'",
                "name a tier for the rules")
        }
        unique(document.groups.map(\.name), "group", .groups)
        unique(document.networks.map(\.name), "network", .networks)
        unique(document.rules.map(\.name), "rule", .rules)
        groups()
        networks()
        let tiers = Set(document.tiers)
        let groups = Set(document.groups.map(\.name))
        let networks = Set(document.networks.map(\.name))
        for (index, rule) in document.rules.enumerated() {
            peer(rule.from, DocumentPath(.rules, index, "from"), groups, networks)
            peer(rule.to, DocumentPath(.rules, index, "to"), groups, networks)
            if let tier = rule.tier { self.tier(tier, DocumentPath(.rules, index, "tier"), tiers) }
            if rule.name.isOfEntry {
                report(
                    .contradiction, DocumentPath(.rules, index, "name"),
                    "'\(rule.name)' is the name of an entry that plug and unplug have written", "choose another name")
            }
            self.rule(rule, index)
        }
        for (index, test) in document.tests.enumerated() {
            if case .outside = test.from, case .outside = test.to {
                report(
                    .contradiction, DocumentPath(.tests, index), "both ends of this flow are outside",
                    "name an endpoint at one end")
            }
            if [test.from, test.to].contains(where: \.isMisdescribed) {
                report(
                    .contradiction, DocumentPath(.tests, index), "an address is described as an endpoint",
                    "write the address alone")
            }
            if document.scope == .platform, [test.from, test.to].contains(where: \.isNamed) {
                report(
                    .contradiction, DocumentPath(.tests, index), "the platform has no endpoints of its own",
                    "describe the endpoint by its labels and level")
            }
            if test.reason.utf8.count > PolicyLimits.reasonBytes || test.reason.isEmpty
                || test.reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            {
                report(
                    .badValue, DocumentPath(.tests, index, "reason"),
                    "a reason is 1 to \(PolicyLimits.reasonBytes) bytes without control codes", "write one sentence")
            }
        }
    }

    private mutating func count(_ count: Int, _ most: Int, _ what: String, _ section: DocumentPath.Section) {
        guard count > most else { return }
        report(.limit, DocumentPath(section), "\(count) \(what) are more than the \(most) of a document", "use fewer")
    }

    private mutating func unique(_ names: [Name], _ what: String, _ section: DocumentPath.Section) {
        var seen = Set<Name>()
        for (index, name) in names.enumerated() where !seen.insert(name).inserted {
            report(
                .duplicateName, DocumentPath(section, index, "name"), "there are two \(what)s '\(name)'",
                "rename one of them")
        }
    }

    // MARK: Names

    private mutating func tier(_ name: Name, _ path: DocumentPath, _ tiers: Set<Name>) {
        if document.scope == .platform {
            report(.contradiction, path, "the platform has one tier, before all others", "leave the tier out")
        } else if name == Document.patches {
            report(
                .contradiction, path, "the tier '\(name)' is that of the entries which plug and unplug write",
                "choose another tier")
        } else if !tiers.contains(name) {
            report(
                .unknownName, path, "unknown tier '\(name)'",
                Suggestion.remedy(
                    for: name.text, among: document.tiers.map(\.text), otherwise: "add it to the tiers of the document")
            )
        }
    }

    private mutating func peer(_ peer: Peer, _ path: DocumentPath, _ groups: Set<Name>, _ networks: Set<Name>) {
        switch peer {
        case .any, .everything: break
        case .endpoint(let name):
            guard document.scope == .platform else { break }
            report(
                .contradiction, path, "'\(name)' is an endpoint, and the platform has none of its own",
                Suggestion.remedy(
                    for: "group:\(name)", among: document.groups.map { "group:\($0.name)" },
                    otherwise: "use a group by labels, any or everything"))
        case .group(let name):
            if !groups.contains(name) { unknownGroup(name, path) }
        case .network(let name):
            guard !networks.contains(name) else { break }
            report(
                .unknownName, path, "unknown network '\(name)'",
                Suggestion.remedy(
                    for: name.text, among: document.networks.map(\.name.text), otherwise: "define it under networks"))
        }
    }

    private mutating func unknownGroup(_ name: Name, _ path: DocumentPath) {
        report(
            .unknownName, path, "unknown group '\(name)'",
            Suggestion.remedy(
                for: name.text, among: document.groups.lazy.map(\.name.text), otherwise: "define it under groups"))
    }

    // MARK: Groups

    private mutating func groups() {
        let indexes = Dictionary(document.groups.enumerated().map { ($1.name, $0) }) { first, _ in first }
        var depths: [Int?] = Array(repeating: nil, count: document.groups.count)
        for (index, group) in document.groups.enumerated() {
            for (number, name) in group.definition.references.enumerated() where indexes[name] == nil {
                unknownGroup(name, DocumentPath(.groups, index, "group", number))
            }
            var path: [Int] = []
            measure(index, indexes, &depths, &path)
            if document.scope == .platform, group.definition.namesMembers {
                report(
                    .contradiction, DocumentPath(.groups, index),
                    "group '\(group.name)' names endpoints, and the platform has none",
                    "select by labels")
            }
        }
    }

    /// The depth of a group's operations, through the groups that it names; reports a cycle once and a depth that is
    /// too much once, and counts both as 0 from there on.
    private mutating func measure(_ index: Int, _ indexes: [Name: Int], _ depths: inout [Int?], _ path: inout [Int]) {
        guard depths[index] == nil else { return }
        // The path is as deep as what is still being measured; a cycle or too deep a nesting ends it.
        if let start = path.firstIndex(of: index) {
            let names = path[start...].map { document.groups[$0].name.text } + [document.groups[index].name.text]
            report(
                .cycle, DocumentPath(.groups, index),
                "groups are defined by each other: \(names.joined(separator: " → "))",
                "take one of them out of the circle")
            depths[index] = 0
            return
        }
        guard path.count <= PolicyLimits.groupDepth else {
            depths[index] = PolicyLimits.groupDepth + 1
            return
        }
        path.append(index)
        for name in document.groups[index].definition.references {
            if let other = indexes[name] { measure(other, indexes, &depths, &path) }
        }
        path.removeLast()
        guard depths[index] == nil else { return }
        let depth = document.groups[index].definition.depth { name in
            indexes[name].flatMap { depths[$0] } ?? 0
        }
        depths[index] = depth
        if depth > PolicyLimits.groupDepth {
            report(
                .limit, DocumentPath(.groups, index),
                "group '\(document.groups[index].name)' nests more than \(PolicyLimits.groupDepth) set operations",
                "write it with fewer")
            depths[index] = 0
        }
    }

    private mutating func networks() {
        for (index, network) in document.networks.enumerated() {
            let count = network.ipv4.count + network.ipv6.count
            if count > PolicyLimits.prefixes || count == 0 {
                report(
                    .limit, DocumentPath(.networks, index), "network '\(network.name)' has \(count) prefixes",
                    "give it 1 to \(PolicyLimits.prefixes)")
            }
        }
    }

    // MARK: Rules

    private mutating func rule(_ rule: Rule, _ index: Int) {
        func path(_ field: String) -> DocumentPath { DocumentPath(.rules, index, field) }
        if !(0...PolicyLimits.priority).contains(rule.priority) {
            report(
                .badValue, path("priority"), "priority \(rule.priority) is out of range",
                "use 0 to \(PolicyLimits.priority)")
        }
        if rule.ports.count > PolicyLimits.ports {
            report(
                .limit, path("ports"), "\(rule.ports.count) ports are too many",
                "use at most \(PolicyLimits.ports), or ranges")
        }
        if let port = rule.ports.first(where: { (try? PortMatch(parsing: $0.description)) != $0 }) {
            report(.badValue, path("ports"), "\(port) is not one type, or one code", "write it as several")
        }
        if rule.windows.count > PolicyLimits.windows {
            report(
                .limit, path("when"), "\(rule.windows.count) windows are too many",
                "use at most \(PolicyLimits.windows)")
        }
        if rule.verdict != .plug, rule.security != .none {
            report(
                .contradiction, path("security"),
                "no wire of a rule that says \(rule.verdict.rawValue) could be protected",
                "leave the security out, or plug")
        }
        if rule.verdict != .plug, rule.rate != nil {
            report(
                .contradiction, path("rate"), "no wire of a rule that says \(rule.verdict.rawValue) could have a rate",
                "leave the rate out, or plug")
        }
        if let notBefore = rule.notBefore, let notAfter = rule.notAfter, notBefore >= notAfter {
            report(
                .contradiction, path("not-after"), "the rule ends at \(notAfter), before it begins",
                "write a later moment")
        }
        if case .network = rule.from, case .network = rule.to {
            report(
                .contradiction, path("to"), "both sides are outside, where there are no wires",
                "name endpoints on one side")
        }
        switch document.scope {
        case .platform:
            if rule.verdict == .plug {
                report(
                    .contradiction, path("verdict"),
                    "the platform only forbids or passes on; what it passes on, tenants decide",
                    "write unplug, reject or pass")
            }
            if rule.verdict == .pass, !rule.ports.isEmpty {
                report(.contradiction, path("ports"), "a pass rule takes no ports", "leave the ports out")
            }
            if rule.isLevelGuardrail, !rule.verdict.forbids || !rule.ports.isEmpty || rule.direction != .oneWay {
                report(
                    .contradiction, path("levels"), "a rule of levels forbids, one way, whatever is carried",
                    "write no verdict, ports and direction")
            }
        case .tenant:
            if rule.verdict == .pass {
                report(.contradiction, path("verdict"), "only the platform passes on", "write plug, unplug or reject")
            }
            if rule.isLevelGuardrail {
                report(.contradiction, path("levels"), "only the platform has rules of levels", "leave it out")
            }
        }
    }
}

extension DocumentTest.End {
    var isNamed: Bool { if case .endpoint = self { true } else { false } }

    var isMisdescribed: Bool {
        guard case .described(let party) = self, case .outside = party.kind else { return false }
        return true
    }
}

extension GroupDefinition {
    /// Whether a list of members stands in it.
    var namesMembers: Bool {
        switch self {
        case .members: true
        case .label, .group: false
        case .any(let operands), .all(let operands): operands.contains(where: \.namesMembers)
        case .not(let operand): operand.namesMembers
        }
    }

    /// How many set operations stand inside one another, where those of named groups are known.
    func depth(of group: (Name) -> Int) -> Int {
        switch self {
        case .members, .label: 0
        case .group(let name): group(name)
        case .any(let operands), .all(let operands): 1 + (operands.map { $0.depth(of: group) }.max() ?? 0)
        case .not(let operand): 1 + operand.depth(of: group)
        }
    }
}
