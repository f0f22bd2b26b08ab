import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// What rules pass, packet by packet. Endpoints are silent, so that every packet is one of the test's.
extension KernelPathTests {
    @Test("a port is open for who begins, and answers pass", arguments: [false, true])
    func ports(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        try hosts.silence()
        // Once the end with the lower identity begins, once the one with the higher, once two on one host.
        let pairs = [(hosts.e1, hosts.e2), (hosts.e2, hosts.e1), (hosts.e3, hosts.e1), (hosts.e1, hosts.e3)]
        for (x, y) in pairs {
            try hosts.plug(x, y, .only([(.tcp, 80), (.udp, 53), (.sctp, 9)]), .nothing)
            for v6 in [false, true] {
                let name = "\(x.name) to \(y.name), IPv6 \(v6)"
                #expect(try !hosts.passes(y.packet(x, v6: v6, 6, tcp(80, 4000, 18)), y, x), "no flow yet: \(name)")
                #expect(try hosts.passes(x.packet(y, v6: v6, 6, tcp(4000, 80, TCP.syn)), x, y), "\(name)")
                #expect(try !hosts.passes(x.packet(y, v6: v6, 6, tcp(4000, 81, TCP.syn)), x, y), "\(name)")
                #expect(try hosts.passes(y.packet(x, v6: v6, 6, tcp(80, 4000, 18)), y, x), "\(name)")
                #expect(try hosts.passes(x.packet(y, v6: v6, 6, tcp(4000, 80, TCP.ack)), x, y), "\(name)")
                #expect(try !hosts.passes(y.packet(x, v6: v6, 6, tcp(80, 4001, 18)), y, x), "another port: \(name)")
                #expect(try !hosts.passes(y.packet(x, v6: v6, 6, tcp(4000, 80, TCP.syn)), y, x), "swapped: \(name)")
                #expect(try !hosts.passes(y.packet(x, v6: v6, 6, tcp(9999, 80, TCP.syn)), y, x), "swapped: \(name)")
                #expect(try !hosts.passes(y.packet(x, v6: v6, 17, udp(80, 4000)), y, x), "protocols: \(name)")

                #expect(try hosts.passes(x.packet(y, v6: v6, 17, udp(4000, 53)), x, y), "\(name)")
                #expect(try hosts.passes(y.packet(x, v6: v6, 17, udp(53, 4000)), y, x), "\(name)")
                #expect(try !hosts.passes(y.packet(x, v6: v6, 17, udp(4000, 53)), y, x), "\(name)")
                #expect(try !hosts.passes(x.packet(y, v6: v6, 17, udp(53, 4000)), x, y), "\(name)")
                #expect(try hosts.passes(x.packet(y, v6: v6, 132, sctp(7, 9)), x, y), "\(name)")
                #expect(try hosts.passes(y.packet(x, v6: v6, 132, sctp(9, 7)), y, x), "\(name)")
                #expect(try !hosts.passes(x.packet(y, v6: v6, 132, sctp(7, 80)), x, y), "\(name)")
                // Families have states of their own.
                #expect(try !hosts.passes(y.packet(x, v6: v6, 6, tcp(80, v6 ? 4999 : 4998, 18)), y, x), "\(name)")
            }
            // The ends of a pair have had their parts exchanged, and both have flows then.
            let flows = try x.host.path.flows(of: PairEnds(x.identity, y.identity)).filter {
                $0.beginner == x.identity.address
            }
            #expect(flows.count == 6)
            #expect(flows.allSatisfy { $0.packets >= 2 })
            #expect(flows.filter { $0.protocolNumber == 6 }.allSatisfy { $0.ports == .init(beginner: 4000, other: 80) })
            #expect(flows.filter { $0.protocolNumber == 6 }.allSatisfy { $0.state == .tcpEstablished })
            #expect(flows.filter { $0.protocolNumber == 17 }.allSatisfy { $0.state == .bothWays })
        }
    }

