import KernelPath
import NetTypes
import Plugging
import PolicyLanguage

extension PairRules {
    /// What the kernel has to know of a plan: nil where every packet of the pair's wires passes.
    ///
    /// - Parameters:
    ///   - plan: The plan as the source of the pair sees it.
    ///   - pair: The pair; the kernel's rules are by lower and higher identity, whoever asks.
    ///   - number: Gives the number of a rule.
    init?(_ plan: WirePlan, of pair: Pair, number: (RuleReference?) -> UInt32) {
        guard plan.needsFlows else { return nil }
        var limits = Limits()
        let isLow = pair.sourceEnd.address < pair.destinationEnd.address
        let (low, high) = isLow ? (plan.forward, plan.backward) : (plan.backward, plan.forward)
        self.init(
            low: FlowRules(low, &limits, number), high: FlowRules(high, &limits, number), limits: limits.all)
    }
}

/// The limits of a pair: each rule has one of its own in each direction.
private struct Limits {
    private(set) var all: [FlowLimit] = []
    private var places: [RuleReference: UInt8] = [:]

    /// The place of a rule's limit, from 1 on. No more than 255 can be told apart; the last one stands for the rest.
    mutating func place(of rate: RateLimit, _ rule: RuleReference?) -> UInt8 {
        if let rule, let place = places[rule] { return place }
        guard all.count < 255 else { return 255 }
        all.append(FlowLimit(bitsPerSecond: rate.bitsPerSecond, burst: UInt32(clamping: rate.burstBytes ?? 0)))
        if let rule { places[rule] = UInt8(all.count) }
        return UInt8(all.count)
    }
}

extension FlowRules {
    fileprivate init(_ table: FlowTable, _ limits: inout Limits, _ number: (RuleReference?) -> UInt32) {
        var segments: [FlowSegment] = []
        let otherwise = FlowAction(table.otherwise, &limits, number)
        for portProtocol in PortProtocol.kernelOrder {
            let mine = table.segments.filter { $0.ports.portProtocol == portProtocol }
            guard !mine.isEmpty else {
                // A protocol of which no rule speaks fares like all else.
                if !table.isWhole {
                    segments.append(FlowSegment(start: FlowNumber.of(portProtocol.kernelName, 0), action: otherwise))
                }
                continue
            }
            for segment in mine {
                segments.append(
                    FlowSegment(
                        start: FlowNumber.of(portProtocol.kernelName, segment.ports.first),
                        action: FlowAction(segment.decision, &limits, number)))
            }
        }
        self.init(segments: segments, otherwise: otherwise)
    }
}

extension FlowAction {
    fileprivate init(
        _ decision: FlowTable.Decision, _ limits: inout Limits, _ number: (RuleReference?) -> UInt32
    ) {
        let outcome = decision.outcome
        let limit = outcome.rate.map { limits.place(of: $0, outcome.rule) } ?? 0
        let verdict: Verdict =
            switch outcome.verdict {
            case .plug: .pass
            case .reject: .reject
            case .unplug, .pass: .drop
            }
        self.init(
            verdict, answers: outcome.answers, isLogged: outcome.isLogged, limit: limit,
            rule: number(outcome.rule), dryRun: number(decision.dryRun))
    }
}

extension PortProtocol {
    /// The protocols in the order of the kernel's numbers.
    fileprivate static let kernelOrder: [PortProtocol] = [.tcp, .udp, .sctp, .icmp, .icmpv6]

    /// The protocol as the kernel's segments have it.
    fileprivate var kernelName: FlowNumber.Transport {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        case .icmp: .icmp
        case .icmpv6: .icmpv6
        }
    }
}
