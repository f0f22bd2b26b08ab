import DirectoryCore
import NetTypes
import Policy
import Testing
import Trust

@Suite("What leaves ask and publish")
struct LeafTests {
    /// Two tenants on the same prefix, two hosts:
    ///
    ///     h1: acme/web1 10.0.0.1   globex/web1 10.0.0.1
    ///     h2: acme/db1  10.0.0.2   globex/db1  10.0.0.2
    struct World {
        let fixture: Fixture
        let h1, h2: TestLeaf
        let web1, db1, otherWeb1, otherDB1: Endpoint

        init(_ kind: StoreKind) async throws {
            fixture = try Fixture(kind)
            try await fixture.tenant("acme")
            try await fixture.tenant("globex")
            h1 = try await fixture.host("h1")
            h2 = try await fixture.host("h2")
            web1 = try await fixture.endpoint("acme/web1", on: "h1")
            db1 = try await fixture.endpoint("acme/db1", on: "h2")
            otherWeb1 = try await fixture.endpoint("globex/web1", on: "h1")
            otherDB1 = try await fixture.endpoint("globex/db1", on: "h2")
        }

        var directory: Directory { fixture.directory }
    }

    @Test("Facts that were published are found by a leaf of the tenant", arguments: StoreKind.allCases)
    func lookup(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, h2, web1, db1) = (world.h1, world.h2, world.web1, world.db1)
        let known = try await world.directory.lookup(leaf: h1.id, source: web1.identity, .identity(db1.identity))
        #expect(known?.identity == db1.identity && known?.facts == nil && known?.ipv4 == db1.ipv4)
        let certified = try await h2.certify(db1.identity)
        let facts = try h2.facts(db1.identity, certified)
        try await world.directory.publish(leaf: h2.id, facts)
        for target in [LookupTarget.identity(db1.identity), .ipv4(db1.ipv4)] {
            let found = try await world.directory.lookup(leaf: h1.id, source: web1.identity, target)
            #expect(found?.identity == db1.identity && found?.facts == facts)
        }
        #expect(try await world.directory.endpoint(db1.name).state == .running)
        #expect(try await world.directory.published(of: db1.name)?.epoch == 1)
        // Facts that have expired are for the leaves to judge: whoever has a wire by them waits for newer ones.
        world.fixture.advance(3_601)
        let late = try await world.directory.lookup(leaf: h1.id, source: web1.identity, .identity(db1.identity))
        #expect(late?.facts == facts)
    }

    @Test("A look-up is scoped to the tenant, the vnet and the leaf's own endpoints", arguments: StoreKind.allCases)
    func scope(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, h2) = (world.h1, world.h2)
        try await h2.run(world.db1.identity)
        try await h2.run(world.otherDB1.identity)
        let directory = world.directory
        func find(_ leaf: TestLeaf, _ source: Endpoint, _ target: LookupTarget) async throws -> Identity? {
            try await directory.lookup(leaf: leaf.id, source: source.identity, target)?.identity
        }
        // The same address is another machine for each tenant.
        #expect(try await find(h1, world.web1, .ipv4(world.db1.ipv4)) == world.db1.identity)
        #expect(try await find(h1, world.otherWeb1, .ipv4(world.db1.ipv4)) == world.otherDB1.identity)
        // Of another tenant: absent, also for who knows the identity.
        #expect(try await find(h1, world.web1, .identity(world.otherDB1.identity)) == nil)
        // On behalf of an endpoint of another leaf, or of nobody.
        #expect(try await find(h2, world.web1, .identity(world.db1.identity)) == nil)
        #expect(try await find(h1, world.db1, .identity(world.web1.identity)) == nil)
        let nobody = try Identity(parsing: "fd12:3456:789a::1")
        #expect(
            try await directory.lookup(leaf: h1.id, source: nobody, .identity(world.db1.identity)) == nil)
        #expect(
            try await directory.lookup(leaf: LeafID(7), source: world.web1.identity, .identity(world.db1.identity))
                == nil)
        #expect(try await find(h1, world.web1, .identity(nobody)) == nil)
        #expect(try await find(h1, world.web1, .ipv4(IPv4Address(10, 0, 0, 99))) == nil)
        // In another vnet of the tenant: by identity, without the address; by address not at all.
        _ = try await directory.createVNet(try tenantName("acme/far"), prefix: try IPv4Prefix(parsing: "10.0.1.0/24"))
        let far = try await directory.createEndpoint(
            NewEndpoint(name: try tenantName("acme/far1"), vnet: try name("far"), host: try name("h2")))
        let found = try await directory.lookup(leaf: h1.id, source: world.web1.identity, .identity(far.identity))
        #expect(found?.identity == far.identity && found?.ipv4 == nil)
        #expect(try await find(h1, world.web1, .ipv4(far.ipv4)) == nil)
    }

    @Test("Only the leaf that is to run an endpoint has it certified", arguments: StoreKind.allCases)
    func certify(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        await expectRefusal(.forbidden) { try await world.h2.certify(world.web1.identity) }
        await expectRefusal(.forbidden) { try await world.h1.certify(try Identity(parsing: "fd12:3456:789a::1")) }
        await expectRefusal(.invalid) {
            try await world.directory.certifyEndpoint(
                leaf: world.h1.id, identity: world.web1.identity, signingRequest: [1, 2, 3])
        }
        let certified = try await world.h1.certify(world.web1.identity)
        let summary = try CertificateSummary(parsing: certified.answer.certificate)
        #expect(summary.name == .endpoint(world.web1.name) && summary.identity == world.web1.identity)
        #expect(certified.answer.epoch == 1)
        // Asking over and over leaves a bounded number that is good; the others are revoked.
        for _ in 0..<20 { _ = try await world.h1.certify(world.web1.identity) }
        #expect(try await world.directory.revocations().count == 5)
    }

    @Test("A leaf publishes only for itself, and only what it runs", arguments: StoreKind.allCases)
    func foreignPublish(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, h2, web1) = (world.h1, world.h2, world.web1)
        let certified = try await h1.certify(web1.identity)
        let facts = try h1.facts(web1.identity, certified)
        // Another leaf that got hold of the facts.
        await expectRefusal(.forbidden, mentions: h1.id.description) {
            try await world.directory.publish(leaf: h2.id, facts)
        }
        // A record that names another leaf than the one that speaks.
        await expectRefusal(.forbidden, mentions: h2.id.description) {
            try await world.directory.publish(leaf: h1.id, try h1.facts(web1.identity, certified, naming: h2.id))
        }
        // A leaf that has the key, names itself, but is not to run the endpoint.
        await expectRefusal(.forbidden, mentions: "h2") {
            try await world.directory.publish(leaf: h2.id, try h1.facts(web1.identity, certified, naming: h2.id))
        }
        #expect(try await world.directory.state(of: web1.identity) == .notRunning)
        try await world.directory.publish(leaf: h1.id, facts)
    }

    @Test("Facts that do not verify are refused", arguments: StoreKind.allCases)
    func untrusted(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, web1) = (world.h1, world.web1)
        let certified = try await h1.certify(web1.identity)
        let other = try await h1.certify(world.otherWeb1.identity)
        let good = try h1.facts(web1.identity, certified)
        let stolen = TestLeaf.Certified(key: other.key, answer: certified.answer)
        let wrongs: [(String, EndpointFacts)] = [
            ("signed with another key", try h1.facts(web1.identity, stolen)),
            ("another identity in the record", try h1.facts(world.db1.identity, certified)),
            ("already expired", try h1.facts(web1.identity, certified, lifetime: -1)),
            ("good for too long", try h1.facts(web1.identity, certified, lifetime: TrustLimits.recordLongest + 1)),
            (
                "the other tenant's issuer",
                EndpointFacts(certificate: good.certificate, issuer: other.answer.issuer, record: good.record)
            ),
            (
                "the root as issuer",
                EndpointFacts(
                    certificate: good.certificate, issuer: world.fixture.platform.anchor.root, record: good.record)
            ),
            (
                "the leaf's certificate",
                EndpointFacts(certificate: h1.certificate, issuer: good.issuer, record: good.record)
            ),
            ("nothing", EndpointFacts(certificate: [], issuer: [], record: [])),
        ]
        for (what, facts) in wrongs {
            do {
                try await world.directory.publish(leaf: h1.id, facts)
                Issue.record("published: \(what)")
            } catch { #expect(error.code == .untrusted, "\(what): \(error)") }
        }
        #expect(try await world.directory.state(of: web1.identity) == .notRunning)
        // A certificate of the right authority that the directory did not issue.
        let tenant = try await world.directory.tenant(try name("acme"))
        let key = try #require(try FileKeyStore(directory: world.fixture.folder + "/keys").load(tenant.authorityKey))
        let forged = try CertificateAuthority(certificate: tenant.authority, key: key).issueEndpoint(
            web1.name.name, identity: web1.identity, publicKey: certified.key.publicKeyInfo, at: world.fixture.now)
        await expectRefusal(.untrusted, mentions: "not issued") {
            try await world.directory.publish(
                leaf: h1.id, EndpointFacts(certificate: forged, issuer: good.issuer, record: good.record))
        }
    }

    @Test("Epochs only grow, and not in leaps", arguments: StoreKind.allCases)
    func epochs(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, web1, directory) = (world.h1, world.web1, world.directory)
        let certified = try await h1.certify(web1.identity)
        let old = try h1.facts(web1.identity, certified, epoch: 3)
        try await directory.publish(leaf: h1.id, old)
        world.fixture.advance(10)
        let renewed = try h1.facts(web1.identity, certified, epoch: 3)
        try await directory.publish(leaf: h1.id, renewed)
        await expectRefusal(.olderEpoch, mentions: "newer") { try await directory.publish(leaf: h1.id, old) }
        await expectRefusal(.olderEpoch, mentions: "Epoch 2") {
            try await directory.publish(leaf: h1.id, try h1.facts(web1.identity, certified, epoch: 2))
        }
        for epoch: Epoch in [3 + (1 << 16) + 1, Epoch(Int64.max)] {
            await expectRefusal(.invalid, mentions: "\(epoch)") {
                try await directory.publish(leaf: h1.id, try h1.facts(web1.identity, certified, epoch: epoch))
            }
        }
        #expect(try await directory.published(of: web1.name)?.facts == renewed)
        try await directory.publish(leaf: h1.id, try h1.facts(web1.identity, certified, epoch: 4))
        #expect(try await h1.certify(web1.identity).answer.epoch == 4)
    }

    @Test("A leaf hears of its tenants' policies and of nobody else's", arguments: StoreKind.allCases)
    func policies(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let lone = try await world.fixture.host("h3")
        #expect(try await world.directory.policies(for: lone.id).isEmpty)
        _ = try await world.fixture.endpoint("globex/probe1", on: "h3")
        #expect(try await world.directory.policies(for: lone.id).map(\.tenant.text) == ["globex"])
        #expect(try await world.directory.policies(for: world.h1.id).map(\.tenant.text) == ["acme", "globex"])
    }

    @Test("A port that fails or closes withdraws the endpoint; what others say does not", arguments: StoreKind.allCases)
    func reports(_ kind: StoreKind) async throws {
        let world = try await World(kind)
        let (h1, h2, web1, directory) = (world.h1, world.h2, world.web1, world.directory)
        try await h1.run(web1.identity)
        try await directory.report(leaf: h2.id, identity: web1.identity, .closed)
        try await directory.report(leaf: h1.id, identity: web1.identity, .open)
        #expect(try await directory.endpoint(web1.name).state == .running)
        let detail = String(repeating: "\u{1b}x\u{0}\n\u{85}", count: 10_000)
        try await directory.report(leaf: h1.id, identity: web1.identity, .failed(detail: detail))
        #expect(try await directory.endpoint(web1.name).state == .failed(detail: String(repeating: "x", count: 400)))
        #expect(try await directory.state(of: web1.identity) == .notRunning)
        try await directory.report(leaf: h1.id, identity: web1.identity, .open)
        #expect(try await directory.endpoint(web1.name).state == .waiting)
        try await h1.run(web1.identity)
        try await directory.report(leaf: h1.id, identity: web1.identity, .closed)
        #expect(try await directory.endpoint(web1.name).state == .waiting)
        await expectRefusal(.forbidden) { try await directory.report(leaf: LeafID(7), identity: web1.identity, .open) }
        await expectRefusal(.invalid) {
            try await directory.attach(leaf: h1.id, locators: [], plugPort: 7444, running: [])
        }
    }
}
