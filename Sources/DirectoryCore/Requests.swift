public import NetTypes
public import Trust

/// What a person gives to make an endpoint.
public struct NewEndpoint: Hashable, Sendable {
    public var name: TenantName
    public var vnet: Name
    /// The private address; nil: the next free one of the vnet's prefix.
    public var ipv4: IPv4Address?
    public var groups: [Name]
    /// One of each key, none of the key `group`.
    public var labels: [PolicyLabel]
    /// The security level.
    public var level: UInt8
    /// The prefixes outside that it is to speak for.
    public var networks: [IPPrefix]
    public var host: Name
    public var kind: Endpoint.Kind
    /// The namespace or TAP device; nil: `TENANT-NAME` for a namespace, `pb` and the last nine hexadecimal digits of
    /// the identity for a TAP device.
    public var attachment: String?

    public init(
        name: TenantName, vnet: Name, ipv4: IPv4Address? = nil, groups: [Name] = [], labels: [PolicyLabel] = [],
        level: UInt8 = 0, networks: [IPPrefix] = [], host: Name, kind: Endpoint.Kind = .namespace,
        attachment: String? = nil
    ) {
        self.name = name
        self.vnet = vnet
        self.ipv4 = ipv4
        self.groups = groups
        self.labels = labels
        self.level = level
        self.networks = networks
        self.host = host
        self.kind = kind
        self.attachment = attachment
    }
}

/// A host, and the token with which its leaf enrols. The token is not kept: this is the only time it is seen.
public struct NewHost: Sendable {
    public var host: LeafHost
    public var token: JoinToken
    public var expiresAt: Timestamp
}

/// What a leaf has when it is enrolled.
public struct Enrolment: Hashable, Sendable {
    public var host: LeafHost
    /// The leaf's certificate, DER.
    public var certificate: [UInt8]
    /// The platform's root certificate, DER.
    public var root: [UInt8]
}

/// A port that a leaf is to have.
public struct DesiredPort: Hashable, Sendable {
    public var endpoint: Endpoint
    /// The prefix of the endpoint's vnet.
    public var prefix: IPv4Prefix
    /// The epoch that the leaf is to publish, at least.
    public var epoch: Epoch
}

/// What a leaf says about a port.
public enum PortReport: Hashable, Sendable {
    case open
    case closed
    /// The port could not be opened: what, where and the remedy.
    case failed(detail: String)
}

/// One end of a flow that a person asks about.
public enum FlowEnd: Hashable, Sendable {
    /// An endpoint of the tenant.
    case endpoint(Name)
    /// An address outside.
    case outside(IPAddress)
}

/// What a leaf looks for.
public enum LookupTarget: Hashable, Sendable {
    /// An endpoint of the source's tenant.
    case identity(Identity)
    /// An endpoint of the source's vnet, or an address outside.
    case ipv4(IPv4Address)
    /// An address outside.
    case ipv6(IPv6Address)
}

/// What a leaf may know about an endpoint.
public struct FoundEndpoint: Hashable, Sendable {
    /// The endpoint that has the address; for an address outside the border that speaks for it.
    public var identity: Identity
    /// The private address, if the endpoint shares the source's vnet.
    public var ipv4: IPv4Address?
    /// The signed facts; nil: known, but running nowhere now.
    public var facts: EndpointFacts?
    /// Whether the address that was looked for is outside, behind the endpoint.
    public var isOutside = false
}

/// What has become of an identity.
public enum IdentityState: Hashable, Sendable {
    /// There is no such endpoint, or no longer.
    case deleted
    /// It runs nowhere now.
    case notRunning
    /// It was published.
    case published(EndpointFacts)
}

/// The answer to a leaf that had an endpoint certified.
public struct CertifiedEndpoint: Hashable, Sendable {
    /// The endpoint's certificate, DER.
    public var certificate: [UInt8]
    /// The certificate of the tenant's authority, DER.
    public var issuer: [UInt8]
    /// The epoch that the leaf is to publish, at least.
    public var epoch: Epoch
}
