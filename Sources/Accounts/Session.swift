import Crypto
public import NetTypes

/// A browser's session as it is kept: all but its secret.
///
/// The secret is a random 256-bit number in a cookie (`__Host-`, Secure, HttpOnly, SameSite). It is new at every sign-in,
/// after the second factor, and after a change of the user's rights. The token against forged requests is derived from it.
public struct Session: Hashable, Sendable {
    /// How far the sign-in has come.
    public enum Stage: String, Hashable, Sendable {
        /// The password was right, the second factor is to come. It may do nothing else.
        case secondFactor = "second-factor"
        /// All was right.
        case complete
    }

    /// The number of the session, by which it is listed and ended.
    public let id: AccountID
    /// Whose it is.
    public let user: AccountID
    /// SHA-256 of its secret.
    public var secretHash: [UInt8]
    /// SHA-256 of the secret before the last renewal, which is good for ``overlap`` more: requests overtake each other.
    public var formerHash: [UInt8]?
    /// When the secret was renewed last.
    public var renewedAt: Timestamp
    /// How far the sign-in has come.
    public var stage: Stage
    /// When it was begun.
    public let createdAt: Timestamp
    /// When the user last proved who he is: at the sign-in, or again since.
    public var signedInAt: Timestamp
    /// When it was used last, to ``touchInterval``.
    public var lastSeenAt: Timestamp
    /// From where it was begun.
    public let source: String
    /// What the browser calls itself, cut and cleaned.
    public let agent: String
    /// The user's ``User/credentialEpoch`` at its beginning.
    public private(set) var credentialEpoch: UInt64
    /// The user's ``User/rightsEpoch`` when its secret was drawn.
    public var rightsEpoch: UInt64
    /// The provider of identities by whose word it began; it ends with that. Nil for a password or a passkey.
    public let provider: AccountID?

    /// After how long without a request it ends, in seconds: half an hour.
    public static let idle: Int64 = 1_800
    /// How long it lasts at most: twelve hours.
    public static let longest: Int64 = 43_200
    /// How long the second factor may take: five minutes.
    public static let secondFactorTime: Int64 = 300
    /// How long after a sign-in the most sensitive actions are possible: ten minutes.
    public static let freshness: Int64 = 600
    /// How long a secret that was renewed is still taken.
    public static let overlap: Int64 = 10
    /// How exactly ``lastSeenAt`` is kept, so that reading does not write each time.
    public static let touchInterval: Int64 = 60
    /// The most sessions of one account; one more ends the one that was used longest ago.
    public static let most = 20

    /// Takes one from the store.
    public init(
        id: AccountID, user: AccountID, secretHash: [UInt8], formerHash: [UInt8]?, renewedAt: Timestamp, stage: Stage,
        createdAt: Timestamp, signedInAt: Timestamp, lastSeenAt: Timestamp, source: String, agent: String,
        credentialEpoch: UInt64, rightsEpoch: UInt64, provider: AccountID? = nil
    ) {
        self.id = id
        self.user = user
        self.secretHash = secretHash
        self.formerHash = formerHash
        self.renewedAt = renewedAt
        self.stage = stage
        self.createdAt = createdAt
        self.signedInAt = signedInAt
        self.lastSeenAt = lastSeenAt
        self.source = source
        self.agent = agent
        self.credentialEpoch = credentialEpoch
        self.rightsEpoch = rightsEpoch
        self.provider = provider
    }

    /// Begins a session for a user whose password was right, who has shown a passkey, or whom a provider of identities has
    /// named, and the secret for the cookie. The session that the browser had before is to be ended: no secret from before
    /// the sign-in lives on.
    ///
    /// - Parameters:
    ///   - isComplete: whether no second factor is to come, though the account has one: the first proof was of two, or the
    ///     provider has asked for one.
    ///   - provider: the provider of identities that has named the user.
    public static func begin(
        for user: User, isComplete: Bool = false, provider: AccountID? = nil, source: SourceNetwork, agent: String,
        at now: Timestamp,
        random: (Int) -> [UInt8]
    ) -> (session: Session, secret: BearerSecret) {
        let secret = BearerSecret(random: random)
        let session = Session(
            id: AccountID(random: random), user: user.id, secretHash: secret.hash, formerHash: nil, renewedAt: now,
            stage: user.hasSecondFactor && !isComplete ? .secondFactor : .complete, createdAt: now, signedInAt: now,
            lastSeenAt: now, source: source.description, agent: clean(agent), credentialEpoch: user.credentialEpoch,
            rightsEpoch: user.rightsEpoch, provider: provider)
        return (session, secret)
    }

