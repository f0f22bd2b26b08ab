import Foundation
import KernelPath
import LinuxKit
import NetTypes

/// What an endpoint is attached by.
enum Attachment: String {
    /// A veth whose other end is the endpoint's interface.
    case veth
    /// A TAP device; its guest is a process that passes frames, super-packets whole, to a TAP in the endpoint's namespace.
    case tap
}

/// Two endpoints and what is between them; it stays until the end of the run.
///
///     pbb-X-a          pbb-X-h1                    pbb-X-h2          pbb-X-b
///      eth0 ──────────── pa   u0 ═══ underlay ═══ u0   pb ──────────── eth0
///          veth or TAP        10.98.0.1   10.98.0.2        veth or TAP
///
/// A local wire has both ports at h1 and no underlay.
final class PairPath {
    let kind: PathKind
    private var carrier: Carrier { kind.carrier }
    var attachment: Attachment { kind.attachment }
    let a: String
    let b: String
    private let hosts: [String]
    private let identities: [Identity]
    private var guests: [Running] = []
    private var dataPaths: [DataPath] = []
    /// The device indexes of the two ports.
    private var ports: [UInt32] = []
    private var rules: RuleLoad?
    private var engines: EnginePair?
    private var peers: [Running] = []
    private var site: PeerSite?
    private var server: Running?

    /// The address of the second endpoint, to which everything is sent.
    var target: String { carrier.isIPv4 ? "\(Platform.endpointIPv4(2))" : "\(identities[1])" }

    /// The same as our own tools write it, which open IPv6 sockets only.
    var mappedTarget: String { carrier.isIPv4 ? "::ffff:\(target)" : target }

    /// The namespace and device of the port to which packets are delivered.
    var deliveringPort: (namespace: String, device: String) { (hosts[carrier == .local ? 0 : 1], "pb") }

    init(_ kind: PathKind) throws {
        self.kind = kind
        let base = "\(Platform.prefix)\(kind.name)-"
        (a, b) = (base + "a", base + "b")
        hosts = kind.carrier == .local ? [base + "h1"] : [base + "h1", base + "h2"]
        identities = [try Platform.identity(1), try Platform.identity(2)]

        for host in hosts { _ = try Platform.makeHost(host) }
        for endpoint in [a, b] { try NetworkNamespace.create(named: endpoint) }
        if hosts.count == 2 { try Platform.joinHosts(hosts[0], hosts[1]) }
        try attach(a, own: 0, peer: 1, to: hosts[0], as: "pa")
        try attach(b, own: 1, peer: 0, to: deliveringPort.namespace, as: "pb")
        switch carrier {
        case .routed: try route()
        case .bridge: try bridge()
        case .local, .remote, .protected: try plug()
        case .peer(let peer, let isPinned): try join(peer, isPinned)
        }
        try awaitPath()
        server = try Running(Command.inside(b) + ["taskset", "-c", "1", "iperf3", "-s", "-B", target])
    }

    /// How many packets the engines have dropped so far; nil without engines.
    func engineDrops() throws -> Double? { try engines?.dropCount() }

    /// Makes the path as a case needs it, whatever the one before has left.
    func apply(_ underlay: Underlay, rules: RuleLoad? = nil) throws {
        if rules != self.rules { try exchange(self.rules, for: rules) }
        self.rules = rules
        guard hosts.count == 2 else { return }
        for host in hosts { try underlay.apply(to: Platform.underlayDevice, in: host) }
    }

    func close() {
        server?.stop()
        engines?.close()
        for peer in peers { peer.stop() }
        for guest in guests { guest.stop() }
        for path in dataPaths { path.close() }
    }

    // MARK: Making it

    private func attach(_ endpoint: String, own: Int, peer: Int, to host: String, as port: String) throws {
        switch attachment {
        case .veth:
            try Command.script(["ip link add eth0 netns \(endpoint) type veth peer name \(port) netns \(host)"])
        case .tap:
            try TapDevice.create(name: "eth0", in: try NetworkNamespace(named: endpoint))
            try TapDevice.create(name: port, in: try NetworkNamespace(named: host))
        }
        let mac = MACAddress(of: identities[own])
        let peerIdentity = identities[peer]
        // The neighbours are given, so that no case asks for them during a measurement.
        let routes =
            carrier == .bridge
            ? [
                "ip -6 route add \(peerIdentity)/128 dev eth0",
                "ip -6 neigh replace \(peerIdentity) lladdr \(MACAddress(of: peerIdentity)) dev eth0 nud permanent",
            ]
            : [
                "ip -6 neigh replace fe80::1 lladdr \(Platform.gateway) dev eth0 nud permanent",
                "ip -6 route add default via fe80::1 dev eth0",
            ]
        try Command.script(
            in: endpoint,
            [
                "ip link set eth0 address \(mac) mtu \(Platform.endpointMTU) addrgenmode none up",
                "ip -6 addr add \(identities[own])/128 dev eth0 nodad",
                "ip -6 route replace fe80::/64 dev eth0",
            ] + routes + (carrier.isIPv4 ? Self.endpointIPv4Routes(own) : []))
        if case .protected(let kind) = carrier, kind.boundsSuperPackets {
            let most = try EnginePair.superPackets()
            try Command.script(
                in: endpoint, ["ip link set eth0 gso_max_size \(most.bytes) gso_max_segs \(most.segments)"])
        }
        let address = carrier == .bridge ? "" : "address \(Platform.gateway)"
        try Command.script(
            in: host, ["ip link set \(port) \(address) mtu \(Platform.endpointMTU) addrgenmode none up"])
        guard attachment == .tap else { return }
        let guest = try Command.own(
            in: host,
            [
                "load", "tap", "--core", own == 0 ? "0" : "1", "--port-namespace", host, "--port-device", port,
                "--guest-namespace", endpoint, "--guest-device", "eth0",
            ])
        guests.append(guest)
        try guest.waitFor("ready")
    }

