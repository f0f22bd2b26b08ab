import Foundation
import Testing

/// Policy documents, from the file that a person writes to the packets that pass, or do not.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1)), arguments: [("acme/web1", "acme/db1"), ("acme/web2", "acme/db1")])
    func aDocumentOpensOnePortOneWay(_ a: String, _ b: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let (from, to) = (try lab.endpoint(a).shortName, try lab.endpoint(b).shortName)
        try await lab.with(
            document: """
                rules:
                  - {name: echo, from: \(from), to: \(to), verdict: plug, ports: [tcp/7]}
                tests:
                  - {expect: plug, from: \(from), to: \(to), port: tcp/7, reason: it is what the rule says}
                """
        ) {
            // The first connection of all: its first packet waits for the wire and is not lost.
            let first = try await lab.connect(from: a, to: lab.endpoint(b).identity, 7)
            #expect(first.outcome == "open" && first.milliseconds < 900, "\(first)")
            for address in try [lab.endpoint(b).identity, lab.endpoint(b).ipv4] {
                let reached = try await lab.reach(from: a, to: [address])[address]
                #expect(reached == Reached(ping: false, tcp: b, udp: nil), "\(address): \(String(describing: reached))")
                let other = try await lab.connect(from: a, to: address, 8)
                #expect(other.outcome == "timeout", "\(other)")
            }
            // Nobody may begin the other way round, although packets of answers go there.
            for address in try [lab.endpoint(a).identity, lab.endpoint(a).ipv4] {
                #expect(try await lab.reach(from: b, to: [address])[address] == .nothing)
                let other = try await lab.connect(from: b, to: address, 7)
                #expect(other.outcome == "timeout", "\(other)")
            }
            let explained = try await lab.json("explain", a, b, "tcp/8")
            #expect(explained["verdict"].string == "unplug", "\(explained)")
            #expect("\(explained)".contains("allows tcp/7 only"), "\(explained)")
        }
        try await lab.expectNoWires(a, b, within: 5)
    }

    @Test(.timeLimit(.minutes(1))) func aRejectedFlowIsToldAtOnce() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: web, from: web1, to: web2, verdict: plug, ports: [tcp/7]}
                  - {name: not-mail, from: web1, to: web2, verdict: reject, ports: [tcp/25, udp/53]}
                  - {name: not-batch, from: web1, to: batch1, verdict: reject}
                """
        ) {
            for address in try [lab.endpoint("acme/web2").identity, lab.endpoint("acme/web2").ipv4] {
                #expect(try await lab.connect(from: "acme/web1", to: address, 7).outcome == "open")
                let refused = try await lab.connect(from: "acme/web1", to: address, 25)
                #expect(refused.outcome == "refused" && refused.milliseconds < 900, "\(refused)")
            }
            // The whole pair: there is not even a wire.
            for address in try [lab.endpoint("acme/batch1").identity, lab.endpoint("acme/batch1").ipv4] {
                for _ in 0..<2 {
                    let refused = try await lab.connect(from: "acme/web1", to: address, 22)
                    #expect(refused.outcome == "refused" && refused.milliseconds < 900, "\(address): \(refused)")
                }
            }
            #expect(try await lab.wires("acme/web1", "acme/batch1").isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(1))) func labelsMakeGroupsAndTheirLossCuts() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                groups:
                  web: {label: tier=web}
                  store: {all: [{label: tier=db}, {not: {label: env=test}}]}
                rules:
                  - {name: shop, from: group:web, to: group:store, verdict: plug}
                """
        ) {
            try await lab.succeed("endpoint", "label", "acme/web1", "tier=web")
            try await lab.succeed("endpoint", "label", "acme/db1", "tier=db", "env=live")
            try await lab.expectPlugged("acme/web1", "acme/db1", within: 10)
            try await lab.expectUnplugged("acme/web2", "acme/db1")
            // A label that excludes it cuts what is plugged.
            try await lab.succeed("endpoint", "label", "acme/db1", "env=test")
            try await lab.expectNoWires("acme/web1", "acme/db1", within: 5)
            try await lab.expectUnplugged("acme/web1", "acme/db1")
            try await lab.succeed("endpoint", "label", "acme/db1", "env-")
            try await lab.expectPlugged("acme/web1", "acme/db1", within: 10)
            try await lab.succeed("endpoint", "label", "acme/web1", "tier-")
            try await lab.expectNoWires("acme/web1", "acme/db1", within: 5)
            try await lab.succeed("endpoint", "label", "acme/db1", "tier-")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aChangeCutsWhatItForbidsAndTouchesNothingElse() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        func rules(_ ports: String, _ more: String = "") -> String {
            """
            rules:
              - {name: open, from: web1, to: db1, verdict: plug, ports: [\(ports)]}
              - {name: bystander, from: web1, to: web2, verdict: plug, ports: [tcp/7]}
            \(more)
            """
        }
        try await lab.with(document: rules("tcp/7, udp/5555, tcp/5201")) {
            let db1 = try lab.endpoint("acme/db1")
            let counter = try Command(db1.inside + ["/usr/bin/python3", "-u", "-c", PolicyScripts.counter, "5555"])
                .start()
            let server = try await transferServer(db1.inside)
            let ready = try await eventually(within: 10) { counter.output.contains("ready") }
            #expect(ready)
            let inside = try lab.endpoint("acme/web1").inside
            // Two flows that stay allowed: datagrams with numbers, and a conversation over TCP.
            let talk = try Command(
                inside + ["/usr/bin/python3", "-u", "-c", Scripts.conversation, db1.identity, "9"]
            ).start()
            // This is about changes: how many packets wait for a wire that is being plugged has tests of its own.
            let isPlugged = try await eventually(within: 5) { try await !lab.wires("acme/web1", "acme/db1").isEmpty }
            #expect(isPlugged)
            let sender = try Command(
                inside + ["/usr/bin/python3", "-u", "-c", PolicyScripts.sender, db1.identity, "5555", "2000", "8"]
            ).start()
            let transfer = try Command(inside + ["iperf3", "-c", db1.identity, "-t", "20", "-b", "200M"]).start()
            let before = try await lab.received(by: "acme/db1")
            let runs = try await eventually(within: 5) { try await lab.received(by: "acme/db1") > before + 5_000 }
            #expect(runs, "\(transfer.output)\(transfer.errors)")
            // Six changes; the first forbids the transfer.
            try await lab.apply(document: rules("tcp/7, udp/5555"))
            let stopped = try await eventually(within: 3) {
                let flows = try await lab.transferred(transfer)
                return flows
            }
            #expect(stopped, "the transfer goes on: \(transfer.output)")
            for round in 0..<5 {
                try await lab.apply(
                    document: rules(
                        "tcp/7, udp/5555, udp/\(6_000 + round)",
                        "  - {name: r\(round), from: db1, to: web1, verdict: plug, ports: [udp/\(round + 1)]}"))
                try await Task.sleep(for: .milliseconds(200))
            }
            try await sender.wait(seconds: 20)
            try await talk.wait(seconds: 20)
            #expect(talk.output.hasSuffix("whole\n"), "\(talk.output)\(talk.errors)")
            try await Task.sleep(for: .milliseconds(300))
            let sent = sender.output.split(separator: "\n").compactMap { Int($0) }.last ?? -1
            let counted = try await eventually(within: 5) {
                counter.output.split(separator: "\n").last.map { $0.hasPrefix("\(sent) ") } ?? false
            }
            #expect(sent > 10_000 && counted, "sent \(sent), counted \(counter.output.suffix(60))")
            // Received, lost, out of order.
            #expect(counter.output.split(separator: "\n").last == "\(sent) 0 0", "\(counter.output.suffix(60))")
            await transfer.stop()
            await server.stop()
            await counter.stop()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aRuleEndsAtItsMoment() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let end = ISO8601DateFormatter().string(from: Date(timeIntervalSinceNow: 8))
        try await lab.with(
            document: """
                rules:
                  - {name: brief, from: web1, to: web2, verdict: plug, not-after: \(end)}
                """
        ) {
            try await lab.expectPlugged("acme/web1", "acme/web2")
            try await lab.expectNoWires("acme/web1", "acme/web2", within: 12)
            try await lab.expectUnplugged("acme/web1", "acme/web2")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aBrokenDocumentReplacesNothing() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let good = """
            # What people wrote stays as they wrote it.
            version: 1
            tenant: acme
            rules:
              - {name: echo, from: web1, to: web2, verdict: plug, ports: [tcp/7]}  # the echo

            """
        try await lab.with(text: good) {
            #expect(
                try await lab.connect(from: "acme/web1", to: lab.endpoint("acme/web2").identity, 7).outcome == "open")
            let broken: [(text: String, says: String)] = [
                (good.replacing("to: web2", with: "to: group:wbe"), "unknown group 'wbe'"),
                (good.replacing("verdict: plug", with: "verdict: plgu"), "plgu"),
                (good + "tests:\n  - {expect: unplug, from: web1, to: web2, port: tcp/7, reason: never}\n", "never"),
                (good + "x: &a [*a]\n", "anchor"), ("{", "no YAML"), (good.replacing("acme", with: "nobody"), "nobody"),
            ]
            for (text, says) in broken {
                let answer = try await lab.policy("apply", text)
                #expect(!answer.succeeded && "\(answer.errors)\(answer.output)".contains(says), "\(answer)")
                let checked = try await lab.policy("check", text)
                #expect(!checked.succeeded, "\(checked)")
            }
            let shown = try await lab.succeed("policy", "show", "acme", "--document")
            #expect(shown.output == good, "\(shown.output)")
            #expect(
                try await lab.connect(from: "acme/web1", to: lab.endpoint("acme/web2").identity, 7).outcome == "open")
            #expect(
                try await lab.connect(from: "acme/web1", to: lab.endpoint("acme/web2").identity, 8).outcome == "timeout"
            )
        }
    }

    @Test(.timeLimit(.minutes(1))) func aRuleInDryRunIsOnlyTold() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: tried, priority: 1, from: web1, to: web2, verdict: unplug, ports: [tcp/7], dry-run: true}
                  - {name: hoped, priority: 1, from: web1, to: db1, verdict: plug, dry-run: true}
                  - {name: echo, from: web1, to: web2, verdict: plug, ports: [tcp/7]}
                """
        ) {
            #expect(
                try await lab.connect(from: "acme/web1", to: lab.endpoint("acme/web2").identity, 7).outcome == "open")
            try await lab.expectUnplugged("acme/web1", "acme/db1")
            let explained = try await lab.json("explain", "acme/web1", "acme/web2", "tcp/7")
            #expect(explained["verdict"].string == "plug" && "\(explained)".contains("tried"), "\(explained)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func protectedPortsAreProtectedAndNoOtherPasses() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: secret, from: web1, to: web2, verdict: plug, ports: [tcp/7], security: conf}
                """
        ) {
            let (a, b) = ("acme/web1", "acme/web2")
            #expect(try await lab.connect(from: a, to: lab.endpoint(b).identity, 7).outcome == "open")
            let wires = try await lab.wires()
            #expect(!wires.isEmpty && wires.allSatisfy { $0.security == "conf" }, "\(wires)")
            #expect(try await lab.connect(from: a, to: lab.endpoint(b).identity, 8).outcome == "timeout")
            #expect(try await lab.reach(from: b, to: [lab.endpoint(a).identity])[lab.endpoint(a).identity] == .nothing)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aTracedPacketTellsWhereItStops() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: echo, from: web1, to: web2, verdict: plug, ports: [tcp/7, udp/7, icmpv6/128]}
                  - {name: inside, from: web2, to: db1, verdict: plug, security: conf}
                """
        ) {
            for port in ["tcp/7", "udp/7", "icmpv6/128"] {
                let traced = try await lab.json("trace", "acme/web1", "acme/web2", port)
                let steps = traced["steps"].items.compactMap { $0["step"].string }
                #expect(traced["arrived"].bool == true, "\(traced)")
                let here = ["port", "directory", "policy", "wire", "kernel", "rules", "sent"]
                #expect(steps == here + ["received", "rules", "delivered"], "\(traced)")
            }
            let local = try await lab.json("trace", "acme/web2", "acme/db1", "tcp/9")
            #expect(local["arrived"].bool == true && "\(local)".contains("inside this host"), "\(local)")
            let stopped = try await lab.patchbay("trace", "acme/web1", "acme/web2", "tcp/8", "--json")
            #expect(!stopped.succeeded, "\(stopped)")
            let trace = try JSONValue(parsing: stopped.output)
            #expect(trace["arrived"].bool == false, "\(trace)")
            let steps = trace["steps"].items.filter { $0["passed"].bool == false }.map { $0["step"].string }
            #expect(steps == ["policy", "rules"], "\(trace)")
            let nowhere = try await lab.patchbay("trace", "acme/web1", "acme/batch1", "udp/53")
            #expect(!nowhere.succeeded && nowhere.output.contains("policy"), "\(nowhere)")
            // What both leaves have in force, and the flow that the packet began.
            let explained = try await lab.json("explain", "acme/web1", "acme/web2", "tcp/7")
            let verdicts = explained["leaves"].items.map { $0["pair"]["verdict"].string }
            #expect(verdicts == (explained["leaves"].items.map { _ in "plug" }), "\(explained)")
            #expect(explained["leaves"].items.allSatisfy { !$0["pair"]["flows"].items.isEmpty }, "\(explained)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aDiffNamesTheFlowsThatWereSeen() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let rules = "rules:\n  - {name: echo, from: web1, to: web2, verdict: plug, ports: [tcp/7, udp/7]}\n"
        try await lab.with(document: rules) {
            let address = try lab.endpoint("acme/web2").identity
            #expect(try await lab.connect(from: "acme/web1", to: address, 7).outcome == "open")
            _ = try await lab.reach(from: "acme/web1", to: [lab.endpoint("acme/db1").identity], seconds: 0.5)
            let changed =
                "version: 1\ntenant: acme\nrules:\n"
                + "  - {name: echo, from: web1, to: web2, verdict: plug, ports: [udp/7]}\n"
                + "  - {name: new, from: web1, to: db1, verdict: plug}\n"
            let file = "/tmp/patchbay-diff-\(UInt32.random(in: 0...UInt32.max)).yaml"
            defer { try? FileManager.default.removeItem(atPath: file) }
            try changed.write(toFile: file, atomically: false, encoding: .utf8)
            let diff = try await lab.json("policy", "diff", file)
            let flows = diff["flows"].items.map {
                "\($0["source"].string ?? "") \($0["destination"].string ?? "") \($0["port"].string ?? "-") "
                    + "\($0["before"].string ?? "") \($0["after"].string ?? "")"
            }
            // The one that passed and would be cut, and the one that was refused and would pass.
            #expect(flows.contains("web1 web2 tcp/7 plug unplug"), "\(diff)")
            #expect(flows.contains { $0.hasPrefix("web1 db1") && $0.hasSuffix("unplug plug") }, "\(diff)")
            #expect(!flows.contains { $0.contains("udp/7") }, "\(diff)")
            #expect(diff["silent_hosts"].items.isEmpty, "\(diff)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatARuleLogsStandsInTheLogsOfBothLeaves() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: seen, from: web1, to: web2, verdict: plug, ports: [tcp/7], log: true}
                  - {name: unseen, from: web1, to: web2, verdict: plug, ports: [udp/7]}
                  - {name: stopped, from: web1, to: web2, verdict: unplug, ports: [tcp/8], log: true}
                """
        ) {
            let address = try lab.endpoint("acme/web2").identity
            #expect(try await lab.connect(from: "acme/web1", to: address, 7).outcome == "open")
            #expect(try await lab.connect(from: "acme/web1", to: address, 8, seconds: 0.5).outcome == "timeout")
            _ = try await lab.send("not logged", from: "acme/web1", to: address)
            func lines(_ host: String, _ rule: String) throws -> Int {
                let directory = "/run/patchbay/lab/logs"
                var count = 0
                for file in try FileManager.default.contentsOfDirectory(atPath: directory)
                where file.contains("leaf") && file.contains(host) {
                    let text = try String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)
                    count += text.split(separator: "\n").filter { $0.contains("rule=\(rule)") }.count
                }
                return count
            }
            let told = try await eventually(within: 5) {
                try lines("h1", "seen") > 0 && lines("h2", "seen") > 0 && lines("h1", "stopped") > 0
            }
            let counts = [try lines("h1", "seen"), try lines("h2", "seen"), try lines("h1", "stopped")]
            #expect(told, "\(counts)")
            #expect(try lines("h1", "unseen") == 0)
            // Dropped at the sender's host, it is not seen at the other one.
            #expect(try lines("h2", "stopped") == 0)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aLockedPolicyIsChangedByItsKeyAlone() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let base = "/tmp/patchbay-lock-\(UInt32.random(in: 0...UInt32.max))"
        let (key, file, signed) = (base + ".pem", base + ".yaml", base + ".signed")
        defer { for path in [key, file, signed] { try? FileManager.default.removeItem(atPath: path) } }
        try await Command([
            "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key,
        ]).succeed()
        try await lab.succeed("policy", "lock", "acme", "--key", key)
        do {
            for words in [["plug", "acme/web1", "acme/web2"], ["policy", "rollback", "acme", "1"]] {
                let refused = try await Command(["\(lab.programs)/patchbay"] + words).run()
                #expect(!refused.succeeded && refused.errors.contains("lock"), "\(refused)")
            }
            let document = "version: 1\ntenant: acme\nrules: [{name: echo, from: web1, to: web2, verdict: plug}]\n"
            let unsigned = try await lab.policy("apply", document)
            #expect(!unsigned.succeeded && unsigned.errors.contains("lock"), "\(unsigned)")
            try await lab.expectUnplugged("acme/web1", "acme/web2")
            // What the key has signed passes the controller and both leaves.
            try document.write(toFile: file, atomically: false, encoding: .utf8)
            let output = try await lab.succeed("policy", "sign", file, "--key", key).output
            try output.write(toFile: signed, atomically: false, encoding: .utf8)
            try await lab.succeed("policy", "apply", "--signed", signed)
            try await lab.expectPlugged("acme/web1", "acme/web2")
            // The same once more is a replay, and another tenant's policy it is not.
            let again = try await lab.patchbay("policy", "apply", "--signed", signed)
            #expect(!again.succeeded, "\(again)")
        } catch {
            Issue.record(error)
        }
        try await lab.succeed("policy", "unlock", "acme", "--key", key)
        try await lab.apply(document: "")
        try await lab.expectNoWires("acme/web1", "acme/web2", within: 5)
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
    }

    @Test(.timeLimit(.minutes(1))) func theGuardrailsOfThePlatformStandBeforeEveryTenant() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let guardrails = """
            version: 1
            platform: true
            rules:
              - {name: upward, levels: upward}

            """
        let none = "version: 1\nplatform: true\n"
        #expect(try await lab.guardrails("apply", guardrails).succeeded)
        do {
            try await lab.expectPlugged("acme/web1", "acme/web2")
            // From 0 to 2 packets go; not one comes back.
            try await lab.succeed("endpoint", "level", "acme/web2", "2")
            let cut = try await eventually(within: 8) { try await lab.wires("acme/web2", "acme/web1").isEmpty }
            #expect(cut)
            let token = "upward-\(UInt32.random(in: 0...UInt32.max))"
            let arrived = try await eventually(within: 8) {
                try await lab.send(token, from: "acme/web1", to: lab.endpoint("acme/web2").identity)
                return lab.heard(by: "acme/web2").contains(token)
            }
            #expect(arrived, "nothing goes upwards")
            try await lab.expectUnplugged("acme/web2", "acme/web1")
            let explained = try await lab.json("explain", "acme/web2", "acme/web1")
            #expect(explained["verdict"].string == "unplug" && "\(explained)".contains("upward"), "\(explained)")
        } catch {
            Issue.record(error)
        }
        try await lab.succeed("endpoint", "level", "acme/web2", "0")
        #expect(try await lab.guardrails("apply", none).succeeded)
        try await lab.expectPlugged("acme/web1", "acme/web2", within: 10)
    }
}

