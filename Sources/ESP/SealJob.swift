internal import AEAD

/// One frame while it is being sealed: where its headers stand, and how far it has come.
///
/// A super-packet is sealed out of the buffer in which it was read, without a copy: the headers of each segment are
/// moved to just before its payload, over the end of the payload before it, which is sealed already; the trailer is
/// written over the beginning of the payload after it, whose bytes are kept and put back.
public struct SealJob: Sendable {
    enum Kind {
        /// One packet or frame as it is.
        case whole
        case tcp, udp
    }

    /// What stands in the frame, ready for the cipher.
    @usableFromInline struct Piece {
        /// Where the sealed bytes begin.
        @usableFromInline let start: Int
        /// The sealed bytes with padding and trailer.
        @usableFromInline let count: Int
        /// The bytes of the inner packet.
        @usableFromInline let inner: Int
        /// What stood where the trailer does.
        let kept: UInt64
    }

    let kind: Kind
    let nextHeader: UInt8
    /// The bytes of the headers that every segment repeats; 0 for a whole packet.
    let headerByteCount: Int
    /// The bytes of the IP headers among them.
    let ipByteCount: Int
    /// The payload bytes of each segment but the last.
    let segmentByteCount: Int
    /// Where the payload ends.
    let end: Int
    /// The sum of the pseudo-header without its length, in the machine's own order.
    let pseudoSum: UInt64
    /// TCP's flags of the super-packet.
    let flags: UInt8
    /// Where the payload that was not sealed yet begins.
    private(set) var cursor: Int
    /// Where the headers stand at the moment.
    private(set) var headerOffset: Int
    /// TCP's sequence number of the next segment.
    private var tcpSequence: UInt32
    /// The IPv4 identification of the next segment.
    private var identification: UInt16
    private var isFirst = true

    /// A packet or frame in `frame[start..<end]` that is sealed as it is.
    init(whole start: Int, end: Int, nextHeader: UInt8) {
        kind = .whole
        self.nextHeader = nextHeader
        headerByteCount = 0
        ipByteCount = 0
        segmentByteCount = end &- start
        self.end = end
        pseudoSum = 0
        flags = 0
        cursor = start
        headerOffset = start
        tcpSequence = 0
        identification = 0
    }

    /// A super-packet whose headers begin at `start`.
    init(
        _ kind: Kind, in frame: borrowing MutableSpan<UInt8>, start: Int, end: Int, nextHeader: UInt8, ipByteCount: Int,
        headerByteCount: Int, segmentByteCount: Int
    ) {
        self.kind = kind
        self.nextHeader = nextHeader
        self.headerByteCount = headerByteCount
        self.ipByteCount = ipByteCount
        self.segmentByteCount = segmentByteCount
        self.end = end
        cursor = start &+ headerByteCount
        headerOffset = start
        let isIPv6 = nextHeader == NextHeaders.ipv6
        let addresses =
            isIPv6
            ? frame.internetSum(from: start &+ 8, count: 32) : frame.internetSum(from: start &+ 12, count: 8)
        let number = kind == .tcp ? NextHeaders.tcp : NextHeaders.udp
        pseudoSum = UInt64(addresses) &+ UInt64(UInt16(number).bigEndian)
        identification = isIPv6 ? 0 : frame.load16(start &+ 4)
        tcpSequence = kind == .tcp ? frame.load32(start &+ ipByteCount &+ 4) : 0
        flags = kind == .tcp ? frame[start &+ ipByteCount &+ 13] : 0
    }

    /// Whether all was sealed.
    @usableFromInline var isDone: Bool { cursor >= end }

    /// The payload bytes of the next segment.
    private var nextCount: Int { min(segmentByteCount, end &- cursor) }

    /// The bytes on the wire of the next segment.
    @usableFromInline var nextPacketByteCount: Int { ESPLimits.packetByteCount(headerByteCount &+ nextCount) }

    /// Writes headers and trailer of the next segment around its payload.
    @usableFromInline
    mutating func prepare(_ frame: inout MutableSpan<UInt8>) -> Piece {
        let count = nextCount
        let start = cursor &- headerByteCount
        if kind != .whole {
            if start != headerOffset {
                frame.move(from: headerOffset, to: start, count: headerByteCount)
                headerOffset = start
            }
            complete(&frame, start: start, count: count)
        }
        cursor &+= count
        // Padding 1, 2, 3, its length, the next header (RFC 4303, section 2.4), as one number whose lowest byte is first.
        let inner = headerByteCount &+ count
        let missing = (0 &- (inner &+ ESPLimits.trailerByteCount)) & (ESPLimits.alignment &- 1)
        let padding = UInt64(truncatingIfNeeded: missing)
        let trailer =
            (0x03_02_01 & ((1 &<< (padding &* 8)) &- 1)) | padding &<< (padding &* 8)
            | UInt64(nextHeader) &<< (padding &* 8 &+ 8)
        let kept: UInt64 = frame.load(cursor)
        frame.storeNative(trailer.littleEndian, at: cursor)
        return Piece(
            start: start, count: inner &+ missing &+ ESPLimits.trailerByteCount, inner: inner,
            kept: kept)
    }

    /// Puts back what the trailer was written over.
    @usableFromInline
    func finish(_ piece: Piece, _ frame: inout MutableSpan<UInt8>) {
        frame.storeNative(piece.kept, at: piece.start &+ piece.inner)
    }

    /// Makes the headers those of one segment (what Linux's tcp_gso_segment and __udp_gso_segment do).
    private mutating func complete(_ frame: inout MutableSpan<UInt8>, start: Int, count: Int) {
        // 1. IP: length, identification, checksum.
        if nextHeader == NextHeaders.ipv6 {
            frame.store(UInt16(truncatingIfNeeded: headerByteCount &+ count &- 40), at: start &+ 4)
        } else {
            frame.store(UInt16(truncatingIfNeeded: headerByteCount &+ count), at: start &+ 2)
            frame.store(identification, at: start &+ 4)
            frame.storeNative(0 as UInt16, at: start &+ 10)
            frame.storeNative(~frame.internetSum(from: start, count: ipByteCount), at: start &+ 10)
            identification &+= 1
        }

        // 2. TCP: sequence number; FIN and PSH belong to the last segment, CWR to the first (RFC 3168, section 6.1.2).
        let transport = start &+ ipByteCount
        let transportCount = headerByteCount &- ipByteCount &+ count
        let checksum: Int
        if kind == .tcp {
            checksum = transport &+ 16
            var flags = flags
            if cursor &+ count < end { flags &= ~(TCPFlags.fin | TCPFlags.psh) }
            if !isFirst { flags &= ~TCPFlags.cwr }
            frame.store(tcpSequence, at: transport &+ 4)
            frame[transport &+ 13] = flags
            tcpSequence &+= UInt32(truncatingIfNeeded: count)
        } else {
            checksum = transport &+ 6
            frame.store(UInt16(truncatingIfNeeded: transportCount), at: transport &+ 4)
        }
        isFirst = false

        // 3. The checksum over all of it.
        frame.storeNative(0 as UInt16, at: checksum)
        let sum =
            pseudoSum &+ UInt64(UInt16(truncatingIfNeeded: transportCount).bigEndian)
            &+ UInt64(frame.internetSum(from: transport, count: transportCount))
        let value = ~foldInternetSum(sum)
        // UDP writes a checksum of zero as all ones, since zero means that there is none (RFC 768).
        frame.storeNative(kind == .udp && value == 0 ? 0xffff : value, at: checksum)
    }
}
