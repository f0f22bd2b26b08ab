import NetTypes
import Testing
import X509

@testable import Trust

@Suite("Signed guardrails")
struct GuardrailSignatureTests {
    let world: World
    let key = SigningKey()
    let body = Array(#"{"platform":true,"revision":1,"version":1}"#.utf8)

    init() throws { world = try World() }

    private func signed() throws -> SignedPolicy {
        try SignedPolicy(
            signing: body, with: key,
            certificate: world.root.issueGuardrails(publicKey: key.publicKeyInfo, at: World.now))
    }

    private func refusal(_ signed: SignedPolicy, at now: Timestamp = World.now) async -> TrustRefusal? {
        await world.anchor.verify(guardrails: signed, at: now, revocations: .none).refusal
    }

    @Test("1: the platform's policy key speaks for the platform, and its certificate says so")
    func honest() async throws {
        let guardrails = try signed()
        #expect(await refusal(guardrails) == nil)
        let summary = try CertificateSummary(parsing: guardrails.certificate)
        #expect(summary.name == .guardrails)
        #expect("\(summary.name)" == "platform guardrails")
        let uri = world.platform.guardrailsURI
        #expect(uri == "spiffe://guardrails.123456789a.patchbay.internal/")
        #expect(try PlatformName.parse(uri: uri).name == .guardrails)
    }

    @Test("2: every changed byte is refused, and so is what is no part of it")
    func mutation() async throws {
        let guardrails = try signed()
        for index in body.indices {
            var other = guardrails
            other.body[index] ^= 0x20
            #expect(await refusal(other) == .badSignature(.guardrails), "byte \(index)")
        }
        let parts: [WritableKeyPath<SignedPolicy, [UInt8]>] = [\.signature, \.certificate]
        for path in parts {
            for index in guardrails[keyPath: path].indices {
                var other = guardrails
                other[keyPath: path][index] ^= 0x01
                #expect(await refusal(other) != nil, "byte \(index)")
            }
        }
        var other = guardrails
        other.issuer = world.acme.certificate
        #expect(await refusal(other)?.code == "malformed")
        other = guardrails
        other.locks = [SignedLock(body: [], signature: [], key: [])]
        #expect(await refusal(other)?.code == "malformed")
        other = guardrails
        other.body = Array(repeating: 0x20, count: TrustLimits.policyBytes + 1)
        #expect(await refusal(other)?.code == "oversize")
        #expect(await refusal(guardrails, at: World.now + TrustLimits.endpointLifetime + 1)?.code != nil)
    }

    @Test("3: no other kind of certificate signs guardrails, even for the same key")
    func othersForGuardrails() async throws {
        let info = key.publicKeyInfo
        let host = try Name(parsing: "h1")
        let table: [(String, [UInt8], [UInt8])] = [
            ("a tenant's policy key", try world.acme.issuePolicy(publicKey: info, at: World.now), []),
            (
                "a tenant's policy key with its issuer", try world.acme.issuePolicy(publicKey: info, at: World.now),
                world.acme.certificate
            ),
            ("a leaf", try world.root.issueLeaf(world.leaf, hostName: host, publicKey: info, at: World.now), []),
            ("a controller", try world.root.issueController(publicKey: info, at: World.now), []),
            ("an endpoint", try world.endpoint(key: key).facts.certificate, []),
            ("a tenant's CA", try world.root.issueTenant(host, key: key, at: World.now).certificate, []),
            ("the root of another platform", try World().root.issueGuardrails(publicKey: info, at: World.now), []),
        ]
        for (number, row) in table.enumerated() {
            var other = try signed()
            other.certificate = row.1
            other.issuer = row.2
            #expect(await refusal(other) != nil, "row \(number), \(row.0)")
        }
        // A tenant's CA that was taken over names its certificate so: its constraints and our reading refuse it.
        var other = try signed()
        other.certificate = try world.forge(
            subject: "guardrails", key: key, by: world.acme,
            names: [.uniformResourceIdentifier(world.platform.guardrailsURI)])
        #expect(await refusal(other)?.code == "wrong-issuer")
        other.issuer = world.acme.certificate
        #expect(await refusal(other) != nil)
        // The right key under a name with a further one.
        other = try signed()
        other.certificate = try world.forge(
            subject: "guardrails", key: key, by: world.root,
            names: [.uniformResourceIdentifier(world.platform.guardrailsURI), .dnsName("localhost")])
        #expect(await refusal(other)?.code == "malformed")
    }

    @Test("4: the platform's policy key is nothing else: no tenant's policy key, leaf, controller, endpoint or CA")
    func guardrailsForOthers() async throws {
        let guardrails = try signed()
        func code<T>(_ result: Result<T, TrustRefusal>) -> String? { result.refusal?.code }
        let anchor = world.anchor
        for issuer in [[], world.acme.certificate, world.root.certificate] {
            var policy = guardrails
            policy.issuer = issuer
            #expect(await anchor.verify(policy: policy, at: World.now, revocations: .none).refusal != nil)
        }
        #expect(
            code(await anchor.verify(leaf: guardrails.certificate, at: World.now, revocations: .none)) == "wrong-kind")
        #expect(
            code(await anchor.verify(controller: guardrails.certificate, at: World.now, revocations: .none))
                == "wrong-kind")
        var facts = try world.endpoint(key: key).facts
        facts.certificate = guardrails.certificate
        #expect(code(await anchor.verify(endpoint: facts, at: World.now, revocations: .none)) != nil)
        #expect(throws: AuthorityError.self) {
            try CertificateAuthority(certificate: guardrails.certificate, key: key)
        }
        #expect(throws: TrustRefusal.self) { try TrustAnchor(root: guardrails.certificate) }
    }
}
