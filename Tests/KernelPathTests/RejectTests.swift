import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// What is rejected is told to the sender.
extension KernelPathTests {
    @Test("a rejected segment is answered with the RST that RFC 9293 asks for", arguments: [false, true])
    func rejectTCP(v6: Bool) throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        func answer(_ segment: [UInt8]) -> RejectAnswer? {
            RejectAnswer(rejecting: ethernet(e1.mac, e2.mac, v6 ? 0x86dd : 0x0800, e1.packet(e2, v6: v6, 6, segment)))
        }
        let at = 14 + (v6 ? 40 : 20)
        // (flags, bytes, sequence, acknowledged, flags of the answer)
        let cases: [(UInt8, Int, UInt32, UInt32, UInt8)] = [
            (TCP.syn, 0, 0, 1001, 0x14), (TCP.syn, 5, 0, 1006, 0x14), (TCP.ack, 5, 2000, 0, 0x04),
            (TCP.fin, 3, 0, 1004, 0x14), (TCP.syn | TCP.ack, 0, 2000, 0, 0x04),
        ]
        for (flags, bytes, sequence, acknowledged, back) in cases {
            let made = try #require(answer(tcp(4000, 80, flags, bytes: bytes)))
            #expect(made.kind == .reset)
            let frame = made.frame
            #expect(Array(frame.prefix(12)) == e1.mac.octets + e2.mac.octets)
            #expect(frame.count == at + 20)
            #expect(Array(frame[at..<at + 4]) == UInt16(80).octets + UInt16(4000).octets)
            #expect(Array(frame[at + 4..<at + 12]) == sequence.octets + acknowledged.octets)
            #expect(frame[at + 13] == back)
            #expect(sum(frame, at: at, number: 6, v6: v6) == 0xffff)
            if !v6 { #expect(sum(Array(frame[14..<34])) == 0xffff) }
        }
        #expect(answer(tcp(4000, 80, TCP.rst)) == nil)
        #expect(answer(tcp(4000, 80, TCP.rst | TCP.ack)) == nil)
        #expect(answer(Array(tcp(4000, 80, TCP.syn).prefix(19))) == nil)
    }

