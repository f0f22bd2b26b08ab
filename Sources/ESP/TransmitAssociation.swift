public import AEAD

/// One queue's way to one peer: what the sealer reads and changes.
///
/// Layout of 128 bytes, in the machine's own order, as it stands in shared memory: SPI (4), wire (4), level (1), seven
/// unused bytes, key (24), path (16), eight unused bytes; then, in a cache line of its own, what changes: the last
/// sequence number (8), packets (8), bytes (8), refusals (8), unused (32).
///
/// One thread changes an association. Others may read the four counters one aligned word at a time.
public struct TransmitAssociation: BitwiseCopyable, Sendable {
    /// The number by which the receiver knows the association; 0 in a slot that has none.
    public let spi: UInt32
    /// The wire's slot, as it stands in the frames' destination address.
    public let wire: UInt32
    @usableFromInline let rawLevel: UInt8
    private let unused8: UInt8
    private let unused16: UInt16
    private let unused32: UInt32
    /// The key and the salt.
    public private(set) var key: PacketKey
    /// The way to the peer. It may change while the association lives.
    public var path: ESPPath
    private let unused64: UInt64
    /// The last sequence number that was taken, which is also the last initialisation vector; 0 before the first.
    ///
    /// It is stored before a packet is sealed, so that whoever goes on with the table never uses a nonce twice.
    public var sequence: UInt64
    /// The packets that were sealed.
    public var packets: UInt64
    /// The bytes of the inner packets that were sealed.
    public var bytes: UInt64
    /// The packets that this association did not seal.
    public var refusals: UInt64
    private let spare: InlineArray<4, UInt64>

    /// Makes an association of which nothing was sent.
    public init(spi: UInt32, wire: UInt32, key: PacketKey, level: SecurityLevel, path: ESPPath) {
        self.spi = spi
        self.wire = wire
        rawLevel = level.rawValue
        unused8 = 0
        unused16 = 0
        unused32 = 0
        self.key = key
        self.path = path
        unused64 = 0
        sequence = 0
        packets = 0
        bytes = 0
        refusals = 0
        spare = .init(repeating: 0)
    }

    /// The association's level; nil in memory that never held one.
    public var level: SecurityLevel? { SecurityLevel(rawValue: rawLevel) }

    /// Overwrites the association, its key first of all, with zeros in a way that the compiler keeps.
    public mutating func wipe() { secureWipe(&self) }

    /// Where the fields stand that other threads read.
    public enum Layout {
        /// The bytes of an association.
        public static let byteCount = 128
        /// The offset of ``TransmitAssociation/sequence``.
        public static let sequence = 64
        /// The offset of ``TransmitAssociation/packets``.
        public static let packets = 72
        /// The offset of ``TransmitAssociation/bytes``.
        public static let bytes = 80
        /// The offset of ``TransmitAssociation/refusals``.
        public static let refusals = 88
    }
}
