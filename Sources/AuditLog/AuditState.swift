import Crypto

/// What a thing was before or after a change, fit to be kept: without secrets, and of bounded size.
public struct AuditState: Hashable, Sendable {
    /// The value.
    public let value: AuditValue

    /// Takes what a thing is.
    ///
    /// Secrets are not to be put in. As a second line, members whose keys name one (`password`, `secret`, `token`, …) and
    /// texts that are one (a private key in PEM, a personal or a join token, a password hash) are replaced. What is nested
    /// too deep is replaced, and of what is too long only its SHA-256 and length are kept.
    public init(_ value: AuditValue) {
        let clean = Self.clean(value, depth: 1)
        let bytes = clean.canonical
        guard bytes.count > AuditLimits.state else {
            self.value = clean
            return
        }
        self.value = .object([
            "bytes": .number(Int64(bytes.count)), "sha256": .text(Hexadecimal.text(SHA256.hash(data: bytes))),
            "too_long": .boolean(true),
        ])
    }

    /// Takes what was read from an entry.
    init(kept value: AuditValue) { self.value = value }

    private static let hidden = AuditValue.text("(secret)")

    private static let secretKeys: Set<String> = [
        "password", "secret", "token", "code", "codes", "cookie", "csrf", "authorization", "private_key", "seed", "pem",
    ]

    private static func clean(_ value: AuditValue, depth: Int) -> AuditValue {
        switch value {
        case .null, .boolean, .number: return value
        case .text(let text): return isSecret(text) ? hidden : value
        case .list(let items):
            guard depth < AuditLimits.depth else { return .text("(nested too deep)") }
            return .list(items.map { clean($0, depth: depth + 1) })
        case .object(let members):
            guard depth < AuditLimits.depth else { return .text("(nested too deep)") }
            var cleaned: [String: AuditValue] = [:]
            for (key, value) in members {
                cleaned[key] = isSecret(key: key) && !isHarmless(value) ? hidden : clean(value, depth: depth + 1)
            }
            return .object(cleaned)
        }
    }

    private static func isSecret(key: String) -> Bool {
        let key = key.lowercased()
        return secretKeys.contains(key) || ["_password", "_secret", "_token", "_pem"].contains(where: key.hasSuffix)
    }

    /// Whether a value is no secret whatever its key: that there is one, or none.
    private static func isHarmless(_ value: AuditValue) -> Bool {
        switch value {
        case .null, .boolean: true
        case .number, .text, .list, .object: false
        }
    }

    private static func isSecret(_ text: String) -> Bool {
        text.contains("PRIVATE KEY-----") || text.hasPrefix("pbp_") || text.hasPrefix("pb1.")
            || text.hasPrefix("$scrypt$") || text.hasPrefix("otpauth://")
    }
}

/// Octets as lower-case hexadecimal digits; one text for one value.
enum Hexadecimal {
    static func text(_ octets: some Sequence<UInt8>) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func octets(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[place...place + 1], as: UTF8.self)
            guard pair == pair.lowercased(), pair.first != "+", let octet = UInt8(pair, radix: 16) else { return nil }
            octets.append(octet)
        }
        return octets
    }
}
