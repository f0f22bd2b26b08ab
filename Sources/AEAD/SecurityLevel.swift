/// What a protected wire promises. A wire without protection has no association, so there is no third case.
///
/// The raw value stands in the tables and in the derivation of keys; it never changes.
public enum SecurityLevel: UInt8, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// Integrity and origin, readable by others: AES-128-GMAC (RFC 4543).
    case auth = 1
    /// Confidentiality as well: AES-128-GCM with a tag of 16 bytes (RFC 4106).
    case conf = 2

    public var description: String {
        switch self {
        case .auth: "auth"
        case .conf: "conf"
        }
    }
}
