import Foundation
public import NetTypes
@_spi(FixedExpiryValidationTime) import X509

/// The root that everything is verified against, with a memory of what was verified.
///
/// A chain is exactly: endpoint or policy key → the tenant's CA that was presented with it → this root; leaf,
/// controller or the platform's policy key → this root. There is no place for filler, and every name is read from the very certificate whose chain
/// was verified. Time and revocations come in with every call and are checked at every call, also when the signatures
/// are remembered.
public final class TrustAnchor: Sendable {
    /// The root's certificate, DER.
    public var root: [UInt8] { rootFields.der }
    /// The platform whose root it is.
    public var platform: PlatformName { rootFields.certified.platform }
    /// SHA-256 of the root's SubjectPublicKeyInfo, what join tokens pin.
    public var rootKeyHash: [UInt8] { rootFields.certified.key.hash }
    /// The root's public key, DER SubjectPublicKeyInfo, against which the statement about the audit's key is verified.
    public var rootKeyInfo: [UInt8] { rootFields.certified.key.info }

    let rootFields: CertificateFields
    private let issuers = VerifiedCache<CertificateFields>(limit: TrustLimits.cachedIssuers)
    private let certificates = VerifiedCache<VerifiedChain>(limit: TrustLimits.cachedCertificates)
    private let endpoints = VerifiedCache<VerifiedFacts>(limit: TrustLimits.cachedCertificates)

    /// Takes a root; it must be a platform's root and carry its own signature.
    public init(root der: [UInt8]) throws(TrustRefusal) {
        let fields = try CertificateFields(der: der, part: .root)
        guard case .root = fields.certified.name else {
            throw .wrongKind(.root, expected: CertificateName.root.kind, found: fields.certified.name.kind)
        }
        guard fields.certificate.publicKey.isValidSignature(fields.certificate.signature, for: fields.certificate)
        else { throw .badSignature(.root) }
        rootFields = fields
    }

    /// Takes a root that came over an unverified way, if its key is the one that was pinned.
    public convenience init(root der: [UInt8], pinnedKeyHash: [UInt8]) throws(TrustRefusal) {
        try self.init(root: der)
        guard rootKeyHash == pinnedKeyHash else { throw .notPinned }
    }

    // MARK: What is verified

    /// Verifies the facts of an endpoint: certificate, issuer and location record.
    public func verify(
        endpoint facts: EndpointFacts, at now: Timestamp, revocations: Revocations
    ) async -> Result<VerifiedEndpoint, TrustRefusal> {
        do throws(TrustRefusal) {
            return .success(try await verifiedEndpoint(facts, now: now, revocations: revocations))
        } catch {
            return .failure(error)
        }
    }

    /// Verifies the certificate of a leaf, such as that of a TLS session.
    public func verify(
        leaf der: [UInt8], at now: Timestamp, revocations: Revocations
    ) async -> Result<VerifiedLeaf, TrustRefusal> {
        do throws(TrustRefusal) {
            let chain = try await verifiedChain(
                der, issuer: nil, expecting: "a leaf", now: now, revocations: revocations)
            guard case .leaf(let id) = chain.end.name, let hostName = chain.end.hostName else {
                throw .wrongKind(.certificate, expected: "a leaf", found: chain.end.name.kind)
            }
            return .success(
                VerifiedLeaf(
                    id: id, hostName: hostName, notAfter: chain.end.notAfter, serial: chain.end.serial,
                    keyHash: chain.end.key.hash))
        } catch {
            return .failure(error)
        }
    }

    /// Verifies the certificate of a controller, such as that of a TLS session.
    public func verify(
        controller der: [UInt8], at now: Timestamp, revocations: Revocations
    ) async -> Result<VerifiedController, TrustRefusal> {
        do throws(TrustRefusal) {
            let chain = try await verifiedChain(
                der, issuer: nil, expecting: "a controller", now: now, revocations: revocations)
            guard case .controller = chain.end.name else {
                throw .wrongKind(.certificate, expected: "a controller", found: chain.end.name.kind)
            }
            return .success(
                VerifiedController(
                    notAfter: chain.end.notAfter, serial: chain.end.serial, keyHash: chain.end.key.hash))
        } catch {
            return .failure(error)
        }
    }

