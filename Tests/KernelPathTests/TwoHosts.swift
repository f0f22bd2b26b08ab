import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Synchronization
import Testing

/// Two hosts and their endpoints, made of network namespaces:
///
///     pbk-e1 ── p-e1 ┐                                  ┌ p-e2 ── pbk-e2
///                    pbk-a ── under ═══════ under ── pbk-b
///     pbk-e3 ── p-e3 ┘  192.0.2.1            192.0.2.2  └ (TAP ports are made by tests)
///                       2001:db8::1        2001:db8::2
final class TwoHosts {
    let a: Host
    let b: Host
    var endpoints: [Endpoint] = []
    /// What the names of namespaces begin with; another one lets two runs share a machine.
    static let prefix = ProcessInfo.processInfo.environment["PATCHBAY_TEST_PREFIX"] ?? "pbk"
    private static let directory = "/run/\(prefix)-bpf"
    private var nextLabel: UInt32 = 0x10_0001
    private var injectors: [String: (PacketSocket, UInt32)] = [:]
    /// The labels of what was plugged last, by sender and receiver.
    private var labels: [[UInt32]: Label] = [:]

    final class Host {
        let name: String
        let namespace: NetworkNamespace
        let netlink: Netlink
        let locator: IPAddress
        let configuration: DataPathConfiguration
        var path: DataPath
        let punts: PuntLog

        init(
            name: String, namespace: NetworkNamespace, locator: IPAddress, configuration: DataPathConfiguration
        ) throws {
            self.name = name
            self.namespace = namespace
            self.locator = locator
            self.configuration = configuration
            netlink = try Netlink(in: namespace)
            path = try DataPath(configuration: configuration)
            punts = PuntLog(path.punts)
        }

        /// Drops at one port, by reason.
        func drops(_ endpoint: Endpoint, _ reason: DropReason) throws -> UInt64 {
            try path.ports().first { $0.device == endpoint.device }?.drops[reason] ?? 0
        }

        func count(_ reason: DropReason) -> UInt64 { path.hostCounters()[reason.description] ?? 0 }
    }

    struct Endpoint {
        let name: String
        let namespace: NetworkNamespace
        let host: Host
        let device: UInt32
        let identity: Identity
        let ipv4: IPv4Address
        let mtu: UInt16
        var mac: MACAddress { MACAddress(of: identity) }
        var kind: PortConfiguration.Kind = .veth

        var port: PortConfiguration {
            PortConfiguration(device: device, identity: identity, ipv4: ipv4, kind: kind, mtu: mtu)
        }
    }

    init(overIPv6: Bool = false, change: (inout DataPathConfiguration) -> Void = { _ in }) throws {
        try Self.cleanUp(Self.directory)
        try BPFFileSystem.ensureMounted(at: Self.directory)
        let a = try NetworkNamespace.create(named: "\(Self.prefix)-a")
        let b = try NetworkNamespace.create(named: "\(Self.prefix)-b")
        let netlinkA = try Netlink(in: a)
        try netlinkA.createVeth(name: "under", mtu: 1500, peerName: "under", peerNamespace: b)
        for (namespace, last) in [(a, UInt8(1)), (b, 2)] {
            let netlink = try Netlink(in: namespace)
            let link = try #require(try netlink.link(named: "under")).index
            try netlink.addAddress(.v4(IPv4Address(192, 0, 2, last)), prefixLength: 24, to: link)
            let v6 = try IPv6Address(parsing: "2001:db8::\(last)")
            try netlink.addAddress(.v6(v6), prefixLength: 64, to: link)
            // IPv6 on the underlay needs a link-local address for neighbour discovery.
            try netlink.addAddress(.v6(IPv6Address(parsing: "fe80::\(last)")), prefixLength: 64, to: link)
            try netlink.setUp(link)
        }
        func host(_ name: String, _ namespace: NetworkNamespace, _ last: UInt8) throws -> Host {
            var configuration = DataPathConfiguration(
                pinDirectory: "\(Self.directory)/\(name)", underlayDevice: "under", maxWires: 4096, namespace: namespace
            )
            change(&configuration)
            let locator: IPAddress =
                overIPv6 ? .v6(try IPv6Address(parsing: "2001:db8::\(last)")) : .v4(IPv4Address(192, 0, 2, last))
            return try Host(name: name, namespace: namespace, locator: locator, configuration: configuration)
        }
        self.a = try host("a", a, 1)
        self.b = try host("b", b, 2)
        let mtu: UInt16 = overIPv6 ? 1430 : 1450
        try add("\(Self.prefix)-e1", to: self.a, last: 1, mtu: mtu)
        try add("\(Self.prefix)-e2", to: self.b, last: 2, mtu: mtu)
        try add("\(Self.prefix)-e3", to: self.a, last: 3, mtu: mtu)
    }

    deinit {
        a.path.close()
        b.path.close()
        a.punts.stop()
        b.punts.stop()
        try? Self.cleanUp(Self.directory)
    }

