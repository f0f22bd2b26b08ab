import Crypto
public import NetTypes

/// Somebody with an account.
public struct User: Hashable, Sendable {
    /// Whether the account may be used.
    public enum State: String, Hashable, Sendable {
        case active
        /// Nobody signs in, no token works; nothing else is lost.
        case disabled
    }

    /// The second factor by one-time codes.
    public struct OneTimeCodes: Hashable, Sendable {
        /// The secret, sealed by ``SecretBox`` for the purpose ``purpose``.
        public var sealedSecret: [UInt8]
        /// The step of the last code that was taken.
        public var lastUsed: UInt64?

        /// What the secret is sealed for.
        public static let purpose = "totp"

        public init(sealedSecret: [UInt8], lastUsed: UInt64? = nil) {
            self.sealedSecret = sealedSecret
            self.lastUsed = lastUsed
        }
    }

    /// A link by which a user sets a password: an invitation, or after a lost one. Good once.
    public struct Setup: Hashable, Sendable {
        /// SHA-256 of its secret.
        public let secretHash: [UInt8]
        /// The first second in which it is no longer good.
        public let expiresAt: Timestamp

        /// How long one is good, in seconds: a day.
        public static let lifetime: Int64 = 86_400

        public init(secretHash: [UInt8], expiresAt: Timestamp) {
            self.secretHash = secretHash
            self.expiresAt = expiresAt
        }
    }

    /// The number of the account; never that of another, whatever the name.
    public let id: AccountID
    /// The name for the sign-in; its tenant is that of ``home``.
    public let name: AccountName
    /// The name that is shown.
    public var displayName: DisplayName
    /// The roles.
    public private(set) var home: Home
    /// Whether the account may be used.
    public private(set) var state: State
    /// The hash of the password; nil before one is set.
    public private(set) var password: PasswordHash?
    /// The second factor, which a code has confirmed; nil without one.
    public private(set) var oneTimeCodes: OneTimeCodes?
    /// A second factor that was begun and not confirmed yet.
    public private(set) var pendingCodes: OneTimeCodes?
    /// The hashes of the recovery codes that are left.
    public private(set) var recoveryHashes: [[UInt8]]
    /// How many passkeys the account has; the store counts them.
    public private(set) var passkeyCount: Int
    /// The link that is out, if one is.
    public private(set) var setup: Setup?
    /// When the account was made.
    public let createdAt: Timestamp
    /// Grows with every change of password, second factor or state: sessions of a former number are over.
    public private(set) var credentialEpoch: UInt64
    /// Grows with every change of roles: sessions of a former number get a new secret.
    public private(set) var rightsEpoch: UInt64
    /// Grows with every change: the entity tag.
    public private(set) var version: UInt64

    /// Takes one from the store; nil when name and home are not of the same tenant.
    public init?(
        id: AccountID, name: AccountName, displayName: DisplayName, home: Home, state: State = .active,
        password: PasswordHash? = nil, oneTimeCodes: OneTimeCodes? = nil, pendingCodes: OneTimeCodes? = nil,
        recoveryHashes: [[UInt8]] = [], passkeyCount: Int = 0, setup: Setup? = nil, createdAt: Timestamp,
        credentialEpoch: UInt64 = 1, rightsEpoch: UInt64 = 1, version: UInt64 = 1
    ) {
        guard name.tenant == home.tenant, Self.hasRole(home) else { return nil }
        self.id = id
        self.name = name
        self.displayName = displayName
        self.home = home
        self.state = state
        self.password = password
        self.oneTimeCodes = oneTimeCodes
        self.pendingCodes = pendingCodes
        self.recoveryHashes = recoveryHashes
        self.passkeyCount = passkeyCount
        self.setup = setup
        self.createdAt = createdAt
        self.credentialEpoch = credentialEpoch
        self.rightsEpoch = rightsEpoch
        self.version = version
    }

    private static func hasRole(_ home: Home) -> Bool {
        if case .provider(let roles) = home { !roles.isEmpty } else { true }
    }

    /// Whether a second factor is asked for.
    public var hasSecondFactor: Bool { oneTimeCodes != nil || passkeyCount > 0 }

    // MARK: Changes. Each is one step of the account's version; the caller stores it in one transaction.

    /// Gives other roles in the same tenant, or of the provider. False, and nothing done, for another tenant's or none.
    public mutating func change(home new: Home) -> Bool {
        guard new.tenant == home.tenant, Self.hasRole(new) else { return false }
        if new != home { rightsEpoch += 1 }
        home = new
        version += 1
        return true
    }

