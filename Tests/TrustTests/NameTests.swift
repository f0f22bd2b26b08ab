import NetTypes
import Testing

@testable import Trust

@Suite("Names of the platform")
struct PlatformNameTests {
    @Test("1: a prefix and its global id say the same")
    func globalID() throws {
        for gid in ["0000000000", "123456789a", "ffffffffff", "0000000001", "1000000000"] {
            let platform = try PlatformName(globalID: gid)
            #expect(platform.globalID == gid)
            #expect(try PlatformName(prefix: platform.prefix) == platform)
            #expect(platform.domain == "\(gid).patchbay.internal")
        }
        #expect("\(try PlatformName(globalID: "123456789a").prefix)" == "fd12:3456:789a::/48")
        for bad in [
            "", "123456789", "123456789ab", "123456789A", "123456789g", "+23456789a", "-23456789a", "１23456789",
        ] {
            #expect(throws: TextError.self, "\(bad)") { try PlatformName(globalID: bad) }
        }
        for bad in ["fd12:3456:789a::/47", "fd12:3456:789a::/64", "fc12:3456:789a::/48", "2001:db8::/48", "::/0"] {
            #expect(throws: (any Error).self, "\(bad)") { try PlatformName(prefix: IPv6Prefix(parsing: bad)) }
        }
    }

    @Test("2: what is written is read again")
    func roundTrip() throws {
        let platform = try PlatformName(globalID: "00000000ff")
        let names: [CertificateName] = [
            .endpoint(try TenantName(parsing: "acme/web1")), .endpoint(try TenantName(parsing: "tenant/endpoint")),
            .endpoint(try TenantName(parsing: "endpoint/policy")), .policy(try Name(parsing: "acme")),
            .policy(try Name(parsing: "leaf")), .leaf(LeafID(0)), .leaf(LeafID(.max)), .controller,
            .user(String(repeating: "0a", count: 16), of: nil),
            .user(String(repeating: "0a", count: 16), of: try Name(parsing: "leaf")),
        ]
        for name in names {
            let uri = try #require(platform.uri(of: name))
            let read = try PlatformName.parse(uri: uri)
            #expect(read.platform == platform)
            #expect(read.name == name)
        }
        #expect(platform.uri(of: .root) == nil)
        #expect(platform.uri(of: .tenant(try Name(parsing: "acme"))) == nil)
        #expect(Set(names.compactMap(platform.uri(of:))).count == names.count)
    }

    @Test("3: everything but the one spelling is refused")
    func refusals() throws {
        let d = "123456789a.patchbay.internal"
        let bad = [
            "", "spiffe://", "spiffe:///", "http://controller.\(d)/", "spiffe://controller.\(d)", "spiffe://\(d)/",
            "spiffe://controller.\(d)/x", "spiffe://controller.\(d)//", "spiffe://controller.\(d)/?",
            "spiffe://controller.\(d).",
            "spiffe://controller.x\(d)/", "spiffe://controller.123456789a.patchbay.internet/",
            "spiffe://controller.123456789a.patchbay.internal./", "spiffe://controller.123456789A.patchbay.internal/",
            "spiffe://leaf.\(d)/", "spiffe://leaf.\(d)/0123", "spiffe://leaf.\(d)/0123456789ABCDEF0123456789abcdef",
            "spiffe://leaf.\(d)/0123456789abcdef0123456789abcdef/", "spiffe://policy.\(d)/",
            "spiffe://policy.acme.tenant.\(d)/x",
            "spiffe://policy.acme.tenants.\(d)/", "spiffe://endpoint.acme.tenant.\(d)/",
            "spiffe://endpoint.acme.tenant.\(d)/web1/",
            "spiffe://endpoint.acme.tenant.\(d)/web1/web2", "spiffe://endpoint.acme.tenant.\(d)/Web1",
            "spiffe://endpoint..tenant.\(d)/web1", "spiffe://endpoint.a.b.tenant.\(d)/web1",
            "spiffe://endpoint.\(d)/web1",
            "spiffe://endpoint.acme.tenant.\(d)/%77eb1", "spiffe://endpoint.acme.tenant.\(d):443/web1",
            "spiffe://user.\(d)/", "spiffe://user.\(d)/ada", "spiffe://user.acme.tenant.\(d)/0123456789abcdef",
            "spiffe://user.acme.tenant.\(d)/0123456789ABCDEF0123456789abcdef",
            "spiffe://user.tenant.\(d)/0123456789abcdef0123456789abcdef",
            "spiffe://x@endpoint.acme.tenant.\(d)/web1", " spiffe://controller.\(d)/", "spiffe://controller.\(d)/\n",
            "spiffe://controller.\(d)/\0", "spiffe://root.\(d)/",
            "spiffe://" + String(repeating: "a.", count: 300) + "\(d)/",
        ]
        for uri in bad { #expect(throws: TextError.self, "\(uri)") { try PlatformName.parse(uri: uri) } }
        #expect(throws: Never.self) { try PlatformName.parse(uri: "spiffe://controller.\(d)/") }
    }
}

@Suite("Words for refusals")
struct RefusalTests {
    @Test("1: codes are kebab-case and differ; sentences are not empty")
    func codes() throws {
        let name = try Name(parsing: "a")
        let identity = try Identity(parsing: "fd00::1")
        let time = Timestamp(0)
        let all: [TrustRefusal] = [
            .oversize(.record, bytes: 2, limit: 1), .malformed(.record, "x"), .unsupportedAlgorithm(.issuer),
            .wrongKind(.certificate, expected: "a", found: "b"), .wrongIssuer(.certificate, expected: "a", found: "b"),
            .badSignature(.record), .tenantMismatch(certificate: name, issuer: name),
            .nameConstraint(.certificate, "x"),
            .notYetValid(.certificate, notBefore: time), .certificateExpired(.issuer, notAfter: time),
            .chainRefused(.certificate, "x"), .revoked(.issuer, by: .key),
            .recordIdentity(record: identity, certificate: identity), .recordExpired(notAfter: time),
            .recordTooLong(notAfter: time), .notPinned,
        ]
        #expect(Set(all.map(\.code)).count == all.count)
        for refusal in all {
            #expect(refusal.code.utf8.allSatisfy { $0 == 0x2d || (0x61...0x7a).contains($0) })
            #expect("\(refusal)".count > 20)
        }
    }
}

@Suite("Foreign text in messages")
struct ForeignTextTests {
    @Test("1: is cut short and has no control codes")
    func foreign() {
        #expect(String.foreign("CN=a") == "CN=a")
        #expect(String.foreign("a\u{1b}[2J\n") == "a\u{fffd}[2J\u{fffd}")
        #expect(String.foreign(String(repeating: "x", count: 160)).unicodeScalars.count == 160)
        #expect(String.foreign(String(repeating: "x", count: 161)).hasSuffix("x…"))
        #expect(String.foreign("e" + String(repeating: "\u{301}", count: 1 << 16)).unicodeScalars.count == 161)
    }
}
