import CryptClient
import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import NetTypes
import Testing

/// Two hosts with an engine each, and one protected wire between them. The hosts' own IP stack is the endpoint: it
/// sends to the far inner address by a static neighbour that is the transmit slot, and the TAP's own address is the
/// receive slot's.
///
///     10.9.0.1 ─ crypt ─ engine ─ 192.0.2.1 ═══ under ═══ 192.0.2.2 ─ engine ─ crypt ─ 10.9.0.2
///     fd09::1    (TAP)            2001:db8::1        2001:db8::2           (TAP)    fd09::2
///              pbB-a                                              pbB-b
final class TwoEngines {
    let a: Side
    let b: Side
    static let transmitSlot: UInt32 = 5
    static let receiveSlot: UInt32 = 7

    final class Side {
        let name: String
        let last: Int
        let queues: Int
        let namespace: NetworkNamespace
        let netlink: Netlink
        let control: String
        var process: ChildProcess
        let log: MemoryFile
        var arguments: [String] = []
        var underlay: IPAddress { .v4(IPv4Address(192, 0, 2, UInt8(last))) }
        var underlay6: IPAddress { get throws { .v6(try IPv6Address(parsing: "2001:db8::\(last)")) } }

        init(name: String, last: Int, queues: Int, namespace: NetworkNamespace) throws {
            self.name = name
            self.last = last
            self.queues = queues
            self.namespace = namespace
            netlink = try Netlink(in: namespace)
            control = "/run/\(name).sock"
            log = try MemoryFile()
            process = ChildProcess(pid: 0)
        }

        /// Starts another engine of this host, by another program if one is given.
        func launch(_ more: [String], by launcher: [String] = []) throws -> ChildProcess {
            let words =
                launcher + [try programs() + "/patchbay-crypt", "run", "--control", control, "--log-level", "info"]
                + more
            let log = log
            return try namespace.perform { try ChildProcess.start(words, output: .memory(log), error: .memory(log)) }
        }

        /// Waits until an engine of a process answers.
        func client(of process: ChildProcess) throws -> EngineClient {
            let end = ContinuousClock.now + .seconds(15)
            var last = "nobody listens"
            while ContinuousClock.now < end {
                do {
                    let client = try EngineClient(path: control)
                    let info = try client.info()
                    if info.processID == UInt32(process.pid) { return client }
                    last = "process \(info.processID) answers"
                } catch {
                    last = "\(error)"
                }
                if let code = try process.poll() { throw CommandFailed(description: "exit \(code): \(try logText())") }
                usleep(2_000)
            }
            throw CommandFailed(description: "\(name): \(last)\n\(try logText())")
        }

        func client() throws -> EngineClient { try client(of: process) }
        func logText() throws -> String { String(decoding: try log.bytes(), as: UTF8.self) }

        /// Drops by reason.
        func drops(_ direction: Direction, _ reason: String) throws -> UInt64 {
            // Packet threads write their counters when they have nothing else to do.
            usleep(20_000)
            return try client().drops().first { $0.direction == direction && $0.reason == reason }?.count ?? 0
        }

        /// Starts an iperf3 at the inner address; it listens when this returns. A client tries only once.
        func serveTransfers(_ options: String...) throws -> ChildProcess {
            let said = try MemoryFile()
            let words = ["iperf3", "-s", "-B", "10.9.0.\(last)", "--forceflush"] + options
            let server = try namespace.perform {
                try ChildProcess.start(words, output: .memory(said), error: .memory(said))
            }
            let end = ContinuousClock.now + .seconds(10)
            while !String(decoding: try said.bytes(), as: UTF8.self).contains("listening") {
                guard ContinuousClock.now < end, try server.poll() == nil else {
                    throw CommandFailed(
                        description: "\(name): no iperf3 listens: \(String(decoding: try said.bytes(), as: UTF8.self))")
                }
                usleep(5_000)
            }
            return server
        }

        func end(_ process: ChildProcess, _ signal: Int32) throws {
            ChildProcess.signal(signal, to: process.pid)
            while try process.poll() == nil { usleep(2_000) }
        }
    }