    /// Verifies a signed policy of a tenant; the result is the tenant whose policy key signed it.
    ///
    /// The caller must refuse a document that names another tenant than this. It is for callers that keep no locks.
    public func verify(
        policy: SignedPolicy, at now: Timestamp, revocations: Revocations
    ) async -> Result<Name, TrustRefusal> {
        await verify(policy: policy, lock: nil, at: now, revocations: revocations).map(\.tenant)
    }

    /// Verifies a signed policy of a tenant for a caller that keeps who may sign it.
    ///
    /// The caller must refuse a document of which ``VerifiedPolicy/covers(tenant:revision:)`` is false.
    ///
    /// - Parameter lock: the lock that the last policy of this tenant gave, or nil. No other key than the lock's is then
    ///   believed, whatever the tenant's CA certifies, unless that key has named it.
    public func verify(
        policy: SignedPolicy, lock: PolicyLock?, at now: Timestamp, revocations: Revocations
    ) async -> Result<VerifiedPolicy, TrustRefusal> {
        do throws(TrustRefusal) {
            try Self.checkSize(policy.body, .policy, TrustLimits.policyBytes)
            let chain = try await verifiedChain(
                policy.certificate, issuer: policy.issuer, expecting: "a tenant's policy key", now: now,
                revocations: revocations)
            guard case .policy(let tenant) = chain.end.name else {
                throw .wrongKind(.certificate, expected: "a tenant's policy key", found: chain.end.name.kind)
            }
            let signer = try policy.signer(of: tenant, certified: chain.end.key, pinned: lock)
            guard signer.key.verifies(policy.signature, over: policy.body) else { throw .badSignature(.policy) }
            return .success(VerifiedPolicy(tenant: tenant, lock: signer.lock))
        } catch {
            return .failure(error)
        }
    }

