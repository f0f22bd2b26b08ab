import NetTypes

// Rules of one rank that overlap and say different things: which of them decides is settled (the stricter), but
// probably nobody thought of it.

extension Checker {
    mutating func conflicts() {
        var comparisons = 0
        for (position, rule) in policy.rules.enumerated() where rule.flags.contains(.platform) == isPlatform {
            let source = document.rules[Int(rule.index)]
            guard !rule.flags.contains(.dryRun), rule.verdict != .pass, !source.isLevelGuardrail else { continue }
            // The rank is a run in the order of decision; nothing to do where all of it says the same.
            guard position > 0, isSameRank(source, before: position) else { continue }
            let from = coverage.number(source.from, isPlatform: isPlatform)
            let to = coverage.number(source.to, isPlatform: isPlatform)
            var found = Set<UInt32>()
            for side in coverage.meeting[Int(from)] {
                let (start, end) = (Int(policy.starts[Int(side)]), Int(policy.starts[Int(side) + 1]))
                for entry in policy.entries[start..<end] where entry.rule < UInt32(position) {
                    comparisons += 1
                    guard coverage.meeting[Int(to)].contains(entry.to) else { continue }
                    if contradicts(source, entry.rule) { found.insert(entry.rule) }
                }
                guard comparisons <= PolicyLimits.conflictComparisons, findings.count < PolicyLimits.findings else {
                    report(
                        .incomplete, .note, DocumentPath(.rules),
                        "the search for conflicts stopped after \(comparisons) comparisons",
                        "give rules that overlap different priorities")
                    return
                }
            }
            for other in found.sorted() {
                let earlier = policy.rules[Int(other)]
                report(
                    .conflict, .warning, DocumentPath(.rules, Int(rule.index)),
                    "rules '\(earlier.name)' and '\(rule.name)' overlap at priority \(source.priority) and say "
                        + "\(earlier.verdict.rawValue) and \(rule.verdict.rawValue); '\(earlier.name)' decides, as the stricter",
                    "give one of them a lower priority number")
            }
        }
    }

    private func isSameRank(_ rule: Rule, before position: Int) -> Bool {
        let earlier = policy.rules[position - 1]
        guard earlier.flags.contains(.platform) == isPlatform else { return false }
        return isSameRank(rule, document.rules[Int(earlier.index)])
    }

    private func isSameRank(_ a: Rule, _ b: Rule) -> Bool {
        document.tierIndex(of: a) == document.tierIndex(of: b) && a.priority == b.priority
            && a.specificity == b.specificity
    }

    private func contradicts(_ rule: Rule, _ other: UInt32) -> Bool {
        let earlier = policy.rules[Int(other)]
        guard earlier.flags.contains(.platform) == isPlatform, earlier.flags.isDisjoint(with: [.dryRun, .levels]),
            earlier.verdict != rule.verdict, earlier.verdict != .pass
        else { return false }
        let source = document.rules[Int(earlier.index)]
        guard isSameRank(rule, source) else { return false }
        if let end = source.notAfter, let start = rule.notBefore, end <= start { return false }
        if let end = rule.notAfter, let start = source.notBefore, end <= start { return false }
        return rule.ports.isEmpty
            || rule.ports.contains { a in
                source.ports.contains { b in
                    a.portProtocol == b.portProtocol && a.first <= b.last && b.first <= a.last
                }
            }
    }
}
