import Foundation
import NetTypes
import Testing

/// Things that go wrong on one host, and who notices.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func aPortThatLostItsDeviceComesBackAndOthersDoNotNotice() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web2", "acme/batch1")
        try await lab.succeed("plug", "globex/db1", "globex/probe1")
        try await lab.expectPlugged("acme/web2", "acme/batch1")
        try await lab.expectPlugged("globex/db1", "globex/probe1")
        let echoes = try Echoes(
            300, every: 10, from: lab.endpoint("globex/db1"), to: lab.endpoint("globex/probe1").identity)
        let host = try lab.host("h3")
        let octets = try Identity(parsing: try lab.endpoint("acme/batch1").identity).octets.suffix(6)
        let device = "pb" + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        try await Command(host.inside + ["ip", "link", "delete", device]).succeed()
        let answered = try await echoes.answered(within: 20)
        #expect(answered == 300, "\(echoes)")
        // The leaf makes the port anew, and the wire comes back with the next packet.
        try await lab.expectPlugged("acme/web2", "acme/batch1", within: 40)
        try await lab.waitUntilRunning("acme/batch1")
        try await lab.expectUnplugged("acme/web1", "acme/batch1")
    }

    @Test(.timeLimit(.minutes(1))) func aFloodOfMissesFromOnePortDisturbsNobodyElse() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web2", "acme/batch1")
        try await lab.expectPlugged("acme/web2", "acme/batch1")
        let before = try await lab.counters(of: "h3")
        let sessions = lab.daemons.log(of: "controller", lines: .max).components(separatedBy: "host=h3").count
        let flooder = try lab.endpoint("globex/probe1")
        let prefix = flooder.identity.split(separator: ":").prefix(3).joined(separator: ":")
        // Neighbours that nobody has, with a made-up Ethernet address so that nothing waits for discovery.
        let frame =
            "[Ether(src='\(try flooder.mac())', dst='02:00:00:00:00:09')/IPv6(src='\(flooder.identity)', "
            + "dst='\(prefix):1:2:3:4:%x' % n)/UDP(sport=9, dport=9)/Raw(b'flood') for n in range(1, 3000)] * 50"
        let flood = try Command(
            flooder.inside + ["/usr/bin/python3", "-c", Scripts.frames, frame, "eth0"]
        ).start()
        let begins = try await eventually(within: 20) { flood.output.contains("begins") }
        #expect(begins, "\(flood.errors)")
        let echoes = try Echoes(
            200, every: 20, from: lab.endpoint("acme/web2"), to: lab.endpoint("acme/batch1").identity)
        let answered = try await echoes.answered(within: 30)
        #expect(answered == 200, "\(echoes)")
        // First packets of others are still answered: from the flooded host's own endpoint to a new peer.
        try await lab.succeed("plug", "acme/batch1", "acme/web1")
        try await lab.expectPlugged("acme/batch1", "acme/web1")
        try await flood.wait(seconds: 40)
        #expect(flood.output.contains("149950"), "the flood did not run: \(flood.errors)")
        // The questions of one port do not cost the host its session with the controller.
        let later = lab.daemons.log(of: "controller", lines: .max).components(separatedBy: "host=h3").count
        #expect(later == sessions, "\(lab.daemons.log(of: "controller"))")
        let after = try await lab.counters(of: "h3")
        let held = [Counter.budget, Counter.denied, Counter.noWire].map { (after[$0] ?? 0) - (before[$0] ?? 0) }
        #expect(held.reduce(0, +) >= 140_000, "of 149950 packets of the flood \(held) were counted: \(after)")
        #expect(held[0] > 10_000, "no budget stopped the flood: \(after)")
    }
}
