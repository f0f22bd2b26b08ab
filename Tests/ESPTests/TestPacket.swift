/// A packet that a test makes, field by field.
struct TestPacket: Sendable {
    enum Transport: Sendable { case tcp, udp, other(UInt8) }

    var isIPv6 = false
    var transport = Transport.tcp
    var payload: [UInt8] = []
    var source: UInt8 = 1
    var destination: UInt8 = 2
    var sourcePort: UInt16 = 40_000
    var destinationPort: UInt16 = 443
    var sequence: UInt32 = 1_000
    var acknowledgement: UInt32 = 77
    var flags: UInt8 = 0x10
    var reserved: UInt8 = 0
    var window: UInt16 = 512
    var urgent: UInt16 = 0
    /// TCP's options, a multiple of four bytes.
    var options: [UInt8] = []
    /// IPv4's options, a multiple of four bytes.
    var ipOptions: [UInt8] = []
    /// An IPv6 options header, a multiple of eight bytes, whose first byte is filled in; and its own number.
    var extensionHeader: (number: UInt8, bytes: [UInt8])?
    var trafficClass: UInt8 = 0
    var label: UInt32 = 0
    var timeToLive: UInt8 = 64
    var identification: UInt16 = 1
    /// IPv4's flags and fragment offset.
    var fragment: UInt16 = 0x4000
    /// What is written as TCP's or UDP's checksum: nil for the right one.
    var checksum: UInt16?

    var transportNumber: UInt8 {
        switch transport {
        case .tcp: 6
        case .udp: 17
        case .other(let number): number
        }
    }

    var addresses: [UInt8] {
        isIPv6
            ? [0xfd, 0, 0, 7] + [UInt8](repeating: 0, count: 11) + [source] + [0xfd, 0, 0, 7]
                + [UInt8](repeating: 0, count: 11) + [destination]
            : [10, 7, 0, source, 10, 7, 0, destination]
    }

    /// The bytes before TCP or UDP.
    var ipByteCount: Int { isIPv6 ? 40 + (extensionHeader?.bytes.count ?? 0) : 20 + ipOptions.count }
    var transportHeaderByteCount: Int {
        switch transport {
        case .tcp: 20 + options.count
        case .udp: 8
        case .other: 0
        }
    }
    var headerByteCount: Int { ipByteCount + transportHeaderByteCount }
    /// Where the checksum stands from the beginning of TCP or UDP.
    var checksumOffset: Int { if case .tcp = transport { 16 } else { 6 } }

    /// The sum that a kernel leaves in the checksum field for its device.
    var partialChecksum: UInt16 { dumbSum(pseudoHeader(transportHeaderByteCount + payload.count)) }

    func pseudoHeader(_ count: Int) -> [UInt8] { addresses + be32(UInt32(count)) + [0, 0, 0, transportNumber] }

    /// The packet's bytes.
    var bytes: [UInt8] {
        var upper: [UInt8]
        switch transport {
        case .tcp:
            upper =
                be16(sourcePort) + be16(destinationPort) + be32(sequence) + be32(acknowledgement)
                + [UInt8((5 + options.count / 4) << 4) | reserved, flags] + be16(window) + be16(0) + be16(urgent)
                + options + payload
        case .udp:
            upper =
                be16(sourcePort) + be16(destinationPort) + be16(UInt16(truncatingIfNeeded: 8 + payload.count)) + be16(0)
                + payload
        case .other: upper = payload
        }
        switch transport {
        case .other: break
        case .tcp, .udp:
            var value = ~dumbSum(pseudoHeader(upper.count) + upper)
            if case .udp = transport, value == 0 { value = 0xffff }
            upper.replaceSubrange(checksumOffset..<checksumOffset + 2, with: be16(checksum ?? value))
        }
        guard isIPv6 else {
            var header =
                [UInt8(0x45 + ipOptions.count / 4), trafficClass]
                + be16(UInt16(truncatingIfNeeded: ipByteCount + upper.count)) + be16(identification) + be16(fragment)
                + [timeToLive, transportNumber, 0, 0] + addresses + ipOptions
            header.replaceSubrange(10..<12, with: be16(~dumbSum(header)))
            return header + upper
        }
        var extra = extensionHeader?.bytes ?? []
        if !extra.isEmpty {
            extra[0] = transportNumber
            extra[1] = UInt8(extra.count / 8 - 1)
        }
        return be32(6 << 28 | UInt32(trafficClass) << 20 | label) + be16(UInt16(extra.count + upper.count))
            + [extensionHeader?.number ?? transportNumber, timeToLive] + addresses + extra + upper
    }
}

