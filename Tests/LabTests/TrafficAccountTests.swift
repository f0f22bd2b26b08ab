import Foundation
import Testing

/// What is booked of wires, compared with what those say who sent and received.
extension LabTests.OverIPv4 {
    /// Figures of one direction of a wire.
    struct Booked: Equatable, CustomStringConvertible {
        var sent = (packets: 0, bytes: 0)
        var received = (packets: 0, bytes: 0)

        static func == (a: Booked, b: Booked) -> Bool { a.sent == b.sent && a.received == b.received }
        var description: String {
            "sent \(sent.packets) packets, \(sent.bytes) bytes; received \(received.packets), \(received.bytes)"
        }

        static func - (a: Booked, b: Booked) -> Booked {
            var rest = a
            rest.sent = (a.sent.packets - b.sent.packets, a.sent.bytes - b.sent.bytes)
            rest.received = (a.received.packets - b.received.packets, a.received.bytes - b.received.bytes)
            return rest
        }
    }

    private static func booked(_ lab: TestLab, _ from: String, _ to: String) async throws -> Booked {
        let answer = try await lab.rest("GET", "/v1/tenants/acme/wires/\(from)/\(to)/traffic?step=hour")
        #expect(answer.status == 200, "\(answer)")
        var booked = Booked()
        for item in answer.body["items"].items {
            booked.sent.packets += try #require(item["sent_packets"].integer)
            booked.sent.bytes += try #require(item["sent_bytes"].integer)
            booked.received.packets += try #require(item["received_packets"].integer)
            booked.received.bytes += try #require(item["received_bytes"].integer)
        }
        return booked
    }

    /// What is booked once nothing passes any more: the leaves of the lab tell every second.
    ///
    /// - Parameter isWhole: whether all is there that has to be; a little later nothing more may have come.
    private static func settled(
        _ lab: TestLab, _ from: String, _ to: String, _ isWhole: (Booked) -> Bool = { _ in true }
    ) async throws -> Booked {
        var last = try await booked(lab, from, to)
        _ = try await eventually(within: 10, every: 0.25) {
            last = try await booked(lab, from, to)
            return isWhole(last)
        }
        for _ in 0..<6 {
            try await Task.sleep(for: .milliseconds(1_500))
            let next = try await booked(lab, from, to)
            if next == last { break }
            last = next
        }
        return last
    }

    /// Runs iperf3 between two endpoints while things happen, and returns what it says at its end.
    private static func iperf(
        _ lab: TestLab, _ from: String, _ to: String, _ words: [String], meanwhile: () async throws -> Void = {}
    ) async throws -> JSONValue {
        let server = try await transferServer(lab.endpoint("acme/\(to)").inside)
        let client = try Command(
            try lab.endpoint("acme/\(from)").inside
                + ["iperf3", "-J", "-c", lab.endpoint("acme/\(to)").ipv4] + words
        ).start()
        try await meanwhile()
        try await client.wait(seconds: 30)
        await server.stop()
        return try JSONValue(parsing: client.output)["end"]
    }

    @Test(
        "figures are those of iperf3, over the end of both leaves and of the controller", .timeLimit(.minutes(2)),
        arguments: ["none", "conf"])
    func figuresAreThoseOfIperf(_ security: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", security)
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let before = try await Self.settled(lab, "web1", "web2")

        // TCP, at a rate that the wire carries without loss.
        let tcp = try await Self.iperf(lab, "web1", "web2", ["-n", "60M", "-b", "100M"]) {
            try await Task.sleep(for: .seconds(1))
            try await lab.daemons.crash("leaf h1")
            try await Task.sleep(for: .milliseconds(500))
            try lab.daemons.start("leaf h1")
            try await lab.daemons.crash("controller")
            try await Task.sleep(for: .seconds(1))
            try lab.daemons.start("controller")
            try await Task.sleep(for: .milliseconds(700))
            try await lab.daemons.crash("leaf h2")
            try lab.daemons.start("leaf h2")
        }
        try await lab.waitUntilWhole()
        let sent = try #require(tcp["sum_sent"]["bytes"].integer, "\(tcp)")
        let arrived = try #require(tcp["sum_received"]["bytes"].integer)
        let middle = try await Self.settled(lab, "web1", "web2") {
            ($0 - before).sent.bytes >= arrived && ($0 - before).received.bytes >= arrived
        }
        let first = middle - before
        let again = try #require(tcp["sum_sent"]["retransmits"].integer)
        // Each segment has 20 bytes of IPv4, 20 of TCP and 12 of time stamps (RFC 7323); the rest is iperf3's own
        // conversation about the test.
        let payload = (first.sent.bytes - 52 * first.sent.packets, first.received.bytes - 52 * first.received.packets)
        print("accounts, \(security), TCP: iperf3 sent \(sent), received \(arrived), \(again) again; \(first)")
        // What is in the sender's socket when iperf3 ends may never be sent.
        #expect((arrived...sent + again * 1_448 + 10_000).contains(payload.0), "iperf3 \(sent); \(first)")
        #expect((arrived...sent + again * 1_448 + 10_000).contains(payload.1), "iperf3 \(arrived); \(first)")

        // UDP: datagrams of 1,000 bytes with 28 of headers.
        let udp = try await Self.iperf(lab, "web1", "web2", ["-u", "-l", "1000", "-b", "40M", "-t", "2"])
        let packets = try #require(udp["sum"]["packets"].integer, "\(udp)")
        let lost = try #require(udp["sum"]["lost_packets"].integer)
        let second =
            try await Self.settled(lab, "web1", "web2") { ($0 - middle).received.packets >= packets - lost } - middle
        print("accounts, \(security), UDP: iperf3 sent \(packets) datagrams, lost \(lost); \(second)")
        #expect((packets...packets + 60).contains(second.sent.packets), "iperf3 \(packets); \(second)")
        #expect((packets * 1_028...packets * 1_028 + 10_000).contains(second.sent.bytes), "\(second)")
        #expect((packets - lost...packets + 60).contains(second.received.packets), "iperf3 lost \(lost); \(second)")
    }

