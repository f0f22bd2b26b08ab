import Crypto
import Foundation
public import NetTypes

/// What somebody signs with the key of a certificate to show that he has it: a JSON Web Token as RFC 7523, section 3,
/// asks for one, signed by ECDSA with P-256 and SHA-256 (ES256) and with no other algorithm.
///
/// The header names the certificate by its SHA-256 fingerprint (`x5t#S256`, RFC 7515, section 4.1.8), so that no two
/// certificates are taken for each other; `iss` and `sub` are the URI in the certificate.
public struct ClientAssertion: Sendable {
    /// SHA-256 of the certificate whose key has signed.
    public let fingerprint: [UInt8]
    /// A word that is used once.
    public let id: String
    private let claims: Claims
    private let signed: [UInt8]
    private let signature: [UInt8]

    /// The longest time for which one may be good, in seconds.
    public static let longest: Int64 = 60
    /// How far clocks may differ, in seconds.
    public static let leeway: Int64 = 5
    /// The longest text, in bytes.
    public static let longestText = 4_096

    /// Why one is not taken, though it was signed with the certificate's key.
    public enum Refusal: String, Hashable, Sendable {
        case subject = "'iss' and 'sub' are not the URI of the certificate"
        case audience = "'aud' is another controller's"
        case expired = "'exp' is over"
        case tooLong = "'exp' is more than 60 seconds ahead, or 'iat' is in the future"
    }

    private struct Header: Codable {
        var alg: String
        var typ: String?
        var crit: [String]?
        var thumbprint: String

        enum CodingKeys: String, CodingKey {
            case alg, typ, crit
            case thumbprint = "x5t#S256"
        }
    }

    private struct Claims: Codable {
        var iss: String
        var sub: String
        var aud: Audience
        var jti: String
        var exp: Int64
        var iat: Int64?
    }

    /// One audience, or several.
    private enum Audience: Codable {
        case one(String)
        case several([String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .one(text)
            } else {
                self = .several(try container.decode([String].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .one(let text): try container.encode(text)
            case .several(let texts): try container.encode(texts)
            }
        }

        var texts: [String] {
            switch self {
            case .one(let text): [text]
            case .several(let texts): texts
            }
        }
    }

    /// Reads one; nothing of it is verified yet. Nil for a text that is none.
    public init?(parsing text: String) {
        guard text.utf8.count <= Self.longestText else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]), let body = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]), signature.count == 64,
            let header = try? JSONDecoder().decode(Header.self, from: Data(head)),
            let claims = try? JSONDecoder().decode(Claims.self, from: Data(body)),
            let fingerprint = Base64URL.decode(header.thumbprint), fingerprint.count == 32
        else { return nil }
        // What is to be understood by an extension that is not known here is not understood.
        guard header.alg == "ES256", header.crit == nil, header.typ.map({ $0.uppercased() == "JWT" }) ?? true,
            (1...128).contains(claims.jti.utf8.count)
        else { return nil }
        self.fingerprint = fingerprint
        self.claims = claims
        self.signature = signature
        id = claims.jti
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    /// Whether it was signed with a key: DER SubjectPublicKeyInfo.
    public func isSigned(with key: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(derRepresentation: key),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: signed)
    }

    /// Why it is not taken; nil: it is.
    ///
    /// - Parameters:
    ///   - subject: the URI in the certificate.
    ///   - audiences: what the controller is called.
    public func refusal(subject: String, audiences: [String], at now: Timestamp) -> Refusal? {
        guard claims.iss == subject, claims.sub == subject else { return .subject }
        guard claims.aud.texts.contains(where: audiences.contains) else { return .audience }
        guard claims.exp > now.seconds - Self.leeway else { return .expired }
        let latest = now.seconds + Self.longest + Self.leeway
        guard claims.exp <= latest, claims.iat.map({ $0 <= now.seconds + Self.leeway }) ?? true else {
            return .tooLong
        }
        return nil
    }

    /// Makes one.
    ///
    /// - Parameters:
    ///   - lifetime: in seconds; ``longest`` at most, else no controller takes it.
    ///   - sign: gives the 64 octets of an ECDSA signature, r and s, over SHA-256 of what it is given.
    public static func make(
        fingerprint: [UInt8], subject: String, audience: String, id: String, at now: Timestamp,
        lifetime: Int64 = longest, sign: ([UInt8]) throws -> [UInt8]
    ) throws -> String {
        let header = Header(alg: "ES256", typ: "JWT", thumbprint: Base64URL.encode(fingerprint))
        let claims = Claims(
            iss: subject, sub: subject, aud: .one(audience), jti: id, exp: now.seconds + lifetime, iat: now.seconds)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = [Array(try encoder.encode(header)), Array(try encoder.encode(claims))].map { Base64URL.encode($0) }
            .joined(separator: ".")
        return text + "." + Base64URL.encode(try sign(Array(text.utf8)))
    }
}
