import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import NetTypes
import Testing

/// An endpoint in a namespace of its own behind each engine, so that what its kernel cuts and puts together counts
/// apart from what the underlay's does, and what its device offloads apart from what the TAP does.
///
///     eth0 (02:50, receive slot) ─ port ─ bridge ─ crypt ─ engine
///     └─ answers (02:51, transmit slot): takes "too big", as the kernel path would lead it to eth0
///
/// Inner addresses are those of ``TwoEngines``.
final class Endpoints {
    let engines: TwoEngines
    let a: Endpoint
    let b: Endpoint
    let overIPv6: Bool
    let underlayMTU: Int

    struct Endpoint {
        let side: TwoEngines.Side
        let name: String
        let namespace: NetworkNamespace

        fileprivate init(behind side: TwoEngines.Side) throws {
            self.side = side
            name = side.name + "-in"
            try? NetworkNamespace.delete(named: name)
            namespace = try NetworkNamespace.create(named: name)
            try side.netlink.createVeth(
                name: "port", mtu: Endpoints.deviceMTU, peerName: "eth0", peerNamespace: namespace)
            try run(
                "ip", "link", "add", "name", "bridge", "mtu", "\(Endpoints.deviceMTU)", "type", "bridge", in: side.name)
            for device in ["bridge", "port"] {
                try run("ip", "link", "set", device, "addrgenmode", "none", in: side.name)
                try run("ip", "link", "set", device, "up", in: side.name)
            }
            for device in ["crypt", "port"] { try run("ip", "link", "set", device, "master", "bridge", in: side.name) }
            let own = "02:50:00:00:00:0\(TwoEngines.receiveSlot)"
            try run("ip", "link", "set", "eth0", "addrgenmode", "none", "address", own, "up", in: name)
            try run("ip", "link", "set", "lo", "up", in: name)
            try run(
                "ip", "link", "add", "link", "eth0", "name", "answers", "address",
                "02:51:00:00:00:0\(TwoEngines.transmitSlot)", "type", "macvlan", in: name)
            try run("ip", "link", "set", "answers", "addrgenmode", "none", "up", in: name)
            try setAddresses()
        }

        /// IPv6 forgets its addresses with an MTU below 1,280.
        private func setAddresses() throws {
            let far = 3 - side.last
            try run("ip", "address", "replace", "10.9.0.\(side.last)/24", "dev", "eth0", in: name)
            try run("ip", "address", "replace", "fd09::\(side.last)/64", "dev", "eth0", "nodad", in: name)
            for address in ["10.9.0.\(far)", "fd09::\(far)"] {
                try run(
                    "ip", "neigh", "replace", address, "lladdr", "02:50:00:00:00:0\(TwoEngines.transmitSlot)", "dev",
                    "eth0", "nud", "permanent", in: name)
            }
        }

        /// Sets the MTU of the endpoint's device, and forgets what it learned of paths.
        func setMTU(_ mtu: Int) throws {
            try run("ip", "link", "set", "eth0", "mtu", "\(mtu)", in: name)
            if mtu >= 1_280 { try setAddresses() }
            for family in ["-4", "-6"] { try run("ip", family, "route", "flush", "cache", in: name) }
        }

        /// Turns all that a device may do for the kernel on or off, at both ends of the endpoint's link: its end decides
        /// what leaves it, the other one what it gets.
        func setOffloads(_ on: Bool) throws {
            let value = on ? "on" : "off"
            for (device, name) in [("eth0", name), ("port", side.name)] {
                try run(
                    "ethtool", "-K", device, "tx", value, "rx", value, "sg", value, "tso", value, "gso", value, "gro",
                    value, "tx-udp-segmentation", value, in: name)
            }
        }

        /// What the kernel has learned of the way to an address; nil when nothing.
        func learnedMTU(_ address: String) throws -> Int? {
            let words = try run("ip", "-o", "route", "get", address, in: name).split(separator: " ")
            return words.firstIndex(of: "mtu").flatMap { Int(words[$0 + 1]) }
        }
    }

    /// The most that a TAP takes.
    static let deviceMTU: UInt32 = 65_521

    init(underlayMTU: Int, overIPv6: Bool, protection: Protection) throws {
        engines = try TwoEngines(
            underlayMTU: UInt32(underlayMTU), deviceMTU: Int(Self.deviceMTU), hostIsEndpoint: false)
        a = try Endpoint(behind: engines.a)
        b = try Endpoint(behind: engines.b)
        self.overIPv6 = overIPv6
        self.underlayMTU = underlayMTU
        for (from, to) in [(engines.a, engines.b), (engines.b, engines.a)] {
            try engines.connect(
                from, to: to, protection: protection, overIPv6: overIPv6, pathMTU: UInt16(underlayMTU))
        }
    }

    func setMTU(_ mtu: Int) throws {
        for end in [a, b] { try end.setMTU(mtu) }
    }

    /// Whether the underlay's devices take super-packets, which then pass it whole: nothing is seen of their segments.
    func setUnderlayOffloads(_ on: Bool) throws {
        let value = on ? "on" : "off"
        for side in [engines.a, engines.b] {
            try run(
                "ethtool", "-K", "under", "tx-udp-segmentation", value, "tso", value, "gso", value, "gro", value,
                in: side.name)
        }
    }

