import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Synchronization
import Testing

/// Sizes of packets: every one that an endpoint may send arrives, and super-packets stay whole.
extension KernelPathTests {
    @Test("every size up to the MTU passes, and none above", arguments: [false, true])
    func sizes(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let largest = Int(e1.mtu) - 40 - 8
        for size in [0, 1, 17, 18, 19, 500, 1000, 1279, 1280, 1281] + (largest - 6...largest) {
            #expect(try ping(e1, "\(e2.identity)", size: size), "IPv6, \(size)")
        }
        for size in [0, 1, 1400, largest + 19, largest + 20] {
            #expect(try ping(e1, "\(e2.ipv4)", size: size), "IPv4, \(size)")
        }
        let netlink = try Netlink(in: e1.namespace)
        try netlink.setMTU(9000, of: try #require(try netlink.link(named: "eth0")).index)
        try hosts.a.netlink.setMTU(9000, of: e1.device)
        #expect(try !ping(e1, "\(e2.identity)", size: largest + 1))
        #expect(try hosts.a.drops(e1, .tooBig) == 1)
    }

    @Test("TCP crosses the underlay in super-packets, also inside the endpoint's own tunnel", arguments: [false, true])
    func whole(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let underlay = try #require(try hosts.b.netlink.link(named: "under")).index
        let before = try received(hosts.b, underlay)
        try transfer(e1, e2, "\(e2.identity)")
        let after = try received(hosts.b, underlay)
        let wire = try #require(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label))
        let mean = (after.bytes - before.bytes) / max(1, after.packets - before.packets)
        #expect(mean > 10_000, "a frame on the underlay has \(mean) bytes")
        #expect(wire.packets > 8 * (after.packets - before.packets), "segments are counted one by one")
        let sent = try #require(hosts.a.path.sendCounters(port: e1.device, destination: e2.identity.address))
        #expect(sent.bytes == wire.bytes)

        for (end, other) in [(e1, e2), (e2, e1)] {
            try run(
                "ip", "-n", end.name, "link", "add", "own", "mtu", "1340", "type", "vxlan", "id", "5", "dstport",
                "4789", "remote", "\(other.identity)", "local", "\(end.identity)", "dev", "eth0")
            try run("ip", "-n", end.name, "addr", "add", "172.16.0.\(end.ipv4.octets[3])/24", "dev", "own")
            try run("ip", "-n", end.name, "link", "set", "own", "up")
        }
        try transfer(e1, e2, "172.16.0.2")
        #expect(hosts.a.count(.encapsulation) == 0)
    }

    @Test("a TAP port gets super-packets whole, and sends them", arguments: [false, true])
    func tap(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        let e1 = hosts.e1
        // A guest without a hypervisor: frames go from the port's TAP to a TAP in a namespace, and back.
        let namespace = try NetworkNamespace.create(named: "\(TwoHosts.prefix)-g")
        let identity = try TwoHosts.identity(4)
        let inside = try TapDevice(name: "guest0", in: namespace)
        let outside = try TapDevice(name: "p-tap", in: hosts.b.namespace)
        let netlink = try Netlink(in: namespace)
        let link = try #require(try netlink.link(named: "guest0")).index
        try netlink.setMAC(MACAddress(of: identity), of: link)
        try netlink.setMTU(UInt32(e1.mtu), of: link)
        let device = try #require(try hosts.b.netlink.link(named: "p-tap")).index
        try hosts.b.netlink.setMTU(UInt32(e1.mtu), of: device)
        let guest = TwoHosts.Endpoint(
            name: "\(TwoHosts.prefix)-g", namespace: namespace, host: hosts.b, device: device, identity: identity,
            ipv4: IPv4Address(10, 0, 0, 4), mtu: e1.mtu, kind: .tap)
        try hosts.b.path.openPort(guest.port)
        try TwoHosts.configure(guest, device: "guest0")
        let relay = Relay(outside, inside)
        defer { relay.stop() }

        #expect(try !ping(e1, "\(identity)"))
        try hosts.plug(e1, to: guest)
        try hosts.plug(guest, to: e1)
        #expect(try ping(e1, "\(identity)", count: 2))
        #expect(try ping(e1, "\(guest.ipv4)", count: 2))
        #expect(try ping(guest, "\(e1.identity)"))
        try transfer(e1, guest, "\(identity)")
        #expect(relay.largest(.toGuest) > 30_000)
        #expect(relay.mean(.toGuest) > 5_000, "frames at the descriptor have \(relay.mean(.toGuest)) bytes")
        relay.reset()
        try transfer(guest, e1, "\(e1.identity)")
        #expect(relay.largest(.fromGuest) > 30_000)
        // And on the same host, from TAP to veth and back.
        try hosts.plug(guest, to: hosts.e2)
        try hosts.plug(hosts.e2, to: guest)
        #expect(try ping(hosts.e2, "\(identity)"))
        relay.reset()
        try transfer(hosts.e2, guest, "\(guest.ipv4)")
        #expect(relay.largest(.toGuest) > 30_000)
    }

    /// A short TCP transfer; iperf3's client fails when it does not get through.
    private func transfer(_ from: TwoHosts.Endpoint, _ to: TwoHosts.Endpoint, _ address: String) throws {
        let server = try start(["ip", "netns", "exec", to.name, "iperf3", "-s", "-1"])
        defer { server.stop() }
        for _ in 0..<50 {
            Thread.sleep(forTimeInterval: 0.02)
            if try run("ip", "netns", "exec", to.name, "ss", "-Hltn", "sport", "=", "5201").contains("5201") { break }
        }
        try run("ip", "netns", "exec", from.name, "timeout", "5", "iperf3", "-c", address, "-n", "60M")
    }

    private func received(_ host: TwoHosts.Host, _ device: UInt32) throws -> (packets: UInt64, bytes: UInt64) {
        let text = try run("ip", "-n", "\(TwoHosts.prefix)-\(host.name)", "-s", "-j", "link", "show", "under")
        let links = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
        let stats = (links?.first?["stats64"] as? [String: Any])?["rx"] as? [String: Any]
        let packets = try #require((stats?["packets"] as? NSNumber)?.uint64Value)
        return (packets, try #require((stats?["bytes"] as? NSNumber)?.uint64Value))
    }
}

/// Carries frames, headers included, between two TAP devices on two threads, and remembers their sizes.
private final class Relay: Sendable {
    enum Direction: Int { case toGuest, fromGuest }

    private let isStopping = Atomic(false)
    private let sizes = Mutex<[[Int]]>([[], []])

    init(_ outside: TapDevice, _ inside: TapDevice) {
        for (direction, from, to) in [(Direction.toGuest, outside, inside), (.fromGuest, inside, outside)] {
            Thread.detachNewThread { [self] in
                while !isStopping.load(ordering: .relaxed) {
                    guard let frame = try? from.read(milliseconds: 50) else { continue }
                    sizes.withLock { $0[direction.rawValue].append(frame.count) }
                    try? to.write(frame)
                }
            }
        }
    }

    func stop() { isStopping.store(true, ordering: .relaxed) }
    func reset() { sizes.withLock { $0 = [[], []] } }
    func largest(_ direction: Direction) -> Int { sizes.withLock { $0[direction.rawValue].max() ?? 0 } }

    /// The mean of the frames that carry data.
    func mean(_ direction: Direction) -> Int {
        sizes.withLock { all in
            let data = all[direction.rawValue].filter { $0 > 200 }
            return data.isEmpty ? 0 : data.reduce(0, +) / data.count
        }
    }
}
