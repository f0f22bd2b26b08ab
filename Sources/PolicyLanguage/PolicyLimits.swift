import NetTypes

/// How large a document of the policy language may be, and the parts of one. All limits are on this page.
///
/// They bound time and memory before anything is believed: a document comes from outside.
public enum PolicyLimits {
    /// The version of the language that this library reads.
    public static let version = 1
    /// The most bytes of a document's text, YAML or canonical: 8 MiB, which is 10,000 rules and 100,000 members.
    public static let documentBytes = 8 << 20
    /// The most bytes of one line of YAML.
    public static let lineBytes = 64 << 10
    /// The most bytes of one scalar: no value of the language is longer.
    public static let scalarBytes = 1_024
    /// The most lists and maps inside one another in the text; a document without set operations has five.
    public static let textDepth = 24
    /// The most scalars, lists and maps of a document: 10,000 rules have some 200,000. An attacker makes others work with
    /// some 200 bytes for each of them.
    public static let values = 600_000
    /// The farthest right that a line of YAML may begin, in columns, which bounds the depth of its blocks.
    public static let indentation = 96
    /// The deepest that set operations may stand inside one another, counted through the groups that they name.
    public static let groupDepth = 16
    /// The most groups of a document.
    public static let groups = 20_000
    /// The most names in one list of members.
    public static let members = 200_000
    /// The most operands of one `any` or `all`, and the most values of one `in` or `notin`.
    public static let operands = 256
    /// The most outside networks of a document.
    public static let networks = 1_000
    /// The most prefixes of one outside network.
    public static let prefixes = 1_000
    /// The most tiers that a tenant may have.
    public static let tiers = 16
    /// The most rules of a document.
    public static let rules = 20_000
    /// The most port matches of one rule.
    public static let ports = 64
    /// The most time windows of one rule.
    public static let windows = 16
    /// The most tests of a document.
    public static let tests = 2_000
    /// The highest priority number; 0 decides first.
    public static let priority = 1_000
    /// The priority of a rule that gives none.
    public static let defaultPriority = 500
    /// The highest security level of an endpoint.
    public static let level = 255
    /// The longest reason of a test, in bytes.
    public static let reasonBytes = 256
    /// The most bytes of a label's key, and of its value.
    public static let labelBytes = PolicyLabel.wordBytes
    /// The least and the most bits per second of a rate: below, a packet would take seconds; above, there is no port.
    public static let rate: ClosedRange<UInt64> = 8_000...1_000_000_000_000
    /// The least and the most bytes of a burst: one full packet to 1 GiB.
    public static let burst: ClosedRange<UInt64> = 1_500...1 << 30
    /// The most findings that are reported about one document.
    public static let findings = 100
    /// The most comparisons in search of conflicts, after which the search says that it stopped.
    public static let conflictComparisons = 4_000_000
    /// The most pairs of classes that a diff compares, after which it says that it stopped.
    public static let diffPairs = 200_000
}
