import KernelPath
import NetTypes
import Testing

/// What wires had counted when they were taken out, and what they go on to count.
extension KernelPathTests {
    @Test("what a wire had counted is kept when it is unplugged, led elsewhere, or goes with its port")
    func endedCounts() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let there = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)", count: 3))
        let account = WireAccount(source: e1.identity, destination: e2.identity)
        let packet: UInt64 = 40 + 8 + 56
        var counts = try hosts.a.path.counts()
        #expect(counts.ended.isEmpty)
        #expect(Set(counts.live.map(\.id)).count == 3, "both forms of one direction, and a label: \(counts.live)")
        let live = try #require(counts.live.first { $0.counters.packets == 3 && $0.isSend })

        // Led elsewhere and back: two ends, and a third that counts on.
        for _ in 0..<2 {
            try hosts.a.path.plugSend(
                port: e1.device, destination: e2.identity.address,
                to: .remote(locator: hosts.b.locator, label: there), account: account)
            #expect(try ping(e1, "\(e2.identity)"))
        }
        counts = try hosts.a.path.counts()
        let former = counts.ended.sorted { $0.counters.packets > $1.counters.packets }
        #expect(former.map(\.counters) == [3, 1].map { WireCounters(packets: $0, bytes: $0 * packet) })
        #expect(former.first?.id == live.id && former.allSatisfy { $0.account == account && $0.end == .send })
        #expect(!counts.live.contains { $0.id == live.id })

        // Another process finds them, and what it has not forgotten.
        hosts.a.path.forget(ended: [live.id])
        hosts.a.path.close()
        hosts.a.path = try DataPath(configuration: hosts.a.configuration)
        #expect(try hosts.a.path.counts().ended == Array(former.dropFirst()))
        hosts.a.path.forget(ended: former.map(\.id))

        // What the leaf sends itself is counted on the wire.
        let own = WireCounters(packets: 2, bytes: 99)
        #expect(hosts.a.path.count(own, sentFrom: e1.device, to: e2.identity.address))
        #expect(!hosts.a.path.count(own, sentFrom: e1.device, to: IPv6Address(1)))
        let last = hosts.a.path.unplugSend(port: e1.device, destination: e2.identity.address, account: account)
        #expect(last == WireCounters(packets: 3, bytes: packet + 99))
        #expect(try hosts.a.path.counts().ended.map(\.counters) == [last])

        let outside = WireAccount(
            source: e1.identity, destination: e2.identity, outsideSource: try IPAddress(parsing: "192.0.2.77"))
        #expect(hosts.b.path.unplugReceive(locator: hosts.a.locator, label: there, account: outside)?.packets == 5)
        let received = try #require(try hosts.b.path.counts().ended.first)
        #expect(received.account == outside && received.end == .receive && received.counters.packets == 5)
        // A port goes with its wires; of whom they were the kernel does not know.
        try hosts.b.path.closePort(e2.device)
        let closed = try hosts.b.path.counts()
        #expect(closed.live.isEmpty && closed.ended.contains { $0.account == nil && $0.end == .send })
    }

    @Test("both ends count the same bytes, however segments were put together", arguments: [false, true])
    func sameBytes(v6: Bool) throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let server = try start(["ip", "netns", "exec", e2.name, "iperf3", "-s", "-1"])
        defer { server.stop() }
        let address = v6 ? "\(e2.identity)" : "\(e2.ipv4)"
        #expect(try ping(e1, address))
        let report = try run(
            "ip", "netns", "exec", e1.name, "timeout", "9", "sh", "-c",
            "for i in 1 2 3 4 5 6 7 8; do iperf3 -c \(address) -n 40M -J && exit; sleep 0.2; done")
        func figure(_ sum: String, _ key: String) throws -> Int64 {
            let tail = try #require(report.range(of: "\"\(sum)\"").map { report[$0.upperBound...] }, "\(report)")
            let value = try #require(tail.range(of: "\"\(key)\":").map { tail[$0.upperBound...] })
            return try #require(Int64(value.drop { $0 == "\t" || $0 == " " }.prefix { $0.isNumber }))
        }
        let (written, again) = (try figure("sum_sent", "bytes"), try figure("sum_sent", "retransmits"))
        let arrived = try figure("sum_received", "bytes")
        let destination = v6 ? e2.identity.address : IPv6Address(mapped: e2.ipv4)
        let sent = try #require(hosts.a.path.sendCounters(port: e1.device, destination: destination))
        let received = try #require(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label))
        #expect(sent == received)
        // Each segment has its headers: TCP with time stamps. What is in the socket when iperf3 ends may never be sent,
        // and iperf3 talks a little about the test.
        let payload = Int64(sent.bytes) - Int64(sent.packets) * (v6 ? 72 : 52)
        #expect((arrived...written + again * 1_448 + 20_000) ~= payload, "\(sent), \(arrived) of \(written), \(again)")
        #expect(Int64(sent.packets) > arrived / 1_448, "segments are counted one by one")
    }
}

extension LiveCount {
    fileprivate var isSend: Bool { if case .send = place { true } else { false } }
}