    /// Routes the endpoints' packets by the underlay.
    private func route() throws {
        try route { "via \(Platform.locatorIPv6($0 == 0 ? 2 : 1)) dev \(Platform.underlayDevice)" }
    }

    /// Routes each host's own endpoint to its port, and the other's as `way` says for the host.
    private func route(way: (Int) -> String) throws {
        for (host, port) in ["pa", "pb"].enumerated() {
            let (own, peer) = (identities[host], identities[1 - host])
            let mac = MACAddress(of: own)
            var lines = [
                "ip -6 route add \(own)/128 dev \(port)",
                "ip -6 neigh replace \(own) lladdr \(mac) dev \(port) nud permanent",
                "ip -6 route add \(peer)/128 \(way(host))",
            ]
            if carrier.isIPv4 {
                let own = Platform.endpointIPv4(host + 1)
                lines = [
                    "ip route add \(own)/32 dev \(port)",
                    "ip neigh replace \(own) lladdr \(mac) dev \(port) nud permanent",
                    "ip route replace \(Platform.endpointIPv4(2 - host))/32 \(way(host))",
                ]
            }
            try Command.script(in: hosts[host], lines)
        }
    }

    /// Starts the programs of a peer and routes the endpoints' packets to their devices.
    private func join(_ peer: Peer, _ isPinned: Bool) throws {
        let site = PeerSite(
            peer: peer, hosts: hosts, identities: identities, isPinned: isPinned,
            directory: "\(Platform.directory)/\(kind.name)")
        do {
            try site.prepare()
            peers = try site.start()
            try route { "dev \(site.device($0))" }
            self.site = site
        } catch {
            for process in peers { process.stop() }
            throw LeftOut("\(carrier.name): \(error)")
        }
    }

    private static func endpointIPv4Routes(_ own: Int) -> [String] {
        [
            "ip addr add \(Platform.endpointIPv4(own + 1))/32 dev eth0",
            "ip route add \(Platform.gatewayIPv4) dev eth0 scope link",
            "ip neigh replace \(Platform.gatewayIPv4) lladdr \(Platform.gateway) dev eth0 nud permanent",
            "ip route add default via \(Platform.gatewayIPv4)",
        ]
    }

    private func bridge() throws {
        for (host, port) in [(0, "pa"), (1, "pb")] {
            let (own, other): (UInt32, UInt32) = host == 0 ? (1, 2) : (2, 1)
            try Command.script(
                in: hosts[host],
                [
                    "ip link add br0 type bridge",
                    "ip link add vx0 type vxlan id 100 local \(Platform.locator(own)) remote \(Platform.locator(other))"
                        + " dstport 4789 dev \(Platform.underlayDevice)",
                    "ip link set vx0 mtu \(Platform.endpointMTU) master br0 up",
                    "ip link set \(port) master br0",
                    "ip link set br0 up",
                ])
        }
    }

    private func plug() throws {
        try BPFFileSystem.ensureMounted(at: Platform.pins)
        for (index, host) in hosts.enumerated() {
            let pins = "\(Platform.pins)/\(kind.name)-\(index + 1)"
            if carrier == .local { try Command.script(in: host, Self.underlayOfOne) }
            dataPaths.append(
                try DataPath(
                    configuration: DataPathConfiguration(
                        pinDirectory: pins, underlayDevice: Platform.underlayDevice,
                        locators: [.v4(Platform.locator(UInt32(index + 1)))], maxWires: 65_536,
                        namespace: try NetworkNamespace(named: host))))
        }
        let paths = [dataPaths[0], dataPaths[hosts.count - 1]]
        for (own, name) in ["pa", "pb"].enumerated() {
            let namespace = try NetworkNamespace(named: own == 0 ? hosts[0] : deliveringPort.namespace)
            guard let device = try Netlink(in: namespace).link(named: name)?.index else {
                throw BenchError("\(namespace.path) has no device \(name)")
            }
            ports.append(device)
            try paths[own].openPort(
                PortConfiguration(
                    device: device, identity: identities[own], ipv4: nil, kind: attachment == .tap ? .tap : .veth,
                    mtu: UInt16(Platform.endpointMTU)))
        }
        if case .protected(let kind) = carrier { try startEngines(kind) }
        guard let label = Label(EnginePair.receiveSlot) else { throw BenchError("1 is no label") }
        for (from, to) in [(0, 1), (1, 0)] {
            let (source, sink) = (IPAddress.v4(Platform.locator(UInt32(from + 1))), Platform.locator(UInt32(to + 1)))
            let target: SendTarget
            switch carrier {
            case .local: target = .local(port: ports[to])
            case .protected: target = .protected(locator: .v4(sink), slot: EnginePair.transmitSlot)
            default: target = .remote(locator: .v4(sink), label: label)
            }
            if carrier != .local {
                try paths[to].plugReceive(
                    locator: engines == nil ? source : nil, label: label, port: ports[to],
                    source: identities[from].address,
                    sourceIPv4: nil)
            }
            try paths[from].plugSend(port: ports[from], destination: identities[to].address, to: target)
        }
    }

