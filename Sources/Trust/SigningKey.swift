import Crypto
import Foundation
import X509

/// A private P-256 key: of a CA, an endpoint, a leaf, a controller or a policy.
///
/// Its description says nothing of it. The crypto library clears the key's memory when the last copy goes; text made
/// by ``pem`` is the caller's, to keep as short as possible.
public struct SigningKey: Sendable {
    let privateKey: P256.Signing.PrivateKey

    /// Makes a new random key.
    public init() { privateKey = P256.Signing.PrivateKey() }

    /// Reads the PEM form, PKCS #8 or SEC 1.
    public init(pem: String) throws(KeyError) {
        guard pem.utf8.count <= TrustLimits.keyFileBytes,
            let key = try? P256.Signing.PrivateKey(pemRepresentation: pem)
        else { throw .notAPrivateKey }
        privateKey = key
    }

    /// The key in PKCS #8 as PEM text. Secret.
    public var pem: String { privateKey.pemRepresentation }

    /// The public key, DER SubjectPublicKeyInfo (RFC 5480, section 2).
    public var publicKeyInfo: [UInt8] { Array(privateKey.publicKey.derRepresentation) }

    /// SHA-256 of ``publicKeyInfo``; revocations and pins name keys by it.
    public var keyHash: [UInt8] { Array(SHA256.hash(data: privateKey.publicKey.derRepresentation)) }

    /// Signs bytes: the DER ECDSA signature (RFC 3279, section 2.2.3) over their SHA-256.
    public func sign(_ bytes: [UInt8]) throws(KeyError) -> [UInt8] {
        guard let signature = try? privateKey.signature(for: bytes) else { throw .signingFailed }
        return Array(signature.derRepresentation)
    }

    /// Signs bytes for JSON: the 64 octets r and s of the signature over their SHA-256 (RFC 7518, section 3.4).
    public func signJSON(_ bytes: [UInt8]) throws(KeyError) -> [UInt8] {
        guard let signature = try? privateKey.signature(for: bytes) else { throw .signingFailed }
        return Array(signature.rawRepresentation)
    }

    /// A symmetric key of 32 octets that follows from this one: HKDF-SHA256 (RFC 5869) with the purpose as info. Secret.
    public func derivedKey(for purpose: String) -> [UInt8] {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: privateKey.rawRepresentation), info: Array(purpose.utf8),
            outputByteCount: 32)
        return unsafe key.withUnsafeBytes { unsafe Array($0) }
    }

    /// The key in the certificate library's wrapping.
    var certificateKey: Certificate.PrivateKey { Certificate.PrivateKey(privateKey) }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SigningKey(P-256)" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What can be wrong with a key; it never carries any of the key.
public enum KeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not a P-256 private key in PEM.
    case notAPrivateKey
    /// Not a P-256 public key in DER.
    case notAPublicKey
    /// The library could not sign.
    case signingFailed

    public var description: String {
        switch self {
        case .notAPrivateKey: "not a P-256 private key in PEM (PKCS #8)"
        case .notAPublicKey: "not a P-256 public key in DER (SubjectPublicKeyInfo)"
        case .signingFailed: "the key could not sign"
        }
    }
}

/// A P-256 public key with its one DER form and its hash.
struct PublicKey: Hashable, Sendable {
    let info: [UInt8]
    let hash: [UInt8]
    let key: P256.Signing.PublicKey

    /// Reads a SubjectPublicKeyInfo; only the form that would be written again is taken.
    init(info: [UInt8]) throws(KeyError) {
        guard info.count <= 128, let key = try? P256.Signing.PublicKey(derRepresentation: info) else {
            throw .notAPublicKey
        }
        self.init(key)
        guard self.info == info else { throw .notAPublicKey }
    }

    init(_ key: P256.Signing.PublicKey) {
        self.key = key
        info = Array(key.derRepresentation)
        hash = Array(SHA256.hash(data: info))
    }

    /// Whether the key made the DER signature over the bytes; only the one strict DER form is taken.
    func verifies(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        guard signature.count <= TrustLimits.signatureBytes,
            let parsed = try? P256.Signing.ECDSASignature(derRepresentation: signature),
            Array(parsed.derRepresentation) == signature
        else { return false }
        return key.isValidSignature(parsed, for: bytes)
    }

    static func == (a: Self, b: Self) -> Bool { a.info == b.info }
    func hash(into hasher: inout Hasher) { hasher.combine(info) }
}
