/// An Ethernet address (IEEE 802, EUI-48).
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address as a number of 48 bits; the highest octet comes first on the network.
    public let value: UInt64

    /// Takes the lower 48 bits of a number.
    public init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

    /// Makes an address from six octets in network order; nil for any other number of them.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 6 else { return nil }
        self.init(octets.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// The Ethernet address of an endpoint, derived from its identity.
    ///
    /// It is octets 10 to 15 of the identity with the bits "locally administered" set and "group" clear, so it
    /// moves with the endpoint and nobody stores it. BPF derives the same one (`kernel_path.h`).
    public init(of identity: Identity) {
        let low = UInt64(truncatingIfNeeded: identity.address.value) & 0xffff_ffff_ffff
        self.init((low & ~0x0300_0000_0000) | 0x0200_0000_0000)
    }

    /// Reads the form `02:00:00:00:00:01`.
    public init(parsing text: some StringProtocol) throws(TextError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let octets = parts.compactMap { part in
            part.utf8.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil
        }
        guard parts.count == 6, let address = MACAddress(octets: octets) else {
            throw .init(text, "an Ethernet address such as 02:00:00:00:00:01")
        }
        self = address
    }

    /// The six octets in network order.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: value >> (40 - 8 * $0)) } }

    /// `ff:ff:ff:ff:ff:ff`
    public static let broadcast = MACAddress(0xffff_ffff_ffff)

    public var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
