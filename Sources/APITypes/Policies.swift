/// What a policy says of one ordered pair, and what an entry asks for.
public enum Verdict: String, Codable, Sendable, CaseIterable {
    case plug
    case unplug
}

/// One entry of a policy.
public struct PolicyEntry: Codable, Sendable, Equatable {
    /// The number, unique inside the tenant.
    public var id: UInt64
    /// What it asks for.
    public var action: Verdict
    /// The source: an endpoint's name, or `group:` and a group's.
    public var from: String
    /// The destination: an endpoint's name, or `group:` and a group's.
    public var to: String
    /// Whether it speaks of one direction only.
    public var oneWay: Bool

    /// Makes a description of an entry.
    public init(id: UInt64, action: Verdict, from: String, to: String, oneWay: Bool) {
        self.id = id
        self.action = action
        self.from = from
        self.to = to
        self.oneWay = oneWay
    }

    enum CodingKeys: String, CodingKey {
        case id, action, from, to
        case oneWay = "one_way"
    }
}

/// The policy of a tenant. What no entry speaks of is unplugged.
public struct TenantPolicy: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// Grows with every change.
    public var revision: UInt64
    /// The entries, by id.
    public var entries: [PolicyEntry]

    /// Makes a description of a policy.
    public init(tenant: String, revision: UInt64, entries: [PolicyEntry]) {
        self.tenant = tenant
        self.revision = revision
        self.entries = entries
    }
}

/// What makes an entry of a policy.
public struct NewPolicyEntry: APIRequestBody, Equatable {
    /// What it asks for.
    public var action: Verdict
    /// The source: an endpoint's name, or `group:` and a group's.
    public var from: String
    /// The destination: an endpoint's name, or `group:` and a group's.
    public var to: String
    /// Whether it speaks of one direction only; no when left out.
    public var oneWay: Bool?

    /// Describes an entry to be made.
    public init(action: Verdict, from: String, to: String, oneWay: Bool? = nil) {
        self.action = action
        self.from = from
        self.to = to
        self.oneWay = oneWay
    }

    enum CodingKeys: String, CodingKey {
        case action, from, to
        case oneWay = "one_way"
    }

    public static let fields = [
        BodyField("action", .string, values: Verdict.allCases.map(\.rawValue), "What the entry asks for"),
        BodyField("from", .string, "The source: an endpoint's name, or group: and a group's name"),
        BodyField("to", .string, "The destination: an endpoint's name, or group: and a group's name"),
        BodyField("one_way", .boolean, isOptional: true, "Whether it speaks of one direction only; default no"),
    ]
}

/// The pair that is to be plugged.
public struct PlugPair: APIRequestBody, Equatable {
    /// The name of the source.
    public var from: String
    /// The name of the destination.
    public var to: String
    /// Whether only the direction from source to destination is to exist; no when left out.
    public var oneWay: Bool?

    /// Names a pair.
    public init(from: String, to: String, oneWay: Bool? = nil) {
        self.from = from
        self.to = to
        self.oneWay = oneWay
    }

    enum CodingKeys: String, CodingKey {
        case from, to
        case oneWay = "one_way"
    }

    public static let fields = [
        BodyField("from", .string, "The name of the source"),
        BodyField("to", .string, "The name of the destination"),
        BodyField("one_way", .boolean, isOptional: true, "Whether only from -> to is to exist; default no"),
    ]
}

/// The pair that is to be unplugged, in both directions.
public struct UnplugPair: APIRequestBody, Equatable {
    /// The name of the one endpoint.
    public var from: String
    /// The name of the other.
    public var to: String

    /// Names a pair.
    public init(from: String, to: String) {
        self.from = from
        self.to = to
    }

    public static let fields = [
        BodyField("from", .string, "The name of the one endpoint"),
        BodyField("to", .string, "The name of the other endpoint"),
    ]
}

/// What holds for a pair after it was plugged or unplugged.
public struct PairVerdict: Codable, Sendable, Equatable {
    /// The tenant's name.
    public var tenant: String
    /// The name of the source.
    public var from: String
    /// The name of the destination.
    public var to: String
    /// The verdict of from -> to.
    public var verdict: Verdict
    /// The verdict of to -> from.
    public var reverseVerdict: Verdict
    /// The revision of the policy that says so.
    public var revision: UInt64

    /// Makes a description of a pair.
    public init(
        tenant: String, from: String, to: String, verdict: Verdict, reverseVerdict: Verdict, revision: UInt64
    ) {
        self.tenant = tenant
        self.from = from
        self.to = to
        self.verdict = verdict
        self.reverseVerdict = reverseVerdict
        self.revision = revision
    }

    enum CodingKeys: String, CodingKey {
        case tenant, from, to, verdict, revision
        case reverseVerdict = "reverse_verdict"
    }
}
