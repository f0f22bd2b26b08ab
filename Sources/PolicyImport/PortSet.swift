import PolicyLanguage

/// Ports as rules list them: ranges that may touch, for a range of ICMP types has no text form.
struct PortSet: Hashable, Sendable {
    /// Each range once, and none that is inside another.
    let matches: [PortMatch]

    /// Every flow of the five protocols that have ports, or types and codes.
    static let all = PortSet(PortProtocol.allCases.map { PortMatch($0) })

    init(_ matches: [PortMatch]) {
        var kept: [PortMatch] = []
        // Wider ranges first, so that what is inside one comes after it.
        for match in Set(matches).sorted(by: { ($1.last - $1.first, $0) < ($0.last - $0.first, $1) })
        where !kept.contains(where: { $0.covers(match) }) {
            kept.append(match)
        }
        self.matches = kept.sorted()
    }

    var isEmpty: Bool { matches.isEmpty }
    var isAll: Bool { self == Self.all }

    func intersection(_ other: Self) -> Self {
        if isAll { return other }
        if other.isAll { return self }
        var common: [PortMatch] = []
        for a in matches {
            for b in other.matches where a.portProtocol == b.portProtocol {
                let (low, high) = (max(a.first, b.first), min(a.last, b.last))
                if low <= high { common.append(PortMatch(a.portProtocol, low...high)) }
            }
        }
        return Self(common)
    }

    func union(_ other: Self) -> Self { Self(matches + other.matches) }

    /// The set in lists of as many as one rule may have.
    var lists: [[PortMatch]] {
        stride(from: 0, to: matches.count, by: PolicyLimits.ports).map {
            Array(matches[$0..<min($0 + PolicyLimits.ports, matches.count)])
        }
    }
}

extension PortMatch {
    fileprivate func covers(_ other: Self) -> Bool {
        portProtocol == other.portProtocol && first <= other.first && other.last <= last
    }
}
