import Crypto
import NetTypes
import SwiftASN1
import Testing
import X509

@testable import Trust

@Suite("Facts of an endpoint")
struct EndpointTests {
    let world: World

    init() throws { world = try World() }

    @Test("1: honest facts are verified, and every field is the one that was signed")
    func honest() async throws {
        let endpoint = try world.endpoint(
            "web1", number: 0x1_0000_0001, groups: ["web", "all"], locator: "2001:db8::9")
        let verified = try #require(
            await world.anchor.verify(endpoint: endpoint.facts, at: World.now, revocations: .none).value)
        #expect(verified.identity == endpoint.identity)
        #expect("\(verified.name)" == "acme/web1")
        #expect(verified.groups.map(\.text) == ["all", "web"])
        #expect(verified.leaf == world.leaf)
        #expect("\(verified.locator)" == "2001:db8::9")
        #expect(verified.plugPort == 7_000)
        #expect(verified.epoch == 7)
        #expect(verified.recordNotAfter == World.now + 3_600)
        #expect(verified.certificateNotAfter == World.now + TrustLimits.endpointLifetime)
        #expect(verified.notAfter == World.now + 3_600)
        #expect(verified.keyHash == endpoint.key.keyHash)
        #expect(verified.serial.count == 16)
    }

    @Test("2: an attacker's certificate with the victim's as filler never speaks for the victim")
    func filler() async throws {
        let victim = try world.endpoint("web1", number: 1)
        let attacker = try world.endpoint("evil", of: world.globex, number: 66)
        let (v, a) = (victim.facts, attacker.facts)
        // Every way to put the nine byte strings together, and concatenations of two in one place.
        let certificates = [
            v.certificate, a.certificate, a.certificate + v.certificate, v.certificate + a.certificate, v.issuer,
            a.issuer, world.root.certificate, [],
        ]
        let issuers = [
            v.issuer, a.issuer, v.certificate, a.certificate, a.issuer + v.issuer, v.issuer + a.issuer,
            world.root.certificate, [],
        ]
        let records = [
            v.record, a.record, a.record + v.record, try world.record(victim.identity).signed(with: attacker.key),
            try world.record(attacker.identity).signed(with: victim.key), [],
        ]
        var verified = 0
        for certificate in certificates {
            for issuer in issuers {
                for record in records {
                    let facts = EndpointFacts(certificate: certificate, issuer: issuer, record: record)
                    let result = await world.anchor.verify(endpoint: facts, at: World.now, revocations: .none)
                    guard let endpoint = result.value else { continue }
                    verified += 1
                    #expect(facts == v || facts == a)
                    #expect(endpoint.identity == (facts == v ? victim.identity : attacker.identity))
                }
            }
        }
        #expect(verified == 2)
    }

    @Test("3: a record of the victim signed by the attacker is refused")
    func stolenRecord() async throws {
        let victim = try world.endpoint("web1", number: 1)
        let attacker = try world.endpoint("evil", number: 66)
        var facts = victim.facts
        facts.record = try world.record(victim.identity).signed(with: attacker.key)
        #expect(await world.refusal(facts) == .badSignature(.record))
        facts = attacker.facts
        facts.record = victim.facts.record
        #expect(
            await world.refusal(facts) == .recordIdentity(record: victim.identity, certificate: attacker.identity))
        facts.record = try world.record(victim.identity).signed(with: attacker.key)
        #expect(
            await world.refusal(facts) == .recordIdentity(record: victim.identity, certificate: attacker.identity))
    }

    @Test("4: the CA of one tenant cannot speak for another")
    func otherTenant() async throws {
        let key = SigningKey()
        let identity = world.identity(5)
        let certificate = try world.forge(
            subject: "web1", key: key, by: world.acme, names: [try world.uri("globex/web1"), world.ip(identity)])
        let record = try world.record(identity).signed(with: key)
        let facts = EndpointFacts(certificate: certificate, issuer: world.acme.certificate, record: record)
        #expect(
            await world.refusal(facts)
                == .tenantMismatch(certificate: try Name(parsing: "globex"), issuer: try Name(parsing: "acme")))
    }

    @Test("5: the issuer that is presented must be the one that issued")
    func otherIssuer() async throws {
        var facts = try world.endpoint().facts
        facts.issuer = world.globex.certificate
        #expect(await world.refusal(facts)?.code == "wrong-issuer")
        // A CA of the same name with another key, under the same root: the tenant's CA was renewed with a new key.
        facts.issuer = try world.root.issueTenant(try Name(parsing: "acme"), at: World.now).certificate
        #expect(await world.refusal(facts) == .badSignature(.certificate))
        // The same names under another root.
        let twin = try World()
        let foreign = try twin.endpoint().facts
        #expect(await world.refusal(foreign) == .badSignature(.issuer))
        // Another platform altogether.
        let other = try World(globalID: "0000000001")
        #expect(await world.refusal(try other.endpoint().facts)?.code == "wrong-issuer")
    }

    @Test("6: a self-made CA, and an endpoint that acts as CA, are refused")
    func actingAuthority() async throws {
        let key = SigningKey()
        let endpoint = try world.endpoint("web1", number: 1)
        // 6a: an endpoint's certificate in the issuer's place; the endpoint signs below it.
        let below = try World.signBelow(
            issuer: endpoint.facts.certificate, issuerKey: endpoint.key, key: key,
            names: [try world.uri("acme/web2"), world.ip(world.identity(2))], subject: "web2")
        let record = try world.record(world.identity(2)).signed(with: key)
        var facts = EndpointFacts(certificate: below, issuer: endpoint.facts.certificate, record: record)
        #expect(
            await world.refusal(facts) == .wrongKind(.issuer, expected: "a tenant's CA", found: "an endpoint"))
        // 6b: a CA below the CA of a tenant.
        let acme = try Name(parsing: "acme")
        let lower = try CertificateAuthority(
            certificate: try world.forgeAuthority(
                subject: world.platform.tenantCommonName(acme), key: key, by: world.acme, depth: 0,
                constraints: NameConstraints(tenant: acme, platform: world.platform)), key: key)
        #expect(await world.refusal(try world.endpoint(of: lower).facts)?.code == "wrong-issuer")
        // 6c: the CA of a tenant in the endpoint's place.
        facts = endpoint.facts
        facts.certificate = world.acme.certificate
        #expect(
            await world.refusal(facts) == .wrongKind(.certificate, expected: "an endpoint", found: "a tenant's CA"))
        // 6d: the root in the issuer's place.
        facts = endpoint.facts
        facts.issuer = world.root.certificate
        #expect(
            await world.refusal(facts)
                == .wrongKind(.issuer, expected: "a tenant's CA", found: "a platform's root"))
    }

    @Test("7: names beyond those of an endpoint are refused, whoever signed them")
    func alternativeNames() async throws {
        let key = SigningKey()
        let (one, two) = (world.identity(1), world.identity(2))
        let uri = try world.uri("acme/web1")
        let other = try world.uri("acme/web2")
        let outside = Identity(IPv6Address(0xfd << 120 | 9))
        let mapped = GeneralName.ipAddress(ASN1OctetString(contentBytes: [10, 0, 0, 1]))
        let table: [(String, [GeneralName], String)] = [
            ("two identities", [uri, world.ip(one), world.ip(two)], "malformed"),
            ("the same identity twice", [uri, world.ip(one), world.ip(one)], "malformed"),
            ("two URIs", [uri, other, world.ip(one)], "malformed"),
            ("no identity", [uri], "malformed"),
            ("no URI", [world.ip(one)], "malformed"),
            ("no names", [], "malformed"),
            ("an IPv4 address", [uri, mapped], "malformed"),
            ("a DNS name beside", [uri, world.ip(one), .dnsName("acme.tenant.\(world.platform)")], "malformed"),
            ("a DNS name in place of the identity", [uri, .dnsName("x")], "malformed"),
            (
                "an address outside fd00::/8",
                [uri, .ipAddress(ASN1OctetString(contentBytes: [0x20, 0x01] + Array(repeating: 0, count: 14)))],
                "malformed"
            ),
            ("an identity of another platform", [uri, world.ip(try #require(outside))], "name-constraint"),
            (
                "a URI of another platform",
                [
                    .uniformResourceIdentifier("spiffe://endpoint.acme.tenant.0000000001.patchbay.internal/web1"),
                    world.ip(one),
                ], "name-constraint"
            ),
            (
                "a URI with a port",
                [.uniformResourceIdentifier("spiffe://endpoint.acme.tenant.\(world.platform):1/web1"), world.ip(one)],
                "malformed"
            ),
            (
                "a URI with a user",
                [.uniformResourceIdentifier("spiffe://a@endpoint.acme.tenant.\(world.platform)/web1"), world.ip(one)],
                "malformed"
            ),
            (
                "a URI with a query",
                [.uniformResourceIdentifier("spiffe://endpoint.acme.tenant.\(world.platform)/web1?x"), world.ip(one)],
                "malformed"
            ),
            (
                "a URI in capitals",
                [.uniformResourceIdentifier("SPIFFE://endpoint.acme.tenant.\(world.platform)/web1"), world.ip(one)],
                "malformed"
            ),
            (
                "a URI of two labels",
                [.uniformResourceIdentifier("spiffe://endpoint.b.acme.tenant.\(world.platform)/web1"), world.ip(one)],
                "malformed"
            ),
            ("the subject of another", [other, world.ip(one)], "malformed"),
        ]
        for (number, row) in table.enumerated() {
            let certificate = try world.forge(subject: "web1", key: key, by: world.acme, names: row.1)
            let facts = EndpointFacts(
                certificate: certificate, issuer: world.acme.certificate,
                record: try world.record(one).signed(with: key))
            let refusal = await world.refusal(facts)
            #expect(refusal?.code == row.2, "row \(number), \(row.0): \(refusal.map { "\($0)" } ?? "verified")")
        }
    }

    @Test("8: certificates of leaves, controllers and policy keys are not endpoints, and the other way round")
    func kinds() async throws {
        let key = SigningKey()
        let host = try Name(parsing: "h1")
        let leaf = try world.root.issueLeaf(world.leaf, hostName: host, publicKey: key.publicKeyInfo, at: World.now)
        let controller = try world.root.issueController(publicKey: key.publicKeyInfo, at: World.now)
        let policy = try world.acme.issuePolicy(publicKey: key.publicKeyInfo, at: World.now)
        let endpoint = try world.endpoint(key: key)
        let all = [
            leaf, controller, policy, endpoint.facts.certificate, world.acme.certificate, world.root.certificate,
        ]
        for (number, der) in all.enumerated() {
            for issuer in [world.acme.certificate, world.root.certificate] {
                var facts = endpoint.facts
                facts.certificate = der
                facts.issuer = issuer
                let verified = await world.anchor.verify(endpoint: facts, at: World.now, revocations: .none).value
                #expect((verified != nil) == (number == 3 && issuer == world.acme.certificate), "endpoint, \(number)")
                let signed = try SignedPolicy(signing: [1, 2, 3], with: key, certificate: der, issuer: issuer)
                let tenant = await world.anchor.verify(policy: signed, at: World.now, revocations: .none).value
                #expect((tenant != nil) == (number == 2 && issuer == world.acme.certificate), "policy, \(number)")
            }
            let asLeaf = await world.anchor.verify(leaf: der, at: World.now, revocations: .none).value
            #expect((asLeaf != nil) == (number == 0), "leaf, \(number)")
            let asController = await world.anchor.verify(controller: der, at: World.now, revocations: .none).value
            #expect((asController != nil) == (number == 1), "controller, \(number)")
        }
        let verified = await world.anchor.verify(leaf: leaf, at: World.now, revocations: .none).value
        #expect(verified?.id == world.leaf)
        #expect(verified?.hostName == host)
    }

    @Test("9: the CA of a tenant cannot make a leaf or a controller, nor the root an endpoint")
    func wrongAuthority() async throws {
        let key = SigningKey()
        let names: [GeneralName] = [
            .uniformResourceIdentifier(world.platform.leafURI(world.leaf)),
            .dnsName(world.platform.leafHost(world.leaf)),
        ]
        let extensions: [Certificate.Extension] = [
            try Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true),
            try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true),
            try Certificate.Extension(SubjectAlternativeNames(names), critical: false),
            try Certificate.Extension(ExtendedKeyUsage([.serverAuth, .clientAuth]), critical: false),
        ]
        let leaf = try world.forge(subject: "h1", key: key, by: world.acme, extensions)
        #expect(
            await world.anchor.verify(leaf: leaf, at: World.now, revocations: .none).refusal?.code == "wrong-issuer")
        let fromRoot = try world.forge(
            subject: "web1", key: key, by: world.root,
            names: [try world.uri("acme/web1"), world.ip(world.identity(1))])
        let facts = EndpointFacts(
            certificate: fromRoot, issuer: world.acme.certificate,
            record: try world.record(world.identity(1)).signed(with: key))
        #expect(await world.refusal(facts)?.code == "wrong-issuer")
    }

    @Test("10: a tenant's CA whose constraints are missing, wider, not critical or another tenant's is refused")
    func constraints() async throws {
        let acme = try Name(parsing: "acme")
        let honest = NameConstraints(tenant: acme, platform: world.platform)
        let everything = ASN1OctetString(contentBytes: Array(repeating: UInt8(0), count: 32)[...])
        let wide = NameConstraints(
            permittedDNSDomains: honest.permittedDNSDomains, permittedIPRanges: [everything],
            permittedURIDomains: honest.permittedURIDomains)
        let twoTenants = NameConstraints(
            permittedDNSDomains: honest.permittedDNSDomains, permittedIPRanges: honest.permittedIPRanges,
            permittedURIDomains: Array(honest.permittedURIDomains) + [".globex.tenant.\(world.platform)"])
        let noURI = NameConstraints(
            permittedDNSDomains: honest.permittedDNSDomains, permittedIPRanges: honest.permittedIPRanges)
        let name = world.platform.tenantCommonName(acme)
        let table: [(String, NameConstraints?, Bool, Int?, String)] = [
            ("honest", honest, true, 0, name),
            ("none", nil, true, 0, name),
            ("all addresses", wide, true, 0, name),
            ("two tenants", twoTenants, true, 0, name),
            ("no URI", noURI, true, 0, name),
            ("not critical", honest, false, 0, name),
            ("deeper", honest, true, 1, name),
            ("of any depth", honest, true, nil, name),
            ("the name of another", honest, true, 0, "Patchbay tenant globex"),
        ]
        for (number, row) in table.enumerated() {
            let key = SigningKey()
            let der = try world.forgeAuthority(
                subject: row.4, key: key, by: world.root, depth: row.3, constraints: row.1, critical: row.2)
            let endpointKey = SigningKey()
            let identity = world.identity(1)
            let certificate = try World.signBelow(
                issuer: der, issuerKey: key, key: endpointKey,
                names: [try world.uri("acme/web1"), world.ip(identity)], subject: "web1")
            let facts = EndpointFacts(
                certificate: certificate, issuer: der, record: try world.record(identity).signed(with: endpointKey))
            let refusal = await world.refusal(facts)
            #expect(
                (refusal == nil) == (number == 0), "row \(number), \(row.0): \(refusal.map { "\($0)" } ?? "verified")")
        }
    }

    @Test("11: groups are certified, in one form only")
    func groups() async throws {
        let key = SigningKey()
        let identity = world.identity(1)
        func sequence(_ texts: [String]) throws -> [UInt8] {
            var serializer = DER.Serializer()
            try serializer.appendConstructedNode(identifier: .sequence) { coder in
                for text in texts { try coder.serialize(ASN1UTF8String(text)) }
            }
            return serializer.serializedBytes
        }
        let many = (0..<TrustLimits.groups).map { "g\($0 + 100)" }
        let table: [(String, [UInt8], Bool)] = [
            ("one", try sequence(["web"]), true),
            ("as many as may be", try sequence(many), true),
            ("one more", try sequence(many + ["h"]), false),
            ("none in a sequence", try sequence([]), false),
            ("not in order", try sequence(["web", "all"]), false),
            ("twice", try sequence(["web", "web"]), false),
            ("not a name", try sequence(["Web"]), false),
            ("no sequence", [0x0c, 0x03, 0x77, 0x65, 0x62], false),
            ("more behind", try sequence(["web"]) + [0x05, 0x00], false),
            ("nothing", [], false),
        ]
        for (number, row) in table.enumerated() {
            let certificate = try world.forge(
                subject: "web1", key: key, by: world.acme, names: [try world.uri("acme/web1"), world.ip(identity)],
                groups: Certificate.Extension(oid: Attributes.groupsID, critical: false, value: row.1[...]))
            let facts = EndpointFacts(
                certificate: certificate, issuer: world.acme.certificate,
                record: try world.record(identity).signed(with: key))
            let refusal = await world.refusal(facts)
            #expect((refusal == nil) == row.2, "row \(number), \(row.0): \(refusal.map { "\($0)" } ?? "verified")")
        }
    }

    @Test("12: an unknown extension is passed over, unless it is critical")
    func unknownExtensions() async throws {
        let key = SigningKey()
        let identity = world.identity(1)
        for critical in [false, true] {
            let certificate = try world.forge(
                subject: "web1", key: key, by: world.acme, names: [try world.uri("acme/web1"), world.ip(identity)],
                groups: Certificate.Extension(oid: [2, 25, 42], critical: critical, value: [5, 0]))
            let facts = EndpointFacts(
                certificate: certificate, issuer: world.acme.certificate,
                record: try world.record(identity).signed(with: key))
            #expect(await world.refusal(facts)?.code == (critical ? "chain-refused" : nil))
        }
    }

    @Test("13: keys and signatures of other kinds are refused")
    func algorithms() async throws {
        let identity = world.identity(1)
        let names = [try world.uri("acme/web1"), world.ip(identity)]
        let keys: [Certificate.PublicKey] = [
            Certificate.PublicKey(P384.Signing.PrivateKey().publicKey),
            Certificate.PublicKey(Curve25519.Signing.PrivateKey().publicKey),
        ]
        for key in keys {
            let certificate = try world.acme.sign(
                CertificateDraft(
                    subject: try DistinguishedName(commonName: "web1"), key: key, lifetime: 3_600,
                    extensions: try .endEntity(names: names)), at: World.now)
            let facts = EndpointFacts(
                certificate: certificate, issuer: world.acme.certificate,
                record: try world.record(identity).signed(with: SigningKey()))
            #expect(await world.refusal(facts) == .unsupportedAlgorithm(.certificate))
        }
    }
    @Test("14: what the issuer did not sign has one form only")
    func envelope() async throws {
        let endpoint = try world.endpoint()
        let nodes = try DER.sequence(try DER.parse(endpoint.facts.certificate), identifier: .sequence) { nodes in
            Array([nodes.next(), nodes.next(), nodes.next()].compactMap { $0.map { Array($0.encodedBytes) } })
        }
        func certificate(_ parts: [[UInt8]]) -> [UInt8] {
            DEREncoding.sequence { coder in for part in parts { coder.serializeRawBytes(part) } }
        }
        #expect(certificate(nodes) == endpoint.facts.certificate)
        let algorithm = nodes[1].dropFirst(2)
        let signature = nodes[2].dropFirst(3)
        let table: [(String, [UInt8], [UInt8])] = [
            ("the algorithm with NULL behind it", [0x30, 0x0c] + algorithm + [0x05, 0x00], nodes[2]),
            ("SHA-384 named outside", [0x30, 0x0a] + algorithm.dropLast() + [0x03], nodes[2]),
            (
                "another octet in the signature", nodes[1],
                [0x03, UInt8(signature.count + 2), 0x00] + signature + [0x00]
            ),
            ("an octet less", nodes[1], [0x03, UInt8(signature.count), 0x00] + signature.dropLast()),
        ]
        for row in table {
            var facts = endpoint.facts
            facts.certificate = certificate([nodes[0], row.1, row.2])
            #expect(await world.refusal(facts) != nil, "\(row.0)")
        }
        for more in [[0x05, 0x00], nodes[2], nodes[0]] as [[UInt8]] {
            var facts = endpoint.facts
            facts.certificate = certificate(nodes + [more])
            #expect(await world.refusal(facts)?.code == "malformed")
        }
    }
}

extension World {
    /// Signs an end of a chain with any key, below any certificate that is put forward as its issuer.
    static func signBelow(
        issuer: [UInt8], issuerKey: SigningKey, key: SigningKey, names: [GeneralName], subject: String
    ) throws -> [UInt8] {
        let parent = try Certificate(derEncoded: issuer)
        let draft = CertificateDraft(
            subject: try DistinguishedName(commonName: subject), key: key.certificateKey.publicKey, lifetime: 3_600,
            extensions: try .endEntity(names: names))
        return try draft.signed(
            by: issuerKey, issuer: parent.subject, issuerKey: parent.publicKey, at: now, until: nil)
    }
}
