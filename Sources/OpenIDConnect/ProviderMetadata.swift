import Foundation
import JWTKit

/// What a provider says of itself (OpenID Connect Discovery 1.0, section 3), as far as it is used.
struct ProviderMetadata: Decodable, Sendable {
    let issuer: String
    let authorizationEndpoint: String
    let tokenEndpoint: String
    let keysURL: String
    /// How it lets clients show who they are; nil: by `client_secret_basic`.
    let clientAuthentication: [String]?
    /// Whether each of its answers names the issuer (RFC 9207, section 3).
    let namesIssuer: Bool?

    enum CodingKeys: String, CodingKey {
        case issuer
        case authorizationEndpoint = "authorization_endpoint"
        case tokenEndpoint = "token_endpoint"
        case keysURL = "jwks_uri"
        case clientAuthentication = "token_endpoint_auth_methods_supported"
        case namesIssuer = "authorization_response_iss_parameter_supported"
    }

    /// Reads and checks it: it has to be that of the issuer that was asked.
    static func read(_ data: Data, of issuer: String) throws(OpenIDError) -> ProviderMetadata {
        guard let metadata = try? JSONDecoder().decode(Self.self, from: data) else {
            throw .metadata("the discovery document is not one")
        }
        guard metadata.issuer == issuer else {
            throw .metadata("its issuer is '\(metadata.issuer.prefix(200))', not '\(issuer)'")
        }
        for endpoint in [metadata.authorizationEndpoint, metadata.tokenEndpoint, metadata.keysURL]
        where !ProviderHTTP.isSecure(endpoint) {
            throw .metadata("'\(endpoint.prefix(200))' is no https URL")
        }
        return metadata
    }

    /// Where the document of an issuer is.
    static func url(of issuer: String) -> String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }
}

/// The keys of a provider (RFC 7517). What is no public key of a kind that is used is left out, whatever it is.
struct ProviderKeys: Sendable {
    /// One key, without what could make it a secret one.
    struct Key: Decodable, Sendable {
        let kty: String
        let kid: String?
        let use: String?
        let alg: String?
        let n: String?
        let e: String?
        let crv: String?
        let x: String?
        let y: String?
    }

    let keys: [Key]

    /// The most keys that are looked at.
    static let most = 64
    /// The shortest modulus of an RSA key, in bytes: 2,048 bits (RFC 7518, section 3.3).
    static let shortestModulus = 256

    private struct Lenient: Decodable {
        let key: Key?
        init(from decoder: any Decoder) throws { key = try? Key(from: decoder) }
    }

    private struct Document: Decodable { let keys: [Lenient] }

    static func read(_ data: Data) throws(OpenIDError) -> ProviderKeys {
        guard let document = try? JSONDecoder().decode(Document.self, from: data) else {
            throw .metadata("the document of its keys is not one")
        }
        return ProviderKeys(keys: document.keys.prefix(most).compactMap(\.key))
    }

    /// The keys that may have signed a token of an algorithm and a key's id.
    func candidates(_ algorithm: IDToken.Algorithm, kid: String?) -> [JWK] {
        keys.filter { key in
            (key.use ?? "sig") == "sig" && (key.alg ?? algorithm.rawValue) == algorithm.rawValue
                && (kid == nil || key.kid == kid)
        }.compactMap { $0.key(for: algorithm) }
    }
}

extension ProviderKeys.Key {
    /// The key for one algorithm; nil where it is of another kind, or too short.
    fileprivate func key(for algorithm: IDToken.Algorithm) -> JWK? {
        let name = JWK.Algorithm(rawValue: algorithm.rawValue)
        let id = JWKIdentifier(string: "it")
        switch algorithm {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            guard kty == "RSA", let n, let e, let modulus = Base64Text.decode(n),
                modulus.drop(while: { $0 == 0 }).count >= ProviderKeys.shortestModulus
            else { return nil }
            return .rsa(name, identifier: id, modulus: n, exponent: e)
        case .es256, .es384, .es512:
            guard kty == "EC", crv == algorithm.curve, let x, let y else { return nil }
            return .ecdsa(name, identifier: id, x: x, y: y, curve: ECDSACurve(rawValue: crv ?? ""))
        case .eddsa:
            guard kty == "OKP", crv == "Ed25519", let x else { return nil }
            return .octetKeyPair(name, identifier: id, x: x, y: nil, curve: .ed25519)
        }
    }
}

/// Base64url without padding (RFC 4648, section 5).
enum Base64Text {
    static func decode(_ text: some StringProtocol) -> Data? {
        guard !text.contains(where: { "+/=".contains($0) }) else { return nil }
        var plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        plain += String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: plain)
    }

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