extension TestLab {
    /// What became of a connection that was tried, and how long it took.
    struct Connection: Sendable {
        let outcome: String
        let milliseconds: Double
    }

    /// Tries one TCP connection.
    func connect(from source: String, to address: String, _ port: Int, seconds: Double = 2) async throws -> Connection {
        let words =
            try endpoint(source).inside + [
                "/usr/bin/python3", "-c", PolicyScripts.connect, address, "\(port)", "\(seconds)",
            ]
        let parts = try await Command(words).succeed().output.split(separator: " ")
        return Connection(
            outcome: String(parts.first ?? ""), milliseconds: Double(parts.last?.dropLast() ?? "") ?? .infinity)
    }

    /// Whether a transfer by iperf3 stands still.
    func transferred(_ transfer: RunningCommand) async throws -> Bool {
        let before = try await received(by: "acme/db1")
        try await Task.sleep(for: .milliseconds(250))
        // The transfer has some 17,000 packets a second; the other flows 2,500.
        return try await received(by: "acme/db1") - before < 2_000
    }

    /// Runs `patchbay policy WORD -` with a text.
    func policy(_ word: String, _ text: String) async throws -> Finished { try await patchbay(["policy", word], text) }

    /// Runs `patchbay guardrails WORD -` with a text.
    func guardrails(_ word: String, _ text: String) async throws -> Finished {
        try await patchbay(["guardrails", word], text)
    }

