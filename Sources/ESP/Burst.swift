/// What stands in a burst buffer: packets of one size, the last one perhaps shorter, for one destination.
///
/// It is sent by one sendmsg, with UDP_SEGMENT of ``segmentByteCount`` when there is more than one packet.
public struct Burst: Hashable, Sendable {
    /// The bytes of all packets.
    public private(set) var byteCount = 0
    /// The bytes of each packet but the last.
    public private(set) var segmentByteCount = 0
    /// The number of packets, at most ``ESPLimits/maximumBurstPackets``.
    public private(set) var packets = 0
    /// Whether a shorter packet was added, after which there can be none.
    public private(set) var isClosed = false

    /// Makes an empty burst.
    public init() {}

    /// Whether there is nothing to send.
    public var isEmpty: Bool { packets == 0 }

    /// Forgets what was sent.
    public mutating func reset() { self = Burst() }

    /// Adds a packet of a size behind the others; false where it does not fit, and nothing is changed.
    ///
    /// A packet fits behind others when it is no longer than they are, nothing shorter was added before, and neither
    /// their number nor their bytes go beyond one sendmsg.
    @usableFromInline
    mutating func add(_ count: Int) -> Bool {
        if packets == 0 {
            segmentByteCount = count
        } else {
            guard !isClosed, packets < ESPLimits.maximumBurstPackets, count <= segmentByteCount,
                byteCount &+ count <= ESPLimits.maximumBurstByteCount
            else { return false }
            isClosed = count < segmentByteCount
        }
        byteCount &+= count
        packets &+= 1
        return true
    }
}
