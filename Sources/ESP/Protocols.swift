/// The numbers of other protocols that the engine reads and writes.
enum EtherTypes {
    static let ipv4: UInt16 = 0x0800
    static let ipv6: UInt16 = 0x86dd
}

/// Next header numbers (IANA), of the outside and the inside of a packet.
enum NextHeaders {
    static let hopByHop: UInt8 = 0
    static let ipv4: UInt8 = 4
    static let tcp: UInt8 = 6
    static let udp: UInt8 = 17
    static let ipv6: UInt8 = 41
    static let none: UInt8 = 59
    static let destinationOptions: UInt8 = 60
    static let etherIP: UInt8 = 97
}

/// The addresses that stand in the Ethernet headers between a wire and its slot.
enum WireAddress {
    /// The first two bytes of every one, locally administered.
    static let prefix: UInt16 = 0x0250
}

/// TCP's flags (RFC 9293, section 3.1).
enum TCPFlags {
    static let fin: UInt8 = 0x01
    static let psh: UInt8 = 0x08
    static let ack: UInt8 = 0x10
    static let ece: UInt8 = 0x40
    static let cwr: UInt8 = 0x80
}

/// Where the fields of virtio_net_hdr stand (Virtual I/O Device 1.2, section 5.1.6), in the machine's own order, as a
/// TAP has them unless it is asked otherwise.
///
/// flags (1), kind (1), bytes of headers (2), bytes of a segment (2), where the checksum starts (2), where it is kept
/// from there (2). Offsets in it count from the Ethernet header.
enum VirtioNetHeader {
    static let flags = 0
    static let kind = 1
    static let headerByteCount = 2
    static let segmentByteCount = 4
    static let checksumStart = 6
    static let checksumOffset = 8

    /// The checksum is left to the device.
    static let needsChecksum: UInt8 = 1

    /// The kinds of super-packets. One bit beside them marks segments with congestion marks.
    enum Kind {
        static let none: UInt8 = 0
        static let tcp4: UInt8 = 1
        static let tcp6: UInt8 = 4
        static let udp: UInt8 = 5
        static let congestion: UInt8 = 0x80
    }
}
