public import NetTypes

/// Refusals that wait to be written. A change writes its entry in its own transaction and never comes here.
///
/// Refused attempts come as fast as anybody likes to send them, so they wait in a bounded queue and are written together.
/// When there is no room they are counted, and the next that is written is an entry that says how many are lost, of which
/// kinds and from when to when.
public struct AuditBuffer: Sendable {
    private var waiting: [(chain: AuditChainName, event: AuditEvent)] = []
    private var lost: [AuditChainName: AuditLoss] = [:]
    private let capacity: Int

    /// How many chains have their losses counted apart; those of more are counted as the platform's.
    private static let chains = 1_024

    /// Makes an empty one.
    public init(capacity: Int = AuditLimits.waiting) { self.capacity = max(capacity, 1) }

    /// How many wait.
    public var count: Int { waiting.count }

    /// Whether there is nothing to write.
    public var isEmpty: Bool { waiting.isEmpty && lost.isEmpty }

    /// Takes a refusal, or counts it as lost.
    public mutating func add(_ event: AuditEvent, to chain: AuditChainName) {
        guard waiting.count < capacity else { return lose(event, chain) }
        waiting.append((chain, event))
    }

    /// What is to be written now: entries about losses first, then what waits, in order. The caller writes all in one
    /// transaction, and gives it back with ``failed(_:)`` when that fails.
    public mutating func take(at now: Timestamp) -> [(chain: AuditChainName, event: AuditEvent)] {
        let losses = lost.sorted { $0.key.text < $1.key.text }.map { (chain: $0.key, event: $0.value.event(at: now)) }
        defer {
            lost = [:]
            waiting = []
        }
        return losses + waiting
    }

    /// Counts what could not be written as lost.
    public mutating func failed(_ batch: [(chain: AuditChainName, event: AuditEvent)]) {
        for (chain, event) in batch { lose(event, chain) }
    }

    /// Counts a refusal as lost, without a place for it.
    public mutating func lose(_ event: AuditEvent, _ chain: AuditChainName) {
        let chain = lost[chain] == nil && lost.count >= Self.chains ? .platform : chain
        lost[chain, default: AuditLoss(from: event.time)].add(event)
    }
}

/// How many entries are missing, of which actions, and from when to when.
public struct AuditLoss: Hashable, Sendable {
    private var from: Timestamp
    private var to: Timestamp
    private var count: UInt64 = 0
    private var actions: [String: UInt64] = [:]

    /// How many actions are counted apart.
    private static let most = 32

    init(from: Timestamp) {
        self.from = from
        to = from
    }

    mutating func add(_ event: AuditEvent) {
        // A loss that was itself lost keeps what it said.
        if let after = event.after?.value, event.action == AuditEvent.lossAction {
            from = min(from, after["from"]?.number.map { Timestamp($0) } ?? event.time)
            to = max(to, after["to"]?.number.map { Timestamp($0) } ?? event.time)
            count += after["count"]?.number.flatMap(UInt64.init(exactly:)) ?? 1
            for (action, number) in after["actions"]?.members ?? [:] {
                note(action, number.number.flatMap(UInt64.init(exactly:)) ?? 0)
            }
            return
        }
        from = min(from, event.time)
        to = max(to, event.time)
        count += 1
        note(event.action, 1)
    }

    private mutating func note(_ action: String, _ number: UInt64) {
        let isKnown = actions[action] != nil || actions.count < Self.most
        actions[isKnown ? String(action.prefix(64)) : "other", default: 0] += number
    }

    func event(at now: Timestamp) -> AuditEvent {
        AuditEvent(
            time: now, actor: .system, means: .none, source: nil, action: AuditEvent.lossAction,
            after: .object([
                "actions": .object(actions.mapValues { .number(Int64(clamping: $0)) }),
                "count": .number(Int64(clamping: count)), "from": .number(from.seconds), "to": .number(to.seconds),
            ]), note: "so many refused attempts were not written, because there were too many at once")
    }
}

extension AuditEvent {
    /// The action of an entry about entries that are missing.
    public static let lossAction = "loss"
    /// The actions of the entries that a controller writes to the platform's chain when it begins and when it ends.
    public static let startAction = "start"
    public static let stopAction = "stop"

    /// The entries with which a controller begins: that it did, and before that, if the last one ended without a word,
    /// that up to ``AuditLimits/waiting`` refusals may have ended with it.
    ///
    /// - Parameter last: the action of the newest entry among starts and stops; nil for the very first start.
    public static func beginning(after last: String?, at now: Timestamp) -> [AuditEvent] {
        let start = AuditEvent(time: now, actor: .system, means: .none, source: nil, action: startAction)
        guard last == startAction else { return [start] }
        let loss = AuditEvent(
            time: now, actor: .system, means: .none, source: nil, action: lossAction,
            after: .object(["count_at_most": .number(Int64(AuditLimits.waiting))]),
            note:
                "the controller ended without a word; refused attempts of its last seconds may be missing, no change is"
        )
        return [loss, start]
    }

    /// The entry with which a controller ends.
    public static func ending(at now: Timestamp) -> AuditEvent {
        AuditEvent(time: now, actor: .system, means: .none, source: nil, action: stopAction)
    }
}
