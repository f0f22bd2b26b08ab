import Crypto
public import NetTypes

/// The challenges that authenticators sign: each is for one purpose and for whoever asked for it, and good for five minutes.
///
/// Nothing is kept of those that are out, so that asking for many costs nothing: a challenge is a nonce (16 octets), its
/// time (8) and an HMAC-SHA-256 over both and what it is bound to (32). One that was used is remembered until its time is
/// over; that is the store's.
public struct PasskeyChallenge: Sendable {
    /// What a challenge is for, and to whom it is bound.
    public enum Purpose: Sendable {
        /// To add a passkey, by a session.
        case add(AccountID)
        /// The second factor that a session waits for.
        case secondFactor(AccountID)
        /// A sign-in, by the browser that has a cookie of this value.
        case signIn([UInt8])
    }

    private let key: SymmetricKey

    /// How long a challenge is good, in seconds: five minutes.
    public static let lifetime: Int64 = 300
    /// How many octets one has.
    static let length = 56
    /// How many octets the cookie has that binds a sign-in to a browser.
    public static let bindingLength = 32

    /// Takes the platform's key for them, 32 octets; nil for any other length.
    public init?(key: [UInt8]) {
        guard key.count == 32 else { return nil }
        self.key = SymmetricKey(data: key)
    }

    /// Gives a challenge out.
    public func issue(for purpose: Purpose, at now: Timestamp, random: (Int) -> [UInt8]) -> [UInt8] {
        let time = (0..<8).map { UInt8(truncatingIfNeeded: now.seconds >> (56 - 8 * Int64($0))) }
        let content = random(16) + time
        return content + HMAC<SHA256>.authenticationCode(for: message(purpose, content), using: key)
    }

    /// Whether a challenge was given out for this purpose and is still good.
    public func isIssued(_ challenge: [UInt8], for purpose: Purpose, at now: Timestamp) -> Bool {
        guard challenge.count == Self.length else { return false }
        let content = Array(challenge.prefix(24))
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                challenge.suffix(32), authenticating: message(purpose, content), using: key)
        else { return false }
        let issued = Timestamp(content.suffix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) })
        return issued <= now && now - issued < Self.lifetime
    }

    private func message(_ purpose: Purpose, _ content: [UInt8]) -> [UInt8] {
        let bound: [UInt8] =
            switch purpose {
            case .add(let session): Array("add\n".utf8) + session.octets
            case .secondFactor(let session): Array("second factor\n".utf8) + session.octets
            case .signIn(let binding): Array("sign-in\n".utf8) + SHA256.hash(data: binding)
            }
        return Array("patchbay-passkey\n".utf8) + bound + content
    }
}
