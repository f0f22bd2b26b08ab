public import NetTypes

/// A layer-2 segment of a tenant, with a private IPv4 prefix. Prefixes of one tenant do not overlap; those of
/// different tenants may.
public struct VNet: Hashable, Sendable {
    /// The permanent 128-bit number, unique on the platform.
    public var id: VNetID
    /// The name, unique in the tenant.
    public var name: TenantName
    /// The prefix from which the endpoints have their private addresses.
    public var prefix: IPv4Prefix
    /// When it was created.
    public var createdAt: Timestamp
    /// Where the search for a free address begins. It runs round the prefix, so that an address that was given
    /// back is not at once another endpoint's.
    public var nextAddress: IPv4Address
    /// How many endpoints it has.
    public var endpointCount: UInt32

    public init(
        id: VNetID, name: TenantName, prefix: IPv4Prefix, createdAt: Timestamp, nextAddress: IPv4Address,
        endpointCount: UInt32
    ) {
        self.id = id
        self.name = name
        self.prefix = prefix
        self.createdAt = createdAt
        self.nextAddress = nextAddress
        self.endpointCount = endpointCount
    }
}
