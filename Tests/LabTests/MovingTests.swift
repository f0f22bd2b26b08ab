import Testing

/// An endpoint goes to another host, and nobody has to be told.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func aConversationSurvivesAMoveAndTheWayBack() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        let db1 = try lab.endpoint("acme/db1")
        let before = try await lab.json("endpoint", "show", "acme/db1")
        let policy = try await lab.rest("GET", "/v1/tenants/acme/policy").body
        let epoch = try #require(before["epoch"].integer)

        // One connection by each family, both ways through the listener, from before the move until after the way back.
        let talks = try [db1.identity, db1.ipv4].map { address in
            try Command(
                try lab.endpoint("acme/web1").inside + [
                    "/usr/bin/python3", "-u", "-c", Scripts.conversation, address, "12",
                ]
            ).start()
        }
        try await Task.sleep(for: .seconds(1))
        try await lab.succeed("endpoint", "move", "acme/db1", "h3")
        try await lab.waitUntilRunning("acme/db1")
        let moved = try await lab.json("endpoint", "show", "acme/db1")
        #expect(moved["host"].string == "h3", "\(moved)")
        #expect(moved["identity"].string == db1.identity)
        #expect(moved["epoch"].integer ?? 0 > epoch, "the epoch did not grow: \(moved)")
        // The peer switches by itself, without a packet that could remind it of anything.
        var wires: [WireReport] = []
        let switched = try await eventually(within: 5) {
            wires = try await lab.wires("acme/web1", "acme/db1")
            return Set(wires.map(\.host)) == ["h1", "h3"]
        }
        #expect(switched, "\(wires)")
        let locator = try lab.host("h3").locator
        #expect(wires.first { $0.host == "h1" }?.peer == locator, "\(wires)")
        let counts = talks.map { $0.output.split(separator: "\n").compactMap { Int($0) }.last ?? 0 }
        let goesOn = try await eventually(within: 4) {
            zip(talks, counts).allSatisfy {
                ($0.output.split(separator: "\n").compactMap { Int($0) }.last ?? 0) > $1 + 20
            }
        }
        #expect(goesOn, "a conversation stands still after the move: \(talks.map { $0.output + $0.errors })")

        try await lab.succeed("endpoint", "move", "acme/db1", "h2")
        try await lab.waitUntilRunning("acme/db1")
        let back = try await lab.json("endpoint", "show", "acme/db1")
        #expect(back["host"].string == "h2" && back["epoch"].integer ?? 0 > moved["epoch"].integer ?? 0, "\(back)")
        for talk in talks {
            try await talk.wait(seconds: 20)
            #expect(talk.output.hasSuffix("whole\n"), "\(talk.output)\(talk.errors)")
        }
        let after = try await lab.rest("GET", "/v1/tenants/acme/policy").body
        #expect(after == policy, "moving changed the policy")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        try await lab.expectUnplugged("acme/batch1", "acme/db1")
        #expect(try await lab.wires("acme/web1", "acme/db1").map(\.host).contains("h3") == false)
    }

    @Test(.timeLimit(.minutes(1))) func aMoveToThePeersHostMakesTheWireLocal() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.succeed("endpoint", "move", "acme/web2", "h1")
        try await lab.waitUntilRunning("acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web2", "acme/web1")
        let wires = try await lab.wires()
        #expect(wires.allSatisfy { $0.direction == "local" && $0.host == "h1" }, "\(wires)")
        try await lab.succeed("endpoint", "move", "acme/web2", "h2")
        try await lab.waitUntilRunning("acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func anIperfTransferGoesOnAfterAMove() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/db1")
        let server = try await transferServer(lab.endpoint("acme/db1").inside)
        let client = try Command(
            try lab.endpoint("acme/web1").inside
                + ["iperf3", "-c", lab.endpoint("acme/db1").ipv4, "-t", "5", "-i", "1", "-J"]
        ).start()
        try await Task.sleep(for: .seconds(1.5))
        try await lab.succeed("endpoint", "move", "acme/db1", "h3")
        try await client.wait(seconds: 20)
        let report = try JSONValue(parsing: client.output)
        let last = report["intervals"].items.last?["sum"]["bytes"].number ?? 0
        #expect(report["error"].string == nil && last > 1_000_000, "\(report["error"]) last second \(last) bytes")
        await server.stop()
        try await lab.reset()
    }

    /// Whoever only receives says nothing by itself, so the new host has to hear of the flow from the other one.
    @Test(.timeLimit(.minutes(1)), arguments: ["acme/db1", "acme/web1"])
    func aDownloadThroughOnePortGoesOnAfterAMove(_ moved: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: iperf, from: web1, to: db1, verdict: plug, ports: [tcp/5201]}
                """
        ) {
            let server = try await transferServer(lab.endpoint("acme/db1").inside)
            let client = try Command(
                try lab.endpoint("acme/web1").inside
                    + ["iperf3", "-c", lab.endpoint("acme/db1").ipv4, "-R", "-t", "7", "-i", "1", "-J"]
            ).start()
            try await Task.sleep(for: .seconds(1.5))
            try await lab.succeed("endpoint", "move", moved, "h3")
            try await client.wait(seconds: 25)
            let report = try JSONValue(parsing: client.output)
            let last = report["intervals"].items.last?["sum"]["bytes"].number ?? 0
            #expect(
                report["error"].string == nil && last > 1_000_000, "\(report["error"]) last second \(last) bytes")
            await server.stop()
            // What was said of flows opens nothing: no other port, and nobody the other way round.
            #expect(
                try await lab.connect(from: "acme/web1", to: lab.endpoint("acme/db1").identity, 7).outcome == "timeout")
            #expect(
                try await lab.connect(from: "acme/db1", to: lab.endpoint("acme/web1").identity, 7).outcome == "timeout")
        }
        try await lab.reset()
    }
}
