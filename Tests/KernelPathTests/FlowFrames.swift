import KernelPath
import NetTypes

// Packets of flows, byte for byte, and the rules that tests hold them to.

enum TCP {
    static let (fin, syn, rst, ack): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 4, 16)
}

/// A TCP segment without its checksum, which nobody on the way reads.
func tcp(_ source: UInt16, _ destination: UInt16, _ flags: UInt8, sequence: UInt32 = 1000, bytes: Int = 0) -> [UInt8] {
    source.octets + destination.octets + sequence.octets + UInt32(2000).octets + [0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
        + Array(repeating: 7, count: bytes)
}

func udp(_ source: UInt16, _ destination: UInt16, bytes: Int = 4) -> [UInt8] {
    source.octets + destination.octets + UInt16(8 + bytes).octets + [0, 0] + Array(repeating: 7, count: bytes)
}

func sctp(_ source: UInt16, _ destination: UInt16) -> [UInt8] {
    source.octets + destination.octets + [UInt8](repeating: 1, count: 12)
}

func icmp(_ type: UInt8, _ code: UInt8 = 0, identifier: UInt16 = 1, _ body: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
    [type, code, 0, 0] + identifier.octets + [0, 1] + body
}

extension TwoHosts.Endpoint {
    /// An IP packet to another endpoint.
    func packet(_ to: TwoHosts.Endpoint, v6: Bool, _ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        v6
            ? KernelPathTests.v6(identity.address, to.identity.address, number, payload)
            : KernelPathTests.v4(ipv4, to.ipv4, number, payload)
    }
}

extension KernelPathTests {
    // An endpoint has a member of the name ipv4.
    static func v6(_ from: IPv6Address, _ to: IPv6Address, _ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
        ipv6(from, to, next, payload)
    }
    static func v4(_ from: IPv4Address, _ to: IPv4Address, _ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
        ipv4(from, to, next, payload)
    }
}

extension FlowRules {
    static let nothing = FlowRules(otherwise: FlowAction(.drop))

    /// Passes some destination ports, with answers, and has another action for all else.
    static func only(
        _ numbers: [(FlowNumber.Transport, UInt16)], _ action: FlowAction = FlowAction(.pass, answers: true),
        else other: FlowAction = FlowAction(.drop)
    ) -> FlowRules {
        var segments = [FlowSegment(start: 0, action: other)]
        for number in Set(numbers.map { FlowNumber.of($0.0, $0.1) }).sorted() {
            if segments.last?.start == number {
                segments[segments.count - 1].action = action
            } else {
                segments.append(FlowSegment(start: number, action: action))
            }
            segments.append(FlowSegment(start: number + 1, action: other))
        }
        return FlowRules(segments: segments, otherwise: other)
    }

    /// Passes every port and type of the protocols that rules know, and nothing else.
    static let everyPort = FlowRules(
        segments: [FlowSegment(start: 0, action: FlowAction(.pass, answers: true))], otherwise: FlowAction(.drop))
}
