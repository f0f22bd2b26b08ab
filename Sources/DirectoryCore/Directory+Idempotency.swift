import Accounts
import Crypto
public import NetTypes

/// An answer that is kept, so that who asks again by the same key gets it and nothing is done twice.
public struct KeptAnswer: Hashable, Sendable {
    public var status: Int
    /// The media type; empty where there is no body.
    public var type: String
    public var body: [UInt8]

    public init(status: Int, type: String, body: [UInt8]) {
        self.status = status
        self.type = type
        self.body = body
    }

    /// For how long, in seconds: a day.
    public static let lifetime: Int64 = 86_400
    /// After how many seconds one that was begun and never ended may be begun again: its controller has died.
    public static let abandoned: Int64 = 120
    /// The longest body that is kept, in bytes.
    public static let longest = 1 << 20
}

/// One key of one who asked, as it is stored.
public struct IdempotencyRow: Hashable, Sendable {
    /// SHA-256 of who asked and the key.
    public var id: [UInt8]
    /// SHA-256 of what was asked.
    public var fingerprint: [UInt8]
    public var begunAt: Timestamp
    /// The answer, sealed, for there may be secrets in it that are shown once; nil while it is not there yet.
    public var sealed: [UInt8]?

    public init(id: [UInt8], fingerprint: [UInt8], begunAt: Timestamp, sealed: [UInt8]?) {
        self.id = id
        self.fingerprint = fingerprint
        self.begunAt = begunAt
        self.sealed = sealed
    }
}

/// What a transaction can read of keys of idempotency.
public protocol IdempotencyReader {
    func idempotency(_ id: [UInt8]) throws(DirectoryError) -> IdempotencyRow?
}

/// What a transaction can write of keys of idempotency.
public protocol IdempotencyTransaction: IdempotencyReader {
    func put(_ row: IdempotencyRow) throws(DirectoryError)
    func delete(idempotency id: [UInt8]) throws(DirectoryError)
    /// Forgets those that were begun before a time; returns how many.
    @discardableResult
    func deleteIdempotency(before time: Timestamp) throws(DirectoryError) -> Int
}

extension Directory {
    /// Begins something that is to be done once only; gives the answer where it was done already.
    ///
    /// - Parameters:
    ///   - actor: who asks; another one's keys are other keys.
    ///   - request: all of what is asked.
    /// - Throws: ``DirectoryError/Code/keyReused`` where something else was asked by the key before, and
    ///   ``DirectoryError/Code/inProgress`` where the same is being done now.
    public func begin(
        actor: String, key: String, request: [UInt8]
    ) async throws(DirectoryError) -> KeptAnswer? {
        let (id, at) = (Self.id(actor, key), now())
        let fingerprint = Array(SHA256.hash(data: request))
        let found = try await store.write { (tx) throws(DirectoryError) -> IdempotencyRow? in
            if let row = try tx.idempotency(id), at - row.begunAt < KeptAnswer.lifetime {
                guard row.fingerprint == fingerprint else {
                    throw DirectoryError(
                        .keyReused, "Something else was asked by this idempotency key before.",
                        pointer: "idempotency-key", remedy: "Use a new key for each thing that is asked.")
                }
                if row.sealed != nil { return row }
                guard at - row.begunAt >= KeptAnswer.abandoned else {
                    throw DirectoryError(
                        .inProgress, "What was asked by this idempotency key is being done.",
                        pointer: "idempotency-key", remedy: "Wait, then ask again by the same key.")
                }
            }
            try tx.put(IdempotencyRow(id: id, fingerprint: fingerprint, begunAt: at, sealed: nil))
            return nil
        }
        guard let sealed = found?.sealed else { return nil }
        guard let owner = AccountID(octets: id.prefix(16)),
            let text = platform.people.box.open(sealed, of: owner, purpose: Self.purpose),
            let answer = KeptAnswer(text)
        else { throw DirectoryError(.storage, "A kept answer cannot be opened.", remedy: "Use a new idempotency key.") }
        return answer
    }

    /// Ends what was begun: keeps the answer, or, without one, forgets that it was begun.
    public func end(actor: String, key: String, _ answer: KeptAnswer?) async throws(DirectoryError) {
        let id = Self.id(actor, key)
        guard let owner = AccountID(octets: id.prefix(16)) else { return }
        let sealed = answer.flatMap { answer in
            answer.body.count > KeptAnswer.longest
                ? nil
                : platform.people.box.seal(answer.text, of: owner, purpose: Self.purpose, random: random)
        }
        try await store.write { (tx) throws(DirectoryError) in
            guard var row = try tx.idempotency(id) else { return }
            guard let sealed else { return try tx.delete(idempotency: id) }
            row.sealed = sealed
            try tx.put(row)
        }
    }

    private static let purpose = "idempotency"

    private static func id(_ actor: String, _ key: String) -> [UInt8] {
        Array(SHA256.hash(data: Array("\(actor)\n\(key)".utf8)))
    }
}

extension KeptAnswer {
    /// Status and type in a line each, and the body.
    fileprivate var text: [UInt8] { Array("\(status)\n\(type)\n".utf8) + body }

    fileprivate init?(_ text: [UInt8]) {
        let parts = text.split(separator: 0x0a, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let status = Int(String(decoding: parts[0], as: UTF8.self)) else { return nil }
        self.init(status: status, type: String(decoding: parts[1], as: UTF8.self), body: Array(parts[2]))
    }
}
