import NetTypes
import Testing

@testable import Trust

/// A tenant that takes the key of its policy over.
@Suite("Locked policies")
struct PolicyLockTests {
    let world: World
    let acme: Name
    /// The key that the controller holds, and two of the tenant.
    let held = SigningKey()
    let own = SigningKey()
    let next = SigningKey()
    let body = Array("body".utf8)

    init() throws {
        world = try World()
        acme = try Name(parsing: "acme")
    }

    private func lock(_ key: SigningKey?, _ revision: UInt64, by signer: SigningKey) throws -> SignedLock {
        let lock = try #require(PolicyLock(tenant: acme, keyHash: key?.keyHash, revision: revision))
        return try SignedLock(signing: lock, key: key?.publicKeyInfo ?? [], with: signer)
    }

    private func pin(_ key: SigningKey, _ revision: UInt64) -> PolicyLock? {
        PolicyLock(tenant: acme, keyHash: key.keyHash, revision: revision)
    }

    private func verdict(
        _ locks: [SignedLock], signedBy key: SigningKey, pinned: PolicyLock? = nil,
        authority: CertificateAuthority? = nil
    ) async throws -> Result<VerifiedPolicy, TrustRefusal> {
        let authority = authority ?? world.acme
        let policy = try SignedPolicy(
            signing: body, with: key,
            certificate: authority.issuePolicy(publicKey: held.publicKeyInfo, at: World.now),
            issuer: authority.certificate, locks: locks)
        return await world.anchor.verify(policy: policy, lock: pinned, at: World.now, revocations: .none)
    }

    @Test("1: a statement has one form")
    func form() throws {
        let lock = try #require(pin(own, 7))
        let text = String(decoding: lock.canonicalBytes, as: UTF8.self)
        #expect(text.hasPrefix(#"{"lock":""#))
        #expect(text.hasSuffix(#"","revision":7,"tenant":"acme","version":1}"#))
        #expect(try PolicyLock(canonicalBytes: lock.canonicalBytes) == lock)
        let unlock = try #require(PolicyLock(tenant: acme, keyHash: nil, revision: UInt64.max))
        #expect(
            String(decoding: unlock.canonicalBytes, as: UTF8.self)
                == #"{"lock":null,"revision":18446744073709551615,"tenant":"acme","version":1}"#)
        #expect(try PolicyLock(canonicalBytes: unlock.canonicalBytes) == unlock)
        #expect(PolicyLock(tenant: acme, keyHash: [1, 2, 3], revision: 1) == nil)
        let hash = String(repeating: "ab", count: 32)
        let bad = [
            "", "{}", #"{"lock":null,"revision":1,"tenant":"acme"}"#,
            #"{"lock":null,"revision":01,"tenant":"acme","version":1}"#,
            #"{"lock":null,"revision":+1,"tenant":"acme","version":1}"#,
            #"{"lock":null,"revision":1,"tenant":"acme","version":2}"#,
            #"{"lock":null,"revision":1,"tenant":"Acme","version":1}"#,
            #"{"lock":null, "revision":1,"tenant":"acme","version":1}"#,
            #"{"lock":null,"revision":1,"tenant":"acme","version":1}"# + "\n",
            #"{"lock":"","revision":1,"tenant":"acme","version":1}"#,
            #"{"lock":"\#(hash.uppercased())","revision":1,"tenant":"acme","version":1}"#,
            #"{"lock":"\#(hash)ab","revision":1,"tenant":"acme","version":1}"#,
            #"{"lock":"\#(hash.dropLast())é","revision":1,"tenant":"acme","version":1}"#,
            #"{"lock":\#(hash),"revision":1,"tenant":"acme","version":1}"#,
            String(repeating: "x", count: 1 << 20),
        ]
        for (number, text) in bad.enumerated() {
            #expect(throws: TrustRefusal.self, "row \(number)") { try PolicyLock(canonicalBytes: Array(text.utf8)) }
        }
        for index in lock.canonicalBytes.indices {
            var bytes = lock.canonicalBytes
            bytes[index] ^= 0x80
            #expect(throws: TrustRefusal.self, "byte \(index)") { try PolicyLock(canonicalBytes: bytes) }
        }
    }

    @Test("2: once locked, the tenant's key signs and the controller's does not")
    func locked() async throws {
        let locks = [try lock(own, 5, by: held)]
        let verified = try #require(try await verdict(locks, signedBy: own).value)
        #expect(verified.lock == pin(own, 5))
        #expect(verified.covers(tenant: acme, revision: 5))
        #expect(!verified.covers(tenant: acme, revision: 4), "an older policy is not the locked key's")
        #expect(!verified.covers(tenant: try Name(parsing: "globex"), revision: 5))
        #expect(try await verdict(locks, signedBy: held).refusal == .badSignature(.policy))
        #expect(try await verdict(locks, signedBy: next).refusal == .badSignature(.policy))
        // Without a lock everything is as it was.
        let plain = try await verdict([], signedBy: held).value
        #expect(plain?.lock == nil)
        #expect(plain?.covers(tenant: acme, revision: 0) == true)
    }

