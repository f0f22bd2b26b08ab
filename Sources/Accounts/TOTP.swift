import Crypto
import Foundation
public import NetTypes

/// Time-based one-time codes (RFC 6238 over RFC 4226): six digits, 30 seconds, HMAC-SHA-1, as every authenticator
/// application has them. SHA-1 is no weakness here: HMAC does not rest on its resistance to collisions.
public enum TOTP {
    /// The hash functions of RFC 6238; accounts use SHA-1.
    public enum Algorithm: Sendable, CaseIterable {
        case sha1, sha256, sha512
    }

    /// The length of a step, in seconds.
    public static let step: Int64 = 30
    /// How many digits a code has.
    public static let digits = 6
    /// How many steps a clock may be off, either way.
    public static let drift: Int64 = 1
    /// How many octets a secret has: as many as the hash (RFC 4226, section 4).
    public static let secretLength = 20

    /// The code of a counter (RFC 4226, section 5.3), with its leading zeros.
    public static func code(
        secret: [UInt8], counter: UInt64, digits: Int = digits, algorithm: Algorithm = .sha1
    ) -> String {
        let message = (0..<8).map { UInt8(truncatingIfNeeded: counter >> (56 - 8 * UInt64($0))) }
        let key = SymmetricKey(data: secret)
        let mac: [UInt8] =
            switch algorithm {
            case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
            case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
            case .sha512: Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
            }
        let offset = Int(mac[mac.count - 1] & 0xf)
        let number = mac[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        let modulus = (0..<digits).reduce(UInt64(1)) { value, _ in value * 10 }
        let text = String(UInt64(number) % modulus)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The step of a time.
    public static func counter(at now: Timestamp) -> UInt64 { UInt64(max(now.seconds, 0) / step) }

    /// The step whose code this is: within the drift, and later than the last one that was used. Nil for a wrong or used
    /// code. The caller stores it, in the same transaction in which it lets in.
    ///
    /// - Parameter lastUsed: the step of the last code that was taken; nil before the first.
    public static func accept(
        _ code: String, secret: [UInt8], lastUsed: UInt64?, at now: Timestamp
    ) -> UInt64? {
        // White space is what people type between the digits.
        let typed = code.utf8.prefix(16).filter { $0 != 0x20 }
        guard typed.count == digits, typed.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let present = counter(at: now)
        var found: UInt64?
        // Every step is computed, whichever fits.
        for offset in -drift...drift {
            let (counter, isOutside) = present.addingReportingOverflow(UInt64(bitPattern: offset))
            if isOutside, offset > 0 { continue }
            let isRight = isEqualInConstantTime(Array(self.code(secret: secret, counter: counter).utf8), typed)
            if isRight, lastUsed.map({ counter > $0 }) ?? true, found == nil { found = counter }
        }
        return found
    }

    /// The secret as people type it into an authenticator: base32 (RFC 4648, section 6). Secret.
    public static func text(of secret: [UInt8]) -> String { Base32.encode(secret) }

    /// The URI that an authenticator application reads from a QR code (`otpauth://totp/…`). Secret.
    public static func uri(secret: [UInt8], account: AccountName, issuer: String) -> String {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        func escaped(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: plain) ?? "" }
        return "otpauth://totp/\(escaped(issuer)):\(escaped(account.description))"
            + "?secret=\(Base32.encode(secret))&issuer=\(escaped(issuer))&algorithm=SHA1&digits=\(digits)&period=\(step)"
    }
}

/// Codes that stand in for a lost second factor, each good once: 80 random bits in four groups of four characters
/// (base32, RFC 4648, section 6). Kept are their SHA-256; with 80 bits no slower hash is needed.
public enum RecoveryCodes {
    /// How many there are.
    public static let count = 10

    /// Draws new codes. They are shown once.
    public static func make(random: (Int) -> [UInt8]) -> (codes: [String], hashes: [[UInt8]]) {
        let codes = (0..<count).map { _ in
            let text = Array(Base32.encode(random(10)))
            return stride(from: 0, to: text.count, by: 4).map { String(text[$0..<min($0 + 4, text.count)]) }
                .joined(separator: "-")
        }
        return (codes, codes.map(hash))
    }

    /// The hashes that are left when a code was used; nil when it is none of them. Case, hyphens and spaces do not count.
    public static func use(_ code: String, of hashes: [[UInt8]]) -> [[UInt8]]? {
        guard code.utf8.count <= 64 else { return nil }
        let wanted = hash(code)
        var found: Int?
        for (place, hash) in hashes.enumerated() where isEqualInConstantTime(hash, wanted) { found = place }
        guard let found else { return nil }
        var left = hashes
        left.remove(at: found)
        return left
    }

    private static func hash(_ code: String) -> [UInt8] {
        let plain = code.uppercased().utf8.filter { $0 != 0x20 && $0 != 0x2d }
        return Array(SHA256.hash(data: Array("patchbay-recovery-code\n".utf8) + plain))
    }
}

/// Base32 without padding (RFC 4648, section 6).
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = (bits << 8 | UInt32(byte)) & 0xffff
            count += 8
            while count >= 5 {
                count -= 5
                text.append(alphabet[Int(bits >> count & 31)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << (5 - count) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
