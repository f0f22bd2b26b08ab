internal import CKernelPath
internal import CLinux
internal import Glibc

/// The flow rules that are in the kernel, each once, however many pairs have them.
///
/// What is published is never changed. When nobody refers to it any more, its number and its places rest before they are
/// given to another: a packet may have read them just before.
struct FlowRuleStore {
    private let rules: SharedArray<kp_flow_rules>
    private let segments: SharedArray<kp_segment>
    private let counts: RuleCounts

    private var numbers: [FlowRules: Int] = [:]
    private var contents: [Int: (rules: FlowRules, places: Range<Int>, references: Int)] = [:]
    private var free: [Int] = []
    private var end = 1
    private var room: SegmentRoom
    private var resting: [(number: Int, places: Range<Int>, since: UInt64)] = []

    /// How long something rests, in nanoseconds: far longer than a packet takes through a program.
    static let rest: UInt64 = 200_000_000

    /// Takes over what the pairs of an earlier process refer to, by the numbers in their words.
    init(
        rules: SharedArray<kp_flow_rules>, segments: SharedArray<kp_segment>, counts: RuleCounts, words: [UInt64]
    ) {
        (self.rules, self.segments, self.counts) = (rules, segments, counts)
        var used: [Range<Int>] = []
        for number in words.flatMap({ [Int($0 & 0xffff), Int($0 >> 16 & 0xffff)] })
        where number > 0 && number < rules.count {
            if contents[number] != nil {
                contents[number]?.references += 1
                continue
            }
            let entry = rules[number]
            let places = Int(entry.first)..<Int(entry.first) + Int(entry.count)
            guard places.upperBound <= segments.count else { continue }
            let content = FlowRules(
                segments: places.map { place in
                    FlowSegment(
                        start: segments[place].start, action: FlowAction(segments[place].action, counts.number(at:)))
                },
                otherwise: FlowAction(entry.otherwise, counts.number(at:)))
            contents[number] = (content, places, 1)
            numbers[content] = number
            used.append(places)
            // They were there when the rules were published; without them packets pass uncounted.
            try? counts.retain(content)
            end = max(end, number + 1)
        }
        free = (1..<end).filter { [contents] in contents[$0] == nil }
        room = SegmentRoom(capacity: segments.count, used: used)
    }

    /// How many different flow rules there are.
    var count: Int { contents.count }

    /// What is published under a number.
    subscript(number: Int) -> FlowRules? { contents[number]?.rules }

    /// The number of flow rules for one more pair; they are published when they are new.
    mutating func retain(_ content: FlowRules) throws(DataPathError) -> Int {
        if let number = numbers[content] {
            contents[number]?.references += 1
            return number
        }
        reclaim()
        var taken = take(content.segments.count)
        while taken == nil, let oldest = resting.first {
            // Full of what rests: wait for it, at most for as long as anything rests.
            let now = cl_monotonic_ns()
            if oldest.since + Self.rest > now { usleep(UInt32((oldest.since + Self.rest - now) / 1000) + 1) }
            reclaim()
            taken = take(content.segments.count)
        }
        guard let (number, places) = taken else {
            let what =
                end >= rules.count && free.isEmpty
                ? "the map of flow rules is full, at its limit of \(rules.count - 1)"
                : "the map of segments is full, at its limit of \(segments.count)"
            throw DataPathError(
                .full, number: ENOSPC, "\(what); give more endpoints the same rules, or start with a larger one")
        }
        do throws(DataPathError) {
            try counts.retain(content)
        } catch {
            free.append(number)
            room.give(places)
            throw error
        }
        for (place, segment) in zip(places, content.segments) {
            segments[place] = kp_segment(action: kp_action(segment.action, counts), start: segment.start)
        }
        rules[number] = kp_flow_rules(
            first: UInt32(places.lowerBound), count: UInt32(places.count),
            otherwise: kp_action(content.otherwise, counts), pad: 0)
        numbers[content] = number
        contents[number] = (content, places, 1)
        return number
    }

    /// One pair less with the flow rules of a number.
    mutating func release(_ number: Int) {
        guard let entry = contents[number] else { return }
        if entry.references > 1 {
            contents[number]?.references -= 1
            return
        }
        contents[number] = nil
        if numbers[entry.rules] == number { numbers[entry.rules] = nil }
        counts.release(entry.rules)
        resting.append((number, entry.places, cl_monotonic_ns()))
    }

    private mutating func take(_ count: Int) -> (Int, Range<Int>)? {
        guard !free.isEmpty || end < rules.count else { return nil }
        guard let places = count == 0 ? 0..<0 : room.take(count) else { return nil }
        if let number = free.popLast() { return (number, places) }
        end += 1
        return (end - 1, places)
    }

    private mutating func reclaim() {
        let now = cl_monotonic_ns()
        let ripe = resting.prefix { $0.since + Self.rest <= now }
        for entry in ripe {
            free.append(entry.number)
            room.give(entry.places)
        }
        resting.removeFirst(ripe.count)
    }
}

extension kp_action {
    /// Its rules are retained.
    fileprivate init(_ action: FlowAction, _ counts: RuleCounts) {
        var flags: Int32 = 0
        if action.answers { flags |= KP_ACTION_ANSWERS }
        if action.isLogged { flags |= KP_ACTION_LOGGED }
        self.init(
            verdict: action.verdict.rawValue, flags: UInt8(flags), limit: action.limit, pad: 0,
            rule: counts.place(of: action.rule), dry_run: counts.place(of: action.dryRun))
    }
}

extension FlowAction {
    /// - Parameter number: gives the number of the rule that is counted at a place.
    init(_ action: kp_action, _ number: (UInt32) -> UInt32) {
        self.init(
            Verdict(rawValue: action.verdict) ?? .drop, answers: Int32(action.flags) & KP_ACTION_ANSWERS != 0,
            isLogged: Int32(action.flags) & KP_ACTION_LOGGED != 0, limit: action.limit,
            rule: number(action.rule), dryRun: number(action.dry_run))
    }
}
