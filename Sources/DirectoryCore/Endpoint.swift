public import NetTypes

/// What is connected: a machine with a permanent identity, at most one private IPv4 address, and a place where it
/// is wanted.
public struct Endpoint: Hashable, Sendable {
    /// What a leaf attaches the endpoint's port to.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A network namespace: the port is a veth pair.
        case namespace
        /// A TAP device, such as a virtual machine's.
        case tap
    }

    /// How far the endpoint's port is.
    public enum State: Hashable, Sendable {
        /// The leaf of the desired host is to open the port and publish; it has not done so.
        case waiting
        /// The leaf of the desired host has published the endpoint's location.
        case running
        /// Another host still has the port; the desired host gets it when the former reports it closed, or at the
        /// deadline.
        case moving(from: Name, deadline: Timestamp)
        /// The leaf could not open the port, and says why.
        case failed(detail: String)

        /// A stable word for programs: `waiting`, `running`, `moving`, `failed`.
        public var code: String {
            switch self {
            case .waiting: "waiting"
            case .running: "running"
            case .moving: "moving"
            case .failed: "failed"
            }
        }
    }

    /// The permanent identity, 80 random bits inside the platform's /48.
    public var identity: Identity
    /// The name, unique in the tenant.
    public var name: TenantName
    /// The vnet it is a member of.
    public var vnet: VNetID
    /// The vnet's name in the tenant.
    public var vnetName: Name
    /// The private address, unique in the vnet.
    public var ipv4: IPv4Address
    /// The groups it is a member of, in order of name.
    public var groups: [Name]
    /// Its labels, in order, one of each key; none has the key `group`.
    public var labels: [PolicyLabel]
    /// Its security level, 0 to 255.
    public var level: UInt8
    /// The prefixes outside that it speaks for, in order; empty for every endpoint but a border.
    public var networks: [IPPrefix]
    /// What its port is attached to.
    public var kind: Kind
    /// The name of the namespace or of the TAP device; unique on a host.
    public var attachment: String
    /// The host that is to run it.
    public var host: Name
    /// How far its port is.
    public var state: State
    /// The epoch of the newest location record that was published; 0 before the first.
    public var epoch: Epoch
    /// The leaf that published that record; nil before the first.
    public var publishedBy: LeafID?
    /// When it was created.
    public var createdAt: Timestamp

    public init(
        identity: Identity, name: TenantName, vnet: VNetID, vnetName: Name, ipv4: IPv4Address, groups: [Name],
        labels: [PolicyLabel] = [], level: UInt8 = 0, networks: [IPPrefix] = [], kind: Kind, attachment: String,
        host: Name, state: State,
        epoch: Epoch, publishedBy: LeafID?,
        createdAt: Timestamp
    ) {
        self.identity = identity
        self.name = name
        self.vnet = vnet
        self.vnetName = vnetName
        self.ipv4 = ipv4
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.kind = kind
        self.attachment = attachment
        self.host = host
        self.state = state
        self.epoch = epoch
        self.publishedBy = publishedBy
        self.createdAt = createdAt
    }

    /// The epoch that a leaf is to publish, at least: the present one for the leaf that published it, the next for
    /// every other.
    public func epoch(for leaf: LeafID) -> Epoch {
        publishedBy == leaf ? epoch : epoch + 1
    }
}

/// A set of endpoints of one tenant, named in policies. Membership is certified in the endpoints' certificates.
public struct Group: Hashable, Sendable {
    /// The name, unique in the tenant.
    public var name: TenantName
    /// When it was created.
    public var createdAt: Timestamp

    public init(name: TenantName, createdAt: Timestamp) {
        self.name = name
        self.createdAt = createdAt
    }
}
