internal import CKernelPath
internal import Glibc
internal import NetTypes

/// Which pair has which number and which rules, and how many wires carry the number.
///
/// A number lives as long as the pair has rules or a wire carries it. It is given to another pair only when no entry of
/// the flow map has it any more, so that no pair ever has the flows of another.
struct RuleTable {
    /// A pair: the numbers of its flow rules, and its limits with their first classes; all 0 when it has no rules.
    struct Entry {
        var number: UInt32
        var low = 0
        var high = 0
        var limits: [FlowLimit] = []
        var classes: (low: UInt32, high: UInt32) = (0, 0)
        var hasRules: Bool { low != 0 }

        /// `kp_pair.word`
        var word: UInt64 {
            UInt64(low) | UInt64(high) << 16 | UInt64(classes.low) << 32 | UInt64(classes.high) << 48
        }
    }

    /// Nil: there was no limit yet.
    var shaper: Shaper?
    private let maps: DataPathMaps
    private var store: FlowRuleStore
    private var entries: [PairEnds: Entry] = [:]
    private(set) var ends: [UInt32: PairEnds] = [:]
    private var wires: [UInt32: Int] = [:]
    private var free: [UInt32] = []
    /// Numbers that nobody has any more, but perhaps entries of the flow map.
    private var left: Set<UInt32> = []
    private var end: UInt32 = 1

    /// Takes over what an earlier process made, and what wires it plugged.
    init(_ maps: DataPathMaps, wires carried: [UInt32]) throws(DataPathError) {
        self.maps = maps
        let numbered = try maps.pairNumbers.entries(emptyKey: kp_ends(), emptyValue: 0)
        var words: [UInt64] = []
        for (key, number) in numbered {
            guard number > 0, number < maps.pairs.count else { continue }
            let ends = PairEnds(key.low.value, key.high.value)
            let word = maps.pairs.published(at: Int(number))
            words.append(word)
            var entry = Entry(number: number, low: Int(word & 0xffff), high: Int(word >> 16 & 0xffff))
            entry.classes = (UInt32(word >> 32 & 0xffff), UInt32(word >> 48))
            entry.limits = Shaper.limits(at: entry.classes.low, in: maps.classes)
            entries[ends] = entry
            self.ends[number] = ends
            end = max(end, number + 1)
        }
        store = FlowRuleStore(
            rules: maps.rules, segments: maps.segments, counts: maps.ruleCounts, words: words)
        for pair in carried where pair != 0 {
            wires[pair >> 1, default: 0] += 1
            end = max(end, (pair >> 1) + 1)
        }
        left = Set((1..<end).filter { [ends, wires] in ends[$0] == nil && wires[$0] == nil })
        // A process that ended between two steps may have left pairs that nobody needs.
        for (pair, entry) in entries where !entry.hasRules { dropIfUnused(pair) }
    }

    // MARK: Rules

    /// Sets or takes away the rules of a pair. What was published before stays when this fails.
    mutating func set(_ rules: PairRules?, of pair: PairEnds) throws(DataPathError) -> PairBinding? {
        guard let rules else {
            forget(pair)
            return nil
        }
        if let fault = rules.fault { throw DataPathError(.rules, number: EINVAL, "the rules of \(pair): \(fault)") }
        let low = try store.retain(rules.low)
        let high: Int
        do throws(DataPathError) {
            high = try store.retain(rules.high)
        } catch {
            store.release(low)
            throw error
        }
        var entry: Entry
        let previous: Entry
        do throws(DataPathError) {
            entry = try self.entry(of: pair)
            previous = entry
            try limit(&entry, to: rules.limits)
        } catch {
            dropIfUnused(pair)
            store.release(low)
            store.release(high)
            throw error
        }
        (entry.low, entry.high) = (low, high)
        publish(entry, of: pair)
        if previous.hasRules {
            store.release(previous.low)
            store.release(previous.high)
        }
        if previous.classes != entry.classes { removeClasses(of: previous) }
        return PairBinding(ends: pair, number: entry.number)
    }

    /// The rules that a pair has.
    func rules(of pair: PairEnds) -> PairRules? {
        guard let entry = entries[pair], let low = store[entry.low], let high = store[entry.high] else { return nil }
        return PairRules(low: low, high: high, limits: entry.limits)
    }

    private mutating func publish(_ entry: Entry, of pair: PairEnds) {
        entries[pair] = entry
        maps.pairs.publish(entry.word, at: Int(entry.number))
    }

