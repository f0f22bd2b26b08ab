/// The number of a protocol above IP (IANA, Assigned Internet Protocol Numbers).
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: UInt8

    /// Takes a number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// IPv6 hop-by-hop options, 0.
    public static let hopByHop = Self(rawValue: 0)
    /// ICMP for IPv4, 1.
    public static let icmpv4 = Self(rawValue: 1)
    /// TCP, 6.
    public static let tcp = Self(rawValue: 6)
    /// UDP, 17.
    public static let udp = Self(rawValue: 17)
    /// IPv6 routing header, 43.
    public static let routing = Self(rawValue: 43)
    /// IPv6 fragment header, 44.
    public static let fragment = Self(rawValue: 44)
    /// GRE, 47.
    public static let gre = Self(rawValue: 47)
    /// ESP, 50.
    public static let esp = Self(rawValue: 50)
    /// Authentication header, 51.
    public static let authentication = Self(rawValue: 51)
    /// ICMPv6, 58.
    public static let icmpv6 = Self(rawValue: 58)
    /// IPv6: nothing follows, 59.
    public static let noNext = Self(rawValue: 59)
    /// IPv6 destination options, 60.
    public static let destinationOptions = Self(rawValue: 60)
    /// SCTP, 132.
    public static let sctp = Self(rawValue: 132)
    /// Mobility header, 135.
    public static let mobility = Self(rawValue: 135)
    /// Host identity protocol, 139.
    public static let hip = Self(rawValue: 139)
    /// Shim6, 140.
    public static let shim6 = Self(rawValue: 140)
}