    /// Disables or enables the account. All of its sessions are over.
    public mutating func change(state new: State) {
        guard new != state else { return }
        state = new
        credentialEpoch += 1
        version += 1
    }

    /// Sets a new password. All sessions are over, and a link that is out no longer works.
    public mutating func set(password hash: PasswordHash) {
        password = hash
        setup = nil
        credentialEpoch += 1
        version += 1
    }

    /// Keeps the same password with a stronger hash. Sessions stay.
    public mutating func rehash(_ hash: PasswordHash) {
        password = hash
        version += 1
    }

    /// Makes a link by which a password can be set, in place of a former one. The password that there is stays until then.
    public mutating func makeSetup(at now: Timestamp, random: (Int) -> [UInt8]) -> BearerSecret {
        let secret = BearerSecret(random: random)
        setup = Setup(secretHash: secret.hash, expiresAt: now + Setup.lifetime)
        version += 1
        return secret
    }

    /// Whether a link's secret is good for this account.
    public func accepts(setup secret: BearerSecret, at now: Timestamp) -> Bool {
        guard state == .active, let setup, now < setup.expiresAt else { return false }
        return isEqualInConstantTime(setup.secretHash, secret.hash)
    }

    /// Begins to enrol a second factor with a new secret, and gives the secret to show; one that is confirmed stays until
    /// a code confirms the new one. Nil when it cannot be sealed.
    public mutating func beginOneTimeCodes(box: SecretBox, random: (Int) -> [UInt8]) -> [UInt8]? {
        let secret = random(TOTP.secretLength)
        guard let sealed = box.seal(secret, of: id, purpose: OneTimeCodes.purpose, random: random) else { return nil }
        pendingCodes = OneTimeCodes(sealedSecret: sealed)
        version += 1
        return secret
    }

    /// Confirms the second factor that was begun by a code from it, and gives recovery codes, which are shown once. Nil for
    /// a wrong code. All sessions are over; the caller begins another for the one who confirmed.
    public mutating func confirmOneTimeCodes(
        _ code: String, box: SecretBox, at now: Timestamp, random: (Int) -> [UInt8]
    ) -> [String]? {
        guard let pending = pendingCodes,
            let secret = box.open(pending.sealedSecret, of: id, purpose: OneTimeCodes.purpose),
            let used = TOTP.accept(code, secret: secret, lastUsed: nil, at: now)
        else { return nil }
        oneTimeCodes = OneTimeCodes(sealedSecret: pending.sealedSecret, lastUsed: used)
        pendingCodes = nil
        credentialEpoch += 1
        return renewRecoveryCodes(random: random)
    }

    /// Gives new recovery codes in place of all former ones.
    public mutating func renewRecoveryCodes(random: (Int) -> [UInt8]) -> [String] {
        let made = RecoveryCodes.make(random: random)
        recoveryHashes = made.hashes
        version += 1
        return made.codes
    }

    /// Takes the second factor away. All sessions are over.
    public mutating func removeSecondFactor() {
        guard oneTimeCodes != nil || pendingCodes != nil || !recoveryHashes.isEmpty else { return }
        oneTimeCodes = nil
        pendingCodes = nil
        recoveryHashes = []
        credentialEpoch += 1
        version += 1
    }

    /// Notes that there are more or fewer passkeys now. All sessions are over; the caller begins another for who did it.
    public mutating func change(passkeyCount count: Int) {
        passkeyCount = count
        credentialEpoch += 1
        version += 1
    }

    /// Which second factor was taken.
    public enum SecondFactor: Hashable, Sendable {
        case oneTimeCode
        /// A recovery code; so many are left.
        case recoveryCode(left: Int)
    }

    /// Takes a one-time code or a recovery code, so that it is never taken again; nil for a wrong or used one. The caller
    /// stores the account in the transaction in which it lets in.
    public mutating func accept(secondFactor code: String, box: SecretBox, at now: Timestamp) -> SecondFactor? {
        guard let codes = oneTimeCodes else { return nil }
        if let secret = box.open(codes.sealedSecret, of: id, purpose: OneTimeCodes.purpose),
            let used = TOTP.accept(code, secret: secret, lastUsed: codes.lastUsed, at: now)
        {
            oneTimeCodes?.lastUsed = used
            version += 1
            return .oneTimeCode
        }
        guard let left = RecoveryCodes.use(code, of: recoveryHashes) else { return nil }
        recoveryHashes = left
        version += 1
        return .recoveryCode(left: left.count)
    }
}

extension User: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(name) (\(id))" }
    /// A mirror without hashes and sealed secrets.
    public var customMirror: Mirror { Mirror(self, children: ["id": id, "name": name, "state": state]) }
}
