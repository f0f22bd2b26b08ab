internal import CLinux
internal import Glibc
public import NetTypes

private let acknowledged = NLM_F_REQUEST | NLM_F_ACK
private let creating = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL

extension Netlink {
    /// The device of a name; nil when there is none.
    public func link(named name: String) throws(SystemCallError) -> Link? {
        var message = NetlinkMessage(type: RTM_GETLINK, flags: acknowledged)
        message.appendLinkHeader()
        message.attribute(IFLA_IFNAME, text: name)
        return try existing(message, "device \(name)")
    }

    /// The device of an index; nil when there is none.
    public func link(index: UInt32) throws(SystemCallError) -> Link? {
        var message = NetlinkMessage(type: RTM_GETLINK, flags: acknowledged)
        message.appendLinkHeader(index: index)
        return try existing(message, "device \(index)")
    }

    /// All devices of the namespace.
    public func links() throws(SystemCallError) -> [Link] {
        var message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_REQUEST | NLM_F_DUMP)
        message.appendLinkHeader()
        return try request(message, "RTM_GETLINK", "all devices").compactMap { Link($0.body) }
    }

    private func existing(_ message: NetlinkMessage, _ context: String) throws(SystemCallError) -> Link? {
        do throws(SystemCallError) {
            return try request(message, "RTM_GETLINK", context).first.flatMap { Link($0.body) }
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Creates a veth pair, both ends down: one end here, the peer in the given namespace or here as well.
    ///
    /// The end here never makes itself an IPv6 link-local address, so that the host says nothing on it by itself.
    public func createVeth(
        name: String, mac: MACAddress? = nil, mtu: UInt32, peerName: String, peerMAC: MACAddress? = nil,
        peerNamespace: NetworkNamespace? = nil
    ) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_NEWLINK, flags: creating)
        message.appendLinkHeader()
        message.attribute(IFLA_IFNAME, text: name)
        message.attribute(IFLA_MTU, u32: mtu)
        if let mac { message.attribute(IFLA_ADDRESS, mac.octets) }
        message.nested(IFLA_LINKINFO) { info in
            info.attribute(IFLA_INFO_KIND, text: "veth")
            info.nested(IFLA_INFO_DATA) { data in
                data.nested(Int(VETH_INFO_PEER)) { peer in
                    peer.appendLinkHeader()
                    peer.attribute(IFLA_IFNAME, text: peerName)
                    peer.attribute(IFLA_MTU, u32: mtu)
                    if let peerMAC { peer.attribute(IFLA_ADDRESS, peerMAC.octets) }
                    if let peerNamespace {
                        peer.attribute(IFLA_NET_NS_FD, u32: UInt32(peerNamespace.number))
                    }
                }
            }
        }
        try command(message, "RTM_NEWLINK", "veth pair \(name) and \(peerName)")
        try silence(name)
    }

    /// Creates the host's one VXLAN device (RFC 7348) that takes its labels and addresses from each packet.
    ///
    /// It learns nothing, sends no UDP checksums, takes IPv6 datagrams without one, and has no address of its own.
    public func createVXLAN(name: String, port: UInt16, mtu: UInt32? = nil) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_NEWLINK, flags: creating)
        message.appendLinkHeader()
        message.attribute(IFLA_IFNAME, text: name)
        if let mtu { message.attribute(IFLA_MTU, u32: mtu) }
        message.nested(IFLA_LINKINFO) { info in
            info.attribute(IFLA_INFO_KIND, text: "vxlan")
            info.nested(IFLA_INFO_DATA) { data in
                data.attribute(IFLA_VXLAN_COLLECT_METADATA, u8: 1)
                data.attribute(IFLA_VXLAN_LEARNING, u8: 0)
                data.attribute(IFLA_VXLAN_PORT, [UInt8(port >> 8), UInt8(port & 0xff)])
                data.attribute(IFLA_VXLAN_UDP_CSUM, u8: 0)
                data.attribute(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, u8: 1)
                data.attribute(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, u8: 1)
            }
        }
        try command(message, "RTM_NEWLINK", "VXLAN device \(name) on UDP port \(port)")
        try silence(name)
    }

    /// Creates a bridge, down.
    public func createBridge(name: String) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_NEWLINK, flags: creating)
        message.appendLinkHeader()
        message.attribute(IFLA_IFNAME, text: name)
        message.nested(IFLA_LINKINFO) { $0.attribute(IFLA_INFO_KIND, text: "bridge") }
        try command(message, "RTM_NEWLINK", "bridge \(name)")
        try silence(name)
    }

    /// The kernel takes the mode only from a device that exists, and while it is down nothing is said on it.
    private func silence(_ name: String) throws(SystemCallError) {
        if let link = try link(named: name) { try disableLinkLocal(of: link.index) }
    }

    /// Makes a device a member of a bridge; nil takes it out of one.
    public func setMaster(_ bridge: UInt32?, of link: UInt32) throws(SystemCallError) {
        try change(link, "bridge of device \(link)") { $0.attribute(IFLA_MASTER, u32: bridge ?? 0) }
    }

    /// Deletes a device; one that is gone already is fine. The other end of a veth pair goes with it.
    public func delete(link: UInt32) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_DELLINK, flags: acknowledged)
        message.appendLinkHeader(index: link)
        do throws(SystemCallError) {
            try command(message, "RTM_DELLINK", "device \(link)")
        } catch {
            guard error.isMissing else { throw error }
        }
    }

    /// Deletes the device of a name; one that is gone already is fine.
    public func delete(named name: String) throws(SystemCallError) {
        if let link = try link(named: name) { try delete(link: link.index) }
    }

    /// Sets the largest packet that a device sends, in bytes without the Ethernet header.
    public func setMTU(_ mtu: UInt32, of link: UInt32) throws(SystemCallError) {
        try change(link, "MTU \(mtu) of device \(link)") { $0.attribute(IFLA_MTU, u32: mtu) }
    }

    /// Sets a device's Ethernet address.
    public func setMAC(_ mac: MACAddress, of link: UInt32) throws(SystemCallError) {
        try change(link, "Ethernet address \(mac) of device \(link)") { $0.attribute(IFLA_ADDRESS, mac.octets) }
    }

    /// Keeps a device from making itself an IPv6 link-local address when it goes up.
    public func disableLinkLocal(of link: UInt32) throws(SystemCallError) {
        try change(link, "address generation of device \(link)") { $0.withoutLinkLocal() }
    }

    /// Renames a device, which has to be down.
    public func rename(_ link: UInt32, to name: String) throws(SystemCallError) {
        try change(link, "name \(name) of device \(link)") { $0.attribute(IFLA_IFNAME, text: name) }
    }

    /// Brings a device up.
    public func setUp(_ link: UInt32) throws(SystemCallError) { try setFlag(link, up: true) }

    /// Takes a device down.
    public func setDown(_ link: UInt32) throws(SystemCallError) { try setFlag(link, up: false) }

    /// Moves a device to another namespace, where it is down and without addresses.
    public func move(link: UInt32, to namespace: NetworkNamespace) throws(SystemCallError) {
        try change(link, "move of device \(link) to \(namespace.path)") {
            $0.attribute(IFLA_NET_NS_FD, u32: UInt32(namespace.number))
        }
    }

    private func setFlag(_ link: UInt32, up: Bool) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_NEWLINK, flags: acknowledged)
        message.appendLinkHeader(index: link, flags: up ? UInt32(IFF_UP) : 0, change: UInt32(IFF_UP))
        try command(message, "RTM_NEWLINK", "device \(link) \(up ? "up" : "down")")
    }

    private func change(
        _ link: UInt32, _ context: String, _ body: (inout NetlinkMessage) -> Void
    ) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_NEWLINK, flags: acknowledged)
        message.appendLinkHeader(index: link)
        body(&message)
        try command(message, "RTM_NEWLINK", context)
    }
}