    var e1: Endpoint { endpoints[0] }
    var e2: Endpoint { endpoints[1] }
    var e3: Endpoint { endpoints[2] }

    private static func cleanUp(_ directory: String) throws {
        for name in ["a", "b"] {
            try DataPath.removePins("\(directory)/\(name)")
        }
        try BPFFileSystem.unmount(at: directory)
        for name in ["a", "b", "e1", "e2", "e3", "g"].map({ "\(prefix)-\($0)" }) {
            do throws(SystemCallError) {
                try NetworkNamespace.delete(named: name)
            } catch {
                guard error.isMissing else { throw error }
            }
        }
    }

    static func identity(_ last: UInt8) throws -> Identity {
        try Identity(parsing: "fd11:2233:4455:1::aabb:\(String(last, radix: 16))")
    }

    private func add(_ name: String, to host: Host, last: UInt8, mtu: UInt16) throws {
        let namespace = try NetworkNamespace.create(named: name)
        let identity = try Self.identity(last)
        let device = "p-\(name.dropFirst(Self.prefix.count + 1))"
        try host.netlink.createVeth(
            name: device, mtu: UInt32(mtu), peerName: "eth0", peerMAC: MACAddress(of: identity),
            peerNamespace: namespace)
        let index = try #require(try host.netlink.link(named: device)).index
        let endpoint = Endpoint(
            name: name, namespace: namespace, host: host, device: index, identity: identity,
            ipv4: IPv4Address(10, 0, 0, last), mtu: mtu)
        try host.path.openPort(endpoint.port)
        try Self.configure(endpoint, device: "eth0")
        endpoints.append(endpoint)
    }

    /// Addresses of the endpoint's interface, and fixed neighbours: the leaf is not here to answer for them.
    static func configure(_ endpoint: Endpoint, device: String) throws {
        let netlink = try Netlink(in: endpoint.namespace)
        let link = try #require(try netlink.link(named: device)).index
        try netlink.addAddress(.v6(endpoint.identity.address), prefixLength: 64, to: link)
        try netlink.addAddress(.v4(endpoint.ipv4), prefixLength: 24, to: link)
        try netlink.setUp(link)
        for last in UInt8(1)...4 {
            let peer = try Self.identity(last)
            guard peer != endpoint.identity else { continue }
            for address in ["\(peer)", "10.0.0.\(last)"] {
                try run(
                    "ip", "-n", endpoint.name, "neigh", "replace", address, "lladdr", "\(MACAddress(of: peer))",
                    "dev", device, "nud", "permanent")
            }
        }
    }

    /// Plugs one direction of both families, as two leaves that agree would; returns its label.
    @discardableResult
    func plug(_ from: Endpoint, to: Endpoint, rules: Bool = false) throws -> Label {
        let label = try #require(Label(nextLabel))
        nextLabel += 1
        labels[[UInt32(from.identity.octets[15]), UInt32(to.identity.octets[15])]] = label
        let ends = PairEnds(from.identity, to.identity)
        let bindings = try [from.host, to.host].map { host in
            rules ? try host.path.setRules(host.path.rules(of: ends), of: ends) : nil
        }
        let isLocal = from.host === to.host
        if !isLocal {
            try to.host.path.plugReceive(
                locator: from.host.locator, label: label, port: to.device, source: from.identity.address,
                sourceIPv4: from.ipv4, rules: bindings[1])
        }
        let target: SendTarget = isLocal ? .local(port: to.device) : .remote(locator: to.host.locator, label: label)
        for destination in [to.identity.address, IPv6Address(mapped: to.ipv4)] {
            try from.host.path.plugSend(port: from.device, destination: destination, to: target, rules: bindings[0])
        }
        return label
    }

    // MARK: Rules

    /// Sets the rules of a pair on the hosts of both ends: those of flows that the first begins, and the second.
    func setRules(
        _ one: Endpoint, _ other: Endpoint, _ ofOne: FlowRules, _ ofOther: FlowRules, limits: [FlowLimit] = []
    ) throws {
        let isLow = one.identity < other.identity
        let rules = PairRules(low: isLow ? ofOne : ofOther, high: isLow ? ofOther : ofOne, limits: limits)
        for host in [one.host, other.host] {
            try host.path.setRules(rules, of: PairEnds(one.identity, other.identity))
        }
    }

    /// The same, and plugs both directions with them.
    func plug(
        _ one: Endpoint, _ other: Endpoint, _ ofOne: FlowRules, _ ofOther: FlowRules, limits: [FlowLimit] = []
    ) throws {
        try setRules(one, other, ofOne, ofOther, limits: limits)
        try plug(one, to: other, rules: true)
        try plug(other, to: one, rules: true)
    }

