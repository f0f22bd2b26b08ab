public import NetTypes

/// What one of the provider's people asks a tenant for: access for a time. It gives nothing until an owner grants it, and
/// is over after a week.
public struct AccessRequest: Hashable, Sendable {
    /// What became of it.
    public enum Decision: Hashable, Sendable {
        /// An owner has granted it: this is the grant.
        case granted(AccountID)
        case declined
    }

    /// The number of the request.
    public let id: AccountID
    /// The tenant that is asked.
    public let tenant: Name
    /// Who asks; a grant is for him alone.
    public let requester: AccountID
    /// As what he wants to act; never as an owner.
    public let roles: Set<TenantRole>
    /// Whether he wants to open consoles of endpoints as well.
    public let includesConsoles: Bool
    /// For how many seconds.
    public let lifetime: Int64
    /// Why, in his words.
    public let reason: DisplayName
    /// When it was made.
    public let createdAt: Timestamp
    /// When it was decided, and how.
    public var decidedAt: Timestamp?
    public var decision: Decision?

    /// How long one waits for an answer, in seconds: a week.
    public static let patience: Int64 = 7 * 86_400
    /// The most that wait for an answer of one tenant.
    public static let most = 50

    /// Nil for a request of no role, of an owner's, of no time or of too long a time.
    public init?(
        id: AccountID, tenant: Name, requester: AccountID, roles: Set<TenantRole>, includesConsoles: Bool,
        lifetime: Int64, reason: DisplayName, createdAt: Timestamp, decidedAt: Timestamp? = nil,
        decision: Decision? = nil
    ) {
        guard !roles.isEmpty, !roles.contains(.owner), (1...AccessGrant.longest).contains(lifetime) else { return nil }
        self.id = id
        self.tenant = tenant
        self.requester = requester
        self.roles = roles
        self.includesConsoles = includesConsoles
        self.lifetime = lifetime
        self.reason = reason
        self.createdAt = createdAt
        self.decidedAt = decidedAt
        self.decision = decision
    }

    /// The first second in which it is over.
    public var expiresAt: Timestamp { createdAt + Self.patience }

    /// Whether it waits for an answer.
    public func waits(at now: Timestamp) -> Bool { decision == nil && now < expiresAt }
}
