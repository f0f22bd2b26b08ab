import Foundation
import Testing

/// Protected wires from the policy to the underlay.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1)), arguments: ["auth", "conf"])
    func aProtectedWireIsESPOnTheUnderlayAndNothingElse(_ level: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", level)
        let capture = try await Underlay.capture(lab, "h1")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web2", "acme/web1")
        let marker = "marker-\(level)-of-a-secret"
        for address in [try lab.endpoint("acme/web2").ipv4, try lab.endpoint("acme/web2").identity] {
            try await Command(
                lab.endpoint("acme/web1").inside + ["/usr/bin/python3", "-c", Scripts.datagram, address, marker]
            ).succeed()
        }
        let arrived = try await eventually(within: 5) {
            lab.heard(by: "acme/web2").components(separatedBy: marker).count > 2
        }
        #expect(arrived, "\(lab.heard(by: "acme/web2").suffix(400))")
        let seen = try await capture.stop()
        #expect(seen.esp > 4 && seen.vxlan == 0, "\(seen)")
        // What is only authenticated can be read on the way; what is confidential cannot.
        #expect(seen.text.contains(marker) == (level == "auth"))
        let wires = try await lab.wires("acme/web1", "acme/web2")
        #expect(wires.count == 2 && wires.allSatisfy { $0.security == level }, "\(wires)")
        #expect(try await lab.json("explain", "acme/web1", "acme/web2")["security"].string == level)
        try await lab.expectUnplugged("acme/web1", "acme/db1", "globex/web1", "acme/batch1")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires("acme/web1", "acme/web2")
        try await lab.expectUnplugged("acme/web1", "acme/web2")
    }

    @Test func nothingOfLeafAndEngineGoesToACoreFileOrAnArgument() async throws {
        let engine = "patchbay-crypt run --control /run/patchbay/lab/"
        for program in ["patchbay-leaf run --state /run/patchbay/lab/", engine] {
            let found = try await Command(["pgrep", "-f", program]).succeed().output.split(separator: "\n")
            #expect(found.count == 3, "\(found)")
            for process in found {
                let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
                let cores = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
                #expect(cores?.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(limits)")
                let line = try String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
                #expect(!line.contains("BEGIN") && !line.contains("pb1."), "\(line)")
            }
        }
        let engines = try await Command(["pgrep", "-u", "nobody", "-f", engine]).succeed().output
        #expect(engines.split(separator: "\n").count == 3, "engines do not drop their privileges: \(engines)")
    }

    @Test(.timeLimit(.minutes(1))) func aLevelThatChangesUnderTrafficHoldsFromThatMomentOn() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let echoes = try Echoes(
            600, every: 10, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        try await Task.sleep(for: .seconds(1))
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        let isConf = try await eventually(within: 5) {
            let wires = try await lab.wires("acme/web1", "acme/web2") + lab.wires("acme/web2", "acme/web1")
            return wires.count == 4 && wires.allSatisfy { $0.security == "conf" }
        }
        let now = try await lab.wires()
        #expect(isConf, "\(now)")
        let capture = try await Underlay.capture(lab, "h1")
        let answered = try await echoes.answered(within: 30)
        let seen = try await capture.stop()
        #expect(seen.esp > 50 && seen.vxlan == 0, "\(seen)")
        #expect(answered >= 500, "\(echoes)")
    }

    @Test(.timeLimit(.minutes(2))) func everySizePassesAProtectedWireAndNothingIsFragmented() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
        let h1 = try lab.host("h1")
        let fragments = try Command(
            h1.inside + [
                "tcpdump", "-n", "-l", "-i", h1.device,
                "(ip[6:2] & 0x3fff != 0 and ip[6:2] & 0x4000 = 0) or ip6[6] = 44 or (udp port 4789)",
            ]
        ).start()
        _ = try await eventually(within: 10) { fragments.errors.contains("listening on") }
        // IPv4 20 + ICMP 8; the endpoint itself cuts what is above its own MTU.
        let sizes = [40, 64, 512, 1_199, 1_380, 1_400, 1_405, 1_410, 1_411, 1_412, 1_422, 1_423, 4_000, 20_000, 64_000]
        for address in [web2.ipv4, web2.identity] {
            for size in sizes {
                // The first packet that is too big teaches the sender, the second passes.
                let ping = try await Command(
                    web1.inside + ["ping", "-n", "-q", "-c", "3", "-i", "0.05", "-W", "1", "-s", "\(size)", address]
                ).run()
                #expect(!ping.output.contains(" 0 received"), "\(size) bytes to \(address): \(ping)")
            }
        }
        let refused = try await Command(
            web1.inside + ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1422", web2.ipv4]
        ).run()
        #expect(refused.text.contains("mtu = 1438") || refused.text.contains("mtu=1438"), "\(refused)")
        await fragments.stop()
        let left = fragments.output.split(separator: "\n").filter { !$0.contains("listening") }
        #expect(left.isEmpty, "on the underlay: \(left.prefix(5))")
        for family in ["-4", "-6"] {
            try await Command(web1.inside + ["ip", family, "route", "flush", "cache"]).succeed()
        }
    }

    @Test(.timeLimit(.minutes(1))) func anEngineThatIsKilledIsFollowedByAnotherWithItsKeys() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let labels = try await lab.settledLabels("acme/web1", "acme/web2")
        let capture = try await Underlay.capture(lab, "h1")
        let echoes = try Echoes(
            800, every: 5, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        try await Task.sleep(for: .seconds(1))
        for host in ["h1", "h2"] {
            try await Command(["pkill", "-9", "-f", "patchbay-crypt run --control /run/patchbay/lab/\(host)/"])
                .succeed()
            try await Task.sleep(for: .seconds(1))
        }
        let answered = try await echoes.answered(within: 30)
        // Less than a second without a wire each time, and really far less: nothing but what was in its hands is lost.
        #expect(answered >= 780, "\(echoes)")
        let seen = try await capture.stop()
        #expect(seen.vxlan == 0 && seen.esp > 100, "\(seen)")
        let after = try await lab.wires("acme/web1", "acme/web2")
        #expect(Set(after.map(\.label)) == labels, "keys were exchanged anew: \(labels) before, \(after)")
        try await lab.succeed("plug", "acme/web1", "acme/batch1", "--security", "auth")
        try await lab.expectPlugged("acme/web1", "acme/batch1")
    }

    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func protectedWiresOutliveTheirLeaf(_ alsoTheEngine: Bool) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", "conf")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let capture = try await Underlay.capture(lab, "h1")
        let echoes = try Echoes(
            500, every: 10, from: lab.endpoint("acme/web1"), to: lab.endpoint("acme/web2").identity)
        try await Task.sleep(for: .seconds(1))
        try await lab.daemons.crash("leaf h1")
        if alsoTheEngine {
            // Nobody is left who has the keys; the wire is plugged anew.
            try await Command(["pkill", "-9", "-f", "patchbay-crypt run --control /run/patchbay/lab/h1/"]).succeed()
        }
        try await Task.sleep(for: .milliseconds(500))
        try lab.daemons.start("leaf h1")
        let answered = try await echoes.answered(within: 30)
        #expect(alsoTheEngine ? answered >= 200 : answered == 500, "\(echoes)\(lab.daemons.log(of: "leaf h1"))")
        let seen = try await capture.stop()
        #expect(seen.vxlan == 0 && seen.esp > 100, "\(seen)")
        try await lab.waitUntilWhole()
        let wires = try await lab.wires("acme/web1", "acme/web2")
        #expect(wires.count == 2 && wires.allSatisfy { $0.security == "conf" }, "\(wires)")
        try await lab.expectPlugged("acme/web2", "acme/web1")
        try await lab.succeed("unplug", "acme/web1", "acme/web2")
        try await lab.expectNoWires("acme/web1", "acme/web2")
    }
}