    @Test("3: who has pinned a lock believes no other signer, whatever the tenant's CA certifies")
    func pinned() async throws {
        let pinned = pin(own, 5)
        let honest = try lock(own, 5, by: held)
        #expect(try await verdict([honest], signedBy: own, pinned: pinned).value?.lock == pinned)
        // 1. The controller leaves the lock out, with the key that the CA certifies.
        #expect(try await verdict([], signedBy: held, pinned: pinned).refusal == .locked(acme))
        // 2. It shows the lock and signs itself.
        #expect(try await verdict([honest], signedBy: held, pinned: pinned).refusal == .badSignature(.policy))
        // 3. It makes other locks with the key that it holds: in place of the one, before and behind it.
        for forged in [
            [try lock(next, 5, by: held)], [try lock(next, 9, by: held)], [honest, try lock(next, 9, by: held)],
            [honest, try lock(nil, 9, by: held)], [try lock(nil, 9, by: held)],
            [honest, try lock(nil, 9, by: held), try lock(next, 10, by: held)],
        ] {
            #expect(try await verdict(forged, signedBy: next, pinned: pinned).value == nil)
            #expect(try await verdict(forged, signedBy: held, pinned: pinned).value == nil)
        }
        // 4. What stands before the pinned statement is no matter, for it is not looked at.
        let early = try lock(next, 4, by: next)
        #expect(try await verdict([early, honest], signedBy: own, pinned: pinned).value?.lock == pinned)
        // 5. The lock of one tenant is none of another's.
        #expect(
            try await verdict([honest], signedBy: own, pinned: pinned, authority: world.globex).refusal
                == .locked(try Name(parsing: "globex")))
    }

    @Test("4: the locked key names the next key, or gives the policy back; only then is another believed")
    func changes() async throws {
        let first = try lock(own, 5, by: held)
        let second = try lock(next, 8, by: own)
        let back = try lock(nil, 12, by: next)
        let again = try lock(own, 15, by: held)
        // From any place of the chain that a reader has pinned, and from none.
        let table: [([SignedLock], SigningKey, PolicyLock?)] = [
            ([first, second], next, pin(next, 8)), ([first, second, back], held, nil),
            ([first, second, back, again], own, pin(own, 15)),
        ]
        for (number, row) in table.enumerated() {
            for start in [nil, pin(own, 5), pin(next, 8)] where number > 0 || start != nil {
                let verified = try await verdict(row.0, signedBy: row.1, pinned: start)
                #expect(verified.value?.lock == row.2, "row \(number): \(verified)")
                #expect(verified.value != nil)
            }
        }
        // A former key, and the chain as it was before, are refused by who has seen more.
        #expect(try await verdict([first, second], signedBy: own).refusal == .badSignature(.policy))
        #expect(try await verdict([first], signedBy: own, pinned: pin(next, 8)).refusal == .locked(acme))
        // An unlocking that was said once does not count again.
        let replayed = [first, second, back, again, back]
        #expect(try await verdict(replayed, signedBy: held, pinned: pin(own, 15)).refusal?.code == "malformed")
    }

    @Test("5: statements that are out of order, of another tenant, without their key or too many are refused")
    func malformed() async throws {
        let first = try lock(own, 5, by: held)
        func code(_ locks: [SignedLock]) async throws -> String? {
            try await verdict(locks, signedBy: next).refusal?.code
        }
        #expect(try await code([first, lock(next, 5, by: own)]) == "malformed")
        #expect(try await code([first, lock(next, 4, by: own)]) == "malformed")
        let globex = try #require(
            PolicyLock(tenant: Name(parsing: "globex"), keyHash: next.keyHash, revision: 5))
        #expect(
            try await code([SignedLock(signing: globex, key: next.publicKeyInfo, with: held)]) == "malformed")
        var other = try lock(next, 5, by: held)
        other.key = own.publicKeyInfo
        #expect(try await code([other]) == "malformed")
        other.key = []
        #expect(try await code([other]) == "malformed")
        other = try lock(nil, 5, by: held)
        other.key = own.publicKeyInfo
        #expect(try await code([other]) == "malformed")
        var many: [SignedLock] = []
        for revision in 1...UInt64(TrustLimits.lockStatements + 1) {
            many.append(try lock(next, revision, by: revision == 1 ? held : next))
        }
        #expect(try await code(many) == "malformed")
        #expect(try await code(many.dropLast()) == nil)
        let honest = try lock(next, 5, by: held)
        for index in honest.body.indices {
            other = honest
            other.body[index] ^= 0x01
            #expect(try await code([other]) != nil, "byte \(index)")
        }
        for index in honest.signature.indices {
            other = honest
            other.signature[index] ^= 0x01
            #expect(try await code([other]) == "bad-signature", "byte \(index)")
        }
    }
}
