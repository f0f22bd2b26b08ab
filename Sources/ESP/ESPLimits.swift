internal import AEAD

/// Every size and limit of the protected path, derived from each other.
///
/// A packet on the wire: UDP header (8), SPI (4), low half of the sequence number (4), initialisation vector (8), then
/// sealed or, at level auth, only authenticated: the inner packet, padding 1, 2, 3 (0 to 3), padding length (1), next
/// header (1); then the tag (16). RFC 4303, RFC 4106, RFC 4543, RFC 3948.
///
/// A frame to or from a TAP: virtio_net_hdr (10), Ethernet header (14), packet.
public enum ESPLimits {
    // MARK: The packet on the wire

    /// SPI and low half of the sequence number (RFC 4303, section 2).
    public static let espHeaderByteCount = 8
    /// What stands before the sealed bytes.
    public static let headerByteCount = espHeaderByteCount + CipherSizes.iv
    /// Padding length and next header.
    public static let trailerByteCount = 2
    /// The sealed bytes are a multiple of this (RFC 4303, section 2.4).
    public static let alignment = 4
    /// What every packet costs, beside its padding.
    public static let fixedByteCount = headerByteCount + CipherSizes.tag
    /// The shortest packet: nothing but a trailer, aligned.
    public static let minimumPacketByteCount = fixedByteCount + alignment
    /// The UDP header around it (RFC 3948, section 2.1).
    public static let udpHeaderByteCount = 8
    /// The UDP port of ESP in UDP (RFC 3948).
    public static let udpPort: UInt16 = 4_500
    /// The header of an Ethernet frame in IP: version 3 and twelve zero bits (RFC 3378).
    public static let etherIPByteCount = 2

    // MARK: Frames

    /// virtio_net_hdr without the count of buffers; TUNSETVNETHDRSZ must say the same.
    public static let vnetHeaderByteCount = 10
    /// Destination, source, type.
    public static let ethernetByteCount = 14
    /// Where the packet begins in a frame.
    public static let packetOffset = vnetHeaderByteCount + ethernetByteCount
    /// The longest inner packet: an IPv6 header and the most that its length field can say.
    public static let maximumInnerByteCount = 40 + 65_535
    /// The longest super-packet that is put together: what an IPv4 length field can say.
    public static let maximumJoinedByteCount = 65_535
    /// The bytes behind a frame that the sealer writes its trailers into and restores.
    public static let tailroomByteCount = 8
    /// The room to read a frame into, with its tail room.
    public static let frameBufferByteCount = (packetOffset + maximumInnerByteCount + tailroomByteCount + 63) & ~63

    // MARK: Segments

    /// The most segments that one super-packet may become: the longest one in the smallest segments that Linux sends
    /// (TCP_MIN_SND_MSS, 48). Without a limit, one frame of 64 KiB could ask for 65,535 packets.
    public static let maximumSegmentsPerFrame = maximumInnerByteCount / 48
    /// The most datagrams of one sendmsg with UDP_SEGMENT (UDP_MAX_SEGMENTS), and of one that UDP_GRO gives.
    public static let maximumBurstPackets = 64
    /// The most bytes of one sendmsg: what a UDP datagram over IPv4 can hold. Over IPv6 it could be 20 more.
    public static let maximumBurstByteCount = 65_535 - 20 - udpHeaderByteCount
    /// The room for a burst, to send or to receive.
    public static let burstBufferByteCount = 65_536

    // MARK: Joining

    /// The longest headers that are joined: IPv6 without extensions and TCP with all its options.
    public static let maximumJoinHeaderByteCount = 40 + 60
    /// The room in which the opener keeps headers aside; two of them stand at the beginning of its buffer.
    static let asideByteCount = 128
    /// Where the opener puts a packet when nothing is pending.
    static let joinBase = 2 * asideByteCount + packetOffset
    /// The room for what the opener puts together: a whole super-packet, one packet more, and once more their room, so
    /// that packets that do not join seldom make it begin anew.
    public static let joinBufferByteCount = joinBase + 3 * 65_536

    // MARK: Sequence numbers

    /// How far behind the highest sequence number a packet may come (RFC 6479).
    public static let replayWindow = 4_096

    // MARK: Path MTU

    /// The smallest inner MTU with which a wire is of use: the smallest one of IPv4 (RFC 791).
    public static let minimumInnerMTU = 68
    /// The largest path MTU: what the length field of the outer IPv4 header can say.
    public static let maximumPathMTU = 65_535

    /// The smallest path MTU over an underlay.
    public static func minimumPathMTU(_ family: UnderlayFamily) -> Int {
        family.headerByteCount + udpHeaderByteCount + packetByteCount(minimumInnerMTU)
    }

    /// The longest inner packet that leaves whole, with everything around it, on a path.
    ///
    /// Both levels cost the same: the tag and the vector are of one size, and so is the alignment.
    public static func innerMTU(pathMTU: Int, family: UnderlayFamily) -> Int {
        let room = pathMTU - family.headerByteCount - udpHeaderByteCount - fixedByteCount
        return room & ~(alignment - 1) - trailerByteCount
    }

    /// The bytes of an ESP packet, without UDP, around an inner packet.
    @inlinable @inline(__always)
    public static func packetByteCount(_ inner: Int) -> Int {
        fixedByteCount &+ ((inner &+ trailerByteCount &+ (alignment &- 1)) & ~(alignment &- 1))
    }
}
