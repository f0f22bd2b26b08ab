import Foundation
import Testing

/// A marked packet is told apart from all others, on both hosts.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func aForbiddenPacketIsToldAmongOtherTraffic() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: open, from: web1, to: web2, verdict: plug, ports: [tcp/7, udp/7, tcp/5201], security: conf}
                  - {name: shut, from: web1, to: web2, verdict: unplug, ports: [tcp/8]}
                  - {name: plain, from: web1, to: batch1, verdict: plug, ports: [tcp/7, udp/7, icmp/8]}
                """
        ) {
            // Much of the pair is under way all the while, and the ports of the trace as well.
            let web2 = try lab.endpoint("acme/web2")
            let server = try await transferServer(web2.inside)
            let inside = try lab.endpoint("acme/web1").inside
            let transfer = try Command(inside + ["iperf3", "-c", web2.identity, "-t", "12", "-b", "100M"]).start()
            let talks = try [web2.identity, lab.endpoint("acme/batch1").identity].map {
                try Command(inside + ["/usr/bin/python3", "-u", "-c", Scripts.conversation, $0, "9"]).start()
            }
            let knocking = try Command(
                inside + [
                    "/usr/bin/python3", "-c", PolicyScripts.sender, web2.identity, "8", "200", "9",
                ]
            ).start()
            let before = try await lab.received(by: "acme/web2")
            let runs = try await eventually(within: 5) { try await lab.received(by: "acme/web2") > before + 1_000 }
            #expect(runs, "\(transfer.output)\(transfer.errors)")
            for _ in 0..<3 {
                let (steps, trace) = try await lab.trace("acme/web1", "acme/web2", "tcp/8", arrives: false)
                #expect(steps.suffix(3) == ["h1 wire", "h1 kernel", "h1 rules"], "\(trace)")
                let last = trace["steps"].items.last?["finding"].string ?? ""
                #expect(last.contains("dropped by rule 'shut' of acme"), "\(trace)")
                // What no rule speaks of.
                let (others, other) = try await lab.trace("acme/web1", "acme/web2", "udp/9", arrives: false)
                #expect(others.last == "h1 rules" && "\(other)".contains("no rule of its own"), "\(other)")
            }
            let whole = ["h1 kernel", "h1 rules", "h1 sent", "h2 received", "h2 rules", "h2 delivered"]
            for port in ["tcp/7", "udp/7"] {
                let (steps, trace) = try await lab.trace("acme/web1", "acme/web2", port, arrives: true)
                #expect(steps.suffix(6) == whole, "\(trace)")
                #expect("\(trace)".contains("from the ESP engine"), "\(trace)")
                let rules = trace["steps"].items.filter { $0["step"].string == "rules" }.map { $0["finding"].string }
                #expect(rules == ["passed by rule 'open' of acme", "passed by rule 'open' of acme"], "\(trace)")
            }
            for port in ["tcp/7", "icmp/8"] {
                let (steps, trace) = try await lab.trace("acme/web1", "acme/batch1", port, arrives: true)
                #expect(steps.suffix(6) == whole.map { $0.replacing("h2", with: "h3") }, "\(trace)")
                #expect("\(trace)".contains("in a VXLAN datagram"), "\(trace)")
            }
            #expect(transfer.isRunning && knocking.isRunning && talks.allSatisfy(\.isRunning), "it was quiet")
            for running in [transfer, server, knocking] + talks { await running.stop() }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPacketThatTheUnderlayLosesIsTold() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.with(
            document: """
                rules:
                  - {name: open, from: web1, to: web2, verdict: plug, ports: [udp/7, tcp/7]}
                  - {name: safe, from: web1, to: batch1, verdict: plug, ports: [udp/7], security: auth}
                """
        ) {
            for (b, host) in [("acme/web2", "h2"), ("acme/batch1", "h3")] {
                _ = try await lab.trace("acme/web1", b, "udp/7", arrives: true)
                // The switch between the hosts loses what h1 sends; leaves and controller speak TCP.
                let underlay = ["ip", "netns", "exec", "pb-underlay", "nft"]
                try await Command(
                    underlay + [
                        """
                        table netdev lossy { chain from { type filter hook ingress device "h1" priority 0; \
                        meta l4proto udp drop; }; }
                        """
                    ]
                ).succeed()
                let (steps, trace) = try await lab.trace("acme/web1", b, "udp/7", arrives: false)
                try await Command(underlay + ["delete", "table", "netdev", "lossy"]).succeed()
                #expect(steps.suffix(2) == ["h1 sent", "\(host) arrival"], "\(trace)")
                #expect("\(trace)".contains("did not arrive"), "\(trace)")
                _ = try await lab.trace("acme/web1", b, "udp/7", arrives: true)
            }
            // Many at once are bounded, and told so.
            let answers = try await withThrowingTaskGroup(of: Finished.self) { group in
                for _ in 0..<12 { group.addTask { try await lab.patchbay("trace", "acme/web1", "acme/web2", "tcp/7") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers where !answer.succeeded {
                #expect(answer.output.contains("as many packets are followed"), "\(answer)")
            }
            #expect(answers.contains { $0.succeeded })
            let later = try await eventually(within: 8, every: 0.5) {
                try await lab.patchbay("trace", "acme/web1", "acme/web2", "tcp/7").succeeded
            }
            #expect(later)
        }
    }
}

extension LabTests.OverIPv6 {
    @Test(.timeLimit(.minutes(1))) func aPacketIsFollowedOnAnIPv6Underlay() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/db1")
        try await lab.with(
            document: """
                rules:
                  - {name: open, from: web1, to: web2, verdict: plug, ports: [tcp/7, icmp/8], security: conf}
                  - {name: plain, from: web1, to: batch1, verdict: plug, ports: [udp/7, icmp/8]}
                """
        ) {
            for (b, host, ports) in [
                ("acme/web2", "h2", ["tcp/7", "icmp/8"]), ("acme/batch1", "h3", ["udp/7", "icmp/8"]),
            ] {
                for port in ports {
                    let (steps, trace) = try await lab.trace("acme/web1", b, port, arrives: true)
                    let there = ["received", "rules", "delivered"].map { "\(host) \($0)" }
                    #expect(steps.suffix(6) == ["h1 kernel", "h1 rules", "h1 sent"] + there, "\(trace)")
                }
                let (steps, trace) = try await lab.trace("acme/web1", b, "tcp/9", arrives: false)
                #expect(steps.last == "h1 rules", "\(trace)")
            }
            // A wire without rules: nobody is asked.
            let (steps, trace) = try await lab.trace("acme/web1", "acme/db1", "tcp/9", arrives: true)
            #expect(steps.suffix(4) == ["h1 kernel", "h1 sent", "h2 received", "h2 delivered"], "\(trace)")
        }
    }
}

extension TestLab {
    /// Traces a packet; its steps as `host step`, and all that was told.
    func trace(
        _ a: String, _ b: String, _ port: String, arrives: Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (steps: [String], trace: JSONValue) {
        let answer = try await patchbay("trace", a, b, port, "--json")
        let trace = try JSONValue(parsing: answer.output)
        #expect(
            trace["arrived"].bool == arrives && answer.succeeded == arrives, "\(answer)", sourceLocation: sourceLocation
        )
        return (trace["steps"].items.map { "\($0["host"].string ?? "") \($0["step"].string ?? "")" }, trace)
    }
}
