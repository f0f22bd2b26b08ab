/// All sizes of the audit on one page, derived from each other.
public enum AuditLimits {
    /// The longest short text (a name, an id, an address, a reason), in Unicode scalars; longer ones are cut.
    public static let text = 128
    /// The longest note and resource, in Unicode scalars.
    public static let note = 512
    /// The longest state before or after, in bytes of its canonical form; of longer ones the hash is kept.
    public static let state = 16 << 10
    /// How deep a state may be nested.
    public static let depth = 8
    /// The longest line: two states, two notes and ten short texts, each scalar as 12 characters at most, and keys:
    /// 2·16,384 + 12·(2·512 + 10·128) < 64 Ki.
    public static let line = 64 << 10
    /// How many faults a verification lists.
    public static let faults = 100
    /// How many refusals wait to be written; those that come when there is no room are counted.
    public static let waiting = 1_024
}
