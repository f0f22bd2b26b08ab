import Testing

/// A machine with a kernel of its own on a TAP port, plugged to a namespace on another host.
///
///     h1                                      h3
///     ┌───────────────────────────┐          ┌──────────────┐
///     │ guest eth0 ── pbvm1 ── leaf ── wire ── leaf ── acme/batch1
///     └───────────────────────────┘          └──────────────┘
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(3))) func aRealGuestIsPluggedToANamespace() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let image = try await GuestImage.make()
        let tap = "pbvm1"
        try await lab.succeed(
            "endpoint", "create", "acme/vm1", "--vnet", "lan", "--host", "h1", "--kind", "tap", "--attachment", tap)
        try await lab.waitUntilRunning("acme/vm1")
        let shown = try await lab.json("endpoint", "show", "acme/vm1")
        let vm1 = TestLab.Endpoint(
            name: "acme/vm1", namespace: "", identity: try #require(shown["identity"].string),
            ipv4: try #require(shown["ipv4"].string), home: "h1")
        let batch1 = try lab.endpoint("acme/batch1")
        let host = try lab.host("h1")
        let guest = try await Guest.boot(image, prefix: host.inside, tap: tap, mac: try vm1.mac(), mtu: lab.mtu)
        do {
            // Its link-local address asks for routers; what the leaf answers gives it the route to all identities.
            try await guest.succeed(
                """
                echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip link set eth0 up; \
                ip address add \(vm1.ipv4)/24 dev eth0; ip -6 address add \(vm1.identity)/128 dev eth0
                """)
            let platform = vm1.identity.split(separator: ":").prefix(3).joined(separator: ":") + "::/48"
            let advertised = try await eventually(within: 10, every: 0.3) {
                try await guest.run("ip -6 route").output.contains("\(platform) dev eth0")
            }
            #expect(advertised, "the leaf does not answer a router solicitation")
            let mtu = try await guest.succeed("cat /sys/class/net/eth0/mtu")
            #expect(mtu.output.contains("\(lab.mtu)"), "\(mtu)")

            // 1: unplugged at first.
            for address in [batch1.ipv4, batch1.identity] {
                let ping = try await guest.run("ping -c 2 -W 1 \(address)")
                #expect(!ping.succeeded, "\(ping)")
            }
            // 2: plugged, both ways, every size.
            try await lab.succeed("plug", "acme/vm1", "acme/batch1")
            for (address, largest) in [(batch1.ipv4, lab.mtu - 28), (batch1.identity, lab.mtu - 48)] {
                let reached = try await eventually(within: 5) {
                    try await guest.run("ping -c 1 -W 1 \(address)").succeeded
                }
                #expect(reached, "the guest does not reach \(address)")
                let full = try await guest.run("ping -c 3 -W 2 -s \(largest) \(address)")
                #expect(full.output.contains(" 0% packet loss"), "\(full)")
            }
            for address in [vm1.ipv4, vm1.identity] {
                let echoes = try Echoes(3, every: 200, from: batch1, to: address)
                let answered = try await echoes.answered(within: 20)
                #expect(answered == 3, "\(echoes)")
            }
            let web1 = try lab.endpoint("acme/web1")
            #expect(try await !guest.run("ping -c 2 -W 1 \(web1.ipv4)").succeeded, "the guest reaches its neighbour")
            // 3: super-packets in both directions, whole at the TAP.
            for reverse in [false, true] {
                for address in [batch1.ipv4, batch1.identity] {
                    try await transfer(guest, tap, host, batch1, address, reverse: reverse, mtu: lab.mtu)
                }
            }
            // 4: cut while it runs.
            try await lab.succeed("unplug", "acme/vm1", "acme/batch1")
            try await lab.expectNoWires()
            #expect(try await !guest.run("ping -c 2 -W 1 \(batch1.identity)").succeeded)
            await guest.powerOff()
        } catch {
            await guest.powerOff()
            _ = try? await lab.patchbay("endpoint", "delete", "acme/vm1")
            throw error
        }
        try await lab.succeed("endpoint", "delete", "acme/vm1")
        let removed = try await eventually(within: 5) {
            try await !Command(host.inside + ["ip", "link", "show", "dev", tap]).run().succeeded
        }
        #expect(removed, "the TAP device stays after its endpoint")
    }

    private func transfer(
        _ guest: Guest, _ tap: String, _ host: TestLab.Host, _ peer: TestLab.Endpoint, _ address: String,
        reverse: Bool, mtu: Int
    ) async throws {
        let server = try await transferServer(peer.inside)
        let capture = try Command(
            host.inside + ["tcpdump", "-i", tap, "-n", "-c", "300", "-s", "96", "--immediate-mode", "tcp"]
        ).start()
        let ready = try await eventually(within: 5, every: 0.02) { capture.errors.contains("listening on") }
        #expect(ready, "\(capture.errors)")
        try await Task.sleep(for: .milliseconds(200))
        let client = try await guest.run("iperf3 -c \(address) -t 1 -f m \(reverse ? "-R" : "")")
        #expect(client.succeeded && client.output.contains("receiver"), "\(client)")
        await capture.stop()
        await server.stop()
        // The direction that carries the data has the port 5201 on its side.
        let data = capture.output.split(separator: "\n").filter { $0.contains(reverse ? ".5201 > " : ".5201: ") }
        let lengths = data.compactMap { line in
            line.range(of: "length ").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
        }
        let large = lengths.filter { $0 > mtu }
        #expect(
            large.count > 20 && large.max() ?? 0 > 15_000,
            "\(large.count) super-packets of \(lengths.count), the largest \(large.max() ?? 0); reverse \(reverse)")
    }
}
