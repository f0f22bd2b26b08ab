public import NetTypes

/// One end of a flow as rules see it: certified facts about an endpoint, or an address outside.
public struct Party: Hashable, Sendable, CustomStringConvertible {
    /// What the party is.
    public enum Kind: Hashable, Sendable {
        /// An endpoint of the document's tenant.
        case endpoint(Name)
        /// An address behind a border leaf.
        case outside(IPAddress)
    }

    /// What the party is.
    public let kind: Kind
    /// The endpoint's labels; an outside address has none.
    public let labels: Set<PolicyLabel>
    /// The security level, 0 to ``PolicyLimits/level``; an outside address has 0.
    public let level: UInt8

    /// An endpoint of the document's tenant; the caller has seen to that.
    public static func endpoint(_ name: Name, labels: Set<PolicyLabel> = [], level: UInt8 = 0) -> Self {
        Self(kind: .endpoint(name), labels: labels, level: level)
    }

    /// An address that belongs to no endpoint.
    public static func outside(_ address: IPAddress) -> Self {
        Self(kind: .outside(address), labels: [], level: 0)
    }

    public var description: String {
        switch kind {
        case .endpoint(let name): name.text
        case .outside(let address): address.description
        }
    }
}

/// What a packet carries, as far as rules ask.
public enum Transport: Hashable, Sendable, CustomStringConvertible {
    /// A known protocol with its destination port, or ICMP's type × 256 + code.
    case numbered(PortProtocol, UInt16)
    /// A packet without such a number: a fragment other than the first, or a first one too short to hold it. No rule
    /// with ports matches it, not even `tcp/any`.
    case fragment(UInt8)
    /// Another protocol, by the number of its last header (an IPv6 extension header is not one). No rule with ports
    /// matches it. 0 is none in particular, for questions about a pair: no packet has it.
    case other(UInt8)

    public var description: String {
        switch self {
        case .numbered(let portProtocol, let number): PortMatch(portProtocol, number...number).description
        case .fragment(let number): "fragment of protocol \(number)"
        case .other(0): "everything without a port"
        case .other(let number): "protocol \(number)"
        }
    }
}

/// A question to a policy: may this begin? Answers to a flow that may are not asked for again; the kernel's flow table
/// lets them through where ``FlowVerdict/answers`` says so.
public struct Flow: Hashable, Sendable, CustomStringConvertible {
    /// Who sends the first packet.
    public let source: Party
    /// Who receives it.
    public let destination: Party
    /// What it carries.
    public let transport: Transport
    /// When.
    public let moment: Timestamp

    /// Makes a flow.
    public init(from source: Party, to destination: Party, _ transport: Transport, at moment: Timestamp) {
        self.source = source
        self.destination = destination
        self.transport = transport
        self.moment = moment
    }

    public var description: String {
        transport == .other(0) ? "\(source) → \(destination)" : "\(source) → \(destination) \(transport)"
    }
}