    private func patchbay(_ words: [String], _ text: String) async throws -> Finished {
        let file = "/tmp/patchbay-policy-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try await Command(["\(programs)/patchbay"] + words + [file]).run()
    }

    private static let head = "version: 1\ntenant: acme\n"

    /// Puts a document of acme in force, which is given without its head.
    func apply(document: String) async throws { try await apply(text: Self.head + document + "\n") }

    private func apply(text: String) async throws {
        let answer = try await policy("apply", text)
        guard answer.succeeded else { throw Command.Failed(description: "\(answer)") }
    }

    /// Does something while a document of acme is in force; afterwards there is an empty one.
    func with(document: String, perform body: () async throws -> Void) async throws {
        try await with(text: Self.head + document + "\n", perform: body)
    }

    /// The same with a whole text.
    func with(text: String, perform body: () async throws -> Void) async throws {
        try await apply(text: text)
        do {
            try await body()
        } catch {
            try? await apply(text: Self.head)
            throw error
        }
        try await apply(text: Self.head)
    }
}

/// The small programs of the tests of documents.
enum PolicyScripts {
    /// Tries to connect, prints `open`, `refused`, `timeout` or another error, and the milliseconds.
    /// Words: address, port, seconds.
    static let connect = """
        import errno, socket, sys, time
        address, port, limit = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(limit); began = time.monotonic()
        try:
            s.connect((address, port)); s.sendall(b"x"); outcome = "open" if s.recv(1) else "closed"
        except socket.timeout: outcome = "timeout"
        except ConnectionRefusedError: outcome = "refused"
        except OSError as e: outcome = errno.errorcode.get(e.errno, "error")
        print(outcome, round((time.monotonic() - began) * 1000, 1))
        """

    /// Sends numbered datagrams evenly, prints how many at the end. Words: address, port, a second, seconds.
    static let sender = """
        import socket, sys, time
        address, port, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((address, port)); began = time.monotonic(); count = 0
        while (now := time.monotonic() - began) < seconds:
            while count < now * rate:
                s.send(count.to_bytes(8, "big")); count += 1
            time.sleep(0.001)
        print(count, flush=True)
        """

    /// Counts numbered datagrams: prints received, lost and out of order whenever they pause. Word: port.
    static let counter = """
        import socket, sys
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.bind(("::", int(sys.argv[1]))); s.settimeout(0.2); print("ready", flush=True)
        received = disorder = 0; highest = -1; told = -1
        while True:
            try: number = int.from_bytes(s.recv(100), "big")
            except socket.timeout:
                if received != told: print(received, highest + 1 - received, disorder, flush=True)
                told = received; continue
            received += 1
            if number < highest: disorder += 1
            highest = max(highest, number)
        """
}
