import Plugging
import Testing

@Suite("Queue of first packets")
struct HoldQueueTests {
    static let seed: UInt64 = 0x5eed_401d

    static func packet(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }

    static func queue(packets: Int = 100, bytesPerKey: Int = 1_000, keys: Int = 100, bytes: Int = 10_000) -> HoldQueue<
        Int
    > {
        HoldQueue(limits: HoldLimits(packetsPerKey: packets, bytesPerKey: bytesPerKey, keys: keys, bytes: bytes))
    }

    @Test("1: the first begins, others wait behind it, all come out in order, then it begins again")
    func order() {
        var queue = Self.queue()
        #expect(queue.hold([1], for: 7) == .first)
        #expect(queue.hold([2], for: 7) == .held)
        #expect(queue.hold([3], for: 8) == .first)
        #expect(queue.hold([4], for: 7) == .held)
        #expect(Set(queue.keys) == [7, 8])
        #expect(queue.release(for: 7) == [[1], [2], [4]])
        #expect(queue.release(for: 7).isEmpty)
        #expect(!queue.isHolding(7))
        #expect(queue.hold([5], for: 7) == .first)
        #expect(queue.discard(for: 7) == 1)
        #expect(queue.discard(for: 7) == 0)
        #expect(queue.release(for: 8) == [[3]])
        #expect(queue.byteCount == 0)
        #expect(queue.counters.held == 5 && queue.counters.released == 4 && queue.counters.discarded == 1)
        #expect(queue.counters.dropped.isEmpty)
    }

    @Test("2: packets of a key, at limit±1")
    func packets() {
        var queue = Self.queue(packets: 3)
        #expect(queue.hold([1], for: 1) == .first)
        #expect(queue.hold([2], for: 1) == .held)
        #expect(queue.hold([3], for: 1) == .held)
        #expect(queue.hold([4], for: 1) == .dropped(.tooManyPackets))
        #expect(queue.hold([5], for: 2) == .first)
        #expect(queue.release(for: 1) == [[1], [2], [3]], "the newest is dropped, not the first")
        #expect(queue.counters.dropped == [.tooManyPackets: 1])
    }

    @Test("2b: a queue for no packets holds none")
    func nothing() {
        var queue = Self.queue(packets: 0)
        #expect(queue.hold([1], for: 1) == .dropped(.tooManyPackets))
        #expect(!queue.isHolding(1))
    }

    @Test("3: bytes of a key, at limit±1")
    func bytesPerKey() {
        var queue = Self.queue(bytesPerKey: 100)
        #expect(queue.hold(Self.packet(101), for: 1) == .dropped(.tooManyBytes))
        #expect(!queue.isHolding(1), "a key without a packet would never be released")
        #expect(queue.hold(Self.packet(99), for: 1) == .first)
        #expect(queue.hold(Self.packet(2), for: 1) == .dropped(.tooManyBytes))
        #expect(queue.hold(Self.packet(1), for: 1) == .held)
        #expect(queue.hold(Self.packet(1), for: 1) == .dropped(.tooManyBytes))
        #expect(queue.hold(Self.packet(100), for: 2) == .first)
    }

    @Test("4: keys, at limit±1; a known key still gets in")
    func keys() {
        var queue = Self.queue(keys: 2)
        #expect(queue.hold([1], for: 1) == .first)
        #expect(queue.hold([1], for: 2) == .first)
        #expect(queue.hold([1], for: 3) == .dropped(.tooManyKeys))
        #expect(queue.hold([1], for: 2) == .held)
        queue.discard(for: 1)
        #expect(queue.hold([1], for: 3) == .first)
    }

    @Test("5: bytes of all keys, at limit±1")
    func bytes() {
        var queue = Self.queue(bytesPerKey: 100, bytes: 150)
        #expect(queue.hold(Self.packet(100), for: 1) == .first)
        #expect(queue.hold(Self.packet(51), for: 2) == .dropped(.full))
        #expect(queue.hold(Self.packet(50), for: 2) == .first)
        #expect(queue.hold(Self.packet(1), for: 2) == .dropped(.full))
        #expect(queue.byteCount == 150)
        #expect(queue.release(for: 1).count == 1)
        #expect(queue.hold(Self.packet(1), for: 2) == .held)
    }

    @Test("6: random steps against lists: never more than the limits, nothing lost, nothing twice")
    func random() {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<50 {
            var queue = Self.queue(packets: 4, bytesPerKey: 60, keys: 5, bytes: 150)
            var model: [Int: [[UInt8]]] = [:]
            var dropped = 0
            var held = 0
            for step in 0..<200 {
                let key = Int(random.next() % 8)
                let place: Comment = "seed \(Self.seed), round \(round), step \(step)"
                switch random.next() % 8 {
                case 0:
                    #expect(queue.release(for: key) == model.removeValue(forKey: key) ?? [], place)
                case 1:
                    #expect(queue.discard(for: key) == model.removeValue(forKey: key)?.count ?? 0, place)
                default:
                    let packet = [UInt8](repeating: UInt8(step & 255), count: Int(random.next() % 40))
                    let mine = model[key] ?? []
                    let fits =
                        (model[key] != nil || model.count < 5) && mine.count < 4
                        && mine.joined().count + packet.count <= 60
                        && model.values.joined().joined().count + packet.count <= 150
                    switch queue.hold(packet, for: key) {
                    case .first: #expect(fits && mine.isEmpty, place)
                    case .held: #expect(fits && !mine.isEmpty, place)
                    case .dropped: #expect(!fits, place)
                    }
                    if fits {
                        model[key] = mine + [packet]
                        held += 1
                    } else {
                        dropped += 1
                    }
                }
                #expect(queue.byteCount == model.values.joined().joined().count, place)
                #expect(Set(queue.keys) == Set(model.keys), place)
            }
            #expect(queue.counters.dropped.values.reduce(0, +) == UInt64(dropped))
            #expect(queue.counters.held == UInt64(held))
            #expect(dropped > 0 && held > 0)
        }
    }
}
