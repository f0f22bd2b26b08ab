public import NetTypes
import PolicyLanguage

/// How endpoints stand for ports of Neutron, and what an import of security groups may take for known.
public struct OpenStackOptions: Hashable, Sendable {
    /// A family of addresses, in Neutron's words.
    public enum Family: String, Hashable, Sendable, CaseIterable {
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"
    }

    /// The tenant whose document is made.
    public var tenant: Name
    /// The key of the labels with the security groups of an endpoint.
    public var key: String
    /// Whether those labels have the ids of groups, not their names. Where two groups have one name, or a name is none
    /// that a label can have, its id stands for it anyway.
    public var usesIDs: Bool
    /// The families in which endpoints have addresses.
    public var families: Set<Family>
    /// What is known of the addresses of endpoints.
    public var addresses: AddressFacts

    /// Chooses.
    public init(
        tenant: Name, key: String = "security-group", usesIDs: Bool = false,
        families: Set<Family> = Set(Family.allCases), addresses: AddressFacts = .none
    ) {
        self.tenant = tenant
        self.key = key
        self.usesIDs = usesIDs
        self.families = families
        self.addresses = addresses
    }
}

/// A security group with its rules.
struct SecurityGroup: Sendable {
    var id: String
    var name: String
    let source: String
    let place: Place
}

/// A rule of a security group.
struct SecurityGroupRule: Sendable {
    enum Remote: Hashable, Sendable {
        case anywhere
        case prefix(AddressSet, text: String)
        case group(String)
    }

    /// The id or name of the group that it is of.
    let group: String
    let isIngress: Bool
    let family: OpenStackOptions.Family
    let ports: PortSet
    /// What makes two rules one of both families.
    let portText: String
    let remote: Remote
    let source: String
    let value: Value
}
