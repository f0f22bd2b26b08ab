import NetTypes
import Testing
import X509

@testable import Trust

@Suite("Time")
struct TimeTests {
    let world: World

    init() throws { world = try World() }

    /// One row: an offset from the making of the facts, and the code of the refusal, or nil.
    typealias Row = (offset: Int64, code: String?)

    @Test("1: the edges of an endpoint's certificate, to the second")
    func certificateEdges() async throws {
        // The record is made so that it ends after the certificate, within a day of every moment that is tried.
        let life = TrustLimits.endpointLifetime
        let endpoint = try world.endpoint(lifetime: TrustLimits.recordLongest - TrustLimits.backdating - 1)
        let table: [Row] = [
            (-TrustLimits.backdating - 1, "not-yet-valid"), (-TrustLimits.backdating, nil), (0, nil), (life - 1, nil),
            (life, nil), (life + 1, "certificate-expired"),
        ]
        for row in table {
            // A new anchor remembers nothing; the shared one remembers what it accepted before.
            let fresh = try TrustAnchor(root: world.root.certificate)
            let now = World.now + row.offset
            let first = await fresh.verify(endpoint: endpoint.facts, at: now, revocations: .none).refusal
            #expect(first?.code == row.code, "fresh, at \(row.offset)")
            #expect(await world.refusal(endpoint.facts, at: now)?.code == row.code, "remembered, at \(row.offset)")
        }
    }

    @Test("2: the edges of a record, to the second")
    func recordEdges() async throws {
        let endpoint = try world.endpoint(lifetime: 100)
        for (offset, code) in [(99, nil), (100, nil), (101, "record-expired")] as [Row] {
            let fresh = try TrustAnchor(root: world.root.certificate)
            let now = World.now + offset
            let first = await fresh.verify(endpoint: endpoint.facts, at: now, revocations: .none).refusal
            #expect(first?.code == code, "fresh, at \(offset)")
            #expect(await world.refusal(endpoint.facts, at: now)?.code == code, "remembered, at \(offset)")
        }
    }

    @Test("3: a record for more than a day is refused, and becomes good only when the day has come")
    func recordTooLong() async throws {
        let endpoint = try world.endpoint(lifetime: TrustLimits.recordLongest + 1)
        #expect(
            await world.refusal(endpoint.facts)
                == .recordTooLong(notAfter: World.now + TrustLimits.recordLongest + 1))
        #expect(await world.refusal(endpoint.facts, at: World.now + 1) == nil)
        // It was remembered in the meantime, and is refused again at the earlier moment.
        #expect(await world.refusal(endpoint.facts)?.code == "record-too-long")
        let forever = try world.endpoint(lifetime: TrustLimits.lastSecond - World.now.seconds)
        #expect(await world.refusal(forever.facts)?.code == "record-too-long")
    }

    @Test("4: the edges of the tenant's CA and of the root bind what is below them")
    func authorityEdges() async throws {
        // Late in the life of the CA: what it issues ends with it.
        let late = world.acme.notAfter + -100
        let endpoint = try world.endpoint(lifetime: 3_600, at: late)
        #expect(await world.refusal(endpoint.facts, at: late + 100) == nil)
        #expect(await world.refusal(endpoint.facts, at: late + 101)?.code == "certificate-expired")
        #expect(throws: AuthorityError.self) { try world.endpoint(at: world.acme.notAfter + 1) }
        // An endpoint that outlives its CA, which only a forger makes.
        let key = SigningKey()
        let acme = try Name(parsing: "acme")
        let certificate = try World.signBelow(
            issuer: world.acme.certificate, issuerKey: world.acme.key, key: key,
            names: [try world.uri("acme/web1"), world.ip(endpoint.identity)], subject: "web1")
        let summary = try CertificateSummary(parsing: certificate)
        let short = try CertificateAuthority(
            certificate: try world.forgeAuthority(
                subject: world.platform.tenantCommonName(acme), key: world.acme.key, by: world.root, depth: 0,
                constraints: NameConstraints(tenant: acme, platform: world.platform), lifetime: 10),
            key: world.acme.key)
        let facts = EndpointFacts(
            certificate: certificate, issuer: short.certificate,
            record: try world.record(endpoint.identity).signed(with: key))
        #expect(await world.refusal(facts, at: World.now + 10) == nil)
        #expect(
            await world.refusal(facts, at: World.now + 11)
                == .certificateExpired(.issuer, notAfter: World.now + 10))
        #expect(summary.notAfter > World.now + 11)
    }

    @Test("5: moments that X.509 cannot name are refused, without a crash")
    func absurdMoments() async throws {
        let endpoint = try world.endpoint()
        for seconds in [Int64.min, -1, 0, 1, TrustLimits.lastSecond + 1, Int64.max] {
            #expect(await world.refusal(endpoint.facts, at: Timestamp(seconds)) != nil, "at \(seconds)")
        }
        #expect(await world.refusal(endpoint.facts) == nil)
        for seconds in [Int64.min, -1, 0, 1, TrustLimits.lastSecond + 1, Int64.max] {
            #expect(await world.refusal(endpoint.facts, at: Timestamp(seconds)) != nil, "remembered, at \(seconds)")
            #expect(throws: AuthorityError.self) {
                try world.root.issueTenant(Name(parsing: "x"), at: Timestamp(seconds))
            }
        }
    }

    @Test("6: leaves and controllers expire too")
    func leaves() async throws {
        let key = SigningKey()
        let leaf = try world.root.issueLeaf(
            world.leaf, hostName: try Name(parsing: "h1"), publicKey: key.publicKeyInfo, at: World.now)
        let controller = try world.root.issueController(
            publicKey: key.publicKeyInfo, addresses: [try IPAddress(parsing: "192.0.2.1")], at: World.now)
        let life = TrustLimits.leafLifetime
        for (offset, code) in [(life, nil), (life + 1, "certificate-expired"), (-301, "not-yet-valid"), (-300, nil)]
            as [Row]
        {
            let now = World.now + offset
            #expect(await world.anchor.verify(leaf: leaf, at: now, revocations: .none).refusal?.code == code)
            #expect(
                await world.anchor.verify(controller: controller, at: now, revocations: .none).refusal?.code == code)
        }
    }
}
