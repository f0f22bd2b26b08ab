/// A tenant's policy, or the platform's guardrails, as they travel: signed by a policy key, not yet believed.
///
/// Guardrails have no issuer but the platform's root, so ``issuer`` is empty, and no locks.
public struct SignedPolicy: Hashable, Sendable {
    /// The canonical bytes of the document.
    public var body: [UInt8]
    /// The DER ECDSA signature over the body.
    public var signature: [UInt8]
    /// The certificate of the policy key, DER.
    public var certificate: [UInt8]
    /// The certificate of the tenant's CA that issued it, DER.
    public var issuer: [UInt8]
    /// Statements about who signs in place of the certificate's key, the oldest first; empty as long as that key does.
    public var locks: [SignedLock]

    /// Puts all together.
    public init(
        body: [UInt8], signature: [UInt8], certificate: [UInt8], issuer: [UInt8] = [], locks: [SignedLock] = []
    ) {
        self.body = body
        self.signature = signature
        self.certificate = certificate
        self.issuer = issuer
        self.locks = locks
    }

    /// Signs a document with the key of the certificate, or the one that the locks name.
    public init(
        signing body: [UInt8], with key: SigningKey, certificate: [UInt8], issuer: [UInt8] = [],
        locks: [SignedLock] = []
    ) throws(KeyError) {
        self.init(body: body, signature: try key.sign(body), certificate: certificate, issuer: issuer, locks: locks)
    }
}
