internal import CLinux
internal import Glibc
public import NetTypes

/// An address that a device has.
public struct LinkAddress: Hashable, Sendable {
    /// The device's index.
    public let link: UInt32
    /// The address.
    public let address: IPAddress
    /// The length of the prefix that is on the link with it.
    public let prefixLength: UInt8
}

extension Netlink {
    /// Gives a device an address; one that it has already is fine.
    ///
    /// An IPv6 address can do without duplicate address detection (RFC 4862, section 5.4), and is then usable at once.
    public func addAddress(
        _ address: IPAddress, prefixLength: UInt8, to link: UInt32, noDAD: Bool = true
    ) throws(SystemCallError) {
        var message = NetlinkMessage(
            type: RTM_NEWADDR, flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
        message.appendAddress(address, prefixLength, link, flags: noDAD && address.isIPv6 ? IFA_F_NODAD : 0)
        try command(message, "RTM_NEWADDR", "address \(address)/\(prefixLength) of device \(link)")
    }

    /// Takes an address from a device.
    public func removeAddress(
        _ address: IPAddress, prefixLength: UInt8, from link: UInt32
    ) throws(SystemCallError) {
        var message = NetlinkMessage(type: RTM_DELADDR, flags: NLM_F_REQUEST | NLM_F_ACK)
        message.appendAddress(address, prefixLength, link, flags: 0)
        try command(message, "RTM_DELADDR", "address \(address)/\(prefixLength) of device \(link)")
    }

    /// The addresses of the namespace's devices, or of one device.
    public func addresses(of link: UInt32? = nil) throws(SystemCallError) -> [LinkAddress] {
        var message = NetlinkMessage(type: RTM_GETADDR, flags: NLM_F_REQUEST | NLM_F_DUMP)
        message.append(UInt32(0))
        message.append(UInt32(0))
        let all = try request(message, "RTM_GETADDR", "addresses").compactMap { LinkAddress($0.body) }
        return link.map { index in all.filter { $0.link == index } } ?? all
    }

    /// Adds or replaces a route: a prefix by its address and length, through a router, a device, or both.
    public func addRoute(
        to destination: IPAddress, prefixLength: UInt8, via router: IPAddress? = nil, device: UInt32? = nil,
        mtu: UInt32? = nil
    ) throws(SystemCallError) {
        var message = NetlinkMessage(
            type: RTM_NEWROUTE, flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
        let scope = router == nil && !destination.isIPv6 ? RT_SCOPE_LINK.rawValue : RT_SCOPE_UNIVERSE.rawValue
        // struct rtmsg: family, destination and source length, tos, table, protocol, scope, type, flags
        for byte in [
            destination.family, prefixLength, 0, 0, UInt8(RT_TABLE_MAIN.rawValue), UInt8(RTPROT_STATIC), UInt8(scope),
            UInt8(RTN_UNICAST),
        ] { message.append(byte) }
        message.append(UInt32(0))
        if prefixLength > 0 { message.attribute(Int(RTA_DST.rawValue), destination.octets) }
        if let router { message.attribute(Int(RTA_GATEWAY.rawValue), router.octets) }
        if let device { message.attribute(Int(RTA_OIF.rawValue), u32: device) }
        if let mtu {
            message.nested(Int(RTA_METRICS.rawValue)) { $0.attribute(Int(RTAX_MTU), u32: mtu) }
        }
        try command(message, "RTM_NEWROUTE", "route to \(destination)/\(prefixLength)")
    }
}

extension NetlinkMessage {
    /// `struct ifaddrmsg` and the address.
    fileprivate mutating func appendAddress(_ address: IPAddress, _ length: UInt8, _ link: UInt32, flags: Int32) {
        append(address.family)
        append(length)
        append(UInt8(flags))
        append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
        append(link)
        attribute(Int(IFA_LOCAL), address.octets)
        attribute(Int(IFA_ADDRESS), address.octets)
    }
}

extension LinkAddress {
    fileprivate init?(_ body: ArraySlice<UInt8>) {
        guard body.count >= 8 else { return nil }
        prefixLength = body[body.startIndex + 1]
        link = body.number(at: 4, UInt32.self)
        let attributes = NetlinkAttributes(body.dropFirst(8))
        let octets = attributes.bytes(Int(IFA_LOCAL)) ?? attributes.bytes(Int(IFA_ADDRESS))
        guard let address = octets.flatMap({ IPAddress(octets: $0) }) else { return nil }
        self.address = address
    }
}

extension IPAddress {
    var isIPv6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }

    fileprivate var family: UInt8 { UInt8(isIPv6 ? AF_INET6 : AF_INET) }
}
