/// Something that was found in a policy document.
public struct PolicyFinding: Codable, Sendable, Hashable {
    /// `error`, `warning` or `note`.
    public var severity: String
    /// The kind of finding in kebab-case.
    public var code: String
    /// The line, from 1; 0 where it has none.
    public var line: Int
    /// The column in Unicode scalars, from 1; 0 where it has none.
    public var column: Int
    /// The offending text, cut short.
    public var text: String
    /// What is wrong there.
    public var problem: String
    /// What to do about it.
    public var remedy: String

    /// Makes a finding.
    public init(
        severity: String, code: String, line: Int, column: Int, text: String, problem: String, remedy: String
    ) {
        self.severity = severity
        self.code = code
        self.line = line
        self.column = column
        self.text = text
        self.problem = problem
        self.remedy = remedy
    }

    /// The finding as compilers write theirs.
    public func line(ofFile file: String) -> String {
        let place = line == 0 ? file : "\(file):\(line):\(column)"
        return "\(place): \(severity): \(problem) (\(remedy))"
    }
}

/// What was found when a document was looked over; nothing was changed by that.
public struct PolicyReview: Codable, Sendable, Equatable {
    /// Whether the document could be put in force: there is no error.
    public var accepted: Bool
    /// What was found, in the order of the text.
    public var findings: [PolicyFinding]
    /// How many of its tests passed.
    public var passedTests: Int
    /// How many rules it has.
    public var rules: Int

    /// Makes a report.
    public init(accepted: Bool, findings: [PolicyFinding], passedTests: Int, rules: Int) {
        self.accepted = accepted
        self.findings = findings
        self.passedTests = passedTests
        self.rules = rules
    }

    enum CodingKeys: String, CodingKey {
        case accepted, findings, rules
        case passedTests = "passed_tests"
    }
}

/// Which pairs of endpoints fare otherwise by a change.
public struct PolicyChanges: Codable, Sendable, Equatable {
    /// What changes for flows from some endpoints to others.
    public struct Change: Codable, Sendable, Equatable {
        /// Who sends: the first of them by name.
        public var sources: [String]
        /// How many send.
        public var sourceCount: Int
        /// Who receives: the first of them by name.
        public var destinations: [String]
        /// How many receive.
        public var destinationCount: Int
        /// What changes on which ports.
        public var ports: [Ports]

        /// Makes a change.
        public init(
            sources: [String], sourceCount: Int, destinations: [String], destinationCount: Int, ports: [Ports]
        ) {
            self.sources = sources
            self.sourceCount = sourceCount
            self.destinations = destinations
            self.destinationCount = destinationCount
            self.ports = ports
        }

        enum CodingKeys: String, CodingKey {
            case sources, destinations, ports
            case sourceCount = "source_count"
            case destinationCount = "destination_count"
        }
    }

    /// A set of ports and what happens to it.
    public struct Ports: Codable, Sendable, Equatable {
        /// The ports in words, such as `tcp/5432`.
        public var ports: String
        /// What happened to flows to them.
        public var before: String
        /// What happens to them then.
        public var after: String

        /// Makes one.
        public init(ports: String, before: String, after: String) {
            self.ports = ports
            self.before = before
            self.after = after
        }
    }

    /// A flow that leaves have seen lately, and that fares otherwise.
    public struct SeenFlow: Codable, Sendable, Equatable {
        /// The name of who began it.
        public var source: String
        /// The name of to whom.
        public var destination: String
        /// What it carried, such as `tcp/5432`; absent where no leaf has looked into its packets.
        public var port: String?
        /// Whether it passed when it was seen.
        public var passed: Bool
        /// When it was last seen, RFC 3339.
        public var lastSeen: String
        /// What happens to it now.
        public var before: String
        /// What happens to it then.
        public var after: String

        /// Makes a description of a flow.
        public init(
            source: String, destination: String, port: String?, passed: Bool, lastSeen: String, before: String,
            after: String
        ) {
            self.source = source
            self.destination = destination
            self.port = port
            self.passed = passed
            self.lastSeen = lastSeen
            self.before = before
            self.after = after
        }

