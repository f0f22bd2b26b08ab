public import NetTypes

extension CompiledPolicy {
    /// What the policy says about a pair.
    ///
    /// - Parameters:
    ///   - first: A party, by ``membership(of:)`` of this same policy.
    ///   - second: Another.
    ///   - moment: When. Rules that do not hold then are as if they were not there.
    ///   - zones: What clocks show where.
    public func compile(
        _ first: Membership, _ second: Membership, at moment: Timestamp, zones: some TimeZones = FixedTimeZones()
    ) -> PairVerdict {
        var until: Timestamp?
        let forward = decisive(first, second, moment, zones, &until)
        let backward = decisive(second, first, moment, zones, &until)
        return PairVerdict(
            forward: direction(forward, back: backward), backward: direction(backward, back: forward), holdsUntil: until
        )
    }

    /// The rules that match one direction, in the order in which they decide, up to the first that decides all of it.
    struct Decisive {
        var rules: [UInt32] = []
        var dryRun: [UInt32] = []
        /// The rule that decides what no rule before it does.
        var whole: UInt32?
    }

    private func decisive(
        _ source: Membership, _ destination: Membership, _ moment: Timestamp, _ zones: some TimeZones,
        _ until: inout Timestamp?
    ) -> Decisive {
        var matching = matching(source, destination)
        matching.sort()
        var decisive = Decisive()
        var isPassed = false
        var last: UInt32?
        for number in matching {
            // A rule may stand in the index under several sides of a party.
            if number == last { continue }
            last = number
            let rule = rules[Int(number)]
            if isPassed, rule.flags.contains(.platform) { continue }
            if rule.flags.contains(.levels), source.level <= destination.level { continue }
            if rule.timing >= 0 {
                let timing = timings[Int(rule.timing)]
                let bound = timing.holdsUntil(after: moment, zones: zones)
                until = until.map { min($0, bound) } ?? bound
                if !timing.holds(at: moment, zones: zones) { continue }
            }
            if rule.flags.contains(.dryRun) {
                decisive.dryRun.append(number)
            } else if rule.verdict == .pass {
                isPassed = true
            } else if rule.isWhole {
                decisive.whole = number
                break
            } else {
                decisive.rules.append(number)
            }
        }
        return decisive
    }

    /// The rules under the sides of both parties, in no order; of each pair of sides those up to the first that surely
    /// decides everything.
    func matching(_ source: Membership, _ destination: Membership) -> [UInt32] {
        var found: [UInt32] = []
        for side in source.sides {
            let (start, end) = (Int(starts[Int(side)]), Int(starts[Int(side) + 1]))
            if start == end { continue }
            if end - start <= destination.sides.count * 2 {
                var index = start
                while index < end {
                    let to = entries[index].to
                    index = destination.contains(to) ? take(index, end, &found) : index + 1
                }
            } else {
                for to in destination.sides {
                    let first = lowerBound(to, start, end)
                    if first < end, entries[first].to == to { _ = take(first, end, &found) }
                }
            }
        }
        return found
    }

    /// Takes the rules of one pair of sides; gives the index after them.
    private func take(_ start: Int, _ end: Int, _ found: inout [UInt32]) -> Int {
        let to = entries[start].to
        var index = start
        var isDecided = false
        while index < end, entries[index].to == to {
            if !isDecided {
                let number = entries[index].rule
                found.append(number)
                let rule = rules[Int(number)]
                isDecided =
                    rule.isWhole && rule.timing < 0 && rule.verdict != .pass
                    && rule.flags.isDisjoint(with: [.dryRun, .levels, .platform])
            } else if end - index > 8 {
                return lowerBound(to + 1, index, end)
            }
            index += 1
        }
        return index
    }

    private func lowerBound(_ to: UInt32, _ start: Int, _ end: Int) -> Int {
        var (low, high) = (start, end)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].to < to { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func direction(_ decisive: Decisive, back: Decisive) -> DirectionVerdict {
        // A rule that unplugs the whole way back stops answers to flows that rules after it let through.
        let barrier = back.whole.flatMap { rules[Int($0)].verdict.forbids ? $0 : nil }
        func outcome(_ number: UInt32) -> Outcome {
            let rule = rules[Int(number)]
            let answers =
                rule.verdict == .plug && !rule.flags.contains(.oneWay) && !(barrier.map { $0 < number } ?? false)
            return rule.outcome(answers: answers, position: number)
        }
        var direction = DirectionVerdict()
        direction.rules = decisive.rules.map { number in
            PortRule(ports: Array(ports(of: rules[Int(number)])), outcome: outcome(number))
        }
        if let whole = decisive.whole { direction.otherwise = outcome(whole) }
        direction.dryRun = decisive.dryRun.map { rules[Int($0)].reference($0) }
        return direction
    }
}
