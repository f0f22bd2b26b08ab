import Crypto
import CryptoExtras

/// The format of a backup, version 1.
///
/// A line that names format and version, 16 octets of salt, 7 of a nonce's beginning; then chunks. A chunk is 64 KiB of
/// content (the last one less, or nothing) under AES-256-GCM with its tag behind it. Its nonce is the beginning, its
/// number in 4 octets, and 1 if it is the last one, else 0 (the STREAM construction: Hoang, Reyhanitabar, Rogaway,
/// Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): chunks cannot be
/// changed, moved, left out or cut off unnoticed. What stands before the chunks is authenticated with each.
///
/// The key is made from the passphrase by scrypt (RFC 7914) with N = 2^17, r = 8, p = 1: 128 MiB of memory.
///
/// Content: 4 octets with the length of the manifest, the manifest (``BackupManifest``, JSON), and the files in its order.
enum BackupFormat {
    static let magic = "patchbay-backup "
    static let version = "1"
    static let title = Array("\(magic)\(version)\n".utf8)
    static let saltBytes = 16
    static let prefixBytes = 7
    static let headerBytes = title.count + saltBytes + prefixBytes
    static let chunkBytes = 1 << 16
    static let tagBytes = 16
    /// The longest manifest: a platform has two keys for each tenant, of 200 octets in it.
    static let manifestBytes = 64 << 20
    /// The shortest passphrase, in characters. Whoever has the file can try as many as they can pay for.
    static let passphraseCharacters = 12

    /// scrypt's N.
    static let rounds = 1 << 17

    static func key(_ passphrase: String, salt: [UInt8], rounds: Int) throws(BackupError) -> SymmetricKey {
        guard passphrase.count >= passphraseCharacters else {
            throw BackupError(
                "The passphrase has \(passphrase.count) characters.",
                remedy: "Take \(passphraseCharacters) or more: the file holds the platform's root key.")
        }
        do {
            return try KDF.Scrypt.deriveKey(
                from: Array(passphrase.utf8), salt: salt, outputByteCount: 32, rounds: rounds, blockSize: 8,
                parallelism: 1)
        } catch { throw BackupError("The key cannot be made from the passphrase: \(error).") }
    }

    static func nonce(_ prefix: [UInt8], _ number: UInt32, isLast: Bool) throws -> AES.GCM.Nonce {
        let octets = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
        return try AES.GCM.Nonce(data: prefix + octets + [isLast ? 1 : 0])
    }
}

/// What is in a backup.
public struct BackupManifest: Codable, Hashable, Sendable {
    /// One file.
    public struct File: Codable, Hashable, Sendable {
        /// The path inside of the data directory.
        public var path: String
        /// Its length in octets.
        public var size: Int
        /// SHA-256 in hexadecimal.
        public var sha256: String
    }

    /// The version of the program that made it.
    public var program: String
    /// When it was made, in seconds since 1970.
    public var madeAt: Int64
    /// The migrations that the directory's file has had, in order.
    public var migrations: [String]
    /// The files, in their order in the backup.
    public var files: [File]

    enum CodingKeys: String, CodingKey {
        case program
        case madeAt = "made_at"
        case migrations, files
    }
}
