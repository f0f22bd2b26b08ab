import Foundation
import Testing

/// Borders: machines outside, on real packets. A router in a namespace is the border, behind it is a machine that knows
/// nothing of the platform.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func rulesOfNetworksHoldAtBorders() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab)
        try await lab.with(document: Self.documentOf(["web1", "batch1"])) {
            // web1 is on another host than the border, batch1 on the same.
            for source in ["acme/web1", "acme/batch1"] {
                try await border.addRoutes(to: source)
                // The first packet of all waits for the wire and is not lost.
                for address in Border.addresses {
                    let first = try await lab.connect(from: source, to: address, 7)
                    #expect(first.outcome == "open" && first.milliseconds < 900, "\(source) \(address): \(first)")
                    let reached = try await lab.reach(from: source, to: [address])[address]
                    #expect(
                        reached == Reached(ping: true, tcp: "outside", udp: nil),
                        "\(source) \(address): \(String(describing: reached))")
                    #expect(try await lab.connect(from: source, to: address, 8).outcome == "timeout")
                }
            }
            let refused = try await lab.connect(from: "acme/web1", to: Border.addresses[0], 25)
            #expect(refused.outcome == "refused" && refused.milliseconds < 900, "\(refused)")
            // From outside: what the rules say, and nothing else.
            let web1 = try lab.endpoint("acme/web1")
            for address in [web1.ipv4, web1.identity] {
                let reached = try await border.reach(address)
                #expect(reached == Reached(ping: false, tcp: nil, udp: "acme/web1"), "\(address): \(reached)")
            }
            for name in ["acme/web2", "acme/batch1"] {
                let end = try lab.endpoint(name)
                for address in [end.ipv4, end.identity] {
                    let reached = try await border.reach(address)
                    #expect(reached == .nothing, "\(name): \(reached)")
                }
            }
            // No rule speaks of web2, and no prefix of the border is around the other address of the machine outside.
            try await border.addRoutes(to: "acme/web2")
            for (source, address) in [("acme/web2", Border.addresses[0]), ("acme/web1", Border.unclaimed)] {
                let reached = try await lab.reach(from: source, to: [address])[address]
                #expect(reached == Reached.nothing, "\(source) \(address): \(String(describing: reached))")
            }
            // It is said who is outside, and why.
            let wires = try await lab.json("wires", "--tenant", "acme")["items"].items
            #expect(
                wires.contains {
                    $0["source"].string == "acme/web1" && $0["destination"].string == Border.addresses[0]
                        && $0["destination_border"].string == "acme/gw"
                }, "\(wires)")
            let explained = try await lab.json("explain", "acme/web1", Border.addresses[0], "tcp/7")
            #expect(explained["verdict"].string == "plug", "\(explained)")
            #expect(explained["rule"]["name"].string == "out-web1" && explained["to"]["border"].string == "acme/gw")
            let denied = try await lab.json("explain", Border.addresses[1], "acme/web1", "tcp/7")
            #expect(denied["verdict"].string == "unplug" && "\(denied)".contains("allows udp/7 only"), "\(denied)")
            for address in Border.addresses {
                let trace = try await lab.json("trace", "acme/web1", address, "tcp/7")
                #expect(trace["arrived"].bool == true, "\(trace)")
                let stopped = try await lab.patchbay("trace", "acme/web1", address, "tcp/8")
                #expect(!stopped.succeeded && stopped.output.contains("rules"), "\(stopped)")
            }
            let stranger = try await lab.patchbay("explain", "acme/web1", Border.unclaimed, "tcp/7")
            #expect(!stranger.succeeded && stranger.errors.contains("No border"), "\(stranger)")
        }
        try await border.remove()
    }

    @Test(.timeLimit(.minutes(1))) func aBorderSpeaksOnlyForItsNetworks() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab)
        try await lab.with(
            document: """
                networks:
                  all: [0.0.0.0/0, "::/0"]
                rules:
                  - {name: in, from: everything, to: web1, verdict: plug}
                  - {name: back, from: web1, to: network:all, verdict: plug}
                """
        ) {
            try await border.addRoutes(to: "acme/web1")
            let web1 = try lab.endpoint("acme/web1")
            let web2 = try lab.endpoint("acme/web2")
            #expect(try await border.reach(web1.ipv4) == .everything(of: "acme/web1"))
            // The border's router sends as others: an endpoint, an identity, addresses that are not its own, no addresses.
            let mac = try await border.mac()
            let sources = [
                web2.ipv4, web2.identity, Border.unclaimed, "127.0.0.1", "224.0.0.1", "0.0.0.1", "::1",
                "fd00::1", "2001:db8:6::9", "::ffff:203.0.113.9",
            ]
            let frames = try sources.map { source in
                let header =
                    source.contains(":")
                    ? "IPv6(src='\(source)', dst='\(web1.identity)')" : "IP(src='\(source)', dst='\(web1.ipv4)')"
                return "Ether(src='\(mac)', dst='\(try web1.mac())')/\(header)/UDP(sport=4000, dport=7)/b'as \(source)'"
            }
            try await border.send("[\(frames.joined(separator: ", "))] * 3")
            try await Task.sleep(for: .milliseconds(700))
            let heard = lab.heard(by: "acme/web1")
            #expect(!heard.contains("as "), "\(heard)")
            // The same frames with an address that it speaks for arrive.
            try await border.send(
                "[Ether(src='\(mac)', dst='\(web1.mac())')/IP(src='203.0.113.77', dst='\(web1.ipv4)')"
                    + "/UDP(sport=4000, dport=7)/b'as itself']")
            let arrived = try await eventually(within: 3) { lab.heard(by: "acme/web1").contains("as itself") }
            #expect(arrived, "\(lab.heard(by: "acme/web1"))")
            // Nothing goes from outside to outside.
            try await border.send(
                "[Ether(src='\(mac)', dst='\(mac)')/IP(src='203.0.113.9', dst='203.0.113.10')/UDP(sport=1, dport=7)]")
            #expect(try await lab.wires().allSatisfy { $0.source == "acme/web1" || $0.destination == "acme/web1" })
        }
        try await border.remove()
    }

    /// Without a directory what a border is certified for decides; that is never an address of the vnet.
    @Test(.timeLimit(.minutes(1))) func withoutAControllerABorderIsNoNeighbour() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab, networks: ["0.0.0.0/0", "::/0"])
        try await lab.with(
            document: """
                networks:
                  all: [0.0.0.0/0, "::/0"]
                rules:
                  - {name: in, from: everything, to: web1, verdict: plug}
                """
        ) {
            try await border.addRoutes(to: "acme/web1")
            let (web1, web2) = (try lab.endpoint("acme/web1"), try lab.endpoint("acme/web2"))
            #expect(try await border.reach(web1.ipv4).udp == "acme/web1")
            try await lab.daemons.crash("controller")
            let mac = try await border.mac()
            func frame(_ source: String) throws -> String {
                "Ether(src='\(mac)', dst='\(try web1.mac())')/IP(src='\(source)', dst='\(web1.ipv4)')"
                    + "/UDP(sport=4000, dport=7)/b'as \(source)'"
            }
            let sources = [web2.ipv4, "10.0.0.77", "192.0.2.77"]
            try await border.send("[\(try sources.map(frame).joined(separator: ", "))]")
            let arrived = try await eventually(within: 5) { lab.heard(by: "acme/web1").contains("as 192.0.2.77") }
            try lab.daemons.start("controller")
            try await lab.waitUntilWhole()
            #expect(arrived, "\(lab.heard(by: "acme/web1"))")
            #expect(!lab.heard(by: "acme/web1").contains("as 10.0.0."), "\(lab.heard(by: "acme/web1"))")
        }
        try await border.remove()
    }

    @Test(.timeLimit(.minutes(2))) func aWireToOutsideOutlivesRestartsAndMoves() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab)
        try await lab.with(document: Self.documentOf(["web1", "batch1"])) {
            try await border.addRoutes(to: "acme/web1")
            let web1 = try lab.endpoint("acme/web1")
            #expect(try await lab.connect(from: "acme/web1", to: Border.addresses[0], 7).outcome == "open")
            for leaf in ["leaf h1", "leaf h3"] {
                let echoes = try Border.addresses.map { try Echoes(200, every: 20, from: web1, to: $0) }
                try await Task.sleep(for: .seconds(1))
                try await lab.daemons.crash(leaf)
                try await Task.sleep(for: .milliseconds(300))
                try lab.daemons.start(leaf)
                for echoes in echoes {
                    let answered = try await echoes.answered(within: 20)
                    #expect(answered == 200, "\(leaf): \(echoes)\(lab.daemons.log(of: leaf))")
                }
                try await lab.waitUntilWhole()
            }
            // Taken over, not plugged anew: the leaf says who is behind its wires, and cuts them.
            let wires = try await lab.json("wires", "--tenant", "acme")["items"].items
            #expect(wires.filter { $0["destination_border"].string == "acme/gw" }.count == 4, "\(wires)")
            // A conversation goes on while the border moves, and while the endpoint does.
            let talk = try Command(
                web1.inside + ["/usr/bin/python3", "-c", Scripts.conversation, Border.addresses[0], "8"]
            ).start()
            try await Task.sleep(for: .seconds(1))
            try await lab.succeed("endpoint", "move", "acme/gw", "h2")
            try await lab.waitUntilRunning("acme/gw")
            try await border.connect()
            try await Task.sleep(for: .seconds(2))
            try await lab.succeed("endpoint", "move", "acme/web1", "h3")
            try await lab.waitUntilRunning("acme/web1")
            try await border.addRoutes(to: "acme/web1")
            try await talk.wait(seconds: 30)
            #expect(talk.output.contains("whole"), "\(talk.output)")
            // Without its networks it is an ordinary endpoint, and what went by way of it is cut.
            try await lab.succeed("endpoint", "networks", "acme/gw", "192.0.2.0/24")
            try await lab.expectNoWires(within: 5)
            let after = try await lab.reach(from: "acme/web1", to: Border.addresses)
            #expect(after.values.allSatisfy { $0 == .nothing }, "\(after)")
            try await lab.succeed(
                "endpoint", "networks", "acme/gw", "203.0.113.0/24", "2001:db8:5::/48")
            let again = try await eventually(within: 8) {
                try await lab.reach(from: "acme/web1", to: [Border.addresses[0]])[Border.addresses[0]]?.tcp == "outside"
            }
            #expect(again)
            try await lab.succeed("endpoint", "move", "acme/web1", "h1")
            try await lab.waitUntilRunning("acme/web1")
        }
        try await border.remove()
    }

    @Test(.timeLimit(.minutes(1))) func wiresToOutsideAreProtectedAndLimited() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab)
        try await lab.with(
            document: """
                networks:
                  office: [203.0.113.0/24, "2001:db8:5::/48"]
                rules:
                  - {name: out, from: web1, to: network:office, verdict: plug, security: conf}
                """
        ) {
            try await border.addRoutes(to: "acme/web1")
            for address in Border.addresses {
                var reached: Reached?
                let isPlugged = try await eventually(within: 5) {
                    reached = try await lab.reach(from: "acme/web1", to: [address])[address]
                    return reached == .everything(of: "outside")
                }
                #expect(isPlugged, "\(address): \(String(describing: reached))")
            }
            let wires = try await lab.json("wires", "--tenant", "acme")["items"].items
            #expect(wires.count == 8 && wires.allSatisfy { $0["security"].string == "conf" }, "\(wires)")
        }
        try await border.remove()
    }

    @Test(.timeLimit(.minutes(1))) func ofTwoBordersTheLongerPrefixSpeaksAndTheOtherStandsIn() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let border = try await Border(lab)
        let second = try await Border(lab, named: "gw2", on: "h2", networks: ["203.0.113.9/32"], machine: "nearer")
        try await lab.with(document: Self.documentOf(["web1", "batch1"])) {
            try await border.addRoutes(to: "acme/web1")
            func answers() async throws -> String? {
                let address = Border.addresses[0]
                return try await lab.reach(from: "acme/web1", to: [address])[address]?.tcp
            }
            #expect(try await answers() == "nearer")
            // What is behind the one cannot be spoken for by the other, although its certificate would allow it.
            #expect(try await border.reach(lab.endpoint("acme/web1").ipv4) == .nothing)
            try await second.remove()
            let stoodIn = try await eventually(within: 8) { try await answers() == "outside" }
            #expect(stoodIn)
        }
        try await border.remove()
    }

    private static func documentOf(_ names: [String]) -> String {
        let rules = names.map {
            "  - {name: out-\($0), from: \($0), to: network:office, verdict: plug, ports: [tcp/7, icmp/8, icmpv6/128]}"
        }
        return """
            networks:
              office: [203.0.113.0/24, "2001:db8:5::/48"]
            rules:
            \(rules.joined(separator: "\n"))
              - {name: in, from: network:office, to: web1, verdict: plug, ports: [udp/7]}
              - {name: not-mail, from: web1, to: network:office, verdict: reject, ports: [tcp/25]}
            """
    }
}

