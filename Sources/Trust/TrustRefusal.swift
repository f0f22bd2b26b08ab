public import NetTypes

/// The reason why something that was presented is not trusted.
///
/// It is a verdict and not a failure: nothing has changed after it. It carries public values only, never a secret.
public enum TrustRefusal: Error, Hashable, Sendable {
    /// What of the presented things a reason is about.
    public enum Part: String, Hashable, Sendable {
        case root, issuer, certificate, record, policy, guardrails, suspensions, lock, request
    }

    /// How a revocation names what it revokes.
    public enum RevocationKey: String, Hashable, Sendable {
        case identity, serial, key
    }

    /// Longer than anything honest; it was not parsed.
    case oversize(Part, bytes: Int, limit: Int)
    /// Not the DER, or not the fields, that it has to be.
    case malformed(Part, String)
    /// Not ECDSA with P-256 and SHA-256.
    case unsupportedAlgorithm(Part)
    /// A certificate of another kind than the one that is needed here, such as a leaf's for an endpoint.
    case wrongKind(Part, expected: String, found: String)
    /// Issued by someone else than the issuer it must have.
    case wrongIssuer(Part, expected: String, found: String)
    /// The signature is not of the key that must have made it.
    case badSignature(Part)
    /// A tenant's CA speaks about another tenant.
    case tenantMismatch(certificate: Name, issuer: Name)
    /// A name or address outside what the issuer may speak about.
    case nameConstraint(Part, String)
    /// The certificate's validity has not begun.
    case notYetValid(Part, notBefore: Timestamp)
    /// The certificate's validity is over.
    case certificateExpired(Part, notAfter: Timestamp)
    /// The chain breaks a rule of RFC 5280 that no other case names.
    case chainRefused(Part, String)
    /// Revoked by the tenant or the platform.
    case revoked(Part, by: RevocationKey)
    /// The location record speaks of another identity than its certificate.
    case recordIdentity(record: Identity, certificate: Identity)
    /// The location record is no longer valid.
    case recordExpired(notAfter: Timestamp)
    /// The location record claims to be valid for longer than any may.
    case recordTooLong(notAfter: Timestamp)
    /// The root is not the one that was pinned.
    case notPinned
    /// The tenant's policy is locked, and nothing shows that who signed was allowed to by the key of the lock.
    case locked(Name)

    /// When what was presented ended, if nothing is wrong but that; newer facts of the same endpoint would be trusted.
    public var expiredAt: Timestamp? {
        switch self {
        case .certificateExpired(_, let notAfter), .recordExpired(let notAfter): notAfter
        default: nil
        }
    }

    /// The reason as a word for programs, in kebab-case; it never changes.
    public var code: String {
        switch self {
        case .oversize: "oversize"
        case .malformed: "malformed"
        case .unsupportedAlgorithm: "unsupported-algorithm"
        case .wrongKind: "wrong-kind"
        case .wrongIssuer: "wrong-issuer"
        case .badSignature: "bad-signature"
        case .tenantMismatch: "tenant-mismatch"
        case .nameConstraint: "name-constraint"
        case .notYetValid: "not-yet-valid"
        case .certificateExpired: "certificate-expired"
        case .chainRefused: "chain-refused"
        case .revoked: "revoked"
        case .recordIdentity: "record-identity"
        case .recordExpired: "record-expired"
        case .recordTooLong: "record-too-long"
        case .notPinned: "not-pinned"
        case .locked: "locked"
        }
    }
}

extension TrustRefusal: CustomStringConvertible {
    /// The reason as a sentence for people.
    public var description: String {
        switch self {
        case .oversize(let part, let bytes, let limit):
            "the \(part) has \(bytes) bytes, more than the \(limit) that one may have"
        case .malformed(let part, let what):
            "the \(part) is malformed: \(what)"
        case .unsupportedAlgorithm(let part):
            "the \(part) does not use ECDSA with P-256 and SHA-256"
        case .wrongKind(let part, let expected, let found):
            "the \(part) must be that of \(expected), but is that of \(found)"
        case .wrongIssuer(let part, let expected, let found):
            "the \(part) must be issued by '\(expected)', but names '\(found)' as its issuer"
        case .badSignature(let part):
            "the signature of the \(part) is not of the key that must have made it"
        case .tenantMismatch(let certificate, let issuer):
            "the certificate speaks for tenant \(certificate), but its issuer is the CA of tenant \(issuer)"
        case .nameConstraint(let part, let what):
            "the \(part) goes beyond what its issuer may certify: \(what)"
        case .notYetValid(let part, let notBefore):
            "the certificate of the \(part.holder) is valid only from \(notBefore) on; compare the clocks"
        case .certificateExpired(let part, let notAfter):
            "the certificate of the \(part.holder) expired at \(notAfter)"
        case .chainRefused(let part, let what):
            "the certificate of the \(part.holder) breaks RFC 5280: \(what)"
        case .revoked(let part, let key):
            "the \(part) is revoked by its \(key)"
        case .recordIdentity(let record, let certificate):
            "the record is about \(record), but its certificate is that of \(certificate)"
        case .recordExpired(let notAfter):
            "the location record expired at \(notAfter)"
        case .recordTooLong(let notAfter):
            "the location record claims to be valid until \(notAfter), longer than any may"
        case .notPinned:
            "the platform's root is not the one that the join token names"
        case .locked(let tenant):
            "the policy of tenant \(tenant) is locked by another key than those that were presented"
        }
    }
}

extension TrustRefusal.Part {
    fileprivate var holder: String { self == .certificate ? "holder" : rawValue }
}
