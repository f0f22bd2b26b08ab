public import NetTypes

/// A neighbor solicitation (RFC 4861, section 4.3): "who has this address?"
///
/// type 135, code, checksum (4), reserved (4), target (16), options
public struct NeighborSolicitation: ICMPv6Message {
    public static let type = ICMPv6Type.neighborSolicitation
    private static let fixedByteCount = 24

    /// The address that is asked for.
    public var target: IPv6Address
    /// The options, as a rule the Ethernet address of who asks.
    public var options: [NeighborDiscoveryOption]

    public var byteCount: Int { Self.fixedByteCount + options.reduce(0) { $0 + $1.byteCount } }

    /// Makes a message.
    public init(target: IPv6Address, options: [NeighborDiscoveryOption] = []) {
        self.target = target
        self.options = options
    }

    /// Reads a message and checks it as RFC 4861, section 7.1.1 demands.
    public init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError) {
        try Self.checkDiscovery(bytes, in: header, needing: Self.fixedByteCount)
        target = bytes.ipv6(8)
        guard !target.isMulticast else { throw .badField(.neighborDiscovery, "target") }
        options = try NeighborDiscoveryOption.parse(bytes, from: Self.fixedByteCount)
        if header.source.value == 0 {
            // Duplicate address detection asks for nobody, to the solicited-node group only.
            guard header.destination == target.solicitedNode else {
                throw .badField(.neighborDiscovery, "destination")
            }
            let namesItself = options.contains { if case .sourceLinkLayer = $0 { true } else { false } }
            guard !namesItself else { throw .badField(.neighborDiscovery, "source option") }
        }
    }

    public func emitBody(into output: inout OutputSpan<UInt8>) {
        output.append(0 as UInt32)
        output.append(target)
        for option in options { option.emit(into: &output) }
    }
}

/// A neighbor advertisement (RFC 4861, section 4.4): "this address is at that Ethernet address".
///
/// type 136, code, checksum (4), flags R, S, O and reserved (4), target (16), options
public struct NeighborAdvertisement: ICMPv6Message {
    public static let type = ICMPv6Type.neighborAdvertisement
    private static let fixedByteCount = 24

    /// The address that is spoken of.
    public var target: IPv6Address
    /// Whether the target is a router.
    public var isRouter: Bool
    /// Whether this answers a solicitation.
    public var isSolicited: Bool
    /// Whether a cached Ethernet address is to be replaced.
    public var overrides: Bool
    /// The options, as a rule the target's Ethernet address.
    public var options: [NeighborDiscoveryOption]

    public var byteCount: Int { Self.fixedByteCount + options.reduce(0) { $0 + $1.byteCount } }

    /// Makes the answer that `target` is at `mac`.
    public init(target: IPv6Address, mac: MACAddress, isRouter: Bool = false, isSolicited: Bool = true) {
        self.target = target
        self.isRouter = isRouter
        self.isSolicited = isSolicited
        overrides = true
        options = [.targetLinkLayer(mac)]
    }

    /// Reads a message and checks it as RFC 4861, section 7.1.2 demands.
    public init(parsing bytes: Span<UInt8>, in header: IPv6Header) throws(FormatError) {
        try Self.checkDiscovery(bytes, in: header, needing: Self.fixedByteCount)
        isRouter = bytes[4] & 0x80 != 0
        isSolicited = bytes[4] & 0x40 != 0
        overrides = bytes[4] & 0x20 != 0
        guard !(isSolicited && header.destination.isMulticast) else { throw .badField(.neighborDiscovery, "flag S") }
        target = bytes.ipv6(8)
        guard !target.isMulticast else { throw .badField(.neighborDiscovery, "target") }
        options = try NeighborDiscoveryOption.parse(bytes, from: Self.fixedByteCount)
    }

    public func emitBody(into output: inout OutputSpan<UInt8>) {
        let flags: UInt8 = (isRouter ? 0x80 : 0) | (isSolicited ? 0x40 : 0) | (overrides ? 0x20 : 0)
        output.append(UInt32(flags) << 24)
        output.append(target)
        for option in options { option.emit(into: &output) }
    }
}
