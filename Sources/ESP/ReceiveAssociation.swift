public import AEAD

/// One peer's queue as its receiver knows it: what the opener reads and changes.
///
/// Layout of 704 bytes, in the machine's own order, as it stands in shared memory: SPI (4), wire (4), level (1), seven
/// unused bytes, key (24), unused (24); then what changes: packets (8), bytes (8), replays (8), authentication failures
/// (8), refusals (8), unused (24), window (528), unused (48).
///
/// One thread changes an association. Others may read the counters one aligned word at a time.
public struct ReceiveAssociation: BitwiseCopyable, Sendable {
    /// The number by which packets name the association; 0 in a slot that has none.
    public let spi: UInt32
    /// The wire's slot, which is written into the destination address of its frames.
    public let wire: UInt32
    @usableFromInline let rawLevel: UInt8
    private let unused8: UInt8
    private let unused16: UInt16
    private let unused32: UInt32
    /// The key and the salt.
    public private(set) var key: PacketKey
    private let unused: InlineArray<3, UInt64>
    /// The packets that were authentic and new, dummies among them.
    public var packets: UInt64
    /// The bytes of the inner packets that were delivered.
    public var bytes: UInt64
    /// The packets that were behind the window or had been accepted before.
    public var replays: UInt64
    /// The packets with a wrong tag.
    public var failures: UInt64
    /// The packets that were refused for other reasons.
    public var refusals: UInt64
    private let spare: InlineArray<3, UInt64>
    /// The sequence numbers that were accepted.
    public var window: ReplayWindow
    private let rest: InlineArray<6, UInt64>

    /// Makes an association of which nothing has come.
    public init(spi: UInt32, wire: UInt32, key: PacketKey, level: SecurityLevel) {
        self.spi = spi
        self.wire = wire
        rawLevel = level.rawValue
        unused8 = 0
        unused16 = 0
        unused32 = 0
        self.key = key
        unused = .init(repeating: 0)
        packets = 0
        bytes = 0
        replays = 0
        failures = 0
        refusals = 0
        spare = .init(repeating: 0)
        window = ReplayWindow()
        rest = .init(repeating: 0)
    }

    /// The association's level; nil in memory that never held one.
    public var level: SecurityLevel? { SecurityLevel(rawValue: rawLevel) }

    /// Overwrites the association, its key first of all, with zeros in a way that the compiler keeps.
    public mutating func wipe() { secureWipe(&self) }

    /// Where the fields stand that other threads read.
    public enum Layout {
        /// The bytes of an association.
        public static let byteCount = 704
        /// The offset of ``ReceiveAssociation/packets``.
        public static let packets = 64
        /// The offset of ``ReceiveAssociation/bytes``.
        public static let bytes = 72
        /// The offset of ``ReceiveAssociation/replays``.
        public static let replays = 80
        /// The offset of ``ReceiveAssociation/failures``.
        public static let failures = 88
        /// The offset of ``ReceiveAssociation/refusals``.
        public static let refusals = 96
        /// The offset of ``ReplayWindow/highest``.
        public static let highest = 128
    }
}
