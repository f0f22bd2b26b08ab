/// A tenant's policy document as it travels: signed by the tenant's policy key, not yet believed.
public struct SignedPolicy: Hashable, Sendable {
    /// The canonical bytes of the document.
    public var body: [UInt8]
    /// The DER ECDSA signature over the body.
    public var signature: [UInt8]
    /// The certificate of the policy key, DER.
    public var certificate: [UInt8]
    /// The certificate of the tenant's CA that issued it, DER.
    public var issuer: [UInt8]

    /// Puts the four together.
    public init(body: [UInt8], signature: [UInt8], certificate: [UInt8], issuer: [UInt8]) {
        self.body = body
        self.signature = signature
        self.certificate = certificate
        self.issuer = issuer
    }

    /// Signs a document with the key of the certificate.
    public init(signing body: [UInt8], with key: SigningKey, certificate: [UInt8], issuer: [UInt8]) throws(KeyError) {
        self.init(body: body, signature: try key.sign(body), certificate: certificate, issuer: issuer)
    }
}
