public import NetTypes

/// Gives out the labels by which this leaf receives wires.
///
/// A label is never given out while it is in use, nor in the ``quarantine`` after it was retired, so that a sender
/// that has not heard of the end of its wire cannot send into another one.
///
/// Labels go round: turn 0 is label 1, turn 1 label 2, and so on, and turn 16,777,215 is label 1 again. The turns are
/// reserved in blocks. The caller keeps ``reservedUpTo`` on disk, and writes it *before* it uses a label for which it
/// has grown. A leaf that starts again goes on from there, so that what it gave out before comes round last. Which
/// labels were retired just before it stopped it does not know; therefore, once the turns have gone round, labels that
/// were given out before the start wait for one quarantine after it. At 10 new wires a second they go round in 19 days.
public struct LabelAllocator: Sendable {
    /// How many labels there are: 1 to 16,777,215.
    public static let count = UInt64(Label.highest)
    /// How many turns are reserved at a time: one write of a small file every 4,096 labels.
    public static let defaultBlock: UInt64 = 4_096
    /// How long a retired label rests, in seconds.
    public static let defaultQuarantine: Int64 = 600

    /// All turns below this one may have been used; what the caller keeps on disk.
    public private(set) var reservedUpTo: UInt64
    /// How long a retired label rests, in seconds.
    public let quarantine: Int64
    /// How many turns are reserved at a time.
    public let block: UInt64

    /// How many labels go round: ``count`` but for tests of a full space.
    private let space: UInt64
    private var next: UInt64
    private var inUse: Set<Label>
    /// When the rest of each retired label ends.
    private var resting: [Label: Timestamp] = [:]
    /// The resting labels in the order in which they were retired; those before `oldest` are done with.
    private var retired: [Label] = []
    private var oldest = 0
    /// The first turn of this life, and the moment until which labels of earlier lives rest.
    private let firstTurn: UInt64
    private let earlierRestUntil: Timestamp

    /// Goes on where an earlier life stopped.
    ///
    /// - Parameters:
    ///   - reservedUpTo: What was on disk; 0 for a leaf that never gave out a label.
    ///   - inUse: The labels of the wires that are still plugged, as the kernel has them.
    ///   - now: The present moment.
    ///   - quarantine: How long a retired label rests, in seconds.
    ///   - block: How many turns are reserved at a time, at least 1.
    public init(
        reservedUpTo: UInt64 = 0, inUse: some Sequence<Label> = [], now: Timestamp,
        quarantine: Int64 = defaultQuarantine, block: UInt64 = defaultBlock
    ) {
        self.init(
            reservedUpTo: reservedUpTo, inUse: inUse, now: now, quarantine: quarantine, block: block, space: Self.count)
    }

    /// The same with fewer labels, so that a test can use them all up.
    init(
        reservedUpTo: UInt64, inUse: some Sequence<Label>, now: Timestamp, quarantine: Int64, block: UInt64,
        space: UInt64
    ) {
        self.space = space
        self.reservedUpTo = reservedUpTo
        self.quarantine = quarantine
        self.block = max(1, block)
        self.inUse = Set(inUse)
        // Where the file was lost, labels up to the highest one in use have been given out at least.
        next = max(reservedUpTo, UInt64(self.inUse.map(\.value).max() ?? 0))
        firstTurn = next
        earlierRestUntil = now + quarantine
    }

    /// How many labels are in use.
    public var inUseCount: Int { inUse.count }
    /// How many labels rest, those of earlier lives not counted.
    public var restingCount: Int { resting.count }
    /// Whether a label is in use.
    public func isInUse(_ label: Label) -> Bool { inUse.contains(label) }

    /// Gives out a label; nil when all are in use or rest.
    ///
    /// Write ``reservedUpTo`` to disk before you use the label, if it has grown.
    public mutating func allocate(now: Timestamp) -> Label? {
        endRests(now)
        guard UInt64(inUse.count + resting.count) < space else { return nil }
        // At least one label is free, so one round finds it, unless those of earlier lives still rest.
        for _ in 0..<space {
            guard let label = Label(UInt32(truncatingIfNeeded: next % space + 1)) else { return nil }
            if !inUse.contains(label), resting[label] == nil {
                guard !isOfEarlierLife(next) || now >= earlierRestUntil else { return nil }
                take(label)
                return label
            }
            advance()
        }
        return nil
    }

    /// Takes a label back; it rests from now on. Unknown labels, and those that rest already, are left alone.
    public mutating func retire(_ label: Label, now: Timestamp) {
        guard inUse.remove(label) != nil else { return }
        guard quarantine > 0 else { return }
        resting[label] = now + quarantine
        retired.append(label)
    }

    private mutating func take(_ label: Label) {
        inUse.insert(label)
        advance()
    }

    private mutating func advance() {
        next += 1
        if next > reservedUpTo { reservedUpTo = next + block - 1 }
    }

    /// Whether the label of a turn was last given out before this life began.
    private func isOfEarlierLife(_ turn: UInt64) -> Bool {
        turn >= space && turn - space < firstTurn
    }

    /// Ends the rests that are over. A clock that was set back makes them longer, never shorter.
    private mutating func endRests(_ now: Timestamp) {
        while oldest < retired.count, let end = resting[retired[oldest]], end <= now {
            resting[retired[oldest]] = nil
            oldest += 1
        }
        if oldest > 1_024, oldest * 2 > retired.count {
            retired.removeFirst(oldest)
            oldest = 0
        }
    }
}
