import KernelPath
import NetTypes

/// Rules for the ports of a pair of endpoints, the first of which begins everything. The ports that are measured are in
/// the middle of them; the ports beside them are plugged and unplugged in turns.
struct RuleLoad: Hashable {
    /// Ranges of ports that fare differently from their neighbours, of all protocols together.
    let segments: Int

    /// A handful, and as many as 10,000 rules about one pair come to.
    static let few = RuleLoad(segments: 10)
    static let many = RuleLoad(segments: 4_000)

    /// The first number of a range, and whether what begins there passes.
    private struct Range {
        let first: UInt32
        let last: UInt32
        let passes: Bool
    }

    /// iperf3's port, and that of the benchmark's own tools.
    private static let measured: [FlowNumber.Transport: UInt32] = [.tcp: 5_201, .udp: 7_007]

    /// The ranges of TCP or of UDP. SCTP, ICMP and ICMPv6 have one each.
    private func ranges(_ transport: FlowNumber.Transport) -> [Range] {
        guard let port = Self.measured[transport] else { return [] }
        let count = max(3, (segments - 3 + (transport == .tcp ? 1 : 0)) / 2)
        let below = UInt32(count - 1) / 2
        let above = UInt32(count - 1) - below
        var starts = (0..<below).map { port * $0 / below } + [port]
        starts += (0..<above).map { port + 1 + (65_535 - port) * $0 / above }
        return starts.enumerated().map { index, first in
            Range(
                first: first, last: index + 1 < starts.count ? starts[index + 1] - 1 : 65_535,
                passes: (index - Int(below)).isMultiple(of: 2))
        }
    }

    // MARK: As a leaf tells the kernel

    /// The rules of a pair. Every range has a rule of its own, which is counted, as those of a leaf are.
    func rules(from source: Identity, to destination: Identity) -> PairRules {
        var segments: [FlowSegment] = []
        func add(_ transport: FlowNumber.Transport, _ first: UInt32, passes: Bool) {
            let rule = UInt32(segments.count + 1)
            segments.append(
                FlowSegment(
                    start: transport.rawValue << 16 | first,
                    action: FlowAction(passes ? .pass : .drop, answers: passes, rule: rule)))
        }
        for transport in [FlowNumber.Transport.tcp, .udp] {
            for range in ranges(transport) { add(transport, range.first, passes: range.passes) }
        }
        add(.sctp, 0, passes: false)
        add(.icmp, 0, passes: false)
        add(.icmpv6, 0, passes: true)
        let forward = FlowRules(segments: segments, otherwise: FlowAction(.drop))
        let backward = FlowRules(otherwise: FlowAction(.drop))
        return source < destination
            ? PairRules(low: forward, high: backward) : PairRules(low: backward, high: forward)
    }

    // MARK: As a host's firewall has them

    static let nftTable = "pbb"

    /// The same as a forward chain with connection tracking. The ports are a map, so that their number costs little,
    /// and answers are told first, as anybody would write it who cares for speed.
    func nftRuleset(from source: Identity, to destination: Identity) -> String {
        let ports = [FlowNumber.Transport.tcp, .udp].map { transport in
            let elements = ranges(transport).map {
                "\($0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)") : \($0.passes ? "accept" : "drop")"
            }
            return "ip6 saddr \(source) ip6 daddr \(destination) \(transport) dport vmap { "
                + elements.joined(separator: ", ") + " }"
        }
        return """
            table inet \(Self.nftTable) {
              chain forward {
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                ct state invalid drop
                \(ports.joined(separator: "\n    "))
                ip6 saddr \(source) ip6 daddr \(destination) meta l4proto ipv6-icmp accept
              }
            }

            """
    }
}
