public import NetTypes

/// One side of a rule.
public enum Peer: Hashable, Sendable, CustomStringConvertible {
    /// Every endpoint: `any`. Outside addresses are not among them, so that no rule opens to the outside by the way.
    case any
    /// Every endpoint and every outside address: `everything`.
    case everything
    /// The endpoint of this name: `web1`.
    case endpoint(Name)
    /// The members of a group of the document: `group:web`.
    case group(Name)
    /// The addresses of an outside network of the document: `network:office`.
    case network(Name)

    static let groupPrefix = "group:"
    static let networkPrefix = "network:"
    static let endpointPrefix = "endpoint:"

    /// Reads the text form. An endpoint that is called `any` or `everything` is written `endpoint:any`.
    public init(parsing text: some StringProtocol) throws(DocumentTextError) {
        func name(after prefix: String) throws(DocumentTextError) -> Name {
            guard let name = try? Name(parsing: text.dropFirst(prefix.count)) else {
                throw DocumentTextError(
                    "an endpoint such as web1, a group such as group:web, network:office, any or everything")
            }
            return name
        }
        switch true {
        case text == "any": self = .any
        case text == "everything": self = .everything
        case text.hasPrefix(Self.groupPrefix): self = .group(try name(after: Self.groupPrefix))
        case text.hasPrefix(Self.networkPrefix): self = .network(try name(after: Self.networkPrefix))
        case text.hasPrefix(Self.endpointPrefix): self = .endpoint(try name(after: Self.endpointPrefix))
        default: self = .endpoint(try name(after: ""))
        }
    }

    /// How much this side names: an endpoint more than a group or network, that more than `any`, and that more than
    /// `everything`.
    var rank: UInt8 {
        switch self {
        case .everything: 0
        case .any: 1
        case .group, .network: 2
        case .endpoint: 3
        }
    }

    public var description: String {
        switch self {
        case .any: "any"
        case .everything: "everything"
        case .endpoint(let name):
            name.text == "any" || name.text == "everything" ? Self.endpointPrefix + name.text : name.text
        case .group(let name): Self.groupPrefix + name.text
        case .network(let name): Self.networkPrefix + name.text
        }
    }
}
