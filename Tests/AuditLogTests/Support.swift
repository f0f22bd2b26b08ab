import AuditLog
import Crypto
import NetTypes

/// A generator whose numbers follow from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A platform's root and audit keys, and one chain that grows.
struct Book {
    /// The beginning of 2026.
    static let start = Timestamp(1_767_225_600)

    let root = P256.Signing.PrivateKey()
    let key = P256.Signing.PrivateKey()
    let chain: AuditChainName
    var head = AuditHead.empty
    var entries: [SealedEntry] = []

    init(chain: AuditChainName = .platform) { self.chain = chain }

    var rootInfo: [UInt8] { Array(root.publicKey.derRepresentation) }

    static func sign(_ key: P256.Signing.PrivateKey) -> ([UInt8]) throws -> [UInt8] {
        { bytes in Array(try key.signature(for: bytes).derRepresentation) }
    }

    func statement() throws -> AuditKeyStatement {
        try AuditKeyStatement(key: Array(key.publicKey.derRepresentation), sign: Self.sign(root))
    }

    func checkpoint(at count: Int? = nil) throws -> AuditCheckpoint {
        let head = count.map { $0 == 0 ? .empty : entries[$0 - 1].head } ?? self.head
        return try AuditCheckpoint(head, of: chain, at: Self.start, sign: Self.sign(key))
    }

    mutating func add(_ event: AuditEvent) {
        let sealed = SealedEntry(event, in: chain, after: head)
        head = sealed.head
        entries.append(sealed)
    }

    /// Adds so many entries of different kinds.
    mutating func fill(_ count: Int) {
        for number in 0..<count {
            add(
                AuditEvent(
                    time: Self.start + Int64(number), actor: .user(id: "0123", name: "ada@acme"), means: .session("77"),
                    source: "192.0.2.1", action: number % 2 == 0 ? "createEndpoint" : "plug",
                    resource: "endpoint/web\(number)",
                    before: number % 3 == 0 ? nil : .object(["n": .number(Int64(number))]),
                    after: .object(["n": .number(Int64(number + 1))]),
                    outcome: number % 5 == 0 ? .refused("role") : .done))
        }
    }

    /// The lines of an export: the statement, the entries with checkpoints after some, and one at the end.
    func lines(from first: Int = 1, checkpointsAfter places: Set<Int> = []) throws -> [[UInt8]] {
        var lines = [try statement().line]
        if first > 1 { lines.append(try checkpoint(at: first - 1).line) }
        for place in first...max(first, entries.count) where place <= entries.count {
            lines.append(entries[place - 1].line)
            if places.contains(place) { lines.append(try checkpoint(at: place).line) }
        }
        return lines + [try checkpoint().line]
    }

    func verify(_ lines: [[UInt8]], expecting: [AuditCheckpoint] = []) -> AuditReport {
        AuditVerifier.verify(Self.joined(lines), root: rootInfo, expecting: expecting)
    }

    static func joined(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [0x0a] } }
}
