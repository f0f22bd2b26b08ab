import NetTypes
import SwiftASN1
import X509

@testable import Trust

/// A small platform to test against: two tenants, two leaves, and the tools of a forger.
struct World: Sendable {
    static let now = Timestamp(1_800_000_000)

    let platform: PlatformName
    let root: CertificateAuthority
    let acme: CertificateAuthority
    let globex: CertificateAuthority
    let anchor: TrustAnchor
    /// What ``identity(_:)`` could only return if the prefix were wrong.
    private let nobody: Identity
    let leaf = LeafID(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)

    init(globalID: String = "123456789a", at now: Timestamp = World.now) throws {
        platform = try PlatformName(globalID: globalID)
        root = try CertificateAuthority.makeRoot(platform: platform, at: now)
        acme = try root.issueTenant(try Name(parsing: "acme"), at: now)
        globex = try root.issueTenant(try Name(parsing: "globex"), at: now)
        anchor = try TrustAnchor(root: root.certificate)
        nobody = try Identity(parsing: "fd00::")
    }

    func identity(_ number: UInt64) -> Identity {
        Identity(IPv6Address(platform.prefix.address.value | UInt128(number))) ?? nobody
    }

    /// An endpoint with all its facts.
    struct Endpoint {
        var key: SigningKey
        var identity: Identity
        var facts: EndpointFacts
    }

    /// An honest endpoint; whatever is given replaces the honest value.
    func endpoint(
        _ name: String = "web1", of authority: CertificateAuthority? = nil, number: UInt64 = 1, groups: [String] = [],
        labels: [String] = [], level: UInt8 = 0, networks: [String] = [], key: SigningKey = SigningKey(),
        locator: String = "192.0.2.1",
        epoch: Epoch = 7, lifetime: Int64 = 3_600,
        at now: Timestamp = World.now
    ) throws -> Endpoint {
        let authority = authority ?? acme
        let identity = identity(number)
        let certificate = try authority.issueEndpoint(
            try Name(parsing: name), identity: identity, groups: try groups.map { try Name(parsing: $0) },
            labels: try labels.map { try PolicyLabel(parsing: $0) }, level: level,
            networks: try networks.map { try IPPrefix(parsing: $0) }, publicKey: key.publicKeyInfo, at: now
        )
        let record = try record(identity, locator: locator, epoch: epoch, notAfter: now + lifetime).signed(with: key)
        return Endpoint(
            key: key, identity: identity,
            facts: EndpointFacts(certificate: certificate, issuer: authority.certificate, record: record))
    }

    func record(
        _ identity: Identity, locator: String = "192.0.2.1", epoch: Epoch = 7, notAfter: Timestamp = now + 3_600
    ) throws -> LocationRecord {
        try LocationRecord(
            identity: identity, leaf: leaf, locator: try IPAddress(parsing: locator), plugPort: 7_000, epoch: epoch,
            notAfter: notAfter)
    }

    /// Whether and why facts are refused: nil when they are verified.
    func refusal(
        _ facts: EndpointFacts, at now: Timestamp = World.now, _ revocations: Revocations = .none
    ) async -> TrustRefusal? {
        await anchor.verify(endpoint: facts, at: now, revocations: revocations).refusal
    }

    // MARK: What only a forger, or a CA gone bad, makes

    /// Signs any extensions with an authority's key, as a CA that was taken over would.
    func forge(
        subject: String, key: SigningKey, by authority: CertificateAuthority, lifetime: Int64 = 3_600,
        _ extensions: [Certificate.Extension], at now: Timestamp = World.now
    ) throws -> [UInt8] {
        try authority.sign(
            CertificateDraft(
                subject: try DistinguishedName(commonName: subject), key: key.certificateKey.publicKey,
                lifetime: lifetime, extensions: try Certificate.Extensions(extensions)),
            at: now)
    }

    /// An end of a chain with any alternative names.
    func forge(
        subject: String, key: SigningKey, by authority: CertificateAuthority, names: [GeneralName],
        groups: Certificate.Extension? = nil, at now: Timestamp = World.now
    ) throws -> [UInt8] {
        var extensions = [
            try Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true),
            try Certificate.Extension(KeyUsage(digitalSignature: true), critical: true),
            try Certificate.Extension(SubjectAlternativeNames(names), critical: false),
        ]
        if let groups { extensions.append(groups) }
        return try forge(subject: subject, key: key, by: authority, extensions, at: now)
    }

    /// A CA of any depth, with any constraints.
    func forgeAuthority(
        subject: String, key: SigningKey, by authority: CertificateAuthority, depth: Int?,
        constraints: NameConstraints?, critical: Bool = true, lifetime: Int64 = 3_600
    ) throws -> [UInt8] {
        var extensions = [
            try Certificate.Extension(BasicConstraints.isCertificateAuthority(maxPathLength: depth), critical: true),
            try Certificate.Extension(KeyUsage(keyCertSign: true, cRLSign: true), critical: true),
        ]
        if let constraints { extensions.append(try Certificate.Extension(constraints, critical: critical)) }
        return try forge(subject: subject, key: key, by: authority, lifetime: lifetime, extensions)
    }

    func uri(_ name: String) throws -> GeneralName {
        .uniformResourceIdentifier(platform.endpointURI(try TenantName(parsing: name)))
    }

    func ip(_ identity: Identity) -> GeneralName { .ipAddress(ASN1OctetString(contentBytes: identity.octets[...])) }
}

extension Result {
    /// The failure, or nil.
    var refusal: Failure? { if case .failure(let failure) = self { failure } else { nil } }
    /// The success, or nil.
    var value: Success? { if case .success(let value) = self { value } else { nil } }
}

/// A small generator of random numbers with a seed, SplitMix64, for tests that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
