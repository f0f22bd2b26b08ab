import Foundation
import KernelPath
import LinuxKit
import NetTypes

/// A thousand senders on one host and a thousand receivers on another, so that up to a million wires can be plugged
/// and used: a wire is an ordered pair of endpoints.
///
///     pbb-many-X-s                pbb-many-X-h1               pbb-many-X-h2               pbb-many-X-r
///      s0 … s999 ─ veths ── p0 … p999   u0 ═ underlay ═ u0   p0 … p999 ── veths ─ r0 … r999
///
/// Wire n (from 0) leads from sender n % 1000 to receiver (n % 1000 + n / 1000) % 1000.
final class ManyPath {
    static let ports = 1000

    private let senders: String
    private let receivers: String
    private let hosts: [String]
    private var dataPaths: [DataPath] = []
    private var ports: [[UInt32]] = []
    private var firstSender: UInt32 = 0
    private var plugged = 0
    private var maps: Set<UInt64> = []
    private var emptyBytes = 0.0

    private static let senderLow: UInt64 = 0x1_0000
    private static let receiverLow: UInt64 = 0x2_0000

    /// With `isRouted` there are no wires: the hosts route, as the base line of the same packets.
    init(isRouted: Bool) throws {
        let base = "\(Platform.prefix)many-\(isRouted ? "routed" : "wires")-"
        (senders, receivers) = (base + "s", base + "r")
        hosts = [base + "h1", base + "h2"]
        for host in hosts { _ = try Platform.makeHost(host) }
        try Platform.joinHosts(hosts[0], hosts[1])
        for name in [senders, receivers] {
            try NetworkNamespace.create(named: name)
            try Command.script(
                in: name,
                ["sysctl -qw net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.router_solicitations=0"])
        }
        ports = [
            try attach(senders, low: Self.senderLow, to: hosts[0], name: "s"),
            try attach(receivers, low: Self.receiverLow, to: hosts[1], name: "r"),
        ]
        let devices = try Netlink(in: try NetworkNamespace(named: senders)).links()
        let indices = Dictionary(uniqueKeysWithValues: devices.map { ($0.name, $0.index) })
        guard let first = indices["s0"], (0..<Self.ports).allSatisfy({ indices["s\($0)"] == first + UInt32($0) }) else {
            throw BenchError("the senders' devices are not numbered in order")
        }
        firstSender = first
        if isRouted { try route() } else { try openPorts() }
        // The first packets find the neighbours on the underlay.
        try set(wires: 1)
        _ = try? spray(pairs: 1, seconds: 0.2)
    }

    func close() {
        for path in dataPaths { path.close() }
    }

    // MARK: Measuring

    /// Packets of 64 bytes, each over one of the first `pairs` wires, drawn anew.
    func spray(pairs: Int, seconds: Double) throws -> [Reading] {
        let sources = min(pairs, Self.ports)
        return try UDPSearch.once(
            [
                senders, "load", "spray", "--core", "0", "--from", "\(try Platform.identity(Self.senderLow))",
                "--to", "\(try Platform.identity(Self.receiverLow))", "--sources", "\(sources)",
                "--destinations", "\(Self.ports)", "--fanout", "\(max(1, pairs / Self.ports))", "--first-device",
                "\(firstSender)", "--gateway", "\(Platform.gateway)", "--milliseconds", "\(Int(seconds * 1000))",
            ], receiver: receivers, seconds: seconds
        ).readings
    }

    /// Bytes that the kernel charges for the maps of both hosts, more than when they were empty, for each wire.
    func memoryPerWire() throws -> Double { (try Self.memory(of: maps) - emptyBytes) / Double(max(1, plugged)) }

    /// Plugs or unplugs until there are so many wires; returns nanoseconds for each that was plugged, if many were.
    @discardableResult
    func set(wires count: Int) throws -> Double? {
        guard !dataPaths.isEmpty else { return nil }
        let start = DispatchTime.now().uptimeNanoseconds
        let before = plugged
        for first in stride(from: plugged, to: count, by: 4096) {
            try plug(first..<min(first + 4096, count))
        }
        let time = Double(DispatchTime.now().uptimeNanoseconds - start)
        if count < plugged { try unplug(count..<plugged) }
        plugged = count
        return count - before >= 10_000 ? time / Double(count - before) : nil
    }

    // MARK: Wires

    private func ends(of wire: Int) -> (from: Int, to: Int) {
        (wire % Self.ports, (wire % Self.ports + wire / Self.ports) % Self.ports)
    }

    private func label(of wire: Int) throws -> Label {
        guard let label = Label(UInt32(wire + 1)) else { throw BenchError("wire \(wire) has no label") }
        return label
    }

