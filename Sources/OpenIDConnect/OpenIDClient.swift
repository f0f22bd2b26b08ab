import Crypto
import Foundation
public import NetTypes

/// Who somebody is by word of a provider, all of which was checked.
public struct VerifiedIdentity: Hashable, Sendable {
    /// What the provider calls him, for good.
    public let subject: String
    /// When he last showed the provider who he is; nil where it does not say.
    public let authenticatedAt: Timestamp?

    /// Whether a text can be a subject: 1 to 255 visible ASCII characters (OpenID Connect Core 1.0, section 2).
    public static func isSubject(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

/// One sign-in at a provider: what the answer has to fit. Nonce and verifier are secret.
public struct OpenIDRequest: Sendable {
    /// Where the provider sends the browser back to, exactly.
    public var redirectURI: String
    /// By which the answer is known to belong to the question.
    public var state: String
    /// By which the ID token is.
    public var nonce: String
    /// The secret whose hash the question shows (RFC 7636).
    public var verifier: String

    public init(redirectURI: String, state: String, nonce: String, verifier: String) {
        self.redirectURI = redirectURI
        self.state = state
        self.nonce = nonce
        self.verifier = verifier
    }
}

/// Signs people in at providers: the authorization code flow of OpenID Connect Core 1.0, section 3.1, with PKCE.
///
/// It asks only the providers that it is given, over TLS, and follows no redirection. What providers say of themselves and
/// their keys are kept for a while; a token of a key that is not known has the keys read anew, not more often than every
/// few seconds.
public actor OpenIDClient {
    private struct Known {
        var metadata: ProviderMetadata
        var metadataAt: Timestamp
        var keys: ProviderKeys?
        var keysAt: Timestamp
    }

    /// For how long what a provider says is kept, in seconds.
    static let memory: Int64 = 600
    /// How soon its keys are read anew for a key that is not known, in seconds.
    static let rereading: Int64 = 5
    /// How many sign-ins are with providers at a time; one more is told to come again.
    static let most = 64
    /// The longest code that is passed on.
    static let longestCode = 4_096

    private let now: @Sendable () -> Timestamp
    private let timeout: Duration
    private var known: [String: Known] = [:]
    private var underWay = 0

    /// - Parameter timeout: how long a provider may take for one answer.
    public init(timeout: Duration = .seconds(10), now: @escaping @Sendable () -> Timestamp) {
        self.timeout = timeout
        self.now = now
    }

    /// Where a browser is sent so that its user signs in.
    ///
    /// - Parameter isFresh: whether the provider is to ask the user anew, whatever session he has there.
    public func authorizationURL(
        _ provider: OpenIDProvider, _ request: OpenIDRequest, isFresh: Bool
    ) async throws(OpenIDError) -> String {
        guard underWay < Self.most else { throw .unreachable("too many sign-ins are under way") }
        underWay += 1
        defer { underWay -= 1 }
        let metadata = try await metadata(of: provider)
        var query = [
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", request.redirectURI),
            ("scope", provider.scopes.joined(separator: " ")), ("state", request.state), ("nonce", request.nonce),
            ("code_challenge", Self.challenge(request.verifier)), ("code_challenge_method", "S256"),
        ]
        if isFresh { query += [("prompt", "login"), ("max_age", "0")] }
        let separator = metadata.authorizationEndpoint.contains("?") ? "&" : "?"
        return metadata.authorizationEndpoint + separator + FormText.encode(query)
    }

    /// Exchanges the code of an answer, and gives who has signed in.
    ///
    /// - Parameter issuer: the parameter `iss` of the answer (RFC 9207); nil where there was none.
    public func identify(
        _ provider: OpenIDProvider, _ request: OpenIDRequest, code: String, issuer: String?
    ) async throws(OpenIDError) -> VerifiedIdentity {
        guard underWay < Self.most else { throw .unreachable("too many sign-ins are under way") }
        underWay += 1
        defer { underWay -= 1 }
        let metadata = try await metadata(of: provider)
        try checkIssuer(issuer, provider, metadata)
        guard (1...Self.longestCode).contains(code.utf8.count) else { throw .untrusted("the code is none") }
        let token = try await exchange(provider, request, code, metadata)
        return try await verify(token, provider, request.nonce, metadata)
    }

    /// Checks the issuer that an answer names, also that of a refusal.
    public func check(issuer: String?, of provider: OpenIDProvider) async throws(OpenIDError) {
        try checkIssuer(issuer, provider, try await metadata(of: provider))
    }

    /// The hash that stands in the question for the secret (RFC 7636, section 4.2).
    static func challenge(_ verifier: String) -> String {
        Base64Text.encode(SHA256.hash(data: Array(verifier.utf8)))
    }

    // MARK: Parts

    private func checkIssuer(
        _ issuer: String?, _ provider: OpenIDProvider, _ metadata: ProviderMetadata
    ) throws(OpenIDError) {
        guard issuer ?? (metadata.namesIssuer == true ? "" : provider.issuer) == provider.issuer else {
            throw .untrusted("the answer is of another issuer")
        }
    }

    private struct Tokens: Decodable {
        let idToken: String?
        let error: String?

        enum CodingKeys: String, CodingKey {
            case error
            case idToken = "id_token"
        }
    }

    private func exchange(
        _ provider: OpenIDProvider, _ request: OpenIDRequest, _ code: String, _ metadata: ProviderMetadata
    ) async throws(OpenIDError) -> String {
        var form = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", request.redirectURI),
            ("code_verifier", request.verifier),
        ]
        var authorization: String?
        let methods = metadata.clientAuthentication ?? ["client_secret_basic"]
        if methods.contains("client_secret_basic") {
            let pair = FormText.escape(provider.clientID) + ":" + FormText.escape(provider.clientSecret)
            authorization = "Basic " + Data(pair.utf8).base64EncodedString()
        } else if methods.contains("client_secret_post") {
            form += [("client_id", provider.clientID), ("client_secret", provider.clientSecret)]
        } else {
            throw .metadata("it takes no client's secret")
        }
        let answer = try await http(provider).post(
            metadata.tokenEndpoint, form: FormText.encode(form), authorization: authorization)
        let tokens = try? JSONDecoder().decode(Tokens.self, from: answer.body)
        guard answer.status == 200 else {
            throw answer.status >= 500
                ? .unreachable("it answers \(answer.status)")
                : .refused(Self.word(tokens?.error) ?? "it answers \(answer.status)")
        }
        guard let token = tokens?.idToken else { throw .untrusted("there is no ID token in the answer") }
        return token
    }

    private func verify(
        _ token: String, _ provider: OpenIDProvider, _ nonce: String, _ metadata: ProviderMetadata
    ) async throws(OpenIDError) -> VerifiedIdentity {
        let (header, algorithm) = try IDToken.header(token)
        var keys = try await keys(of: provider, metadata, atLeast: nil)
        var claims = await IDToken.claims(of: token, keys: keys.candidates(algorithm, kid: header.kid))
        if claims == nil {
            // The provider may have other keys by now.
            keys = try await self.keys(of: provider, metadata, atLeast: now() + -Self.rereading)
            claims = await IDToken.claims(of: token, keys: keys.candidates(algorithm, kid: header.kid))
        }
        guard let claims else { throw .untrusted("no key of the provider has signed the ID token") }
        return try IDToken.check(claims, provider: provider, nonce: nonce, now: now())
    }

    private func http(_ provider: OpenIDProvider) -> ProviderHTTP {
        ProviderHTTP(timeout: timeout, trustedRoots: provider.trustedRoots)
    }

    private func place(_ provider: OpenIDProvider) -> String { provider.issuer + "\n" + (provider.trustedRoots ?? "") }

    private func metadata(of provider: OpenIDProvider) async throws(OpenIDError) -> ProviderMetadata {
        if let one = known[place(provider)], isFresh(one.metadataAt) { return one.metadata }
        let answer = try await http(provider).get(ProviderMetadata.url(of: provider.issuer))
        guard answer.status == 200 else { throw .unreachable("it answers \(answer.status) for its discovery document") }
        let metadata = try ProviderMetadata.read(answer.body, of: provider.issuer)
        // Records are few; those that were deleted are forgotten with the rest.
        if known.count >= 256 { known.removeAll() }
        known[place(provider)] = Known(metadata: metadata, metadataAt: now(), keys: nil, keysAt: now())
        return metadata
    }

    /// - Parameter time: when they have to have been read at the earliest; nil: as long as they are kept.
    private func keys(
        of provider: OpenIDProvider, _ metadata: ProviderMetadata, atLeast time: Timestamp?
    ) async throws(OpenIDError) -> ProviderKeys {
        if let one = known[place(provider)], let keys = one.keys, isFresh(one.keysAt),
            time.map({ one.keysAt > $0 }) ?? true
        {
            return keys
        }
        let answer = try await http(provider).get(metadata.keysURL)
        guard answer.status == 200 else { throw .unreachable("it answers \(answer.status) for its keys") }
        let keys = try ProviderKeys.read(answer.body)
        known[place(provider)]?.keys = keys
        known[place(provider)]?.keysAt = now()
        return keys
    }

    private func isFresh(_ time: Timestamp) -> Bool { time <= now() && now() - time < Self.memory }

    /// An error's word of a provider, if it is one (RFC 6749, section 5.2): letters that harm no log.
    public static func word(_ text: String?) -> String? {
        guard let text, (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || $0 == 0x5f })
        else { return nil }
        return text
    }
}
