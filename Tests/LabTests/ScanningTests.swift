import Testing

/// What an endpoint that is plugged to nobody can find out, and what one can pretend.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(2)), arguments: ["globex/probe1", "acme/batch1"])
    func aScanSeesNothing(_ name: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        // Others are plugged, so there is something to be seen.
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.succeed("plug", "globex/web1", "globex/db1")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let scanner = try lab.endpoint(name)
        let others = lab.endpoints.filter { $0 != scanner }
        // Not by counters: what was sent on a connection while it was cut is sent again when its pair is plugged.
        var watchers: [String: RunningCommand] = [:]
        for other in others { watchers[other.name] = try await lab.watch(for: scanner, at: other) }

        let nmap = try await Command(
            scanner.inside + ["nmap", "-n", "-sn", "-PR", "--max-retries", "1", "10.0.0.0/28"]
        ).run(seconds: 60)
        let found = nmap.output.split(separator: "\n").filter { $0.hasPrefix("Nmap scan report for ") }
        #expect(found.allSatisfy { $0.hasSuffix(" \(scanner.ipv4)") }, "\(nmap)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for other in others {
                group.addTask {
                    if other.ipv4 != scanner.ipv4 {
                        let arping = try await Command(
                            scanner.inside + ["arping", "-c", "2", "-W", "0.3", "-i", "eth0", other.ipv4]
                        ).run()
                        #expect(!arping.succeeded, "\(arping)")
                    }
                    let discovery = try await Command(
                        scanner.inside + ["ndisc6", "-1", "-r", "2", "-w", "300", other.identity, "eth0"]
                    ).run()
                    #expect(!discovery.succeeded, "\(discovery)")
                }
            }
            group.addTask {
                let ping = try await Command(
                    scanner.inside + ["ping", "-n", "-b", "-c", "2", "-i", "0.2", "-W", "1", "10.0.0.255"]
                ).run()
                #expect(ping.output.contains(" 0 received"), "\(ping)")
            }
            for group6 in ["ff02::1%eth0", "ff05::1%eth0"] {
                group.addTask {
                    let ping = try await Command(
                        scanner.inside + ["ping", "-6", "-n", "-c", "2", "-i", "0.2", "-W", "1", group6]
                    ).run()
                    // An endpoint hears its own multicast; nobody else may answer.
                    let answers = ping.output.split(separator: "\n").filter { $0.contains("bytes from") }
                    #expect(!answers.contains { line in others.contains { line.contains($0.identity) } }, "\(ping)")
                }
            }
            try await group.waitForAll()
        }
        try await Task.sleep(for: .milliseconds(500))
        for (name, watcher) in watchers {
            #expect(!watcher.output.contains("seen"), "frames of the scan reached \(name): \(watcher.output)")
            #expect(watcher.isRunning, "\(watcher.errors)")
            await watcher.stop()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPluggedNeighbourIsSeenAndNoOther() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        let mac = try web2.mac()
        let other = try lab.endpoint("acme/db1")
        let (near, far) = (try await lab.watch(for: web1, at: web2), try await lab.watch(for: web1, at: other))
        let arping = try await Command(
            web1.inside + ["arping", "-c", "1", "-W", "2", "-i", "eth0", web2.ipv4]
        ).run()
        #expect(arping.succeeded && arping.output.contains(mac), "\(arping)")
        let discovery = try await Command(web1.inside + ["ndisc6", "-1", "-w", "2000", web2.identity, "eth0"]).run()
        #expect(discovery.succeeded && discovery.output.lowercased().contains(mac), "\(discovery)")
        let silent = try await Command(web1.inside + ["arping", "-c", "2", "-W", "0.3", "-i", "eth0", other.ipv4]).run()
        #expect(!silent.succeeded, "\(silent)")
        // So that it is known that those who watch do see: the leaf has answered the questions in place of web2.
        try await Command(web1.inside + ["ping", "-n", "-c", "1", "-W", "2", web2.identity]).succeed()
        #expect(try await eventually(within: 3) { near.output.contains("seen") }, "\(near.errors)")
        #expect(far.isRunning && !far.output.contains("seen"), "\(far.output)\(far.errors)")
        await near.stop()
        await far.stop()
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("acme/web1", "acme/web2"), ("acme/web2", "acme/db1")])
    func aForgedSourceIsDroppedAndCounted(_ from: String, _ to: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", from, to)
        try await lab.expectPlugged(from, to)
        let source = try lab.endpoint(from)
        let target = try lab.endpoint(to)
        let forged = try lab.endpoint("acme/batch1")
        let own = "Ether(src='\(try source.mac())', dst='\(try target.mac())')"
        let wrongMAC = "Ether(src='\(try forged.mac())', dst='\(try target.mac())')"
        let ipv4 = "IP(src='\(source.ipv4)', dst='\(target.ipv4)')"
        let ipv6 = "IPv6(src='\(source.identity)', dst='\(target.identity)')"
        func datagram(_ token: String) -> String { "UDP(sport=5000, dport=7)/Raw(b'\(token)')" }
        // First with every field right, so that it is known that such a frame arrives.
        try await lab.send(
            frames: "[\(own)/\(ipv4)/\(datagram("true-4-\(to)")), \(own)/\(ipv6)/\(datagram("true-6-\(to)"))]",
            on: "eth0", inside: source.inside)
        let arrived = try await eventually(within: 3) {
            lab.heard(by: to).contains("true-4-\(to)") && lab.heard(by: to).contains("true-6-\(to)")
        }
        #expect(arrived, "frames made by hand do not arrive at all")
        let before = try await lab.counters(of: source.home)
        let lies = [
            "\(wrongMAC)/\(ipv4)/\(datagram("lie-\(to)"))", "\(wrongMAC)/\(ipv6)/\(datagram("lie-\(to)"))",
            "\(own)/IP(src='\(forged.ipv4)', dst='\(target.ipv4)')/\(datagram("lie-\(to)"))",
            "\(own)/IP(src='192.0.2.1', dst='\(target.ipv4)')/\(datagram("lie-\(to)"))",
            "\(own)/IPv6(src='\(forged.identity)', dst='\(target.identity)')/\(datagram("lie-\(to)"))",
            "\(own)/IPv6(src='2001:db8::1', dst='\(target.identity)')/\(datagram("lie-\(to)"))",
            "Ether(src='\(try source.mac())', dst='ff:ff:ff:ff:ff:ff')"
                + "/ARP(op=2, hwsrc='\(try source.mac())', psrc='\(forged.ipv4)', pdst='\(target.ipv4)')",
        ]
        try await lab.send(frames: "[" + lies.joined(separator: ", ") + "] * 3", on: "eth0", inside: source.inside)
        try await Task.sleep(for: .milliseconds(500))
        #expect(!lab.heard(by: to).contains("lie-\(to)"), "a forged packet arrived")
        let after = try await lab.counters(of: source.home)
        let counted = (after[Counter.source] ?? 0) - (before[Counter.source] ?? 0)
        #expect(counted >= 18, "\(counted) of 18 forged packets were counted: \(before) \(after)")
    }

    @Test(.timeLimit(.minutes(1))) func whatIsForgedOnTheUnderlayReachesNobody() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--one-way")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        let batch1 = try lab.endpoint("acme/batch1")
        let plugged = try await eventually(within: 5) {
            try await lab.send("underlay-warm", from: "acme/web1", to: web2.identity)
            return lab.heard(by: "acme/web2").contains("underlay-warm")
        }
        #expect(plugged)
        let label = try #require(
            try await lab.wires("acme/web1", "acme/web2").first { $0.direction == "receive" }?.label)
        let hosts = try ["h1", "h2", "h3"].map { try lab.host($0) }

        func frame(
            from outer: Int, to target: Int, vni: Int, _ source: TestLab.Endpoint, _ destination: TestLab.Endpoint,
            _ token: String
        ) throws -> String {
            "Ether(dst=getmacbyip('\(hosts[target].locator)'))"
                + "/IP(src='\(hosts[outer].locator)', dst='\(hosts[target].locator)')/UDP(sport=50000, dport=4789, chksum=0)"
                + "/VXLAN(vni=\(vni), flags=8)/Ether(src='\(try source.mac())', dst='\(try destination.mac())')"
                + "/IPv6(src='\(source.identity)', dst='\(destination.identity)')/UDP(sport=5000, dport=7)/Raw(b'\(token)')"
        }
        func send(_ frames: [String], from host: Int) async throws {
            try await lab.send(
                frames: "[\(frames.joined(separator: ", "))]", on: hosts[host].device, inside: hosts[host].inside)
        }
        // The right host with the right label and the right source passes: the frames below fail for their own reason.
        try await send([try frame(from: 0, to: 1, vni: label, web1, web2, "underlay-true")], from: 0)
        #expect(try await eventually(within: 3) { lab.heard(by: "acme/web2").contains("underlay-true") })

        let h1 = try await lab.counters(of: "h1")
        let h2 = try await lab.counters(of: "h2")
        // 1: the reverse of the one-way wire, with its own label and with others.
        let labels = [label, label + 1, label - 1, 0, 1, 0xffffff].filter { $0 >= 0 }
        try await send(try labels.map { try frame(from: 1, to: 0, vni: $0, web2, web1, "underlay-lie") }, from: 1)
        // 2: the label of the wire, from a host that is not its other end.
        try await send([try frame(from: 2, to: 1, vni: label, web1, web2, "underlay-lie")], from: 2)
        // 3: the right host and label, but another endpoint's source.
        try await send([try frame(from: 0, to: 1, vni: label, batch1, web2, "underlay-lie")], from: 0)
        // 4: the right host, label and source, but another endpoint as destination.
        try await send(
            [try frame(from: 0, to: 1, vni: label, web1, try lab.endpoint("acme/db1"), "underlay-lie")], from: 0)
        try await Task.sleep(for: .milliseconds(500))
        for name in ["acme/web1", "acme/web2", "acme/db1"] {
            #expect(!lab.heard(by: name).contains("underlay-lie"), "a forged packet reached \(name)")
        }
        let after1 = try await lab.counters(of: "h1")
        let after2 = try await lab.counters(of: "h2")
        let unknown = (after1[Counter.label] ?? 0) - (h1[Counter.label] ?? 0)
        #expect(unknown >= labels.count, "h1 counted \(unknown) unknown labels: \(after1)")
        #expect((after2[Counter.label] ?? 0) > (h2[Counter.label] ?? 0), "\(after2)")
        #expect((after2[Counter.innerSource] ?? 0) > (h2[Counter.innerSource] ?? 0), "\(after2)")
    }
}

/// The names by which leaves report drops.
enum Counter {
    static let source = "source-check"
    static let label = "unknown-label"
    static let innerSource = "inner-source"
    static let budget = "punt-budget"
    static let denied = "denied"
    static let noWire = "no-wire"
}
