public import NetTypes

/// Gives out the labels of a receiving leaf, and never one that could still be in a packet under way.
///
/// Labels are taken in turn from 1 to 2^24 - 1 and then from the beginning again, passing over those in use and those
/// that were retired less than the quarantine ago. The allocator is durable by a mark: the caller persists
/// ``reservedUpTo`` before it uses a label, and gives it back to ``init(resumingAt:quarantine:)`` after a restart, so
/// no label that was given out before is given out again in this turn. The mark moves in blocks, so that it is written
/// once for 1,024 labels.
public struct LabelAllocator: Sendable {
    /// Labels that one mark reserves.
    public static let block: UInt32 = 1_024

    /// The first label that is not reserved; to be persisted before a label below it is used.
    public private(set) var reservedUpTo: UInt32
    private var next: UInt32
    private var inUse: Set<UInt32> = []
    /// Retired labels in the order of retirement, the oldest at ``restingStart``.
    private var resting: [(label: UInt32, since: Timestamp)] = []
    private var restingStart = 0
    private var restingSet: Set<UInt32> = []
    private let quarantine: Int64
    private let highest: UInt32

    /// Makes an allocator.
    ///
    /// - Parameters:
    ///   - mark: the persisted ``reservedUpTo`` of the former run; nil on a new leaf.
    ///   - quarantine: the seconds for which a retired label is not given out.
    public init(resumingAt mark: UInt32? = nil, quarantine: Int64 = 600) {
        self.init(resumingAt: mark, quarantine: quarantine, highest: Label.highest)
    }

    /// Also chooses the highest label, so that tests come to the end of the numbers.
    init(resumingAt mark: UInt32?, quarantine: Int64, highest: UInt32) {
        self.quarantine = quarantine
        self.highest = highest
        let start = mark.map { $0 > highest ? 1 : max(1, $0) } ?? 1
        next = start
        reservedUpTo = start
    }

    /// Notes that a label is in use from before a restart.
    public mutating func occupy(_ label: Label) { inUse.insert(label.value) }

    /// Gives out a label; nil when all are in use or resting.
    public mutating func allocate(now: Timestamp) -> Label? {
        release(now: now)
        guard inUse.count + restingSet.count < Int(highest) else { return nil }
        // Fewer than all are taken, so one turn finds a free one.
        for _ in 0..<highest {
            let candidate = next
            advance()
            if !inUse.contains(candidate), !restingSet.contains(candidate), let label = Label(candidate) {
                inUse.insert(candidate)
                return label
            }
        }
        return nil
    }

    private mutating func advance() {
        if next >= highest {
            next = 1
            reservedUpTo = 1
        } else {
            next += 1
        }
        if next > reservedUpTo || reservedUpTo == 1 {
            reservedUpTo = min(next + Self.block, highest)
        }
    }

    /// Takes a label back; it rests for the quarantine.
    public mutating func retire(_ label: Label, now: Timestamp) {
        guard inUse.remove(label.value) != nil else { return }
        restingSet.insert(label.value)
        resting.append((label.value, now))
    }

    /// The number of labels in use.
    public var inUseCount: Int { inUse.count }

    private mutating func release(now: Timestamp) {
        while restingStart < resting.count, now - resting[restingStart].since >= quarantine {
            restingSet.remove(resting[restingStart].label)
            restingStart += 1
        }
        // The array is cut from time to time, so that it stays in proportion to what rests.
        if restingStart > 1_024, restingStart * 2 > resting.count {
            resting.removeFirst(restingStart)
            restingStart = 0
        }
    }
}
