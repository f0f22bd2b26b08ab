public import NetTypes

/// Since when and why a tenant is suspended.
public struct Suspension: Hashable, Sendable {
    public var at: Timestamp
    /// What the provider wrote, one line.
    public var reason: String

    public init(at: Timestamp, reason: String) {
        self.at = at
        self.reason = reason
    }
}

/// The platform's last statement about who is suspended, as it is stored; its certificate is made when it is told.
public struct SuspensionStatement: Hashable, Sendable {
    public var revision: UInt64
    /// The canonical bytes of the statement.
    public var body: [UInt8]
    /// The signature of the platform's policy key over them, DER.
    public var signature: [UInt8]

    public init(revision: UInt64, body: [UInt8], signature: [UInt8]) {
        self.revision = revision
        self.body = body
        self.signature = signature
    }
}

/// What a transaction can read for the life cycle of tenants.
public protocol LifeCycleReader {
    /// The last statement about who is suspended; nil where nobody ever was.
    func suspensions() throws(DirectoryError) -> SuspensionStatement?
    /// The names of the tenants that are suspended, in order.
    func suspendedTenants() throws(DirectoryError) -> [Name]
    /// How many accounts a tenant has.
    func userCount(of tenant: Name) throws(DirectoryError) -> Int64
    /// How many groups a tenant has.
    func groupCount(of tenant: Name) throws(DirectoryError) -> Int64
}

/// What a transaction can write for the life cycle of tenants.
public protocol LifeCycleTransaction: LifeCycleReader {
    /// Writes the statement in the place of the former one.
    func put(_ suspensions: SuspensionStatement) throws(DirectoryError)
}
