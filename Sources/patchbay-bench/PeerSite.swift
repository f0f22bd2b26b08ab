import Foundation
import LinuxKit
import NetTypes

/// Where a peer is set up.
struct PeerSite {
    let peer: Peer
    let hosts: [String]
    let identities: [Identity]
    let isPinned: Bool
    /// For its keys and configurations; only root can read it.
    let directory: String

    /// The name of a host's device; other than the other host's, since some name sockets by it.
    func device(_ host: Int) -> String {
        // The plugin of strongSwan knows no other.
        peer == .strongSwan ? "ipsec0" : "pbb-\(isPinned ? "pinned" : "peer")\(host + 1)"
    }

    /// The address of a host on the underlay, from 0.
    func locator(_ host: Int) -> String { "\(Platform.locator(UInt32(host + 1)))" }

    /// The path of a file of the site.
    func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// Checks that its programs are there, and makes an empty directory.
    func prepare() throws {
        for program in peer.program.programs where (try? Command.script(["command -v \(program)"])) == nil {
            throw BenchError("\(program) is missing; scripts/prepare.sh bench installs it")
        }
        try? FileManager.default.removeItem(atPath: directory)
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func start() throws -> [Running] { try peer.program.start(self) }

    /// Writes a file of the site.
    func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data((text + "\n").utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    }

    /// Starts a program at a host, pinned if the site is.
    func run(_ host: Int, _ arguments: [String], environment: [String] = []) throws -> Running {
        try Running(
            Command.inside(hosts[host]) + (isPinned ? ["taskset", "-c", "\(host)"] : []) + ["env"] + environment
                + arguments)
    }

    /// Waits for a host's device and brings it up.
    func bringUp(_ host: Int, of process: Running) throws {
        let netlink = try Netlink(in: try NetworkNamespace(named: hosts[host]))
        let end = Date().addingTimeInterval(10)
        while try netlink.link(named: device(host)) == nil {
            guard try !process.hasEnded(), Date() < end else { throw try process.failure("made no device") }
            Thread.sleep(forTimeInterval: 0.02)
        }
        try Command.script(
            in: hosts[host], ["ip link set \(device(host)) mtu \(Platform.endpointMTU) addrgenmode none up"])
    }
}
