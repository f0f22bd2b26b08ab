/// Why a packet was dropped, at either end.
public enum ESPDrop: UInt8, CaseIterable, Error, Hashable, Sendable, CustomStringConvertible {
    // Received
    /// SPI zero: key exchange on the same port (RFC 3948, section 2.2).
    case notESP
    /// One byte of ones that keeps a NAT open (RFC 3948, section 2.3).
    case keepalive
    /// Lengths, padding or headers that contradict each other.
    case malformed
    /// No association has the SPI.
    case unknownSPI
    /// The association belongs to another queue.
    case wrongQueue
    /// The association was taken out of use.
    case retired
    /// The sequence number was accepted before.
    case replay
    /// The sequence number is behind the window, or can never have been sent.
    case tooOld
    /// Context, association and path differ in their level.
    case levelMismatch
    /// The tag is wrong.
    case authentication
    /// An authentic dummy packet, which hides how much is sent (RFC 4303, section 2.6).
    case dummy
    /// An authentic packet of a kind that wires do not carry.
    case nextHeader

    // Sent
    /// Too long for the path.
    case tooBig
    /// A super-packet of a kind that was never offered to the endpoint, or in too many segments.
    case segmentation
    /// Every sequence number was used.
    case sequenceExhausted
    /// The library refused to seal.
    case cipher

    /// The name under which the reason is counted and reported; it never changes.
    public var description: String {
        switch self {
        case .notESP: "not-esp"
        case .keepalive: "keepalive"
        case .malformed: "malformed"
        case .unknownSPI: "unknown-spi"
        case .wrongQueue: "wrong-queue"
        case .retired: "retired"
        case .replay: "replay"
        case .tooOld: "too-old"
        case .levelMismatch: "level-mismatch"
        case .authentication: "authentication"
        case .dummy: "dummy"
        case .nextHeader: "next-header"
        case .tooBig: "too-big"
        case .segmentation: "segmentation"
        case .sequenceExhausted: "sequence-exhausted"
        case .cipher: "cipher"
        }
    }
}

/// How often each reason dropped a packet.
///
/// Layout: one 64-bit number a reason, in the order of the raw values.
public struct ESPDropCounters: BitwiseCopyable, Sendable {
    @usableFromInline var counts: InlineArray<16, UInt64>

    /// Makes counters that are zero.
    public init() { counts = .init(repeating: 0) }

    /// How often a reason dropped a packet.
    public subscript(drop: ESPDrop) -> UInt64 { counts[Int(drop.rawValue)] }

    /// All reasons together.
    public var total: UInt64 { ESPDrop.allCases.reduce(0) { $0 &+ self[$1] } }

    @inlinable @inline(__always)
    mutating func count(_ drop: ESPDrop) { counts[Int(drop.rawValue)] &+= 1 }
}
