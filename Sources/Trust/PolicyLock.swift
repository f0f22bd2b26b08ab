import Foundation
public import NetTypes

/// Who alone may sign a tenant's policy from some revision on: a statement of the tenant, which nobody else can make or
/// take back, the controller and the tenant's CA included.
///
/// Its bytes are `{"lock":"<SHA-256 of the key's SubjectPublicKeyInfo, hexadecimal>","revision":7,"tenant":"acme",
/// "version":1}` in one line without spaces, or the same with `null` in place of the hash, which gives the policy back
/// to the key that the tenant's CA certifies. A reader keeps the statement that is in force, its pin.
public struct PolicyLock: Hashable, Sendable {
    /// Whose policy it is.
    public let tenant: Name
    /// SHA-256 of the SubjectPublicKeyInfo of the only key that may sign; nil: the key that the tenant's CA certifies.
    public let keyHash: [UInt8]?
    /// The first revision of the policy of which this holds; every statement has a greater one than that before it.
    public let revision: UInt64

    /// States who may sign; nil where the hash is not one of SHA-256.
    public init?(tenant: Name, keyHash: [UInt8]?, revision: UInt64) {
        guard keyHash.map({ $0.count == 32 }) ?? true else { return nil }
        self.tenant = tenant
        self.keyHash = keyHash
        self.revision = revision
    }

    /// The statement as the bytes that are signed.
    public var canonicalBytes: [UInt8] {
        let lock = keyHash.map { "\"\(Self.hexadecimal($0))\"" } ?? "null"
        return Array("{\"lock\":\(lock),\"revision\":\(revision),\"tenant\":\"\(tenant)\",\"version\":1}".utf8)
    }

    /// Reads the canonical form and nothing else.
    public init(canonicalBytes bytes: [UInt8]) throws(TrustRefusal) {
        guard bytes.count <= TrustLimits.lockBytes else {
            throw .oversize(.lock, bytes: bytes.count, limit: TrustLimits.lockBytes)
        }
        // Between the marks stands what matters; whether all is as it must be, the form written again tells.
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 4, let lock = Self.value(parts[0], after: "{\"lock\":"),
            let number = Self.value(parts[1], after: "\"revision\":"), let revision = UInt64(number),
            let quoted = Self.value(parts[2], after: "\"tenant\":\""),
            let tenant = try? Name(parsing: quoted.dropLast()),
            let read = Self(
                tenant: tenant, keyHash: lock == "null" ? nil : Self.octets(lock.dropFirst().dropLast()),
                revision: revision),
            read.canonicalBytes == bytes
        else { throw .malformed(.lock, "it is not the canonical form of a statement about who may sign") }
        self = read
    }

    private static func value(_ part: Substring, after mark: String) -> Substring? {
        part.hasPrefix(mark) ? part.dropFirst(mark.count) : nil
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The octets of hexadecimal digits; of any other text octets that are no hash.
    private static func octets(_ text: Substring) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue).map(UInt8.init)
        guard digits.count == 64, text.count == 64 else { return [] }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// A statement about who may sign, as it travels: signed by who might until then, not yet believed.
public struct SignedLock: Hashable, Sendable {
    /// The canonical bytes of the statement.
    public var body: [UInt8]
    /// The DER ECDSA signature over the body, of the key that might sign the policy before.
    public var signature: [UInt8]
    /// The key that the statement names, DER SubjectPublicKeyInfo; empty where it names none.
    public var key: [UInt8]

    /// Puts the three together.
    public init(body: [UInt8], signature: [UInt8], key: [UInt8]) {
        self.body = body
        self.signature = signature
        self.key = key
    }

    /// Signs a statement with the key that may sign the policy until then.
    public init(signing lock: PolicyLock, key: [UInt8], with signer: SigningKey) throws(KeyError) {
        let body = lock.canonicalBytes
        self.init(body: body, signature: try signer.sign(body), key: key)
    }

    /// The statement and the key that it names, if they belong together; nothing of it is verified.
    func statement() throws(TrustRefusal) -> (lock: PolicyLock, key: PublicKey?) {
        let lock = try PolicyLock(canonicalBytes: body)
        guard let hash = lock.keyHash else {
            guard key.isEmpty else { throw .malformed(.lock, "a key comes with it, though it names none") }
            return (lock, nil)
        }
        guard let named = try? PublicKey(info: key), named.hash == hash else {
            throw .malformed(.lock, "the key that comes with it is not the one that it names")
        }
        return (lock, named)
    }
}

/// A policy that was verified. Only ``TrustAnchor`` makes one.
public struct VerifiedPolicy: Hashable, Sendable {
    /// The tenant whose key signed it.
    public let tenant: Name
    /// Who may sign from now on; to be kept, and given with the next policy of this tenant. Nil: the key that the
    /// tenant's CA certifies, and nothing is to be kept.
    public let lock: PolicyLock?

    /// Whether the signature speaks for what the body says of itself: its tenant, and a revision that is not older than
    /// the lock. The caller reads these from the body, and must ask.
    public func covers(tenant: Name, revision: UInt64) -> Bool {
        tenant == self.tenant && revision >= lock?.revision ?? 0
    }
}

extension SignedPolicy {
    /// Finds the key that may sign.
    ///
    /// - Parameters:
    ///   - certified: the key of the certificate, which begins.
    ///   - pinned: what the reader has kept; who signs by a statement before it may no longer.
    func signer(
        of tenant: Name, certified: PublicKey, pinned: PolicyLock?
    ) throws(TrustRefusal) -> (key: PublicKey, lock: PolicyLock?) {
        guard locks.count <= TrustLimits.lockStatements else {
            throw .malformed(.lock, "there are more than \(TrustLimits.lockStatements) statements")
        }
        var (key, lock) = (certified, PolicyLock?.none)
        // 1. What the reader has kept is believed, and nothing before it is looked at; the statement is there for its
        //    key only.
        var rest = locks[...]
        if let pinned {
            guard pinned.tenant == tenant else { throw .locked(tenant) }
            if pinned.keyHash != nil {
                guard let index = locks.firstIndex(where: { $0.body == pinned.canonicalBytes }),
                    let named = try locks[index].statement().key
                else { throw .locked(tenant) }
                (key, lock) = (named, pinned)
                rest = locks[(index + 1)...]
            }
        }
        // 2. Each statement is signed by who might sign before it.
        for signed in rest {
            let next = try signed.statement()
            guard next.lock.tenant == tenant else {
                throw .malformed(.lock, "it is about tenant \(next.lock.tenant), not \(tenant)")
            }
            guard lock.map({ $0.revision < next.lock.revision }) ?? true else {
                throw .malformed(.lock, "its revision is not greater than that of the statement before it")
            }
            guard key.verifies(signed.signature, over: signed.body) else { throw .badSignature(.lock) }
            (key, lock) = (next.key ?? certified, next.lock)
        }
        return (key, lock?.keyHash == nil ? nil : lock)
    }
}
