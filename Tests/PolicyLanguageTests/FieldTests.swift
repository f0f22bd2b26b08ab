import NetTypes
import PolicyLanguage
import PolicyYAML
import PolicyZones
import Testing

@Suite("Fields of documents, at their edges")
struct FieldTests {
    /// A document of one rule with some fields.
    static func rule(_ fields: String, from: String = "any", to: String = "any") throws(DocumentRefusal) -> Rule {
        let text =
            "version: 1\ntenant: acme\nrules:\n  - {name: r, from: \(from), to: \(to), verdict: plug, \(fields)}\n"
        return try PolicyYAML.read(text).document.rules[0]
    }

    static let ports: [(text: String, expected: PortMatch?)] = [
        ("tcp/0", PortMatch(.tcp, 0...0)), ("tcp/65535", PortMatch(.tcp, 65535...65535)), ("tcp/65536", nil),
        ("udp/0-65535", PortMatch(.udp)), ("udp/1-1", nil), ("udp/2-1", nil), ("sctp/any", PortMatch(.sctp)),
        ("icmp/0", PortMatch(.icmp, 0...255)), ("icmp/255/255", PortMatch(.icmp, 65535...65535)), ("icmp/8/256", nil),
        ("icmp/3-4", nil), ("icmpv6/128", PortMatch(.icmpv6, 0x8000...0x80ff)), ("icmpv6/any", PortMatch(.icmpv6)),
        ("tcp", nil), ("tcp/", nil), ("tcp/80/1", nil), ("TCP/80", nil), ("6/80", nil), ("tcp/+80", nil),
        ("tcp/080", nil),
        ("tcp/80-", nil), ("tcp/-80", nil), ("tcp/٣", nil), ("any/80", nil), ("esp/any", nil),
    ]

