import NetTypes

// The canonical form, the bytes that are signed: the document as JSON in one line, with the same fields and words as in
// YAML, fields in alphabetical order, groups, networks, members and ports in theirs, rules and tests in the order of the
// text, and nothing that is what it would be if it were left out. One document has one form.

extension Document {
    /// The document as the bytes that are signed. Places and comments are not in it.
    public var canonicalBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.document(self)
        return writer.bytes
    }

    /// Reads the canonical form and nothing else.
    ///
    /// - Throws: ``DocumentRefusal``; places are line 1 and the byte's number.
    public init(canonicalBytes bytes: [UInt8]) throws(DocumentRefusal) {
        self = try DocumentReader.read(CanonicalReader.read(bytes)).document
        let canonical = canonicalBytes
        guard canonical == bytes else {
            let offset = zip(canonical, bytes).enumerated().first { $1.0 != $1.1 }?.offset
            throw DocumentRefusal([
                Finding(
                    .notCanonical, at: Place(line: 1, column: (offset ?? min(canonical.count, bytes.count)) + 1),
                    text: "",
                    "this is another form than the canonical one",
                    remedy: "write fields in alphabetical order, and none that are as they would be without")
            ])
        }
    }
}

extension CanonicalWriter {
    private typealias Write = (inout CanonicalWriter) -> Void

    private static func text(_ value: String?) -> Write? { value.map { value in { $0.string(value) } } }
    private static func flag(_ value: Bool) -> Write? { value ? { $0.boolean(true) } : nil }
    private static func texts(_ values: [String], unless isDefault: Bool) -> Write? {
        isDefault ? nil : { $0.array(values) { $0.string($1) } }
    }

    fileprivate mutating func document(_ document: Document) {
        var tenant: String?
        if case .tenant(let name) = document.scope { tenant = name.text }
        let groups: Write? = document.groups.isEmpty ? nil : { $0.groups(document.groups) }
        let networks: Write? = document.networks.isEmpty ? nil : { $0.networks(document.networks) }
        let rules: Write? = document.rules.isEmpty ? nil : { $0.array(document.rules) { $0.rule($1) } }
        let tests: Write? = document.tests.isEmpty ? nil : { $0.array(document.tests) { $0.test($1) } }
        object([
            ("dry-run", Self.flag(document.isDryRun)),
            ("groups", groups),
            ("networks", networks),
            ("platform", Self.flag(document.scope == .platform)),
            ("rules", rules),
            ("tenant", Self.text(tenant)),
            ("tests", tests),
            ("tiers", Self.texts(document.tiers.map(\.text), unless: document.tiers == Document.defaultTiers)),
            ("version", { $0.number(PolicyLimits.version) }),
        ])
    }

    private mutating func groups(_ groups: [PolicyGroup]) {
        object(groups.map { group in (group.name.text, { $0.definition(group.definition) }) })
    }

    private mutating func definition(_ definition: GroupDefinition) {
        switch definition {
        case .members(let names): object([("members", Self.texts(names.map(\.text), unless: false))])
        case .label(let requirement): object([("label", Self.text(requirement.description))])
        case .group(let name): string(name.text)
        case .any(let operands): object([("any", { $0.array(operands) { $0.definition($1) } })])
        case .all(let operands): object([("all", { $0.array(operands) { $0.definition($1) } })])
        case .not(let operand): object([("not", { $0.definition(operand) })])
        }
    }

    private mutating func networks(_ networks: [OutsideNetwork]) {
        object(
            networks.map { network in
                let prefixes = network.ipv4.map(\.description) + network.ipv6.map(\.description)
                return (network.name.text, Self.texts(prefixes, unless: false))
            })
    }

    private mutating func rule(_ rule: Rule) {
        let isLevels = rule.isLevelGuardrail
        let priority: Write? =
            rule.priority == PolicyLimits.defaultPriority ? nil : { $0.number(rule.priority) }
        let when: Write? = rule.windows.isEmpty ? nil : { $0.array(rule.windows) { $0.window($1) } }
        let rate = rule.rate.map { RateLimit.text(bitsPerSecond: $0.bitsPerSecond) }
        let burst = rule.rate?.burstBytes.map { RateLimit.text(burstBytes: $0) }
        let direction = rule.direction == .twoWay || isLevels ? nil : rule.direction.rawValue
        object([
            ("burst", Self.text(burst)),
            ("direction", Self.text(direction)),
            ("dry-run", Self.flag(rule.isDryRun)),
            ("from", Self.text(isLevels && rule.from == .everything ? nil : rule.from.description)),
            ("levels", Self.text(isLevels ? "upward" : nil)),
            ("log", Self.flag(rule.isLogged)),
            ("name", Self.text(rule.name.text)),
            ("not-after", Self.text(rule.notAfter?.description)),
            ("not-before", Self.text(rule.notBefore?.description)),
            ("ports", Self.texts(rule.ports.map(\.description), unless: rule.ports.isEmpty)),
            ("priority", priority),
            ("rate", Self.text(rate)),
            ("security", Self.text(rule.security == .none ? nil : rule.security.rawValue)),
            ("tier", Self.text(rule.tier?.text)),
            ("to", Self.text(isLevels && rule.to == .everything ? nil : rule.to.description)),
            ("verdict", Self.text(isLevels ? nil : rule.verdict.rawValue)),
            ("when", when),
        ])
    }

    private mutating func window(_ window: TimeWindow) {
        object([
            ("days", Self.texts(window.days.map(\.description), unless: window.days.count == 7)),
            ("from", Self.text(TimeWindow.text(minute: window.from))),
            ("to", Self.text(TimeWindow.text(minute: window.to))),
            ("zone", Self.text(window.zone)),
        ])
    }

    private mutating func test(_ test: DocumentTest) {
        object([
            ("at", Self.text(test.moment?.description)),
            ("expect", Self.text(test.expectation.rawValue)),
            ("from", { $0.end(test.from) }),
            ("port", Self.text(test.port?.description)),
            ("reason", Self.text(test.reason)),
            ("to", { $0.end(test.to) }),
        ])
    }

    private mutating func end(_ end: DocumentTest.End) {
        switch end {
        case .endpoint(let name): string(name.text)
        case .outside(let address): string(address.description)
        case .described(let party):
            let level: Write? = party.level == 0 ? nil : { $0.number(party.level) }
            object([
                ("labels", Self.texts(party.labels.sorted().map(\.description), unless: party.labels.isEmpty)),
                ("level", level),
                ("name", Self.text(party.description)),
            ])
        }
    }
}
