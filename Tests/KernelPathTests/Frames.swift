import NetTypes

// Frames made by hand, byte for byte, so that the tests do not depend on what they help to test.

extension FixedWidthInteger {
    var octets: [UInt8] { (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> Self($0 * 8)) } }
}

func ethernet(_ source: MACAddress, _ destination: MACAddress, _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    destination.octets + source.octets + type.octets + payload
}

/// An IPv6 packet; payload checksums are left zero, which nobody on the way reads.
func ipv6(_ source: IPv6Address, _ destination: IPv6Address, _ next: UInt8, _ payload: [UInt8], hops: UInt8 = 64)
    -> [UInt8]
{
    UInt32(0x6000_0000).octets + UInt16(payload.count).octets + [next, hops] + source.octets + destination.octets
        + payload
}

func ipv4(
    _ source: IPv4Address, _ destination: IPv4Address, _ proto: UInt8, _ payload: [UInt8], flags: UInt8 = 0x40
) -> [UInt8] {
    [0x45, 0] + UInt16(20 + payload.count).octets + [0, 0, flags, 0, 64, proto, 0, 0] + source.octets
        + destination.octets + payload
}

func udp(_ bytes: Int) -> [UInt8] {
    [0x30, 0x39, 0x30, 0x39] + UInt16(8 + bytes).octets + [0, 0] + Array(repeating: 7, count: bytes)
}

func vxlan(_ label: UInt32, _ inner: [UInt8], flags: UInt8 = 0x08) -> [UInt8] {
    [flags, 0, 0, 0] + (label << 8).octets + inner
}

func arp(
    _ operation: UInt16, _ senderMAC: MACAddress, _ sender: IPv4Address, _ target: IPv4Address
) -> [UInt8] {
    ethernet(
        senderMAC, .broadcast, 0x0806,
        [0, 1, 8, 0, 6, 4] + operation.octets + senderMAC.octets + sender.octets + [0, 0, 0, 0, 0, 0] + target.octets)
}

/// An ICMPv6 message of neighbour discovery.
func discovery(
    _ type: UInt8, from source: IPv6Address, mac: MACAddress, to destination: IPv6Address, target: IPv6Address,
    hops: UInt8 = 255
) -> [UInt8] {
    let body = [type, 0, 0, 0, 0, 0, 0, 0] + target.octets + [1, 1] + mac.octets
    return ethernet(mac, MACAddress(0x3333_0000_0001), 0x86dd, ipv6(source, destination, 58, body, hops: hops))
}
