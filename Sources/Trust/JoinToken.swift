import Crypto
import Foundation

/// What a host needs to join a platform: where the controller is, which root to trust, and a secret that works once.
///
/// As text it is `pb1.` and base64url without padding (RFC 4648, section 5) of: SHA-256 of the root's
/// SubjectPublicKeyInfo (32 octets), the secret (32 octets), the controller's URL (9 to 255 octets of ASCII), and the
/// first 4 octets of the SHA-256 of all before them, which tells a mistyped token from a wrong one. Expiry and single
/// use are the controller's to keep; it keeps ``secretHash`` and never the secret. The description shows no secret.
public struct JoinToken: Hashable, Sendable {
    /// The controller's URL, such as `https://192.0.2.1:7443`: scheme https, host, optional port, nothing else.
    public let controllerURL: String
    /// SHA-256 of the root's SubjectPublicKeyInfo, 32 octets.
    public let rootKeyHash: [UInt8]
    /// The secret, 32 octets.
    public let secret: [UInt8]

    /// Makes a token with a new random secret.
    public init(controllerURL: String, rootKeyHash: [UInt8]) throws(JoinTokenError) {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        try self.init(controllerURL: controllerURL, rootKeyHash: rootKeyHash, secret: secret)
    }

    /// Makes a token from its parts.
    public init(controllerURL: String, rootKeyHash: [UInt8], secret: [UInt8]) throws(JoinTokenError) {
        guard rootKeyHash.count == 32, secret.count == 32 else { throw .length }
        guard Self.isControllerURL(controllerURL) else { throw .url(String(controllerURL.prefix(80))) }
        self.controllerURL = controllerURL
        self.rootKeyHash = rootKeyHash
        self.secret = secret
    }

    /// Reads the text form; white space around it is cut off.
    public init(parsing input: some StringProtocol) throws(JoinTokenError) {
        guard input.utf8.count <= TrustLimits.tokenBytes else { throw .length }
        let text = input.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.hasPrefix(Self.prefix) else { throw .prefix }
        let bytes = try Base64URL.decode(text.utf8.dropFirst(Self.prefix.utf8.count))
        guard bytes.count > 68 else { throw .length }
        let content = bytes.dropLast(4)
        guard Array(SHA256.hash(data: content).prefix(4)) == Array(bytes.suffix(4)) else { throw .checksum }
        guard let url = String(validating: content.dropFirst(64), as: UTF8.self) else { throw .url("not text") }
        try self.init(
            controllerURL: url, rootKeyHash: Array(content.prefix(32)), secret: Array(content.dropFirst(32).prefix(32)))
    }

    /// The text form. Secret.
    public var text: String {
        let content = rootKeyHash + secret + Array(controllerURL.utf8)
        return Self.prefix + Base64URL.encode(content + SHA256.hash(data: content).prefix(4))
    }

    /// SHA-256 of the secret, for the controller to keep and look up.
    public var secretHash: [UInt8] { Self.hash(ofSecret: secret) }

    /// SHA-256 of a secret that a host presents.
    public static func hash(ofSecret secret: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: secret)) }

    private static let prefix = "pb1."

    private static func isControllerURL(_ text: String) -> Bool {
        guard (9...255).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
            text.hasPrefix("https://"), let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty
        else { return false }
        return parts.user == nil && parts.password == nil && parts.path.isEmpty && parts.query == nil
            && parts.fragment == nil && parts.port.map { (1...65_535).contains($0) } ?? true
    }
}

extension JoinToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "JoinToken(\(controllerURL))" }
    public var debugDescription: String { description }
    /// A mirror without the secret.
    public var customMirror: Mirror { Mirror(self, children: ["controllerURL": controllerURL]) }
}

/// What is wrong with a join token, and where; it never carries any of the secret.
public enum JoinTokenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not begin with `pb1.`.
    case prefix
    /// The character at this place, counted from 1, is not one of base64url.
    case character(Int)
    /// It is too short or too long, or a part of it is.
    case length
    /// Its last characters do not fit the rest.
    case checksum
    /// The controller's URL in it is none.
    case url(String)

    public var description: String {
        switch self {
        case .prefix: "a join token begins with 'pb1.'; copy the whole of what 'patchbay host create' printed"
        case .character(let place): "character \(place) of the join token is not one that a token has; copy it again"
        case .length: "the join token is too short or too long; copy the whole of it"
        case .checksum: "the join token is damaged: its last characters do not fit the rest; copy it again"
        case .url(let url): "'\(url)' in the join token is not a controller's URL such as https://192.0.2.1:7443"
        }
    }
}

/// Base64url without padding (RFC 4648, section 5); one text for one value.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
            bits &= 0xff
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes; the place in an error counts from the start of a token, whose first four characters are its prefix.
    static func decode(_ text: some Sequence<UInt8>) throws(JoinTokenError) -> [UInt8] {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var place = 4
        for character in text {
            place += 1
            guard let value = alphabet.firstIndex(of: character) else { throw .character(place) }
            bits = (bits << 6 | UInt32(value)) & 0xfff
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // What is left over is less than a character's worth of zero bits, else there were two texts for one value.
        guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { throw .character(place) }
        return bytes
    }
}
