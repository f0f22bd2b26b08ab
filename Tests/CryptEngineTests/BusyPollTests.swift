import Testing

@testable import CryptEngine

/// How often a packet thread looks for packets before it sleeps.
@Suite struct BusyPollTests {
    /// Looks until it would sleep; gives how often, `step` nanoseconds apart.
    private func looks(_ poll: inout BusyPoll, from start: UInt64, step: UInt64 = 1_000) -> Int {
        var count = 0
        while poll.looksAgain(at: start + UInt64(count) * step) { count += 1 }
        return count
    }

    @Test func itBeginsAsleepAndLooksMoreWherePacketsComeSoon() {
        var poll = BusyPoll(looks: 40)
        var seen: [Int] = []
        var now: UInt64 = 1_000_000
        for _ in 0..<6 {
            seen.append(looks(&poll, from: now))
            now += 60_000
            poll.woke(at: now)
        }
        #expect(seen == [0, 4, 8, 16, 32, 40])
    }

    @Test func itLooksLessWherePacketsComeLate() {
        var poll = BusyPoll(looks: 40)
        var now: UInt64 = 1_000_000
        for _ in 0..<6 {
            _ = looks(&poll, from: now)
            now += 60_000
            poll.woke(at: now)
        }
        var seen: [Int] = []
        for _ in 0..<5 {
            seen.append(looks(&poll, from: now))
            now += BusyPoll.shortIdle
            poll.woke(at: now)
        }
        #expect(seen == [40, 20, 10, 5, 0])
    }

    @Test func aPacketBeginsTheLooksAnew() {
        var poll = BusyPoll(looks: 40)
        _ = looks(&poll, from: 1_000_000)
        poll.woke(at: 1_010_000)
        var seen = [looks(&poll, from: 1_020_000)]
        // Still idle: they are the same looks.
        seen.append(looks(&poll, from: 1_030_000))
        poll.packetCame()
        seen.append(looks(&poll, from: 1_040_000))
        #expect(seen == [4, 0, 4])
    }

    @Test func besideThreadsThatUseUpTheirTurnsItSleepsAtOnce() {
        var poll = BusyPoll(looks: 40)
        _ = looks(&poll, from: 1_000_000)
        poll.woke(at: 1_010_000)
        poll.packetCame()
        let before = poll.looksAgain(at: 2_000_000)
        poll.gaveWay(from: 2_000_000, to: 2_000_000 + BusyPoll.longTurn + 1)
        let end = 2_000_000 + BusyPoll.longTurn + 1 + BusyPoll.quiet
        let after = [poll.looksAgain(at: end - 1), poll.looksAgain(at: end)]
        #expect(before && after == [false, true])
    }

    @Test func noLooksMeanNone() {
        var poll = BusyPoll(looks: 0)
        var seen = 0
        for time in stride(from: 1_000_000 as UInt64, to: 1_500_000, by: 50_000) {
            seen += looks(&poll, from: time)
            poll.woke(at: time + 10_000)
        }
        #expect(seen == 0)
    }
}
