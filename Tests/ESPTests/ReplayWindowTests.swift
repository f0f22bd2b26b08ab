import ESP
import Testing

@Suite("The replay window")
struct ReplayWindowTests {
    @Test("1: numbered cases at the edges")
    func edges() {
        var window = ReplayWindow()
        #expect(window.verdict(low: 0) == .tooOld)
        #expect(window.verdict(low: 1) == .fresh(1))
        window.accept(1)
        #expect(window.verdict(low: 1) == .replay)
        #expect(window.verdict(low: 2) == .fresh(2))
        window.accept(4_096)
        #expect(window.verdict(low: 1) == .replay)
        #expect(window.verdict(low: 2) == .fresh(2))
        window.accept(4_097)
        // 1 is now 4,096 behind: outside, so its low half means the next 2^32.
        #expect(window.verdict(low: 1) == .fresh(1 << 32 | 1))
        #expect(window.verdict(low: 2) == .fresh(2))
        window.accept(2)
        #expect(window.verdict(low: 2) == .replay)
        #expect(window.verdict(low: 4_095) == .fresh(4_095))
    }

    @Test(
        "2: at every position of the window a number is accepted once",
        arguments: [
            4_096, 5_000, 1 << 32 - 1, 1 << 32 + 2_000, 1 << 33 + 63, UInt64.max - 64, .max,
        ] as [UInt64])
    func everyPosition(_ top: UInt64) {
        var window = ReplayWindow()
        if top > 1 << 32 { window.accept(top - 1 << 31) }
        window.accept(top)
        for behind in 0..<UInt64(ESPLimits.replayWindow) {
            let sequence = top - behind
            guard sequence != 0 else { continue }
            let low = UInt32(truncatingIfNeeded: sequence)
            #expect(window.verdict(low: low) == (behind == 0 ? .replay : .fresh(sequence)), "\(behind)")
            window.accept(sequence)
            #expect(window.verdict(low: low) == .replay, "\(behind)")
        }
        #expect(window.highest == top)
    }

    @Test("3: the high half follows the low one over 2^32, both ways")
    func highHalf() {
        var window = ReplayWindow(highest: 1 << 32 - 2)
        #expect(window.verdict(low: 0xffff_ffff) == .fresh(1 << 32 - 1))
        #expect(window.verdict(low: 0) == .fresh(1 << 32))
        #expect(window.verdict(low: 5) == .fresh(1 << 32 + 5))
        window.accept(1 << 32 + 5)
        // One that was late comes from before the boundary.
        #expect(window.verdict(low: 0xffff_ffff) == .fresh(1 << 32 - 1))
        #expect(window.verdict(low: 0xffff_fffe) == .replay)
        #expect(window.verdict(low: 0) == .fresh(1 << 32))
        window.accept(1 << 32 - 1)
        #expect(window.verdict(low: 0xffff_ffff) == .replay)
        // In the first 2^32 there is no half before it.
        let first = ReplayWindow(highest: 10)
        #expect(first.verdict(low: 0xffff_ffff) == .tooOld)
        #expect(first.verdict(low: 0x8000_0000) == .fresh(0x8000_0000))
    }

    @Test("4: behind the last number there is none")
    func exhaustion() {
        var window = ReplayWindow(highest: .max - 1)
        #expect(window.verdict(low: 0xffff_ffff) == .fresh(.max))
        #expect(window.verdict(low: 0) == .tooOld && window.verdict(low: 1) == .tooOld)
        window.accept(.max)
        #expect(window.verdict(low: 0xffff_ffff) == .replay)
        for low in [0, 1, 100, 0x7fff_ffff] as [UInt32] { #expect(window.verdict(low: low) == .tooOld) }
    }

    @Test("5: against a set of all numbers, seen and lost, late and early, near the boundaries")
    func reference() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for start in [0, 1 << 32 - 9_000, 1 << 40, UInt64.max - 20_000] as [UInt64] {
            var window = ReplayWindow(highest: start)
            var seen: Set<UInt64> = []
            var highest = start
            for step in 0..<40_000 {
                let ahead = UInt64.random(in: 0...(step % 97 == 0 ? 9_000 : 3), using: &random)
                let behind = UInt64.random(in: 0...5_000, using: &random)
                let sequence =
                    Bool.random(using: &random)
                    ? highest.addingReportingOverflow(ahead) : highest.subtractingReportingOverflow(behind)
                guard !sequence.overflow, sequence.partialValue > start else { continue }
                let number = sequence.partialValue
                let verdict = window.verdict(low: UInt32(truncatingIfNeeded: number))
                if number <= highest, highest - number >= UInt64(ESPLimits.replayWindow) {
                    // Too old: its low half is taken for the next 2^32's, where its tag is wrong.
                    #expect(verdict != .fresh(number) && verdict != .replay, "seed \(seed), step \(step)")
                } else if seen.contains(number) || number == start {
                    #expect(verdict == .replay, "seed \(seed), step \(step)")
                } else {
                    #expect(verdict == .fresh(number), "seed \(seed), step \(step)")
                    if Int.random(in: 0..<4, using: &random) > 0 {
                        window.accept(number)
                        seen.insert(number)
                        highest = max(highest, number)
                        #expect(window.highest == highest)
                    }
                }
            }
            #expect(seen.count > 1_000)
        }
    }
}