    @Test("no packet is lost or counted twice when a wire ends and its leaves are killed", .timeLimit(.minutes(2)))
    func endsOfWires() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let before = (
            there: try await Self.settled(lab, "web1", "db1"), back: try await Self.booked(lab, "db1", "web1"),
            local: try await Self.booked(lab, "web2", "db1")
        )
        func ping(_ from: String, _ to: String, _ count: Int) async throws {
            // The first alone: while a leaf plugs, it holds but a few.
            for count in [1, count - 1] {
                let echoes = try Echoes(
                    count, every: 5, from: lab.endpoint("acme/\(from)"), to: lab.endpoint("acme/\(to)").ipv4, bytes: 100
                )
                let answered = try await echoes.answered(within: 30)
                #expect(answered == count, "\(echoes)")
            }
        }
        for level in ["none", "conf"] {
            try await lab.succeed("plug", "acme/web1", "acme/db1", "--security", level)
            // From the very first packet, which a leaf holds and sends.
            try await ping("web1", "db1", 50)
            // Told and not yet told; then the wire ends, and so do both leaves before they can tell of it.
            try await lab.succeed("unplug", "acme/web1", "acme/db1")
            try await lab.daemons.crash("leaf h1")
            try await lab.daemons.crash("leaf h2")
            try lab.daemons.start("leaf h1")
            try lab.daemons.start("leaf h2")
            try await lab.waitUntilWhole()
        }
        let echoes = 100
        func isWhole(_ booked: Booked) -> Bool { booked.sent.packets >= echoes && booked.received.packets >= echoes }
        let there = try await Self.settled(lab, "web1", "db1") { isWhole($0 - before.there) } - before.there
        let back = try await Self.settled(lab, "db1", "web1") { isWhole($0 - before.back) } - before.back
        print("accounts, ends of wires: \(echoes) echoes of 128 bytes; there \(there); back \(back)")
        #expect(there.sent == (echoes, echoes * 128) && there.received == there.sent, "\(there)")
        #expect(back.sent == there.sent && back.received == there.sent, "\(back)")

        // An endpoint that moves: its former leaf tells what it had counted, though it has it no more.
        try await lab.succeed("plug", "acme/web2", "acme/db1")
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await ping("web2", "db1", 40)
        try await ping("web1", "db1", 30)
        try await lab.succeed("endpoint", "move", "acme/db1", "h3")
        try await lab.waitUntilRunning("acme/db1")
        try await lab.daemons.crash("leaf h2")
        try lab.daemons.start("leaf h2")
        try await lab.waitUntilWhole()
        let moved =
            try await Self.settled(lab, "web1", "db1") {
                ($0 - before.there).received.packets >= echoes + 30
            } - before.there
        let local = try await Self.settled(lab, "web2", "db1") { ($0 - before.local).sent.packets >= 40 } - before.local
        print("accounts, a move: there \(moved); local \(local)")
        #expect(moved.sent == (echoes + 30, (echoes + 30) * 128) && moved.received == moved.sent, "\(moved)")
        #expect(local.sent == (40, 40 * 128) && local.received == local.sent, "\(local)")
    }

    @Test func figuresAreShownAndExported() async throws {
        let lab = try TestLab.current()
        let csv = try await lab.succeed("usage", "acme", "--by", "wire", "--csv").output
        #expect(csv.hasPrefix("time,step,tenant,source,source_border,destination,destination_border,sent_packets,"))
        #expect(csv.hasSuffix("\r\n"))
        let json = try await lab.json("usage", "acme", "--by", "endpoint", "--step", "day")
        #expect(json.keys == ["tenant", "by", "step", "from", "to", "items"], "\(json)")
        let list = try await lab.json("usage")
        #expect(list.keys == ["step", "from", "to", "items"], "\(list)")
        #expect(list["items"].items.allSatisfy { $0["deleted"].bool == false }, "\(list)")
        #expect(try await lab.succeed("usage", "acme").output.contains("BYTES SENT"))
        for words in [
            ["usage", "--csv"], ["usage", "acme", "--by", "nobody"], ["usage", "acme", "--from", "yesterday"],
            ["usage", "nobody"], ["usage", "acme", "--endpoint", "web1"],
        ] {
            let finished = try await Command(["\(lab.programs)/patchbay"] + words).run()
            #expect(!finished.succeeded, "\(finished)")
        }
    }
}
