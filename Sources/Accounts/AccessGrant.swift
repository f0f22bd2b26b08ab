public import NetTypes

/// The time-limited access that a tenant's owner gives to the provider's people.
///
/// It is the only way in which the provider sees a tenant's contents. It ends by itself, can be revoked at any time, and
/// each use of it belongs into the tenant's audit. Granted are the actions of tenant roles, never those of an owner.
public struct AccessGrant: Hashable, Sendable {
    /// The number of the grant.
    public let id: AccountID
    /// The tenant that grants.
    public let tenant: Name
    /// Who granted it.
    public let grantedBy: AccountID
    /// The one of the provider's people who may use it; nil for every operator. Auditors are named.
    public let grantee: AccountID?
    /// As what the grantee may act; never as an owner.
    public let roles: Set<TenantRole>
    /// Whether consoles of endpoints may be opened as well.
    public let includesConsoles: Bool
    /// Why, in the words of who granted it.
    public let reason: DisplayName
    /// From when it holds.
    public let from: Timestamp
    /// The first second in which it no longer holds.
    public let until: Timestamp
    /// When it was revoked, if it was.
    public var revokedAt: Timestamp?

    /// The longest time of one grant, in seconds: seven days.
    public static let longest: Int64 = 7 * 86_400

    /// Nil for a grant of no role, of an owner's, of no time or of too long a time.
    public init?(
        id: AccountID, tenant: Name, grantedBy: AccountID, grantee: AccountID?, roles: Set<TenantRole>,
        includesConsoles: Bool = false, reason: DisplayName, from: Timestamp, until: Timestamp,
        revokedAt: Timestamp? = nil
    ) {
        guard !roles.isEmpty, !roles.contains(.owner), from < until, until - from <= Self.longest else { return nil }
        self.id = id
        self.tenant = tenant
        self.grantedBy = grantedBy
        self.grantee = grantee
        self.roles = roles
        self.includesConsoles = includesConsoles
        self.reason = reason
        self.from = from
        self.until = until
        self.revokedAt = revokedAt
    }

    /// Whether it holds at a time.
    public func holds(at now: Timestamp) -> Bool { from <= now && now < until && revokedAt.map { now < $0 } ?? true }
}
