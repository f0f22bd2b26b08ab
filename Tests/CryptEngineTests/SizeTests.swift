import CryptClient
import CryptProtocol
import Glibc
import LinuxKit
import NetTypes
import Testing

/// A way between two hosts for which every size is tried.
struct SizedPath: CustomTestStringConvertible, Sendable {
    let mtu: Int
    let overIPv6: Bool
    let protection: Protection
    /// Whether the underlay's devices cut super-packets by themselves. Where they do not, each packet is seen.
    let underlayOffloads: Bool

    /// What the outer headers leave (RFC 3948, RFC 4303): IP, UDP 8, SPI and number 8, vector 8, tag 16; what is left is
    /// a multiple of four, of which two are the trailer. Written out, so that the engine's own sum is checked.
    var innerMTU: Int { (mtu - (overIPv6 ? 40 : 20) - 8 - 8 - 8 - 16) / 4 * 4 - 2 }

    /// Which of the offloads of the sending and of the receiving endpoint to try.
    var offloads: [(sender: Bool, receiver: Bool)] {
        mtu == 1_500 ? [(true, true), (false, false), (true, false), (false, true)] : [(true, true), (false, false)]
    }

    var testDescription: String {
        "\(overIPv6 ? "IPv6" : "IPv4") of \(mtu) bytes, \(protection), \(underlayOffloads ? "with" : "no") offloads"
    }

    static let all = [
        SizedPath(mtu: 1_280, overIPv6: false, protection: .conf, underlayOffloads: false),
        SizedPath(mtu: 1_500, overIPv6: false, protection: .conf, underlayOffloads: false),
        SizedPath(mtu: 1_500, overIPv6: false, protection: .auth, underlayOffloads: true),
        SizedPath(mtu: 9_000, overIPv6: false, protection: .auth, underlayOffloads: false),
        SizedPath(mtu: 1_280, overIPv6: true, protection: .auth, underlayOffloads: false),
        SizedPath(mtu: 1_500, overIPv6: true, protection: .auth, underlayOffloads: false),
        SizedPath(mtu: 1_500, overIPv6: true, protection: .conf, underlayOffloads: true),
        SizedPath(mtu: 9_000, overIPv6: true, protection: .conf, underlayOffloads: false),
    ]
}

/// The addresses of both endpoints, and the bytes before a datagram's payload.
struct InnerFamily {
    let near: String
    let far: String
    let ipByteCount: Int
    var isIPv6: Bool { ipByteCount == 40 }
    var headerByteCount: Int { ipByteCount + 8 }
    /// The longest datagram's packet: what the length fields can say.
    var largest: Int { isIPv6 ? 40 + 65_535 : 65_535 }

    static let ipv4 = InnerFamily(near: "10.9.0.1", far: "10.9.0.2", ipByteCount: 20)
    static let ipv6 = InnerFamily(near: "fd09::1", far: "fd09::2", ipByteCount: 40)