        enum CodingKeys: String, CodingKey {
            case source, destination, port, passed, before, after
            case lastSeen = "last_seen"
        }
    }

    /// The changes, at most 1,000 of them.
    public var changes: [Change]
    /// How many there are.
    public var count: Int
    /// Whether everything was compared; else there may be more.
    public var complete: Bool
    /// The flows of the last hours that fare otherwise, at most 1,000; absent where leaves were not asked.
    public var flows: [SeenFlow]?
    /// The hosts whose leaves did not answer, so that their flows are missing; absent where leaves were not asked.
    public var silentHosts: [String]?

    /// Makes a list of changes.
    public init(
        changes: [Change], count: Int, complete: Bool, flows: [SeenFlow]? = nil, silentHosts: [String]? = nil
    ) {
        self.changes = changes
        self.count = count
        self.complete = complete
        self.flows = flows
        self.silentHosts = silentHosts
    }

    enum CodingKeys: String, CodingKey {
        case changes, count, complete, flows
        case silentHosts = "silent_hosts"
    }
}

/// What came of a document that was to be put in force.
public struct AppliedPolicy: Codable, Sendable, Equatable {
    /// The revision that is in force; of a dry run the former one.
    public var revision: UInt64
    /// Whether it is a new one.
    public var changed: Bool
    /// What was found; no errors.
    public var findings: [PolicyFinding]
    /// How many of the document's tests passed.
    public var passedTests: Int
    /// How many rules the document has.
    public var rules: Int
    /// Which pairs would change; of a dry run of a tenant's document only.
    public var changes: PolicyChanges?

    /// Makes a report.
    public init(
        revision: UInt64, changed: Bool, findings: [PolicyFinding], passedTests: Int, rules: Int,
        changes: PolicyChanges? = nil
    ) {
        self.revision = revision
        self.changed = changed
        self.findings = findings
        self.passedTests = passedTests
        self.rules = rules
        self.changes = changes
    }

    enum CodingKeys: String, CodingKey {
        case revision, changed, findings, rules, changes
        case passedTests = "passed_tests"
    }
}

/// A revision of a policy or of the guardrails, in a list of them.
public struct RevisionSummary: Codable, Sendable, Equatable {
    /// The number.
    public var revision: UInt64
    /// When it was made, RFC 3339.
    public var changedAt: String
    /// What made it, in a few words.
    public var summary: String

    /// Makes one.
    public init(revision: UInt64, changedAt: String, summary: String) {
        self.revision = revision
        self.changedAt = changedAt
        self.summary = summary
    }

    enum CodingKeys: String, CodingKey {
        case revision, summary
        case changedAt = "changed_at"
    }
}

/// The revision that is to be in force again.
public struct Rollback: APIRequestBody, Equatable {
    /// The number of the former revision.
    public var revision: UInt64
    /// The revision that is to be replaced; whichever there is when left out.
    public var expectedRevision: UInt64?

    /// Names a revision.
    public init(revision: UInt64, expectedRevision: UInt64? = nil) {
        self.revision = revision
        self.expectedRevision = expectedRevision
    }

    enum CodingKeys: String, CodingKey {
        case revision
        case expectedRevision = "expected_revision"
    }

    public static let fields = [
        BodyField("revision", .number, "The former revision, as 'revisions' lists it"),
        BodyField(
            "expected_revision", .number, isOptional: true, "The revision that is to be replaced; any when left out"),
    ]
}

/// A policy that was signed outside; all octets are in base64 (RFC 4648, section 4).
public struct SignedDocument: APIRequestBody, Equatable {
    /// The canonical bytes of the policy, whose revision is the one after the present.
    public var body: String
    /// The signature over them, DER.
    public var signature: String
    /// The text of the document, as it was written.
    public var text: String?
    /// To lock, or to change the key: DER SubjectPublicKeyInfo of the key that has signed.
    public var key: String?
    /// To change the key: the canonical bytes of the statement that names it.
    public var lockBody: String?
    /// To change the key: the signature over the statement, of the key that was locked before.
    public var lockSignature: String?