/// A frame of a TAP that a test makes: virtio_net_hdr, Ethernet header, packet.
struct TestFrame: Sendable {
    var flags: UInt8 = 0
    var kind: UInt8 = 0
    var headerByteCount: UInt16 = 0
    var segmentByteCount: UInt16 = 0
    var checksumStart: UInt16 = 0
    var checksumOffset: UInt16 = 0
    var wire: UInt32 = 7
    var etherType: UInt16
    var packet: [UInt8]

    /// A packet that is complete.
    init(_ packet: TestPacket) {
        etherType = packet.isIPv6 ? 0x86dd : 0x0800
        self.packet = packet.bytes
    }

    /// Any bytes.
    init(etherType: UInt16, packet: [UInt8]) {
        self.etherType = etherType
        self.packet = packet
    }

    /// A packet whose checksum is left to the device, and which the device has to cut where a size is given.
    init(offloading packet: TestPacket, segmentByteCount: Int = 0) {
        var packet = packet
        packet.checksum = packet.partialChecksum
        self.init(packet)
        flags = 1
        headerByteCount = UInt16(14 + packet.headerByteCount)
        checksumStart = UInt16(14 + packet.ipByteCount)
        checksumOffset = UInt16(packet.checksumOffset)
        self.segmentByteCount = UInt16(segmentByteCount)
        if segmentByteCount > 0 {
            if case .tcp = packet.transport { kind = packet.isIPv6 ? 4 : 1 } else { kind = 5 }
        }
    }

    /// The bytes that are read from the TAP.
    var bytes: [UInt8] {
        [flags, kind] + le16(headerByteCount) + le16(segmentByteCount) + le16(checksumStart) + le16(checksumOffset)
            + [0x02, 0x50] + be32(wire) + [0x02, 0x50, 0, 0, 0, 9] + be16(etherType) + packet
    }

    /// Reads a frame again.
    init(reading bytes: [UInt8]) {
        flags = bytes[0]
        kind = bytes[1]
        headerByteCount = UInt16(bytes[2]) | UInt16(bytes[3]) << 8
        segmentByteCount = UInt16(bytes[4]) | UInt16(bytes[5]) << 8
        checksumStart = UInt16(bytes[6]) | UInt16(bytes[7]) << 8
        checksumOffset = UInt16(bytes[8]) | UInt16(bytes[9]) << 8
        wire = value32(bytes, 12)
        etherType = value16(bytes, 22)
        packet = Array(bytes[24...])
    }
}

func be16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
func le16(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
func be32(_ value: UInt32) -> [UInt8] { be16(UInt16(value >> 16)) + be16(UInt16(value & 0xffff)) }
func be64(_ value: UInt64) -> [UInt8] { be32(UInt32(value >> 32)) + be32(UInt32(value & 0xffff_ffff)) }
func value16(_ bytes: [UInt8], _ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
func value32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(value16(bytes, offset)) << 16 | UInt32(value16(bytes, offset + 2))
}

/// The ones' complement sum, one word at a time.
func dumbSum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
        sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        sum = (sum & 0xffff) + (sum >> 16)
    }
    return UInt16(sum)
}