    func close() throws {
        for end in [a, b] { try NetworkNamespace.delete(named: end.name) }
        try engines.close()
    }

    /// What an underlay's kernel has cut, put together, or failed to.
    func fragmentCounters() throws -> [String: UInt64] {
        var all: [String: UInt64] = [:]
        for side in [engines.a, engines.b] {
            let (ipv4, ipv6) = try side.namespace.perform {
                (
                    try String(contentsOfFile: "/proc/thread-self/net/snmp", encoding: .utf8),
                    try String(contentsOfFile: "/proc/thread-self/net/snmp6", encoding: .utf8)
                )
            }
            let rows = ipv4.split(separator: "\n").filter { $0.hasPrefix("Ip:") }.map { $0.split(separator: " ") }
            for (name, value) in zip(rows[0], rows[1]) where name.hasPrefix("Frag") || name.hasPrefix("Reasm") {
                all["\(side.name) Ip\(name)"] = UInt64(value)
            }
            for row in ipv6.split(separator: "\n").map({ $0.split(separator: " ") })
            where row[0].hasPrefix("Ip6Frag") || row[0].hasPrefix("Ip6Reasm") {
                all["\(side.name) \(row[0])"] = UInt64(row[1])
            }
        }
        return all
    }

    /// What the engines dropped, except for reasons that are meant. What the endpoints' kernels say to groups comes
    /// over the bridge too, and is for no slot.
    func drops(except meant: String...) throws -> [String] {
        // Packet threads write their counters when they have nothing else to do.
        usleep(20_000)
        return try [engines.a, engines.b].flatMap { side in
            try side.client().drops().filter { $0.reason != "no-wire" && !meant.contains($0.reason) }
                .map { "\(side.name) \($0.direction) \($0.reason): \($0.count)" }
        }
    }
}

/// Runs a program inside a network namespace.
@discardableResult
func run(_ words: String..., in namespace: String) throws -> String {
    try run(["ip", "netns", "exec", namespace] + words)
}

/// A packet socket to which the kernel gives only frames that must not be: fragments, and such as are too long. As
/// there are none, none is lost, however busy the machine is.
final class FrameTrap: Sendable {
    private let number: Int32

    /// - Parameter limit: The longest frame that may be, with its Ethernet header; nil for any.
    init(in namespace: NetworkNamespace, device: UInt32, limit: Int?) throws {
        number = try namespace.perform {
            let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0)
            guard number >= 0, Self.attach(number, limit: UInt32(limit ?? Int(Int32.max))) else { return -errno }
            return Self.listen(number, device) ? number : -errno
        }
        guard number >= 0 else { throw SystemCallError(call: "socket", code: -number, context: "frame trap") }
    }

    deinit { close(number) }

    /// Only then are there packets: none comes before the filter is there.
    private static func listen(_ number: Int32, _ device: UInt32) -> Bool {
        // struct sockaddr_ll: family (2), protocol (2, big endian), device (4), and what bind does not look at.
        var address = [UInt8](repeating: 0, count: 20)
        address.replaceSubrange(0..<4, with: [UInt8(AF_PACKET), 0, 0, 3])
        for index in 0..<4 { address[4 + index] = UInt8(truncatingIfNeeded: device >> UInt32(8 * index)) }
        return unsafe address.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return false }
            return unsafe bind(number, base.assumingMemoryBound(to: sockaddr.self), 20) == 0
        }
    }

    private static func attach(_ number: Int32, limit: UInt32) -> Bool {
        // struct sock_filter: code (2), where to go on when true and when false (1 each), operand (4).
        func step(_ code: UInt64, _ operand: UInt32, yes: UInt64 = 0, no: UInt64 = 0) -> UInt64 {
            code | yes << 16 | no << 24 | UInt64(operand) << 32
        }
        let program = [
            step(0x80, 0), step(0x25, limit, yes: 7),  // longer than the limit: keep
            step(0x28, 12), step(0x15, 0x0800, no: 2),  // IPv4:
            step(0x28, 20), step(0x45, 0x3fff, yes: 3, no: 4),  // more fragments, or an offset: keep
            step(0x15, 0x86dd, no: 3),  // IPv6:
            step(0x30, 20), step(0x15, 44, no: 1),  // a fragment header: keep
            step(0x06, .max), step(0x06, 0),
        ]
        return unsafe program.withUnsafeBytes { code in
            // struct sock_fprog: the number of steps (2), six bytes between, their address.
            let argument = [UInt(program.count), UInt(bitPattern: code.baseAddress)]
            return unsafe setsockopt(number, SOL_SOCKET, SO_ATTACH_FILTER, argument, 16) == 0
        }
    }

    /// The frames that were caught, as long as each was on the wire and how it began.
    func caught() -> [String] {
        var all: [String] = []
        var bytes = [UInt8](repeating: 0, count: 64)
        while true {
            let count = unsafe recv(number, &bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_TRUNC))
            guard count >= 0 else { return all }
            let start = bytes.prefix(min(count, 48)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            all.append("\(count) bytes: \(start.joined())")
        }
    }
}
