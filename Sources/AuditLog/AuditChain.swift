import Crypto
public import NetTypes

/// Where a chain ends: how many entries it has, and the SHA-256 of the last one's line.
public struct AuditHead: Hashable, Sendable {
    /// How many entries there are; the number of the last one.
    public let count: UInt64
    /// SHA-256 of the last line; 32 zeros before the first.
    public let hash: [UInt8]

    /// The head of an empty chain.
    public static let empty = AuditHead(count: 0, hash: [UInt8](repeating: 0, count: 32))

    /// Takes a count and a hash, as they are stored.
    public init(count: UInt64, hash: [UInt8]) {
        self.count = count
        self.hash = hash
    }
}

/// An entry as it is stored and exported.
public struct SealedEntry: Hashable, Sendable {
    /// The entry, as it reads from its line.
    public let entry: AuditEntry
    /// Its canonical bytes, without a line's end.
    public let line: [UInt8]
    /// The head of the chain with it.
    public let head: AuditHead

    /// Gives an event the next place in a chain.
    ///
    /// The caller reads the head, seals and stores in one transaction of the store, that of the change itself.
    public init(_ event: AuditEvent, in chain: AuditChainName, after former: AuditHead) {
        let draft = AuditEntry(chain: chain, number: former.count + 1, former: former.hash, event: event)
        var line = draft.value.canonical
        var read = AuditEntry(line: line)
        if read == nil {
            // Only a state that was never cleaned or a constructed number could do this; the fact itself is kept.
            var bare = event
            bare.before = nil
            bare.after = nil
            let entry = AuditEntry(chain: chain, number: former.count + 1, former: former.hash, event: bare)
            line = entry.value.canonical
            read = entry
        }
        entry = read ?? draft
        self.line = line
        head = AuditHead(count: former.count + 1, hash: Array(SHA256.hash(data: line)))
    }
}

/// What the audit's key states about a chain: that it had so many entries, and this head, at a time.
public struct AuditCheckpoint: Hashable, Sendable {
    /// The chain.
    public let chain: AuditChainName
    /// Its head.
    public let head: AuditHead
    /// When.
    public let time: Timestamp
    /// The DER ECDSA signature with P-256 and SHA-256 over ``message``.
    public let signature: [UInt8]

    /// Signs a head.
    ///
    /// - Parameter sign: the audit key's signature over bytes, such as `SigningKey.sign`.
    public init<Failure: Error>(
        _ head: AuditHead, of chain: AuditChainName, at time: Timestamp,
        sign: ([UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        self.chain = chain
        self.head = head
        self.time = time
        signature = try sign(Self.message(chain, head, time))
    }

    /// The canonical line.
    public var line: [UInt8] {
        AuditValue.object([
            "checkpoint": Self.value(chain, head, time), "signature": .text(Hexadecimal.text(signature)),
        ]).canonical
    }

    /// Reads a checkpoint from its canonical line; nil for any other bytes. It is not verified.
    public init?(line: [UInt8]) {
        guard line.count <= AuditLimits.line, let value = try? AuditValue(canonical: line) else { return nil }
        self.init(value)
    }

    init?(_ value: AuditValue) {
        guard let body = value["checkpoint"], let signature = value["signature"]?.text.flatMap(Hexadecimal.octets),
            let chain = body["chain"]?.text.flatMap(AuditChainName.init(parsing:)),
            let count = body["count"]?.number.flatMap(UInt64.init(exactly:)),
            let hash = body["head"]?.text.flatMap(Hexadecimal.octets), hash.count == 32,
            let time = body["time"]?.number,
            value.members?.count == 2, body.members?.count == 4
        else { return nil }
        self.chain = chain
        head = AuditHead(count: count, hash: hash)
        self.time = Timestamp(time)
        self.signature = signature
    }

    /// What is signed: a line that says what it is, and the canonical form of the rest.
    var message: [UInt8] { Self.message(chain, head, time) }

    private static func message(_ chain: AuditChainName, _ head: AuditHead, _ time: Timestamp) -> [UInt8] {
        Array("patchbay-audit-checkpoint-1\n".utf8) + value(chain, head, time).canonical
    }

    private static func value(_ chain: AuditChainName, _ head: AuditHead, _ time: Timestamp) -> AuditValue {
        .object([
            "chain": .text(chain.text), "count": .number(Int64(clamping: head.count)),
            "head": .text(Hexadecimal.text(head.hash)), "time": .number(time.seconds),
        ])
    }
}

/// Which key signs the checkpoints, by word of the platform's root. It has no end: an audit is verified after years.
public struct AuditKeyStatement: Hashable, Sendable {
    /// The audit key, DER SubjectPublicKeyInfo.
    public let key: [UInt8]
    /// The DER ECDSA signature of the root key over ``message``.
    public let signature: [UInt8]

    /// States it.
    ///
    /// - Parameter sign: the root key's signature over bytes.
    public init<Failure: Error>(key: [UInt8], sign: ([UInt8]) throws(Failure) -> [UInt8]) throws(Failure) {
        self.key = key
        signature = try sign(Self.message(key))
    }

    /// Takes what is stored.
    public init(key: [UInt8], signature: [UInt8]) {
        self.key = key
        self.signature = signature
    }

    /// The canonical line, the first of an export.
    public var line: [UInt8] {
        AuditValue.object([
            "audit": .text(Self.format), "key": .text(Hexadecimal.text(key)),
            "signature": .text(Hexadecimal.text(signature)),
        ]).canonical
    }

    init?(_ value: AuditValue) {
        guard value["audit"]?.text == Self.format, let key = value["key"]?.text.flatMap(Hexadecimal.octets),
            let signature = value["signature"]?.text.flatMap(Hexadecimal.octets), value.members?.count == 3
        else { return nil }
        self.init(key: key, signature: signature)
    }

    static let format = "patchbay-audit-1"

    var message: [UInt8] { Self.message(key) }

    private static func message(_ key: [UInt8]) -> [UInt8] { Array("patchbay-audit-key-1\n".utf8) + key }
}

/// A P-256 key that verifies; only the one DER form of key and signature is taken.
struct AuditPublicKey: Hashable, Sendable {
    let info: [UInt8]

    init?(info: [UInt8]) {
        guard info.count <= 128, let key = try? P256.Signing.PublicKey(derRepresentation: info),
            Array(key.derRepresentation) == info
        else { return nil }
        self.info = info
    }

    func verifies(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        guard signature.count <= 80, let key = try? P256.Signing.PublicKey(derRepresentation: info),
            let parsed = try? P256.Signing.ECDSASignature(derRepresentation: signature),
            Array(parsed.derRepresentation) == signature
        else { return false }
        return key.isValidSignature(parsed, for: bytes)
    }
}