/// A border with a machine behind it.
struct Border {
    /// What the machine outside has and the border speaks for.
    static let addresses = ["203.0.113.9", "2001:db8:5:1::9"]
    /// What the machine has too, and no border speaks for.
    static let unclaimed = "198.51.100.9"

    private let lab: TestLab
    private let name: String
    private let routerName: String
    private let machineName: String
    private let listener: RunningCommand

    /// What a command begins with that is to run in the border, or in the machine behind it.
    var router: [String] { ["ip", "netns", "exec", routerName] }
    var machine: [String] { ["ip", "netns", "exec", machineName] }

    init(
        _ lab: TestLab, named name: String = "gw", on host: String = "h3",
        networks: [String] = ["203.0.113.0/24", "2001:db8:5::/48"], machine machineLabel: String = "outside"
    ) async throws {
        self.lab = lab
        self.name = name
        (routerName, machineName) = ("pbi-\(name)", "pbi-\(name)-out")
        _ = try await lab.patchbay("endpoint", "delete", "acme/\(name)")
        for namespace in [routerName, machineName] {
            _ = try await Command(["ip", "netns", "del", namespace]).run()
            try await Command(["ip", "netns", "add", namespace]).succeed()
            try await Command(["ip", "-n", namespace, "link", "set", "lo", "up"]).succeed()
        }
        for line in [
            "-n \(routerName) link add out0 type veth peer name eth0 netns \(machineName)",
            "-n \(routerName) addr add 198.51.100.1/24 dev out0",
            "-n \(routerName) -6 addr add 2001:db8:5:1::1/64 dev out0 nodad",
            "-n \(routerName) link set out0 up",
            "-n \(machineName) addr add 198.51.100.9/24 dev eth0",
            "-n \(machineName) -6 addr add 2001:db8:5:1::9/64 dev eth0 nodad",
            "-n \(machineName) link set eth0 up",
            "-n \(machineName) addr add 203.0.113.9/32 dev lo",
            "-n \(routerName) route add 203.0.113.0/24 via 198.51.100.9",
            "-n \(machineName) route add default via 198.51.100.1 src 203.0.113.9",
            "-n \(machineName) -6 route add default via 2001:db8:5:1::1",
        ] { try await Command(["ip"] + line.split(separator: " ").map(String.init)).succeed() }
        try await Command(
            [
                "ip", "netns", "exec", routerName, "sysctl", "-qw", "net.ipv4.ip_forward=1",
                "net.ipv6.conf.all.forwarding=1",
            ]
        ).succeed()
        listener = try Command(
            ["ip", "netns", "exec", machineName, "/usr/bin/python3", "-u", "-c", Scripts.listener, machineLabel]
        ).start()
        try await Command(
            ["\(lab.programs)/patchbay", "endpoint", "create", "acme/\(name)", "--vnet", "lan", "--host", host]
                + ["--attachment", routerName] + networks.flatMap { ["--network", $0] }
        ).succeed()
        try await lab.waitUntilRunning("acme/\(name)")
        try await connect()
    }