    /// Lets an endpoint send larger packets.
    func setMTU(_ mtu: UInt16, of endpoint: Endpoint) throws {
        let netlink = try Netlink(in: endpoint.namespace)
        try netlink.setMTU(UInt32(mtu), of: try #require(try netlink.link(named: "eth0")).index)
        try endpoint.host.netlink.setMTU(UInt32(mtu), of: endpoint.device)
        var port = endpoint.port
        port.mtu = mtu
        try endpoint.host.path.openPort(port)
    }

    /// Takes the addresses from all endpoints, so that only the test itself sends, and nobody answers by himself.
    func silence() throws {
        for endpoint in endpoints { try run("ip", "-n", endpoint.name, "addr", "flush", "dev", "eth0") }
    }

    /// Sends an IP packet and says whether it arrived: it was counted where the wire ends.
    func passes(_ packet: [UInt8], _ from: Endpoint, _ to: Endpoint) throws -> Bool {
        let type: UInt16 = packet[0] >> 4 == 4 ? 0x0800 : 0x86dd
        let before = try arrived(from, to)
        try inject(ethernet(from.mac, to.mac, type, packet), at: from)
        return try arrived(from, to) > before
    }

    private func arrived(_ from: Endpoint, _ to: Endpoint) throws -> UInt64 { try counters(from, to).packets }

    /// The bytes of IP packets that arrived.
    func arrivedBytes(_ from: Endpoint, _ to: Endpoint) throws -> UInt64 { try counters(from, to).bytes }

    private func counters(_ from: Endpoint, _ to: Endpoint) throws -> WireCounters {
        if from.host === to.host {
            return [to.identity.address, IPv6Address(mapped: to.ipv4)].reduce(into: WireCounters()) { sum, address in
                let counters = from.host.path.sendCounters(port: from.device, destination: address)
                sum.packets += counters?.packets ?? 0
                sum.bytes += counters?.bytes ?? 0
            }
        }
        let label = try #require(labels[[UInt32(from.identity.octets[15]), UInt32(to.identity.octets[15])]])
        return to.host.path.receiveCounters(locator: from.host.locator, label: label) ?? WireCounters()
    }

    /// Sends a frame as it is from an endpoint.
    func inject(_ frame: [UInt8], at endpoint: Endpoint) throws {
        if let (socket, device) = injectors[endpoint.name] { return try socket.send(frame, to: device) }
        let link = try #require(try Netlink(in: endpoint.namespace).link(named: "eth0"))
        let socket = try PacketSocket(in: endpoint.namespace)
        injectors[endpoint.name] = (socket, link.index)
        try socket.send(frame, to: link.index)
    }
}

/// The frames that a data path punted, collected by a task.
final class PuntLog: Sendable {
    private let collected = Mutex<[Punt]>([])
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ stream: AsyncStream<Punt>) {
        let reader = Task { [weak self] in
            for await punt in stream {
                self?.collected.withLock { $0.append(punt) }
            }
        }
        task.withLock { $0 = reader }
    }

    func stop() { task.withLock { $0?.cancel() } }

    /// Waits until a punt of that kind came.
    func first(_ reason: Punt.Reason, from port: UInt32, where matches: ([UInt8]) -> Bool) async throws -> Punt? {
        for _ in 0..<100 {
            let found = collected.withLock { all in
                all.first { $0.reason == reason && $0.port == port && matches($0.frame) }
            }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    var all: [Punt] { collected.withLock { $0 } }
}

struct CommandFailed: Error, CustomStringConvertible {
    let description: String
}

/// Runs a command and returns what it wrote; a command that fails is an error.
@discardableResult
func run(_ arguments: String...) throws -> String {
    let result = try start(arguments).finish()
    guard result.status == 0 else {
        throw CommandFailed(description: "\(arguments.joined(separator: " ")): \(result.status)\n\(result.output)")
    }
    return result.output
}

/// Runs a command in an endpoint's namespace and says whether it succeeded.
func succeeds(in endpoint: TwoHosts.Endpoint, _ arguments: String...) throws -> Bool {
    try start(["ip", "netns", "exec", endpoint.name] + arguments).finish().status == 0
}

final class Running {
    private let process = Process()
    private let pipe = Pipe()

    fileprivate init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
    }

    func finish() -> (status: Int32, output: String) {
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    /// Ends the process at once. Other signals may be blocked in it, as they are in the thread that began it.
    func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}

func start(_ arguments: [String]) throws -> Running { try Running(arguments) }

/// Echo requests, one every 2 ms. fping waits for each answer: the ping of iputils waits for the last only twice as long as
/// the slowest before it took, whatever its `-W` says.
func echoes(_ count: Int, _ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint) throws -> Running {
    try start(
        ["ip", "netns", "exec", from.name, "fping", "-q", "-i", "1", "-p", "2", "-t", "5000", "-c", "\(count)"]
            + ["\(to.identity)"])
}

func ping(_ from: TwoHosts.Endpoint, _ address: String, size: Int = 56, count: Int = 1) throws -> Bool {
    try succeeds(
        in: from, "ping", "-q", "-n", "-M", "do", "-i", "0.01", "-W", "0.4", "-c", "\(count)", "-s", "\(size)", address)
}
