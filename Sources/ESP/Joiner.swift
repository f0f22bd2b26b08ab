internal import AEAD

/// Puts the segments of one flow together again, in the buffer into which they are opened.
///
/// At most one super-packet is pending. The next packet is opened to its end less its headers' length, so that the new
/// payload comes to stand behind the pending one without a copy; the bytes that the new headers overwrite are kept aside
/// and put back. Whatever does not continue the pending packet makes it leave first, so no packet passes another.
@usableFromInline
struct Joiner: Sendable {
    /// A frame ready to leave: `[start, end)` of the buffer.
    @usableFromInline struct Outgoing {
        @usableFromInline let start: Int
        @usableFromInline let end: Int
        @usableFromInline let slot: Int
        @usableFromInline let packets: Int
    }

    /// What came of a packet that was opened while another was pending.
    @usableFromInline enum Joining {
        /// It is part of the pending packet now.
        case joined
        /// It is, and nothing can follow it.
        case last
        /// It is not: the pending packet leaves first.
        case separate
    }

    private let joinsTCP: Bool
    private let joinsUDP: Bool
    /// How many packets are joined in the pending one; 0 when nothing is pending.
    private(set) var packets = 0
    private var pending: InnerPacket?
    private var end = 0
    private var slot = 0
    private var wire: UInt32 = 0
    private var segmentByteCount = 0
    private var nextSequence: UInt32 = 0
    private var identification: UInt16 = 0
    private var hasPush = false

    init(joinsTCP: Bool, joinsUDP: Bool) {
        self.joinsTCP = joinsTCP
        self.joinsUDP = joinsUDP
    }

    /// Whether a packet is pending.
    @usableFromInline var isPending: Bool { packets != 0 }

    // MARK: 1. Before a packet is opened

    /// Whether a packet of so many opened bytes finds room behind the pending one.
    @usableFromInline
    func hasRoom(_ count: Int, _ bytes: borrowing MutableSpan<UInt8>) -> Bool {
        packets == 0 || target &+ count <= bytes.count
    }

    /// Where the next packet is to be opened.
    @usableFromInline var target: Int {
        guard packets != 0, let pending else { return ESPLimits.joinBase }
        return end &- pending.headerByteCount
    }

    /// Keeps aside what the next packet's headers overwrite.
    @usableFromInline
    func keep(_ bytes: inout MutableSpan<UInt8>) {
        guard packets != 0, let pending else { return }
        bytes.move(from: target, to: 0, count: pending.headerByteCount)
    }

    // MARK: 2. After it was opened

    /// Puts back what was overwritten, after a packet that is not delivered.
    @usableFromInline
    func restore(_ bytes: inout MutableSpan<UInt8>) {
        guard packets != 0, let pending else { return }
        bytes.move(from: 0, to: target, count: pending.headerByteCount)
    }

    /// Joins a packet that was opened to ``target``, or puts it aside for the pending one to leave.
    @usableFromInline
    mutating func join(_ bytes: inout MutableSpan<UInt8>, _ packet: InnerPacket, slot: Int) -> Joining {
        guard packets != 0, let pending else { return .separate }
        let last = continues(bytes, pending, packet, slot)
        guard let last else {
            // The new headers go aside, the old payload's end comes back.
            bytes.move(from: target, to: ESPLimits.asideByteCount, count: pending.headerByteCount)
            restore(&bytes)
            return .separate
        }
        restore(&bytes)
        end &+= packet.payloadByteCount
        nextSequence &+= UInt32(truncatingIfNeeded: packet.payloadByteCount)
        packets &+= 1
        return last ? .last : .joined
    }

    /// Puts a separate packet back to where it was opened, after the pending one has left.
    @usableFromInline
    func bringBack(_ bytes: inout MutableSpan<UInt8>, to target: Int, count: Int) {
        bytes.move(from: ESPLimits.asideByteCount, to: target, count: count)
    }

    /// The bytes of the pending packet's headers, which is how many of a separate packet were put aside.
    @usableFromInline var headerByteCount: Int { packets != 0 ? pending?.headerByteCount ?? 0 : 0 }

    /// Makes a packet the pending one, or the frame to be delivered at once where nothing can continue it.
    @usableFromInline
    mutating func start(
        _ bytes: inout MutableSpan<UInt8>, _ packet: InnerPacket, slot: Int, wire: UInt32
    ) -> Outgoing? {
        guard canBegin(bytes, packet) else {
            return Self.single(&bytes, packet, slot: slot, wire: wire)
        }
        let transport = packet.start &+ packet.ipByteCount
        pending = packet
        packets = 1
        end = packet.end
        self.slot = slot
        self.wire = wire
        segmentByteCount = packet.payloadByteCount
        nextSequence =
            packet.transport == .tcp
            ? bytes.load32(transport &+ 4) &+ UInt32(truncatingIfNeeded: packet.payloadByteCount) : 0
        identification = packet.kind == .ipv4 ? bytes.load16(packet.start &+ 4) : 0
        hasPush = false
        return nil
    }

