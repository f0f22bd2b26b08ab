import Testing

/// The same on an underlay without IPv4, in short.
extension LabTests.OverIPv6 {
    @Test(.timeLimit(.minutes(1))) func wiresMovesAndSizesOnAnIPv6Underlay() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.expectUnplugged("acme/web1", "acme/web2", "globex/web1")
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web2", "acme/web1")
        try await lab.expectUnplugged("acme/web1", "acme/db1", "globex/web1")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        for (address, largest) in [(web2.ipv4, lab.mtu - 28), (web2.identity, lab.mtu - 48)] {
            for size in [0, 1, 17, 576, 1232, largest - 1, largest] {
                let ping = try await Command(
                    web1.inside + ["ping", "-n", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", "\(size)", address]
                ).run()
                #expect(ping.succeeded, "\(ping)")
            }
        }
        try await lab.succeed("endpoint", "move", "acme/web2", "h3")
        try await lab.waitUntilRunning("acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires()
        try await lab.expectUnplugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func tsharkReadsOurVXLAN() async throws {
        try await LabTests.checkWithTshark(try TestLab.current())
    }
}
