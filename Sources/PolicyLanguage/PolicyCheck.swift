public import NetTypes

/// What is to be said about a document before it is in force: names that nobody has, rules that never decide, rules
/// that contradict each other, and its own tests.
///
/// A document that could be read has no errors of form; what is found here as an error is a failing test or a time zone
/// that is not there.
public struct PolicyCheck: Sendable {
    /// What was found, in the order of the text.
    public let findings: [Finding]
    /// How many of the document's tests passed.
    public let passedTests: Int

    /// Whether the document may be put in force.
    public var isAccepted: Bool { !findings.contains { $0.severity == .error } }

    /// Checks a document.
    ///
    /// - Parameters:
    ///   - source: The document.
    ///   - guardrails: The platform's document, where there is one.
    ///   - endpoints: The tenant's endpoints with their labels and levels; nil where they are not known. Tests then
    ///     take an endpoint that they only name as one without labels, of level 0.
    ///   - moment: When the document is to be in force.
    ///   - zones: What clocks show where.
    public init(
        _ source: SourcedDocument, guardrails: SourcedDocument? = nil, endpoints: [Party]? = nil, at moment: Timestamp,
        zones: some TimeZones = FixedTimeZones()
    ) {
        // A document in dry run is looked over as it would be in force.
        let source = SourcedDocument(source.document.enforced, places: source.places)
        let isPlatform = source.document.scope == .platform
        let policy =
            isPlatform ? CompiledPolicy(nil, guardrails: source) : CompiledPolicy(source, guardrails: guardrails)
        var checker = Checker(source: source, policy: policy, endpoints: endpoints, moment: moment)
        checker.zones(zones)
        checker.names()
        checker.reach()
        checker.conflicts()
        checker.tests(zones)
        findings = checker.findings.sorted { ($0.place, $0.problem) < ($1.place, $1.problem) }
        passedTests = checker.passedTests
    }
}

struct Checker {
    let source: SourcedDocument
    let policy: CompiledPolicy
    let endpoints: [Party]?
    let moment: Timestamp
    let coverage: Coverage
    private(set) var findings: [Finding] = []
    private(set) var passedTests = 0

    var document: Document { source.document }
    var isPlatform: Bool { document.scope == .platform }

    init(source: SourcedDocument, policy: CompiledPolicy, endpoints: [Party]?, moment: Timestamp) {
        self.source = source
        self.policy = policy
        self.endpoints = endpoints
        self.moment = moment
        var parties = endpoints ?? []
        if endpoints == nil {
            var names = Set<Name>()
            for group in source.document.groups { group.definition.collectMembers(&names) }
            for case .endpoint(let name) in source.document.rules.flatMap({ [$0.from, $0.to] }) { names.insert(name) }
            parties = names.sorted().map { Party.endpoint($0) }
        }
        coverage = Coverage(policy, source.document, parties)
    }

    mutating func report(
        _ code: Finding.Code, _ severity: Finding.Severity, _ path: DocumentPath, _ problem: String, _ remedy: String
    ) {
        guard findings.count < PolicyLimits.findings else { return }
        findings.append(source.places.finding(code, severity, path, problem, remedy: remedy))
    }

    // MARK: Names

    mutating func zones(_ zones: some TimeZones) {
        var known: [String: Bool] = [:]
        for (index, rule) in document.rules.enumerated() {
            for window in rule.windows {
                let isKnown = known[window.zone] ?? (zones.offset(of: window.zone, at: moment) != nil)
                known[window.zone] = isKnown
                guard !isKnown else { continue }
                report(
                    .unknownName, .error, DocumentPath(.rules, index, "when"), "unknown time zone '\(window.zone)'",
                    "write an IANA name such as Asia/Taipei or UTC")
            }
        }
    }

    /// Endpoints that the directory has not got; a warning, for a policy may be there before its endpoints.
    mutating func names() {
        guard let endpoints, !isPlatform else { return }
        var known = Set<Name>()
        for case .endpoint(let name) in endpoints.map(\.kind) { known.insert(name) }
        let sorted = known.lazy.map(\.text)
        func remedy(_ name: Name) -> String {
            Suggestion.remedy(for: name.text, among: sorted, otherwise: "create it, or remove the name")
        }
        for (index, rule) in document.rules.enumerated() {
            for (peer, field) in [(rule.from, "from"), (rule.to, "to")] {
                guard case .endpoint(let name) = peer, !known.contains(name) else { continue }
                report(
                    .unknownName, .warning, DocumentPath(.rules, index, field), "unknown endpoint '\(name)'",
                    remedy(name))
            }
        }
        for (index, group) in document.groups.enumerated() {
            var members = Set<Name>()
            group.definition.collectMembers(&members)
            // Not subtracting(): that would look at every known name once more for each group.
            for name in members.filter({ !known.contains($0) }).sorted() {
                guard findings.count < PolicyLimits.findings else { return }
                report(
                    .unknownName, .warning, DocumentPath(.groups, index),
                    "unknown endpoint '\(name)' in group '\(group.name)'", remedy(name))
            }
        }
    }

    // MARK: Tests

    mutating func tests(_ zones: some TimeZones) {
        var facts: [Name: Party] = [:]
        for party in document.tests.isEmpty ? [] : endpoints ?? [] {
            if case .endpoint(let name) = party.kind { facts[name] = party }
        }
        for (index, test) in document.tests.enumerated() {
            guard let from = party(test.from, facts, DocumentPath(.tests, index, "from")),
                let to = party(test.to, facts, DocumentPath(.tests, index, "to"))
            else { continue }
            let flow = Flow(from: from, to: to, test.transport, at: test.moment ?? moment)
            let verdict = policy.evaluate(flow, zones: zones)
            guard verdict.isPlugged != (test.expectation == .plug) else {
                passedTests += 1
                continue
            }
            report(
                .testFailed, .error, DocumentPath(.tests, index),
                "\(flow) should be \(test.expectation.rawValue) (\(printable(test.reason))), but is \(verdict)",
                "change the rules, or the test")
        }
    }

    private mutating func party(_ end: DocumentTest.End, _ facts: [Name: Party], _ path: DocumentPath) -> Party? {
        switch end {
        case .outside(let address): return .outside(address)
        case .described(let party): return party
        case .endpoint(let name):
            guard endpoints != nil else { return .endpoint(name) }
            if let party = facts[name] { return party }
            report(
                .unknownName, .error, path, "unknown endpoint '\(name)'",
                Suggestion.remedy(
                    for: name.text, among: facts.keys.lazy.map(\.text),
                    otherwise: "describe it with name, labels and level"))
            return nil
        }
    }
}

extension GroupDefinition {
    /// All names in lists of members.
    func collectMembers(_ names: inout Set<Name>) {
        switch self {
        case .members(let members): names.formUnion(members)
        case .label, .group: break
        case .any(let operands), .all(let operands): for operand in operands { operand.collectMembers(&names) }
        case .not(let operand): operand.collectMembers(&names)
        }
    }
}
