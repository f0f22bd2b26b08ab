import Crypto
import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986) that proves possession of its key.
///
/// Nothing but the key is taken from a request: names, groups and lifetimes are the issuer's to say.
public struct SigningRequest: Hashable, Sendable {
    /// The request, DER.
    public let der: [UInt8]
    /// The public key, DER SubjectPublicKeyInfo.
    public let publicKeyInfo: [UInt8]
    /// SHA-256 of ``publicKeyInfo``.
    public let keyHash: [UInt8]

    /// Makes a request for a key.
    public init(key: SigningKey) throws(AuthorityError) {
        do {
            let request = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName { CommonName("patchbay") }, privateKey: key.certificateKey,
                attributes: CertificateSigningRequest.Attributes(), signatureAlgorithm: .ecdsaWithSHA256)
            var serializer = DER.Serializer()
            try serializer.serialize(request)
            der = serializer.serializedBytes
        } catch { throw .encoding }
        publicKeyInfo = key.publicKeyInfo
        keyHash = key.keyHash
    }

    /// Reads a request and verifies that its maker has the key.
    public init(parsing der: [UInt8]) throws(TrustRefusal) {
        guard der.count <= TrustLimits.requestBytes else {
            throw .oversize(.request, bytes: der.count, limit: TrustLimits.requestBytes)
        }
        guard let request = try? CertificateSigningRequest(derEncoded: der) else {
            throw .malformed(.request, "it is not the DER of one PKCS #10 request")
        }
        guard Self.hasStrictSignature(der) else { throw .malformed(.request, "its signature has unused bits") }
        guard request.signatureAlgorithm == .ecdsaWithSHA256, let key = P256.Signing.PublicKey(request.publicKey)
        else { throw .unsupportedAlgorithm(.request) }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw .badSignature(.request)
        }
        let publicKey = PublicKey(key)
        self.der = der
        publicKeyInfo = publicKey.info
        keyHash = publicKey.hash
    }

    /// Reads the PEM of one request (RFC 7468, section 7) and verifies that its maker has the key.
    public init(pem: String) throws(TrustRefusal) {
        let limit = 2 * TrustLimits.requestBytes
        guard pem.utf8.count <= limit else { throw .oversize(.request, bytes: pem.utf8.count, limit: limit) }
        guard let document = try? PEMDocument(pemString: pem),
            ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(document.discriminator)
        else { throw .malformed(.request, "it is not the PEM of one PKCS #10 request") }
        try self.init(parsing: document.derBytes)
    }

    /// The request in PEM.
    public var pem: String { PEMDocument(type: "CERTIFICATE REQUEST", derBytes: der).pemString + "\n" }

    /// The library passes over unused bits of a signature; a request has one form only.
    private static func hasStrictSignature(_ der: [UInt8]) -> Bool {
        let unused = try? DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            guard nodes.next() != nil, nodes.next() != nil else { throw ASN1Error.truncatedASN1Field() }
            return try ASN1BitString(derEncoded: &nodes).paddingBits
        }
        return unused == 0
    }
}
