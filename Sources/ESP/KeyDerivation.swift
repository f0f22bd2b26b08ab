public import AEAD
internal import Crypto

/// Derives the key and salt of one sender queue from the secret that its receiver made.
///
/// HKDF with SHA-256 (RFC 5869), without salt, info `patchbay esp`, the level's byte, the queue's byte; 20 bytes: key,
/// then salt. Every queue and level has a key of its own, so no nonce is used twice under one key and a packet of one
/// level is never authentic at the other. Not for the packet path: it allocates.
///
/// - Parameters:
///   - secret: 32 random bytes; nil is returned for another number of them.
///   - level: The wire's level.
///   - queue: The sender's transmit queue.
public func derivePacketKey(secret: Span<UInt8>, level: SecurityLevel, queue: UInt8) -> PacketKey? {
    guard secret.count == KeyDerivation.secretByteCount else { return nil }
    var input = [UInt8](repeating: 0, count: secret.count)
    for index in secret.indices { input[index] = secret[index] }
    defer { KeyDerivation.wipe(&input) }

    // 1. Extract, then the first block of expand, which is 32 bytes long and so all that is needed (section 2.3).
    let extracted = HKDF<SHA256>.extract(inputKeyMaterial: SymmetricKey(data: input), salt: [UInt8]())
    var pseudorandom = [UInt8](extracted)
    defer { KeyDerivation.wipe(&pseudorandom) }
    let info = KeyDerivation.info + [level.rawValue, queue, 1]
    let block = HMAC<SHA256>.authenticationCode(for: info, using: SymmetricKey(data: pseudorandom))
    var output = [UInt8](block)
    defer { KeyDerivation.wipe(&output) }
    return PacketKey(bytes: output.span.extracting(first: PacketKey.byteCount))
}

/// What a secret is and how keys are told apart.
public enum KeyDerivation {
    /// The bytes of a secret.
    public static let secretByteCount = 32
    /// What binds derived keys to their use, before level and queue.
    static let info = [UInt8]("patchbay esp".utf8)

    fileprivate static func wipe(_ bytes: inout [UInt8]) {
        var span = bytes.mutableSpan
        secureWipe(&span)
    }
}
