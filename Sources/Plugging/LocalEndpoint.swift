public import NetTypes
import Policy

/// An endpoint that runs on the deciding leaf.
public struct LocalEndpoint: Hashable, Sendable {
    /// Its permanent identity.
    public var identity: Identity
    /// Its tenant and name.
    public var name: TenantName
    /// The groups that its present certificate carries.
    public var groups: [Name]
    /// The segment that it is on.
    public var vnet: VNetID
    /// Its private address on that segment.
    public var ipv4: IPv4Address
    /// The epoch under which this leaf publishes it.
    public var epoch: Epoch

    /// Describes an endpoint.
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

    /// The endpoint as policies see it.
    var subject: Subject { Subject(name: name.name, groups: groups) }
}