    /// What a router has to know on the interface that the leaf made, which is a new one after a move.
    func connect() async throws {
        try await Command(router + ["sysctl", "-qw", "net.ipv6.conf.eth0.forwarding=1"]).succeed()
    }

    /// Gives an endpoint the routes that it needs.
    func addRoutes(to endpoint: String) async throws {
        let end = try lab.endpoint(endpoint)
        let gateway = try await lab.json("endpoint", "show", "acme/\(name)")["ipv4"].string ?? ""
        for line in [
            "-n \(end.namespace) route replace 203.0.113.0/24 via \(gateway)",
            "-n \(end.namespace) route replace 198.51.100.0/24 via \(gateway)",
            "-n \(end.namespace) -6 route replace 2001:db8::/32 via fe80::1 dev eth0",
        ] { try await Command(["ip"] + line.split(separator: " ").map(String.init)).succeed() }
    }

    /// What the machine outside gets from an address.
    func reach(_ address: String) async throws -> Reached {
        let words = machine + ["/usr/bin/python3", "-c", Scripts.reach, "1", address]
        let answer = try JSONValue(parsing: try await Command(words).succeed().output)[address]
        return Reached(ping: answer["ping"].bool ?? false, tcp: answer["tcp"].string, udp: answer["udp"].string)
    }

    /// Sends frames made by hand through the border's interface.
    func send(_ frames: String) async throws {
        try await Command(router + ["/usr/bin/python3", "-c", Scripts.frames, frames, "eth0"]).succeed(seconds: 20)
    }

    /// The Ethernet address of the border.
    func mac() async throws -> String {
        try await Command(router + ["cat", "/sys/class/net/eth0/address"]).succeed().output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func remove() async throws {
        await listener.stop()
        try await lab.succeed("endpoint", "delete", "acme/\(name)")
        for namespace in [machineName, routerName] { try await Command(["ip", "netns", "del", namespace]).succeed() }
    }
}
