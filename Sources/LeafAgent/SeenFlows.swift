import NetTypes

/// The flows that passed or were dropped here lately, for people who are about to change a policy; bounded.
struct SeenFlows {
    /// Flows of one pair to one port.
    struct Key: Hashable {
        /// Who began, and to whom.
        var pair: Pair
        /// IP protocol number; 0: the kernel did not look into the packets of this pair.
        var protocolNumber: UInt8 = 0
        /// The destination port, or ICMP type × 256 + code.
        var number: UInt16 = 0
        var passed: Bool
    }

    struct Seen {
        var last: Timestamp
        var count: UInt64
        var rule: String
        var dryRun: String
    }

    private(set) var flows: [Key: Seen] = [:]
    /// Flows that were forgotten for want of room before their time.
    private(set) var lost: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// Notes that a flow was seen.
    mutating func note(_ key: Key, at now: Timestamp, rule: String = "", dryRun: String = "") {
        if var seen = flows[key] {
            seen.last = now
            seen.count += 1
            if !rule.isEmpty { seen.rule = rule }
            if !dryRun.isEmpty { seen.dryRun = dryRun }
            flows[key] = seen
            return
        }
        if flows.count >= capacity, let victim = flows.keys.first {
            flows[victim] = nil
            lost += 1
        }
        flows[key] = Seen(last: now, count: 1, rule: rule, dryRun: dryRun)
    }

    /// Forgets what was last seen before a moment.
    mutating func forget(before horizon: Timestamp) { flows = flows.filter { $0.value.last >= horizon } }
}
