import NetTypes
import SwiftASN1
import Testing
import X509

@testable import Trust

@Suite("Revocation")
struct RevocationTests {
    let world: World

    init() throws { world = try World() }

    @Test("1: by identity, serial number and key, also of what is remembered as verified")
    func ways() async throws {
        let endpoint = try world.endpoint("web1", number: 1)
        let other = try world.endpoint("web2", number: 2)
        let summary = try CertificateSummary(parsing: endpoint.facts.certificate)
        var byIdentity = Revocations(), bySerial = Revocations(), byKey = Revocations(), byPaddedSerial = Revocations()
        byIdentity.revoke(identity: endpoint.identity)
        bySerial.revoke(serial: summary.serial)
        byPaddedSerial.revoke(serial: [0, 0] + summary.serial)
        byKey.revoke(keyHash: endpoint.key.keyHash)
        let table: [(Revocations, TrustRefusal.RevocationKey)] = [
            (byIdentity, .identity), (bySerial, .serial), (byPaddedSerial, .serial), (byKey, .key),
        ]
        for remembered in [false, true] {
            for (revocations, key) in table {
                #expect(
                    await world.refusal(endpoint.facts, revocations) == .revoked(.certificate, by: key),
                    "remembered: \(remembered)")
                #expect(await world.refusal(other.facts, revocations) == nil)
            }
            #expect(await world.refusal(endpoint.facts) == nil)
        }
    }

    @Test("2: a revoked issuer revokes all below it: endpoints and policy keys")
    func issuers() async throws {
        let endpoint = try world.endpoint()
        let key = SigningKey()
        let policy = try SignedPolicy(
            signing: [1], with: key,
            certificate: try world.acme.issuePolicy(publicKey: key.publicKeyInfo, at: World.now),
            issuer: world.acme.certificate)
        let spared = try world.endpoint("web1", of: world.globex, number: 9)
        for remembered in [false, true] {
            for revoke in [
                { (r: inout Revocations) in r.revoke(serial: world.acme.serial) },
                { (r: inout Revocations) in r.revoke(keyHash: world.acme.keyHash) },
            ] {
                var revocations = Revocations()
                revoke(&revocations)
                let refusal = await world.refusal(endpoint.facts, revocations)
                #expect(refusal?.code == "revoked", "remembered: \(remembered)")
                let verdict = await world.anchor.verify(policy: policy, at: World.now, revocations: revocations)
                #expect(verdict.refusal?.code == "revoked", "remembered: \(remembered)")
                #expect(await world.refusal(spared.facts, revocations) == nil)
            }
            #expect(await world.refusal(endpoint.facts) == nil)
        }
    }

    @Test("3: a CA revoked by its key stays revoked under a new certificate")
    func renewedIssuer() async throws {
        let renewed = try world.root.issueTenant(try Name(parsing: "acme"), key: world.acme.key, at: World.now)
        let endpoint = try world.endpoint()
        var facts = endpoint.facts
        facts.issuer = renewed.certificate
        #expect(await world.refusal(facts) == nil)
        var revocations = Revocations()
        revocations.revoke(keyHash: world.acme.keyHash)
        #expect(await world.refusal(facts, revocations) == .revoked(.issuer, by: .key))
    }

    @Test("4: a revoked root revokes everything; leaves and controllers can be revoked")
    func rootAndLeaves() async throws {
        let key = SigningKey()
        let leaf = try world.root.issueLeaf(
            world.leaf, hostName: try Name(parsing: "h1"), publicKey: key.publicKeyInfo, at: World.now)
        let controller = try world.root.issueController(publicKey: key.publicKeyInfo, at: World.now)
        var byKey = Revocations()
        byKey.revoke(keyHash: key.keyHash)
        var byRoot = Revocations()
        byRoot.revoke(keyHash: world.root.keyHash)
        #expect(await world.refusal(try world.endpoint().facts, byRoot) == .revoked(.root, by: .key))
        for revocations in [byKey, byRoot] {
            #expect(
                await world.anchor.verify(leaf: leaf, at: World.now, revocations: revocations).refusal?.code
                    == "revoked")
            #expect(
                await world.anchor.verify(controller: controller, at: World.now, revocations: revocations).refusal?
                    .code == "revoked")
        }
    }

    @Test("5: the twin with the other ECDSA signature (r, n-s) is revoked with the original")
    func malleatedTwin() async throws {
        let endpoint = try world.endpoint()
        let original = try CertificateSummary(parsing: endpoint.facts.certificate)
        var facts = endpoint.facts
        facts.certificate = try Malleation.twin(ofCertificate: facts.certificate)
        facts.issuer = try Malleation.twin(ofCertificate: facts.issuer)
        #expect(facts.certificate != endpoint.facts.certificate)
        #expect(facts.issuer != endpoint.facts.issuer)
        // The twin is a good signature too: that is why a block list of fingerprints would not do.
        #expect(await world.refusal(facts) == nil)
        let twin = try CertificateSummary(parsing: facts.certificate)
        #expect(twin == original)
        let table: [(String, (inout Revocations) -> Void)] = [
            ("identity", { $0.revoke(identity: endpoint.identity) }),
            ("serial", { $0.revoke(serial: original.serial) }),
            ("key", { $0.revoke(keyHash: original.keyHash) }),
            ("serial of the issuer", { $0.revoke(serial: world.acme.serial) }),
            ("key of the issuer", { $0.revoke(keyHash: world.acme.keyHash) }),
        ]
        for (what, revoke) in table {
            var revocations = Revocations()
            revoke(&revocations)
            #expect(await world.refusal(facts, revocations)?.code == "revoked", "by \(what)")
        }
    }

    @Test("6: unions and counts")
    func values() throws {
        var a = Revocations(), b = Revocations()
        a.revoke(identity: world.identity(1))
        b.revoke(serial: [0, 1, 2])
        b.revoke(serial: [1, 2])
        b.revoke(keyHash: Array(repeating: 7, count: 32))
        a.formUnion(b)
        #expect(a.count == 3)
        #expect(a.revocation(serial: [1, 2], keyHash: []) == .serial)
        #expect(a.revocation(serial: [0, 0, 1, 2], keyHash: []) == .serial)
        #expect(a.revocation(serial: [1], keyHash: [], identity: world.identity(2)) == nil)
        #expect(Revocations.none.count == 0)
    }
}

