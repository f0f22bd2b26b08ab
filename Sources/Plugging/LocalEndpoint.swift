public import NetTypes
public import PolicyLanguage

/// An endpoint that runs on this leaf, as this leaf certified it.
public struct LocalEndpoint: Hashable, Sendable {
    /// The permanent identity.
    public let identity: Identity
    /// The tenant and the name.
    public let name: TenantName
    /// The certified groups.
    public let groups: [Name]
    /// The certified labels.
    public let labels: [PolicyLabel]
    /// The certified security level.
    public let level: UInt8
    /// The prefixes outside that it is certified to speak for; empty for every endpoint but a border.
    public let networks: [IPPrefix]
    /// The layer-2 segment that it belongs to.
    public let vnet: VNetID
    /// Its private address in that segment.
    public let ipv4: IPv4Address
    /// The epoch under which this leaf published it.
    public let epoch: Epoch

    /// Puts them together.
    public init(
        identity: Identity, name: TenantName, groups: [Name], labels: [PolicyLabel] = [], level: UInt8 = 0,
        networks: [IPPrefix] = [], vnet: VNetID, ipv4: IPv4Address, epoch: Epoch
    ) {
        self.identity = identity
        self.name = name
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.vnet = vnet
        self.ipv4 = ipv4
        self.epoch = epoch
    }

    /// The endpoint as a policy sees it.
    public var party: Party { .certified(name.name, groups: groups, labels: labels, level: level) }
}

extension Party {
    /// An endpoint with the facts of its certificate: its labels, and one for each group that it is in.
    public static func certified(_ name: Name, groups: [Name], labels: [PolicyLabel], level: UInt8) -> Party {
        .endpoint(name, labels: Set(labels).union(groups.map { PolicyLabel(memberOf: $0) }), level: level)
    }
}