    private mutating func forget(_ pair: PairEnds) {
        guard let entry = entries[pair] else { return }
        if entry.hasRules {
            publish(Entry(number: entry.number), of: pair)
            store.release(entry.low)
            store.release(entry.high)
            removeClasses(of: entry)
        }
        dropIfUnused(pair)
    }

    // MARK: Limits

    /// Gives an entry classes for its limits: the same ones, changed in place, when they are as many as before.
    private mutating func limit(_ entry: inout Entry, to limits: [FlowLimit]) throws(DataPathError) {
        guard limits != entry.limits else { return }
        if limits.isEmpty {
            entry.classes = (0, 0)
        } else if limits.count == entry.limits.count, entry.classes.low != 0, let shaper {
            do throws(DataPathError) {
                try shaper.write(limits, at: entry.classes.low)
                try shaper.write(limits, at: entry.classes.high)
            } catch {
                try? shaper.write(entry.limits, at: entry.classes.low)
                try? shaper.write(entry.limits, at: entry.classes.high)
                throw error
            }
        } else {
            guard let low = try shaper?.take(limits) else {
                throw DataPathError(.device, number: ENODEV, "there is no shaper for a limit")
            }
            do throws(DataPathError) {
                entry.classes = (low, try shaper?.take(limits) ?? 0)
            } catch {
                shaper?.give(low, limits.count)
                throw error
            }
        }
        entry.limits = limits
    }

    private mutating func removeClasses(of entry: Entry) {
        shaper?.give(entry.classes.low, entry.limits.count)
        shaper?.give(entry.classes.high, entry.limits.count)
    }

    // MARK: Numbers

    /// The pair of a number.
    func binding(_ number: UInt32) -> PairBinding? {
        ends[number].map { PairBinding(ends: $0, number: number) }
    }

    /// The number of a pair; nil: it has none.
    func number(of pair: PairEnds) -> UInt32? { entries[pair]?.number }

    /// Whether a binding is that of a pair now.
    func isCurrent(_ binding: PairBinding) -> Bool { entries[binding.ends]?.number == binding.number }

    /// A wire carries another pair than before; 0: none. `kp_wire.pair` and `kp_receive.pair`.
    mutating func exchange(_ old: UInt32, for new: UInt32) {
        if new != 0 { wires[new >> 1, default: 0] += 1 }
        guard old != 0, let count = wires[old >> 1] else { return }
        wires[old >> 1] = count > 1 ? count - 1 : nil
        guard count == 1 else { return }
        if let pair = ends[old >> 1] { dropIfUnused(pair) } else { left.insert(old >> 1) }
    }

    private mutating func dropIfUnused(_ pair: PairEnds) {
        guard let entry = entries[pair], !entry.hasRules, wires[entry.number] == nil else { return }
        entries[pair] = nil
        ends[entry.number] = nil
        _ = maps.pairNumbers.remove(kp_ends(pair), empty: 0)
        left.insert(entry.number)
    }

    /// The entry of a pair, with a number of its own that is written down.
    private mutating func entry(of pair: PairEnds) throws(DataPathError) -> Entry {
        if let entry = entries[pair] { return entry }
        if free.isEmpty, end >= UInt32(maps.pairs.count), !left.isEmpty { try sweep() }
        let number: UInt32
        if end < UInt32(maps.pairs.count) {
            number = end
        } else if let last = free.last {
            number = last
        } else {
            throw DataPathError(
                .full, number: ENOSPC,
                """
                the map of pairs is full, at its limit of \(maps.pairs.count - 1) pairs with rules; remove the pins \
                and start with a larger one
                """)
        }
        maps.pairs.publish(0, at: Int(number))
        try maps.pairNumbers.update(kp_ends(pair), number, limit: UInt32(maps.pairs.count))
        if number == end { end += 1 } else { free.removeLast() }
        ends[number] = pair
        let entry = Entry(number: number)
        entries[pair] = entry
        return entry
    }

    /// Deletes the flows of numbers that nobody has, so that they can be given to others.
    private mutating func sweep() throws(DataPathError) {
        for (key, _) in try maps.flows.entries(emptyKey: kp_flow_key(), emptyValue: kp_flow())
        where left.contains(key.pair) {
            _ = maps.flows.remove(key)
        }
        free += left.sorted()
        left = []
    }
}