    /// Takes what was signed.
    public init(
        body: String, signature: String, text: String? = nil, key: String? = nil, lockBody: String? = nil,
        lockSignature: String? = nil
    ) {
        self.body = body
        self.signature = signature
        self.text = text
        self.key = key
        self.lockBody = lockBody
        self.lockSignature = lockSignature
    }

    enum CodingKeys: String, CodingKey {
        case body, signature, text, key
        case lockBody = "lock_body"
        case lockSignature = "lock_signature"
    }

    public static let fields = [
        BodyField("body", .string, "The canonical bytes of the policy, base64"),
        BodyField("signature", .string, "The signature over them, DER in base64"),
        BodyField("text", .string, isOptional: true, "The document's text as it was written"),
        BodyField(
            "key", .string, isOptional: true, "To lock, or to change the key: the key that signed, DER in base64"),
        BodyField("lock_body", .string, isOptional: true, "To change the key: the statement that names it, base64"),
        BodyField(
            "lock_signature", .string, isOptional: true,
            "To change the key: the signature over the statement, of the former key, DER in base64"),
    ]
}

/// A statement that gives the signing of a policy back to the controller; octets are in base64.
public struct UnlockPolicy: APIRequestBody, Equatable {
    /// The canonical bytes of the statement.
    public var lockBody: String
    /// The signature over them, of the key that is locked, DER.
    public var lockSignature: String

    /// Takes a statement.
    public init(lockBody: String, lockSignature: String) {
        self.lockBody = lockBody
        self.lockSignature = lockSignature
    }

    enum CodingKeys: String, CodingKey {
        case lockBody = "lock_body"
        case lockSignature = "lock_signature"
    }

    public static let fields = [
        BodyField("lock_body", .string, "The statement, base64"),
        BodyField("lock_signature", .string, "The signature over it, of the locked key, DER in base64"),
    ]
}

/// The guardrails of the platform, without their rules.
public struct GuardrailsSummary: Codable, Sendable, Equatable {
    /// The revision in force; 0 where there are none.
    public var revision: UInt64
    /// When it was made, RFC 3339.
    public var changedAt: String?
    /// How many rules they have.
    public var rules: Int

    /// Makes a summary.
    public init(revision: UInt64, changedAt: String?, rules: Int) {
        self.revision = revision
        self.changedAt = changedAt
        self.rules = rules
    }

    enum CodingKeys: String, CodingKey {
        case revision, rules
        case changedAt = "changed_at"
    }
}

/// How the labels of an endpoint are to change.
public struct ChangeLabels: APIRequestBody, Equatable {
    /// KEY=VALUE; each key has these values afterwards and no others.
    public var set: [String]?
    /// Keys that are to go.
    public var remove: [String]?

    /// Describes a change.
    public init(set: [String]? = nil, remove: [String]? = nil) {
        self.set = set
        self.remove = remove
    }

    public static let fields = [
        BodyField(
            "set", .strings, isOptional: true, "Labels KEY=VALUE; each key has these values afterwards and no others"),
        BodyField("remove", .strings, isOptional: true, "Keys of labels that are to go"),
    ]
}

/// The security level that an endpoint is to have.
public struct ChangeLevel: APIRequestBody, Equatable {
    /// 0 to 255.
    public var level: UInt8

    /// Names a level.
    public init(level: UInt8) { self.level = level }

    public static let fields = [BodyField("level", .number, most: 255, "The security level, 0 to 255")]
}

/// The prefixes outside that an endpoint is to speak for.
public struct ChangeNetworks: APIRequestBody, Equatable {
    /// All of them, such as `203.0.113.0/24` or `::/0`; none makes it an ordinary endpoint.
    public var networks: [String]

    /// Names them.
    public init(networks: [String]) { self.networks = networks }

    public static let fields = [
        BodyField("networks", .strings, "All prefixes outside that it is to speak for; none for an ordinary endpoint")
    ]
}
