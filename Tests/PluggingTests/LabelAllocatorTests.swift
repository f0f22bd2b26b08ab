import NetTypes
import Testing

@testable import Plugging

@Suite("Labels")
struct LabelAllocatorTests {
    static let seed: UInt64 = 0x5eed_1abe
    static let start = Timestamp(1_800_000_000)
    static let none: [Label] = []

    static func label(_ value: UInt32) throws -> Label { try #require(Label(value)) }

    @Test("1: from 1 on, each once")
    func first() throws {
        var labels = LabelAllocator(now: Self.start)
        for value in 1...5_000 as ClosedRange<UInt32> { #expect(labels.allocate(now: Self.start)?.value == value) }
        #expect(labels.inUseCount == 5_000)
        #expect(labels.reservedUpTo == 8_192)
    }

    @Test("2: turns are reserved before they are used, in blocks, at the edge and beside it")
    func blocks() throws {
        var labels = LabelAllocator(now: Self.start, block: 4)
        #expect(labels.reservedUpTo == 0)
        var marks: [UInt64] = []
        for _ in 0..<9 {
            _ = labels.allocate(now: Self.start)
            marks.append(labels.reservedUpTo)
        }
        #expect(marks == [4, 4, 4, 4, 8, 8, 8, 8, 12])
    }

    @Test("3: after a restart, labels that may have been given out come round last")
    func restart() throws {
        var labels = LabelAllocator(now: Self.start, block: 4)
        var given = Set<Label>()
        for _ in 0..<6 {
            let label = labels.allocate(now: Self.start)
            given.insert(try #require(label))
        }
        // It dies; labels 1 and 6 are still plugged in the kernel.
        var next = LabelAllocator(
            reservedUpTo: labels.reservedUpTo, inUse: [try Self.label(1), try Self.label(6)], now: Self.start, block: 4)
        #expect(next.inUseCount == 2)
        for _ in 0..<100 {
            let allocated = next.allocate(now: Self.start)
            let label = try #require(allocated)
            #expect(!given.contains(label), "\(label) was given out before the restart")
        }
    }

    @Test("4: a lost file: labels up to the highest one in use are not given out")
    func lost() throws {
        var labels = LabelAllocator(reservedUpTo: 0, inUse: [try Self.label(3), try Self.label(70)], now: Self.start)
        #expect(labels.allocate(now: Self.start)?.value == 71)
        #expect(labels.reservedUpTo >= 71)
    }

    @Test("5: wrap-around: the last label, then 1, over those in use")
    func wrap() throws {
        let last = LabelAllocator.count
        var labels = LabelAllocator(
            reservedUpTo: last - 1, inUse: [try Self.label(1), try Self.label(2)], now: Self.start)
        #expect(labels.allocate(now: Self.start)?.value == Label.highest)
        // Label 3 was given out in an earlier life, and may have been retired a second before it ended.
        #expect(labels.allocate(now: Self.start) == nil)
        #expect(labels.allocate(now: Self.start + 599) == nil)
        #expect(labels.allocate(now: Self.start + 600)?.value == 3)
        #expect(labels.allocate(now: Self.start + 600)?.value == 4)
        #expect(labels.reservedUpTo > last)
    }

    @Test("6: quarantine, at limit±1, and again from each retirement")
    func quarantine() throws {
        var labels = LabelAllocator(
            reservedUpTo: 0, inUse: Self.none, now: Self.start, quarantine: 600, block: 2, space: 3)
        let taken = (0..<3).compactMap { _ in labels.allocate(now: Self.start) }
        #expect(taken.map(\.value) == [1, 2, 3])
        #expect(labels.allocate(now: Self.start) == nil, "all are in use")
        labels.retire(taken[1], now: Self.start)
        #expect(labels.restingCount == 1)
        #expect(labels.allocate(now: Self.start) == nil)
        #expect(labels.allocate(now: Self.start + 599) == nil)
        #expect(labels.allocate(now: Self.start + 600) == taken[1])
        labels.retire(taken[1], now: Self.start + 700)
        labels.retire(taken[1], now: Self.start + 650)
        #expect(labels.allocate(now: Self.start + 1_299) == nil, "a second retirement changes nothing")
        #expect(labels.allocate(now: Self.start + 1_300) == taken[1])
    }

    @Test("7: retiring what is not in use does nothing")
    func unknown() throws {
        var labels = LabelAllocator(now: Self.start)
        labels.retire(try Self.label(9), now: Self.start)
        #expect(labels.restingCount == 0)
        #expect(labels.allocate(now: Self.start)?.value == 1)
    }

    @Test("8: random steps with restarts: never twice in use, never within the quarantine, never unreserved")
    func random() throws {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<20 {
            // Near the end of a turn, so that every round goes over it.
            let space: UInt64 = 300
            var persisted = space - random.next() % 200
            var now = Self.start
            var inUse = Set<Label>()
            var retiredAt: [Label: Timestamp] = [:]
            var labels = LabelAllocator(
                reservedUpTo: persisted, inUse: Self.none, now: now, quarantine: 30, block: 8, space: space)
            var given = 0
            for step in 0..<1_500 {
                now = now + Int64(random.next() % 3)
                let place: Comment = "seed \(Self.seed), round \(round), step \(step)"
                switch random.next() % 10 {
                case 0...5:
                    guard let label = labels.allocate(now: now) else { continue }
                    persisted = labels.reservedUpTo
                    given += 1
                    #expect(inUse.insert(label).inserted, place)
                    if let at = retiredAt[label] { #expect(now - at >= 30, place) }
                    #expect(labels.isInUse(label), place)
                case 6...8:
                    guard let label = inUse.sorted(by: { $0.value < $1.value }).randomElement(using: &random) else {
                        continue
                    }
                    inUse.remove(label)
                    retiredAt[label] = now
                    labels.retire(label, now: now)
                default:
                    guard random.one(in: 20) else { continue }
                    // The leaf dies and starts again; the kernel still has the plugged wires.
                    labels = LabelAllocator(
                        reservedUpTo: persisted, inUse: inUse, now: now, quarantine: 30, block: 8, space: space)
                }
                #expect(labels.inUseCount == inUse.count, place)
            }
            #expect(given > 300, "only \(given) were given out; seed \(Self.seed), round \(round)")
        }
    }
}
