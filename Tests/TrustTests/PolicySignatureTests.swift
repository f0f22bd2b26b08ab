import NetTypes
import Testing

@testable import Trust

@Suite("Signed policies")
struct PolicySignatureTests {
    let world: World
    let key = SigningKey()
    let body = Array(#"{"entries":[],"revision":1,"tenant":"acme"}"#.utf8)

    init() throws { world = try World() }

    private func signed() throws -> SignedPolicy {
        try SignedPolicy(
            signing: body, with: key,
            certificate: world.acme.issuePolicy(publicKey: key.publicKeyInfo, at: World.now),
            issuer: world.acme.certificate)
    }

    private func verdict(_ policy: SignedPolicy, at now: Timestamp = World.now) async -> Result<Name, TrustRefusal> {
        await world.anchor.verify(policy: policy, at: now, revocations: .none)
    }

    @Test("1: speaks for the tenant of its certificate, an empty body too")
    func honest() async throws {
        var policy = try signed()
        #expect(await verdict(policy).value?.text == "acme")
        policy.body = []
        policy.signature = try key.sign([])
        #expect(await verdict(policy).value?.text == "acme")
    }

    @Test("2: every changed byte of the body, and every changed byte of the rest, is refused")
    func mutation() async throws {
        let policy = try signed()
        for index in body.indices {
            var other = policy
            other.body[index] ^= 0x20
            #expect(await verdict(other).refusal == .badSignature(.policy), "byte \(index)")
        }
        let parts: [WritableKeyPath<SignedPolicy, [UInt8]>] = [\.signature, \.certificate, \.issuer]
        for (part, path) in parts.enumerated() {
            for index in policy[keyPath: path].indices {
                var other = policy
                other[keyPath: path][index] ^= 0x01
                #expect(await verdict(other).refusal != nil, "part \(part), byte \(index)")
            }
        }
    }

    @Test("3: an endpoint, a leaf or another tenant cannot sign a policy")
    func others() async throws {
        let endpoint = try world.endpoint(key: key)
        var policy = try signed()
        policy.certificate = endpoint.facts.certificate
        #expect(
            await verdict(policy).refusal
                == .wrongKind(.certificate, expected: "a tenant's policy key", found: "an endpoint"))
        policy = try signed()
        policy.certificate = try world.globex.issuePolicy(publicKey: key.publicKeyInfo, at: World.now)
        #expect(await verdict(policy).refusal?.code == "wrong-issuer")
        policy.issuer = world.globex.certificate
        #expect(await verdict(policy).value?.text == "globex", "it speaks for globex only; the caller compares")
        let forged = try world.forge(
            subject: "policy", key: key, by: world.globex,
            names: [.uniformResourceIdentifier(world.platform.policyURI(try Name(parsing: "acme")))])
        policy.certificate = forged
        #expect(await verdict(policy).refusal?.code == "tenant-mismatch")
    }

    @Test("4: expires with its certificate")
    func expiry() async throws {
        let policy = try signed()
        #expect(await verdict(policy, at: World.now + TrustLimits.endpointLifetime).value != nil)
        #expect(
            await verdict(policy, at: World.now + TrustLimits.endpointLifetime + 1).refusal?.code
                == "certificate-expired")
    }
}
