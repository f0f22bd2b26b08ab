import Foundation
import JWTKit
import NetTypes

/// An ID token (OpenID Connect Core 1.0, section 2), and what is asked of one.
enum IDToken {
    /// The algorithms that are taken: signatures by a key that only the provider has. A secret that both know, or none at
    /// all, signs nothing here.
    enum Algorithm: String, Sendable {
        case rs256 = "RS256"
        case rs384 = "RS384"
        case rs512 = "RS512"
        case ps256 = "PS256"
        case ps384 = "PS384"
        case ps512 = "PS512"
        case es256 = "ES256"
        case es384 = "ES384"
        case es512 = "ES512"
        case eddsa = "EdDSA"

        /// The curve that belongs to it (RFC 7518, section 3.4).
        var curve: String? {
            switch self {
            case .es256: "P-256"
            case .es384: "P-384"
            case .es512: "P-521"
            default: nil
            }
        }
    }

    /// The head of a token, before anything of it is believed.
    struct Header: Decodable, Sendable {
        let alg: String
        let kid: String?
        let crit: [String]?
    }

    /// One audience or several.
    struct Audience: Decodable, Sendable {
        let values: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                values = [one]
            } else {
                values = try container.decode([String].self)
            }
        }
    }

    struct Claims: JWTPayload {
        let iss: String
        let sub: String
        let aud: Audience
        let exp: Double
        let iat: Double
        let nonce: String?
        let azp: String?
        let authTime: Double?
        let oid: String?

        enum CodingKeys: String, CodingKey {
            case iss, sub, aud, exp, iat, nonce, azp, oid
            case authTime = "auth_time"
        }

        /// Nothing: ``IDToken/check(_:provider:nonce:now:)`` says why a token is refused.
        func verify(using algorithm: some JWTAlgorithm) async throws {}

        func encode(to encoder: any Encoder) throws {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "ID tokens are only read"))
        }
    }

    /// The longest token that is read, in bytes.
    static let longest = 64 << 10
    /// By how much two clocks may differ, in seconds.
    static let skew: Int64 = 60
    /// How old a token may be that was made for the code, in seconds.
    static let oldest: Int64 = 300
    /// The most keys without an id that are tried.
    static let mostKeys = 8

    /// Reads the head.
    static func header(_ token: String) throws(OpenIDError) -> (Header, Algorithm) {
        guard token.utf8.count <= longest else { throw .untrusted("the ID token is longer than \(longest) bytes") }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ Base64Text.decode($0) != nil }),
            let data = Base64Text.decode(parts[0]), let header = try? JSONDecoder().decode(Header.self, from: data)
        else { throw .untrusted("the ID token is none") }
        guard header.crit == nil else { throw .untrusted("the ID token wants to be read in a way that is not known") }
        guard let algorithm = Algorithm(rawValue: header.alg) else {
            throw .untrusted("the ID token is signed by '\(header.alg.prefix(20))', which is not taken")
        }
        return (header, algorithm)
    }

    /// The claims of a token that one of the keys has signed; nil where none has.
    static func claims(of token: String, keys: [JWK]) async -> Claims? {
        for key in keys.prefix(mostKeys) {
            let collection = JWTKeyCollection()
            guard (try? await collection.add(jwk: key, isDefault: true)) != nil else { continue }
            if let claims = try? await collection.verify(token, as: Claims.self) { return claims }
        }
        return nil
    }

    /// Checks what a signed token says (OpenID Connect Core 1.0, section 3.1.3.7), and gives whom it is about.
    static func check(
        _ claims: Claims, provider: OpenIDProvider, nonce: String, now: Timestamp
    ) throws(OpenIDError) -> VerifiedIdentity {
        guard claims.iss == provider.issuer else {
            throw .untrusted("the ID token is of the issuer '\(claims.iss.prefix(200))'")
        }
        guard claims.aud.values.contains(provider.clientID) else {
            throw .untrusted("the ID token is for another client")
        }
        guard claims.azp.map({ $0 == provider.clientID }) ?? (claims.aud.values.count == 1) else {
            throw .untrusted("the ID token was issued to another client")
        }
        let time = Double(now.seconds)
        guard claims.exp.isFinite, claims.iat.isFinite, claims.exp > time - Double(skew) else {
            throw .untrusted("the ID token has expired")
        }
        guard claims.iat <= time + Double(skew), claims.iat > time - Double(oldest + skew) else {
            throw .untrusted("the ID token was issued at another time")
        }
        guard let given = claims.nonce, isEqual(given, nonce) else {
            throw .untrusted("the ID token is of another sign-in")
        }
        let subject: String?
        switch provider.subjectClaim {
        case .sub: subject = claims.sub
        case .oid: subject = claims.oid
        }
        guard let subject, VerifiedIdentity.isSubject(subject) else {
            throw .untrusted("the ID token names nobody by '\(provider.subjectClaim.rawValue)'")
        }
        var authenticatedAt: Timestamp?
        if let given = claims.authTime {
            guard given.isFinite, given >= 0, given <= time + Double(skew) else {
                throw .untrusted("the ID token is of somebody who signs in later")
            }
            authenticatedAt = min(Timestamp(Int64(given)), now)
        }
        return VerifiedIdentity(subject: subject, authenticatedAt: authenticatedAt)
    }

    /// In a time that follows from the lengths alone.
    private static func isEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        return a.count == b.count && zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