extension NetlinkMessage {
    /// IFLA_AF_SPEC / AF_INET6 / IFLA_INET6_ADDR_GEN_MODE = none
    fileprivate mutating func withoutLinkLocal() {
        nested(IFLA_AF_SPEC) { families in
            families.nested(Int(AF_INET6)) { $0.attribute(IFLA_INET6_ADDR_GEN_MODE, u8: 1) }
        }
    }
}

extension Link {
    /// Reads `struct ifinfomsg` and its attributes.
    fileprivate init?(_ body: ArraySlice<UInt8>) {
        guard body.count >= 16 else { return nil }
        index = body.number(at: 4, UInt32.self)
        isUp = body.number(at: 8, UInt32.self) & UInt32(IFF_UP) != 0
        let attributes = NetlinkAttributes(body.dropFirst(16))
        guard let name = attributes.text(IFLA_IFNAME) else { return nil }
        self.name = name
        mac = attributes.bytes(IFLA_ADDRESS).flatMap { MACAddress(octets: $0) }
        mtu = attributes.u32(IFLA_MTU) ?? 0
        kind = attributes.nested(IFLA_LINKINFO)?.text(IFLA_INFO_KIND) ?? ""
        peerIsElsewhere = attributes.bytes(IFLA_LINK_NETNSID) != nil
    }
}
