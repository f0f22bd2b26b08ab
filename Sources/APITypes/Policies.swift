/// What a policy says of one ordered pair, and what an entry asks for.
public enum Verdict: String, Codable, Sendable, CaseIterable {
    case plug
    case unplug
}

/// How the packets of a wire are protected between two hosts.
public enum Security: String, Codable, Sendable, CaseIterable {
    /// Plain VXLAN.
    case none
    /// ESP with AES-GMAC (RFC 4543): not changed, forged or replayed, but readable.
    case auth
    /// ESP with AES-GCM (RFC 4106): not readable either.
    case conf
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
    /// How the wires that it asks for are protected; none for an entry that unplugs.
    public var security: Security

    /// Makes a description of an entry.
    public init(id: UInt64, action: Verdict, from: String, to: String, oneWay: Bool, security: Security) {
        self.id = id
        self.action = action
        self.from = from
        self.to = to
        self.oneWay = oneWay
        self.security = security
    }

    enum CodingKeys: String, CodingKey {
        case id, action, from, to, security
        case oneWay = "one_way"
    }
}

/// The policy of a tenant. What neither an entry nor a rule of the document speaks of is unplugged.
public struct TenantPolicy: Codable, Sendable, Equatable {
    /// How large the document is.
    public struct Document: Codable, Sendable, Equatable {
        public var rules: Int
        public var groups: Int
        public var networks: Int
        public var tests: Int

        /// Makes a description.
        public init(rules: Int, groups: Int, networks: Int, tests: Int) {
            self.rules = rules
            self.groups = groups
            self.networks = networks
            self.tests = tests
        }
    }

    /// The tenant's name.
    public var tenant: String
    /// Grows with every change.
    public var revision: UInt64
    /// The entries, by id.
    public var entries: [PolicyEntry]
    /// The document; absent where there is none.
    public var document: Document?
    /// SHA-256 of the key by which the tenant has locked the policy, hexadecimal; absent where the controller signs.
    public var lock: String?

    /// Makes a description of a policy.
    public init(
        tenant: String, revision: UInt64, entries: [PolicyEntry], document: Document? = nil, lock: String? = nil
    ) {
        self.tenant = tenant
        self.revision = revision
        self.entries = entries
        self.document = document
        self.lock = lock
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
    /// How the wires that it asks for are protected; not at all when left out.
    public var security: Security?

    /// Describes an entry to be made.
    public init(action: Verdict, from: String, to: String, oneWay: Bool? = nil, security: Security? = nil) {
        self.action = action
        self.from = from
        self.to = to
        self.oneWay = oneWay
        self.security = security
    }

    enum CodingKeys: String, CodingKey {
        case action, from, to, security
        case oneWay = "one_way"
    }

    public static let fields = [
        BodyField("action", .string, values: Verdict.allCases.map(\.rawValue), "What the entry asks for"),
        BodyField("from", .string, form: .selector, "The source: an endpoint's name, or group: and a group's name"),
        BodyField("to", .string, form: .selector, "The destination: an endpoint's name, or group: and a group's name"),
        BodyField("one_way", .boolean, isOptional: true, "Whether it speaks of one direction only; default no"),
        BodyField(
            "security", .string, isOptional: true, values: Security.allCases.map(\.rawValue),
            "How the wires are protected, only for the action plug; default none"),
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
    /// How the wire is protected; not at all when left out, whatever the pair had before.
    public var security: Security?

    /// Names a pair.
    public init(from: String, to: String, oneWay: Bool? = nil, security: Security? = nil) {
        self.from = from
        self.to = to
        self.oneWay = oneWay
        self.security = security
    }

    enum CodingKeys: String, CodingKey {
        case from, to, security
        case oneWay = "one_way"
    }

    public static let fields = [
        BodyField("from", .string, form: .selector, "The name of the source"),
        BodyField("to", .string, form: .selector, "The name of the destination"),
        BodyField("one_way", .boolean, isOptional: true, "Whether only from -> to is to exist; default no"),
        BodyField(
            "security", .string, isOptional: true, values: Security.allCases.map(\.rawValue),
            "How the wire is protected; default none, whatever the pair had before"),
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
        BodyField("from", .string, form: .selector, "The name of the one endpoint"),
        BodyField("to", .string, form: .selector, "The name of the other endpoint"),
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
    /// How from -> to is protected; none where it is unplugged.
    public var security: Security
    /// How to -> from is protected; none where it is unplugged.
    public var reverseSecurity: Security
    /// The revision of the policy that says so.
    public var revision: UInt64
    /// Where what holds is not what was asked, because the document or a guardrail decides; one sentence each. Absent
    /// where all is as asked.
    public var notes: [String]?

    /// Makes a description of a pair.
    public init(
        tenant: String, from: String, to: String, verdict: Verdict, reverseVerdict: Verdict, security: Security,
        reverseSecurity: Security, revision: UInt64, notes: [String]? = nil
    ) {
        self.tenant = tenant
        self.from = from
        self.to = to
        self.verdict = verdict
        self.reverseVerdict = reverseVerdict
        self.security = security
        self.reverseSecurity = reverseSecurity
        self.revision = revision
        self.notes = notes
    }

    enum CodingKeys: String, CodingKey {
        case tenant, from, to, verdict, security, revision, notes
        case reverseVerdict = "reverse_verdict"
        case reverseSecurity = "reverse_security"
    }
}
