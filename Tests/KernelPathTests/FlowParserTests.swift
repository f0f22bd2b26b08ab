import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// What is read as a port and what is not.
extension KernelPathTests {
    @Test("a protocol without ports never matches a port, nor does a fragment", arguments: [false, true])
    func portless(v6: Bool) throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        // Every number of every protocol is open; what has none is not.
        try hosts.plug(e1, e2, .everyPort, .nothing)
        let ports = UInt16(4000).octets + UInt16(80).octets + [UInt8](repeating: 0, count: 20)
        for number in UInt8.min...UInt8.max {
            // Extension headers, and ICMP, which hosts may not make up as they like.
            if v6, [0, 43, 44, 51, 58, 60].contains(number) { continue }
            let isKnown = [6, 17, 132].contains(number) || !v6 && number == 1
            let payload = number == 6 ? tcp(4000, 80, TCP.syn) : ports
            #expect(try hosts.passes(e1.packet(e2, v6: v6, number, payload), e1, e2) == isKnown, "protocol \(number)")
        }
        for payload in [Array(tcp(4000, 80, TCP.syn).prefix(19)), tcp(4000, 80, TCP.syn).with(0x40, at: 12)] {
            #expect(try !hosts.passes(e1.packet(e2, v6: v6, 6, payload), e1, e2), "no whole header")
        }
        #expect(try !hosts.passes(e1.packet(e2, v6: v6, 17, [1, 2, 3, 4, 5, 6, 7]), e1, e2))
        #expect(try !hosts.passes(e1.packet(e2, v6: v6, 132, Array(sctp(1, 2).prefix(11))), e1, e2))