    /// What becomes of a session at a request.
    public enum Check: Hashable, Sendable {
        /// It lives. When `touch`, ``lastSeenAt`` is to be stored.
        case alive(touch: Bool)
        /// It lives, but the user's rights have changed: ``renew(for:at:random:)`` it.
        case renew
        /// It is over: to be deleted.
        case ended(End)
    }

    /// Why a session is over.
    public enum End: Hashable, Sendable {
        case idle, tooOld
        /// The user is gone, disabled, or has a new password or second factor.
        case credentialsChanged
        /// The secret is one that was renewed a while ago.
        case oldSecret
    }

    /// Looks at a session that was found by the hash of a secret.
    public func check(_ user: User?, presented hash: [UInt8], at now: Timestamp) -> Check {
        guard let user, user.id == self.user, user.state == .active, user.credentialEpoch == credentialEpoch else {
            return .ended(.credentialsChanged)
        }
        guard createdAt <= now, now - createdAt < (stage == .complete ? Self.longest : Self.secondFactorTime) else {
            return .ended(.tooOld)
        }
        guard now - lastSeenAt < Self.idle else { return .ended(.idle) }
        if !isEqualInConstantTime(hash, secretHash) {
            // The caller looked it up by either hash.
            guard let formerHash, isEqualInConstantTime(hash, formerHash), now - renewedAt < Self.overlap else {
                return .ended(.oldSecret)
            }
            return .alive(touch: false)
        }
        if user.rightsEpoch != rightsEpoch { return .renew }
        return .alive(touch: now - lastSeenAt >= Self.touchInterval)
    }

    /// Notes a request.
    public mutating func touch(at now: Timestamp) { lastSeenAt = max(lastSeenAt, now) }

    /// Draws a new secret, after a change of rights.
    public mutating func renew(for user: User, at now: Timestamp, random: (Int) -> [UInt8]) -> BearerSecret {
        let secret = BearerSecret(random: random)
        formerHash = secretHash
        secretHash = secret.hash
        renewedAt = now
        rightsEpoch = user.rightsEpoch
        touch(at: now)
        return secret
    }

    /// Completes the sign-in after the second factor, or notes that the user proved who he is once more. The former
    /// secret is no longer good.
    public mutating func complete(for user: User, at now: Timestamp, random: (Int) -> [UInt8]) -> BearerSecret {
        let secret = renew(for: user, at: now, random: random)
        formerHash = nil
        stage = .complete
        signedInAt = now
        // After a new password of his own the session that changed it goes on.
        credentialEpoch = user.credentialEpoch
        return secret
    }

    /// The principal of a session that lives; nil as long as the second factor is to come.
    public func principal(of user: User, grants: [AccessGrant] = []) -> Principal? {
        guard stage == .complete, user.id == self.user else { return nil }
        return Principal(.user(user.id, user.home), by: .session(id, signedInAt: signedInAt), grants: grants)
    }

    /// At most 120 visible ASCII characters.
    private static func clean(_ agent: String) -> String {
        String(decoding: agent.utf8.prefix(120).map { (0x20...0x7e).contains($0) ? $0 : 0x3f }, as: UTF8.self)
    }
}

extension BearerSecret {
    /// The value of a session's cookie: base64url. Secret.
    public var cookie: String { Base64URL.encode(octets) }

    /// Reads a cookie's value.
    public init?(cookie text: some StringProtocol) {
        guard text.utf8.count == 43, let octets = Base64URL.decode(text) else { return nil }
        self.init(octets: octets)
    }

    /// The token that a page sends with each change, so that no other page can have it sent. It follows from the session's
    /// secret and from nothing else, so it needs no store and ends with the secret. It does not show the secret.
    public var csrfToken: String {
        Base64URL.encode(
            HMAC<SHA256>.authenticationCode(for: Array("patchbay-csrf".utf8), using: SymmetricKey(data: octets)))
    }

    /// Whether a request's token is the session's; in constant time.
    public func isCSRFToken(_ text: String) -> Bool {
        isEqualInConstantTime(Array(text.utf8.prefix(64)), Array(csrfToken.utf8))
    }
}
