import Crypto
import Synchronization

/// A bounded memory of things that were verified, by the SHA-256 of all the bytes that the verification saw.
///
/// It holds successes only, and only what does not depend on time or revocations; callers check those again at every
/// use, so a hit can never accept what a miss would refuse. It keeps two generations of half the limit each: when the
/// younger is full it becomes the older, and the older is forgotten.
final class VerifiedCache<Value: Sendable>: Sendable {
    private struct Generations {
        var younger: [[UInt8]: Value] = [:]
        var older: [[UInt8]: Value] = [:]
    }

    private let half: Int
    // Protects both generations.
    private let generations = Mutex(Generations())

    /// Makes an empty cache that holds at most so many values.
    init(limit: Int) { half = max(1, limit / 2) }

    /// The value under a key, if it is remembered.
    subscript(key: [UInt8]) -> Value? {
        generations.withLock { generations in
            if let value = generations.younger[key] { return value }
            guard let value = generations.older[key] else { return nil }
            Self.insert(value, key, into: &generations, half: half)
            return value
        }
    }

    /// Remembers a value.
    func remember(_ value: Value, under key: [UInt8]) {
        generations.withLock { Self.insert(value, key, into: &$0, half: half) }
    }

    /// How many values are remembered.
    var count: Int {
        generations.withLock { generations in
            generations.younger.count + generations.older.keys.filter { generations.younger[$0] == nil }.count
        }
    }

    private static func insert(_ value: Value, _ key: [UInt8], into generations: inout Generations, half: Int) {
        if generations.younger.count >= half, generations.younger[key] == nil {
            generations.older = generations.younger
            generations.younger = [:]
        }
        generations.younger[key] = value
    }

    /// The key of some byte strings: every one of them with its length, so that no two lists give the same key.
    static func key(of parts: [[UInt8]]) -> [UInt8] {
        var hash = SHA256()
        for part in parts {
            hash.update(data: (0..<8).map { UInt8(truncatingIfNeeded: UInt64(part.count) >> (56 - 8 * $0)) })
            hash.update(data: part)
        }
        return Array(hash.finalize())
    }
}
