import Crypto
public import NetTypes

/// What a browser keeps of a sign-in that succeeded, so that others who guess cannot keep its user out (OWASP, "Slow Down
/// Online Guessing Attacks with Device Cookies").
///
/// It authenticates nobody: it only takes an attempt for its account out of the lane in which strangers wait. As text it is
/// base64url of nonce (16 octets), time of issue (8) and HMAC-SHA-256 over both and the account's name (32).
public struct DeviceCookie: Sendable {
    private let key: SymmetricKey

    /// How long a cookie is good, in seconds: 180 days.
    public static let lifetime: Int64 = 180 * 86_400

    /// Takes the platform's key for them, 32 octets; nil for any other length.
    public init?(key: [UInt8]) {
        guard key.count == 32 else { return nil }
        self.key = SymmetricKey(data: key)
    }

    /// The cookie of a new device for an account. Secret.
    public func issue(for name: AccountName, at now: Timestamp, random: (Int) -> [UInt8]) -> String {
        let content = random(16) + Self.octets(now)
        return Base64URL.encode(content + HMAC<SHA256>.authenticationCode(for: message(name, content), using: key))
    }

    /// The nonce of a cookie that was issued for the account and is still good; else nil.
    func nonce(_ text: String, for name: AccountName, at now: Timestamp) -> [UInt8]? {
        guard text.utf8.count <= 100, let octets = Base64URL.decode(text), octets.count == 56 else { return nil }
        let content = Array(octets.prefix(24))
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                octets.suffix(32), authenticating: message(name, content), using: key)
        else { return nil }
        let issued = Timestamp(content.suffix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) })
        guard issued <= now, now - issued < Self.lifetime else { return nil }
        return Array(content.prefix(16))
    }

    private func message(_ name: AccountName, _ content: [UInt8]) -> [UInt8] {
        Array("patchbay-device\n\(name)\n".utf8) + content
    }

    private static func octets(_ time: Timestamp) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: time.seconds >> (56 - 8 * Int64($0))) }
    }
}
