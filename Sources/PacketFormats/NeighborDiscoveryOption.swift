public import NetTypes

/// An option of neighbor discovery (RFC 4861, section 4.6): type (1), length in units of eight bytes (1), value.
public enum NeighborDiscoveryOption: Hashable, Sendable {
    /// The sender's Ethernet address, type 1.
    case sourceLinkLayer(MACAddress)
    /// The target's Ethernet address, type 2.
    case targetLinkLayer(MACAddress)
    /// A prefix of the link, type 3.
    case prefix(PrefixInformation)
    /// The MTU of the link, type 5.
    case mtu(UInt32)
    /// Any other option: its type and all that follows its length, 8n−2 bytes.
    case other(type: UInt8, value: [UInt8])

    /// The bytes of the option.
    public var byteCount: Int {
        switch self {
        case .sourceLinkLayer, .targetLinkLayer, .mtu: 8
        case .prefix: 32
        case .other(_, let value): (value.count + 2 + 7) / 8 * 8
        }
    }

    /// Appends the ``byteCount`` bytes of the option; that much room must be left.
    public func emit(into output: inout OutputSpan<UInt8>) {
        func begin(_ type: UInt8) {
            output.append(type)
            output.append(UInt8(truncatingIfNeeded: byteCount / 8))
        }
        switch self {
        case .sourceLinkLayer(let address):
            begin(1)
            output.append(address)
        case .targetLinkLayer(let address):
            begin(2)
            output.append(address)
        case .prefix(let prefix):
            begin(3)
            prefix.emitValue(into: &output)
        case .mtu(let mtu):
            begin(5)
            output.append(0 as UInt16)
            output.append(mtu)
        case .other(let type, let value):
            begin(type)
            output.append(bytes: value)
            for _ in 0..<(byteCount - 2 - value.count) { output.append(0 as UInt8) }
        }
    }

    /// Reads the options that fill the rest of a message.
    static func parse(_ bytes: Span<UInt8>, from start: Int) throws(FormatError) -> [NeighborDiscoveryOption] {
        var options: [NeighborDiscoveryOption] = []
        var offset = start
        while offset < bytes.count {
            guard offset + 2 <= bytes.count else {
                throw .truncated(.neighborDiscovery, needed: offset + 2, have: bytes.count)
            }
            let length = Int(bytes[offset + 1]) * 8
            guard length > 0 else { throw .badField(.neighborDiscovery, "option length") }
            guard offset + length <= bytes.count else {
                throw .truncated(.neighborDiscovery, needed: offset + length, have: bytes.count)
            }
            switch (bytes[offset], length) {
            case (1, 8): options.append(.sourceLinkLayer(bytes.mac(offset + 2)))
            case (2, 8): options.append(.targetLinkLayer(bytes.mac(offset + 2)))
            case (3, 32): options.append(.prefix(try PrefixInformation(bytes, at: offset + 2)))
            case (5, 8): options.append(.mtu(bytes.uint32(offset + 4)))
            case (1, _), (2, _), (3, _), (5, _): throw .badField(.neighborDiscovery, "option length")
            case (let type, _):
                options.append(.other(type: type, value: bytes.bytes(offset + 2..<offset + length)))
            }
            offset += length
        }
        return options
    }
}

/// A prefix option of a router advertisement (RFC 4861, section 4.6.2).
///
/// prefix length (1), flags (1), valid lifetime (4), preferred lifetime (4), reserved (4), prefix (16)
public struct PrefixInformation: Hashable, Sendable {
    /// The prefix.
    public let prefix: IPv6Prefix
    /// Whether its addresses are neighbors.
    public let onLink: Bool
    /// Whether hosts make addresses of it (RFC 4862).
    public let autonomous: Bool
    /// For how many seconds it is valid; all ones: for ever.
    public let validLifetime: UInt32
    /// For how many seconds its addresses are preferred; all ones: for ever.
    public let preferredLifetime: UInt32

    /// Makes an option.
    public init(
        prefix: IPv6Prefix, onLink: Bool, autonomous: Bool, validLifetime: UInt32, preferredLifetime: UInt32
    ) {
        self.prefix = prefix
        self.onLink = onLink
        self.autonomous = autonomous
        self.validLifetime = validLifetime
        self.preferredLifetime = preferredLifetime
    }

    /// Reads the value; host bits are ignored, as the RFC says.
    init(_ bytes: Span<UInt8>, at offset: Int) throws(FormatError) {
        let length = Int(bytes[offset])
        guard length <= 128 else { throw .badField(.neighborDiscovery, "prefix length") }
        let network = IPv6Address(bytes.ipv6(offset + 14).value & IPv6Prefix.mask(length))
        guard let prefix = IPv6Prefix(network, length: length) else { throw .badField(.neighborDiscovery, "prefix") }
        self.prefix = prefix
        onLink = bytes[offset + 1] & 0x80 != 0
        autonomous = bytes[offset + 1] & 0x40 != 0
        validLifetime = bytes.uint32(offset + 2)
        preferredLifetime = bytes.uint32(offset + 6)
    }

    func emitValue(into output: inout OutputSpan<UInt8>) {
        output.append(UInt8(truncatingIfNeeded: prefix.length))
        output.append((onLink ? 0x80 : 0) | (autonomous ? 0x40 : 0) as UInt8)
        output.append(validLifetime)
        output.append(preferredLifetime)
        output.append(0 as UInt32)
        output.append(prefix.address)
    }
}