/// Wires that get new keys five times a second.
extension LabTests.WithShortKeys {
    @Test(.timeLimit(.minutes(2)), arguments: ["conf", "auth"])
    func newKeysLoseAndReorderNothing(_ level: String) async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2", "--security", level)
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let web2 = try lab.endpoint("acme/web2")
        let server = try await transferServer(web2.inside)
        // 10,000 packets of 64 bytes a second.
        let probe = try Command(
            try lab.endpoint("acme/web1").inside + [
                "iperf3", "-c", web2.ipv4, "-u", "-l", "64", "-b", "5120000", "-t", "12", "-w", "4M", "--json",
            ]
        ).start()
        var labels = Set<Int>()
        for _ in 0..<60 {
            for wire in try await lab.wires("acme/web1", "acme/web2") { labels.insert(wire.label) }
            try await Task.sleep(for: .milliseconds(150))
        }
        try await probe.wait(seconds: 40)
        await server.stop()
        let result = try JSONValue(parsing: probe.output)["end"]["sum"]
        let stream = try JSONValue(parsing: probe.output)["end"]["streams"].items.first?["udp"]
        #expect(result["packets"].integer ?? 0 > 60_000, "\(result)")
        #expect(result["lost_packets"].integer == 0, "\(result)")
        #expect(stream?["out_of_order"].integer == 0, "\(String(describing: stream))")
        #expect(labels.count >= 15, "the wire had keys of \(labels.count) SPIs only")
    }
}

/// What passes on the underlay of a host, read by tcpdump.
private struct Underlay {
    private let running: RunningCommand
    private let file: String

    struct Seen: CustomStringConvertible {
        let esp: Int
        let vxlan: Int
        let text: String
        var description: String { "\(esp) datagrams of ESP, \(vxlan) of VXLAN" }
    }

    static func capture(_ lab: TestLab, _ name: String) async throws -> Underlay {
        let host = try lab.host(name)
        let file = "/run/patchbay-test-\(UUID().uuidString).pcap"
        let running = try Command(
            host.inside + [
                "tcpdump", "-n", "-U", "--immediate-mode", "-B", "8192", "-s", "0", "-i", host.device, "-w", file,
                "udp port 4500 or udp port 4789",
            ]
        ).start()
        let listens = try await eventually(within: 10) { running.errors.contains("listening on") }
        guard listens else { throw Command.Failed(description: "tcpdump does not start: \(running.errors)") }
        return Underlay(running: running, file: file)
    }

    func stop() async throws -> Seen {
        try await Task.sleep(for: .milliseconds(300))
        await running.stop()
        defer { try? FileManager.default.removeItem(atPath: file) }
        func count(_ filter: String) async throws -> Int {
            let text = try await Command(["tcpdump", "-n", "-r", file, filter]).run()
            return text.output.split(separator: "\n").count
        }
        let bytes = try Data(contentsOf: URL(filePath: file))
        return Seen(
            esp: try await count("udp port 4500"), vxlan: try await count("udp port 4789"),
            text: String(decoding: bytes, as: UTF8.self))
    }
}