    @Test("the receiver's host asks the rules itself") func receiverAsks() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, .only([(.udp, 53)]), .nothing)
        // The sender's host lets everything pass.
        let ends = PairEnds(e1.identity, e2.identity)
        try hosts.a.path.setRules(PairRules(low: .everyPort, high: .everyPort), of: ends)
        #expect(try hosts.passes(e1.packet(e2, v6: true, 17, udp(9, 53)), e1, e2))
        let before = hosts.b.count(.rules)
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 17, udp(9, 54)), e1, e2))
        #expect(hosts.b.count(.rules) == before + 1)
    }

    @Test("flows of one pair are not another's") func statePerPair() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2, e3) = (hosts.e1, hosts.e2, hosts.e3)
        try hosts.plug(e1, e2, .only([(.tcp, 80)]), .nothing)
        try hosts.plug(e3, e2, .only([(.tcp, 80)]), .nothing)
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.syn)), e1, e2))
        #expect(try !hosts.passes(e2.packet(e3, v6: true, 6, tcp(80, 4000, 18)), e2, e3))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, 18)), e2, e1))
        #expect(try hosts.b.path.flows(of: PairEnds(e3.identity, e2.identity)).isEmpty)
        try hosts.b.path.forgetFlows(of: PairEnds(e1.identity, e2.identity))
        #expect(try !hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, 18)), e2, e1))
        // The beginner goes on in the middle, and the flow is known again.
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.ack)), e1, e2))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, TCP.ack)), e2, e1))
    }

    @Test("a change of rules cuts what it forbids at once, and nothing else") func change() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, e2, .only([(.tcp, 80), (.tcp, 443)]), .nothing)
        for port in [UInt16(80), 443] {
            #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, port, TCP.syn)), e1, e2))
            #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(port, 4000, 18)), e2, e1))
        }
        try hosts.setRules(e1, e2, .only([(.tcp, 443)]), .nothing)
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 80, TCP.ack)), e1, e2))
        #expect(try !hosts.passes(e2.packet(e1, v6: true, 6, tcp(80, 4000, TCP.ack)), e2, e1))
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(443, 4000, TCP.ack)), e2, e1))
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 443, TCP.ack)), e1, e2))
        // One way only: what was answered is not any more.
        try hosts.setRules(e1, e2, .only([(.tcp, 443)], FlowAction(.pass)), .nothing)
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 443, TCP.ack)), e1, e2))
        #expect(try !hosts.passes(e2.packet(e1, v6: true, 6, tcp(443, 4000, TCP.ack)), e2, e1))
        // The rules of the other end open, and what e1 began does not become e2's by an answer.
        try hosts.setRules(e1, e2, .only([(.tcp, 443)]), .everyPort)
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(443, 4000, TCP.ack)), e2, e1))
        try hosts.setRules(e1, e2, .nothing, .everyPort)
        #expect(try hosts.passes(e2.packet(e1, v6: true, 6, tcp(443, 4000, TCP.ack)), e2, e1), "its own rules pass it")
        #expect(try !hosts.passes(e1.packet(e2, v6: true, 6, tcp(4000, 443, TCP.ack)), e1, e2))
        // No rules: everything.
        let ends = PairEnds(e1.identity, e2.identity)
        for host in [hosts.a, hosts.b] { #expect(try host.path.setRules(nil, of: ends) == nil) }
        #expect(try hosts.passes(e1.packet(e2, v6: true, 6, tcp(1, 2, TCP.syn)), e1, e2))
    }

    @Test("TCP is opened, established and closed; an answer never begins") func states() throws {
        let hosts = try TwoHosts {
            $0.flowTimeouts.tcpOpening = .milliseconds(900)
            $0.flowTimeouts.tcpClosing = .milliseconds(800)
            $0.flowTimeouts.oneWay = .milliseconds(800)
            $0.flowTimeouts.bothWays = .milliseconds(2_000)
            $0.flowTimeouts.echo = .milliseconds(800)
        }
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let ends = PairEnds(e1.identity, e2.identity)
        func there(_ segment: [UInt8]) throws -> Bool { try hosts.passes(e1.packet(e2, v6: true, 6, segment), e1, e2) }
        func back(_ segment: [UInt8]) throws -> Bool { try hosts.passes(e2.packet(e1, v6: true, 6, segment), e2, e1) }
        func state() throws -> FlowEntry.State? { try hosts.a.path.flows(of: ends).first?.state }
        try hosts.plug(e1, e2, .only([(.tcp, 80), (.udp, 53), (.icmpv6, 128 << 8)]), .nothing)

        // What is an answer or an end by its flags passes by the rules, but begins nothing.
        #expect(try there(tcp(4000, 80, TCP.syn | TCP.ack)))
        #expect(try there(tcp(4000, 80, TCP.rst)))
        #expect(try state() == nil)
        #expect(try there(tcp(4000, 80, TCP.syn)))
        #expect(try state() == .tcpOpening)
        Thread.sleep(forTimeInterval: 1)
        #expect(try state() == nil)
        #expect(try !back(tcp(80, 4000, 18)), "too late")
        #expect(try there(tcp(4000, 80, TCP.syn)))
        #expect(try back(tcp(80, 4000, 18)))
        #expect(try state() == .tcpEstablished)
        Thread.sleep(forTimeInterval: 1)
        #expect(try back(tcp(80, 4000, TCP.fin | TCP.ack)))
        #expect(try state() == .tcpEstablished, "half closed")
        #expect(try there(tcp(4000, 80, TCP.fin | TCP.ack)))
        #expect(try state() == .tcpClosing)
        #expect(try back(tcp(80, 4000, TCP.ack)))
        Thread.sleep(forTimeInterval: 0.9)
        #expect(try !back(tcp(80, 4000, TCP.ack)))
        // RST ends it too; a SYN begins it anew at once.
        #expect(try there(tcp(4000, 80, TCP.syn)))
        #expect(try back(tcp(80, 4000, TCP.rst | TCP.ack)))
        #expect(try state() == .tcpClosing)
        #expect(try there(tcp(4000, 80, TCP.syn)))
        #expect(try state() == .tcpOpening)

        for (sent, answered) in [(udp(9, 53), udp(53, 9))] {
            #expect(try hosts.passes(e1.packet(e2, v6: true, 17, sent), e1, e2))
            Thread.sleep(forTimeInterval: 0.9)
            #expect(try !hosts.passes(e2.packet(e1, v6: true, 17, answered), e2, e1))
            #expect(try hosts.passes(e1.packet(e2, v6: true, 17, sent), e1, e2))
            #expect(try hosts.passes(e2.packet(e1, v6: true, 17, answered), e2, e1))
            Thread.sleep(forTimeInterval: 1)
            #expect(try hosts.passes(e2.packet(e1, v6: true, 17, answered), e2, e1), "answered flows live longer")
        }
        #expect(try hosts.passes(e1.packet(e2, v6: true, 58, icmp(128)), e1, e2))
        Thread.sleep(forTimeInterval: 0.9)
        #expect(try !hosts.passes(e2.packet(e1, v6: true, 58, icmp(129)), e2, e1))
    }

    @Test("ICMP questions begin, replies answer, by their identifier", arguments: [false, true])
    func echo(v6: Bool) throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let question: UInt8 = v6 ? 128 : 8
        let reply: UInt8 = v6 ? 129 : 0
        let transport = v6 ? FlowNumber.Transport.icmpv6 : .icmp
        try hosts.plug(e1, e2, .only([(transport, UInt16(question) << 8)]), .nothing)
        let address = { (end: TwoHosts.Endpoint) in v6 ? "\(end.identity)" : "\(end.ipv4)" }
        #expect(try ping(e1, address(e2), count: 3))
        #expect(try !ping(e2, address(e1)))
        try hosts.silence()
        let number: UInt8 = v6 ? 58 : 1
        #expect(try hosts.passes(e1.packet(e2, v6: v6, number, icmp(question, identifier: 7)), e1, e2))
        #expect(try !hosts.passes(e2.packet(e1, v6: v6, number, icmp(reply, identifier: 8)), e2, e1))
        #expect(try hosts.passes(e2.packet(e1, v6: v6, number, icmp(reply, identifier: 7)), e2, e1))
        #expect(try !hosts.passes(e1.packet(e2, v6: v6, number, icmp(reply, identifier: 7)), e1, e2))
        #expect(try !hosts.passes(e2.packet(e1, v6: v6, number, icmp(question, identifier: 7)), e2, e1))
        #expect(try !hosts.passes(e1.packet(e2, v6: v6, number, icmp(question, 1, identifier: 9)), e1, e2), "code 1")
        // Both ends may ask under one identifier.
        try hosts.setRules(
            e1, e2, .only([(transport, UInt16(question) << 8)]), .only([(transport, UInt16(question) << 8)]))
        for (x, y) in [(e1, e2), (e2, e1)] {
            #expect(try hosts.passes(x.packet(y, v6: v6, number, icmp(question, identifier: 5)), x, y))
        }
        for (x, y) in [(e1, e2), (e2, e1)] {
            #expect(try hosts.passes(x.packet(y, v6: v6, number, icmp(reply, identifier: 5)), x, y))
        }
    }

    @Test("an ICMP error passes for a live flow only", arguments: [false, true])
    func icmpErrors(v6: Bool) throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2, e3) = (hosts.e1, hosts.e2, hosts.e3)
        let number: UInt8 = v6 ? 58 : 1
        let errors: [UInt8] = v6 ? [1, 2, 3, 4] : [3, 11, 12]
        try hosts.plug(e1, e2, .only([(.udp, 53), (.tcp, 80)]), .nothing)
        let sent = e1.packet(e2, v6: v6, 17, udp(9, 53))
        func error(_ type: UInt8, _ quoted: [UInt8]) throws -> Bool {
            try hosts.passes(e2.packet(e1, v6: v6, number, problem(type, quoted)), e2, e1)
        }
        for type in errors { #expect(try !error(type, sent), "there is no flow yet") }
        #expect(try hosts.passes(sent, e1, e2))
        for type in errors { #expect(try error(type, sent), "type \(type)") }
        for type in errors { #expect(try error(type, Array(sent.prefix(v6 ? 48 : 28))), "type \(type), cut") }
        // And about an answer, to who sent the answer.
        let answer = e2.packet(e1, v6: v6, 17, udp(53, 9))
        #expect(try hosts.passes(answer, e2, e1))
        #expect(try hosts.passes(e1.packet(e2, v6: v6, number, problem(errors[0], answer)), e1, e2))

        let forged: [[UInt8]] = [
            e1.packet(e2, v6: v6, 17, udp(10, 53)), e1.packet(e2, v6: v6, 17, udp(9, 54)),
            e1.packet(e2, v6: v6, 6, tcp(9, 53, TCP.ack)), e3.packet(e2, v6: v6, 17, udp(9, 53)),
            e1.packet(e3, v6: v6, 17, udp(9, 53)), e2.packet(e1, v6: v6, 17, udp(53, 9)),
            e2.packet(e1, v6: v6, 17, udp(9, 53)), Array(sent.prefix(v6 ? 47 : 27)), Array(sent.prefix(10)), [],
            e1.packet(e2, v6: !v6, 17, udp(9, 53)), problem(errors[0], sent),
        ]
        for (index, quoted) in forged.enumerated() { #expect(try !error(errors[0], quoted), "forged \(index)") }
        let unknown = problem(v6 ? 5 : 4, sent)
        #expect(try !hosts.passes(e2.packet(e1, v6: v6, number, unknown), e2, e1), "no error that we know")
        // When the rules cut the flow, they cut its errors.
        try hosts.setRules(e1, e2, .only([(.tcp, 80)]), .nothing)
        for type in errors { #expect(try !error(type, sent), "cut, type \(type)") }
    }

    private func problem(_ type: UInt8, _ quoted: [UInt8]) -> [UInt8] { [type, 0, 0, 0, 0, 0, 0, 0] + quoted }
}
