import Foundation
import Testing

/// What passes of a flow besides its plain packets: errors, fragments, extension headers; how fast, and when.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func anErrorPassesIfItBelongsToAFlow() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: some, from: web1, to: web2, verdict: plug, ports: [udp/7, udp/9]}
                """
        ) {
            let (a, b) = ("acme/web1", "acme/web2")
            let end = try lab.endpoint(b)
            for address in [end.identity, end.ipv4] {
                // Nobody listens there, and the other end's own stack says so.
                #expect(try await lab.ask(from: a, address, 9) == "ECONNREFUSED", "\(address)")
                #expect(try await lab.ask(from: a, address, 7) == "answer", "\(address)")
            }
            // Two flows to quote, one of each family; and the same packets that never were sent.
            try await lab.expect(
                [Case("six", "six/UDP(sport=99,dport=9)", true), Case("four", "four/UDP(sport=99,dport=9)", true)],
                from: a, to: b)
            let quoted6 = "IPv6(src=six.dst,dst=six.src)/UDP(sport=%,dport=#)"
            let quoted4 = "IP(src=four.dst,dst=four.src)/UDP(sport=%,dport=#)"
            func quote(_ text: String, _ from: Int, _ to: Int) -> String {
                text.replacing("%", with: "\(from)").replacing("#", with: "\(to)")
            }
            let (big, unreachable) = ("six/ICMPv6PacketTooBig(mtu=1280)", "six/ICMPv6DestUnreach(code=4)")
            let (cut, refused) = ("four/ICMP(type=3,code=4,nexthopmtu=1000)", "four/ICMP(type=3,code=3)")
            try await lab.expect(
                [
                    Case("big", "\(big)/\(quote(quoted6, 99, 9))", true),
                    Case("unreachable", "\(unreachable)/\(quote(quoted6, 99, 9))", true),
                    Case("time", "six/ICMPv6TimeExceeded()/\(quote(quoted6, 99, 9))", true),
                    Case("cut4", "\(cut)/\(quote(quoted4, 99, 9))", true),
                    Case("refused4", "\(refused)/\(quote(quoted4, 99, 9))", true),
                    // Of a port that the flow does not have, of one that the rules do not pass, of the wrong direction.
                    Case("other", "\(big)/\(quote(quoted6, 98, 9))", false),
                    Case("forbidden", "\(unreachable)/\(quote(quoted6, 99, 8))", false),
                    Case("other4", "\(cut)/\(quote(quoted4, 98, 9))", false),
                    Case("forbidden4", "\(refused)/\(quote(quoted4, 99, 8))", false),
                    Case("turned", "\(big)/(six/UDP(sport=99,dport=9))", false),
                    Case("turned4", "\(cut)/(four/UDP(sport=99,dport=9))", false),
                    Case("foreign", "\(big)/IPv6(src='2001:db8::1',dst=six.src)/UDP(sport=99,dport=9)", false),
                    Case("foreign4", "\(cut)/IP(src='192.0.2.9',dst=four.src)/UDP(sport=99,dport=9)", false),
                    Case("tcp", "\(big)/IPv6(src=six.dst,dst=six.src)/TCP(sport=99,dport=9)", false),
                ], from: b, to: a)
            // Nor does one that the beginner makes up about an answer which never came.
            try await lab.expect(
                [Case("noanswer", "\(unreachable)/\(quote(quoted6, 7, 97))", false)], from: a, to: b)
        }
    }

    @Test(.timeLimit(.minutes(1))) func fragmentsHaveNoPorts() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: echo, from: web1, to: web2, verdict: plug, ports: [udp/7]}
                  - {name: all, from: web1, to: db1, verdict: plug}
                  - {name: but, from: web1, to: db1, verdict: unplug, ports: [udp/9]}
                """
        ) {
            let (port, whole) = (try lab.endpoint("acme/web2"), try lab.endpoint("acme/db1"))
            for (narrow, wide) in [(port.identity, whole.identity), (port.ipv4, whole.ipv4)] {
                #expect(try await lab.ask(from: "acme/web1", narrow, 7) == "answer")
                // Whole packets of any size pass; a datagram that has to be cut is never put together again.
                #expect(try await lab.ask(from: "acme/web1", narrow, 7, bytes: 1_300) == "answer")
                #expect(try await lab.ask(from: "acme/web1", narrow, 7, bytes: 3_000) == "timeout")
                // A rule without ports lets every fragment pass, there and back.
                #expect(try await lab.ask(from: "acme/web1", wide, 7, bytes: 3_000) == "answer")
                #expect(try await lab.ask(from: "acme/web1", wide, 9, bytes: 3_000) == "timeout")
            }
            let later6 = "six/IPv6ExtHdrFragment(nh=17,offset=100,m=0,id=7)/Raw(bytes([0,9,0,7,0,16,0,0]))"
            let later4 = "IP(src=four.src,dst=four.dst,proto=17,frag=100,flags=0)/Raw(bytes([0,9,0,7,0,16,0,0]))"
            let first6 = "six/IPv6ExtHdrFragment(nh=17,offset=0,m=1,id=8)/Raw(bytes([0,9,0,7,4,16,0,0]))"
            let first4 = "IP(src=four.src,dst=four.dst,proto=17,flags='MF')/Raw(bytes([0,9,0,7,4,16,0,0]))"
            let short6 = "six/IPv6ExtHdrFragment(nh=6,offset=0,m=1,id=9)/Raw(bytes([0,9,0,7,0,0,0,0]))"
            // What looks like the port in a later fragment is none; the first has it, if the whole header is there.
            let cases = [
                Case("later6", later6, false), Case("later4", later4, false), Case("first6", first6, true),
                Case("first4", first4, true), Case("short6", short6, false),
            ]
            try await lab.expect(cases, from: "acme/web1", to: "acme/web2")
            try await lab.expect(cases.map(\.passing), from: "acme/web1", to: "acme/db1")
        }
    }

    @Test(.timeLimit(.minutes(1))) func extensionHeadersAreNoProtocol() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: some, from: web1, to: web2, verdict: plug, ports: [udp/1007, tcp/1007]}
                  - {name: safe, from: web1, to: batch1, verdict: plug, ports: [udp/1007, tcp/1007], security: conf}
                """
        ) {
            let options = "IPv6ExtHdrDestOpt()"
            let hops = "IPv6ExtHdrHopByHop()"
            let good = "UDP(sport=9,dport=1007)"
            let bad = "UDP(sport=1007,dport=9)"
            let eight = "/" + Array(repeating: options, count: 8).joined(separator: "/")
            let cases = [
                Case("one", "six/\(options)/\(good)", true), Case("one-bad", "six/\(options)/\(bad)", false),
                Case("two", "six/\(hops)/\(options)/\(good)", true),
                Case("two-bad", "six/\(hops)/\(options)/\(bad)", false),
                Case("tcp", "six/\(options)/TCP(sport=9,dport=1007,flags='S')", true),
                Case("tcp-bad", "six/\(options)/TCP(sport=9,dport=1008,flags='S')", false),
                Case("atomic", "six/IPv6ExtHdrFragment(m=0,offset=0)/\(good)", true),
                Case("atomic-bad", "six/IPv6ExtHdrFragment(m=0,offset=0)/\(bad)", false),
                Case("eight", "six\(eight)/\(good)", true), Case("eight-bad", "six\(eight)/\(bad)", false),
                Case("nine", "six\(eight)/\(options)/\(good)", false),
                // The length leads behind the packet.
                Case(
                    "broken", "IPv6(src=six.src,dst=six.dst,nh=60)/Raw(bytes([17,200,1,4,0,0,0,0]))/\(good)", false),
                Case("nothing", "IPv6(src=six.src,dst=six.dst,nh=59)/Raw(bytes([0,9,3,239,0,8,0,0]))", false),
            ]
            for b in ["acme/web2", "acme/batch1"] { try await lab.expect(cases, from: "acme/web1", to: b) }
        }
    }

    /// The next full minute is waited for: then one rule ends and another begins.
    @Test(.timeLimit(.minutes(2))) func windowsOpenAndClose() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        // Ten seconds at least, so that everything is in force before.
        let edge = Date(timeIntervalSince1970: ((Date().timeIntervalSince1970 + 14) / 60).rounded(.up) * 60)
        func clock(_ date: Date, hours: Double = 0) -> String {
            let parts = calendar.dateComponents([.hour, .minute], from: date.addingTimeInterval(hours * 3600))
            return String(format: "%02d:%02d", parts.hour ?? 0, parts.minute ?? 0)
        }
        func day(_ date: Date) -> String {
            ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][calendar.component(.weekday, from: date) - 1]
        }
        let (before, after) = (edge.addingTimeInterval(-1_800), edge.addingTimeInterval(1_800))
        let tomorrow = day(edge.addingTimeInterval(86_400))
        let moment = ISO8601DateFormatter().string(from: edge)
        try await lab.with(
            document: """
                rules:
                  - name: closes
                    from: web1
                    to: web2
                    verdict: plug
                    ports: [udp/1001]
                    when: {from: "\(clock(before))", to: "\(clock(edge))", zone: UTC}
                  - name: opens
                    from: web1
                    to: web2
                    verdict: plug
                    ports: [udp/1002]
                    when: {from: "\(clock(edge, hours: 8))", to: "\(clock(after, hours: 8))", zone: Asia/Taipei}
                  - {name: begins, from: web1, to: web2, verdict: plug, ports: [udp/1003], not-before: \(moment)}
                  - {name: ends, from: web1, to: web2, verdict: plug, ports: [udp/1004], not-after: \(moment)}
                  - name: another-day
                    from: web1
                    to: web2
                    verdict: plug
                    ports: [udp/1005]
                    when: {days: [\(tomorrow)], from: "\(clock(edge))", to: "\(clock(after))", zone: UTC}
                  - {name: pair, from: web1, to: db1, verdict: plug, not-before: \(moment)}
                """
        ) {
            func cases(_ passing: Set<Int>) -> [Case] {
                (1001...1005).map { Case("r\($0)", "six/UDP(sport=9,dport=\($0))", passing.contains($0)) }
            }
            try await lab.expect(cases([1001, 1004]), from: "acme/web1", to: "acme/web2")
            try await lab.expectUnplugged("acme/web1", "acme/db1")
            #expect(Date() < edge, "the machine was too slow for this test")
            try await Task.sleep(for: .seconds(max(0, edge.timeIntervalSinceNow + 2)))
            try await lab.expect(cases([1002, 1003]), from: "acme/web1", to: "acme/web2")
            try await lab.expectPlugged("acme/web1", "acme/db1")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aBurstPassesAtOnce() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        // At 1 Mbit/s a hundred datagrams of 1,300 bytes take a second.
        try await lab.with(
            document: """
                rules:
                  - name: burst
                    from: web1
                    to: web2
                    verdict: plug
                    ports: [udp/1001]
                    rate: 1 Mbit/s
                    burst: 256 KiB
                  - {name: even, from: web1, to: web2, verdict: plug, ports: [udp/1002], rate: 1 Mbit/s}
                  - {name: echo, from: web1, to: web2, verdict: plug, ports: [udp/7]}
                """
        ) {
            let end = try lab.endpoint("acme/web2")
            #expect(try await lab.ask(from: "acme/web1", end.identity, 7) == "answer")
            for (port, all) in [(1001, true), (1002, false)] {
                let counter = try Command(
                    end.inside + ["/usr/bin/python3", "-u", "-c", CaseScripts.early, "\(port)"]
                ).start()
                let ready = try await eventually(within: 10, every: 0.02) { counter.output.contains("ready") }
                #expect(ready, "\(counter.errors)")
                let sender = [
                    "/usr/bin/python3", "-c", CaseScripts.hundred, end.identity, "\(port)",
                ]
                try await Command(try lab.endpoint("acme/web1").inside + sender).succeed()
                try await counter.wait(seconds: 10)
                let count = Int(counter.output.split(separator: "\n").last ?? "") ?? -1
                #expect(all ? count == 100 : count > 5 && count < 60, "\(port): \(count) in a third of a second")
            }
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [Transfer.tcp, .tcpBack, .udp]) func aRateIsKeptAndSlowsNobodyElse(
        _ transfer: Transfer
    ) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: slow, from: web1, to: web2, verdict: plug, ports: [tcp/5301, udp/5302], rate: 20 Mbit/s}
                  - {name: control, from: web1, to: web2, verdict: plug, ports: [tcp/5302, tcp/5303]}
                  - {name: others, from: web1, to: db1, verdict: plug, ports: [tcp/5304]}
                """
        ) {
            let slow = try await lab.transfer(transfer, to: "acme/web2", transfer == .udp ? 5302 : 5301)
            // Beside it another flow of the pair and one of another pair, each faster than the limit.
            let same = try await lab.transfer(.paced, to: "acme/web2", 5303)
            let other = try await lab.transfer(.paced, to: "acme/db1", 5304)
            let rates = try await [lab.rate(of: slow), lab.rate(of: same), lab.rate(of: other)].map { Int($0) }
            // Packets as they are on the wire, with 14 bytes of Ethernet each: a limit is kept from below.
            #expect(rates[0] < 21_000_000 && rates[0] > 19_000_000, "\(transfer): \(rates)")
            #expect(rates[1] > 55_000_000 && rates[2] > 55_000_000, "\(rates)")
        }
    }
}

