public import NetTypes

/// A machine that runs endpoints, and the agent on it: its leaf.
public struct LeafHost: Hashable, Sendable {
    /// The name, unique on the platform.
    public var name: Name
    /// The permanent number of its leaf.
    public var id: LeafID
    /// When the leaf was enrolled; nil while it is pending.
    public var enrolledAt: Timestamp?
    /// Where the leaf receives, as it said itself when it last attached, preferred first.
    public var locators: [IPAddress]
    /// The TCP port of its Wires service; 0 before it attached.
    public var plugPort: UInt16
    /// When it was created.
    public var createdAt: Timestamp

    public init(
        name: Name, id: LeafID, enrolledAt: Timestamp?, locators: [IPAddress], plugPort: UInt16,
        createdAt: Timestamp
    ) {
        self.name = name
        self.id = id
        self.enrolledAt = enrolledAt
        self.locators = locators
        self.plugPort = plugPort
        self.createdAt = createdAt
    }

    /// Whether the leaf has its certificate.
    public var isEnrolled: Bool { enrolledAt != nil }
}

/// The permission to enrol one leaf, once, until it expires. The secret itself is not kept.
public struct JoinGrant: Hashable, Sendable {
    /// For how many seconds after its expiry a grant is remembered, so that a late host is told what is wrong.
    public static let memory: Int64 = 86_400

    /// SHA-256 of the token's secret.
    public var secretHash: [UInt8]
    /// The host it enrols.
    public var host: Name
    /// When it ceases to be good.
    public var expiresAt: Timestamp
    /// When it was used; nil if it was not.
    public var usedAt: Timestamp?

    public init(secretHash: [UInt8], host: Name, expiresAt: Timestamp, usedAt: Timestamp?) {
        self.secretHash = secretHash
        self.host = host
        self.expiresAt = expiresAt
        self.usedAt = usedAt
    }
}
