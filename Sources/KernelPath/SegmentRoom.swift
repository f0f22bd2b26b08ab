/// Which places of the array of segments are free, as ranges in order.
struct SegmentRoom {
    private var free: [Range<Int>]

    /// All of it, but for what is used.
    init(capacity: Int, used: [Range<Int>] = []) {
        free = []
        var start = 0
        for range in used.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.upperBound > start {
            if range.lowerBound > start { free.append(start..<range.lowerBound) }
            start = range.upperBound
        }
        if start < capacity { free.append(start..<capacity) }
    }

    /// The first range of a length; nil when there is none.
    mutating func take(_ count: Int) -> Range<Int>? {
        guard let index = free.firstIndex(where: { $0.count >= count }) else { return nil }
        let start = free[index].lowerBound
        if free[index].count == count {
            free.remove(at: index)
        } else {
            free[index] = start + count..<free[index].upperBound
        }
        return start..<start + count
    }

    /// Gives a range back, joined to its neighbours.
    mutating func give(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let index = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
        var joined = range
        var replaced = index..<index
        if index < free.count, free[index].lowerBound == range.upperBound {
            joined = joined.lowerBound..<free[index].upperBound
            replaced = index..<index + 1
        }
        if index > 0, free[index - 1].upperBound == range.lowerBound {
            joined = free[index - 1].lowerBound..<joined.upperBound
            replaced = index - 1..<replaced.upperBound
        }
        free.replaceSubrange(replaced, with: [joined])
    }
}