    /// Verifies signed guardrails of the platform.
    public func verify(
        guardrails: SignedPolicy, at now: Timestamp, revocations: Revocations
    ) async -> Result<Void, TrustRefusal> {
        do throws(TrustRefusal) {
            try Self.checkSize(guardrails.body, .guardrails, TrustLimits.policyBytes)
            guard guardrails.issuer.isEmpty, guardrails.locks.isEmpty else {
                throw .malformed(.guardrails, "the platform's root alone stands above them")
            }
            let chain = try await verifiedChain(
                guardrails.certificate, issuer: nil, expecting: CertificateName.guardrails.kind, now: now,
                revocations: revocations)
            guard case .guardrails = chain.end.name else {
                throw .wrongKind(
                    .certificate, expected: CertificateName.guardrails.kind, found: chain.end.name.kind)
            }
            guard chain.end.key.verifies(guardrails.signature, over: guardrails.body) else {
                throw .badSignature(.guardrails)
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    // MARK: Endpoints

    /// A chain whose signatures, names and constraints were verified; time and revocations were not.
    private struct VerifiedChain {
        let end: Certified
        /// The tenant's CA; nil when the root issued the end.
        let issuer: Certified?
    }

    private struct VerifiedFacts {
        let chain: VerifiedChain
        let endpoint: VerifiedEndpoint
    }

    private func verifiedEndpoint(
        _ facts: EndpointFacts, now: Timestamp, revocations: Revocations
    ) async throws(TrustRefusal) -> VerifiedEndpoint {
        // 1. Sizes, before anything is hashed or parsed.
        try Self.checkSize(facts.certificate, .certificate, TrustLimits.certificateBytes)
        try Self.checkSize(facts.issuer, .issuer, TrustLimits.certificateBytes)
        try Self.checkSize(facts.record, .record, TrustLimits.recordBytes)
        // 2. Signatures: remembered, or verified now.
        let key = VerifiedCache<VerifiedFacts>.key(of: [facts.certificate, facts.issuer, facts.record])
        let verified: VerifiedFacts
        if let known = endpoints[key] {
            verified = known
            try check(known.chain, now: now, revocations: revocations)
        } else {
            verified = try await verifyFacts(facts, now: now, revocations: revocations)
        }
        // 3. The record's time; what is signed for longer than a day was not made by an honest leaf.
        let endpoint = verified.endpoint
        guard now <= endpoint.recordNotAfter else { throw .recordExpired(notAfter: endpoint.recordNotAfter) }
        guard endpoint.recordNotAfter - now.clamped <= TrustLimits.recordLongest else {
            throw .recordTooLong(notAfter: endpoint.recordNotAfter)
        }
        // 4. Only what passed everything is remembered.
        endpoints.remember(verified, under: key)
        return endpoint
    }

    private func verifyFacts(
        _ facts: EndpointFacts, now: Timestamp, revocations: Revocations
    ) async throws(TrustRefusal) -> VerifiedFacts {
        let signed = try SignedRecord(parsing: facts.record)
        let chain = try await verifiedChain(
            facts.certificate, issuer: facts.issuer, expecting: "an endpoint", now: now, revocations: revocations)
        guard case .endpoint(let name) = chain.end.name, let identity = chain.end.identity else {
            throw .wrongKind(.certificate, expected: "an endpoint", found: chain.end.name.kind)
        }
        guard signed.record.identity == identity else {
            throw .recordIdentity(record: signed.record.identity, certificate: identity)
        }
        guard chain.end.key.verifies(signed.signature, over: signed.body) else { throw .badSignature(.record) }
        let endpoint = VerifiedEndpoint(
            identity: identity, name: name, groups: chain.end.attributes.groups, labels: chain.end.attributes.labels,
            level: chain.end.attributes.level, networks: chain.end.attributes.networks, leaf: signed.record.leaf,
            locator: signed.record.locator, plugPort: signed.record.plugPort, epoch: signed.record.epoch,
            recordNotAfter: signed.record.notAfter, certificateNotAfter: chain.end.notAfter,
            serial: chain.end.serial, keyHash: chain.end.key.hash)
        return VerifiedFacts(chain: chain, endpoint: endpoint)
    }

    // MARK: Chains

    /// Verifies a certificate with the issuer that was presented for it; without one, the root has to be the issuer.
    private func verifiedChain(
        _ der: [UInt8], issuer issuerDER: [UInt8]?, expecting kind: String, now: Timestamp, revocations: Revocations
    ) async throws(TrustRefusal) -> VerifiedChain {
        try Self.checkSize(der, .certificate, TrustLimits.certificateBytes)
        try Self.checkSize(issuerDER ?? [], .issuer, TrustLimits.certificateBytes)
        let key = VerifiedCache<VerifiedChain>.key(of: [der] + (issuerDER.map { [$0] } ?? []))
        if let known = certificates[key] {
            try check(known, now: now, revocations: revocations)
            return known
        }
        // 1. The issuer, up to the root.
        var issuer: CertificateFields?
        if let issuerDER { issuer = try await verifiedIssuer(issuerDER, now: now) }
        // 2. The certificate: the kind that its issuer may issue, time, chain, names.
        let end = try CertificateFields(der: der, part: .certificate)
        guard end.certified.name.kind == kind else {
            throw .wrongKind(.certificate, expected: kind, found: end.certified.name.kind)
        }
        try end.certified.checkValidity(at: now, part: .certificate)
        try await verifyIssued(end, by: issuer ?? rootFields, part: .certificate, now: now)
        try Self.checkNames(of: end.certified, under: issuer?.certified, platform: platform)
        // 3. Time of the whole chain and revocations, as for one that is remembered.
        let chain = VerifiedChain(end: end.certified, issuer: issuer?.certified)
        try check(chain, now: now, revocations: revocations)
        certificates.remember(chain, under: key)
        return chain
    }

    private func verifiedIssuer(_ der: [UInt8], now: Timestamp) async throws(TrustRefusal) -> CertificateFields {
        let key = VerifiedCache<CertificateFields>.key(of: [der])
        if let known = issuers[key] { return known }
        let fields = try CertificateFields(der: der, part: .issuer)
        guard case .tenant = fields.certified.name else {
            throw .wrongKind(.issuer, expected: "a tenant's CA", found: fields.certified.name.kind)
        }
        try fields.certified.checkValidity(at: now, part: .issuer)
        try await verifyIssued(fields, by: rootFields, part: .issuer, now: now)
        guard fields.certified.platform == platform else {
            throw .nameConstraint(.issuer, "it belongs to platform \(fields.certified.platform), not \(platform)")
        }
        issuers.remember(fields, under: key)
        return fields
    }

    /// Verifies one link with the certificate library: signature, RFC 5280 with name constraints, critical extensions.
    ///
    /// The issuer is given as the only root and there are no intermediates, so the chain can only be these two.
    private func verifyIssued(
        _ fields: CertificateFields, by issuer: CertificateFields, part: TrustRefusal.Part, now: Timestamp
    ) async throws(TrustRefusal) {
        var verifier = Verifier(rootCertificates: CertificateStore([issuer.certificate])) {
            RFC5280Policy(fixedExpiryValidationTime: now.clamped.date)
        }
        let result = await verifier.validate(leaf: fields.certificate, intermediates: CertificateStore())
        if case .validCertificate(let chain) = result,
            Array(chain) == [fields.certificate, issuer.certificate]
        {
            return
        }
        throw Self.diagnose(result, fields, issuer, part, now)
    }

    /// Finds the reason why a link was refused, the most telling first.
    private static func diagnose(
        _ result: CertificateValidationResult, _ fields: CertificateFields, _ issuer: CertificateFields,
        _ part: TrustRefusal.Part, _ now: Timestamp
    ) -> TrustRefusal {
        guard fields.certificate.issuer == issuer.certificate.subject else {
            return .wrongIssuer(
                part, expected: .foreign(issuer.certificate.subject), found: .foreign(fields.certificate.issuer))
        }
        guard issuer.certificate.publicKey.isValidSignature(fields.certificate.signature, for: fields.certificate)
        else { return .badSignature(part) }
        do { try issuer.certified.checkValidity(at: now, part: .issuer) } catch { return error }
        if case .tenant = issuer.certified.name {
            do {
                try checkNames(of: fields.certified, under: issuer.certified, platform: issuer.certified.platform)
            } catch { return error }
        }
        if case .couldNotValidate(let failures) = result, let failure = failures.first {
            return .chainRefused(part, .foreign(failure.policyFailureReason))
        }
        return .chainRefused(part, "a critical extension that is not known here")
    }

    /// Our own reading of what an issuer may speak about, beside the library's name constraints.
    private static func checkNames(
        of fields: Certified, under issuer: Certified?, platform: PlatformName
    ) throws(TrustRefusal) {
        if let issued = fields.name.tenant, let owner = issuer?.name.tenant, issued != owner {
            throw .tenantMismatch(certificate: issued, issuer: owner)
        }
        guard fields.platform == platform else {
            throw .nameConstraint(.certificate, "it belongs to platform \(fields.platform), not \(platform)")
        }
        if let identity = fields.identity, !platform.contains(identity) {
            throw .nameConstraint(.certificate, "\(identity) is outside \(platform.prefix)")
        }
    }

    // MARK: What is checked at every use

    private func check(_ chain: VerifiedChain, now: Timestamp, revocations: Revocations) throws(TrustRefusal) {
        try rootFields.certified.checkValidity(at: now, part: .root)
        try Self.check(rootFields.certified, .root, revocations)
        if let issuer = chain.issuer {
            try issuer.checkValidity(at: now, part: .issuer)
            try Self.check(issuer, .issuer, revocations)
        }
        try chain.end.checkValidity(at: now, part: .certificate)
        try Self.check(chain.end, .certificate, revocations)
    }

    private static func check(
        _ fields: Certified, _ part: TrustRefusal.Part, _ revocations: Revocations
    ) throws(TrustRefusal) {
        let hit = revocations.revocation(serial: fields.serial, keyHash: fields.key.hash, identity: fields.identity)
        if let hit { throw .revoked(part, by: hit) }
    }

    private static func checkSize(_ bytes: [UInt8], _ part: TrustRefusal.Part, _ limit: Int) throws(TrustRefusal) {
        guard bytes.count <= limit else { throw .oversize(part, bytes: bytes.count, limit: limit) }
    }
}