/// Makes the other valid form of ECDSA signatures: s becomes n − s.
enum Malleation {
    struct Failed: Error {}

    /// The order of P-256 (SEC 2, section 2.4.2).
    static let order: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]

    static func twin(ofCertificate der: [UInt8]) throws -> [UInt8] {
        let nodes = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            guard let tbs = nodes.next(), let algorithm = nodes.next() else { throw Failed() }
            return (tbs, algorithm, try ASN1BitString(derEncoded: &nodes))
        }
        return DEREncoding.sequence { coder in
            coder.serializeRawBytes(nodes.0.encodedBytes)
            coder.serializeRawBytes(nodes.1.encodedBytes)
            try coder.serialize(ASN1BitString(bytes: try twin(ofSignature: Array(nodes.2.bytes))[...]))
        }
    }

    static func twin(ofSignature der: [UInt8]) throws -> [UInt8] {
        let (r, s) = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            (try ArraySlice<UInt8>(derEncoded: &nodes), try ArraySlice<UInt8>(derEncoded: &nodes))
        }
        let padded = Array(repeating: UInt8(0), count: 32 - s.count) + s
        var result: [UInt8] = []
        var borrow = 0
        for (n, digit) in zip(order, padded).reversed() {
            let difference = Int(n) - Int(digit) - borrow
            borrow = difference < 0 ? 1 : 0
            result.insert(UInt8(difference & 0xff), at: 0)
        }
        return DEREncoding.sequence { coder in
            try coder.serialize(r)
            try coder.serialize(Array(result.drop { $0 == 0 })[...])
        }
    }
}
