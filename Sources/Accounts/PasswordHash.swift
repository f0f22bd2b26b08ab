import Crypto
import CryptoExtras
import Foundation

/// What a password hash costs: the parameters of scrypt (RFC 7914, section 2).
///
/// One hash needs 128·N·r bytes of memory. ``standard`` is one of the settings that OWASP's Password Storage Cheat Sheet
/// names as equally strong, the one with 32 MiB: two at a time fit into the controller's budget (decision 14).
public struct PasswordCost: Hashable, Sendable {
    /// The binary logarithm of N, 1 to 20.
    public let logN: Int
    /// The block size r, 1 to 32.
    public let r: Int
    /// The parallelisation p, here the number of passes, 1 to 16.
    public let p: Int

    /// N = 2^15, r = 8, p = 3.
    public static let standard = PasswordCost(uncheckedLogN: 15, r: 8, p: 3)

    /// Nil outside of the ranges, or above 256 MiB: a stored text can not ask for more memory than the machine has.
    public init?(logN: Int, r: Int, p: Int) {
        guard (1...20).contains(logN), (1...32).contains(r), (1...16).contains(p), 128 << logN * r <= 256 << 20 else {
            return nil
        }
        self.init(uncheckedLogN: logN, r: r, p: p)
    }

    private init(uncheckedLogN logN: Int, r: Int, p: Int) {
        self.logN = logN
        self.r = r
        self.p = p
    }

    /// The memory of one hash in bytes.
    public var memory: Int { 128 * (1 << logN) * r }

    /// How often the core is run; with equal memory, what costs more time.
    var work: Int { (1 << logN) * r * p }

    /// Whether it is weaker than another in memory or in work, so that a hash is to be made anew.
    public func isWeaker(than other: Self) -> Bool { memory < other.memory || work < other.work }
}

/// A stored password hash with its parameters and salt.
///
/// As text `$scrypt$ln=15,r=8,p=3$SALT$HASH`, salt and hash in base64 without padding (the PHC string format); salt 16
/// octets, hash 32. The description shows neither.
public struct PasswordHash: Hashable, Sendable {
    /// What it cost.
    public let cost: PasswordCost
    let salt: [UInt8]
    let hash: [UInt8]

    /// Puts the parts together.
    init(cost: PasswordCost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Reads the text form; nil for any that ``text`` would not give.
    public init?(parsing text: some StringProtocol) {
        guard text.utf8.count <= 160 else { return nil }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        let numbers = parts[2].split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
        guard numbers.count == 3, numbers.allSatisfy({ $0.count == 2 }), numbers.map({ $0[0] }) == ["ln", "r", "p"],
            let logN = Int(numbers[0][1]), let r = Int(numbers[1][1]), let p = Int(numbers[2][1]),
            let cost = PasswordCost(logN: logN, r: r, p: p),
            let salt = Data(base64Encoded: Self.padded(parts[3])), salt.count == 16,
            let hash = Data(base64Encoded: Self.padded(parts[4])), hash.count == 32
        else { return nil }
        self.init(cost: cost, salt: Array(salt), hash: Array(hash))
        guard self.text == String(text) else { return nil }
    }

    /// The text form.
    public var text: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.r),p=\(cost.p)$\(Self.unpadded(salt))$\(Self.unpadded(hash))"
    }

    private static func unpadded(_ octets: [UInt8]) -> String {
        Data(octets).base64EncodedString().replacingOccurrences(of: "=", with: "")
    }

    private static func padded(_ text: some StringProtocol) -> String {
        text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }
}

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "PasswordHash(scrypt, \(cost.memory >> 20) MiB)" }
    public var debugDescription: String { description }
    /// A mirror without children, so that no dump shows the hash.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The function behind password hashes: scrypt, or in tests one that counts.
public protocol PasswordHashing: Sendable {
    /// Derives 32 octets from a password of 1 octet at least.
    func derive(_ password: [UInt8], salt: [UInt8], cost: PasswordCost) throws(PasswordHashingError) -> [UInt8]
}

/// The hash could not be computed: the machine has not the memory.
public struct PasswordHashingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Makes one.
    public init() {}
    public var description: String { "a password hash could not be computed: not enough memory" }
}

/// scrypt (RFC 7914) as swift-crypto has it from BoringSSL.
public struct Scrypt: PasswordHashing {
    /// Makes one.
    public init() {}

    public func derive(
        _ password: [UInt8], salt: [UInt8], cost: PasswordCost
    ) throws(PasswordHashingError) -> [UInt8] {
        precondition(!password.isEmpty, "Password never makes an empty one")
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: password, salt: salt, outputByteCount: 32, rounds: 1 << cost.logN, blockSize: cost.r,
                parallelism: cost.p)
            // A seed of Ed25519 is any 32 octets and is given back as it was: the library's one way to a key's octets
            // that needs no unsafe code. Nothing is signed with it.
            return Array(try Curve25519.Signing.PrivateKey(rawRepresentation: key).rawRepresentation)
        } catch { throw PasswordHashingError() }
    }
}
