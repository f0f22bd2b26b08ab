internal import AEAD

/// What was found in an authentic packet: a checked view of the opener's buffer.
@usableFromInline
struct InnerPacket: Sendable {
    enum Kind: Sendable { case ipv4, ipv6, ethernet }
    /// What it might be joined by.
    enum Transport: Sendable { case none, tcp, udp }

    let kind: Kind
    /// Where the IP header or the Ethernet frame begins.
    let start: Int
    /// Where it ends; traffic-flow padding behind it does not count (RFC 4303, section 2.7).
    let end: Int
    /// TCP or UDP directly behind an IP header without options, no fragment, lengths that fit.
    var transport = Transport.none
    /// The bytes of the IP header.
    var ipByteCount = 0
    /// The bytes of all headers.
    var headerByteCount = 0

    /// The bytes that were carried, which are more than those of an Ethernet frame by the header before it.
    @usableFromInline var byteCount: Int { end &- start &+ (kind == .ethernet ? ESPLimits.etherIPByteCount : 0) }
    var payloadByteCount: Int { end &- start &- headerByteCount }

    /// Reads the opened bytes `bytes[start..<end]`, trailer included.
    ///
    /// - Throws: ``ESPDrop/dummy``, ``ESPDrop/malformed``, ``ESPDrop/nextHeader``.
    init(_ bytes: borrowing MutableSpan<UInt8>, start: Int, end: Int) throws(ESPDrop) {
        // 1. The trailer. Every sender that follows RFC 4303, section 2.4 pads with 1, 2, 3 ...
        let next = bytes[end &- 1]
        let padding = Int(bytes[end &- 2])
        let paddingEnd = end &- ESPLimits.trailerByteCount
        guard padding <= paddingEnd &- start else { throw .malformed }
        let payloadEnd = paddingEnd &- padding
        var index = 0
        while index < padding {
            guard bytes[payloadEnd &+ index] == UInt8(truncatingIfNeeded: index &+ 1) else { throw .malformed }
            index &+= 1
        }

        // 2. The packet.
        switch next {
        case NextHeaders.ipv4: try self.init(ipv4: bytes, start: start, end: payloadEnd)
        case NextHeaders.ipv6: try self.init(ipv6: bytes, start: start, end: payloadEnd)
        case NextHeaders.etherIP:
            // Version 3 and twelve zero bits (RFC 3378, section 3).
            let frame = start &+ ESPLimits.etherIPByteCount
            guard payloadEnd &- frame >= ESPLimits.ethernetByteCount, bytes.load16(start) == 0x3000 else {
                throw .malformed
            }
            self.init(kind: .ethernet, start: frame, end: payloadEnd)
        case NextHeaders.none: throw .dummy
        default: throw .nextHeader
        }
    }

    private init(kind: Kind, start: Int, end: Int) {
        self.kind = kind
        self.start = start
        self.end = end
    }

    private init(ipv4 bytes: borrowing MutableSpan<UInt8>, start: Int, end: Int) throws(ESPDrop) {
        guard end &- start >= 20, bytes[start] &>> 4 == 4 else { throw .malformed }
        let ipByteCount = Int(bytes[start] & 0xf) &* 4
        let total = Int(bytes.load16(start &+ 2))
        guard ipByteCount >= 20, total >= ipByteCount, total <= end &- start else { throw .malformed }
        self.init(kind: .ipv4, start: start, end: start &+ total)
        self.ipByteCount = ipByteCount
        // Neither options nor a fragment.
        guard ipByteCount == 20, bytes.load16(start &+ 6) & 0xbfff == 0 else { return }
        readTransport(bytes, number: bytes[start &+ 9])
    }

    private init(ipv6 bytes: borrowing MutableSpan<UInt8>, start: Int, end: Int) throws(ESPDrop) {
        guard end &- start >= 40, bytes[start] &>> 4 == 6 else { throw .malformed }
        let total = 40 &+ Int(bytes.load16(start &+ 4))
        guard total <= end &- start else { throw .malformed }
        self.init(kind: .ipv6, start: start, end: start &+ total)
        ipByteCount = 40
        readTransport(bytes, number: bytes[start &+ 6])
    }

    /// Finds out whether the packet could be joined with others: only segments that a super-packet's cutting would make
    /// again, byte for byte.
    private mutating func readTransport(_ bytes: borrowing MutableSpan<UInt8>, number: UInt8) {
        let offset = start &+ ipByteCount
        if number == NextHeaders.tcp, end &- offset >= 20 {
            let tcpByteCount = Int(bytes[offset &+ 12] &>> 4) &* 4
            let flags = bytes[offset &+ 13]
            // Only ACK, PSH and an echoed congestion mark; no reserved bits, no urgent data.
            guard tcpByteCount >= 20, end &- offset > tcpByteCount, bytes[offset &+ 12] & 0xf == 0,
                flags & ~(TCPFlags.psh | TCPFlags.ece) == TCPFlags.ack, bytes.load16(offset &+ 18) == 0
            else { return }
            headerByteCount = ipByteCount &+ tcpByteCount
            transport = .tcp
        } else if number == NextHeaders.udp, end &- offset > 8 {
            // A datagram without a checksum would get one.
            guard Int(bytes.load16(offset &+ 4)) == end &- offset, bytes.load16(offset &+ 6) != 0 else { return }
            headerByteCount = ipByteCount &+ 8
            transport = .udp
        }
    }

    /// Whether the checksums of IP and of TCP or UDP are right. Joined packets get a new one, which must not make a
    /// damaged packet look whole.
    func hasRightChecksums(_ bytes: borrowing MutableSpan<UInt8>) -> Bool {
        if kind == .ipv4, bytes.internetSum(from: start, count: 20) != 0xffff { return false }
        let count = end &- start &- ipByteCount
        let sum =
            pseudoSum(bytes) &+ UInt64(UInt16(truncatingIfNeeded: count).bigEndian)
            &+ UInt64(bytes.internetSum(from: start &+ ipByteCount, count: count))
        return foldInternetSum(sum) == 0xffff
    }

    /// The sum of the pseudo-header without its length, in the machine's own order.
    func pseudoSum(_ bytes: borrowing MutableSpan<UInt8>) -> UInt64 {
        let addresses =
            kind == .ipv6
            ? bytes.internetSum(from: start &+ 8, count: 32) : bytes.internetSum(from: start &+ 12, count: 8)
        let number = transport == .tcp ? NextHeaders.tcp : NextHeaders.udp
        return UInt64(addresses) &+ UInt64(UInt16(number).bigEndian)
    }
}
