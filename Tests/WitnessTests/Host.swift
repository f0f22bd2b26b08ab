import AEAD
import CryptClient
import CryptProtocol
import ESP
import Glibc
import LinuxKit
import NetTypes

/// A host in a namespace of its own: an address of either family on the underlay, and one on the inner network.
///
///     10.9.0.N  ── crypt ── engine ── 192.0.2.N
///     fd09::N      (TAP)              2001:db8::N
///
/// With an engine, the host's own IP stack is the wire's endpoint: it reaches the far inner address by a static
/// neighbour that is the transmit slot, and the TAP's own address is the receive slot's. A foreign host has neither.
final class Host {
    static let transmitSlot: UInt32 = 5
    static let receiveSlot: UInt32 = 7

    let name: String
    let number: Int
    let queues: Int
    private var engine: Background?
    private var control: String { "/run/\(name).sock" }

    var inside: [String] { ["ip", "netns", "exec", name] }
    var inner: String { "10.9.0.\(number)" }
    var inner6: String { "fd09::\(number)" }

    init(_ name: String, number: Int, queues: Int = 1) throws {
        self.name = name
        self.number = number
        self.queues = queues
        try? NetworkNamespace.delete(named: name)
        try NetworkNamespace.create(named: name)
    }

    deinit { close() }

    func close() {
        _ = try? engine?.finish(seconds: 5, signal: SIGTERM)
        engine = nil
        try? NetworkNamespace.delete(named: name)
        unsafe unlink(control)
    }

    func underlay(isIPv6: Bool) throws -> IPAddress { try Self.underlay(number, isIPv6: isIPv6) }

    static func underlay(_ number: Int, isIPv6: Bool) throws -> IPAddress {
        isIPv6 ? .v6(try IPv6Address(parsing: "2001:db8::\(number)")) : .v4(IPv4Address(192, 0, 2, UInt8(number)))
    }

    /// Gives the underlay's device its addresses. Without offloads it shows every packet as it goes over a wire.
    func bringUpUnderlay(_ device: String = "under", offloads: Bool = false) throws {
        try run("ip -n \(name) address add \(try underlay(isIPv6: false))/24 dev \(device)")
        try run("ip -n \(name) address add \(try underlay(isIPv6: true))/64 dev \(device) nodad")
        try run("ip -n \(name) link set \(device) up")
        if !offloads {
            try run("ip netns exec \(name) ethtool -K \(device) gso off tso off gro off tx off")
        }
    }

    /// Starts the engine and makes the host the endpoint of its wire.
    func startEngine(far: Int) throws {
        engine = try Background(
            inside + [
                try programs() + "/patchbay-crypt", "run", "--control", control, "--device", "crypt", "--queues",
                "\(queues)", "--locator", "\(try underlay(isIPv6: false))", "--locator",
                "\(try underlay(isIPv6: true))", "--user", "nobody", "--capacity", "64", "--device-mtu", "1400",
            ])
        _ = try client()
        try run("ip -n \(name) link set crypt address 02:50:00:00:00:0\(Self.receiveSlot)")
        try run("ip -n \(name) address add \(inner)/24 dev crypt")
        try run("ip -n \(name) address add \(inner6)/64 dev crypt nodad")
        for address in ["10.9.0.\(far)", "fd09::\(far)"] {
            try run(
                "ip -n \(name) neigh replace \(address) lladdr 02:50:00:00:00:0\(Self.transmitSlot) dev crypt "
                    + "nud permanent")
        }
    }

    var log: String { get throws { try engine?.text ?? "no engine" } }

    /// A connection to the engine, once it answers.
    func client() throws -> EngineClient {
        let end = ContinuousClock.now + .seconds(15)
        while true {
            do {
                let client = try EngineClient(path: control)
                if let engine, try client.info().processID == UInt32(engine.id) { return client }
            } catch {
                guard ContinuousClock.now < end else { throw CommandFailed(description: "\(error)\n\(try log)") }
            }
            guard try engine?.poll() == nil, ContinuousClock.now < end else {
                throw CommandFailed(description: "\(name): no engine answers\n\(try log)")
            }
            usleep(5_000)
        }
    }

    func receives(_ keys: Keys, senderQueues: Int) throws {
        try client().install(
            ReceiveGroup(
                slot: Self.receiveSlot, spiBase: keys.spiBase, protection: keys.protection,
                queues: UInt8(senderQueues), secret: try keys.wireSecret()))
    }

    func sends(_ keys: Keys, to far: Int, overIPv6: Bool) throws {
        try client().install(
            TransmitGroup(
                slot: Self.transmitSlot, spiBase: keys.spiBase, protection: keys.protection, queues: UInt8(queues),
                local: try Self.underlay(number, isIPv6: overIPv6), peer: try Self.underlay(far, isIPv6: overIPv6),
                pathMTU: 1_500, secret: try keys.wireSecret()))
    }

    /// The counters of the one group of a direction, once what is under way has been counted.
    func counters(_ direction: Direction) throws -> GroupCounters {
        usleep(50_000)
        let groups = try client().counters(direction)
        guard groups.count == 1, let group = groups.first else {
            throw CommandFailed(description: "\(name): \(groups.count) groups")
        }
        return group
    }

    /// Sends datagrams of every given size, and bytes by TCP, to the echo at port 7 of an address; throws unless all
    /// comes back as it went.
    func converse(with address: String, udp sizes: [Int], tcp count: Int = 0) throws {
        try run(
            inside + (try python("converse")) + [address, sizes.map(String.init).joined(separator: ","), "\(count)"])
    }

    /// Echoes TCP and UDP at port 7 as long as the result lives.
    func echo() throws -> Background {
        let echo = try Background(inside + (try python("echo")))
        try echo.wait(for: "ready", seconds: 20)
        return echo
    }

    /// Pings; throws unless every answer comes. The ping of iputils would wait for the last one only twice as long as the
    /// slowest before it took, whatever its `-W` says.
    func ping(_ address: String, count: Int, bytes: Int) throws {
        let text = try run("ip netns exec \(name) fping -q -p 20 -t 5000 -c \(count) -b \(bytes) \(address)")
        guard text.contains(" = \(count)/\(count)/0%") else { throw CommandFailed(description: text) }
    }
}

/// The secret of one direction of a wire, which the test knows and so can tell a witness.
struct Keys: Sendable {
    let spiBase: UInt32
    let protection: Protection
    let secret: [UInt8]

    init(spiBase: UInt32, _ protection: Protection) {
        self.spiBase = spiBase
        self.protection = protection
        var generator = SystemRandomNumberGenerator()
        secret = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    func wireSecret() throws -> WireSecret {
        guard let secret = WireSecret(copying: secret.span) else { throw CommandFailed(description: "32 bytes") }
        return secret
    }

    /// Key and salt of a sender's queue as hexadecimal digits.
    func packetKey(queue: Int) throws -> String {
        let level: SecurityLevel = protection == .conf ? .conf : .auth
        guard let key = derivePacketKey(secret: secret.span, level: level, queue: UInt8(queue)) else {
            throw CommandFailed(description: "no key of 32 bytes")
        }
        return hex(key.high, 16) + hex(key.low, 16) + hex(UInt64(key.salt), 8)
    }

    /// What a script is told, which derives the keys of the queues by itself: level, SPI base, queues, secret.
    func words(queues: Int) -> String {
        let level = protection == .conf ? "conf" : "auth"
        return "\(level):\(spiBase):\(queues):" + secret.map { hex(UInt64($0), 2) }.joined()
    }
}

func hex(_ value: UInt64, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
