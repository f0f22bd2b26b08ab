public import NetTypes

/// One side of a policy entry: an endpoint, or every endpoint that is certified to be in a group.
public enum Selector: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The endpoint of this name, of the document's tenant.
    case endpoint(Name)
    /// All members of the group of this name, of the document's tenant.
    case group(Name)

    /// What stands before the name of a group in the text form.
    static let groupPrefix = "group:"

    /// Reads the text form: `web1` is an endpoint, `group:web` a group.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let whole = String(text)
        guard whole.hasPrefix(Self.groupPrefix) else {
            guard let name = try? Name(parsing: whole) else {
                throw TextError(text, "an endpoint such as web1 or a group such as group:web")
            }
            self = .endpoint(name)
            return
        }
        self = .group(try Name(parsing: whole.dropFirst(Self.groupPrefix.count)))
    }

    /// Whether the subject is what this selector names.
    public func contains(_ subject: Subject) -> Bool {
        switch self {
        case .endpoint(let name): subject.name == name
        case .group(let group): subject.groups.contains(group)
        }
    }

    /// Whether this is an endpoint and not a group.
    public var isEndpoint: Bool {
        if case .endpoint = self { true } else { false }
    }

    public var description: String {
        switch self {
        case .endpoint(let name): name.text
        case .group(let name): Self.groupPrefix + name.text
        }
    }

    public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

/// An endpoint as a policy sees it: its name and the groups that its certificate names.
public struct Subject: Hashable, Sendable {
    /// The endpoint's name inside its tenant.
    public let name: Name
    /// The groups that the endpoint belongs to; their order does not matter.
    public let groups: [Name]

    /// Makes a subject of one tenant. Whoever asks makes sure that both subjects are of the document's tenant.
    public init(name: Name, groups: [Name] = []) {
        self.name = name
        self.groups = groups
    }
}
