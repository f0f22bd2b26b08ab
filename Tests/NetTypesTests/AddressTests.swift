import Foundation
import Testing

@testable import NetTypes

/// What glibc says of addresses, as a reference that others wrote.
enum System {
    static func parse6(_ text: String) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: 16)
        return unsafe inet_pton(AF_INET6, text, &octets) == 1 ? octets : nil
    }

    static func parse4(_ text: String) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: 4)
        return unsafe inet_pton(AF_INET, text, &octets) == 1 ? octets : nil
    }

    static func text(_ octets: [UInt8]) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        let family = octets.count == 4 ? AF_INET : AF_INET6
        guard unsafe inet_ntop(family, octets, &buffer, 64) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// A small generator of random numbers with a seed, SplitMix64, for tests that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite("IPv6 addresses")
struct IPv6AddressTests {
    static let seed: UInt64 = 0x5eed_0006

    /// An address with many zero groups, so that shortening is tried.
    static func sparse(using random: inout SeededGenerator) -> IPv6Address {
        var value: UInt128 = 0
        for _ in 0..<8 {
            let group = UInt16.random(in: 0...UInt16.max, using: &random) >> UInt16.random(in: 0...15, using: &random)
            value = value << 16 | (Bool.random(using: &random) ? 0 : UInt128(group))
        }
        return IPv6Address(value)
    }

