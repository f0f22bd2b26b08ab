import Testing

/// What a person sees of plugging: who reaches whom, and who does not.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func everythingIsUnpluggedAtTheStart() async throws {
        let lab = try TestLab.current()
        #expect(lab.wiresAtTheStart.isEmpty, "wires before anybody plugged: \(lab.wiresAtTheStart)")
        #expect(lab.entriesAtTheStart == 0, "the lab began with a policy")
        try await lab.reset()
        // Seven programs at once: each tries ping, TCP and UDP to everybody else's identity and to every IPv4 address.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in lab.endpoints {
                group.addTask {
                    let others = lab.endpoints.filter { $0 != source }
                    let addresses = others.map(\.identity) + Set(others.map(\.ipv4)).subtracting([source.ipv4]).sorted()
                    for (address, reached) in try await lab.reach(from: source.name, to: addresses) {
                        #expect(reached == .nothing, "\(source.name) reaches \(address)")
                    }
                }
            }
            try await group.waitForAll()
        }
        let after = try await lab.wires()
        #expect(after.isEmpty, "trying made wires: \(after)")
        for tenant in ["acme", "globex"] {
            let names = lab.endpoints.filter { $0.tenant == tenant }.map(\.shortName)
            for (from, to) in names.flatMap({ a in names.filter { $0 != a }.map { (a, $0) } }) {
                let answer = try await lab.rest("GET", "/v1/tenants/\(tenant)/explain?from=\(from)&to=\(to)")
                #expect(answer.body["verdict"].string == "unplug", "\(answer)")
                #expect(answer.body["reason"].string?.isEmpty == false, "\(answer)")
                #expect(answer.body["reason_code"].string == "policy", "\(answer)")
            }
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("acme/web1", "acme/web2"), ("acme/web2", "acme/db1")])
    func plugJoinsThePairAndNobodyElse(_ a: String, _ b: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", a, b)
        try await lab.expectPlugged(a, b)
        try await lab.expectPlugged(b, a)
        let name = try lab.endpoint(b).shortName
        for family in ["-4", "-6"] {
            let ping = try await Command(
                try lab.endpoint(a).inside + ["ping", family, "-n", "-q", "-c", "1", "-W", "2", name]
            ).run()
            let names = try await Command(try lab.endpoint(a).inside + ["sh", "-c", "cat /etc/hosts; ip -6 route"])
                .run()
            #expect(ping.succeeded, "not by name: \(ping)\(names)")
        }
        let rest = lab.endpoints.map(\.name).filter { $0 != a && $0 != b }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for other in rest {
                for (from, to) in [(a, other), (other, a), (b, other), (other, b)] {
                    group.addTask { try await lab.expectUnplugged(from, to) }
                }
            }
            try await group.waitForAll()
        }
        let wires = try await lab.wires()
        #expect(wires.allSatisfy { Set([$0.source, $0.destination]) == Set([a, b]) }, "\(wires)")
        let isLocal = try lab.endpoint(a).home == lab.endpoint(b).home
        #expect(wires.allSatisfy { ($0.direction == "local") == isLocal }, "\(wires)")
        // A remote wire has two ends with one label; a local one is one entry.
        #expect(wires.count == (isLocal ? 2 : 4), "\(wires)")
        let explained = try await lab.json("explain", a, b)
        #expect(explained["verdict"].string == "plug", "\(explained)")
    }

    @Test(.timeLimit(.minutes(1))) func theSameAddressInTwoTenantsStaysApart() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.succeed("plug", "globex/web1", "globex/db1")
        let address = try lab.endpoint("acme/db1").ipv4
        #expect(try lab.endpoint("globex/db1").ipv4 == address, "the lab's addresses no longer overlap")
        // The listener that answers says who it is.
        try await lab.expectPlugged("acme/web1", "acme/db1")
        try await lab.expectPlugged("globex/web1", "globex/db1")
        try await lab.expectUnplugged("acme/web1", "globex/web1", "globex/db1", "globex/probe1")
        try await lab.expectUnplugged("globex/web1", "acme/web1", "acme/db1", "acme/batch1")
        let crossing = try await lab.patchbay("plug", "acme/web1", "globex/web1")
        #expect(!crossing.succeeded && !crossing.errors.isEmpty, "\(crossing)")
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["acme/batch1", "acme/db1"])
    func oneWayHasNoReverseAtEitherEnd(_ destination: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let source = destination == "acme/db1" ? "acme/web2" : "acme/web1"
        let to = try lab.endpoint(destination)
        let from = try lab.endpoint(source)
        try await lab.succeed("plug", source, destination, "--one-way")
        for address in [to.identity, to.ipv4] {
            let token = "forward-\(destination)-\(address)"
            let arrived = try await eventually(within: 5) {
                try await lab.send(token, from: source, to: address)
                return lab.heard(by: destination).contains(token)
            }
            #expect(arrived, "nothing arrives forward at \(address)")
        }
        for address in [from.identity, from.ipv4] {
            try await lab.send("reverse-\(destination)", from: destination, to: address)
        }
        try await lab.expectUnplugged(destination, source)
        #expect(!lab.heard(by: source).contains("reverse-\(destination)"))
        // Whatever answers to the one-way wire would have to travel the reverse wire.
        for (address, reached) in try await lab.reach(from: source, to: [to.identity, to.ipv4]) {
            #expect(reached == .nothing, "an answer from \(address) came back")
        }
        #expect(try await !lab.wires(source, destination).isEmpty)
        #expect(try await lab.wires(destination, source).isEmpty)
        let explained = try await lab.json("explain", source, destination)
        #expect(
            explained["verdict"].string == "plug" && explained["reverse_verdict"].string == "unplug", "\(explained)")
    }

    /// Both leaves ask for the wire at the same moment, as after a change of the policy under traffic.
    @Test(.timeLimit(.minutes(2)), arguments: ["none", "conf"])
    func aWireThatBothEndsAskForAtOnceCarriesBothWays(_ security: String) async throws {
        let lab = try TestLab.current()
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        for round in 0..<10 {
            try await lab.reset()
            let asking = [
                try Echoes(400, every: 5, from: web1, to: web2.identity),
                try Echoes(400, every: 5, from: web2, to: web1.identity),
            ]
            try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", security)
            try await lab.expectPlugged("acme/web1", "acme/web2")
            _ = try await lab.settledLabels("acme/web1", "acme/web2")
            _ = try await lab.settledLabels("acme/web2", "acme/web1")
            for (from, to) in [(web1, web2), (web2, web1)] {
                let echoes = try Echoes(20, every: 5, from: from, to: to.identity)
                let answered = try await echoes.answered(within: 20)
                #expect(answered == 20, "round \(round): \(echoes)")
            }
            withExtendedLifetime(asking) {}
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("acme/web1", "acme/web2"), ("acme/web2", "acme/db1")])
    func unplugCutsARunningTransferAtBothEnds(_ a: String, _ b: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", a, b)
        try await lab.expectPlugged(a, b)
        let server = try await transferServer(lab.endpoint(b).inside)
        let client = try Command(
            try lab.endpoint(a).inside + ["iperf3", "-c", lab.endpoint(b).identity, "-t", "20"]
        ).start()
        let before = try await lab.received(by: b)
        let runs = try await eventually(within: 5) { try await lab.received(by: b) > before + 1000 }
        #expect(runs, "the transfer does not start: \(client.output)\(client.errors)")
        try await lab.succeed("unplug", a, b)
        try await lab.expectNoWires(within: 2)
        let last = (try await lab.received(by: a), try await lab.received(by: b))
        try await Task.sleep(for: .seconds(1))
        #expect(try await lab.received(by: b) == last.1, "packets still arrive at \(b)")
        #expect(try await lab.received(by: a) == last.0, "packets still arrive at \(a)")
        #expect(client.isRunning, "the transfer ended by itself: \(client.output)")
        await client.stop()
        await server.stop()
        try await lab.expectUnplugged(a, b)
    }

    @Test(.timeLimit(.minutes(1))) func groupsArePluggedAndTheExactPairWins() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/group:web", "acme/group:db")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web2", "acme/db1")
        try await lab.expectUnplugged("acme/batch1", "acme/db1")
        try await lab.expectUnplugged("acme/web1", "acme/web2")
        // No exact entry plugs them, so this adds one that says unplug, and it is the more specific.
        try await lab.succeed("unplug", "acme/web1", "acme/db1")
        try await lab.expectNoWires("acme/web1", "acme/db1")
        try await lab.expectUnplugged("acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web2", "acme/db1")
        // Leaving the group takes the wire away; coming back gives it again.
        let member = "/v1/tenants/acme/groups/web/members/web2"
        #expect(try await lab.rest("DELETE", member).status < 300)
        try await lab.expectNoWires("acme/web2", "acme/db1", within: 5)
        try await lab.expectUnplugged("acme/web2", "acme/db1")
        #expect(try await lab.rest("PUT", member).status < 300)
        try await lab.expectPlugged("acme/web2", "acme/db1", within: 8)
    }

    @Test(.timeLimit(.minutes(1))) func aDeletedEndpointIsCutOff() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let namespace = "pbi-tmp1"
        _ = try await Command(["ip", "netns", "del", namespace]).run()
        try await Command(["ip", "netns", "add", namespace]).succeed()
        try await Command(["ip", "-n", namespace, "link", "set", "lo", "up"]).succeed()
        try await lab.succeed(
            "endpoint", "create", "acme/tmp1", "--vnet", "lan", "--host", "h3", "--attachment", namespace)
        try await lab.waitUntilRunning("acme/tmp1")
        try await lab.succeed("plug", "acme/tmp1", "acme/web1")
        let web1 = try lab.endpoint("acme/web1")
        let inside = ["ip", "netns", "exec", namespace]
        let plugged = try await eventually(within: 5) {
            try await Command(inside + ["ping", "-n", "-q", "-c", "1", "-W", "1", web1.identity]).run().succeeded
        }
        #expect(plugged)
        let ping = try Command(inside + ["ping", "-n", "-i", "0.05", web1.identity]).start()
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await lab.wires().count == 4)
        try await lab.succeed("endpoint", "delete", "acme/tmp1")
        try await lab.expectNoWires()
        let before = try await lab.received(by: "acme/web1")
        try await Task.sleep(for: .milliseconds(500))
        #expect(try await lab.received(by: "acme/web1") == before)
        await ping.stop()
        let gone = try await lab.patchbay("endpoint", "show", "acme/tmp1")
        #expect(!gone.succeeded && !gone.errors.isEmpty, "\(gone)")
        try await Command(["ip", "netns", "del", namespace]).succeed()
    }
}

extension TestLab {
    /// Expects that within a time no wire is left of a pair in this direction, or of anybody.
    func expectNoWires(
        _ source: String? = nil, _ destination: String? = nil, within limit: Double = 3,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var left: [WireReport] = []
        let none = try await eventually(within: limit, every: 0.02) {
            left = try await wires().filter {
                (source == nil || $0.source == source) && (destination == nil || $0.destination == destination)
            }
            return left.isEmpty
        }
        #expect(none, "wires stay: \(left)", sourceLocation: sourceLocation)
    }
}
