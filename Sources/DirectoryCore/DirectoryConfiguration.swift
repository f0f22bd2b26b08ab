public import Accounts
public import NetTypes
import Trust

/// How long things live and how many there may be; one page, each derived from or compared with the others.
public struct DirectoryConfiguration: Sendable {
    /// How long a join token is good, in seconds: an hour.
    public var joinTokenLifetime: Int64 = 3_600
    /// How long the desired host waits for the former to close a moving endpoint's port, in seconds.
    ///
    /// A live leaf needs milliseconds; a dead one never answers, and its port is behind a record of an older epoch.
    public var moveDeadline: Int64 = 10
    /// How far the epoch of a record may be ahead of the last one. Were there no bound, one hostile record could use
    /// up all epochs of an identity.
    public var epochStep: Epoch = 1 << 16
    /// How many revisions of a policy are kept.
    public var policyHistory = 100
    /// How many bytes the revisions of a policy may have together, texts included, before the older ones are forgotten:
    /// 64 MiB, which is 100 of some 3,000 rules.
    public var policyHistoryBytes = 64 << 20
    /// How many groups an endpoint may be in; they are all in its certificate.
    public var groupsPerEndpoint = TrustLimits.groups
    /// How many unexpired certificates of one endpoint, or of one leaf itself, there may be; the oldest is revoked for a new one.
    public var certificatesPerHolder = 16
    /// How many locators a leaf may name.
    public var locatorsPerLeaf = 16
    /// How many Unicode scalars the detail of a port's failure is cut to.
    public var detailLength = 400
    /// What the hash of a new password costs; tests have a cheap one.
    public var passwordCost = PasswordCost.standard
    /// How long figures of an hour are kept, in seconds: 60 days.
    public var usageHours: Int64 = 60 * 86_400
    /// How long figures of a day are kept, in seconds: three years.
    public var usageDays: Int64 = 3 * 366 * 86_400
    /// How long a leaf may still tell what it had counted of an endpoint that has left it or is deleted, in seconds:
    /// 32 days, one more than leaves keep hours for which there was no controller.
    public var usageTenure: Int64 = 32 * 86_400
    /// The most that one leaf can carry, in bytes a second: 1 Tbit/s. Who tells of more is not believed.
    public var usageBytesPerSecond: UInt64 = 125_000_000_000
    /// How many counts one report may have.
    public var usageCounts = 10_000

    /// From when the copy is of which the directory was restored, to when it was; nil: it never was. What leaves were
    /// certified in between is in no note.
    public var unnoted: ClosedRange<Timestamp>?

    /// The values above.
    public init() {}
}