    @Test("1: text forms of RFC 4291 and 5952")
    func table() throws {
        let table: [(String, UInt128, String)] = [
            ("::", 0, "::"), ("::1", 1, "::1"), ("1::", 1 << 112, "1::"), ("FD00::A", 0xfd << 120 | 10, "fd00::a"),
            ("0:0:0:0:0:0:0:0", 0, "::"),
            ("0001:0002:0003:0004:0005:0006:0007:0008", 0x0001_0002_0003_0004_0005_0006_0007_0008, "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004_0005_0006_0007_0000, "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004_0005_0006_0007_0008, "0:2:3:4:5:6:7:8"),
            ("1:0:0:2:0:0:0:3", 0x0001_0000_0000_0002_0000_0000_0000_0003, "1:0:0:2::3"),
            ("1:0:0:2:3:0:0:4", 0x0001_0000_0000_0002_0003_0000_0000_0004, "1::2:3:0:0:4"),
            ("::ffff:1.2.3.4", 0xffff_0102_0304, "::ffff:1.2.3.4"),
            ("::FFFF:102:304", 0xffff_0102_0304, "::ffff:1.2.3.4"),
            ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004_0005_0006_0102_0304, "1:2:3:4:5:6:102:304"),
            ("fe80::1.2.3.4", 0xfe80 << 112 | 0x0102_0304, "fe80::102:304"),
        ]
        for (text, value, canonical) in table {
            let address = try IPv6Address(parsing: text)
            #expect(address.value == value, "\(text)")
            #expect("\(address)" == canonical, "\(text)")
            #expect(System.parse6(text) == address.octets, "\(text)")
        }
    }

    @Test("2: what glibc refuses is refused")
    func refusals() {
        let bad = [
            "", ":", ":::", "::1::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
            "::1:2:3:4:5:6:7:8",
            ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "12345::", "g::", "::g", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256",
            "::01.2.3.4",
            "1.2.3.4", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1%eth0", "::1/64", " ::1", "::1 ",
            "::+1", "::-1",
            "::0x1", "[::1]", "::1\n",
        ]
        for text in bad {
            #expect(System.parse6(text) == nil, "\(text)")
            #expect(throws: TextError.self, "\(text)") { try IPv6Address(parsing: text) }
        }
        for text in ["::１", "::1\u{301}", ":\u{301}:1", "::1\0", String(repeating: ":", count: 100_000)] {
            #expect(throws: TextError.self) { try IPv6Address(parsing: text) }
        }
    }

    @Test("3: the same text as glibc, and read again, for random addresses")
    func againstSystem() throws {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<20_000 {
            let address = Self.sparse(using: &random)
            let text = "\(address)"
            // glibc writes the long abandoned IPv4-compatible form for ::a.b.c.d; RFC 5952 does not ask for it.
            if address.value >> 32 != 0 || address.value >> 16 == 0 {
                #expect(text == System.text(address.octets), "seed \(Self.seed), round \(round)")
            }
            #expect(System.parse6(text) == address.octets, "seed \(Self.seed), round \(round)")
            #expect(try IPv6Address(parsing: text) == address, "seed \(Self.seed), round \(round)")
            #expect(IPv6Address(octets: address.octets) == address)
        }
    }

    @Test("4: random text is taken exactly when glibc takes it, with the same value")
    func fuzz() {
        var random = SeededGenerator(seed: Self.seed)
        let pieces = ["0", "1", "f", "00", "abcd", ":", ":", ":", "::", "1.2.3.4", ".", "g", "255", "12345"]
        var taken = 0
        for round in 0..<50_000 {
            let text = (0..<Int.random(in: 0...17, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            let expected = System.parse6(text)
            #expect((try? IPv6Address(parsing: text))?.octets == expected, "seed \(Self.seed), round \(round): \(text)")
            if expected != nil { taken += 1 }
        }
        #expect(taken > 50, "the text is too random to be of use")
    }

    @Test("5: kinds of addresses")
    func kinds() throws {
        func parse(_ text: String) throws -> IPv6Address { try IPv6Address(parsing: text) }
        #expect(try parse("ff00::").isMulticast && parse("ffff::1").isMulticast && !parse("fe80::1").isMulticast)
        #expect(try parse("fe80::1").isLinkLocal && parse("febf:ffff::").isLinkLocal)
        #expect(try !parse("fe7f:ffff::").isLinkLocal && !parse("fec0::").isLinkLocal)
        #expect(try parse("fd12::aabb:ccdd:eeff").solicitedNode == parse("ff02::1:ffdd:eeff"))
        #expect(try parse("::ffff:10.0.0.1").mappedIPv4 == IPv4Address(10, 0, 0, 1))
        #expect(try parse("::fffe:10.0.0.1").mappedIPv4 == nil && parse("1::ffff:10.0.0.1").mappedIPv4 == nil)
        #expect(IPv6Address(octets: Array(repeating: 0, count: 15)) == nil)
        #expect(IPv6Address(octets: Array(repeating: 0, count: 17)) == nil)
        #expect(try parse("::1") < parse("1::"))
    }
}

@Suite("IPv4 addresses")
struct IPv4AddressTests {
    static let seed: UInt64 = 0x5eed_0004

    @Test("1: read and written as glibc does")
    func againstSystem() throws {
        var random = SeededGenerator(seed: Self.seed)
        for round in 0..<10_000 {
            let address = IPv4Address(UInt32.random(in: 0...UInt32.max, using: &random))
            #expect("\(address)" == System.text(address.octets), "seed \(Self.seed), round \(round)")
            #expect(try IPv4Address(parsing: "\(address)") == address)
            #expect(IPv4Address(octets: address.octets) == address)
        }
        let pieces = ["0", "1", "25", "255", "256", "01", ".", ".", ".", ".", "+", "x"]
        for round in 0..<50_000 {
            let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            #expect(
                (try? IPv4Address(parsing: text))?.octets == System.parse4(text),
                "seed \(Self.seed), round \(round): \(text)")
        }
    }

    @Test("2: other forms are refused")
    func refusals() {
        for text in [
            "", "1.2.3", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2.3.4/8", "0x1.2.3.4", "1.2.3.+4", "1.2.3.-4", "1.2.3.４",
            "1.2.3.4\n",
        ] {
            #expect(throws: TextError.self, "\(text)") { try IPv4Address(parsing: text) }
        }
    }

    @Test("3: either family")
    func family() throws {
        #expect(try IPAddress(parsing: "10.0.0.1") == .v4(IPv4Address(10, 0, 0, 1)))
        #expect(try IPAddress(parsing: "::1") == .v6(IPv6Address(1)))
        #expect(throws: TextError.self) { try IPAddress(parsing: "host") }
        for text in ["10.0.0.1", "0.0.0.0", "255.255.255.255", "fd00::1", "::"] {
            let address = try IPAddress(parsing: text)
            #expect(IPAddress(octets: address.octets) == address)
            #expect(IPAddress(unmapping: address.mapped) == address)
            #expect("\(address)" == text)
        }
        #expect(IPAddress(octets: [1, 2, 3]) == nil && IPAddress(octets: [UInt8]()) == nil)
        #expect(IPv4Address(224, 0, 0, 1).isMulticast && IPv4Address(239, 255, 255, 255).isMulticast)
        #expect(!IPv4Address(223, 255, 255, 255).isMulticast && !IPv4Address(240, 0, 0, 0).isMulticast)
    }
}

@Suite("Prefixes")
struct PrefixTests {
    static let seed: UInt64 = 0x5eed_0048

