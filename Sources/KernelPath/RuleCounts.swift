internal import CKernelPath
internal import CLibbpf
internal import CLinux
internal import Glibc

/// What a rule decided, by its number; packets of super-packets count one by one.
public struct RuleCounters: Hashable, Sendable {
    /// Packets that it passed.
    public var packets: UInt64
    /// Their bytes, of IP packets.
    public var bytes: UInt64
    /// Packets that it dropped or rejected.
    public var drops: UInt64
    /// Packets that it would have decided otherwise, when it was only tried.
    public var dryRuns: UInt64

    public init(packets: UInt64 = 0, bytes: UInt64 = 0, drops: UInt64 = 0, dryRuns: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
        self.drops = drops
        self.dryRuns = dryRuns
    }
}

/// The kernel's counters of rules: rows of places, and which rule has which place.
///
/// Each processor counts in a row of its own, or shares one with few others when there are many: a row has a place for
/// each rule that can be, and a map for each processor of a large machine would take hundreds of megabytes.
final class RuleCounts: @unchecked Sendable {
    // Everything that changes is changed under the lock of the rules, but for what programs count.
    private let counts: SharedArray<kp_rule_count>
    private let numbers: SharedArray<UInt64>
    private let rows: Int
    private let room: Int
    /// By number; and since when nobody refers to it, if that is so.
    private var places: [UInt32: (place: UInt32, references: Int, since: UInt64)] = [:]
    private var free: [UInt32] = []
    private var end: UInt32 = 1

    /// The most rows: 2 MiB each for 65,536 rules.
    private static let mostRows = 16

    /// How many rows there are: a power of two, one for each processor if that is few.
    static var rowCount: UInt32 {
        var rows = 1
        while rows < min(processors, mostRows) { rows *= 2 }
        return UInt32(rows)
    }

    private static var processors: Int { max(1, Int(libbpf_num_possible_cpus())) }

    /// How many elements the map of the counters has, for a number of rules. The first place of a row is nobody's.
    static func elementCount(rules: UInt32) -> UInt32 {
        let most = UInt32.max / rowCount - 1
        return (min(rules, most) + 1) * rowCount
    }

    /// Takes over what an earlier process counted.
    init(_ counts: SharedArray<kp_rule_count>, numbers: SharedArray<UInt64>) {
        (self.counts, self.numbers) = (counts, numbers)
        rows = Int(Self.rowCount)
        room = min(counts.count / rows, numbers.count)
        let now = cl_monotonic_ns()
        for place in 1..<room where numbers[place] != 0 {
            let number = UInt32(truncatingIfNeeded: numbers[place])
            places[number] = (UInt32(place), 0, now)
            end = UInt32(place) + 1
        }
        free = (1..<end).filter { numbers[Int($0)] == 0 }
    }

    /// Says in the host's configuration where programs count.
    func describe(in host: inout kp_config) {
        host.rule_rows = UInt8(rows - 1)
        host.rules_shared = Self.processors > rows ? 1 : 0
        host.rule_room = UInt32(room)
    }

    /// Makes sure that the numbers of flow rules can be counted under.
    func retain(_ rules: FlowRules) throws(DataPathError) {
        var retained: [UInt32] = []
        do throws(DataPathError) {
            for number in Self.numbers(rules) {
                if places[number] == nil { try makePlace(for: number) }
                places[number]?.references += 1
                retained.append(number)
            }
        } catch {
            drop(retained)
            throw error
        }
    }

    /// What was counted stays until the room is needed.
    func release(_ rules: FlowRules) { drop(Self.numbers(rules)) }

    /// The place of a number that is retained; 0: it has none, and nothing is counted.
    func place(of number: UInt32) -> UInt32 { places[number]?.place ?? 0 }

    /// The number that has a place.
    func number(at place: UInt32) -> UInt32 {
        place > 0 && place < room ? UInt32(truncatingIfNeeded: numbers[Int(place)]) : 0
    }

    /// All counters.
    var all: [UInt32: RuleCounters] {
        places.mapValues { entry in
            (0..<rows).reduce(into: RuleCounters()) { sum, row in
                let count = counts[row * room + Int(entry.place)]
                sum.packets &+= count.packets
                sum.bytes &+= count.bytes
                sum.drops &+= count.drops
                sum.dryRuns &+= count.dry_runs
            }
        }
    }

    private func makePlace(for number: UInt32) throws(DataPathError) {
        if free.isEmpty, end >= room { forgetUnused() }
        let place: UInt32
        if let last = free.popLast() {
            place = last
        } else if end < room {
            place = end
            end += 1
        } else {
            throw DataPathError(
                .full, number: ENOSPC,
                "the map of rule counters is full, at its limit of \(room - 1) rules; number fewer rules")
        }
        for row in 0..<rows { counts[row * room + Int(place)] = kp_rule_count() }
        numbers[Int(place)] = UInt64(number)
        places[number] = (place, 0, cl_monotonic_ns())
    }

    private func drop(_ numbers: some Sequence<UInt32>) {
        let now = cl_monotonic_ns()
        for number in numbers {
            places[number]?.references -= 1
            places[number]?.since = now
        }
    }

    /// Frees the places of rules that nobody refers to. A packet may just have read the rules, so they rest before.
    private func forgetUnused() {
        let unused = places.filter { $0.value.references == 0 }
        guard let newest = unused.values.map(\.since).max() else { return }
        let (ripe, now) = (newest + FlowRuleStore.rest, cl_monotonic_ns())
        if ripe > now { usleep(UInt32((ripe - now) / 1000) + 1) }
        for (number, entry) in unused {
            numbers[Int(entry.place)] = 0
            places[number] = nil
            free.append(entry.place)
        }
    }

    private static func numbers(_ rules: FlowRules) -> Set<UInt32> {
        Set(rules.actions.flatMap { [$0.rule, $0.dryRun] }).subtracting([0])
    }
}
