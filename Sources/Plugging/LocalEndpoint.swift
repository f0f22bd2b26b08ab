public import NetTypes
public import Policy

/// An endpoint that runs on this leaf, as this leaf certified it.
public struct LocalEndpoint: Hashable, Sendable {
    /// The permanent identity.
    public let identity: Identity
    /// The tenant and the name.
    public let name: TenantName
    /// The certified groups.
    public let groups: [Name]
    /// The layer-2 segment that it belongs to.
    public let vnet: VNetID
    /// Its private address in that segment.
    public let ipv4: IPv4Address
    /// The epoch under which this leaf published it.
    public let epoch: Epoch

    /// Puts them together.
    public init(
        identity: Identity, name: TenantName, groups: [Name], vnet: VNetID, ipv4: IPv4Address, epoch: Epoch
    ) {
        self.identity = identity
        self.name = name
        self.groups = groups
        self.vnet = vnet
        self.ipv4 = ipv4
        self.epoch = epoch
    }

    /// The endpoint as a policy sees it.
    public var subject: Subject { Subject(name: name.name, groups: groups) }
}
