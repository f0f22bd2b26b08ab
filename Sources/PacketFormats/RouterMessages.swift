public import NetTypes

/// A router solicitation (RFC 4861, section 4.1): "is there a router, and what is the link like?"
///
/// type 133, code, checksum (4), reserved (4), options
public struct RouterSolicitation: ICMPv6Message {
    public static let type = ICMPv6Type.routerSolicitation
    private static let fixedByteCount = 8

    /// The options, as a rule the Ethernet address of who asks.
    public var options: [NeighborDiscoveryOption]

    public var byteCount: Int { Self.fixedByteCount + options.reduce(0) { $0 + $1.byteCount } }

    /// Makes a message.
    public init(options: [NeighborDiscoveryOption] = []) { self.options = options }

    /// Reads a message and checks it as RFC 4861, section 6.1.1 demands.
    public init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError) {
        try Self.checkDiscovery(bytes, in: header, needing: Self.fixedByteCount)
        options = try NeighborDiscoveryOption.parse(bytes, from: Self.fixedByteCount)
        let namesItself = options.contains { if case .sourceLinkLayer = $0 { true } else { false } }
        guard header.source.value != 0 || !namesItself else { throw .badField(.neighborDiscovery, "source option") }
    }

    public func emitBody(into output: inout OutputSpan<UInt8>) {
        output.append(0 as UInt32)
        for option in options { option.emit(into: &output) }
    }
}

/// A router advertisement (RFC 4861, section 4.2): what the link is like.
///
/// type 134, code, checksum (4), hop limit (1), flags M, O and reserved (1), router lifetime (2), reachable time (4),
/// retransmission timer (4), options
public struct RouterAdvertisement: ICMPv6Message {
    public static let type = ICMPv6Type.routerAdvertisement
    private static let fixedByteCount = 16

    /// The hop limit that hosts are to use; 0: no opinion.
    public var hopLimit: UInt8
    /// Flag M: addresses come by DHCPv6.
    public var isManaged: Bool
    /// Flag O: other settings come by DHCPv6.
    public var hasOtherSettings: Bool
    /// For how many seconds the sender is a default router; 0: it is none.
    public var routerLifetime: UInt16
    /// For how many milliseconds a neighbor counts as reachable; 0: no opinion.
    public var reachableTime: UInt32
    /// Milliseconds between solicitations; 0: no opinion.
    public var retransmissionTimer: UInt32
    /// The options: MTU, prefixes and others.
    public var options: [NeighborDiscoveryOption]

    public var byteCount: Int { Self.fixedByteCount + options.reduce(0) { $0 + $1.byteCount } }

    /// Makes what a leaf tells its endpoints: the MTU and the platform's prefix, and no default router.
    ///
    /// - Parameters:
    ///   - mtu: The largest packet that every wire takes, in bytes.
    ///   - prefix: The prefix of all identities.
    ///   - onLink: Whether endpoints ask for one another by neighbor solicitation.
    ///   - autonomous: Whether endpoints may make addresses of the prefix; the source check would drop them.
    public init(mtu: Int, prefix: IPv6Prefix, onLink: Bool = true, autonomous: Bool = false) {
        hopLimit = 64
        isManaged = false
        hasOtherSettings = false
        routerLifetime = 0
        reachableTime = 0
        retransmissionTimer = 0
        options = [
            .mtu(UInt32(clamping: mtu)),
            .prefix(
                PrefixInformation(
                    prefix: prefix, onLink: onLink, autonomous: autonomous, validLifetime: .max,
                    preferredLifetime: .max)),
        ]
    }

    /// Reads a message and checks it as RFC 4861, section 6.1.2 demands.
    public init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError) {
        try Self.checkDiscovery(bytes, in: header, needing: Self.fixedByteCount)
        guard header.source.isLinkLocal else { throw .badField(.neighborDiscovery, "source") }
        hopLimit = bytes[4]
        isManaged = bytes[5] & 0x80 != 0
        hasOtherSettings = bytes[5] & 0x40 != 0
        routerLifetime = bytes.uint16(6)
        reachableTime = bytes.uint32(8)
        retransmissionTimer = bytes.uint32(12)
        options = try NeighborDiscoveryOption.parse(bytes, from: Self.fixedByteCount)
    }

    public func emitBody(into output: inout OutputSpan<UInt8>) {
        output.append(hopLimit)
        output.append((isManaged ? 0x80 : 0) | (hasOtherSettings ? 0x40 : 0) as UInt8)
        output.append(routerLifetime)
        output.append(reachableTime)
        output.append(retransmissionTimer)
        for option in options { option.emit(into: &output) }
    }
}
