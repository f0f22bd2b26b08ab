/// An entry of an audit.
public struct AuditRecord: Codable, Sendable, Equatable {
    /// Who did it.
    public struct Actor: Codable, Sendable, Equatable {
        /// `user`, `installation`, `system` or `unknown`.
        public var kind: String
        /// The number of the account.
        public var id: String?
        /// The name of the account at that time, or the name that a stranger gave.
        public var name: String?

        public init(kind: String, id: String?, name: String?) {
            self.kind = kind
            self.id = id
            self.name = name
        }
    }

    /// By which means.
    public struct Means: Codable, Sendable, Equatable {
        /// `session`, `token`, `command`, `platform-token` or `none`.
        public var kind: String
        /// The number of the session or token.
        public var id: String?

        public init(kind: String, id: String?) {
            self.kind = kind
            self.id = id
        }
    }

    /// The number in the chain.
    public var number: UInt64
    /// When, RFC 3339.
    public var time: String
    public var actor: Actor
    public var means: Means
    /// From where.
    public var source: String?
    /// The operation, such as `createGroup`.
    public var action: String
    /// On what, such as `v1/tenants/acme/groups`.
    public var resource: String?
    /// The grant by which the provider was let in.
    public var grant: String?
    /// What the things were before, by name.
    public var before: JSONDocument?
    /// What they are after.
    public var after: JSONDocument?
    public var note: String?
    /// `done`, `refused` or `failed`.
    public var outcome: String
    /// Why not.
    public var reason: String?

    public init(
        number: UInt64, time: String, actor: Actor, means: Means, source: String?, action: String, resource: String?,
        grant: String?, before: JSONDocument?, after: JSONDocument?, note: String?, outcome: String, reason: String?
    ) {
        self.number = number
        self.time = time
        self.actor = actor
        self.means = means
        self.source = source
        self.action = action
        self.resource = resource
        self.grant = grant
        self.before = before
        self.after = after
        self.note = note
        self.outcome = outcome
        self.reason = reason
    }
}

/// A part of an export of an audit.
public struct AuditPart: Codable, Sendable, Equatable {
    /// Whole lines, each with its end.
    public var lines: String
    /// The number after which the next part begins; nil for the last part.
    public var next: UInt64?

    public init(lines: String, next: UInt64?) {
        self.lines = lines
        self.next = next
    }
}

/// Any JSON value of whole numbers.
public indirect enum JSONDocument: Codable, Sendable, Equatable {
    case null
    case boolean(Bool)
    case number(Int64)
    case string(String)
    case array([JSONDocument])
    case object([String: JSONDocument])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONDocument].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONDocument].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