    @Test("anything else is answered with an ICMP error, or not at all", arguments: [false, true])
    func rejectOthers(v6: Bool) throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let type: UInt16 = v6 ? 0x86dd : 0x0800
        func answer(_ packet: [UInt8]) -> RejectAnswer? {
            RejectAnswer(rejecting: ethernet(e1.mac, e2.mac, type, packet))
        }
        let at = 14 + (v6 ? 40 : 20)
        for packet in [
            e1.packet(e2, v6: v6, 17, udp(9, 53)), e1.packet(e2, v6: v6, 17, udp(9, 53, bytes: 1391)),
            e1.packet(e2, v6: v6, 47, [0, 0, 0, 0]), e1.packet(e2, v6: v6, v6 ? 58 : 1, icmp(v6 ? 128 : 8)),
        ] {
            let made = try #require(answer(packet))
            #expect(made.kind == .unreachable)
            #expect(Array(made.frame[at..<at + 2]) == (v6 ? [1, 1] : [3, 13]))
            #expect(made.frame.count - 14 == min(packet.count + (v6 ? 48 : 28), v6 ? 1280 : 576))
            #expect(packet.starts(with: made.frame.dropFirst(at + 8)))
            #expect(sum(made.frame, at: at, number: v6 ? 58 : nil, v6: v6) == 0xffff)
        }
        let number: UInt8 = v6 ? 58 : 1
        var never = (v6 ? [UInt8(1), 2, 3, 4, 135] : [3, 4, 5, 11, 12]).map {
            e1.packet(e2, v6: v6, number, icmp($0))
        }
        let good = e1.packet(e2, v6: v6, 17, udp(9, 53))
        if v6 {
            never.append(e1.packet(e2, v6: true, 44, [17, 0, 0, 1, 0, 0, 0, 1] + udp(9, 53)))
            never.append(e1.packet(e2, v6: true, 44, [17, 0, 0, 8, 0, 0, 0, 1] + udp(9, 53)))
            never.append(ipv6(IPv6Address(0), e2.identity.address, 17, udp(9, 53)))
            never.append(ipv6(e1.identity.address, try IPv6Address(parsing: "ff02::1"), 17, udp(9, 53)))
        } else {
            never.append(good.with(0x20, at: 6))
            never.append(good.with(1, at: 7))
            never.append(ipv4(IPv4Address(0), e2.ipv4, 17, udp(9, 53)))
            never.append(ipv4(e1.ipv4, IPv4Address(224, 0, 0, 1), 17, udp(9, 53)))
        }
        for (index, packet) in never.enumerated() { #expect(answer(packet) == nil, "packet \(index)") }
        #expect(RejectAnswer(rejecting: ethernet(e1.mac, .broadcast, type, good)) == nil)
        #expect(RejectAnswer(rejecting: ethernet(e1.mac, e2.mac, 0x0806, good)) == nil)
        // Any beginning of a frame is read without harm.
        let frame = ethernet(e1.mac, e2.mac, type, e1.packet(e2, v6: v6, 6, tcp(1, 2, TCP.syn)))
        for length in 0..<frame.count { #expect(RejectAnswer(rejecting: Array(frame.prefix(length))) == nil) }
    }

    @Test("a connection that is rejected is refused at once", arguments: [false, true])
    func rejected(v6: Bool) async throws {
        let hosts = try TwoHosts()
        let (a, e1, e2) = (hosts.a, hosts.e1, hosts.e2)
        let rejects = FlowRules(otherwise: FlowAction(.reject))
        try hosts.plug(e1, e2, rejects, rejects)
        let address = v6 ? "\(e2.identity)" : "\(e2.ipv4)"
        // The test does what the leaf does with a punt.
        let began = ContinuousClock.now
        let connecting = try start(
            ["ip", "netns", "exec", e1.name, "iperf3", "-c", address, "-t", "1", "--connect-timeout", "4000"])
        let punt = try #require(
            try await a.punts.first(.rejected, from: e1.device) { $0[12] == (v6 ? 0x86 : 0x08) })
        let answer = try #require(RejectAnswer(rejecting: punt.frame))
        #expect(answer.kind == .reset)
        try PacketSocket(in: a.namespace).send(answer.frame, to: e1.device)
        let result = connecting.finish()
        #expect(result.output.contains("refused"), "\(result.output)")
        #expect(began.duration(to: .now) < .seconds(3))
        #expect(try a.drops(e1, .rejected) > 0)
        #expect(try a.drops(e1, .rules) == 0)

        // The receiver's host only drops.
        try hosts.silence()
        try hosts.a.path.setRules(
            PairRules(low: .everyPort, high: .everyPort), of: PairEnds(e1.identity, e2.identity))
        let (before, rejectedThere) = (hosts.b.count(.rules), hosts.b.count(.rejected))
        #expect(try !hosts.passes(e1.packet(e2, v6: v6, 6, tcp(4000, 80, TCP.syn)), e1, e2))
        #expect(hosts.b.count(.rules) == before + 1)
        #expect(hosts.b.count(.rejected) == rejectedThere)
    }

    /// The sum of 16-bit words that a right checksum makes 0xffff, with the pseudo header where there is one.
    private func sum(_ frame: [UInt8], at: Int, number: UInt8?, v6: Bool) -> UInt32 {
        let addresses = v6 ? Array(frame[14 + 8..<14 + 40]) : Array(frame[14 + 12..<14 + 20])
        let pseudo = number.map { addresses + UInt32(frame.count - at).octets + UInt32($0).octets } ?? []
        return sum(pseudo + frame[at...])
    }

    private func sum(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return sum
    }
}