    @Test("1: ports", arguments: ports)
    func portsRow(row: (text: String, expected: PortMatch?)) {
        let port = try? PortMatch(parsing: row.text)
        #expect(port == row.expected)
        if let port { #expect((try? PortMatch(parsing: port.description)) == port) }
    }

    static let rates: [(text: String, expected: UInt64?)] = [
        ("8000 bit/s", 8_000), ("7999 bit/s", nil), ("8 kbit/s", 8_000), ("7.999 kbit/s", nil), ("8kbit/s", 8_000),
        ("100 Mbit/s", 100_000_000), ("2.5 Gbit/s", 2_500_000_000), ("1 Tbit/s", 1_000_000_000_000),
        ("1.001 Tbit/s", nil),
        ("0.1 Gbit/s", 100_000_000), ("1.2345 Gbit/s", nil), ("8000.5 bit/s", nil), ("01 Mbit/s", nil),
        ("1e3 Mbit/s", nil),
        ("100", nil), ("100 MB/s", nil), ("100 mbit/s", nil), ("100  Mbit/s", nil), ("-1 Mbit/s", nil),
        (".5 Mbit/s", nil),
        ("1. Mbit/s", nil), ("99999999999999 bit/s", nil), ("9999999999999 Tbit/s", nil),
    ]

    @Test("2: rates", arguments: rates)
    func ratesRow(row: (text: String, expected: UInt64?)) throws {
        #expect((try? RateLimit.bitsPerSecond(parsing: row.text)) == row.expected)
        #expect((try? Self.rule("rate: \"\(row.text)\"").rate?.bitsPerSecond) == row.expected)
        if let value = row.expected {
            #expect(try RateLimit.bitsPerSecond(parsing: RateLimit.text(bitsPerSecond: value)) == value)
        }
    }

    static let bursts: [(text: String, expected: UInt64?)] = [
        ("1500 B", 1_500), ("1499 B", nil), ("1.5 kB", 1_500), ("64 KiB", 65_536), ("1 GiB", 1 << 30),
        ("1.001 GiB", nil),
        ("2 MB", 2_000_000), ("1 MiB", 1 << 20), ("64 kbit", nil), ("64", nil),
    ]

    @Test("3: bursts", arguments: bursts)
    func burstsRow(row: (text: String, expected: UInt64?)) throws {
        #expect((try? RateLimit.burstBytes(parsing: row.text)) == row.expected)
        if let value = row.expected {
            #expect(try RateLimit.burstBytes(parsing: RateLimit.text(burstBytes: value)) == value)
        }
    }

    static let moments: [(text: String, seconds: Int64?)] = [
        ("1970-01-01", 0), ("1969-12-31", nil), ("1970-01-01T00:00:01Z", 1), ("2000-02-29", 951_782_400),
        ("1900-02-29", nil),
        ("2100-02-29", nil), ("2024-02-29T23:59:59Z", 1_709_251_199), ("2026-04-31", nil), ("2026-00-10", nil),
        ("2026-13-01", nil), ("2026-01-00", nil), ("2026-01-01T24:00:00Z", nil), ("2026-01-01T23:60:00Z", nil),
        ("2026-01-01T23:59:60Z", nil), ("9999-12-31T23:59:59Z", 253_402_300_799), ("2026-1-1", nil),
        ("2026-01-01 00:00:00Z", nil),
        ("2026-01-01T00:00:00+00:00", nil), ("2026-01-01T00:00:00.5Z", nil), ("20260101", nil),
    ]

    @Test("4: moments", arguments: moments)
    func momentsRow(row: (text: String, seconds: Int64?)) throws {
        let rule = try? Self.rule("not-after: \"\(row.text)\"")
        #expect(rule?.notAfter?.seconds == row.seconds)
        if let moment = rule?.notAfter { #expect(try Self.rule("not-after: \(moment)").notAfter == moment) }
    }

    static let windows: [(text: String, isTaken: Bool)] = [
        ("{from: \"00:00\", to: \"24:00\", zone: UTC}", true), ("{from: 08:00, to: 18:00, zone: Asia/Taipei}", true),
        ("{from: \"24:00\", to: \"08:00\", zone: UTC}", false), ("{from: \"08:00\", to: \"00:00\", zone: UTC}", false),
        ("{from: \"23:59\", to: \"00:01\", zone: UTC}", true), ("{from: \"08:60\", to: \"09:00\", zone: UTC}", false),
        ("{from: \"08:00\", to: \"24:01\", zone: UTC}", false),
        ("{days: [], from: \"08:00\", to: \"09:00\", zone: UTC}", false),
        ("{days: [mon, mon], from: \"08:00\", to: \"09:00\", zone: UTC}", false),
        ("{days: [sun], from: \"08:00\", to: \"09:00\", zone: America/Argentina/Buenos_Aires}", true),
        ("{from: \"08:00\", to: \"09:00\", zone: Etc/GMT+8}", true),
        ("{from: \"08:00\", to: \"09:00\", zone: ../etc}", false),
        ("{from: \"08:00\", to: \"09:00\", zone: a/b/c/d}", false), ("[]", false),
    ]

    @Test("5: time windows", arguments: windows)
    func windowsRow(row: (text: String, isTaken: Bool)) {
        #expect(((try? Self.rule("when: \(row.text)")) != nil) == row.isTaken)
    }

    static let labels: [(text: String, canonical: String?)] = [
        ("tier=web", "tier=web"), ("a.b/c_d-e=F.9", "a.b/c_d-e=F.9"), ("tier in (b, a)", "tier in (a, b)"),
        ("tier in (a,b)", "tier in (a, b)"),
        ("tier notin (a)", "tier notin (a)"), ("tier exists", "tier exists"), ("tier=", nil), ("=web", nil),
        ("tier = web", nil),
        ("tier in a", nil), ("tier in (a,)", nil), ("tier", nil), ("-a=b", nil), ("a=b=c", nil),
        ("tier exists now", nil),
        (String(repeating: "k", count: 63) + "=v", String(repeating: "k", count: 63) + "=v"),
        (String(repeating: "k", count: 64) + "=v", nil),
    ]

    @Test("6: labels", arguments: labels)
    func labelsRow(row: (text: String, canonical: String?)) {
        #expect((try? LabelRequirement(parsing: row.text))?.description == row.canonical)
    }

    static let peers: [(text: String, canonical: String?)] = [
        ("any", "any"), ("everything", "everything"), ("web1", "web1"), ("endpoint:web1", "web1"),
        ("endpoint:any", "endpoint:any"),
        ("group:web", "group:web"), ("network:office", "network:office"), ("group:", nil), ("Group:web", nil),
        ("web_1", nil), ("", nil),
    ]

    @Test("7: sides of rules", arguments: peers)
    func peersRow(row: (text: String, canonical: String?)) {
        #expect((try? Peer(parsing: row.text))?.description == row.canonical)
    }

    @Test("8: numbers and words")
    func numbers() throws {
        #expect(try Self.rule("priority: 0").priority == 0)
        #expect(try Self.rule("priority: 1000").priority == 1_000)
        #expect(throws: DocumentRefusal.self) { try Self.rule("priority: 1001") }
        #expect(throws: DocumentRefusal.self) { try Self.rule("priority: 1_0") }
        #expect(throws: DocumentRefusal.self) { try Self.rule("priority: \"5\"") }
        #expect(try Self.rule("security: none").security == .none)
        #expect(try Self.rule("log: true, dry-run: false").isLogged)
        #expect(throws: DocumentRefusal.self) { try Self.rule("log: \"true\"") }
        #expect(throws: DocumentRefusal.self) { try Self.rule("log: True") }
    }

    @Test("9: a window is open by the clocks of its zone, over midnight and over the end of the week")
    func clocks() throws {
        let zones = FixedTimeZones(["Asia/Taipei": 28_800])
        let rule = try Self.rule("when: {days: [sun], from: \"22:00\", to: \"06:00\", zone: Asia/Taipei}")
        // Sunday 2026-11-22 22:00 in Taipei is 14:00 UTC.
        for (text, isOpen) in [
            ("2026-11-22T13:59:59Z", false), ("2026-11-22T14:00:00Z", true), ("2026-11-22T21:59:59Z", true),
            ("2026-11-22T22:00:00Z", false), ("2026-11-21T14:00:00Z", false), ("2026-11-21T20:00:00Z", false),
        ] {
            let moment = try #require(try Self.rule("not-after: \(text)").notAfter)
            #expect(rule.holds(at: moment, zones: zones) == isOpen, "\(text)")
        }
    }

    @Test("10: system zones know summer time, and a verdict does not hold over the change of clocks")
    func summerTime() throws {
        let text = """
            version: 1
            tenant: acme
            rules:
              - {name: r, from: a, to: b, verdict: plug, when: {from: "02:30", to: "12:00", zone: Europe/Berlin}}
            """
        let document = try PolicyYAML.read(text).document
        let zones = SystemTimeZones(of: [document])
        let policy = CompiledPolicy(document)
        // On 2026-03-29 clocks go from 02:00 to 03:00, which is 01:00 UTC, so the window opens at 01:00 UTC and not at 01:30.
        let before = try #require(try Self.rule("not-after: 2026-03-29T00:00:00Z").notAfter)
        let (a, b) = (policy.membership(of: .endpoint(try name("a"))), policy.membership(of: .endpoint(try name("b"))))
        let verdict = policy.compile(a, b, at: before, zones: zones)
        #expect(!verdict.forward.otherwise.isPlugged)
        #expect(verdict.holdsUntil == before + 3_600)
        #expect(policy.compile(a, b, at: before + 3_600, zones: zones).forward.otherwise.isPlugged)
    }
}
