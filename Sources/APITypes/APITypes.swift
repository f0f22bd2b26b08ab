/// A value that a client sends as the body of a request.
///
/// The fields are the whole of what is allowed: the controller refuses any other, and the OpenAPI document is
/// written from them.
public protocol APIRequestBody: Codable, Sendable {
    /// Every field that the body may have.
    static var fields: [BodyField] { get }
}

/// One field of the body of a request.
public struct BodyField: Sendable, Hashable {
    /// The JSON type of a field.
    public enum Kind: String, Sendable, Hashable {
        case string
        case boolean
        case strings
        /// A whole number, from 0.
        case number
        /// An object, which may have more members than are named here.
        case object
    }

    /// The key, in snake_case.
    public let name: String
    /// The JSON type.
    public let kind: Kind
    /// Whether the field may be left out.
    public let isOptional: Bool
    /// For a string: the only values that it can have; empty when there is no such list.
    public let values: [String]
    /// For a number: the greatest that it can be.
    public let most: UInt64
    /// For a string, or each item of an array: the form that it has, as far as that can be said.
    public let form: TextForm?
    /// For an object: the members that are looked at.
    public let members: [BodyField]
    /// What the field means, one sentence without a full stop.
    public let summary: String

    /// Describes a field.
    public init(
        _ name: String, _ kind: Kind, isOptional: Bool = false, values: [String] = [], most: UInt64 = .max,
        form: TextForm? = nil, members: [BodyField] = [], _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.values = values
        self.most = most
        self.form = form
        self.members = members
        self.isOptional = isOptional
        self.summary = summary
    }
}

/// A list, sorted by what names its items.
public struct ItemList<Item: Codable & Sendable>: Codable, Sendable {
    /// What was listed.
    public var items: [Item]
    /// The cursor with which the next part begins; absent with the last part.
    public var next: String?

    /// Makes a list, or a part of one.
    public init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }
}

extension ItemList: Equatable where Item: Equatable {}

/// What the controller says of itself without being asked who asks.
public struct Health: Codable, Sendable, Equatable {
    /// `ok` as long as the controller can answer.
    public var status: String
    /// The version of the controller.
    public var version: String

    /// Makes a report.
    public init(status: String, version: String) {
        self.status = status
        self.version = version
    }
}
