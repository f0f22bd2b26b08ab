public import NetTypes
public import PolicyLanguage

/// Comments that stand in the text of a document.
public struct DocumentComments: Hashable, Sendable {
    /// Lines at the beginning.
    public var head: [String]
    /// Lines above groups.
    public var groups: [Name: [String]]
    /// Lines above networks.
    public var networks: [Name: [String]]
    /// Lines above rules.
    public var rules: [Name: [String]]

    /// Makes comments.
    public init(
        head: [String] = [], groups: [Name: [String]] = [:], networks: [Name: [String]] = [:],
        rules: [Name: [String]] = [:]
    ) {
        self.head = head
        self.groups = groups
        self.networks = networks
        self.rules = rules
    }
}

/// Writes documents as people write them: YAML that reads as the same document. A field that is as it would be without
/// is left out, except for the version.
public enum DocumentText {
    /// Writes a document.
    public static func write(_ document: Document, comments: DocumentComments = DocumentComments()) -> String {
        var writer = Writer()
        writer.comment(comments.head, indent: 0)
        writer.line("version: \(PolicyLimits.version)")
        switch document.scope {
        case .tenant(let name): writer.line("tenant: \(scalar(name.text))")
        case .platform: writer.line("platform: true")
        }
        if document.isDryRun { writer.line("dry-run: true") }
        if document.tiers != Document.defaultTiers { writer.list("tiers: ", document.tiers.map(\.text), indent: 0) }
        if !document.groups.isEmpty {
            writer.section("groups:")
            for group in document.groups {
                writer.comment(comments.groups[group.name] ?? [], indent: 2)
                writer.definition(group.definition, lead: "  \(scalar(group.name.text)):", indent: 2)
            }
        }
        if !document.networks.isEmpty {
            writer.section("networks:")
            for network in document.networks {
                writer.comment(comments.networks[network.name] ?? [], indent: 2)
                writer.list(
                    "  \(scalar(network.name.text)): ",
                    network.ipv4.map(\.description) + network.ipv6.map(\.description),
                    indent: 2)
            }
        }
        if !document.rules.isEmpty {
            writer.section("rules:")
            for (index, rule) in document.rules.enumerated() {
                if index > 0 { writer.line("") }
                writer.comment(comments.rules[rule.name] ?? [], indent: 2)
                writer.fields(fields(rule))
            }
        }
        if !document.tests.isEmpty {
            writer.section("tests:")
            for test in document.tests { writer.fields(fields(test)) }
        }
        return writer.text
    }

    // MARK: Rules and tests

    private static func fields(_ rule: Rule) -> [(String, String)] {
        var fields = [("name", scalar(rule.name.text))]
        if let tier = rule.tier { fields.append(("tier", scalar(tier.text))) }
        if rule.priority != PolicyLimits.defaultPriority { fields.append(("priority", String(rule.priority))) }
        fields += [("from", scalar(rule.from.description)), ("to", scalar(rule.to.description))]
        if rule.isLevelGuardrail {
            fields.append(("levels", "upward"))
        } else {
            fields.append(("verdict", rule.verdict.rawValue))
            if !rule.ports.isEmpty { fields.append(("ports", flow(rule.ports.map(\.description)))) }
            if rule.direction != .twoWay { fields.append(("direction", rule.direction.rawValue)) }
            if rule.security != .none { fields.append(("security", rule.security.rawValue)) }
            if let rate = rule.rate {
                fields.append(("rate", RateLimit.text(bitsPerSecond: rate.bitsPerSecond)))
                if let burst = rate.burstBytes { fields.append(("burst", RateLimit.text(burstBytes: burst))) }
            }
        }
        if !rule.windows.isEmpty {
            fields.append(("when", "[" + rule.windows.map(window).joined(separator: ", ") + "]"))
        }
        if let moment = rule.notBefore { fields.append(("not-before", scalar(moment.description))) }
        if let moment = rule.notAfter { fields.append(("not-after", scalar(moment.description))) }
        if rule.isLogged { fields.append(("log", "true")) }
        if rule.isDryRun { fields.append(("dry-run", "true")) }
        return fields
    }

    private static func window(_ window: TimeWindow) -> String {
        func time(_ minute: Int) -> String {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\"\(two(minute / 60)):\(two(minute % 60))\""
        }
        var fields: [String] = []
        if window.days != Weekday.allCases { fields.append("days: " + flow(window.days.map(\.description))) }
        fields += ["from: " + time(window.from), "to: " + time(window.to), "zone: " + scalar(window.zone)]
        return "{" + fields.joined(separator: ", ") + "}"
    }

    private static func fields(_ test: DocumentTest) -> [(String, String)] {
        var fields = [("expect", test.expectation.rawValue), ("from", end(test.from)), ("to", end(test.to))]
        if let port = test.port { fields.append(("port", scalar(port.description))) }
        if let moment = test.moment { fields.append(("at", scalar(moment.description))) }
        fields.append(("reason", scalar(test.reason)))
        return fields
    }

