public import NetTypes

/// A document, with the guardrails of the platform before it, made ready to be asked.
///
/// The rules stand in the order in which they decide: the platform's first, then the tenant's tiers; in a tier by
/// priority, then the rule that names more, then the stricter, then the order of the text
/// (docs/decisions/0011-policy-language.md). Every side of a rule has a number, and the rules are indexed by the
/// numbers of both, so the cost of a pair depends on how many sides its parties stand on and how many rules match, not
/// on how many rules there are.
public struct CompiledPolicy: Sendable {
    /// A rule of a certain `from` and `to`.
    struct Entry: Sendable {
        let to: UInt32
        let rule: UInt32
    }

    static let any: UInt32 = 0
    static let everything: UInt32 = 1

    /// Whose policy this is; nil where only guardrails were compiled.
    public let tenant: Name?
    /// In the order in which they decide.
    let rules: [PackedRule]
    let ports: [PortMatch]
    let timings: [Timing]
    /// The entries of side N are those from `starts[N]` up to `starts[N + 1]`, by `to`, then by rule.
    let starts: [UInt32]
    let entries: [Entry]
    let sides: SideTable

    /// Compiles a document, or the platform's alone where there is none.
    public init(_ document: SourcedDocument?, guardrails: SourcedDocument? = nil) {
        let documents = [guardrails, document].compactMap { $0 }
        tenant = document.flatMap { if case .tenant(let name) = $0.document.scope { name } else { nil } }
        var sides = SideTable(documents.map(\.document))
        var order: [Order] = []
        for (number, source) in documents.enumerated() {
            for index in source.document.rules.indices { order.append(Order(source.document, number, index)) }
        }
        order.sort()
        var packer = Packer()
        packer.rules.reserveCapacity(order.count)
        packer.ports.reserveCapacity(
            documents.reduce(0) { $0 + $1.document.rules.reduce(0) { $0 + $1.ports.count } })
        var numbered: [(from: UInt32, entry: Entry)] = []
        numbered.reserveCapacity(order.count * 2)
        for (rank, place) in order.enumerated() {
            let source = documents[place.document]
            let rule = source.document.rules[place.index]
            packer.add(rule, index: place.index, line: source.places.line(ofRule: place.index), of: source.document)
            let (from, to) = (sides.number(rule.from, place.document), sides.number(rule.to, place.document))
            numbered.append((from, Entry(to: to, rule: UInt32(rank))))
            if rule.isMirrored, from != to { numbered.append((to, Entry(to: from, rule: UInt32(rank)))) }
        }
        numbered.sort { ($0.from, $0.entry.to, $0.entry.rule) < ($1.from, $1.entry.to, $1.entry.rule) }
        var starts: [UInt32] = [0]
        starts.reserveCapacity(sides.count + 1)
        var next = 0
        for side in 0..<UInt32(sides.count) {
            while next < numbered.count, numbered[next].from == side { next += 1 }
            starts.append(UInt32(next))
        }
        self.starts = starts
        entries = numbered.map(\.entry)
        rules = packer.rules
        ports = packer.ports
        timings = packer.timings
        self.sides = sides
    }

    /// Compiles a document without places.
    public init(_ document: Document, guardrails: Document? = nil) {
        self.init(SourcedDocument(document), guardrails: guardrails.map { SourcedDocument($0) })
    }

    /// The sides that a party stands on.
    public func membership(of party: Party) -> Membership {
        Membership(sides: sides.sides(of: party), level: party.level)
    }

    /// Decides a flow.
    public func evaluate(_ flow: Flow, zones: some TimeZones = FixedTimeZones()) -> FlowVerdict {
        let verdict = compile(
            membership(of: flow.source), membership(of: flow.destination), at: flow.moment, zones: zones)
        return FlowVerdict(
            outcome: verdict.forward.outcome(of: flow.transport),
            dryRun: dryRun(verdict.forward, flow.transport))
    }

