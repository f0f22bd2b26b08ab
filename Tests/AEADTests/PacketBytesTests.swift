import AEAD
import Testing

@Suite("Bytes of packets")
struct PacketBytesTests {
    @Test("1: numbers at every offset, written and read")
    func numbers() {
        for offset in 0..<9 {
            var bytes = [UInt8](repeating: 0xee, count: 17)
            var span = bytes.mutableSpan
            span.store(0x0102_0304_0506_0708 as UInt64, at: offset)
            #expect(span.load64(offset) == 0x0102_0304_0506_0708)
            #expect(span.load32(offset + 4) == 0x0506_0708)
            #expect(span.load16(offset + 2) == 0x0304)
            #expect(bytes[offset..<offset + 8].elementsEqual([1, 2, 3, 4, 5, 6, 7, 8]))
            #expect(bytes[..<offset].allSatisfy { $0 == 0xee } && bytes[(offset + 8)...].allSatisfy { $0 == 0xee })
        }
    }

    @Test("2: moves may overlap; copies are exact")
    func moves() {
        for (from, to) in [(0, 3), (3, 0), (2, 2), (0, 10)] {
            var bytes = [UInt8](0..<16)
            let expected = Array(bytes[from..<from + 6])
            var span = bytes.mutableSpan
            span.move(from: from, to: to, count: 6)
            #expect(Array(bytes[to..<to + 6]) == expected)
        }
        var target = [UInt8](repeating: 9, count: 5)
        var span = target.mutableSpan
        span.copy([1, 2, 3, 4].span, from: 1, count: 2, to: 2)
        #expect(target == [9, 9, 2, 3, 9])
    }

    @Test("3: what lies outside stops the process")
    func bounds() async {
        await #expect(processExitsWith: .failure) { _ = [UInt8](repeating: 0, count: 8).span.load64(1) }
        await #expect(processExitsWith: .failure) { _ = [UInt8](repeating: 0, count: 8).span.load16(-1) }
        await #expect(processExitsWith: .failure) { _ = [UInt8](repeating: 0, count: 1).span.load32(0) }
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 8)
            var span = bytes.mutableSpan
            span.move(from: 4, to: 0, count: 5)
        }
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 8)
            var span = bytes.mutableSpan
            span.store(1 as UInt16, at: 7)
        }
    }

    @Test("4: the sum is that of 16-bit words, one at a time")
    func sums() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for round in 0..<2_000 {
            let count = Int.random(in: 0...(round % 10 == 0 ? 70_000 : 200), using: &random)
            let start = Int.random(in: 0...9, using: &random)
            let all = round % 3 == 0 ? [UInt8](repeating: 0xff, count: start + count) : random.bytes(start + count)
            var reference: UInt64 = 0
            for index in stride(from: start, to: start + count, by: 2) {
                let low = index + 1 < start + count ? all[index + 1] : 0
                reference += UInt64(all[index]) << 8 | UInt64(low)
            }
            while reference > 0xffff { reference = (reference & 0xffff) + (reference >> 16) }
            let sum = UInt16(bigEndian: all.span.internetSum(from: start, count: count))
            #expect(UInt64(sum) == reference, "seed \(seed), round \(round)")
        }
    }
}
