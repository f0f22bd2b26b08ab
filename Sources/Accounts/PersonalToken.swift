import Crypto
public import NetTypes

/// A secret of 256 random bits that a browser or a program presents. No description shows it.
public struct BearerSecret: Hashable, Sendable {
    let octets: [UInt8]

    /// Draws a secret.
    public init(random: (Int) -> [UInt8]) {
        octets = random(32)
        precondition(octets.count == 32, "the source of randomness gives as many octets as asked for")
    }

    /// Takes 32 octets.
    init?(octets: [UInt8]) {
        guard octets.count == 32 else { return nil }
        self.octets = octets
    }

    /// SHA-256 of the secret, for the store to keep and look up; with 256 random bits no slower hash is needed.
    public var hash: [UInt8] { Array(SHA256.hash(data: octets)) }
}

extension BearerSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "BearerSecret" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A personal API token as it is kept: all but its secret.
public struct PersonalToken: Hashable, Sendable {
    /// The number of the token.
    public let id: AccountID
    /// The account in whose name it acts.
    public let user: AccountID
    /// What its owner calls it.
    public let label: DisplayName
    /// SHA-256 of its secret.
    public let secretHash: [UInt8]
    /// What it can do at most.
    public let scopes: Set<TokenScope>
    /// When it was made.
    public let createdAt: Timestamp
    /// The first second in which it is no longer good.
    public let expiresAt: Timestamp
    /// When it was used last, to ``Session/touchInterval``; nil before the first time.
    public var lastUsedAt: Timestamp?

    /// The longest life, in seconds: a year.
    public static let longest: Int64 = 366 * 86_400
    /// The most tokens of one account.
    public static let most = 50
    /// What the text begins with, so that it is found where it should not be.
    public static let prefix = "pbp_"

    /// Why a token cannot be made.
    public enum Refusal: Error, Hashable, Sendable {
        /// It has no scope.
        case noScope
        /// Its user's roles allow nothing of these scopes.
        case scopes(Set<TokenScope>)
        /// It would expire before it begins, or too late.
        case lifetime
    }

    /// Takes one from the store.
    public init(
        id: AccountID, user: AccountID, label: DisplayName, secretHash: [UInt8], scopes: Set<TokenScope>,
        createdAt: Timestamp, expiresAt: Timestamp, lastUsedAt: Timestamp?
    ) {
        self.id = id
        self.user = user
        self.label = label
        self.secretHash = secretHash
        self.scopes = scopes
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
    }

    /// Makes a token for a user, and the text that is shown once.
    public static func make(
        for user: User, label: DisplayName, scopes: Set<TokenScope>, lifetime: Int64, at now: Timestamp,
        random: (Int) -> [UInt8]
    ) throws(Refusal) -> (token: PersonalToken, text: String) {
        guard !scopes.isEmpty else { throw .noScope }
        let beyond = scopes.subtracting(Accounts.scopes(of: user.home))
        guard beyond.isEmpty else { throw .scopes(beyond) }
        guard (1...longest).contains(lifetime) else { throw .lifetime }
        let secret = BearerSecret(random: random)
        let token = PersonalToken(
            id: AccountID(random: random), user: user.id, label: label, secretHash: secret.hash, scopes: scopes,
            createdAt: now, expiresAt: now + lifetime, lastUsedAt: nil)
        return (token, text(of: secret))
    }

    /// The secret in a text; nil for a text that is no token. Whether it is anybody's token the store knows.
    public static func secret(in text: some StringProtocol) -> BearerSecret? {
        guard text.utf8.count == 52, text.hasPrefix(prefix), let octets = Base64URL.decode(text.dropFirst(4)),
            octets.count == 36, let secret = BearerSecret(octets: Array(octets.prefix(32))),
            Array(octets.suffix(4)) == Array(secret.hash.prefix(4))
        else { return nil }
        return secret
    }

    /// `pbp_` and base64url of the secret and the first 4 octets of its SHA-256, which tells a mistyped from a wrong one.
    private static func text(of secret: BearerSecret) -> String {
        prefix + Base64URL.encode(secret.octets + secret.hash.prefix(4))
    }

    /// The principal that presents it; nil when it has expired or its user may not sign in.
    public func principal(of user: User, grants: [AccessGrant] = [], at now: Timestamp) -> Principal? {
        guard user.id == self.user, user.state == .active, createdAt <= now, now < expiresAt else { return nil }
        return Principal(.user(user.id, user.home), by: .token(id, scopes), grants: grants)
    }
}
