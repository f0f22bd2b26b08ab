import NetTypes
import Testing
import Trust

/// An endpoint whose facts are real and have been verified, for tests that need one.
struct VerifiedSample {
    var identity: Identity
    var facts: EndpointFacts
    var verified: VerifiedEndpoint

    static func make(epoch: Epoch = 3) async throws -> VerifiedSample {
        let now = Timestamp(1_800_000_000)
        let prefix = try IPv6Prefix(parsing: "fd12:3456:789a::/48")
        let root = try CertificateAuthority.makeRoot(platform: PlatformName(prefix: prefix), at: now)
        let tenant = try root.issueTenant(Name(parsing: "acme"), at: now)
        let identity = try Identity(parsing: "fd12:3456:789a::7")
        let key = SigningKey()
        let certificate = try tenant.issueEndpoint(
            Name(parsing: "web1"), identity: identity, publicKey: key.publicKeyInfo, at: now)
        let record = try LocationRecord(
            identity: identity, leaf: LeafID(5), locator: .v4(IPv4Address(10, 200, 0, 1)), plugPort: 7471, epoch: epoch,
            notAfter: now + 3_600)
        let facts = EndpointFacts(
            certificate: certificate, issuer: tenant.certificate, record: try record.signed(with: key))
        let anchor = try TrustAnchor(root: root.certificate)
        let verified = try await anchor.verify(endpoint: facts, at: now, revocations: .none).get()
        return VerifiedSample(identity: identity, facts: facts, verified: verified)
    }
}
