/// What happens to the flows of one direction, by protocol and port, whatever rules it takes to say so.
struct PortEffects {
    struct Segment {
        let ports: PortMatch
        let outcome: Outcome
    }

    /// What happens to ports; protocols of which no rule speaks are not in it.
    private let segments: [PortProtocol: [Segment]]
    private let verdict: DirectionVerdict

    init(_ verdict: DirectionVerdict) {
        self.verdict = verdict
        var segments: [PortProtocol: [Segment]] = [:]
        for portProtocol in Set(verdict.rules.flatMap { $0.ports.map(\.portProtocol) }) {
            segments[portProtocol] = Self.segments(portProtocol, [verdict]) { $0[0] }
                .map { Segment(ports: $0.ports, outcome: $0.value) }
        }
        self.segments = segments
    }

    /// The ranges of a protocol in which the verdicts are each the same.
    private static func segments<Result>(
        _ portProtocol: PortProtocol, _ verdicts: [DirectionVerdict], _ combine: ([Outcome]) -> Result
    ) -> [(ports: PortMatch, value: Result)] {
        var cuts: Set<UInt32> = [0]
        for match in verdicts.flatMap({ $0.rules.flatMap(\.ports) }) where match.portProtocol == portProtocol {
            cuts.insert(UInt32(match.first))
            cuts.insert(UInt32(match.last) + 1)
        }
        let starts = cuts.filter { $0 <= UInt32(UInt16.max) }.sorted()
        return starts.enumerated().map { index, start in
            let end = index + 1 < starts.count ? starts[index + 1] - 1 : UInt32(UInt16.max)
            let outcomes = verdicts.map { $0.outcome(of: .numbered(portProtocol, UInt16(start))) }
            return (PortMatch(portProtocol, UInt16(start)...UInt16(end)), combine(outcomes))
        }
    }

    /// What changes from one verdict to another: ports in words, before, and after. Equal changes of neighbouring ports
    /// are one.
    static func changes(from old: DirectionVerdict, to new: DirectionVerdict) -> [(ports: String, Outcome, Outcome)] {
        var changes: [(ports: String, Outcome, Outcome)] = []
        if old.rules.isEmpty, new.rules.isEmpty {
            return old.otherwise.isSame(as: new.otherwise) ? [] : [("everything", old.otherwise, new.otherwise)]
        }
        // Mostly nothing changes; that is seen without taking the ports apart.
        if old.isSame(as: new) { return [] }
        let isOtherSame = old.otherwise.isSame(as: new.otherwise)
        let protocols = Set((old.rules + new.rules).flatMap { $0.ports.map(\.portProtocol) }).sorted()
        for portProtocol in protocols {
            var last: (first: UInt16, last: UInt16, before: Outcome, after: Outcome)?
            func flush() {
                guard let last else { return }
                changes.append((PortMatch(portProtocol, last.first...last.last).description, last.before, last.after))
            }
            for (ports, outcomes) in segments(portProtocol, [old, new], { ($0[0], $0[1]) }) {
                let (before, after) = outcomes
                if before.isSame(as: after) {
                    flush()
                    last = nil
                } else if let open = last, open.before.isSame(as: before), open.after.isSame(as: after) {
                    last = (open.first, ports.last, before, after)
                } else {
                    flush()
                    last = (ports.first, ports.last, before, after)
                }
            }
            flush()
        }
        if !isOtherSame {
            let others = protocols.map(\.description).joined(separator: ", ")
            changes.append(("everything but \(others)", old.otherwise, new.otherwise))
        }
        return changes
    }

    /// The ports that pass, in words: `tcp/5432, udp/53`, `everything`, `nothing`.
    var allowed: String {
        var words: [String] = []
        for (_, segments) in segments.sorted(by: { $0.key < $1.key }) {
            var open: PortMatch?
            for segment in segments where segment.outcome.isPlugged {
                if let before = open, UInt32(before.last) + 1 == UInt32(segment.ports.first) {
                    open = PortMatch(before.portProtocol, before.first...segment.ports.last)
                } else {
                    if let open { words.append(open.description) }
                    open = segment.ports
                }
            }
            if let open { words.append(open.description) }
        }
        if verdict.otherwise.isPlugged { words.append(words.isEmpty && segments.isEmpty ? "everything" : "all else") }
        return words.isEmpty ? "nothing" : words.joined(separator: ", ")
    }
}
