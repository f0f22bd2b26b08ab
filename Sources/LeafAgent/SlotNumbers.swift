/// The numbers of transmit groups that are free.
struct SlotNumbers: Sendable {
    private var taken = Set<UInt32>()
    private var next: UInt32 = 0
    private let capacity: UInt32

    init(capacity: UInt32 = 0) { self.capacity = capacity }

    /// Takes a number that was not in use lately; nil when all are in use.
    mutating func take() -> UInt32? {
        guard taken.count < capacity else { return nil }
        while taken.contains(next) { next = (next + 1) % capacity }
        defer { next = (next + 1) % capacity }
        taken.insert(next)
        return next
    }

    /// Notes one that is in use already.
    mutating func note(_ slot: UInt32) { taken.insert(slot) }

    /// Gives one back.
    mutating func release(_ slot: UInt32) { taken.remove(slot) }
}
