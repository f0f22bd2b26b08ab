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

/// The kernel's counters of rules. An element has to be there before a packet can be counted in it.
final class RuleCounts: @unchecked Sendable {
    // Everything that changes is changed under the lock of the rules.
    private let descriptor: Int32
    private let capacity: UInt32
    private let processors: Int
    private var references: [UInt32: Int] = [:]

    /// Takes over a descriptor, and what an earlier process counted.
    init(_ descriptor: Int32, capacity: UInt32) {
        self.descriptor = descriptor
        self.capacity = capacity
        processors = max(1, Int(libbpf_num_possible_cpus()))
        var key: UInt32 = 0
        var next: UInt32 = 0
        var found = unsafe bpf_map_get_next_key(descriptor, nil, &next)
        while found == 0 {
            references[next] = 0
            key = next
            found = unsafe bpf_map_get_next_key(descriptor, &key, &next)
        }
    }

    deinit { _ = cl_close(descriptor) }

    /// Makes sure that the numbers of flow rules can be counted under.
    func retain(_ rules: FlowRules) throws(DataPathError) {
        var retained: [UInt32] = []
        do throws(DataPathError) {
            for number in Self.numbers(rules) {
                if references[number] == nil { try make(number) }
                references[number, default: 0] += 1
                retained.append(number)
            }
        } catch {
            for number in retained { references[number]? -= 1 }
            throw error
        }
    }

    private func make(_ number: UInt32) throws(DataPathError) {
        if references.count >= Int(capacity) { forgetUnused() }
        var key = number
        let zeros = [kp_rule_count](repeating: kp_rule_count(), count: processors)
        let result = unsafe bpf_map_update_elem(descriptor, &key, zeros, 0)
        if result == -E2BIG || result == -ENOSPC {
            throw DataPathError(
                .full, number: -result,
                "the map of rule counters is full, at its limit of \(capacity) rules; number fewer rules")
        }
        if result < 0 { throw .system(result, "the map of rule counters") }
    }

    /// What was counted stays until the room is needed.
    func release(_ rules: FlowRules) {
        for number in Self.numbers(rules) { references[number]? -= 1 }
    }

    /// All counters.
    var all: [UInt32: RuleCounters] {
        var sums: [UInt32: RuleCounters] = [:]
        for number in references.keys {
            var key = number
            var counts = [kp_rule_count](repeating: kp_rule_count(), count: processors)
            guard unsafe bpf_map_lookup_elem(descriptor, &key, &counts) == 0 else { continue }
            sums[number] = counts.reduce(into: RuleCounters()) { sum, count in
                sum.packets &+= count.packets
                sum.bytes &+= count.bytes
                sum.drops &+= count.drops
                sum.dryRuns &+= count.dry_runs
            }
        }
        return sums
    }

    private func forgetUnused() {
        for number in references.filter({ $0.value <= 0 }).keys {
            var key = number
            unsafe _ = bpf_map_delete_elem(descriptor, &key)
            references[number] = nil
        }
    }

    private static func numbers(_ rules: FlowRules) -> Set<UInt32> {
        Set(rules.actions.flatMap { [$0.rule, $0.dryRun] }).subtracting([0])
    }
}
