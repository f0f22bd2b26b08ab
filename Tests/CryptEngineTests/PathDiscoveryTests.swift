import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import Testing

extension EngineTests {
    /// Sends bytes both ways by TCP; nil when they came as they were sent.
    static func stream(_ count: Int, segment: Int32?, _ family: InnerFamily, _ ends: Endpoints) throws -> String? {
        let stream = try InnerStream(
            from: ends.a.namespace, to: ends.b.namespace, family.far, port: 9_000, segment: segment)
        return stream.exchange(Seeded.bytes(count, seed: 5), within: 60)
    }

    @Test(arguments: SizedPath.all)
    func `TCP passes whole in segments of every size`(_ path: SizedPath) throws {
        try Self.between(path) { ends in
            let mtu = path.innerMTU
            for (sender, receiver) in path.offloads {
                try ends.a.setOffloads(sender)
                try ends.b.setOffloads(receiver)
                // The endpoint's device knows what fits, of packets that IPv6 can be told of.
                try ends.setMTU(mtu)
                for family in [InnerFamily.ipv4, .ipv6] {
                    if family.isIPv6, mtu < 1_280 { try ends.setMTU(1_280) }
                    for (segment, count) in [(88, 50_000), (536, 300_000), (nil, 2_000_000)] as [(Int32?, Int)] {
                        // Nothing tells IPv6 of less than 1,280 bytes, but a segment's size can be agreed on.
                        let agreed = segment ?? (family.isIPv6 && mtu < 1_280 ? Int32(mtu - 60) : nil)
                        let wrong = try Self.stream(count, segment: agreed, family, ends)
                        #expect(
                            wrong == nil,
                            "segments of \(agreed ?? 0) to \(family.far), offloads \(sender), \(receiver)")
                    }
                }
            }
            let drops = try ends.drops()
            #expect(drops == [])
        }
    }

    @Test(arguments: [
        (SizedPath.all[1], 9_000), (.all[2], 1_500), (.all[5], 9_000), (.all[4], 9_000), (.all[3], 65_521),
    ])
    func `A sender whose own MTU is larger finds out what the path takes`(_ path: SizedPath, _ own: Int) throws {
        try Self.between(path) { ends in
            let mtu = path.innerMTU
            for offloads in [false, true] {
                for end in [ends.a, ends.b] { try end.setOffloads(offloads) }
                for family in mtu < 1_280 ? [InnerFamily.ipv4] : [.ipv4, .ipv6] {
                    // 1. TCP: with offloads the engine makes segments as small as the path wants them, without, the
                    // sender has to be told.
                    try ends.setMTU(own)
                    let wrong = try Self.stream(2_000_000, segment: nil, family, ends)
                    #expect(wrong == nil, "to \(family.far), offloads \(offloads)")
                    if !offloads {
                        let learned = try ends.a.learnedMTU(family.far)
                        #expect(learned == mtu, "TCP to \(family.far)")
                    }
                    // 2. UDP: the first is lost, its sender is told, and cuts what follows.
                    try ends.setMTU(own)
                    let sizes = family.sizes(around: mtu, seed: 6)
                    let first = try #require(sizes.first { $0 > mtu && $0 <= own })
                    let lost = try Self.lostUntilTold(first, family, ends)
                    let learned = try ends.a.learnedMTU(family.far)
                    #expect(lost && learned == mtu, "UDP to \(family.far), offloads \(offloads)")
                    let failed = try Self.lost(sizes, family, ends)
                    #expect(failed == [], "UDP to \(family.far), offloads \(offloads)")
                }
            }
            let drops = try ends.drops(except: "too-big", "too-big-unanswered")
            #expect(drops == [])
        }
    }

    /// Sends a datagram that does not fit and may not be cut; whether it was lost and its sender refuses the next one.
    private static func lostUntilTold(_ size: Int, _ family: InnerFamily, _ ends: Endpoints) throws -> Bool {
        let left = try InnerSocket(in: ends.a.namespace, family.near, port: 9_002)
        let right = try InnerSocket(in: ends.b.namespace, family.far, port: 9_002)
        left.connect(family.far, port: 9_002)
        left.setDontFragment(true)
        let bytes = [UInt8](repeating: 1, count: size - family.headerByteCount)
        guard left.send(bytes) == 0 else { return false }
        // Told by an error of the socket, at the next call that asks.
        let end = ContinuousClock.now + .seconds(10)
        while left.send(bytes) != EMSGSIZE {
            guard ContinuousClock.now < end else { return false }
            usleep(10_000)
        }
        return right.receive(milliseconds: 100) == nil
    }

    @Test func `The smallest path and the smallest devices carry all that IPv4 sends`() throws {
        // The underlay takes more, so that a packet above the path's MTU would be seen.
        try Self.between(SizedPath.all[1]) { ends in
            let path = SizedPath(mtu: 576, overIPv6: false, protection: .conf, underlayOffloads: false)
            for side in [ends.engines.a, ends.engines.b] {
                try side.client().setPathMTU(UInt16(path.mtu), slot: TwoEngines.transmitSlot)
            }
            let device = try #require(try ends.engines.b.netlink.link(named: "under")).index
            let trap = try FrameTrap(in: ends.engines.b.namespace, device: device, limit: 14 + path.mtu)
            for offloads in [true, false] {
                for end in [ends.a, ends.b] { try end.setOffloads(offloads) }
                // 1. The endpoint's device takes more, and the engine cuts.
                try ends.setMTU(1_500)
                let sizes = InnerFamily.ipv4.sizes(around: path.innerMTU, seed: 7)
                let lost = try Self.lost(sizes, .ipv4, ends, dontFragment: false)
                #expect(lost == [], "offloads \(offloads)")
                // 2. The endpoint's device takes no more. A TAP keeps a thousand frames: no datagram becomes that many.
                for mtu in [68, 100, path.innerMTU] {
                    try ends.setMTU(mtu)
                    let sizes = InnerFamily.ipv4.sizes(around: mtu, seed: UInt64(mtu)).filter { $0 <= mtu * 300 }
                    let lost = try Self.lost(sizes, .ipv4, ends)
                    #expect(lost == [], "device of \(mtu) bytes, offloads \(offloads)")
                }
            }
            let none = try ends.drops()
            #expect(none == [])
            for offloads in [true, false] {
                for end in [ends.a, ends.b] { try end.setOffloads(offloads) }
                // 3. TCP over all of them. 552 is less than "too big" may be long, and more than the path takes.
                for mtu in [1_500, 552, path.innerMTU, 100, 68] {
                    try ends.setMTU(mtu)
                    let wrong = try Self.stream(100_000, segment: nil, .ipv4, ends)
                    #expect(wrong == nil, "device of \(mtu) bytes, offloads \(offloads)")
                }
            }
            let drops = try ends.drops(except: "too-big", "too-big-unanswered")
            #expect(drops == [])
            let caught = trap.caught()
            #expect(caught == [])
        }
    }
}