        // (more, offset in units of eight bytes, payload, whether it has a port)
        let whole = udp(4000, 80)
        let cases: [(Bool, UInt16, [UInt8], Bool)] = [
            (true, 0, whole, true), (true, 0, Array(whole.prefix(7)), false), (true, 1, whole, false),
            (false, 1, whole, false), (false, 8191, whole, false), (false, 0, whole, true),
        ]
        for (more, offset, payload, isOpen) in cases {
            let packet = fragment(e1, e2, v6: v6, 17, payload, more: more, offset: offset)
            let name = "more \(more), offset \(offset), \(payload.count) bytes"
            #expect(try hosts.passes(packet, e1, e2) == isOpen, "\(name)")
        }
        // The other way round: ports are closed, all that has none is open, with answers.
        try hosts.setRules(
            e1, e2,
            FlowRules(
                segments: [FlowSegment(start: 0, action: FlowAction(.drop))],
                otherwise: FlowAction(.pass, answers: true)), .nothing)
        for (more, offset, payload, isOpen) in cases {
            let packet = fragment(e1, e2, v6: v6, 17, payload, more: more, offset: offset)
            let name = "more \(more), offset \(offset), \(payload.count) bytes"
            #expect(try hosts.passes(packet, e1, e2) == !isOpen, "\(name)")
        }
        for number in [UInt8(47), 50, 253] {
            #expect(try !hosts.passes(e2.packet(e1, v6: v6, number, ports), e2, e1))
            #expect(try hosts.passes(e1.packet(e2, v6: v6, number, ports), e1, e2))
            #expect(try hosts.passes(e2.packet(e1, v6: v6, number, ports), e2, e1), "an answer of protocol \(number)")
        }
        #expect(try !hosts.passes(e2.packet(e1, v6: v6, 17, udp(0, 0)), e2, e1), "port 0 is a port")
    }

    @Test("ports behind extension headers are found, and too many headers dropped") func extensions() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, .only([(.udp, 53)]), .nothing)
        func chain(_ types: [UInt8], _ port: UInt16) -> [UInt8] {
            var bytes: [UInt8] = []
            for (index, type) in types.enumerated() {
                let next = index + 1 < types.count ? types[index + 1] : 17
                // AH counts its length in words less two (RFC 4302, section 2.2), the others in eight bytes less one.
                let length: UInt8 = type == 51 ? 4 : type == 44 ? 0 : 1
                let size = type == 51 ? 24 : type == 44 ? 8 : 16
                let padding: [UInt8] = type == 44 ? [0, 0] : [1, UInt8(size - 4)]
                bytes += [next, length] + padding + [UInt8](repeating: 0, count: size - 4)
            }
            return bytes + udp(9, port)
        }
        for count in 1...10 {
            for type in [UInt8(60), 0, 43, 51] {
                let types = [UInt8](repeating: type, count: count)
                let packet = { (port: UInt16) in e1.packet(e2, v6: true, type, chain(types, port)) }
                #expect(try hosts.passes(packet(53), e1, e2) == (count <= 8), "\(count) headers of type \(type)")
                #expect(try !hosts.passes(packet(54), e1, e2))
            }
        }
        let before = try hosts.a.drops(e1, .headers)
        let mixed: [UInt8] = [0, 60, 43, 44, 51, 60]
        #expect(try hosts.passes(e1.packet(e2, v6: true, 0, chain(mixed, 53)), e1, e2))
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 0, chain(mixed, 54)), e1, e2))
        // A header that says that it is longer than the packet.
        let cut = chain([51], 53).with(60, at: 1)
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 51, cut), e1, e2))
        #expect(try hosts.a.drops(e1, .headers) == before + 1)
        let nine = [UInt8](repeating: 60, count: 9)
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 60, chain(nine, 53)), e1, e2))
        #expect(try hosts.a.drops(e1, .headers) == before + 2)
    }

    @Test("frames at random are decided as a second parser decides them") func parserNoise() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(state: seed)
        let hosts = try TwoHosts { $0.flowsPerSecond = 1_000_000 }
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let rules = Self.randomRules(&random)
        try hosts.plug(e1, e2, rules, .nothing)
        var passed = 0
        for index in 0..<30_000 {
            let v6 = Bool.random(using: &random)
            var packet = Self.randomPacket(e1, e2, v6: v6, &random)
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                // Whatever follows the addresses; what comes before them other tests look at.
                let start = v6 ? 40 : 20
                guard packet.count > start else { continue }
                let place = Int.random(in: start..<packet.count, using: &random)
                packet[place] = UInt8.random(in: 0...255, using: &random)
            }
            let expected = Self.verdict(packet, rules)
            let result = try hosts.passes(packet, e1, e2)
            passed += result ? 1 : 0
            #expect(result == expected, "seed \(seed), frame \(index): \(packet)")
            if result != expected { break }
        }
        #expect(passed > 1000 && passed < 29_000, "seed \(seed): \(passed) passed")
    }

    // MARK: A second parser

    private func fragment(
        _ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint, v6: Bool, _ number: UInt8, _ payload: [UInt8], more: Bool,
        offset: UInt16
    ) -> [UInt8] {
        if v6 {
            let header: [UInt8] = [number, 0] + (offset << 3 | (more ? 1 : 0)).octets + [0, 0, 0, 1]
            return from.packet(to, v6: true, 44, header + payload)
        }
        let packet = from.packet(to, v6: false, number, payload)
        let field = (offset | (more ? 0x2000 : 0)).octets
        return packet.with(field[0], at: 6).with(field[1], at: 7)
    }

    private static func randomRules(_ random: inout SplitMix) -> FlowRules {
        var starts: Set<UInt32> = [0]
        for _ in 0..<300 { starts.insert(UInt32.random(in: 0..<5 << 16, using: &random)) }
        for port in UInt32(0)..<64 { starts.insert(UInt32.random(in: 0...2, using: &random) << 16 | port) }
        return FlowRules(
            segments: starts.sorted().map {
                FlowSegment(
                    start: $0, action: FlowAction(Bool.random(using: &random) ? .pass : .drop))
            }, otherwise: FlowAction(Bool.random(using: &random) ? .pass : .drop))
    }

    private static func randomPacket(
        _ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint, v6: Bool, _ random: inout SplitMix
    ) -> [UInt8] {
        let number = ([6, 17, 132, v6 ? 58 : 1, 6, 17, 47] as [UInt8]).randomElement(using: &random) ?? 6
        let port = UInt16.random(in: 0...(Bool.random(using: &random) ? 64 : 65_535), using: &random)
        var payload: [UInt8]
        switch number {
        case 6: payload = tcp(port, port, TCP.ack, bytes: 8)
        case 17: payload = udp(port, port)
        case 132: payload = sctp(port, port)
        // Types that neither answer nor are neighbour discovery, which other checks take.
        case 58: payload = icmp(UInt8.random(in: 150...255, using: &random), UInt8.random(in: 0...255, using: &random))
        case 1: payload = icmp(UInt8.random(in: 15...255, using: &random), UInt8.random(in: 0...255, using: &random))
        default: payload = [UInt8](repeating: 3, count: 24)
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
            payload.removeLast(Int.random(in: 0...payload.count, using: &random))
        }
        guard v6 else {
            var packet = from.packet(to, v6: false, number, payload)
            if Int.random(in: 0..<4, using: &random) == 0 {
                packet[6] = UInt8.random(in: 0...255, using: &random) & 0x7f
                packet[7] = UInt8.random(in: 0...1, using: &random)
            }
            return packet
        }
        var next = number
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let type = ([0, 60, 43, 44, 51] as [UInt8]).randomElement(using: &random) ?? 60
            switch type {
            case 44:
                let more = UInt8.random(in: 0...1, using: &random)
                let offset: UInt8 = Int.random(in: 0...3, using: &random) == 0 ? 8 : 0
                payload = [next, 0, 0, offset | more, 0, 0, 0, 1] + payload
            case 51: payload = [next, 1] + [UInt8](repeating: 0, count: 10) + payload
            default: payload = [next, 0, 1, 4, 0, 0, 0, 0] + payload
            }
            next = type
        }
        return from.packet(to, v6: true, next, payload)
    }

    /// Whether a packet passes: the rules' words, read from the documents and not from the program.
    private static func verdict(_ packet: [UInt8], _ rules: FlowRules) -> Bool {
        let isIPv6 = packet[0] >> 4 == 6
        var (next, at, isFragment) = isIPv6 ? (packet[6], 40, false) : (packet[9], 20, false)
        if !isIPv6 {
            let field = UInt16(packet[6]) << 8 | UInt16(packet[7])
            if field & 0x1fff != 0 { return rules.action(for: nil).verdict == .pass }
            isFragment = field & 0x2000 != 0
        } else {
            var count = 0
            while [0, 43, 60, 44, 51].contains(next) {
                guard count < 8 else { return false }
                count += 1
                guard packet.count >= at + 4 else { return false }
                let length = next == 44 ? 8 : next == 51 ? (Int(packet[at + 1]) + 2) * 4 : (Int(packet[at + 1]) + 1) * 8
                guard packet.count >= at + length else { return false }
                if next == 44 {
                    let offset = Int(packet[at + 2]) << 8 | Int(packet[at + 3] & 0xf8)
                    if offset != 0 { return rules.action(for: nil).verdict == .pass }
                    isFragment = isFragment || packet[at + 3] & 1 != 0
                }
                (next, at) = (packet[at], at + length)
            }
        }
        let rest = Array(packet.dropFirst(at))
        if isIPv6, next == 58 {
            // Neighbour discovery and listener reports are for the host itself, behind whatever headers.
            guard let type = rest.first, !(130...137).contains(type), type != 143 else { return false }
        }
        let index: UInt32
        var needed = 8
        switch (next, isIPv6) {
        case (6, _): (index, needed) = (0, 20)
        case (17, _): index = 1
        case (132, _): (index, needed) = (2, 12)
        case (1, false): index = 3
        case (58, true): index = 4
        default: return rules.action(for: nil).verdict == .pass
        }
        if next == 6, rest.count >= 20 {
            needed = Int(rest[12] >> 4) * 4
            guard needed >= 20 else { return false }
        }
        guard rest.count >= needed else { return isFragment && rules.action(for: nil).verdict == .pass }
        let number = index < 3 ? UInt32(rest[2]) << 8 | UInt32(rest[3]) : UInt32(rest[0]) << 8 | UInt32(rest[1])
        return rules.action(for: index << 16 | number).verdict == .pass
    }
}

extension [UInt8] {
    /// These bytes with one of them changed.
    func with(_ byte: UInt8, at index: Int) -> [UInt8] {
        var bytes = self
        bytes[index] = byte
        return bytes
    }
}
