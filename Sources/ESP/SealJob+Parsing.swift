internal import AEAD

extension SealJob {
    /// Reads a frame, and completes the checksum of one that is not a super-packet.
    ///
    /// - Parameters:
    ///   - frame: virtio_net_hdr, Ethernet header, packet.
    ///   - byteCount: The bytes of the three.
    ///   - path: What fits.
    /// - Throws: ``ESPDrop/malformed``, ``ESPDrop/segmentation``, ``ESPDrop/tooBig``.
    init(_ frame: inout MutableSpan<UInt8>, byteCount: Int, path: ESPPath) throws(ESPDrop) {
        // 1. Everything out of the virtio_net_hdr first: an EtherIP header overwrites its end.
        guard byteCount >= ESPLimits.packetOffset else { throw .malformed }
        let offload = Offload(frame)

        // 2. What is it?
        switch frame.load16(ESPLimits.packetOffset &- 2) {
        case EtherTypes.ipv4:
            let (ipByteCount, end) = try Self.ipv4(frame, end: byteCount)
            try self.init(
                &frame, offload, end: end, nextHeader: NextHeaders.ipv4, ipByteCount: ipByteCount,
                transport: frame[ESPLimits.packetOffset &+ 9], path: path)
        case EtherTypes.ipv6:
            let end = try Self.ipv6(frame, end: byteCount)
            let (ipByteCount, transport) =
                offload.kind == VirtioNetHeader.Kind.none
                ? (40, NextHeaders.none) : try Self.ipv6Headers(frame, end: end)
            try self.init(
                &frame, offload, end: end, nextHeader: NextHeaders.ipv6, ipByteCount: ipByteCount,
                transport: transport, path: path)
        default:
            guard offload.kind == VirtioNetHeader.Kind.none else { throw .segmentation }
            let count = byteCount &- ESPLimits.vnetHeaderByteCount
            guard count <= path.innerFrameMTU else { throw .tooBig }
            try offload.completeChecksum(&frame, end: byteCount)
            // The slot's number is nobody else's business.
            frame.store(WireAddress.prefix, at: ESPLimits.vnetHeaderByteCount)
            frame.storeNative(0 as UInt32, at: ESPLimits.vnetHeaderByteCount &+ 2)
            let start = ESPLimits.vnetHeaderByteCount &- ESPLimits.etherIPByteCount
            frame.store(0x3000 as UInt16, at: start)
            self.init(whole: start, end: byteCount, nextHeader: NextHeaders.etherIP)
        }
    }

    /// An IP packet in `frame[packetOffset..<end]`.
    private init(
        _ frame: inout MutableSpan<UInt8>, _ offload: Offload, end: Int, nextHeader: UInt8, ipByteCount: Int,
        transport number: UInt8, path: ESPPath
    ) throws(ESPDrop) {
        let start = ESPLimits.packetOffset
        let transport = start &+ ipByteCount
        let isIPv6 = nextHeader == NextHeaders.ipv6
        let kind: Kind
        let headerByteCount: Int
        switch offload.kind {
        case VirtioNetHeader.Kind.none:
            guard end &- start <= path.innerMTU else { throw .tooBig }
            try offload.completeChecksum(&frame, end: end)
            self.init(whole: start, end: end, nextHeader: nextHeader)
            return
        case VirtioNetHeader.Kind.tcp4 where !isIPv6 && number == NextHeaders.tcp,
            VirtioNetHeader.Kind.tcp6 where isIPv6 && number == NextHeaders.tcp:
            guard end &- transport >= 20 else { throw .malformed }
            let tcpByteCount = Int(frame[transport &+ 12] &>> 4) &* 4
            guard tcpByteCount >= 20, end &- transport >= tcpByteCount else { throw .malformed }
            kind = .tcp
            headerByteCount = ipByteCount &+ tcpByteCount
        case VirtioNetHeader.Kind.udp where number == NextHeaders.udp:
            guard end &- transport >= 8 else { throw .malformed }
            kind = .udp
            headerByteCount = ipByteCount &+ 8
        default: throw .segmentation
        }
        // The endpoint's kernel says where the checksum starts: another place means that it reads the packet otherwise.
        guard offload.needsChecksum, offload.checksumStart == transport, offload.segmentByteCount > 0 else {
            throw .malformed
        }
        let payload = end &- start &- headerByteCount
        guard payload > 0 else { throw .malformed }
        // TCP is a stream of bytes, so its segments may be made smaller than asked for; datagrams are what they are.
        let room = path.innerMTU &- headerByteCount
        var segment = min(offload.segmentByteCount, payload)
        if segment > room {
            guard kind == .tcp, room > 0 else { throw .tooBig }
            segment = room
        }
        guard payload <= segment &* ESPLimits.maximumSegmentsPerFrame else { throw .segmentation }
        self.init(
            kind, in: frame, start: start, end: end, nextHeader: nextHeader, ipByteCount: ipByteCount,
            headerByteCount: headerByteCount, segmentByteCount: segment)
    }

