internal import AEAD
internal import ESP

/// An IPv4 packet that may be cut, in pieces that fit a path (RFC 791, section 3.2).
///
/// A single packet gives its fragments; a UDP super-packet gives the fragments of each of its datagrams. Every piece is
/// a frame with a virtio_net_hdr of zeros. Checksums that were left to the device are completed first, since no device
/// completes that of a fragment.
struct InnerFragments {
    private let mtu: Int
    /// Bytes of the header of a first fragment, and of later ones, which have only the options that are to be copied.
    private let headerByteCount: Int
    /// Bytes of the datagrams of a super-packet, without UDP header; 0 for a single packet.
    private let datagramByteCount: Int
    private let end: Int
    /// Where the payload of the next datagram of a super-packet begins.
    private var nextDatagram: Int
    /// What is being cut: the payload of one packet in the frame.
    private var cursor: Int
    private var stop: Int
    private var start: Int
    private let baseOffset: Int
    private let moreFollow: Bool
    private var identification: UInt16

    private enum Header {
        static let ip = ESPLimits.packetOffset
        static let udpByteCount = 8
        static let moreFragments: UInt16 = 0x2000
        static let dontFragment: UInt16 = 0x4000
        static let offset: UInt16 = 0x1fff
    }

    /// Begins to cut a frame; nil for what may not be cut, or needs not.
    init?(_ frame: inout MutableSpan<UInt8>, byteCount: Int, mtu: Int) {
        let ip = Header.ip
        guard byteCount >= ip + 20, frame.load16(ip - 2) == 0x0800, frame[ip] >> 4 == 4 else { return nil }
        let headerByteCount = Int(frame[ip] & 0xf) * 4
        let end = ip + Int(frame.load16(ip + 2))
        let flags = frame.load16(ip + 6)
        guard headerByteCount >= 20, end <= byteCount, end >= ip + headerByteCount, flags & Header.dontFragment == 0,
            end - ip > mtu, mtu >= headerByteCount + 8
        else { return nil }
        self.mtu = mtu
        self.headerByteCount = headerByteCount
        self.end = end
        baseOffset = Int(flags & Header.offset)
        moreFollow = flags & Header.moreFragments != 0
        identification = frame.load16(ip + 4)
        start = ip + headerByteCount
        cursor = start
        let needsChecksum = frame[0] & 1 != 0
        let kind = frame[1] & 0x7f
        let checksumStart = ESPLimits.vnetHeaderByteCount + Int(frame.load(6) as UInt16)
        let checksum = checksumStart + Int(frame.load(8) as UInt16)
        switch kind {
        case 0:
            if needsChecksum {
                guard checksumStart >= start, checksum + 2 <= end else { return nil }
                let value = ~frame.internetSum(from: checksumStart, count: end - checksumStart)
                frame.storeNative(value == 0 ? 0xffff : value, at: checksum)
            }
            datagramByteCount = 0
            nextDatagram = end
            stop = end
        case 5:
            let size = Int(frame.load(4) as UInt16)
            guard frame[ip + 9] == 17, size > 0, needsChecksum, checksumStart == start,
                end >= start + Header.udpByteCount, flags & (Header.moreFragments | Header.offset) == 0
            else { return nil }
            datagramByteCount = size
            nextDatagram = start + Header.udpByteCount
            stop = start
        default: return nil
        }
    }

    /// Writes the next piece; gives its bytes, or nil after the last.
    mutating func next(_ frame: inout MutableSpan<UInt8>, into piece: inout MutableSpan<UInt8>) -> Int? {
        if cursor >= stop {
            guard nextDatagram < end, datagramByteCount > 0 else { return nil }
            beginDatagram(&frame)
        }
        let ip = Header.ip
        let isFirst = cursor == start && baseOffset == 0
        // 1. Ethernet header, and the IP header with the options that this fragment has.
        for index in 0..<ESPLimits.vnetHeaderByteCount { piece[index] = 0 }
        for index in ESPLimits.vnetHeaderByteCount..<ip + 20 { piece[index] = frame[index] }
        var headerEnd = ip + 20
        var option = ip + 20
        while option < ip + headerByteCount {
            let kind = frame[option]
            guard kind != 0 else { break }
            let length = kind == 1 ? 1 : max(2, Int(option + 1 < ip + headerByteCount ? frame[option + 1] : 2))
            guard option + length <= ip + headerByteCount else { break }
            if isFirst || kind & 0x80 != 0 {
                for index in option..<option + length {
                    piece[headerEnd] = frame[index]
                    headerEnd += 1
                }
            }
            option += length
        }
        while (headerEnd - ip) % 4 != 0 {
            piece[headerEnd] = 0
            headerEnd += 1
        }
        // 2. As much payload as fits, all but the last a multiple of eight.
        let room = (mtu - (headerEnd - ip)) & ~7
        let left = stop - cursor
        let isLast = left <= mtu - (headerEnd - ip)
        let count = isLast ? left : room
        for index in 0..<count { piece[headerEnd + index] = frame[cursor + index] }
        // 3. The fields that differ.
        let offset = UInt16(truncatingIfNeeded: baseOffset + (cursor - start) / 8)
        let more = !isLast || moreFollow ? Header.moreFragments : 0
        piece[ip] = 0x40 | UInt8((headerEnd - ip) / 4)
        piece.store(UInt16(headerEnd - ip + count), at: ip + 2)
        piece.store(identification, at: ip + 4)
        piece.store(offset | more, at: ip + 6)
        piece.storeNative(0 as UInt16, at: ip + 10)
        piece.storeNative(~piece.internetSum(from: ip, count: headerEnd - ip), at: ip + 10)
        cursor += count
        return headerEnd + count
    }

    /// Puts the UDP header in front of the next datagram of a super-packet, over the end of the one before.
    private mutating func beginDatagram(_ frame: inout MutableSpan<UInt8>) {
        let first = Header.ip + headerByteCount
        let count = min(datagramByteCount, end - nextDatagram)
        let udp = nextDatagram - Header.udpByteCount
        if udp != first {
            frame.move(from: start, to: udp, count: 4)
            identification &+= 1
        }
        let length = Header.udpByteCount + count
        frame.store(UInt16(length), at: udp + 4)
        frame.storeNative(0 as UInt16, at: udp + 6)
        // Pseudo-header: the addresses, the protocol and the length (RFC 768).
        let sum =
            UInt64(frame.internetSum(from: Header.ip + 12, count: 8)) + UInt64(UInt16(17).bigEndian)
            + UInt64(UInt16(length).bigEndian) + UInt64(frame.internetSum(from: udp, count: length))
        let value = ~foldInternetSum(sum)
        frame.storeNative(value == 0 ? 0xffff : value, at: udp + 6)
        start = udp
        cursor = udp
        stop = udp + length
        nextDatagram += count
    }
}
