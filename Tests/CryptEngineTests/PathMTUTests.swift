import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import Testing

extension EngineTests {
    @Test func `A packet too big for the path is answered, or cut where its sender allows it`() throws {
        try Self.with { engines in
            try engines.connectBoth()
            // 1,000 - 20 - 8 - 32, to a multiple of four, - 2
            try engines.a.client().setPathMTU(1_000, slot: TwoEngines.transmitSlot)
            let mtu: UInt16 = 938
            let link = try #require(try engines.a.netlink.link(named: "crypt")).index
            let answers = try FrameSocket(in: engines.a.namespace, device: link)
            let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_000)
            let right = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: 9_000)
            left.connect("10.9.0.2", port: 9_000)
            let slot = UInt8(TwoEngines.transmitSlot)

            // 1. IPv4 that must not be cut.
            left.setDontFragment(true)
            left.send([UInt8](repeating: 1, count: 1_300))
            let answer = try #require(answers.receive(milliseconds: 1_000) { $0[23] == 1 })
            #expect(answer[0..<6].elementsEqual([2, 0x51, 0, 0, 0, slot]))
            #expect(answer[34] == 3 && answer[35] == 4)
            #expect(UInt16(answer[40]) << 8 | UInt16(answer[41]) == mtu)
            #expect(right.receive(milliseconds: 100) == nil)
            left.send([UInt8](repeating: 2, count: Int(mtu) - 28))
            let fits = right.receive(milliseconds: 1_000)?.count
            #expect(fits == Int(mtu) - 28)
            left.send([UInt8](repeating: 3, count: Int(mtu) - 27))
            #expect(right.receive(milliseconds: 100) == nil, "one byte more does not fit")

            // 2. IPv4 that may be cut: nothing vanishes, at any size.
            left.setDontFragment(false)
            for count in [911, 912, 1_000, 1_300, 1_372] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 3) }
                left.send(bytes)
                let whole = right.receive(milliseconds: 1_000) == bytes
                #expect(whole, "\(count) bytes")
            }
            // Cut by the sender already, and cut again.
            let long = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 5) }
            left.send(long)
            let whole = right.receive(milliseconds: 1_000) == long
            #expect(whole)
            // A super-packet of datagrams, each of which has to be cut.
            let many = (0..<13_000).map { UInt8(truncatingIfNeeded: $0 &* 11) }
            left.setSegment(1_300)
            left.send(many)
            for part in 0..<10 {
                let same = right.receive(milliseconds: 1_000) == Array(many[part * 1_300..<(part + 1) * 1_300])
                #expect(same, "datagram \(part)")
            }

            // 3. IPv6 is never cut on the way.
            let left6 = try InnerSocket(in: engines.a.namespace, "fd09::1", port: 9_000)
            left6.connect("fd09::2", port: 9_000)
            left6.send([UInt8](repeating: 1, count: 1_300))
            let answer6 = try #require(answers.receive(milliseconds: 1_000) { $0[20] == 58 && $0[54] == 2 })
            #expect(answer6[0..<6].elementsEqual([2, 0x51, 0, 0, 0, slot]))
            #expect(UInt16(answer6[60]) << 8 | UInt16(answer6[61]) == mtu)

            // 4. Answers are bounded: a hundred at once, and a hundred a second. The engine sees no more of a burst than its
            // device's queue holds while it does not run.
            left.setSegment(0)
            left.setDontFragment(true)
            let answered = try engines.a.drops(.transmit, "too-big")
            let began = ContinuousClock.now
            var unanswered: UInt64 = 0
            for _ in 0..<50 where unanswered <= 500 {
                for _ in 0..<200 { left.send([UInt8](repeating: 1, count: 1_300)) }
                unanswered = try engines.a.drops(.transmit, "too-big-unanswered")
            }
            let seconds = began.duration(to: .now) / .seconds(1)
            #expect(unanswered > 500)
            #expect(try Double(engines.a.drops(.transmit, "too-big") - answered) <= 101 + 100 * seconds)
        }
    }

    @Test func `An underlay that takes less than it should is reported`() throws {
        try Self.with { engines in
            try engines.connectBoth()
            let link = try #require(try engines.a.netlink.link(named: "under")).index
            try engines.a.netlink.setMTU(1_300, of: link)
            let events = try EngineEvents(path: engines.a.control)
            let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_000)
            left.connect("10.9.0.2", port: 9_000)
            left.send([UInt8](repeating: 1, count: 1_372))
            guard case .pathTooSmall(let slot, let bytes) = try events.next(timeout: .seconds(2)) else {
                Issue.record("no event")
                return
            }
            #expect(slot == TwoEngines.transmitSlot && bytes > 1_400)
            #expect(try engines.a.drops(.transmit, "underlay-too-small") == 1)
        }
    }
}
