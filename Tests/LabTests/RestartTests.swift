import Foundation
import Testing

/// Programs that die. What is plugged goes on; what is not plugged stays closed.
extension LabTests.OverIPv4 {
    /// Something that goes wrong while a hundred packets a second are on a wire.
    enum Accident: String, CaseIterable, CustomTestStringConvertible {
        case senderLeafIsKilled = "leaf h1"
        case receiverLeafIsKilled = "leaf h2"
        case controllerIsKilled = "controller"

        var testDescription: String { rawValue }
    }

    @Test(.timeLimit(.minutes(1)), arguments: Accident.allCases)
    func nothingIsLostWhenAProgramIsKilledAndStartedAgain(_ accident: Accident) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.succeed("plug", "acme/web2", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web2", "acme/db1")
        let labels = try await lab.settledLabels("acme/web1", "acme/web2")
        // One wire to another host by each family, and one that stays on its host.
        let pairs = [
            ("acme/web1", try lab.endpoint("acme/web2").identity), ("acme/web1", try lab.endpoint("acme/web2").ipv4),
            ("acme/web2", try lab.endpoint("acme/db1").identity),
        ]
        let echoes = try pairs.map { from, to in try Echoes(450, every: 10, from: lab.endpoint(from), to: to) }
        try await Task.sleep(for: .seconds(1))
        try await lab.daemons.crash(accident.rawValue)
        try await Task.sleep(for: .milliseconds(700))
        try lab.daemons.start(accident.rawValue)
        for echoes in echoes {
            let answered = try await echoes.answered(within: 20)
            #expect(answered == 450, "\(echoes)\(lab.daemons.log(of: accident.rawValue))")
        }
        try await lab.waitUntilWhole()
        let after = Set(try await lab.wires("acme/web1", "acme/web2").map(\.label))
        #expect(!after.isEmpty && after == labels, "the wire did not stay as it was: \(labels) \(after)")
        try await lab.expectUnplugged("acme/web1", "acme/db1", "acme/batch1")
        try await lab.succeed("plug", "acme/web1", "acme/batch1")
        try await lab.expectPlugged("acme/web1", "acme/batch1")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        // A wire from before the restart can be cut.
        try await lab.expectNoWires("acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/web2")
    }

