import Foundation
public import NetTypes

/// A provider of identities (OpenID Connect) by which people sign in: a record that the platform's operator makes, for
/// nobody else has the controller ask a URL.
public struct IdentityProvider: Hashable, Sendable {
    /// All that may be changed, but the secret.
    public struct Settings: Hashable, Sendable {
        /// The name that is shown on the button.
        public var displayName: DisplayName
        /// The tenant whose people alone may use it; nil for everybody, the provider's own people too.
        public var tenant: Name?
        /// The issuer, an `https` URL.
        public var issuer: String
        /// The name by which it knows this platform.
        public var clientID: String
        /// The scopes that are asked for, `openid` first.
        public var scopes: [String]
        /// The claim by which a person is recognised: `sub`, or `oid` of Microsoft Entra.
        public var subjectClaim: String
        /// Whether it asks for a second factor itself, so that none of Patchbay's is asked for.
        public var isMultiFactor: Bool
        /// Whether its button is on the public page for signing in; else there is a link to it.
        public var isListed: Bool
        /// Certificates in PEM against which its own is checked; nil: those that the system trusts.
        public var trustedRoots: String?
        /// Whether anybody may sign in by it. What is linked to it stays where not.
        public var isEnabled: Bool

        public init(
            displayName: DisplayName, tenant: Name?, issuer: String, clientID: String, scopes: [String],
            subjectClaim: String, isMultiFactor: Bool, isListed: Bool, trustedRoots: String?,
            isEnabled: Bool = true
        ) {
            self.displayName = displayName
            self.tenant = tenant
            self.issuer = issuer
            self.clientID = clientID
            self.scopes = scopes
            self.subjectClaim = subjectClaim
            self.isMultiFactor = isMultiFactor
            self.isListed = isListed
            self.trustedRoots = trustedRoots
            self.isEnabled = isEnabled
        }
    }

    /// Its number, by which a browser names it. It is not secret, but cannot be guessed.
    public let id: AccountID
    /// Its name, one of the platform's.
    public let name: Name
    public private(set) var settings: Settings
    /// The client's secret, sealed by ``SecretBox`` for the purpose ``secretPurpose``.
    public private(set) var sealedSecret: [UInt8]
    public let createdAt: Timestamp
    /// Grows with every change.
    public private(set) var version: UInt64

    /// What the client's secret is sealed for.
    public static let secretPurpose = "identity-provider"
    /// The longest secret, in bytes.
    public static let longestSecret = 1_024
    /// The most records of a platform.
    public static let most = 1_000

    /// Takes one from the store, or makes one.
    public init(
        id: AccountID, name: Name, settings: Settings, sealedSecret: [UInt8], createdAt: Timestamp, version: UInt64 = 1
    ) {
        self.id = id
        self.name = name
        self.settings = settings
        self.sealedSecret = sealedSecret
        self.createdAt = createdAt
        self.version = version
    }

    /// Changes it.
    ///
    /// - Parameter sealed: another secret; nil: the same as before.
    public mutating func change(_ settings: Settings, sealedSecret sealed: [UInt8]?) {
        self.settings = settings
        if let sealed { sealedSecret = sealed }
        version += 1
    }

    /// Whether somebody of a tenant, or of the provider where there is none, may use it.
    public func serves(_ tenant: Name?) -> Bool {
        settings.isEnabled && (settings.tenant == nil || settings.tenant == tenant)
    }

    /// Whether a text can be an issuer: an absolute `https` URL of 255 characters at most, without user, query and fragment
    /// (OpenID Connect Discovery 1.0, section 2).
    public static func isIssuer(_ text: String) -> Bool {
        guard text.utf8.count <= 255, text.hasPrefix("https://"), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            let url = URLComponents(string: text)
        else { return false }
        return url.host?.isEmpty == false && url.user == nil && url.password == nil && url.query == nil
            && url.fragment == nil
    }

    /// Whether a text can be a scope (RFC 6749, section 3.3).
    public static func isScope(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
    }
}

extension IdentityProvider: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(name) (\(settings.issuer))" }
    /// A mirror without the sealed secret.
    public var customMirror: Mirror { Mirror(self, children: ["id": id, "name": name, "settings": settings]) }
}

/// That an account is somebody whom a provider knows: made by its user while he is signed in, or expected by who manages the
/// accounts. Nothing else, such as an e-mail address, ever makes one.
public struct LinkedIdentity: Hashable, Sendable {
    public let id: AccountID
    /// Whose account it is.
    public let user: AccountID
    public let provider: AccountID
    /// What the provider calls its user, for good.
    public let subject: String
    /// Whether it was set by somebody else than the account's user.
    public let isExpected: Bool
    public let createdAt: Timestamp
    /// When somebody last signed in by it.
    public var lastUsedAt: Timestamp?

    /// The most of one account.
    public static let most = 10

    public init(
        id: AccountID, user: AccountID, provider: AccountID, subject: String, isExpected: Bool, createdAt: Timestamp,
        lastUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.user = user
        self.provider = provider
        self.subject = subject
        self.isExpected = isExpected
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }

    /// Whether a text can be a subject: 1 to 255 visible ASCII characters (OpenID Connect Core 1.0, section 2).
    public static func isSubject(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
