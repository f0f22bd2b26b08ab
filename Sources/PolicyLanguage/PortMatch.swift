/// A protocol that has ports, or types and codes. No other protocol ever matches a rule with ports.
public enum PortProtocol: UInt8, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// ICMP for IPv4 (RFC 792), with type and code in place of a port.
    case icmp = 1
    /// TCP (RFC 9293).
    case tcp = 6
    /// UDP (RFC 768).
    case udp = 17
    /// ICMP for IPv6 (RFC 4443), with type and code in place of a port.
    case icmpv6 = 58
    /// SCTP (RFC 9260).
    case sctp = 132

    /// Whether this has type and code in place of ports.
    public var isICMP: Bool { self == .icmp || self == .icmpv6 }

    public var description: String {
        switch self {
        case .icmp: "icmp"
        case .tcp: "tcp"
        case .udp: "udp"
        case .icmpv6: "icmpv6"
        case .sctp: "sctp"
        }
    }

    init?(_ text: some StringProtocol) {
        guard let found = Self.allCases.first(where: { $0.description == text }) else { return nil }
        self = found
    }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A range of destination ports of one protocol; of ICMP a range of types and codes, as type × 256 + code.
public struct PortMatch: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The protocol.
    public let portProtocol: PortProtocol
    /// The first number.
    public let first: UInt16
    /// The last number, not below ``first``.
    public let last: UInt16

    /// Makes a match of a range.
    public init(_ portProtocol: PortProtocol, _ range: ClosedRange<UInt16> = 0...UInt16.max) {
        self.portProtocol = portProtocol
        first = range.lowerBound
        last = range.upperBound
    }

    /// Whether a protocol's number is in the range.
    public func contains(_ other: PortProtocol, _ number: UInt16) -> Bool {
        other == portProtocol && first <= number && number <= last
    }

    /// Reads `tcp/443`, `udp/8000-8100`, `sctp/any`, `icmp/8`, `icmp/3/4` (type and code), `icmpv6/any`.
    public init(parsing text: some StringProtocol) throws(DocumentTextError) {
        let expected = DocumentTextError("a port such as tcp/443, udp/8000-8100, sctp/any, icmp/8 or icmp/3/4")
        let parts = String(text).split(separator: "/" as Character, omittingEmptySubsequences: false)
        guard parts.count >= 2, let portProtocol = PortProtocol(parts[0]) else { throw expected }
        if parts[1] == "any", parts.count == 2 {
            self.init(portProtocol)
        } else if portProtocol.isICMP {
            guard parts.count <= 3, let type = Self.number(parts[1]), type <= 255 else { throw expected }
            guard parts.count == 3 else {
                self.init(portProtocol, type << 8...type << 8 | 0xff)
                return
            }
            guard let code = Self.number(parts[2]), code <= 255 else { throw expected }
            self.init(portProtocol, type << 8 | code...type << 8 | code)
        } else {
            let ends = parts[1].split(separator: "-" as Character, omittingEmptySubsequences: false).map(Self.number)
            guard parts.count == 2, ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1],
                ends.count == 1 || first < last
            else { throw expected }
            self.init(portProtocol, first...last)
        }
    }

    /// A decimal number without sign and leading zeros: an octal-looking one may mean another number elsewhere.
    private static func number(_ text: Substring) -> UInt16? {
        guard text == "0" || !text.hasPrefix("0"), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt16(text)
    }

    public var description: String {
        if first == 0, last == .max { return "\(portProtocol)/any" }
        guard portProtocol.isICMP else {
            return first == last ? "\(portProtocol)/\(first)" : "\(portProtocol)/\(first)-\(last)"
        }
        if first & 0xff == 0, last & 0xff == 0xff, first >> 8 == last >> 8 { return "\(portProtocol)/\(first >> 8)" }
        if first == last { return "\(portProtocol)/\(first >> 8)/\(first & 0xff)" }
        return "\(portProtocol)/\(first >> 8)/\(first & 0xff)-\(last >> 8)/\(last & 0xff)"
    }

    public static func < (a: Self, b: Self) -> Bool {
        (a.portProtocol, a.first, a.last) < (b.portProtocol, b.first, b.last)
    }
}
