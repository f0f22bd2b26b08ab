/// How the packets of a wire are protected between two hosts. A level is greater than another if it protects more.
///
/// The raw values stand in signed documents; they never change.
public enum Security: String, Codable, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// Plain VXLAN (RFC 7348): whoever sees the underlay reads the packets and can write others.
    case none
    /// ESP with AES-GMAC (RFC 4543): packets can be read on the way, but not changed, forged or replayed.
    case auth
    /// ESP with AES-GCM (RFC 4106): as ``auth``, and the packets cannot be read either.
    case conf

    private var rank: Int {
        switch self {
        case .none: 0
        case .auth: 1
        case .conf: 2
        }
    }

    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

    public var description: String { rawValue }
}