    /// The first rule in dry run that matches the transport; only such as stand before the rule that decides the
    /// whole direction are in the list, and one that stands after the rule that decided the flow changes nothing.
    private func dryRun(_ direction: DirectionVerdict, _ transport: Transport) -> RuleReference? {
        guard !direction.dryRun.isEmpty else { return nil }
        let deciding = direction.outcome(of: transport).rule
        return direction.dryRun.first { reference in
            if let deciding, deciding.position < reference.position { return false }
            let rule = rules[reference.position]
            if rule.isWhole { return true }
            guard case .numbered(let portProtocol, let number) = transport else { return false }
            return ports(of: rule).contains { $0.contains(portProtocol, number) }
        }
    }

    func ports(of rule: PackedRule) -> ArraySlice<PortMatch> {
        ports[Int(rule.firstPort)..<Int(rule.firstPort) + Int(rule.portCount)]
    }
}

/// Where a rule stands in the order of decision.
private struct Order: Comparable {
    let document: Int
    let index: Int
    private let tier: Int
    private let priority: Int
    private let specificity: UInt8
    private let strictness: Int
    private let isTwoWay: Int
    private let rate: UInt64
    private let burst: UInt64

    init(_ document: Document, _ number: Int, _ index: Int) {
        let rule = document.rules[index]
        self.document = number
        self.index = index
        tier = document.scope == .platform ? -1 : document.tierIndex(of: rule)
        priority = rule.priority
        specificity = rule.specificity
        isTwoWay = rule.direction == .twoWay ? 1 : 0
        rate = rule.rate?.bitsPerSecond ?? .max
        burst = rule.rate?.burstBytes ?? .max
        strictness =
            switch rule.verdict {
            case .unplug: 0
            case .reject: 1
            case .pass: 2
            case .plug:
                switch rule.security {
                case .conf: 3
                case .auth: 4
                case .none: 5
                }
            }
    }

    static func < (a: Self, b: Self) -> Bool {
        if a.tier != b.tier { return a.tier < b.tier }
        if a.priority != b.priority { return a.priority < b.priority }
        if a.specificity != b.specificity { return a.specificity > b.specificity }
        if a.strictness != b.strictness { return a.strictness < b.strictness }
        // So far what flows fare by; the order of the text only says whose name is told, and whether there is a log.
        if a.isTwoWay != b.isTwoWay { return a.isTwoWay < b.isTwoWay }
        if a.rate != b.rate { return a.rate < b.rate }
        if a.burst != b.burst { return a.burst < b.burst }
        return a.index < b.index
    }
}

/// Collects packed rules with what they share.
private struct Packer {
    var rules: [PackedRule] = []
    var ports: [PortMatch] = []
    var timings: [Timing] = []
    private var numbers: [Timing: Int32] = [:]

    mutating func add(_ rule: Rule, index: Int, line: Int, of document: Document) {
        let timing = Timing(rule)
        var number: Int32 = -1
        if !timing.isAlways {
            number = numbers[timing] ?? Int32(timings.count)
            if numbers.updateValue(number, forKey: timing) == nil { timings.append(timing) }
        }
        var flags: PackedRule.Flags = []
        if rule.direction == .oneWay { flags.insert(.oneWay) }
        if rule.isLogged { flags.insert(.logged) }
        if document.isDryRun(rule) { flags.insert(.dryRun) }
        if rule.isLevelGuardrail { flags.insert(.levels) }
        if document.scope == .platform { flags.insert(.platform) }
        rules.append(
            PackedRule(
                name: rule.name, rate: rule.rate?.bitsPerSecond ?? 0, burst: UInt32(rule.rate?.burstBytes ?? 0),
                line: UInt32(clamping: line), index: UInt32(index), firstPort: UInt32(ports.count),
                portCount: UInt8(rule.ports.count), verdict: rule.verdict, security: rule.security, flags: flags,
                timing: number))
        ports.append(contentsOf: rule.ports)
    }
}
