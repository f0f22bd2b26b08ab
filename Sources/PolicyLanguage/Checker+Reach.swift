import NetTypes

// Rules that never decide, for they match nothing, or others always stand before them.

extension Checker {
    mutating func reach() {
        // A guardrail after which another passes flows on does not surely decide.
        let empty = Set(document.groups.filter { $0.definition == .members([]) }.map(\.name))
        let mayPass = policy.rules.contains { $0.verdict == .pass }
        for (position, rule) in policy.rules.enumerated() where rule.flags.contains(.platform) == isPlatform {
            let index = Int(rule.index)
            let path = DocumentPath(.rules, index)
            let source = document.rules[index]
            if let notAfter = source.notAfter, notAfter <= moment {
                report(
                    .unreachable, .warning, DocumentPath(.rules, index, "not-after"),
                    "rule '\(rule.name)' holds no more since \(notAfter)", "remove it, or write a later moment")
                continue
            }
            if case .endpoint = source.from, source.from == source.to {
                report(
                    .unreachable, .warning, path, "rule '\(rule.name)' is between an endpoint and itself",
                    "name another endpoint")
                continue
            }
            if let side = emptySide(source, empty) {
                report(
                    .unreachable, endpoints == nil ? .warning : .note, DocumentPath(.rules, index, side),
                    "rule '\(rule.name)' matches nothing: nobody is in its '\(side)'", "see what the group selects")
                continue
            }
            if !rule.flags.contains(.dryRun) { covered(UInt32(position), source, path, mayPass) }
        }
    }

    /// The side of a rule on which nobody stands: nobody at all where the endpoints are known, else a group that lists
    /// no members.
    private func emptySide(_ rule: Rule, _ empty: Set<Name>) -> String? {
        for (peer, field) in [(rule.from, "from"), (rule.to, "to")] {
            guard case .group(let name) = peer else { continue }
            if endpoints != nil {
                if coverage.population[Int(coverage.number(peer, isPlatform: isPlatform))] == 0 { return field }
            } else if empty.contains(name) {
                return field
            }
        }
        return nil
    }

    private mutating func covered(_ position: UInt32, _ rule: Rule, _ path: DocumentPath, _ mayPass: Bool) {
        let from = coverage.number(rule.from, isPlatform: isPlatform)
        let to = coverage.number(rule.to, isPlatform: isPlatform)
        guard var covering = covering(position, from, to, rule, mayPass) else { return }
        if rule.isMirrored {
            guard let back = self.covering(position, to, from, rule, mayPass) else { return }
            covering.formUnion(back)
        }
        let rules = covering.sorted().map { policy.rules[Int($0)] }
        let names = rules.prefix(3).enumerated().map { offset, rule in
            rule.reference(covering.sorted()[offset]).description
        }
        let isSame = rules.allSatisfy { $0.verdict == rule.verdict && $0.security == rule.security }
        report(
            isSame ? .redundant : .shadowed, .warning, path,
            "rule '\(rule.name)' never decides: \(names.joined(separator: ", ")) \(names.count == 1 ? "stands" : "stand") before it",
            isSame ? "remove it" : "give it a lower priority number, or narrow the other")
    }

    /// The rules before one that together decide everything that it matches in one direction; nil where they do not.
    private func covering(
        _ position: UInt32, _ from: UInt32, _ to: UInt32, _ rule: Rule, _ mayPass: Bool
    ) -> Set<UInt32>? {
        let timing = policy.rules[Int(position)].timing
        var ports: [(PortMatch, UInt32)] = []
        for from in coverage.covering(from) {
            for to in coverage.covering(to) {
                for other in policy.rules(from: from, to: to) {
                    guard other < position else { break }
                    let earlier = policy.rules[Int(other)]
                    guard earlier.flags.isDisjoint(with: [.dryRun, .levels]), earlier.verdict != .pass,
                        earlier.timing < 0 || earlier.timing == timing,
                        !(mayPass && earlier.flags.contains(.platform))
                    else { continue }
                    if earlier.isWhole { return [other] }
                    if !rule.ports.isEmpty { ports += policy.ports(of: earlier).map { ($0, other) } }
                }
            }
        }
        guard !rule.ports.isEmpty else { return nil }
        var used = Set<UInt32>()
        for match in rule.ports {
            // Goes on from the lowest number that nothing covers yet.
            var next = UInt32(match.first)
            while next <= UInt32(match.last) {
                let best = ports.filter { $0.0.contains(match.portProtocol, UInt16(next)) }.max {
                    $0.0.last < $1.0.last
                }
                guard let best else { return nil }
                used.insert(best.1)
                next = UInt32(best.0.last) + 1
            }
        }
        return used
    }
}