    // MARK: 3. Leaving

    /// Ends the pending packet, and makes a frame of it; nil when there is none.
    @usableFromInline
    mutating func finish(_ bytes: inout MutableSpan<UInt8>) -> Outgoing? {
        guard packets != 0, let first = pending else { return nil }
        let joined = packets
        packets = 0
        pending = nil
        guard joined > 1 else { return Self.single(&bytes, first, slot: slot, wire: wire) }
        completeHeaders(&bytes, first)
        let start = Self.writeHeaders(&bytes, first, wire: wire)
        // The receiver's kernel cuts or checks it as if it had never been cut.
        let isTCP = first.transport == .tcp
        let kind =
            !isTCP
            ? VirtioNetHeader.Kind.udp : first.kind == .ipv6 ? VirtioNetHeader.Kind.tcp6 : VirtioNetHeader.Kind.tcp4
        bytes[start &+ VirtioNetHeader.flags] = VirtioNetHeader.needsChecksum
        bytes[start &+ VirtioNetHeader.kind] = kind
        let headers = ESPLimits.ethernetByteCount &+ first.headerByteCount
        bytes.storeNative(UInt16(truncatingIfNeeded: headers), at: start &+ VirtioNetHeader.headerByteCount)
        bytes.storeNative(UInt16(truncatingIfNeeded: segmentByteCount), at: start &+ VirtioNetHeader.segmentByteCount)
        let transport = ESPLimits.ethernetByteCount &+ first.ipByteCount
        bytes.storeNative(UInt16(truncatingIfNeeded: transport), at: start &+ VirtioNetHeader.checksumStart)
        bytes.storeNative(isTCP ? 16 : 6 as UInt16, at: start &+ VirtioNetHeader.checksumOffset)
        return Outgoing(start: start, end: end, slot: slot, packets: joined)
    }

    // MARK: The rules

    /// Whether others could continue a packet.
    private func canBegin(_ bytes: borrowing MutableSpan<UInt8>, _ packet: InnerPacket) -> Bool {
        switch packet.transport {
        case .none: return false
        case .tcp:
            guard joinsTCP, bytes[packet.start &+ packet.ipByteCount &+ 13] & TCPFlags.psh == 0 else { return false }
        case .udp:
            guard joinsUDP else { return false }
        }
        // The next packet's headers must not reach into this one's, with which they are compared.
        return packet.payloadByteCount >= packet.headerByteCount
    }

    /// Whether a packet is what a super-packet's cutting would make next; if so, whether it must be the last.
    private mutating func continues(
        _ bytes: borrowing MutableSpan<UInt8>, _ first: InnerPacket, _ packet: InnerPacket, _ slot: Int
    ) -> Bool? {
        // 1. The same association, shape and size, and room for it.
        guard slot == self.slot, packet.kind == first.kind, packet.transport == first.transport,
            packet.headerByteCount == first.headerByteCount, packet.payloadByteCount <= segmentByteCount,
            end &- first.start &+ packet.payloadByteCount <= ESPLimits.maximumJoinedByteCount
        else { return nil }

        // 2. The same flow, handled in the same way.
        let a = first.start
        let b = packet.start
        if first.kind == .ipv4 {
            // Version, length, class; time to live and protocol; addresses.
            guard bytes.load16(a) == bytes.load16(b), bytes.load16(a &+ 8) == bytes.load16(b &+ 8),
                bytes.load64(a &+ 12) == bytes.load64(b &+ 12), bytes.load16(a &+ 6) == bytes.load16(b &+ 6)
            else { return nil }
            // The identification counts, as a super-packet's segments do. Where no packet may be cut again it means
            // nothing (RFC 6864) and may stand still.
            let number = bytes.load16(b &+ 4)
            guard
                number == identification &+ UInt16(truncatingIfNeeded: packets)
                    || (number == identification && bytes[a &+ 6] & 0x40 != 0)
            else { return nil }
        } else {
            // Version, class, label; next header and hop limit; addresses.
            guard bytes.load32(a) == bytes.load32(b), bytes.load16(a &+ 6) == bytes.load16(b &+ 6),
                bytes.load64(a &+ 8) == bytes.load64(b &+ 8), bytes.load64(a &+ 16) == bytes.load64(b &+ 16),
                bytes.load64(a &+ 24) == bytes.load64(b &+ 24), bytes.load64(a &+ 32) == bytes.load64(b &+ 32)
            else { return nil }
        }
        let c = a &+ first.ipByteCount
        let d = b &+ packet.ipByteCount
        guard bytes.load32(c) == bytes.load32(d) else { return nil }
        var isLast = packet.payloadByteCount < segmentByteCount
        var pushes = false
        if first.transport == .tcp {
            // 3. The next bytes of the stream, acknowledging the same, with the same window and options.
            pushes = bytes[d &+ 13] & TCPFlags.psh != 0
            guard bytes.load32(d &+ 4) == nextSequence, bytes.load32(c &+ 8) == bytes.load32(d &+ 8),
                bytes[c &+ 12] == bytes[d &+ 12], bytes[c &+ 13] == bytes[d &+ 13] & ~TCPFlags.psh,
                bytes.load16(c &+ 14) == bytes.load16(d &+ 14)
            else { return nil }
            var option = 20
            while option < first.headerByteCount &- first.ipByteCount {
                guard bytes.load32(c &+ option) == bytes.load32(d &+ option) else { return nil }
                option &+= 4
            }
            isLast = isLast || pushes
        } else {
            isLast = isLast || packets &+ 1 == ESPLimits.maximumBurstPackets
        }

        // 4. Whole ones only. The first was not looked at yet: most packets that stay alone never are.
        guard packets > 1 || firstIsWhole(bytes, first), packet.hasRightChecksums(bytes) else { return nil }
        hasPush = pushes
        return isLast
    }