    // MARK: Rules

    /// Gives both wires of the pair other rules, at both hosts, or both hosts another forward chain.
    private func exchange(_ old: RuleLoad?, for new: RuleLoad?) throws {
        switch carrier {
        case .remote, .protected:
            let ends = PairEnds(identities[0], identities[1])
            let rules = new?.rules(from: identities[0], to: identities[1])
            for (own, path) in dataPaths.enumerated() {
                // What is taken away is taken from the wires first.
                if rules == nil { try bind(nil, at: own) }
                let binding = try path.setRules(rules, of: ends)
                if rules != nil { try bind(binding, at: own) }
            }
        case .routed:
            guard (try? Command.script(["command -v nft"])) != nil else {
                throw LeftOut("nft is missing: apt-get install nftables")
            }
            let file = "\(Platform.directory)/\(kind.name).nft"
            if let new {
                try Data(new.nftRuleset(from: identities[0], to: identities[1]).utf8).write(
                    to: URL(fileURLWithPath: file))
            }
            for host in hosts {
                if old != nil { try Command.script(in: host, ["nft delete table inet \(RuleLoad.nftTable)"]) }
                if new != nil { try Command.script(in: host, ["nft -f \(file)"]) }
            }
        case .bridge, .local, .peer:
            throw BenchError("the path \(kind.name) knows no rules")
        }
    }

    /// Gives a host's end of either wire the rules of the pair.
    private func bind(_ binding: PairBinding?, at own: Int) throws {
        let other = 1 - own
        let locator = IPAddress.v4(Platform.locator(UInt32(other + 1)))
        guard let label = Label(EnginePair.receiveSlot),
            try dataPaths[own].rebind(
                sendPort: ports[own], destination: identities[other].address, rules: binding),
            try dataPaths[own].rebind(receiveFrom: engines == nil ? locator : nil, label: label, rules: binding)
        else { throw BenchError("\(kind.name): a wire that was plugged is not there") }
    }

    private func startEngines(_ kind: EngineKind) throws {
        engines = try EnginePair(kind, hosts: hosts)
        for (host, path) in zip(hosts, dataPaths) {
            guard let device = try Netlink(in: try NetworkNamespace(named: host)).link(named: EnginePair.device) else {
                throw BenchError("the engine of \(host) has made no device \(EnginePair.device)")
            }
            try path.useEngine(device: device.index)
        }
    }

    /// A local wire crosses no underlay, but a leaf has one.
    private static let underlayOfOne = [
        "ip link add \(Platform.underlayDevice) type veth peer name u1",
        "ip link set \(Platform.underlayDevice) mtu \(Platform.underlayMTU) up",
        "ip addr add \(Platform.locator(1))/24 dev \(Platform.underlayDevice)",
    ]

    /// Sends until the first answer, so that neighbours on the underlay are known and a broken path is one error.
    private func awaitPath() throws {
        let ping = Command.inside(a) + ["ping", "-n", "-c", "1", "-W", "1", target]
        let end = Date().addingTimeInterval(Double(carrier.patience))
        repeat {
            if (try? Command.run(ping)) != nil { return try awaitSettling() }
            Thread.sleep(forTimeInterval: 0.1)
        } while Date() < end && !Interruption.isEnding
        var drops = ""
        for path in dataPaths { drops += " \(path.hostCounters().filter { $0.value > 0 })" }
        let failure = "\(kind.name): \(target) does not answer\(drops) \(engines?.drops() ?? "")"
        guard case .peer = carrier else { throw BenchError(failure) }
        throw LeftOut(failure + peers.map { " | \($0.said())" }.joined())
    }

    private func awaitSettling() throws {
        guard let site else { return }
        let large =
            Command.inside(a) + [
                "ping", "-n", "-q", "-c", "5", "-i", "0.1", "-W", "1", "-s", "\(Echoes.payloadOf1400)", target,
            ]
        let end = Date().addingTimeInterval(Double(carrier.patience))
        while try !site.peer.program.hasSettled(site, send: { _ = try? Command.run(large) }) {
            guard Date() < end, !Interruption.isEnding else {
                throw LeftOut("\(carrier.name): it did not settle in \(carrier.patience) s")
            }
        }
    }
}