    /// Packet sizes worth trying: smallest and largest ones, those around what fits, around multiples of what its
    /// fragments carry, around usual MTUs, and some of the rest.
    func sizes(around mtu: Int, seed: UInt64) -> [Int] {
        let fragment = (mtu - ipByteCount - (isIPv6 ? 8 : 0)) / 8 * 8
        var sizes = Set(headerByteCount...headerByteCount + 4)
        sizes.formUnion(68...72)
        sizes.formUnion(mtu - 5...mtu + 5)
        for count in [2, 3, 7] {
            sizes.formUnion(ipByteCount + count * fragment - 1...ipByteCount + count * fragment + 1)
        }
        for usual in [576, 1_280, 1_500, 9_000] { sizes.formUnion(usual - 1...usual + 1) }
        sizes.formUnion([32_768, 64_999, 65_000, 65_001, largest - 1, largest])
        var numbers = Seeded(state: seed)
        for _ in 0..<24 { sizes.insert(Int.random(in: 68...65_000, using: &numbers)) }
        return sizes.filter { headerByteCount...largest ~= $0 }.sorted()
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var numbers = Seeded(state: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { unsafe withUnsafeBytes(of: numbers.next()) { unsafe bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }
}

extension EngineTests {
    /// Runs a test between endpoints, after which no packet on the underlay was a fragment or too long for it.
    static func between(_ path: SizedPath, _ body: (Endpoints) throws -> Void) throws {
        let ends = try Endpoints(
            underlayMTU: path.mtu, overIPv6: path.overIPv6, protection: path.protection)
        do {
            try ends.setUnderlayOffloads(path.underlayOffloads)
            let device = try #require(try ends.engines.b.netlink.link(named: "under")).index
            // A super-packet passes such devices as one; what it is cut into is the business of whoever receives it.
            let trap = try FrameTrap(
                in: ends.engines.b.namespace, device: device, limit: path.underlayOffloads ? nil : 14 + path.mtu)
            let before = try ends.fragmentCounters()
            try body(ends)
            let after = try ends.fragmentCounters()
            #expect(after == before)
            let wrong = trap.caught()
            #expect(wrong == [])
            // The trap does catch: a fragment of nothing, to nobody, and where it looks at that, a byte too many.
            let out = try #require(try ends.engines.a.netlink.link(named: "under")).index
            let fragment: [UInt8] = [0x45, 0, 0, 20, 0, 1, 0x20, 0, 64, 17, 0, 0, 192, 0, 2, 9, 192, 0, 2, 10]
            try PacketSocket(in: ends.engines.a.namespace).send(
                [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0] + fragment, to: out)
            if !path.underlayOffloads {
                try ends.engines.a.netlink.setMTU(UInt32(path.mtu + 1), of: out)
                let long = [UInt8](repeating: 0, count: path.mtu + 1)
                try PacketSocket(in: ends.engines.a.namespace).send(
                    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5] + long, to: out)
            }
            let caught = trap.caught()
            #expect(caught.count == (path.underlayOffloads ? 1 : 2))
        } catch {
            for side in [ends.engines.a, ends.engines.b] { print(side.name, try side.logText()) }
            try? ends.close()
            throw error
        }
        try ends.close()
    }

    /// Sends datagrams one after the other and compares what arrives; the sizes that did not arrive as they were sent.
    static func lost(
        _ sizes: [Int], _ family: InnerFamily, _ ends: Endpoints, dontFragment: Bool? = nil
    ) throws -> [Int] {
        let pool = Seeded.bytes(80_000, seed: 1)
        let left = try InnerSocket(in: ends.a.namespace, family.near, port: 9_000)
        let right = try InnerSocket(in: ends.b.namespace, family.far, port: 9_000)
        left.connect(family.far, port: 9_000)
        if let dontFragment { left.setDontFragment(dontFragment) }
        var lost: [Int] = []
        for size in sizes {
            let count = size - family.headerByteCount
            let bytes = Array(pool[size % 8_192..<size % 8_192 + count])
            left.send(bytes)
            if right.receive(milliseconds: 5_000) != bytes { lost.append(size) }
            // Each takes its time.
            guard lost.count < 2 else { break }
        }
        return lost
    }

    @Test(arguments: SizedPath.all)
    func `Datagrams of every size pass whole, and nothing is cut on the underlay`(_ path: SizedPath) throws {
        try Self.between(path) { ends in
            let mtu = path.innerMTU
            for (sender, receiver) in path.offloads {
                try ends.a.setOffloads(sender)
                try ends.b.setOffloads(receiver)
                // 1. The endpoint's device knows what fits.
                try ends.setMTU(mtu)
                let sizes4 = InnerFamily.ipv4.sizes(around: mtu, seed: UInt64(path.mtu))
                #expect(try Self.lost(sizes4, .ipv4, ends) == [], "offloads \(sender), \(receiver)")
                // Below 1,280 bytes there is no IPv6 that is told so (RFC 8201, section 4); what fits passes.
                if mtu < 1_280 { try ends.setMTU(1_280) }
                let sizes6 = InnerFamily.ipv6.sizes(around: mtu, seed: UInt64(path.mtu) + 1)
                    .filter { mtu >= 1_280 || $0 <= mtu }
                #expect(try Self.lost(sizes6, .ipv6, ends) == [], "offloads \(sender), \(receiver)")
                let drops = try ends.drops()
                #expect(drops == [])
                // 2. It does not, and its packets may be cut before they are sealed.
                try ends.setMTU(path.mtu)
                #expect(
                    try Self.lost(sizes4, .ipv4, ends, dontFragment: false) == [], "offloads \(sender), \(receiver)")
                let more = try ends.drops()
                #expect(more == [])
            }
            let sent = try #require(try ends.engines.a.client().counters(.transmit).first)
            let came = try #require(try ends.engines.b.client().counters(.receive).first)
            #expect(sent.packets == came.packets && sent.bytes == came.bytes)
        }
    }

    /// Sends super-packets of a segment's size (UDP_SEGMENT); those of which not every datagram arrived as it was sent.
    static func lostSuperPackets(
        _ cases: [(segment: Int, count: Int)], _ family: InnerFamily, _ ends: Endpoints
    ) throws -> [String] {
        let pool = Seeded.bytes(80_000, seed: 2)
        let left = try InnerSocket(in: ends.a.namespace, family.near, port: 9_000)
        let right = try InnerSocket(in: ends.b.namespace, family.far, port: 9_000)
        left.connect(family.far, port: 9_000)
        var lost: [String] = []
        for (segment, count) in cases {
            let bytes = Array(pool[segment..<segment + count])
            left.setSegment(Int32(segment))
            let error = left.send(bytes)
            guard error == 0 else {
                lost.append("\(count) bytes by \(segment): error \(error)")
                continue
            }
            for start in stride(from: 0, to: count, by: segment) {
                if right.receive(milliseconds: 5_000) != Array(bytes[start..<min(start + segment, count)]) {
                    lost.append("\(count) bytes by \(segment), datagram at \(start)")
                    break
                }
            }
            guard lost.count < 2 else { break }
        }
        return lost
    }

    @Test(arguments: SizedPath.all)
    func `Super-packets of datagrams pass whole at every segment size`(_ path: SizedPath) throws {
        try Self.between(path) { ends in
            let mtu = path.innerMTU
            try ends.setMTU(max(mtu, 1_280))
            for receiver in [true, false] {
                try ends.b.setOffloads(receiver)
                for family in [InnerFamily.ipv4, .ipv6] {
                    let most = mtu - family.headerByteCount
                    var cases: [(segment: Int, count: Int)] = []
                    for segment in [
                        1, 2, 7, 8, 20, 21, 47, 48, 100, 511, 512, 1_000, most - 3, most - 2, most - 1, most,
                    ] {
                        // What one sendmsg takes: 64 segments, and 64 KiB with all headers.
                        let largest = min(64 * segment, 65_535 - family.headerByteCount)
                        for count in [segment + 1, 2 * segment, 3 * segment - segment / 2, largest - 1, largest] {
                            if count > segment { cases.append((segment, count)) }
                        }
                    }
                    let lost = try Self.lostSuperPackets(cases, family, ends)
                    #expect(lost == [], "receiver's offloads \(receiver)")
                }
            }
            let drops = try ends.drops()
            #expect(drops == [])
        }
    }

    /// A sum of zero is written as all ones (RFC 768); a receiver refuses zero over IPv6 (RFC 8200, section 8.1).
    @Test(arguments: [SizedPath.all[1], .all[6]])
    func `Datagrams pass whose checksum comes out as zero, and such as have none`(_ path: SizedPath) throws {
        try Self.between(path) { ends in
            try ends.setMTU(path.innerMTU)
            for (offloads, segment) in [(true, 0), (true, 500), (false, 0)] {
                try ends.a.setOffloads(offloads)
                for family in [InnerFamily.ipv4, .ipv6] {
                    let left = try InnerSocket(in: ends.a.namespace, family.near, port: 9_000)
                    let right = try InnerSocket(in: ends.b.namespace, family.far, port: 9_000)
                    left.connect(family.far, port: 9_000)
                    left.setSegment(Int32(segment))
                    for count in [2, 3, 500] where segment == 0 || count == segment {
                        let bytes = Self.summingToZero(count, family)
                        left.send(segment == 0 ? bytes : bytes + bytes + bytes)
                        for number in 0..<(segment == 0 ? 1 : 3) {
                            let same = right.receive(milliseconds: 5_000) == bytes
                            #expect(same, "\(count) bytes, number \(number), offloads \(offloads)")
                        }
                    }
                }
            }
            let left = try InnerSocket(in: ends.a.namespace, "10.9.0.1", port: 9_001)
            let right = try InnerSocket(in: ends.b.namespace, "10.9.0.2", port: 9_001)
            left.connect("10.9.0.2", port: 9_001)
            left.leaveChecksumOut()
            for count in [0, 1, 1_000, 1_000, 20_000] {
                let bytes = Seeded.bytes(count, seed: 3)
                left.send(bytes)
                let same = right.receive(milliseconds: 5_000) == bytes
                #expect(same, "\(count) bytes without a checksum")
            }
            let drops = try ends.drops()
            #expect(drops == [])
        }
    }

    /// A payload between the endpoints' ports 9000 of which the checksum comes out as zero.
    private static func summingToZero(_ count: Int, _ family: InnerFamily) -> [UInt8] {
        var words: [UInt32] = family.isIPv6 ? [0xfd09, 1, 0xfd09, 2] : [0x0a09, 1, 0x0a09, 2]
        let length = UInt32(count + 8)
        words += [17, length, 9_000, 9_000, length]
        var bytes = Seeded.bytes(count, seed: 4)
        bytes[0] = 0
        bytes[1] = 0
        for index in stride(from: 0, to: count, by: 2) {
            words.append(UInt32(bytes[index]) << 8 | (index + 1 < count ? UInt32(bytes[index + 1]) : 0))
        }
        var sum = words.reduce(0, +)
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        bytes[0] = UInt8((0xffff - sum) >> 8)
        bytes[1] = UInt8((0xffff - sum) & 0xff)
        return bytes
    }
}
