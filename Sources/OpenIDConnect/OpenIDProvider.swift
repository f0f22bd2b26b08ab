import NIOSSL

/// What a client knows of a provider of identities, and by what the provider knows the client.
public struct OpenIDProvider: Sendable {
    /// The claim of an ID token by which a person is recognised. Both are given by the provider once and never to another
    /// person; names and e-mail addresses are not, so they are no claims to recognise anybody by.
    public enum SubjectClaim: String, Hashable, Sendable, CaseIterable {
        /// What every provider gives (OpenID Connect Core 1.0, section 2).
        case sub
        /// The number of a person in a directory of Microsoft Entra, the same for every client.
        case oid
    }

    /// The issuer, an `https` URL, exactly as the provider writes it.
    public var issuer: String
    /// The name by which the provider knows the client.
    public var clientID: String
    /// What the client shows the provider. Secret.
    public var clientSecret: String
    /// The scopes that are asked for; `openid` is among them.
    public var scopes: [String]
    /// The claim by which a person is recognised.
    public var subjectClaim: SubjectClaim
    /// Certificates in PEM against which the provider's is checked, in place of those that the system trusts.
    public var trustedRoots: String?

    /// The longest text of certificates that is read, in bytes.
    public static let longestRoots = 64 << 10

    /// Whether a text has certificates that can be trusted.
    public static func areRoots(_ text: String) -> Bool {
        text.utf8.count <= longestRoots && (try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))?.isEmpty == false
    }

    public init(
        issuer: String, clientID: String, clientSecret: String, scopes: [String], subjectClaim: SubjectClaim,
        trustedRoots: String?
    ) {
        self.issuer = issuer
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.scopes = scopes
        self.subjectClaim = subjectClaim
        self.trustedRoots = trustedRoots
    }
}

extension OpenIDProvider: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(issuer) (\(clientID))" }
    /// A mirror without the secret.
    public var customMirror: Mirror { Mirror(self, children: ["issuer": issuer, "clientID": clientID]) }
}

/// Why a provider could not be asked, or its answer was not taken.
public enum OpenIDError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not answer, or not in time, or not by a certificate that is trusted.
    case unreachable(String)
    /// What it says of itself cannot be used.
    case metadata(String)
    /// It refused the code, or the client.
    case refused(String)
    /// The answer or its ID token is not what was asked for.
    case untrusted(String)

    public var description: String {
        switch self {
        case .unreachable(let detail): "the provider does not answer: \(detail)"
        case .metadata(let detail): "what the provider says of itself cannot be used: \(detail)"
        case .refused(let detail): "the provider refused: \(detail)"
        case .untrusted(let detail): "the provider's answer is not to be trusted: \(detail)"
        }
    }
}
