public import AEAD

/// What the sealer has to know of the way to a peer.
///
/// Layout of 16 bytes: path MTU (4), inner MTU (4), family (1), level (1), six unused bytes.
public struct ESPPath: BitwiseCopyable, Hashable, Sendable {
    private let pathBytes: UInt32
    private let innerBytes: UInt32
    private let rawFamily: UInt8
    /// The raw ``AEAD/SecurityLevel`` that the wire demands.
    @usableFromInline let rawLevel: UInt8
    private let unused16: UInt16
    private let unused32: UInt32

    /// Computes the limits of a path.
    ///
    /// - Parameters:
    ///   - pathMTU: The longest outer IP packet that passes, in bytes.
    ///   - family: The underlay's IP version.
    ///   - level: What the wire's policy demands; an association of another level does not seal for it.
    /// - Throws: ``ESPLimitError``, with the limit.
    public init(pathMTU: Int, family: UnderlayFamily, level: SecurityLevel) throws(ESPLimitError) {
        let minimum = ESPLimits.minimumPathMTU(family)
        guard pathMTU >= minimum else { throw .mtuTooSmall(pathMTU, minimum: minimum) }
        guard pathMTU <= ESPLimits.maximumPathMTU else {
            throw .mtuTooLarge(pathMTU, maximum: ESPLimits.maximumPathMTU)
        }
        pathBytes = UInt32(pathMTU)
        innerBytes = UInt32(ESPLimits.innerMTU(pathMTU: pathMTU, family: family))
        rawFamily = family.rawValue
        rawLevel = level.rawValue
        unused16 = 0
        unused32 = 0
    }

    /// The longest outer IP packet, in bytes.
    public var pathMTU: Int { Int(pathBytes) }
    /// The longest inner IP packet, in bytes.
    public var innerMTU: Int { Int(innerBytes) }
    /// The longest Ethernet frame that is carried in EtherIP, in bytes.
    public var innerFrameMTU: Int { innerMTU - ESPLimits.etherIPByteCount }
    /// The underlay's IP version; nil in memory that never held a path.
    public var family: UnderlayFamily? { UnderlayFamily(rawValue: rawFamily) }
    /// The level that the wire demands; nil in memory that never held a path.
    public var level: SecurityLevel? { SecurityLevel(rawValue: rawLevel) }

    /// The full-sized packets of one burst: what `gso_max_segs` of the device should say.
    public var superPacketSegments: Int {
        min(
            ESPLimits.maximumBurstPackets,
            ESPLimits.maximumBurstByteCount / ESPLimits.packetByteCount(innerMTU))
    }

    /// The longest super-packet that surely leaves in one burst, whatever its headers: for `gso_max_size`.
    public var superPacketByteCount: Int {
        min(ESPLimits.maximumJoinedByteCount, superPacketSegments * (innerMTU - ESPLimits.maximumJoinHeaderByteCount))
    }
}

/// A limit that a configured value breaks.
public enum ESPLimitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No inner packet of ``ESPLimits/minimumInnerMTU`` bytes would fit.
    case mtuTooSmall(Int, minimum: Int)
    /// No outer packet is that long.
    case mtuTooLarge(Int, maximum: Int)

    public var description: String {
        switch self {
        case .mtuTooSmall(let mtu, let minimum):
            "path MTU \(mtu) is too small for a protected wire: at least \(minimum)"
        case .mtuTooLarge(let mtu, let maximum): "path MTU \(mtu) is too large: at most \(maximum)"
        }
    }
}
