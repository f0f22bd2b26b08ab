public import NetTypes

/// A passkey of an account: a credential of WebAuthn. Only its public half is here.
public struct Passkey: Hashable, Sendable {
    /// The number by which it is listed and removed.
    public let id: AccountID
    /// Whose it is.
    public let user: AccountID
    /// What its user calls it.
    public var label: DisplayName
    /// The credential's id, which the authenticator gave it; unique among all accounts.
    public let credential: [UInt8]
    /// The public key, encoded as COSE has it.
    public let publicKey: [UInt8]
    /// How often the authenticator has signed, by its own count; 0 where it does not count.
    public var counter: UInt32
    /// Whether the authenticator may copy it to other devices.
    public let isBackupEligible: Bool
    /// Whether it is copied to other devices.
    public var isBackedUp: Bool
    /// How the browser reaches the authenticator, such as `internal` or `usb`; hints, sorted.
    public let transports: [String]
    /// When it was added.
    public let createdAt: Timestamp
    /// When somebody signed in with it last.
    public var lastUsedAt: Timestamp?

    /// The most of one account.
    public static let most = 20
    /// How browsers name the ways to an authenticator (WebAuthn, section 5.8.4).
    public static let knownTransports: Set<String> = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"]

    /// Puts the parts together. Ways that are not known are left out: they are hints.
    public init(
        id: AccountID, user: AccountID, label: DisplayName, credential: [UInt8], publicKey: [UInt8], counter: UInt32,
        isBackupEligible: Bool, isBackedUp: Bool, transports: some Sequence<String>, createdAt: Timestamp,
        lastUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.user = user
        self.label = label
        self.credential = credential
        self.publicKey = publicKey
        self.counter = counter
        self.isBackupEligible = isBackupEligible
        self.isBackedUp = isBackedUp
        self.transports = Self.knownTransports.intersection(transports).sorted()
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }
}
