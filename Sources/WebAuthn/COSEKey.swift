import Crypto
import CryptoExtras
import Foundation

/// The signature algorithms that are offered, by their numbers in COSE (RFC 9053, RFC 8812).
public enum COSEAlgorithm: Int64, Hashable, Sendable, CaseIterable {
    /// ECDSA on P-256 with SHA-256; what nearly every authenticator has.
    case es256 = -7
    /// EdDSA on Ed25519.
    case edDSA = -8
    /// RSASSA-PKCS1-v1_5 with SHA-256, which Windows Hello has on older machines.
    case rs256 = -257

    public var name: String {
        switch self {
        case .es256: "ES256"
        case .edDSA: "EdDSA"
        case .rs256: "RS256"
        }
    }
}

/// The public key of a credential (COSE_Key, RFC 9052, section 7), with which its signatures are verified.
///
/// Only what WebAuthn allows is read (section 6.5.1.1): one of the offered algorithms, its required parameters, no others,
/// and a point that is on the curve.
public struct COSEKey: Sendable {
    private enum Key: Sendable {
        case p256(P256.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
    }

    /// The algorithm of its signatures.
    public let algorithm: COSEAlgorithm
    private let key: Key

    /// The longest modulus of RSA that is taken, in octets: 8,192 bits.
    static let longestModulus = 1_024

    /// Reads the encoded key, all of it.
    public init(encoded bytes: some Collection<UInt8>) throws(WebAuthnError) {
        let value: CBOR
        do { value = try CBORReader.read(bytes) } catch { throw .malformed("public key", "\(error)") }
        try self.init(value)
    }

    /// Takes the key that was read.
    public init(_ value: CBOR) throws(WebAuthnError) {
        guard case .map(let members) = value else { throw Self.bad("it is no map") }
        guard case .integer(let number)? = value[3] else { throw Self.bad("it has no algorithm") }
        guard let algorithm = COSEAlgorithm(rawValue: number) else { throw .algorithm(number) }
        self.algorithm = algorithm
        let (type, parameters): (Int64, [Int64]) =
            switch algorithm {
            case .es256: (2, [-1, -2, -3])
            case .edDSA: (1, [-1, -2])
            case .rs256: (3, [-1, -2])
            }
        guard value[1] == .integer(type) else { throw Self.bad("its type is not that of \(algorithm.name)") }
        let labels = Set(members.map(\.key))
        guard labels == Set(([1, 3] + parameters).map(CBOR.integer)) else {
            throw Self.bad("it has not exactly the parameters of \(algorithm.name)")
        }
        switch algorithm {
        case .es256:
            guard value[-1] == .integer(1) else { throw Self.bad("it is not on P-256") }
            let (x, y) = (try Self.octets(value[-2], 32...32), try Self.octets(value[-3], 32...32))
            guard let key = try? P256.Signing.PublicKey(x963Representation: [4] + x + y) else {
                throw Self.bad("its point is not on P-256")
            }
            self.key = .p256(key)
        case .edDSA:
            guard value[-1] == .integer(6) else { throw Self.bad("it is not on Ed25519") }
            let x = try Self.octets(value[-2], 32...32)
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else {
                throw Self.bad("its point is none of Ed25519")
            }
            self.key = .ed25519(key)
        case .rs256:
            let modulus = try Self.octets(value[-1], 256...Self.longestModulus)
            let exponent = try Self.octets(value[-2], 1...4)
            guard modulus.first != 0, exponent.first != 0, let last = exponent.last, last & 1 == 1, exponent != [1],
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else { throw Self.bad("its modulus or exponent is none of RSA with 2,048 bits or more") }
            self.key = .rsa(key)
        }
    }

    /// Whether a signature over some bytes is the key's.
    public func isValid(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        switch key {
        case .p256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: message)
        case .ed25519(let key):
            return signature.count == 64 && key.isValidSignature(signature, for: message)
        case .rsa(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message),
                padding: .insecurePKCS1v1_5)
        }
    }

    private static func octets(_ value: CBOR?, _ length: ClosedRange<Int>) throws(WebAuthnError) -> [UInt8] {
        guard case .bytes(let octets)? = value, length.contains(octets.count) else {
            throw bad("a parameter is not of its length")
        }
        return octets
    }

    private static func bad(_ reason: String) -> WebAuthnError { .malformed("public key", reason) }
}
