import Foundation
import Testing

@testable import NetTypes

@Suite("Names")
struct NameTests {
    @Test("1: DNS labels and nothing else")
    func names() throws {
        for text in ["a", "0", "web1", "a-b", "a--b", "0-0", String(repeating: "a", count: 63)] {
            #expect(try Name(parsing: text).text == text)
        }
        for text in [
            "", "-", "-a", "a-", "A", "a.b", "a_b", "a b", " a", "a\n", "a\0", "ä", "a\u{301}", "ａ", "a/b",
            String(repeating: "a", count: 64), String(repeating: "a", count: 1 << 20),
        ] { #expect(throws: TextError.self) { try Name(parsing: text) } }
    }

    @Test("2: names of a tenant")
    func tenantNames() throws {
        let name = try TenantName(parsing: "acme/web1")
        #expect(name.tenant.text == "acme" && name.name.text == "web1" && "\(name)" == "acme/web1")
        for text in ["", "/", "acme", "acme/", "/web1", "acme/web1/", "acme//web1", "a/b/c", "Acme/web1"] {
            #expect(throws: TextError.self, "\(text)") { try TenantName(parsing: text) }
        }
        #expect(try TenantName(parsing: "a/z") < TenantName(parsing: "b/a"))
        #expect(try TenantName(parsing: "a/a") < TenantName(parsing: "a/b"))
    }

    @Test("3: JSON takes what parsing takes")
    func json() throws {
        let names = try JSONDecoder().decode([Name].self, from: Data(#"["web1","db1"]"#.utf8))
        #expect(names.map(\.text) == ["web1", "db1"])
        #expect(String(decoding: try JSONEncoder().encode(names), as: UTF8.self) == #"["web1","db1"]"#)
        for bad in [#"["Web"]"#, #"[""]"#, "[1]", "[null]"] {
            #expect(throws: (any Error).self, "\(bad)") { try JSONDecoder().decode([Name].self, from: Data(bad.utf8)) }
        }
    }

    @Test("4: errors are short and harmless to a terminal")
    func errors() {
        let error = TextError("a\u{1b}[31m\n\u{9b}" + String(repeating: "x", count: 1 << 16), "a name")
        #expect(error.text.unicodeScalars.count == 80)
        #expect(error.text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        let long = TextError("e" + String(repeating: "\u{301}", count: 1 << 16), "a name")
        #expect("\(long)".utf8.count < 300)
        #expect("\(TextError("x", "a name"))" == "'x' is not a name")
    }
}

@Suite("Identities, numbers and times")
struct NumberTests {
    static let seed: UInt64 = 0x5eed_0042

    @Test("1: identities are inside fd00::/8")
    func identities() throws {
        for text in ["fd00::", "fd12:3456:789a::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            let identity = try Identity(parsing: text)
            #expect("\(identity)" == text)
            #expect(Identity(octets: identity.octets) == identity)
            #expect(identity.platform.contains(identity.address) && identity.platform.length == 48)
        }
        for text in ["fc00::1", "fe80::1", "2001:db8::1", "::1", "::ffff:10.0.0.1", "ff02::1", "10.0.0.1", ""] {
            #expect(throws: TextError.self, "\(text)") { try Identity(parsing: text) }
        }
        #expect(Identity(octets: [UInt8]()) == nil && Identity(octets: [0xfd]) == nil)
        #expect("\(try Identity(parsing: "fd12:3456:789a:bcde::1").platform)" == "fd12:3456:789a::/48")
        #expect("\(IPv6Prefix.platformOfNothing)" == "fd00::/48")
    }

    @Test("2: Ethernet addresses")
    func ethernet() throws {
        #expect("\(try MACAddress(parsing: "02:00:00:00:00:01"))" == "02:00:00:00:00:01")
        #expect("\(try MACAddress(parsing: "AA:bb:CC:dd:EE:ff"))" == "aa:bb:cc:dd:ee:ff")
        for text in [
            "", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02-00-00-00-00-01", "02:00:00:00:00:0g",
            "+2:00:00:00:00:01", "02:00:00:00:00:+1", "02:00:00:00:00:-1", "02:00:00:00:00:001", ":::::",
            "02:00:00:00:00:01 ",
        ] { #expect(throws: TextError.self, "\(text)") { try MACAddress(parsing: text) } }
        let address = MACAddress(of: try Identity(parsing: "fd12:3456:789a::ffff:abcd:ef01"))
        #expect("\(address)" == "fe:ff:ab:cd:ef:01")
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<1_000 {
            let low = UInt128(UInt64.random(in: 0 ... .max, using: &random))
            let identity = try #require(Identity(IPv6Address(0xfd << 120 | low)))
            let mac = MACAddress(of: identity)
            #expect(mac.octets[0] & 3 == 2, "seed \(Self.seed)")
            #expect(Array(mac.octets.dropFirst()) == Array(identity.octets.suffix(5)), "seed \(Self.seed)")
            #expect(MACAddress(octets: mac.octets) == mac)
            #expect(try MACAddress(parsing: "\(mac)") == mac)
        }
        #expect(MACAddress(octets: [1, 2, 3]) == nil && MACAddress(.max) == .broadcast)
    }

    @Test("3: ids of 32 hexadecimal digits")
    func ids() throws {
        for value in [0, 1, UInt128.max, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            #expect("\(LeafID(value))".count == 32)
            #expect(try LeafID(parsing: "\(LeafID(value))") == LeafID(value))
            #expect(try VNetID(parsing: "\(VNetID(value))") == VNetID(value))
            #expect(LeafID(octets: LeafID(value).octets) == LeafID(value))
            #expect(VNetID(octets: VNetID(value).octets) == VNetID(value))
        }
        for text in [
            "", "0", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
            "+" + String(repeating: "0", count: 31), String(repeating: "g", count: 32),
        ] {
            #expect(throws: TextError.self) { try LeafID(parsing: text) }
            #expect(throws: TextError.self) { try VNetID(parsing: text) }
        }
    }

    @Test("4: labels are VNIs of 24 bits, never 0")
    func labels() {
        #expect(Label(0) == nil && Label(1 << 24) == nil && Label(.max) == nil)
        #expect(Label(1)?.value == 1 && Label(Label.highest)?.value == 0xff_ffff)
    }

    @Test("5: moments as Foundation writes them, and no crash at the ends of time")
    func times() {
        let formatter = ISO8601DateFormatter()
        var random = SeededGenerator(seed: Self.seed)
        let edges: [Int64] = [
            0, -1, 86_399, 86_400, 951_782_399, 951_782_400, 951_868_800, 4_107_542_400, 1_800_000_000,
        ]
        let some = (0..<5_000).map { _ in Int64.random(in: -62_000_000_000...253_402_300_799, using: &random) }
        // Foundation follows the Julian calendar before 1582; we do not.
        for seconds in (edges + some) where seconds > -12_219_292_800 {
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect("\(Timestamp(seconds))" == expected, "seed \(Self.seed), \(seconds)")
        }
        #expect("\(Timestamp(253_402_300_799))" == "9999-12-31T23:59:59Z")
        #expect("\(Timestamp(-62_135_596_800))" == "0001-01-01T00:00:00Z")
        for seconds in [Int64.min, .min + 1, .min + 86_400, .max - 1, .max] {
            #expect("\(Timestamp(seconds))".hasSuffix("Z"))
        }
        #expect(Timestamp(5) + 3 == Timestamp(8) && Timestamp(5) - Timestamp(8) == -3)
        #expect(Timestamp(.max) + 1 == Timestamp(.max) && Timestamp(.min) + -1 == Timestamp(.min))
        #expect(Timestamp(.max) - Timestamp(-1) == .max && Timestamp(.min) - Timestamp(1) == .min)
        #expect(Timestamp(0) - Timestamp(.min) == .max)
    }
}