    private func plug(_ wires: Range<Int>) throws {
        let (sender, receiver) = (Platform.locator(1), Platform.locator(2))
        try dataPaths[1].plugReceive(
            wires.map { wire in
                let (from, to) = ends(of: wire)
                return ReceiveWire(
                    locator: .v4(sender), label: try label(of: wire), port: ports[1][to],
                    source: try Platform.identity(Self.senderLow + UInt64(from)).address, sourceIPv4: nil)
            })
        try dataPaths[0].plugSend(
            wires.map { wire in
                let (from, to) = ends(of: wire)
                return SendWire(
                    port: ports[0][from], destination: try Platform.identity(Self.receiverLow + UInt64(to)).address,
                    target: .remote(locator: .v4(receiver), label: try label(of: wire)))
            })
    }

    private func unplug(_ wires: Range<Int>) throws {
        for wire in wires {
            let (from, to) = ends(of: wire)
            _ = dataPaths[0].unplugSend(
                port: ports[0][from], destination: try Platform.identity(Self.receiverLow + UInt64(to)).address)
            _ = dataPaths[1].unplugReceive(locator: .v4(Platform.locator(1)), label: try label(of: wire))
        }
    }

    // MARK: Making it

    private func attach(_ endpoints: String, low: UInt64, to host: String, name: String) throws -> [UInt32] {
        let inside = try NetworkNamespace(named: endpoints)
        let outside = try Netlink(in: try NetworkNamespace(named: host))
        for index in 0..<Self.ports {
            try outside.createVeth(
                name: "p\(index)", mac: Platform.gateway, mtu: Platform.endpointMTU, peerName: "\(name)\(index)",
                peerMAC: MACAddress(of: try Platform.identity(low + UInt64(index))), peerNamespace: inside)
        }
        let netlink = try Netlink(in: inside)
        for link in try netlink.links() where link.name != "lo" {
            try netlink.setUp(link.index)
            guard name == "r", let number = UInt64(link.name.dropFirst()) else { continue }
            try netlink.addAddress(
                .v6(try Platform.identity(low + number).address), prefixLength: 128, to: link.index)
        }
        var devices = [UInt32](repeating: 0, count: Self.ports)
        for link in try outside.links() where link.name.hasPrefix("p") {
            guard let number = Int(link.name.dropFirst()), number < devices.count else { continue }
            devices[number] = link.index
            try outside.setUp(link.index)
        }
        return devices
    }

    private func openPorts() throws {
        try BPFFileSystem.ensureMounted(at: Platform.pins)
        let before = try Self.ownMaps()
        for (index, host) in hosts.enumerated() {
            let path = try DataPath(
                configuration: DataPathConfiguration(
                    pinDirectory: "\(Platform.pins)/many-\(index + 1)", underlayDevice: Platform.underlayDevice,
                    locators: [.v4(Platform.locator(UInt32(index + 1)))],
                    namespace: try NetworkNamespace(named: host)))
            dataPaths.append(path)
            let low = index == 0 ? Self.senderLow : Self.receiverLow
            for (number, device) in ports[index].enumerated() {
                try path.openPort(
                    PortConfiguration(
                        device: device, identity: try Platform.identity(low + UInt64(number)), ipv4: nil, kind: .veth,
                        mtu: UInt16(Platform.endpointMTU)))
            }
        }
        maps = try Self.ownMaps().subtracting(before)
        emptyBytes = try Self.memory(of: maps)
    }

    private func route() throws {
        let prefix = "\(try Platform.identity(Self.receiverLow))/112"
        try Command.script(
            in: hosts[0],
            ["ip -6 route add \(prefix) via \(Platform.locatorIPv6(2)) dev \(Platform.underlayDevice)"])
        var lines = ""
        for index in 0..<Self.ports {
            let identity = try Platform.identity(Self.receiverLow + UInt64(index))
            lines += "neigh replace \(identity) lladdr \(MACAddress(of: identity)) dev p\(index) nud permanent\n"
            lines += "route add \(identity)/128 dev p\(index)\n"
        }
        let file = "\(Platform.directory)/routes"
        try Data(lines.utf8).write(to: URL(fileURLWithPath: file))
        try Command.run(Command.inside(hosts[1]) + ["ip", "-6", "-batch", file])
    }

    // MARK: Memory

    private static func mapInfos() -> [(id: UInt64, bytes: Double)] {
        let directory = "/proc/self/fdinfo"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.compactMap { name in
            guard let text = try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8) else { return nil }
            var fields: [Substring: Substring] = [:]
            for line in text.split(separator: "\n") {
                let parts = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
                if parts.count >= 2 { fields[parts[0]] = parts[1] }
            }
            guard let id = fields["map_id:"].flatMap({ UInt64($0) }),
                let bytes = fields["memlock:"].flatMap({ Double($0) })
            else { return nil }
            return (id, bytes)
        }
    }

    private static func ownMaps() throws -> Set<UInt64> { Set(mapInfos().map(\.id)) }

    private static func memory(of maps: Set<UInt64>) throws -> Double {
        let infos = mapInfos().filter { maps.contains($0.id) }
        guard !infos.isEmpty else { throw BenchError("/proc/self/fdinfo names no map") }
        return Dictionary(infos.map { ($0.id, $0.bytes) }) { first, _ in first }.values.reduce(0, +)
    }
}