    @Test("1: lengths and host bits at the edges")
    func edges() throws {
        for length in 0...32 {
            let mask = IPv4Prefix.mask(length)
            #expect(mask.nonzeroBitCount == length && mask.leadingZeroBitCount == (length == 0 ? 32 : 0))
            let prefix = try #require(IPv4Prefix(IPv4Address(mask), length: length))
            #expect(try IPv4Prefix(parsing: "\(prefix)") == prefix)
            if length < 32 { #expect(IPv4Prefix(IPv4Address(mask | 1), length: length) == nil) }
        }
        for length in 0...128 {
            let mask = IPv6Prefix.mask(length)
            #expect(mask.nonzeroBitCount == length && mask.leadingZeroBitCount == (length == 0 ? 128 : 0))
            let prefix = try #require(IPv6Prefix(IPv6Address(mask), length: length))
            #expect(try IPv6Prefix(parsing: "\(prefix)") == prefix)
            if length < 128 { #expect(IPv6Prefix(IPv6Address(mask | 1), length: length) == nil) }
        }
        #expect(IPv4Prefix(IPv4Address(0), length: 33) == nil && IPv4Prefix(IPv4Address(0), length: -1) == nil)
        #expect(IPv6Prefix(IPv6Address(0), length: 129) == nil && IPv6Prefix(IPv6Address(0), length: -1) == nil)
    }

    @Test("2: one spelling of the length only")
    func spelling() {
        for text in [
            "10.0.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-8", "0.0.0.0/-0", "10.0.0.0/08", "10.0.0.0/008",
            "10.0.0.0/33",
            "10.0.0.0/8/8", "/8", "10.0.0.0/ 8", "10.0.0.0/８", "10.0.0/8", "10.0.0.0/99999999999999999999",
            "10.0.0.0 /8",
        ] { #expect(throws: TextError.self, "\(text)") { try IPv4Prefix(parsing: text) } }
        for text in ["::", "::/", "::/+1", "::/-0", "::/064", "::/129", "::/1/1", "/0", "::/ 0", "1.2.3.4/0"] {
            #expect(throws: TextError.self, "\(text)") { try IPv6Prefix(parsing: text) }
        }
    }

    @Test("3: host bits are refused with the prefix that was meant")
    func remedy() {
        #expect {
            try IPv4Prefix(parsing: "10.0.0.7/24")
        } throws: { "\($0)".contains("did you mean 10.0.0.0/24?") }
        #expect {
            try IPv6Prefix(parsing: "fd00::7/48")
        } throws: { "\($0)".contains("did you mean fd00::/48?") }
    }

    @Test("4: contains, overlaps and hosts against a dumb reference, for all prefixes of a small space")
    func reference() throws {
        // The last eight bits only, so that everything can be counted.
        let base: UInt32 = 0x0a00_0000
        let all = (24...32).flatMap { length in
            (0..<(1 << (length - 24))).compactMap {
                IPv4Prefix(IPv4Address(base | UInt32($0) << UInt32(32 - length)), length: length)
            }
        }
        #expect(all.count == 511)
        let members = all.map { prefix in Set((base...(base | 255)).filter { prefix.contains(IPv4Address($0)) }) }
        for (index, prefix) in all.enumerated() {
            #expect(members[index].count == 1 << (32 - prefix.length))
            let sorted = members[index].sorted()
            let hosts = sorted.count > 2 ? Array(sorted.dropFirst().dropLast()) : sorted
            #expect(Array(prefix.hosts) == hosts, "\(prefix)")
        }
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<5_000 {
            let (a, b) = (Int.random(in: 0..<all.count, using: &random), Int.random(in: 0..<all.count, using: &random))
            #expect(
                all[a].overlaps(all[b]) == !members[a].isDisjoint(with: members[b]),
                "seed \(Self.seed), \(all[a]) \(all[b])")
        }
        let everything = try IPv4Prefix(parsing: "0.0.0.0/0")
        #expect(everything.hosts == 1...(UInt32.max - 1) && everything.contains(IPv4Address(.max)))
    }
}

@Suite("Prefixes of either family")
struct EitherPrefixTests {
    @Test("Each prefix has one text form, which is read again; the order is one") func forms() throws {
        let texts = [
            "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "203.0.113.9/32", "::/0", "2001:db8::/32", "2001:db8::1/128",
        ]
        let prefixes = try texts.map { try IPPrefix(parsing: $0) }
        #expect(prefixes.map(\.description) == texts && prefixes.shuffled().sorted() == prefixes)
        for bad in [
            "", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "2001:db8::1/32", "::/129", "::", "x/8",
        ] {
            #expect(throws: TextError.self) { try IPPrefix(parsing: bad) }
        }
    }

    @Test("An address is in prefixes of its own family only") func containing() throws {
        func contains(_ prefix: String, _ address: String) throws -> Bool {
            try IPPrefix(parsing: prefix).contains(IPAddress(parsing: address))
        }
        #expect(try contains("0.0.0.0/0", "203.0.113.9") && contains("203.0.113.9/32", "203.0.113.9"))
        #expect(try !contains("203.0.113.8/32", "203.0.113.9") && !contains("0.0.0.0/0", "2001:db8::1"))
        #expect(try contains("::/0", "2001:db8::1") && !contains("::/0", "203.0.113.9"))
    }

    @Test("What no machine elsewhere has is not routable") func routable() throws {
        let yes = ["203.0.113.9", "10.0.0.1", "1.0.0.0", "223.255.255.255", "2001:db8::1", "fd00::1", "::1:0:0"]
        let no = [
            "0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
            "fe80::1", "ff02::1", "::ffff:203.0.113.9",
        ]
        for text in yes { #expect(try IPAddress(parsing: text).isRoutable, "\(text)") }
        for text in no { #expect(try !IPAddress(parsing: text).isRoutable, "\(text)") }
    }
}
