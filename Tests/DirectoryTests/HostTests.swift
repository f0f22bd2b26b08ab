import DirectoryCore
import NetTypes
import Testing
import Trust

@Suite("Hosts and enrolment")
struct HostTests {
    @Test("A leaf enrols with its token, once", arguments: StoreKind.allCases)
    func enrol(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let new = try await fixture.directory.createHost(try name("h1"), controllerURL: Fixture.url)
        #expect(!new.host.isEnrolled && new.expiresAt == fixture.now + 3_600)
        #expect(new.token.rootKeyHash == fixture.platform.anchor.rootKeyHash)
        let leaf = try await fixture.enrol(new)
        #expect(leaf.host.isEnrolled && leaf.id == new.host.id)
        #expect(try await fixture.directory.authenticate(leaf: leaf.certificate) == leaf.host)
        await expectRefusal(.used, at: "/token_secret", mentions: "h1") { try await fixture.enrol(new) }
        // The first one is not harmed by the second try.
        #expect(try await fixture.directory.authenticate(leaf: leaf.certificate) == leaf.host)
    }

    @Test("An expired token enrols nobody; the last second before does", arguments: StoreKind.allCases)
    func expiry(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let late = try await fixture.directory.createHost(try name("late"), controllerURL: Fixture.url)
        let last = try await fixture.directory.createHost(try name("last"), controllerURL: Fixture.url)
        fixture.advance(3_599)
        _ = try await fixture.enrol(last)
        fixture.advance(1)
        await expectRefusal(.expired, at: "/token_secret", mentions: "late") { try await fixture.enrol(late) }
        #expect(try await fixture.directory.host(late.host.name).isEnrolled == false)
        // It is remembered for a day, so that a late host hears what is wrong.
        fixture.advance(86_400)
        try await fixture.directory.upkeep()
        await expectRefusal(.expired) { try await fixture.enrol(late) }
        fixture.advance(1)
        try await fixture.directory.upkeep()
        await expectRefusal(.forbidden) { try await fixture.enrol(late) }
    }

    @Test("A wrong secret, a replaced token, a request without its key: refused", arguments: StoreKind.allCases)
    func refusals(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        let directory = fixture.directory
        let new = try await directory.createHost(try name("h1"), controllerURL: Fixture.url)
        let request = try SigningRequest(key: SigningKey()).der
        var secret = new.token.secret
        secret[31] ^= 1
        let wrong = secret
        await expectRefusal(.forbidden, at: "/token_secret") {
            try await directory.enrol(secret: wrong, signingRequest: request)
        }
        for count in [0, 31, 33, 100_000] {
            await expectRefusal(.invalid, at: "/token_secret") {
                try await directory.enrol(secret: [UInt8](repeating: 7, count: count), signingRequest: request)
            }
        }
        // Another key in the place of the one that signed.
        let other = SigningKey().publicKeyInfo
        let info = try SigningRequest(parsing: request).publicKeyInfo
        let place = try #require(request.indices.first { Array(request[$0...].prefix(info.count)) == info })
        let forged = Array(request[..<place]) + other + request[(place + info.count)...]
        for bad in [[], [0x30], Array(request.dropLast()), forged, [UInt8](repeating: 0x30, count: 10_000)] {
            await expectRefusal(.invalid, at: "/signing_request") {
                try await directory.enrol(secret: new.token.secret, signingRequest: bad)
            }
        }
        let renewed = try await directory.renewJoinToken(of: new.host.name, controllerURL: Fixture.url)
        await expectRefusal(.forbidden) { try await fixture.enrol(new) }
        _ = try await fixture.enrol(renewed)
        await expectRefusal(.conflict, at: "/name", mentions: "h1") {
            try await directory.createHost(try name("h1"), controllerURL: Fixture.url)
        }
        await expectRefusal(.invalid) { try await directory.createHost(try name("h2"), controllerURL: "http://x") }
        await expectRefusal(.notFound, mentions: "h2") { try await directory.host(try name("h2")) }
    }