    /// Whether the pending packet's checksums are right, while the end of its payload stands aside.
    private func firstIsWhole(_ bytes: borrowing MutableSpan<UInt8>, _ first: InnerPacket) -> Bool {
        if first.kind == .ipv4, bytes.internetSum(from: first.start, count: 20) != 0xffff { return false }
        let transport = first.start &+ first.ipByteCount
        let count = first.end &- transport
        let kept = first.headerByteCount
        // The kept bytes begin at an even distance or not; a sum from an odd one has its bytes swapped (RFC 1071).
        let before = count &- kept
        let aside = bytes.internetSum(from: 0, count: kept)
        let sum =
            first.pseudoSum(bytes) &+ UInt64(UInt16(truncatingIfNeeded: count).bigEndian)
            &+ UInt64(bytes.internetSum(from: transport, count: before))
            &+ UInt64(before & 1 == 0 ? aside : aside.byteSwapped)
        return foldInternetSum(sum) == 0xffff
    }

    // MARK: Headers

    /// Makes the headers of the first packet those of all of them, with a checksum that the receiver completes.
    private func completeHeaders(_ bytes: inout MutableSpan<UInt8>, _ first: InnerPacket) {
        let start = first.start
        if first.kind == .ipv4 {
            bytes.store(UInt16(truncatingIfNeeded: end &- start), at: start &+ 2)
            bytes.storeNative(0 as UInt16, at: start &+ 10)
            bytes.storeNative(~bytes.internetSum(from: start, count: 20), at: start &+ 10)
        } else {
            bytes.store(UInt16(truncatingIfNeeded: end &- start &- 40), at: start &+ 4)
        }
        let transport = start &+ first.ipByteCount
        let count = UInt16(truncatingIfNeeded: end &- transport)
        let partial = foldInternetSum(first.pseudoSum(bytes) &+ UInt64(count.bigEndian))
        if first.transport == .tcp {
            if hasPush { bytes[transport &+ 13] |= TCPFlags.psh }
            bytes.storeNative(partial, at: transport &+ 16)
        } else {
            bytes.store(count, at: transport &+ 4)
            bytes.storeNative(partial, at: transport &+ 6)
        }
    }

    /// A frame of one packet as it came; its checksums are for its receiver to check.
    private static func single(
        _ bytes: inout MutableSpan<UInt8>, _ packet: InnerPacket, slot: Int, wire: UInt32
    ) -> Outgoing {
        Outgoing(
            start: writeHeaders(&bytes, packet, wire: wire), end: packet.end, slot: slot, packets: 1)
    }

    /// Writes an empty virtio_net_hdr and the Ethernet header before a packet; returns where the frame begins.
    private static func writeHeaders(_ bytes: inout MutableSpan<UInt8>, _ packet: InnerPacket, wire: UInt32) -> Int {
        // An Ethernet frame has its type already.
        let ethernet = packet.kind == .ethernet ? packet.start : packet.start &- ESPLimits.ethernetByteCount
        bytes.store(WireAddress.prefix, at: ethernet)
        bytes.store(wire, at: ethernet &+ 2)
        bytes.store(WireAddress.prefix, at: ethernet &+ 6)
        bytes.storeNative(0 as UInt32, at: ethernet &+ 8)
        switch packet.kind {
        case .ipv4: bytes.store(EtherTypes.ipv4, at: ethernet &+ 12)
        case .ipv6: bytes.store(EtherTypes.ipv6, at: ethernet &+ 12)
        case .ethernet: break
        }
        let start = ethernet &- ESPLimits.vnetHeaderByteCount
        bytes.storeNative(0 as UInt64, at: start)
        bytes.storeNative(0 as UInt16, at: start &+ 8)
        return start
    }
}
