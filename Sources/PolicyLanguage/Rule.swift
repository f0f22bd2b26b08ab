public import NetTypes
public import Policy

/// What a rule says about the flows that it matches.
public enum RuleVerdict: String, Hashable, Sendable, CaseIterable {
    /// They pass.
    case plug
    /// They are dropped, and the sender learns nothing.
    case unplug
    /// They are dropped, and the sender gets a TCP reset or an ICMP "prohibited".
    case reject
    /// No later rule of the platform forbids them; the tenant's rules decide. Only the platform has such rules.
    case pass

    /// Whether flows are dropped.
    public var forbids: Bool { self == .unplug || self == .reject }
}

/// One rule of a document.
public struct Rule: Hashable, Sendable {
    /// Whether packets go only from `from` to `to`.
    public enum Direction: String, Hashable, Sendable, CaseIterable {
        /// Without ports either side may begin; with ports `from` begins, and the answers pass.
        case twoWay = "two-way"
        /// Packets go from `from` to `to`; not even answers come back.
        case oneWay = "one-way"
    }

    /// The rule's name, of its own inside the document.
    public var name: Name
    /// The tenant's tier; nil is the first one, and in a document of the platform always so.
    public var tier: Name?
    /// The place inside the tier; lower numbers decide first.
    public var priority: Int
    /// Who sends.
    public var from: Peer
    /// Who receives.
    public var to: Peer
    /// What the rule says.
    public var verdict: RuleVerdict
    /// The destination ports; empty is every packet, whatever it carries.
    public var ports: [PortMatch]
    /// Whether the other way is meant too.
    public var direction: Direction
    /// How the wires are protected; only of plug rules.
    public var security: Security
    /// How much the wires carry; only of plug rules.
    public var rate: RateLimit?
    /// When the rule holds; none is always.
    public var windows: [TimeWindow]
    /// The first moment at which the rule holds.
    public var notBefore: Timestamp?
    /// The first moment at which it holds no more.
    public var notAfter: Timestamp?
    /// Whether flows that it decides are logged.
    public var isLogged: Bool
    /// Whether the rule is only counted and logged, and decides nothing.
    public var isDryRun: Bool
    /// Whether the rule is the guardrail "information flows only upwards": it forbids flows from an endpoint to one of
    /// a lower level, and nothing else. Only the platform has such rules.
    public var isLevelGuardrail: Bool

    /// Makes a rule. Whether it is one that a document takes is said by ``Document``.
    public init(
        name: Name, tier: Name? = nil, priority: Int = PolicyLimits.defaultPriority, from: Peer, to: Peer,
        verdict: RuleVerdict, ports: [PortMatch] = [], direction: Direction = .twoWay, security: Security = .none,
        rate: RateLimit? = nil, windows: [TimeWindow] = [], notBefore: Timestamp? = nil, notAfter: Timestamp? = nil,
        isLogged: Bool = false, isDryRun: Bool = false, isLevelGuardrail: Bool = false
    ) {
        self.name = name
        self.tier = tier
        self.priority = priority
        self.from = from
        self.to = to
        self.verdict = verdict
        self.ports = ports.sorted()
        self.direction = direction
        self.security = security
        self.rate = rate
        self.windows = windows
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.isLogged = isLogged
        self.isDryRun = isDryRun
        self.isLevelGuardrail = isLevelGuardrail
    }

    /// Whether the rule holds at a moment.
    public func holds(at moment: Timestamp, zones: some TimeZones) -> Bool {
        Timing(self).holds(at: moment, zones: zones)
    }

    /// How much the rule names: named endpoints first, then groups, then `any`, and among those with equal sides one
    /// with ports before one without.
    var specificity: UInt8 {
        let endpoints = (from.rank == 3 ? 1 : 0) + (to.rank == 3 ? 1 : 0)
        return UInt8(endpoints) * 32 + (from.rank + to.rank) * 2 + (ports.isEmpty ? 0 : 1)
    }

    /// Whether the rule also speaks about `to` → `from`.
    var isMirrored: Bool { direction == .twoWay && ports.isEmpty && !isLevelGuardrail }
}