    @Test("A machine that joins anew takes the certificates from the one before", arguments: StoreKind.allCases)
    func rejoin(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let first = try await fixture.host("h1")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let certified = try await first.run(web1.identity)
        let new = try await fixture.directory.renewJoinToken(of: first.host.name, controllerURL: Fixture.url)
        let second = try await fixture.enrol(new)
        #expect(second.id == first.id)
        await expectRefusal(.untrusted, mentions: "revoked") {
            try await fixture.directory.authenticate(leaf: first.certificate)
        }
        #expect(try await fixture.directory.authenticate(leaf: second.certificate).name == first.host.name)
        await expectRefusal(.untrusted) {
            try await fixture.directory.publish(leaf: first.id, try first.facts(web1.identity, certified))
        }
        #expect(try await fixture.directory.state(of: web1.identity) == .notRunning)
    }

    @Test("A host with endpoints stays; one that is gone is not believed", arguments: StoreKind.allCases)
    func delete(_ kind: StoreKind) async throws {
        let fixture = try Fixture(kind)
        try await fixture.tenant()
        let h1 = try await fixture.host("h1")
        let h2 = try await fixture.host("h2")
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        try await h1.run(web1.identity)
        await expectRefusal(.inUse, mentions: "h1", "acme/web1") {
            try await fixture.directory.deleteHost(h1.host.name)
        }
        _ = try await fixture.directory.moveEndpoint(web1.name, to: h2.host.name)
        await expectRefusal(.inUse, mentions: "acme/web1") { try await fixture.directory.deleteHost(h1.host.name) }
        await expectRefusal(.inUse, mentions: "acme/web1") { try await fixture.directory.deleteHost(h2.host.name) }
        try await fixture.directory.report(leaf: h1.id, identity: web1.identity, .closed)
        try await fixture.directory.deleteHost(h1.host.name)
        // What the deleted leaf published for an endpoint that has not arrived yet is withdrawn and revoked.
        #expect(try await fixture.directory.state(of: web1.identity) == .notRunning)
        #expect(try await fixture.directory.revocations().count == 2)
        await expectRefusal(.forbidden) { try await fixture.directory.authenticate(leaf: h1.certificate) }
        await expectRefusal(.forbidden) { try await fixture.directory.desiredPorts(of: h1.id) }
        await expectRefusal(.forbidden) {
            try await fixture.directory.renewLeaf(h1.id, signingRequest: try SigningRequest(key: h1.key).der)
        }
        // The epoch goes on from that of the deleted leaf.
        #expect(try await h2.run(web1.identity).answer.epoch == 2)
    }

    @Test("Who is no leaf of this platform does not come in")
    func authenticate() async throws {
        let fixture = try Fixture()
        try await fixture.tenant()
        let leaf = try await fixture.host("h1")
        let stranger = try await Fixture(seed: 99).host("h1")
        await expectRefusal(.untrusted) { try await fixture.directory.authenticate(leaf: stranger.certificate) }
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let endpoint = try await leaf.certify(web1.identity)
        await expectRefusal(.untrusted) { try await fixture.directory.authenticate(leaf: endpoint.answer.certificate) }
        // A certificate of the root's that the directory did not note, such as one made with a stolen root key.
        let root = try #require(try FileKeyStore(directory: fixture.folder + "/keys").load("root"))
        let forged = try CertificateAuthority(certificate: fixture.platform.anchor.root, key: root)
            .issueLeaf(leaf.id, hostName: leaf.host.name, publicKey: leaf.key.publicKeyInfo, at: fixture.now)
        await expectRefusal(.untrusted, mentions: "revoked") { try await fixture.directory.authenticate(leaf: forged) }
        let renewed = try await fixture.directory.renewLeaf(
            leaf.id, signingRequest: try SigningRequest(key: leaf.key).der)
        // Renewing over and over leaves a bounded number that is good, the newest among them.
        var newest = renewed
        for _ in 0..<30 {
            fixture.advance(1)
            newest = try await fixture.directory.renewLeaf(
                leaf.id, signingRequest: try SigningRequest(key: leaf.key).der)
        }
        #expect(try await fixture.directory.authenticate(leaf: newest) == leaf.host)
        await expectRefusal(.untrusted, mentions: "revoked") { try await fixture.directory.authenticate(leaf: renewed) }
        #expect(try await fixture.directory.revocations().count == 16)
        fixture.advance(TrustLimits.leafLifetime + 1)
        await expectRefusal(.untrusted, mentions: "expired") { try await fixture.directory.authenticate(leaf: newest) }
    }
}
