public import NetTypes
public import Policy
public import PolicyLanguage
public import Trust

/// A tenant's policy with the signature that every leaf checks.
public struct PolicyState: Hashable, Sendable {
    /// Entries and document; it names its tenant and its revision.
    public var policy: TenantPolicy
    /// The policy's canonical bytes, the signature of the key that may sign them, and what shows that it may.
    public var signed: SignedPolicy
    /// When the revision was made.
    public var changedAt: Timestamp
    /// What made the revision, in a few words.
    public var summary: String
    /// Of a change that was just asked for: where what holds now is not what was asked, one sentence each.
    public var notes: [String] = []

    /// The tenant.
    public var tenant: Name { policy.tenant }
    /// The number of the revision; it only grows.
    public var revision: UInt64 { policy.revision }
    /// The entries that plug and unplug write.
    public var entries: [PolicyEntry] { policy.entries.entries }
}

/// One revision of a tenant's policy as it is stored. The certificates are kept once, with the tenant, since they
/// are renewed more often than policies change.
public struct PolicyRevision: Hashable, Sendable {
    /// The tenant.
    public var tenant: Name
    /// The number of the revision.
    public var revision: UInt64
    /// The canonical bytes of the policy.
    public var body: [UInt8]
    /// The signature over them, DER, of the key that might sign then.
    public var signature: [UInt8]
    /// The text of the document as it was written, comments and all; nil where there is no document, or its text did
    /// not come with it.
    public var text: [UInt8]?
    /// What made the revision, in a few words.
    public var summary: String
    /// When the revision was made.
    public var changedAt: Timestamp

    public init(
        tenant: Name, revision: UInt64, body: [UInt8], signature: [UInt8], text: [UInt8]? = nil, summary: String = "",
        changedAt: Timestamp
    ) {
        self.tenant = tenant
        self.revision = revision
        self.body = body
        self.signature = signature
        self.text = text
        self.summary = summary
        self.changedAt = changedAt
    }
}

/// One revision of the platform's guardrails as it is stored.
public struct GuardrailsRevision: Hashable, Sendable {
    /// The number of the revision.
    public var revision: UInt64
    /// The canonical bytes of the guardrails.
    public var body: [UInt8]
    /// The signature of the platform's policy key over them, DER.
    public var signature: [UInt8]
    /// The text of the document as it was written.
    public var text: [UInt8]
    /// What made the revision, in a few words.
    public var summary: String
    /// When the revision was made.
    public var changedAt: Timestamp

    public init(
        revision: UInt64, body: [UInt8], signature: [UInt8], text: [UInt8], summary: String, changedAt: Timestamp
    ) {
        self.revision = revision
        self.body = body
        self.signature = signature
        self.text = text
        self.summary = summary
        self.changedAt = changedAt
    }
}

/// A revision in a list of them.
public struct RevisionNote: Hashable, Sendable {
    /// The number of the revision.
    public var revision: UInt64
    /// When it was made.
    public var changedAt: Timestamp
    /// What made it, in a few words.
    public var summary: String

    public init(revision: UInt64, changedAt: Timestamp, summary: String) {
        self.revision = revision
        self.changedAt = changedAt
        self.summary = summary
    }
}

/// The platform's guardrails with the signature that every leaf checks.
public struct GuardrailsState: Hashable, Sendable {
    /// The document with its revision.
    public var guardrails: Guardrails
    /// The canonical bytes, the signature of the platform's policy key and its certificate.
    public var signed: SignedPolicy
    /// The text of the document as it was written.
    public var text: [UInt8]
    /// When the revision was made.
    public var changedAt: Timestamp
    /// What made it, in a few words.
    public var summary: String

    /// The number of the revision; it only grows.
    public var revision: UInt64 { guardrails.revision }
}

/// What was found when a document was looked over; nothing was changed by that.
public struct DocumentReview: Sendable {
    /// What was found, in the order of the text.
    public var findings: [Finding]
    /// How many of the document's tests passed.
    public var passedTests: Int
    /// How many rules the document has; 0 where it could not be read.
    public var rules: Int

    /// Whether the document may be put in force.
    public var isAccepted: Bool { !findings.contains { $0.severity == .error } }
}

/// What came of a document that was to be put in force.
public struct AppliedDocument: Sendable {
    /// The revision that is in force; of a trial the former one.
    public var revision: UInt64
    /// Whether a new revision was made. Not where it was a trial, nor where the document was in force already.
    public var isNew: Bool
    /// What was found; no errors.
    public var review: DocumentReview
    /// Which pairs change; for a trial of a tenant's document only.
    public var diff: PolicyDiff?
}
