import KernelPath
import LinuxKit
import NetTypes

/// The devices of ports on this host, and the MTU that they must have.
///
/// A port of kind `namespace` is a veth pair: this end is named after the identity, the other end is `eth0` in the
/// endpoint's network namespace with the endpoint's addresses. A port of kind `tap` is a TAP device with virtio
/// headers that a hypervisor opens by name.
struct PortDevices: Sendable {
    /// The largest inner packet (without Ethernet header) whose outer packet fits the underlay.
    let innerMTU: Int
    /// The MTU of the underlay device.
    let underlayMTU: Int

    /// Bytes that VXLAN adds to an inner packet: inner Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40
    /// (RFC 7348, section 5).
    static func overhead(of locator: IPAddress) -> Int {
        switch locator {
        case .v4: 14 + 8 + 8 + 20
        case .v6: 14 + 8 + 8 + 40
        }
    }

    /// The name of a port's device on the host: `pb` and the last 48 bits of the identity, 14 characters of the 15
    /// that Linux allows.
    static func name(of identity: Identity) -> String {
        let low = UInt64(truncatingIfNeeded: identity.address.value) & 0xffff_ffff_ffff
        let digits = String(low, radix: 16)
        return "pb" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// Makes a port's device, down, and returns its index. A device left over from a crash is replaced.
    func make(_ port: DesiredPort) throws -> UInt32 {
        let netlink = try Netlink()
        switch port.kind {
        case .namespace:
            let name = Self.name(of: port.identity)
            if let left = try netlink.link(named: name) { try netlink.delete(link: left.index) }
            let namespace = try NetworkNamespace(named: port.attachment)
            let mac = MACAddress(of: port.identity)
            let inside = try Netlink(in: namespace)
            if let left = try inside.link(named: "eth0") { try inside.delete(link: left.index) }
            try netlink.createVeth(
                name: name, mac: Self.hostMAC, mtu: UInt32(innerMTU), peerName: "eth0", peerMAC: mac,
                peerNamespace: namespace)
            // A veth drops without a word what is larger than the MTU of its other end. This end lets it through to
            // the kernel path, which tells the endpoint the right size.
            let index = try index(of: name, netlink)
            try netlink.setMTU(Self.largestMTU, of: index)
            return index
        case .tap:
            try TapDevice.create(name: port.attachment)
            let index = try index(of: port.attachment, netlink)
            // The host itself says nothing on an endpoint's link.
            try netlink.disableLinkLocal(of: index)
            try netlink.setMTU(UInt32(innerMTU), of: index)
            return index
        }
    }

    private func index(of name: String, _ netlink: Netlink) throws -> UInt32 {
        guard let link = try netlink.link(named: name) else {
            throw LeafError("The device \(name) vanished while it was made", remedy: "See who removes devices here.")
        }
        return link.index
    }

    /// How the kernel path is to treat a port's device.
    func configuration(of port: DesiredPort, index: UInt32) -> PortConfiguration {
        PortConfiguration(
            device: index, identity: port.identity, ipv4: port.ipv4, kind: port.kind == .tap ? .tap : .veth,
            mtu: UInt16(clamping: innerMTU), isBorder: !port.networks.isEmpty)
    }

    /// Brings the device of an opened port up and gives the endpoint its addresses.
    ///
    /// Only called once the kernel path guards the device, so nothing passes before.
    func enable(_ port: DesiredPort, index: UInt32) throws {
        try Netlink().setUp(index)
        guard port.kind == .namespace else { return }
        let inside = try Netlink(in: try NetworkNamespace(named: port.attachment))
        let device = try self.index(of: "eth0", inside)
        try inside.setUp(device)
        try inside.addAddress(.v6(port.identity.address), prefixLength: 128, to: device)
        try inside.addRoute(
            to: .v6(port.identity.platform.address), prefixLength: UInt8(port.identity.platform.length), device: device)
        try inside.addAddress(.v4(port.ipv4), prefixLength: UInt8(port.ipv4PrefixLength), to: device)
    }

    /// Removes a port's device; one that is gone already is fine.
    func remove(_ port: DesiredPort) throws {
        let netlink = try Netlink()
        if let link = try netlink.link(named: Self.name(of: port)) { try netlink.delete(link: link.index) }
    }

    /// Whether a port's device is there with the same index as before.
    func isPresent(_ port: DesiredPort, index: UInt32) -> Bool {
        (try? Netlink().link(named: Self.name(of: port)))?.index == index
    }

    /// The name of a port's device on the host.
    static func name(of port: DesiredPort) -> String {
        port.kind == .tap ? port.attachment : name(of: port.identity)
    }

    /// The largest MTU of a veth.
    private static let largestMTU: UInt32 = 65_535

    /// The host's end of each veth pair; nothing is ever addressed to it.
    static let hostMAC = MACAddress(0x02_50_42_00_00_02)
}
