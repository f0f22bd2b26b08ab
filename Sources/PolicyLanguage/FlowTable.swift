public import NetTypes

/// What happens to flows that one end of a pair begins, by protocol and port, in the form in which a packet finds its
/// verdict fastest: segments without gaps or overlaps, to be searched by halves. How many rules it took to say so
/// makes no difference.
public struct FlowTable: Hashable, Sendable {
    /// What happens, and what a rule in dry run would have done.
    public struct Decision: Hashable, Sendable {
        /// What happens.
        public let outcome: Outcome
        /// The rule in dry run that would have decided, were it in force.
        public let dryRun: RuleReference?

        /// Joins the two.
        public init(outcome: Outcome, dryRun: RuleReference? = nil) {
            self.outcome = outcome
            self.dryRun = dryRun
        }
    }

    /// Ports of one protocol that fare the same.
    public struct Segment: Hashable, Sendable {
        /// The ports; of ICMP type × 256 + code.
        public let ports: PortMatch
        /// What happens to flows to them.
        public let decision: Decision
    }

    /// The segments of each protocol that some rule speaks of: together all its numbers, rising. Neighbours differ.
    public let segments: [Segment]
    /// What happens to all else: protocols without segments, and fragments without ports.
    public let otherwise: Decision

    /// Whether everything fares the same.
    public var isWhole: Bool { segments.isEmpty }

    /// All decisions that are in the table.
    public var decisions: [Decision] { segments.map(\.decision) + [otherwise] }

    /// Whether flows may begin.
    public var begins: Bool { decisions.contains { $0.outcome.isPlugged } }
    /// Whether answers may come back to flows that begin.
    public var isAnswered: Bool { decisions.contains { $0.outcome.isPlugged && $0.outcome.answers } }

    /// What happens to a flow.
    public func decision(of transport: Transport) -> Decision {
        guard case .numbered(let portProtocol, let number) = transport else { return otherwise }
        return segments.first { $0.ports.contains(portProtocol, number) }?.decision ?? otherwise
    }

    /// Nothing passes.
    public static let nothing = Self(segments: [], otherwise: Decision(outcome: .byDefault))

    private init(segments: [Segment], otherwise: Decision) {
        self.segments = segments
        self.otherwise = otherwise
    }

    /// Lays the rules of a direction out. The cost is that of sorting their ports, however many of them overlap.
    ///
    /// - Parameter dryRunPorts: The ports of each rule in ``DirectionVerdict/dryRun``; none are all packets.
    init(_ verdict: DirectionVerdict, dryRunPorts: [[PortMatch]]) {
        // Of the rules in dry run the first decides, unless a rule in force stands before it.
        let whole = zip(verdict.dryRun, dryRunPorts).first { $0.1.isEmpty }?.0
        otherwise = Self.decision(verdict.otherwise, whole)
        var segments: [Segment] = []
        let named = verdict.rules.flatMap(\.ports) + dryRunPorts.joined()
        for portProtocol in Set(named.map(\.portProtocol)).sorted() {
            var line = PortLine<Outcome>(portProtocol, named)
            for rule in verdict.rules { line.paint(rule.ports, rule.outcome) }
            line.fill(verdict.otherwise)
            var tried = PortLine<RuleReference?>(portProtocol, named)
            for (rule, ports) in zip(verdict.dryRun, dryRunPorts) {
                tried.paint(ports.isEmpty ? [PortMatch(portProtocol)] : ports, rule)
            }
            tried.fill(nil)
            for index in line.starts.indices {
                guard let outcome = line.values[index], let rule = tried.values[index] else { continue }
                let decision = Self.decision(outcome, rule)
                let range = line.range(of: index)
                if let last = segments.last, last.ports.portProtocol == portProtocol, last.decision == decision {
                    segments[segments.count - 1] = Segment(
                        ports: PortMatch(portProtocol, last.ports.first...range.upperBound), decision: decision)
                } else {
                    segments.append(Segment(ports: PortMatch(portProtocol, range), decision: decision))
                }
            }
        }
        // A protocol that fares like all else needs no segment.
        let otherwise = otherwise
        let needed = Set(segments.filter { $0.decision != otherwise }.map(\.ports.portProtocol))
        self.segments = segments.filter { needed.contains($0.ports.portProtocol) }
    }

    private static func decision(_ outcome: Outcome, _ dryRun: RuleReference?) -> Decision {
        guard let dryRun else { return Decision(outcome: outcome) }
        if let rule = outcome.rule, rule.position < dryRun.position { return Decision(outcome: outcome) }
        return Decision(outcome: outcome, dryRun: dryRun)
    }
}

extension CompiledPolicy {
    /// The table of one direction of a pair that ``compile(_:_:at:zones:)`` of this same policy gave.
    public func table(_ direction: DirectionVerdict) -> FlowTable {
        FlowTable(direction, dryRunPorts: direction.dryRun.map { Array(ports(of: rules[$0.position])) })
    }

    /// A moment up to which no rule begins or ceases to hold; nil where none depends on time.
    public func nextChange(after moment: Timestamp, zones: some TimeZones) -> Timestamp? {
        timings.map { $0.holdsUntil(after: moment, zones: zones) }.min()
    }
}

/// The numbers of a protocol, cut wherever some range begins or ends, and painted once each.
private struct PortLine<Value> {
    let portProtocol: PortProtocol
    /// The first number of each piece; the first is 0.
    let starts: [UInt32]
    private(set) var values: [Value?]
    /// Where to look for the next piece without paint, from each piece on.
    private var next: [Int]

    init(_ portProtocol: PortProtocol, _ matches: [PortMatch]) {
        self.portProtocol = portProtocol
        var cuts: Set<UInt32> = [0]
        for match in matches where match.portProtocol == portProtocol {
            cuts.insert(UInt32(match.first))
            if match.last < .max { cuts.insert(UInt32(match.last) + 1) }
        }
        starts = cuts.sorted()
        values = Array(repeating: nil, count: starts.count)
        next = Array(0...starts.count)
    }

    func range(of index: Int) -> ClosedRange<UInt16> {
        let last = index + 1 < starts.count ? UInt16(starts[index + 1] - 1) : .max
        return UInt16(starts[index])...last
    }

    private func index(of number: UInt32) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func free(_ index: Int) -> Int {
        var root = index
        while next[root] != root { root = next[root] }
        var step = index
        while next[step] != root { (next[step], step) = (root, next[step]) }
        return root
    }

    /// Paints what has no paint yet in some ranges.
    mutating func paint(_ matches: [PortMatch], _ value: Value) {
        for match in matches where match.portProtocol == portProtocol {
            var piece = free(index(of: UInt32(match.first)))
            while piece < starts.count, starts[piece] <= UInt32(match.last) {
                values[piece] = value
                next[piece] = piece + 1
                piece = free(piece)
            }
        }
    }

    mutating func fill(_ value: Value) {
        for index in values.indices where values[index] == nil { values[index] = value }
    }
}