/// What iperf3 is to do.
enum Transfer: String, Sendable {
    case tcp, tcpBack, udp
    /// TCP at 60 Mbit/s.
    case paced
}

extension TestLab {
    /// A transfer from acme/web1 that runs, with its server.
    struct RunningTransfer {
        let server: RunningCommand
        let client: RunningCommand
        let kind: Transfer
        let mtu: Double
    }

    /// Begins a transfer of four seconds.
    func transfer(_ kind: Transfer, to name: String, _ port: Int) async throws -> RunningTransfer {
        let server = try await transferServer(endpoint(name).inside, port: port)
        let words: [String] =
            switch kind {
            case .tcp: []
            case .tcpBack: ["-R"]
            case .udp: ["-u", "-b", "30M", "-l", "1300"]
            case .paced: ["-b", "60M"]
            }
        let client = try Command(
            try endpoint("acme/web1").inside + [
                "iperf3", "-J", "-t", "4", "-O", "1", "-c", try endpoint(name).identity, "-p", "\(port)",
            ] + words
        ).start()
        return RunningTransfer(server: server, client: client, kind: kind, mtu: Double(mtu))
    }

    /// Bits per second of IP packets that arrived.
    func rate(of transfer: RunningTransfer) async throws -> Double {
        try await transfer.client.wait(seconds: 20)
        await transfer.server.stop()
        let end = try JSONValue(parsing: transfer.client.output)["end"]
        guard transfer.kind == .udp else {
            let goodput = try #require(end["sum_received"]["bits_per_second"].number, "\(transfer.client.output)")
            // 72 bytes of IPv6, TCP and its time stamps in each packet.
            return goodput * transfer.mtu / (transfer.mtu - 72)
        }
        let sum = end["sum"]
        let arrived =
            try #require(sum["packets"].number, "\(transfer.client.output)") - (sum["lost_packets"].number ?? 0)
        return try arrived * 1_348 * 8 / #require(sum["seconds"].number)
    }
}
