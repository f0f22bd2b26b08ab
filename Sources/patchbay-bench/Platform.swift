import Foundation
import LinuxKit
import NetTypes

/// Names and addresses of everything that the benchmark makes.
enum Platform {
    /// In front of every namespace's name; whatever has it is the benchmark's and is removed.
    static let prefix = "pbb-"
    static let directory = "/run/patchbay-bench"
    static let pins = "/run/patchbay-bench/bpf"

    /// The benchmark's own /48 (RFC 4193), its halves of 64 bits, and what is numbered in them.
    static let high: UInt64 = 0xfd50_6200_bebc_0000
    static let underlayHigh: UInt64 = 0xfd50_6200_bebc_00ff

    static func identity(_ low: UInt64) throws -> Identity {
        guard let identity = Identity(IPv6Address(UInt128(high) << 64 | UInt128(low))) else {
            throw BenchError("\(low) makes no identity")
        }
        return identity
    }

    static func locator(_ host: UInt32) -> IPv4Address { IPv4Address(0x0a62_0000 | host) }
    static func locatorIPv6(_ host: UInt32) -> IPv6Address {
        IPv6Address(UInt128(underlayHigh) << 64 | UInt128(host))
    }

    /// What endpoints have where the carrier knows no IPv6, and the address behind their port.
    static func endpointIPv4(_ number: Int) -> IPv4Address { IPv4Address(0x0a63_0000 | UInt32(number)) }
    static let gatewayIPv4 = IPv4Address(0x0a63_00fe)

    /// The Ethernet address of every port at the host's side, so that senders need not ask.
    static let gateway = MACAddress(0x0200_0000_ffff)
    static let underlayDevice = "u0"
    /// What endpoints send at most, in every case the same: 1,500 less VXLAN over IPv6, rounded down.
    static let endpointMTU: UInt32 = 1400
    static let underlayMTU: UInt32 = 1500

    /// Makes a host: a namespace that forwards.
    static func makeHost(_ name: String) throws -> NetworkNamespace {
        let namespace = try NetworkNamespace.create(named: name)
        try Command.script(
            in: name,
            [
                "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0",
                "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1",
                "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
            ])
        return namespace
    }

    /// Joins two hosts by the underlay, a veth pair.
    static func joinHosts(_ first: String, _ second: String) throws {
        try Command.script([
            "ip link add \(underlayDevice) netns \(first) type veth peer name \(underlayDevice) netns \(second)"
        ])
        for (host, number) in [(first, UInt32(1)), (second, UInt32(2))] {
            try Command.script(
                in: host,
                [
                    "ip link set \(underlayDevice) mtu \(underlayMTU) up",
                    "ip addr add \(locator(number))/24 dev \(underlayDevice)",
                    "ip -6 addr add \(locatorIPv6(number))/64 dev \(underlayDevice) nodad",
                ])
        }
    }

    /// Removes what this run, or one that was killed, has left: processes it started, namespaces, pins.
    static func removeAll() {
        RunningChildren.shared.killAll()
        let names = (try? Command.run(["ip", "netns", "list"], evenAtEnd: true))?.split(separator: "\n") ?? []
        for name in names.compactMap({ $0.split(separator: " ").first.map(String.init) })
        where name.hasPrefix(prefix) {
            // A run that was killed has left engines and peers in them.
            let inside = (try? Command.run(["ip", "netns", "pids", name], evenAtEnd: true)) ?? ""
            for pid in inside.split(separator: "\n").compactMap({ Int32($0) }) { ChildProcess.signal(SIGKILL, to: pid) }
            try? NetworkNamespace.delete(named: name)
        }
        if BPFFileSystem.isMounted(at: pins) { _ = try? Command.run(["umount", pins], evenAtEnd: true) }
    }

    /// Removes the benchmark's own directory, the last thing that a run does.
    static func removeDirectory() { try? FileManager.default.removeItem(atPath: directory) }
}
