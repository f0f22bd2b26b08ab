import NetTypes
import SwiftASN1
import Testing
import X509

@testable import Trust

@Suite("Certificate authority and signing requests")
struct AuthorityTests {
    let world: World

    init() throws { world = try World() }

    @Test("1: root and tenant CAs say who they are, and are taken up again from certificate and key")
    func authorities() throws {
        #expect(world.root.name == .root)
        #expect(world.acme.name == .tenant(try Name(parsing: "acme")))
        #expect(world.acme.platform == world.platform)
        for authority in [world.root, world.acme] {
            let again = try CertificateAuthority(certificate: authority.certificate, key: authority.key)
            #expect(again.name == authority.name)
            #expect(again.serial == authority.serial)
            #expect(throws: AuthorityError.keyMismatch) {
                try CertificateAuthority(certificate: authority.certificate, key: SigningKey())
            }
        }
        let endpoint = try world.endpoint()
        #expect(throws: AuthorityError.self) {
            try CertificateAuthority(certificate: endpoint.facts.certificate, key: endpoint.key)
        }
        #expect(throws: AuthorityError.self) { try CertificateAuthority(certificate: [], key: endpoint.key) }
    }

    @Test("2: an authority issues its own kinds only, for its own platform and keys of P-256 only")
    func refusals() throws {
        let key = SigningKey().publicKeyInfo
        let name = try Name(parsing: "x")
        #expect(throws: AuthorityError.needsRoot("the CA of a tenant")) {
            try world.acme.issueTenant(name, at: World.now)
        }
        #expect(throws: AuthorityError.self) {
            try world.acme.issueLeaf(world.leaf, hostName: name, publicKey: key, at: World.now)
        }
        #expect(throws: AuthorityError.self) { try world.acme.issueController(publicKey: key, at: World.now) }
        #expect(throws: AuthorityError.self) {
            try world.root.issueEndpoint(name, identity: world.identity(1), publicKey: key, at: World.now)
        }
        #expect(throws: AuthorityError.self) { try world.root.issuePolicy(publicKey: key, at: World.now) }
        let foreign = try Identity(parsing: "fd00::1")
        #expect(throws: AuthorityError.outsidePlatform(foreign, world.platform.prefix)) {
            try world.acme.issueEndpoint(name, identity: foreign, publicKey: key, at: World.now)
        }
        let groups = try (0...TrustLimits.groups).map { try Name(parsing: "g\($0)") }
        #expect(throws: AuthorityError.tooManyGroups(65, limit: 64)) {
            try world.acme.issueEndpoint(
                name, identity: world.identity(1), groups: groups, publicKey: key, at: World.now)
        }
        let labels = try (0...TrustLimits.labels).map { try PolicyLabel(parsing: "k\($0)=v") }
        #expect(throws: AuthorityError.tooManyLabels(65, limit: 64)) {
            try world.acme.issueEndpoint(
                name, identity: world.identity(1), labels: labels, publicKey: key, at: World.now)
        }
        let member = PolicyLabel(memberOf: name)
        #expect(throws: AuthorityError.reservedLabel(member)) {
            try world.acme.issueEndpoint(
                name, identity: world.identity(1), labels: [member], publicKey: key, at: World.now)
        }
        #expect(throws: AuthorityError.self) { try world.acme.issueGuardrails(publicKey: key, at: World.now) }
        for bad in [[], [0x30], key + [0], Array(key.dropLast()), Array(repeating: 0, count: 1 << 16)] {
            #expect(throws: AuthorityError.badPublicKey) {
                try world.acme.issueEndpoint(name, identity: world.identity(1), publicKey: bad, at: World.now)
            }
        }
    }

    @Test("3: the largest certificate that may be issued is under the limit, and is verified")
    func largest() async throws {
        let tenant = try world.root.issueTenant(Name(parsing: String(repeating: "t", count: 63)), at: World.now)
        let groups = (0..<TrustLimits.groups).map { "g\($0)" + String(repeating: "x", count: 60 - "\($0)".count) }
        let labels = (10..<(10 + TrustLimits.labels)).map {
            "k\($0)" + String(repeating: "x", count: 60) + "=" + String(repeating: "y", count: 63)
        }
        let endpoint = try world.endpoint(
            String(repeating: "n", count: 63), of: tenant, groups: groups, labels: labels, level: 255)
        #expect(endpoint.facts.certificate.count <= TrustLimits.certificateBytes)
        let verified = await world.anchor.verify(endpoint: endpoint.facts, at: World.now, revocations: .none).value
        #expect(verified?.groups.count == TrustLimits.groups)
        #expect(verified?.labels.map(\.description) == labels)
        #expect(verified?.level == 255)
    }

    @Test("4: serial numbers are positive, of 16 octets, and differ")
    func serials() throws {
        let serials = (0..<1_000).map { _ in Array(CertificateDraft.randomSerial().bytes) }
        #expect(Set(serials).count == serials.count)
        #expect(serials.allSatisfy { $0.count == 16 && $0[0] & 0xc0 == 0x40 })
    }

    @Test("5: what every kind of certificate says")
    func contents() throws {
        let key = SigningKey().publicKeyInfo
        let host = try Name(parsing: "h1")
        let addresses = [try IPAddress(parsing: "192.0.2.1"), try IPAddress(parsing: "2001:db8::1")]
        let leaf = try Certificate(
            derEncoded: world.root.issueLeaf(world.leaf, hostName: host, publicKey: key, at: World.now))
        let controller = try Certificate(
            derEncoded: world.root.issueController(
                publicKey: key, addresses: addresses, consoleHost: "bay.example.org", at: World.now))
        let tenant = try Certificate(derEncoded: world.acme.certificate)
        let gid = world.platform.globalID
        #expect("\(tenant.subject)" == "CN=Patchbay tenant acme")
        #expect("\(tenant.issuer)" == "CN=Patchbay platform \(gid)")
        let constraints = try #require(try tenant.extensions.nameConstraints)
        #expect(Array(constraints.permittedURIDomains) == [".acme.tenant.\(gid).patchbay.internal"])
        #expect(Array(constraints.permittedDNSDomains) == ["acme.tenant.\(gid).patchbay.internal"])
        #expect(tenant.extensions[oid: .X509ExtensionID.nameConstraints]?.critical == true)
        #expect(try tenant.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: 0))
        #expect("\(leaf.subject)" == "CN=h1")
        #expect(
            try leaf.extensions.subjectAlternativeNames.map(Array.init) == [
                .uniformResourceIdentifier("spiffe://leaf.\(gid).patchbay.internal/0123456789abcdef0123456789abcdef"),
                .dnsName("0123456789abcdef0123456789abcdef.leaf.\(gid).patchbay.internal"),
            ])
        let names = try #require(try controller.extensions.subjectAlternativeNames)
        #expect(names.contains(.dnsName("localhost")) && names.contains(.dnsName("bay.example.org")))
        #expect(names.contains(.ipAddress(ASN1OctetString(contentBytes: [192, 0, 2, 1]))))
        #expect(names.count == 6)
        let summary = try CertificateSummary(
            parsing: world.endpoint("web1", groups: ["web"], labels: ["b=2", "a=1"], level: 7).facts.certificate)
        #expect(summary.name == .endpoint(try TenantName(parsing: "acme/web1")))
        #expect(summary.identity == world.identity(1))
        #expect(summary.groups.map(\.text) == ["web"])
        #expect(summary.labels.map(\.description) == ["a=1", "b=2"])
        #expect(summary.level == 7)
        #expect(summary.issuer == "CN=Patchbay tenant acme")
    }

    @Test("6: a signing request proves possession; a changed one is refused")
    func requests() throws {
        let key = SigningKey()
        let request = try SigningRequest(key: key)
        #expect(try SigningRequest(parsing: request.der) == request)
        #expect(request.publicKeyInfo == key.publicKeyInfo)
        #expect(request.keyHash == key.keyHash)
        for index in request.der.indices {
            var der = request.der
            der[index] ^= 0x01
            #expect(throws: TrustRefusal.self, "byte \(index)") { try SigningRequest(parsing: der) }
        }
        // Another's key in one's own request: the signature is of the wrong key.
        let other = try SigningRequest(key: SigningKey())
        let spliced = try Self.splice(request.der, replacing: key.publicKeyInfo, with: other.publicKeyInfo)
        #expect(throws: TrustRefusal.badSignature(.request)) { try SigningRequest(parsing: spliced) }
        #expect(throws: TrustRefusal.self) { try SigningRequest(parsing: request.der + [0]) }
        #expect(throws: TrustRefusal.self) { try SigningRequest(parsing: []) }
        let p384 = try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName(), privateKey: Certificate.PrivateKey(P384Key.make()),
            attributes: CertificateSigningRequest.Attributes())
        var serializer = DER.Serializer()
        try serializer.serialize(p384)
        #expect(throws: TrustRefusal.unsupportedAlgorithm(.request)) {
            try SigningRequest(parsing: serializer.serializedBytes)
        }
    }

    private static func splice(_ bytes: [UInt8], replacing old: [UInt8], with new: [UInt8]) throws -> [UInt8] {
        let start = try #require(
            (0...(bytes.count - old.count)).first { Array(bytes[$0..<($0 + old.count)]) == old })
        return Array(bytes[..<start]) + new + Array(bytes[(start + old.count)...])
    }

    @Test("7: a root must be a root, self-signed, and the one that was pinned")
    func roots() throws {
        let other = try World()
        #expect(throws: Never.self) {
            try TrustAnchor(root: world.root.certificate, pinnedKeyHash: world.root.keyHash)
        }
        #expect(throws: TrustRefusal.notPinned) {
            try TrustAnchor(root: world.root.certificate, pinnedKeyHash: other.root.keyHash)
        }
        #expect(throws: TrustRefusal.notPinned) { try TrustAnchor(root: world.root.certificate, pinnedKeyHash: []) }
        #expect(throws: TrustRefusal.self) { try TrustAnchor(root: world.acme.certificate) }
        #expect(throws: TrustRefusal.self) { try TrustAnchor(root: try world.endpoint().facts.certificate) }
        // A root of the same name, signed by another key.
        let forged = try world.forgeAuthority(
            subject: world.platform.rootCommonName, key: SigningKey(), by: world.root, depth: 1, constraints: nil)
        #expect(throws: TrustRefusal.badSignature(.root)) { try TrustAnchor(root: forged) }
    }

    @Test("8: what the root itself would have to sign wrongly is refused too")
    func careless() async throws {
        let key = SigningKey()
        let other = try PlatformName(globalID: "0000000001")
        let basic = try Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true)
        let signing = try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true)
        let both = try Certificate.Extension(ExtendedKeyUsage([.serverAuth, .clientAuth]), critical: false)
        func names(_ names: [GeneralName]) throws -> Certificate.Extension {
            try Certificate.Extension(SubjectAlternativeNames(names), critical: false)
        }
        func leaf(_ platform: PlatformName) throws -> Certificate.Extension {
            try names([
                .uniformResourceIdentifier(platform.leafURI(world.leaf)), .dnsName(platform.leafHost(world.leaf)),
            ])
        }
        let twoHosts = try names([
            .uniformResourceIdentifier(world.platform.leafURI(world.leaf)),
            .dnsName(world.platform.leafHost(LeafID(1))),
        ])
        let table: [(String, [Certificate.Extension], String?)] = [
            ("honest", [basic, signing, both, try leaf(world.platform)], nil),
            ("of another platform", [basic, signing, both, try leaf(other)], "name-constraint"),
            ("the host name of another", [basic, signing, both, twoHosts], "malformed"),
            ("without use in TLS", [basic, signing, try leaf(world.platform)], "malformed"),
            (
                "for servers only",
                [
                    basic, signing, try leaf(world.platform),
                    try Certificate.Extension(ExtendedKeyUsage([.serverAuth]), critical: false),
                ], "malformed"
            ),
            ("without key usage", [basic, both, try leaf(world.platform)], "malformed"),
            (
                "may sign certificates",
                [
                    basic, both, try leaf(world.platform),
                    try Certificate.Extension(KeyUsage(digitalSignature: true, keyCertSign: true), critical: true),
                ], "malformed"
            ),
            (
                "may not sign",
                [
                    basic, both, try leaf(world.platform),
                    try Certificate.Extension(KeyUsage(keyAgreement: true), critical: true),
                ], "malformed"
            ),
        ]
        for (number, row) in table.enumerated() {
            let der = try world.forge(subject: "h1", key: key, by: world.root, row.1)
            let result = await world.anchor.verify(leaf: der, at: World.now, revocations: .none)
            #expect(result.refusal?.code == row.2, "row \(number), \(row.0)")
        }
        let controller: [GeneralName] = [
            .uniformResourceIdentifier(world.platform.controllerURI), .dnsName(world.platform.controllerHost),
        ]
        for (more, code) in [
            ([], nil), ([.uniformResourceIdentifier(world.platform.leafURI(world.leaf))], "malformed"),
        ] as [([GeneralName], String?)] {
            let der = try world.forge(
                subject: "controller", key: key, by: world.root, [basic, signing, both, try names(controller + more)])
            let result = await world.anchor.verify(controller: der, at: World.now, revocations: .none)
            #expect(result.refusal?.code == code)
        }
    }

    @Test("9: a CA whose key may not sign certificates, and a root that another issued, are none")
    func unfitAuthorities() throws {
        let acme = try Name(parsing: "acme")
        let key = SigningKey()
        let mute = try world.forge(
            subject: world.platform.tenantCommonName(acme), key: key, by: world.root,
            [
                try Certificate.Extension(BasicConstraints.isCertificateAuthority(maxPathLength: 0), critical: true),
                try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true),
                try Certificate.Extension(NameConstraints(tenant: acme, platform: world.platform), critical: true),
            ])
        #expect(throws: AuthorityError.self) { try CertificateAuthority(certificate: mute, key: key) }
        // Signed by its own key, but named as if another had issued it.
        let issued = try CertificateDraft(
            subject: DistinguishedName(commonName: world.platform.rootCommonName), key: key.certificateKey.publicKey,
            lifetime: 3_600, extensions: .authority(depth: 1, constraints: nil)
        ).signed(
            by: key, issuer: DistinguishedName(commonName: "another"), issuerKey: key.certificateKey.publicKey,
            at: World.now, until: nil)
        #expect(throws: TrustRefusal.malformed(.root, "a root issues itself")) { try TrustAnchor(root: issued) }
        for depth in [0, 2, nil] {
            let root = try world.forgeAuthority(
                subject: world.platform.rootCommonName, key: world.root.key, by: world.root, depth: depth,
                constraints: nil)
            #expect(throws: TrustRefusal.self) { try TrustAnchor(root: root) }
        }
    }

    @Test("10: certificates as PEM")
    func pem() throws {
        let all = [world.root.certificate, world.acme.certificate]
        #expect(try CertificatePEM.certificates(in: CertificatePEM.text(all)) == all)
        for bad in ["", "x", SigningKey().pem, String(repeating: "-", count: 1 << 20)] {
            #expect(throws: TrustRefusal.self) { try CertificatePEM.certificates(in: bad) }
        }
    }
}
