public import NetTypes

/// An ARP packet for IPv4 over Ethernet (RFC 826).
///
/// hardware type 1 (2), protocol type 0x0800 (2), lengths 6 and 4 (2), operation (2), sender's Ethernet (6) and IPv4
/// address (4), target's Ethernet (6) and IPv4 address (4)
public struct ARPPacket: Hashable, Sendable {
    /// What an ARP packet does.
    public enum Operation: UInt16, Hashable, Sendable {
        case request = 1
        case reply = 2
    }

    /// Question or answer.
    public var operation: Operation
    /// The Ethernet address of who speaks.
    public var senderMAC: MACAddress
    /// The IPv4 address of who speaks; 0.0.0.0 in a probe (RFC 5227).
    public var senderIPv4: IPv4Address
    /// The Ethernet address of who is spoken to; nothing in a request.
    public var targetMAC: MACAddress
    /// The IPv4 address asked for, or of who is spoken to.
    public var targetIPv4: IPv4Address

    /// 28
    public static let byteCount = 28
    /// 28
    public var byteCount: Int { Self.byteCount }

    /// Makes a packet.
    public init(
        operation: Operation, senderMAC: MACAddress, senderIPv4: IPv4Address, targetMAC: MACAddress,
        targetIPv4: IPv4Address
    ) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.senderIPv4 = senderIPv4
        self.targetMAC = targetMAC
        self.targetIPv4 = targetIPv4
    }

    /// Reads the packet after the Ethernet header; padding behind it is ignored.
    public init(parsing bytes: Span<UInt8>) throws(FormatError) {
        try bytes.need(Self.byteCount, .arp)
        guard bytes.uint16(0) == 1 else { throw .badField(.arp, "hardware type") }
        guard bytes.uint16(2) == EtherType.ipv4.rawValue else { throw .badField(.arp, "protocol type") }
        guard bytes[4] == 6, bytes[5] == 4 else { throw .badField(.arp, "address length") }
        guard let operation = Operation(rawValue: bytes.uint16(6)) else { throw .badField(.arp, "operation") }
        self.operation = operation
        senderMAC = bytes.mac(8)
        senderIPv4 = bytes.ipv4(14)
        targetMAC = bytes.mac(18)
        targetIPv4 = bytes.ipv4(24)
    }

    /// Appends the ``byteCount`` bytes of the packet; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        output.append(1 as UInt16)
        output.append(EtherType.ipv4.rawValue)
        output.append(6 as UInt8)
        output.append(4 as UInt8)
        output.append(operation.rawValue)
        output.append(senderMAC)
        output.append(senderIPv4)
        output.append(targetMAC)
        output.append(targetIPv4)
    }
}

/// The answer to an ARP request, as a whole frame.
public struct ARPReply: Hashable, Sendable {
    /// The Ethernet address that is the answer; the frame comes from it.
    public var mac: MACAddress
    /// The IPv4 address that was asked for.
    public var ipv4: IPv4Address
    /// The Ethernet address of who asked.
    public var targetMAC: MACAddress
    /// The IPv4 address of who asked.
    public var targetIPv4: IPv4Address

    /// Makes the answer to whoever asked for `ipv4`.
    public init(mac: MACAddress, ipv4: IPv4Address, targetMAC: MACAddress, targetIPv4: IPv4Address) {
        self.mac = mac
        self.ipv4 = ipv4
        self.targetMAC = targetMAC
        self.targetIPv4 = targetIPv4
    }

    /// The Ethernet frame.
    public var frame: [UInt8] {
        let header = EthernetHeader(destination: targetMAC, source: mac, etherType: .arp)
        let packet = ARPPacket(
            operation: .reply, senderMAC: mac, senderIPv4: ipv4, targetMAC: targetMAC, targetIPv4: targetIPv4)
        return [UInt8](capacity: header.byteCount + packet.byteCount) { output in
            header.emit(into: &output)
            packet.emit(into: &output)
        }
    }
}
