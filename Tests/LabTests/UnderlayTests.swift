import Testing

/// What others see on the underlay: tshark, ping and tcpdump know nothing of us.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func tsharkReadsOurVXLAN() async throws {
        try await LabTests.checkWithTshark(try TestLab.current())
    }

    @Test(.timeLimit(.minutes(2))) func everySizePassesUpToTheUnderlaysLimit() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        let device = try JSONValue(
            parsing: try await Command(web1.inside + ["ip", "-j", "link", "show", "dev", "eth0"]).succeed().output)
        #expect(device.items.first?["mtu"].integer == lab.mtu, "\(device)")
        // IPv4 20 + ICMP 8, IPv6 40 + ICMPv6 8.
        for (address, largest) in [(web2.ipv4, lab.mtu - 28), (web2.identity, lab.mtu - 48)] {
            let script = """
                seq 0 \(largest) | xargs -P 4 -n 1 sh -c \
                'ping -n -q -c 1 -W 2 -M do -s "$1" \(address) >/dev/null 2>&1 || echo "$1"' sh
                """
            let sizes = try await Command(web1.inside + ["sh", "-c", script]).run(seconds: 60)
            #expect(sizes.output.isEmpty, "to \(address) these sizes do not pass: \(sizes.output)\(sizes.errors)")
            let over = try await Command(
                web1.inside + ["ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", "\(largest + 1)", address]
            ).run()
            #expect(!over.succeeded, "\(over)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPacketThatIsTooBigIsAnsweredWithTheRightSize() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        // An endpoint that takes no advice about its MTU.
        try await Command(web1.inside + ["ip", "link", "set", "eth0", "mtu", "1500"]).succeed()
        for (address, size) in [(web2.ipv4, 1472), (web2.identity, 1452)] {
            let ping = try await Command(
                web1.inside + ["ping", "-n", "-c", "3", "-i", "0.3", "-W", "1", "-M", "do", "-s", "\(size)", address]
            ).run()
            #expect(ping.text.contains("mtu = \(lab.mtu)") || ping.text.contains("mtu=\(lab.mtu)"), "\(ping)")
        }
        try await Command(web1.inside + ["ip", "link", "set", "eth0", "mtu", "\(lab.mtu)"]).succeed()
        for family in ["-4", "-6"] {
            try await Command(web1.inside + ["ip", family, "route", "flush", "cache"]).succeed()
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("acme/web1", "acme/web2"), ("acme/web2", "acme/db1")])
    func superPacketsStayWhole(_ from: String, _ to: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", from, to)
        try await lab.expectPlugged(from, to)
        let target = try lab.endpoint(to)
        for address in [target.ipv4, target.identity] {
            let server = try await transferServer(target.inside)
            let capture = try Command(
                target.inside + ["tcpdump", "-i", "eth0", "-n", "-c", "400", "-s", "96", "--immediate-mode", "tcp"]
            ).start()
            try await Task.sleep(for: .milliseconds(500))
            let client = try await Command(
                try lab.endpoint(from).inside + ["iperf3", "-c", address, "-t", "1", "-J"]
            ).run()
            try await capture.wait(seconds: 10)
            await server.stop()
            #expect(client.succeeded, "\(client)")
            let lengths = capture.output.split(separator: "\n").compactMap { line in
                line.range(of: "length ").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
            }
            let large = lengths.filter { $0 > lab.mtu }
            #expect(
                lengths.count > 100 && large.count > lengths.count / 3,
                "\(large.count) of \(lengths.count) are super-packets")
            #expect(large.max() ?? 0 > 30_000, "the largest has \(large.max() ?? 0) bytes")
        }
    }
}

extension LabTests {
    /// Compares what tshark reads on the sender's underlay device with what the leaves and the endpoints say.
    static func checkWithTshark(_ lab: TestLab) async throws {
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        let (h1, h2) = (try lab.host("h1"), try lab.host("h2"))
        let isIPv4 = lab.underlay == .ipv4
        let outer = isIPv4 ? "ip" : "ipv6"
        let fields = [
            "\(outer).src", "\(outer).dst", "vxlan.vni", "vxlan.flags", "eth.src", "eth.dst", "ip.src", "ip.dst",
            "ipv6.src", "ipv6.dst", "_ws.malformed", "icmp.checksum.status", "icmpv6.checksum.status",
        ]
        let capture = try Command(
            h1.inside + [
                "tshark", "-l", "-n", "-i", h1.device, "-f", "udp port 4789", "-c", "8", "-o",
                "ip.check_checksum:TRUE", "-T", "json", "--no-duplicate-keys",
            ] + fields.flatMap { ["-e", $0] }
        ).start()
        let listens = try await eventually(within: 15) { capture.errors.contains("Capturing on") }
        #expect(listens, "\(capture.errors)")
        try await Task.sleep(for: .milliseconds(500))
        for address in [web2.ipv4, web2.identity] {
            try await Command(web1.inside + ["ping", "-n", "-q", "-c", "2", "-i", "0.2", address]).succeed()
        }
        try await capture.wait(seconds: 15)
        let packets = try JSONValue(parsing: capture.output).items.map { $0["_source"]["layers"] }
        #expect(packets.count == 8, "\(capture.errors)")
        func values(_ packet: JSONValue, _ field: String) -> [String] { packet[field].items.compactMap(\.string) }

        for (source, destination, from, to, sender) in [
            (web1, web2, h1, h2, "h1"), (web2, web1, h2, h1, "h2"),
        ] {
            let wires = try await lab.wires(source.name, destination.name)
            let label = try #require(wires.first { $0.direction == "receive" }?.label)
            #expect(wires.first { $0.direction == "send" && $0.host == sender }?.label == label, "\(wires)")
            let mine = packets.filter { values($0, "\(outer).src").first == from.locator }
            #expect(mine.count == 4, "\(capture.output)")
            let (sourceMAC, destinationMAC) = (try source.mac(), try destination.mac())
            for packet in mine {
                #expect(values(packet, "\(outer).dst").first == to.locator)
                #expect(values(packet, "vxlan.vni") == ["\(label)"], "tshark reads another VNI than \(label)")
                #expect(values(packet, "eth.src").last == sourceMAC)
                #expect(values(packet, "eth.dst").last == destinationMAC)
                #expect(values(packet, "_ws.malformed").isEmpty, "\(packet)")
                let inner4 = Array(values(packet, "ip.src").dropFirst(isIPv4 ? 1 : 0))
                let inner6 = Array(values(packet, "ipv6.src").dropFirst(isIPv4 ? 0 : 1))
                #expect(inner4 == [source.ipv4] || inner6 == [source.identity], "\(packet)")
            }
        }
    }
}