    private static func end(_ end: DocumentTest.End) -> String {
        switch end {
        case .endpoint(let name): return scalar(name.text)
        case .outside(let address): return scalar(address.description)
        case .described(let party):
            var fields = ["name: " + scalar(party.description)]
            if !party.labels.isEmpty { fields.append("labels: " + flow(party.labels.sorted().map(\.description))) }
            if party.level > 0 { fields.append("level: \(party.level)") }
            return "{" + fields.joined(separator: ", ") + "}"
        }
    }

    // MARK: Values

    static func flow(_ texts: [String]) -> String { "[" + texts.map(scalar).joined(separator: ", ") + "]" }

    /// Words that readers of YAML take for something else than text.
    private static let words: Set = ["yes", "no", "on", "off", "y", "n", "true", "false", "null", "~", ""]

    /// A value in quotes where it needs them. Between the brackets of a list a colon or comma would end a plain one.
    static func scalar(_ text: String) -> String {
        let isPlain =
            text.utf8.first.map { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0 & 0xdf) } ?? false
        let isSafe = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0 & 0xdf) || "-._/=".utf8.contains($0)
        }
        // `group:web`: a colon with a letter behind it is text.
        let isPeer =
            ["group:", "network:", "endpoint:"].contains { text.hasPrefix($0) && Name.isName(text.dropFirst($0.count)) }
        if isPlain, isSafe || isPeer, !words.contains(text.lowercased()) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}

extension Name {
    fileprivate static func isName(_ text: Substring) -> Bool { (try? Name(parsing: text)) != nil }
}

/// Lines of YAML.
private struct Writer {
    static let width = 100
    private(set) var text = ""

    mutating func line(_ line: String) {
        text += line
        text += "\n"
    }

    mutating func section(_ head: String) {
        line("")
        line(head)
    }

    /// Comment lines, of printable text only, each no longer than some lines of a terminal.
    mutating func comment(_ lines: [String], indent: Int) {
        for comment in lines {
            var shown = String.UnicodeScalarView()
            for scalar in comment.unicodeScalars.prefix(300) {
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
                    shown.append("?")
                default: shown.append(scalar)
                }
            }
            line(String(repeating: " ", count: indent) + "# " + String(shown))
        }
    }

    mutating func fields(_ fields: [(String, String)]) {
        for (index, (key, value)) in fields.enumerated() { line((index == 0 ? "  - " : "    ") + key + ": " + value) }
    }

    /// A list in brackets, or one element to a line where that would be too long.
    mutating func list(_ lead: String, _ elements: [String], indent: Int) {
        let flow = DocumentText.flow(elements)
        if lead.utf8.count + flow.utf8.count <= Self.width {
            line(lead + flow)
        } else {
            line(String(lead.dropLast()))
            let pad = String(repeating: " ", count: indent + 2) + "- "
            for element in elements { line(pad + DocumentText.scalar(element)) }
        }
    }

    /// A definition on the line of what leads to it, or below it. `lead` ends with a colon or a dash.
    mutating func definition(_ definition: GroupDefinition, lead: String, indent: Int) {
        let short = Self.flow(definition, most: Self.width - lead.utf8.count)
        if let short {
            line(lead + " " + short)
            return
        }
        // Behind a dash the field stands on the same line, below a name on the next.
        let isElement = lead.hasSuffix("-")
        let start = isElement ? lead + " " : String(repeating: " ", count: indent + 2)
        if !isElement { line(lead) }
        switch definition {
        case .members(let names): list(start + "members: ", names.map(\.text), indent: indent + 2)
        case .label(let requirement): line(start + "label: " + DocumentText.scalar(requirement.description))
        case .group(let name): line(start + DocumentText.scalar(name.text))
        case .not(let operand): self.definition(operand, lead: start + "not:", indent: indent + 2)
        case .any(let operands), .all(let operands):
            if case .any = definition { line(start + "any:") } else { line(start + "all:") }
            let pad = String(repeating: " ", count: indent + 4)
            for operand in operands { self.definition(operand, lead: pad + "-", indent: indent + 4) }
        }
    }

    /// A definition on one line; nil where that is too long.
    private static func flow(_ definition: GroupDefinition, most: Int) -> String? {
        var text: String?
        switch definition {
        case .members(let names):
            // A name has a byte at least.
            text = names.count * 3 > most ? nil : "{members: \(DocumentText.flow(names.map(\.text)))}"
        case .label(let requirement): text = "{label: \(DocumentText.scalar(requirement.description))}"
        case .group(let name): text = DocumentText.scalar(name.text)
        case .not(let operand): text = flow(operand, most: most - 7).map { "{not: \($0)}" }
        case .any(let operands), .all(let operands):
            var parts: [String] = []
            var left = most - 8
            for operand in operands {
                guard left > 0, let part = flow(operand, most: left) else { return nil }
                parts.append(part)
                left -= part.utf8.count + 2
            }
            let key = if case .any = definition { "any" } else { "all" }
            text = "{\(key): [\(parts.joined(separator: ", "))]}"
        }
        return text.flatMap { $0.utf8.count <= most ? $0 : nil }
    }
}