    /// A controller that starts anew knows nothing of what leaves watched; they say it again.
    @Test(.timeLimit(.minutes(1))) func aMoveIsHeardOfAfterTheControllerWasAway() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.daemons.crash("controller")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        let echoes = try Echoes(
            300, every: 20, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        try await Task.sleep(for: .seconds(1))
        try await lab.succeed("endpoint", "move", "acme/web2", "h3")
        try await lab.waitUntilRunning("acme/web2")
        let answered = try await echoes.answered(within: 20)
        // Silent while it moves, and no longer: 300 packets in 6 seconds.
        #expect(answered >= 250, "\(echoes)")
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(2))) func aLeafThatStartsWithoutControllerOpensNothing() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let web2 = try lab.endpoint("acme/web2")
        try await lab.daemons.crash("controller")
        let echoes = try Echoes(250, every: 20, from: lab.endpoint("acme/web1"), to: web2.identity)
        for leaf in ["leaf h1", "leaf h3"] {
            try await lab.daemons.crash(leaf)
            try lab.daemons.start(leaf)
        }
        // The plugged wire goes on. All others stay shut, at once and later.
        try await lab.expectUnplugged("acme/web1", "acme/db1", "acme/batch1")
        try await lab.expectUnplugged("acme/batch1", "acme/web1", "acme/web2")
        try await lab.expectUnplugged("globex/web1", "globex/db1", "globex/probe1", "acme/web1")
        let answered = try await echoes.answered(within: 20)
        #expect(answered == 250, "\(echoes)")
        try lab.daemons.start("controller")
        try await lab.waitUntilWhole()
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/db1")
        try await lab.succeed("plug", "globex/web1", "globex/db1")
        try await lab.expectPlugged("globex/web1", "globex/db1")
    }

    @Test(.timeLimit(.minutes(1))) func aControllerThatHangsStopsNoWire() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try lab.daemons.signal("controller", SIGSTOP)
        let echoes = try Echoes(
            150, every: 20, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        let answered = try await echoes.answered(within: 20)
        let others = try await lab.reach(
            from: "acme/web1", to: [lab.endpoint("acme/db1").identity, lab.endpoint("acme/batch1").ipv4])
        try lab.daemons.signal("controller", SIGCONT)
        #expect(answered == 150, "\(echoes)")
        #expect(others.values.allSatisfy { $0 == .nothing }, "\(others)")
        try await lab.waitUntilWhole()
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires(within: 5)
    }

    @Test(.timeLimit(.minutes(1))) func labelsAreNotReusedWithinTheirQuarantine() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        var seen: Set<String> = []
        for round in 0..<5 {
            if round == 3 {
                // What was issued is remembered over the death of the leaf that issued it.
                try await lab.daemons.crash("leaf h2")
                try lab.daemons.start("leaf h2")
                try await lab.waitUntilWhole()
            }
            try await lab.succeed("plug", "acme/web1", "acme/web2")
            try await lab.expectPlugged("acme/web1", "acme/web2")
            for wire in try await lab.wires() where wire.direction == "receive" {
                #expect(wire.label > 0)
                #expect(seen.insert("\(wire.host) \(wire.label)").inserted, "round \(round): \(wire) was there before")
            }
            try await lab.succeed("unplug", "acme/web1", "acme/web2")
            try await lab.expectNoWires(within: 3)
        }
        // Two directions in each round, and more where the ends asked at the same time.
        #expect(seen.count >= 10, "\(seen)")
    }

    @Test(.timeLimit(.minutes(1))) func idleWiresAreRemovedAndComeBackWithTheNextPacket() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        for leaf in ["leaf h1", "leaf h2"] {
            try await lab.daemons.crash(leaf)
            try lab.daemons.start(leaf, adding: ["--idle-seconds", "2"])
        }
        try await lab.waitUntilWhole()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.succeed("plug", "acme/web2", "acme/db1")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web2", "acme/db1")
        let busy = try Command(
            try lab.endpoint("acme/web2").inside + ["ping", "-n", "-i", "0.2", lab.endpoint("acme/db1").identity]
        ).start()
        try await lab.expectNoWires("acme/web1", "acme/web2", within: 8)
        try await lab.expectNoWires("acme/web2", "acme/web1", within: 2)
        #expect(try await !lab.wires("acme/web2", "acme/db1").isEmpty, "a busy wire was taken for an idle one")
        await busy.stop()
        let again = try Echoes(
            3, every: 1_000, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        let answered = try await again.answered(within: 20)
        #expect(answered == 3, "\(again)")
        for leaf in ["leaf h1", "leaf h2"] {
            try await lab.daemons.crash(leaf)
            try lab.daemons.start(leaf)
        }
        try await lab.waitUntilWhole()
    }
}

extension TestLab {
    /// The labels of a wire once both ends agree on one: a former label may still be received at for a moment.
    func settledLabels(_ source: String, _ destination: String) async throws -> Set<Int> {
        var labels: Set<Int> = []
        let settled = try await eventually(within: 3) {
            labels = Set(try await wires(source, destination).map(\.label))
            return labels.count == 1
        }
        #expect(settled, "a wire keeps several labels: \(labels)")
        return labels
    }

    /// Waits until the controller answers, every leaf is connected and every endpoint runs.
    func waitUntilWhole() async throws {
        var last = "no answer"
        let whole = try await eventually(within: 20) {
            guard let answer = try? await rest("GET", "/v1/hosts"), answer.status == 200 else { return false }
            last = answer.text
            guard answer.body["items"].items.allSatisfy({ $0["connected"].bool == true }) else { return false }
            for tenant in ["acme", "globex"] {
                let known = try await rest("GET", "/v1/tenants/\(tenant)/endpoints")
                last = known.text
                guard known.body["items"].items.allSatisfy({ $0["state"].string == "running" }) else { return false }
            }
            return true
        }
        guard whole else { throw Command.Failed(description: "the lab does not come back: \(last)") }
    }
}
