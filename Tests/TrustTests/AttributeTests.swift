import NetTypes
import SwiftASN1
import Testing
import X509

@testable import Trust

@Suite("Labels and levels of endpoints")
struct AttributeTests {
    let world: World
    let key = SigningKey()

    init() throws { world = try World() }

    private static func sequence(_ texts: [String]) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.appendConstructedNode(identifier: .sequence) { coder in
            for text in texts { try coder.serialize(ASN1UTF8String(text)) }
        }
        return serializer.serializedBytes
    }

    /// What is verified of an endpoint with any extension, as a CA that was taken over would sign it.
    private func verified(
        _ id: ASN1ObjectIdentifier, _ value: [UInt8]
    ) async throws -> Result<VerifiedEndpoint, TrustRefusal> {
        let identity = world.identity(1)
        let certificate = try world.forge(
            subject: "web1", key: key, by: world.acme, names: [try world.uri("acme/web1"), world.ip(identity)],
            groups: Certificate.Extension(oid: id, critical: false, value: value[...]))
        let facts = EndpointFacts(
            certificate: certificate, issuer: world.acme.certificate,
            record: try world.record(identity).signed(with: key))
        return await world.anchor.verify(endpoint: facts, at: World.now, revocations: .none)
    }

    @Test("1: what was certified is verified, in order; without it there are no labels and the level is 0")
    func honest() async throws {
        let plain = try world.endpoint()
        var endpoint = await world.anchor.verify(endpoint: plain.facts, at: World.now, revocations: .none).value
        #expect(endpoint?.labels == [])
        #expect(endpoint?.level == 0)
        for level in [1, 127, 128, 255] as [UInt8] {
            let labelled = try world.endpoint(labels: ["tier=web", "app=shop", "app=blog"], level: level)
            endpoint = await world.anchor.verify(endpoint: labelled.facts, at: World.now, revocations: .none).value
            #expect(endpoint?.labels.map(\.description) == ["app=blog", "app=shop", "tier=web"])
            #expect(endpoint?.level == level)
        }
    }

    @Test("2: labels have one form only, and none of them says a membership")
    func labels() async throws {
        let many = (0..<TrustLimits.labels).map { "k\($0 + 100)=v" }
        let table: [(String, [UInt8], Bool)] = [
            ("one", try Self.sequence(["tier=web"]), true),
            ("ascending by key, then value", try Self.sequence(["a=1", "a=2", "a.b=0"]), true),
            ("as many as may be", try Self.sequence(many), true),
            ("one more", try Self.sequence(many + ["z=v"]), false),
            ("none in a sequence", try Self.sequence([]), false),
            ("not in order", try Self.sequence(["b=1", "a=1"]), false),
            ("in order of text but not of keys", try Self.sequence(["a.b=0", "a=1"]), false),
            ("twice", try Self.sequence(["a=1", "a=1"]), false),
            ("a membership", try Self.sequence(["group=web"]), false),
            ("no value", try Self.sequence(["tier"]), false),
            ("an empty value", try Self.sequence(["tier="]), false),
            ("two values", try Self.sequence(["tier=web=db"]), false),
            ("not ASCII", try Self.sequence(["tïer=web"]), false),
            ("a long value", try Self.sequence(["a=" + String(repeating: "x", count: 64)]), false),
            ("more behind", try Self.sequence(["tier=web"]) + [5, 0], false),
            ("no sequence", [0x0c, 0x03, 0x61, 0x3d, 0x62], false),
            ("nothing", [], false),
        ]
        for (number, row) in table.enumerated() {
            let result = try await verified(Attributes.labelsID, row.1)
            #expect(
                (result.value != nil) == row.2,
                "row \(number), \(row.0): \(result.refusal.map { "\($0)" } ?? "verified")")
        }
    }

    @Test("3: a level has one form only")
    func levels() async throws {
        let table: [([UInt8], UInt8?)] = [
            ([2, 1, 1], 1), ([2, 1, 0x7f], 0x7f), ([2, 2, 0, 0x80], 0x80), ([2, 2, 0, 0xff], 0xff),
            ([2, 1, 0], nil), ([2, 1, 0x80], nil), ([2, 1, 0xff], nil), ([2, 2, 0, 1], nil), ([2, 2, 1, 0], nil),
            ([2, 0], nil), ([], nil), ([2, 1, 1, 5, 0], nil), ([4, 1, 1], nil), ([2, 0x81, 1, 1], nil),
        ]
        for (number, row) in table.enumerated() {
            let result = try await verified(Attributes.levelID, row.0)
            #expect(result.value?.level == row.1, "row \(number)")
            if row.1 == nil { #expect(result.refusal?.code == "malformed", "row \(number)") }
        }
    }

    @Test("4: networks have one form only, and are those that were certified")
    func networks() async throws {
        let border = try world.endpoint(networks: ["2001:db8::/32", "203.0.113.0/24", "0.0.0.0/0"])
        let endpoint = await world.anchor.verify(endpoint: border.facts, at: World.now, revocations: .none).value
        #expect(endpoint?.networks.map(\.description) == ["0.0.0.0/0", "203.0.113.0/24", "2001:db8::/32"])
        let many = (0..<TrustLimits.networks).map { "10.0.\($0 + 100).0/24" }
        let table: [(String, [UInt8], Bool)] = [
            ("both families", try Self.sequence(["10.0.0.0/8", "10.0.0.0/16", "::/0", "2001:db8::/32"]), true),
            ("as many as may be", try Self.sequence(many), true),
            ("one more", try Self.sequence(many + ["11.0.0.0/8"]), false),
            ("none in a sequence", try Self.sequence([]), false),
            ("not in order", try Self.sequence(["::/0", "10.0.0.0/8"]), false),
            ("twice", try Self.sequence(["::/0", "::/0"]), false),
            ("host bits", try Self.sequence(["10.0.0.1/8"]), false),
            ("no length", try Self.sequence(["10.0.0.0"]), false),
            ("another text of the same prefix", try Self.sequence(["2001:DB8::/32"]), false),
            ("not shortened", try Self.sequence(["2001:db8:0::/32"]), false),
            ("too long", try Self.sequence(["10.0.0.0/33"]), false),
            ("more behind", try Self.sequence(["::/0"]) + [5, 0], false),
            ("nothing", [], false),
        ]
        for (number, row) in table.enumerated() {
            let result = try await verified(Attributes.networksID, row.1)
            #expect(
                (result.value != nil) == row.2,
                "row \(number), \(row.0): \(result.refusal.map { "\($0)" } ?? "verified")")
        }
        #expect(throws: AuthorityError.tooManyNetworks(65, limit: 64)) {
            _ = try world.endpoint(networks: many + ["11.0.0.0/8"])
        }
    }

    @Test("5: what is no endpoint has no attributes, whatever its certificate carries")
    func others() throws {
        let policy = try world.forge(
            subject: "policy", key: key, by: world.acme,
            names: [.uniformResourceIdentifier(world.platform.policyURI(try Name(parsing: "acme")))],
            groups: Certificate.Extension(oid: Attributes.levelID, critical: false, value: [2, 1, 9]))
        #expect(try CertificateSummary(parsing: policy).level == 0)
    }
}