    /// Starts both engines; with a host that is no endpoint, nothing has an address behind the TAP.
    init(
        queues: (Int, Int) = (1, 1), options: [String] = [], underlayMTU: UInt32 = 1_500, deviceMTU: Int = 1_400,
        hostIsEndpoint: Bool = true
    ) throws {
        for name in ["pbB-a", "pbB-b"] { try? NetworkNamespace.delete(named: name) }
        let spaces = (try NetworkNamespace.create(named: "pbB-a"), try NetworkNamespace.create(named: "pbB-b"))
        let first = try Netlink(in: spaces.0)
        try first.createVeth(name: "under", mtu: underlayMTU, peerName: "under", peerNamespace: spaces.1)
        a = try Side(name: "pbB-a", last: 1, queues: queues.0, namespace: spaces.0)
        b = try Side(name: "pbB-b", last: 2, queues: queues.1, namespace: spaces.1)
        for side in [a, b] {
            let link = try #require(try side.netlink.link(named: "under")).index
            try side.netlink.addAddress(side.underlay, prefixLength: 24, to: link)
            try side.netlink.addAddress(try side.underlay6, prefixLength: 64, to: link)
            try side.netlink.addAddress(
                .v6(try IPv6Address(parsing: "fe80::\(side.last)")), prefixLength: 64, to: link)
            try side.netlink.setUp(link)
        }
        // Neighbour discovery of a link that just came up takes a while, which is not what is tested. The first question
        // is often lost; the next is not to come a second later only.
        try run(
            "ip", "netns", "exec", "pbB-a", "sysctl", "-qw", "net.ipv6.neigh.under.retrans_time_ms=20",
            "net.ipv6.neigh.under.mcast_solicit=250")
        try run("ip", "netns", "exec", "pbB-a", "ping", "-c", "1", "-W", "5", "2001:db8::2")
        for side in [a, b] {
            unsafe unlink(side.control)
            side.process = try side.launch(
                [
                    "--device", "crypt", "--queues", "\(side.queues)", "--locator", "\(side.underlay)", "--locator",
                    "\(try side.underlay6)", "--user", "nobody", "--capacity", "64", "--device-mtu", "\(deviceMTU)",
                ] + options)
            _ = try side.client()
            if hostIsEndpoint { try inner(side) }
        }
    }

    /// Makes the host the wire's endpoint.
    private func inner(_ side: Side) throws {
        let link = try #require(try side.netlink.link(named: "crypt")).index
        let far = 3 - side.last
        try run(
            "ip", "-n", side.name, "link", "set", "crypt", "address", "02:50:00:00:00:0\(Self.receiveSlot)")
        try side.netlink.addAddress(.v4(IPv4Address(10, 9, 0, UInt8(side.last))), prefixLength: 24, to: link)
        try side.netlink.addAddress(
            .v6(try IPv6Address(parsing: "fd09::\(side.last)")), prefixLength: 64, to: link)
        for address in ["10.9.0.\(far)", "fd09::\(far)"] {
            try run(
                "ip", "-n", side.name, "neigh", "replace", address, "lladdr", "02:50:00:00:00:0\(Self.transmitSlot)",
                "dev", "crypt", "nud", "permanent")
        }
    }

    /// Keys for one direction: first the receiver's, then the sender's.
    func connect(
        _ from: Side, to: Side, spiBase: UInt32 = 4_096, secret: [UInt8] = randomSecret(),
        protection: Protection = .conf, overIPv6: Bool = false, pathMTU: UInt16 = 1_500,
        limits: SoftLimits = SoftLimits()
    ) throws {
        let receive = ReceiveGroup(
            slot: Self.receiveSlot, spiBase: spiBase, protection: protection, queues: UInt8(from.queues),
            limits: limits, secret: try wireSecret(secret))
        try to.client().install(receive)
        try send(
            from, to: to, spiBase: spiBase, secret: secret, protection: protection, overIPv6: overIPv6,
            pathMTU: pathMTU, limits: limits)
    }

    func send(
        _ from: Side, to: Side, spiBase: UInt32, secret: [UInt8], protection: Protection = .conf,
        overIPv6: Bool = false, pathMTU: UInt16 = 1_500, limits: SoftLimits = SoftLimits(),
        slot: UInt32 = TwoEngines.transmitSlot
    ) throws {
        let transmit = TransmitGroup(
            slot: slot, spiBase: spiBase, protection: protection, queues: UInt8(from.queues),
            local: overIPv6 ? try from.underlay6 : from.underlay, peer: overIPv6 ? try to.underlay6 : to.underlay,
            pathMTU: pathMTU, limits: limits, secret: try wireSecret(secret))
        try from.client().install(transmit)
    }

    func connectBoth(protection: Protection = .conf, overIPv6: Bool = false) throws {
        try connect(a, to: b, protection: protection, overIPv6: overIPv6)
        try connect(b, to: a, protection: protection, overIPv6: overIPv6)
    }

    func close() throws {
        for side in [a, b] {
            if side.process.pid != 0 { try side.end(side.process, SIGTERM) }
            try NetworkNamespace.delete(named: side.name)
            unsafe unlink(side.control)
        }
    }
}

func randomSecret() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

func wireSecret(_ bytes: [UInt8]) throws -> WireSecret {
    guard let secret = WireSecret(copying: bytes.span) else { throw CommandFailed(description: "32 bytes") }
    return secret
}

/// Where the programs are that were built beside the tests.
func programs() throws -> String {
    if let directory = ProcessInfo.processInfo.environment["PATCHBAY_BIN"] { return directory }
    var directory = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
        directory = URL(fileURLWithPath: argument).resolvingSymlinksInPath()
    }
    while directory.path != "/" {
        directory.deleteLastPathComponent()
        if FileManager.default.isExecutableFile(atPath: directory.path + "/patchbay-crypt") { return directory.path }
    }
    throw CommandFailed(description: "patchbay-crypt was not built beside the tests")
}