    /// The bytes of an IPv4 header, and where its packet ends: Ethernet may have filled a short frame up.
    private static func ipv4(
        _ frame: borrowing MutableSpan<UInt8>, end: Int
    ) throws(ESPDrop) -> (ipByteCount: Int, end: Int) {
        let start = ESPLimits.packetOffset
        guard end &- start >= 20, frame[start] &>> 4 == 4 else { throw .malformed }
        let ipByteCount = Int(frame[start] & 0xf) &* 4
        let total = Int(frame.load16(start &+ 2))
        guard ipByteCount >= 20, total >= ipByteCount, total <= end &- start else { throw .malformed }
        return (ipByteCount, start &+ total)
    }

    /// Where an IPv6 packet ends.
    private static func ipv6(_ frame: borrowing MutableSpan<UInt8>, end: Int) throws(ESPDrop) -> Int {
        let start = ESPLimits.packetOffset
        guard end &- start >= 40, frame[start] &>> 4 == 6 else { throw .malformed }
        let payload = Int(frame.load16(start &+ 4))
        guard payload <= end &- start &- 40 else { throw .malformed }
        // No length and a hop-by-hop header is a jumbogram (RFC 2675), which no wire offers.
        guard payload > 0 || frame[start &+ 6] != NextHeaders.hopByHop else { throw .malformed }
        return start &+ 40 &+ payload
    }

    /// The bytes of an IPv6 header and its options, and what follows them.
    ///
    /// Routing headers change the destination in the checksum and fragments cannot be cut again: a super-packet has
    /// neither.
    private static func ipv6Headers(
        _ frame: borrowing MutableSpan<UInt8>, end: Int
    ) throws(ESPDrop) -> (ipByteCount: Int, transport: UInt8) {
        let start = ESPLimits.packetOffset
        var next = frame[start &+ 6]
        var offset = 40
        while next == NextHeaders.hopByHop || next == NextHeaders.destinationOptions {
            guard start &+ offset &+ 8 <= end else { throw .malformed }
            next = frame[start &+ offset]
            offset &+= (Int(frame[start &+ offset &+ 1]) &+ 1) &* 8
        }
        guard start &+ offset <= end else { throw .malformed }
        return (offset, next)
    }
}

/// What an endpoint's kernel left to its device, out of a frame's virtio_net_hdr.
struct Offload {
    let needsChecksum: Bool
    let kind: UInt8
    let segmentByteCount: Int
    /// Where the checksum starts, from the frame's beginning.
    let checksumStart: Int
    /// Where the checksum is kept, from its start.
    let checksumOffset: Int

    init(_ frame: borrowing MutableSpan<UInt8>) {
        needsChecksum = frame[VirtioNetHeader.flags] & VirtioNetHeader.needsChecksum != 0
        kind = frame[VirtioNetHeader.kind] & ~VirtioNetHeader.Kind.congestion
        segmentByteCount = Int(frame.load(VirtioNetHeader.segmentByteCount) as UInt16)
        checksumStart = ESPLimits.vnetHeaderByteCount &+ Int(frame.load(VirtioNetHeader.checksumStart) as UInt16)
        checksumOffset = Int(frame.load(VirtioNetHeader.checksumOffset) as UInt16)
    }

    /// Does what the device would have done: the field holds the pseudo-header's sum, the rest is added.
    func completeChecksum(_ frame: inout MutableSpan<UInt8>, end: Int) throws(ESPDrop) {
        guard needsChecksum else { return }
        let field = checksumStart &+ checksumOffset
        guard checksumStart >= ESPLimits.packetOffset, field &+ 2 <= end else { throw .malformed }
        let value = ~frame.internetSum(from: checksumStart, count: end &- checksumStart)
        // As Linux does for every protocol, since UDP needs it and to the others both zeros are one (RFC 1624).
        frame.storeNative(value == 0 ? 0xffff : value, at: field)
    }
}
