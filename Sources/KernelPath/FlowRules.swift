public import NetTypes

/// What happens to the packets of a flow.
public struct FlowAction: Hashable, Sendable {
    public enum Verdict: UInt8, Hashable, Sendable {
        case pass
        /// Dropped without a word.
        case drop
        /// Dropped, and the sender's host tells the sender (``RejectAnswer``).
        case reject
    }

    public var verdict: Verdict
    /// Whether what comes back passes as well, for as long as the flow lives. Only of use with ``Verdict/pass``.
    public var answers: Bool
    /// Whether flows are told of by ``DataPath/flowEvents``.
    public var isLogged: Bool
    /// The limit that the packets are held to: 0 for none, else 1 and the place in ``PairRules/limits``. Answers have
    /// the same rate once more, for their own direction.
    public var limit: UInt8
    /// The caller's number for what decided, under which packets are counted; 0: they are not.
    public var rule: UInt32
    /// The caller's number for a rule that is only tried and would have decided otherwise; 0: there is none.
    public var dryRun: UInt32

    public init(
        _ verdict: Verdict, answers: Bool = false, isLogged: Bool = false, limit: UInt8 = 0, rule: UInt32 = 0,
        dryRun: UInt32 = 0
    ) {
        self.verdict = verdict
        self.answers = answers
        self.isLogged = isLogged
        self.limit = limit
        self.rule = rule
        self.dryRun = dryRun
    }
}

/// A range of key numbers and its action: from its start to the start of the next one, or to the end of all.
public struct FlowSegment: Hashable, Sendable {
    /// The first key number (``FlowNumber``).
    public var start: UInt32
    public var action: FlowAction

    public init(start: UInt32, action: FlowAction) {
        self.start = start
        self.action = action
    }
}

/// The key numbers of segments: the protocol's place in the upper half, its port or its ICMP type and code in the lower.
public enum FlowNumber {
    /// The protocols that rules know, in the order of their numbers.
    public enum Transport: UInt32, CaseIterable, Hashable, Sendable {
        case tcp, udp, sctp, icmp, icmpv6

        /// The IP protocol number.
        public var protocolNumber: UInt8 {
            switch self {
            case .tcp: 6
            case .udp: 17
            case .sctp: 132
            case .icmp: 1
            case .icmpv6: 58
            }
        }
    }

    /// The number of a destination port; for ICMP of `type << 8 | code`.
    public static func of(_ transport: Transport, _ number: UInt16) -> UInt32 {
        transport.rawValue << 16 | UInt32(number)
    }
}

/// What the flows that one end of a pair begins may do.
public struct FlowRules: Hashable, Sendable {
    /// Sorted by their starts; the first one begins at 0. Empty: all is ``otherwise``. At most 4,096.
    public var segments: [FlowSegment]
    /// For protocols that have no key number, and for fragments in which the ports are not.
    public var otherwise: FlowAction

    /// The most segments that one direction can have.
    public static let maximumSegments = 4096

    public init(segments: [FlowSegment] = [], otherwise: FlowAction) {
        self.segments = segments
        self.otherwise = otherwise
    }

    /// What is said to a key number; nil: to a packet that has none.
    public func action(for number: UInt32?) -> FlowAction {
        guard let number, !segments.isEmpty else { return otherwise }
        var (low, high) = (0, segments.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if segments[middle].start <= number { low = middle } else { high = middle }
        }
        return segments[low].action
    }

    /// All actions, with repetitions.
    var actions: [FlowAction] { segments.map(\.action) + [otherwise] }
}

/// How fast the packets of some flows may be together, in one direction.
public struct FlowLimit: Hashable, Sendable {
    /// Bits per second of IP packets with their headers.
    public var bitsPerSecond: UInt64
    /// How many bytes may pass at once after a pause; 0: as few as the kernel can do.
    public var burst: UInt32

    public init(bitsPerSecond: UInt64, burst: UInt32 = 0) {
        self.bitsPerSecond = bitsPerSecond
        self.burst = burst
    }
}

/// The rules of a pair of endpoints.
public struct PairRules: Hashable, Sendable {
    /// Of flows that the end with the lower identity begins.
    public var low: FlowRules
    /// Of flows that the end with the higher identity begins.
    public var high: FlowRules
    /// At most 255; each direction has every limit of its own.
    public var limits: [FlowLimit]

    public init(low: FlowRules, high: FlowRules, limits: [FlowLimit] = []) {
        self.low = low
        self.high = high
        self.limits = limits
    }

    /// What is wrong with them; nil: nothing.
    var fault: String? {
        for (name, rules) in [("low", low), ("high", high)] {
            if rules.segments.count > FlowRules.maximumSegments {
                return "\(rules.segments.count) segments of the \(name) end are more than \(FlowRules.maximumSegments)"
            }
            if let first = rules.segments.first, first.start != 0 {
                return "the first segment of the \(name) end begins at \(first.start), not at 0"
            }
            for (one, next) in zip(rules.segments, rules.segments.dropFirst()) where one.start >= next.start {
                return "the segments of the \(name) end at \(one.start) and \(next.start) are not in order"
            }
            for action in rules.actions where Int(action.limit) > limits.count {
                return "limit \(action.limit) of the \(name) end is not among the \(limits.count) limits"
            }
        }
        if limits.count > 255 { return "\(limits.count) limits are more than 255" }
        if let limit = limits.first(where: { $0.bitsPerSecond < 8_000 }) {
            return "a limit of \(limit.bitsPerSecond) bit/s is lower than 8,000 bit/s"
        }
        return nil
    }
}

/// The two ends of a pair, whichever is named first: identities, or one of them an address outside.
public struct PairEnds: Hashable, Sendable, CustomStringConvertible {
    public let low: IPv6Address
    public let high: IPv6Address

    /// Takes IPv4 addresses in their mapped form.
    public init(_ a: IPv6Address, _ b: IPv6Address) {
        (low, high) = a < b ? (a, b) : (b, a)
    }

    public init(_ a: Identity, _ b: Identity) { self.init(a.address, b.address) }

    public var description: String { "\(low) and \(high)" }

    /// Which side an end is (0 the lower address); nil: it is none of the two.
    func side(of end: IPv6Address) -> UInt32? { end == low ? 0 : end == high ? 1 : nil }
}

/// The rules of a pair as its wires know them; they stay the same when the rules change.
public struct PairBinding: Hashable, Sendable {
    public let ends: PairEnds
    /// The pair's number on this host, from 1 on; also in ``FlowEvent``.
    public let number: UInt32

    public init(ends: PairEnds, number: UInt32) {
        self.ends = ends
        self.number = number
    }
}
