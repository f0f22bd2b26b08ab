import DirectoryCore
import NetTypes
import Policy
import PolicyLanguage
import Testing
import Trust

/// A tenant that signs its policy itself; the controller has not got its key.
@Suite("Locked policies in the directory")
struct DirectoryLockTests {
    private let own = SigningKey()
    private let next = SigningKey()

    /// The policy after the present one, with whatever is changed in it.
    private func body(
        _ fixture: Fixture, _ change: (inout TenantPolicy) throws -> Void = { _ in }
    ) async throws -> [UInt8] {
        var policy = try await fixture.directory.policy(of: try name("acme")).policy
        policy.entries.revision += 1
        try change(&policy)
        return policy.canonicalBytes
    }

    private func lock(_ fixture: Fixture) async throws -> PolicyState {
        let body = try await body(fixture)
        return try await fixture.directory.lockPolicy(
            of: try name("acme"), key: own.publicKeyInfo, body: body, signature: try own.sign(body))
    }

    private func statement(_ key: SigningKey?, _ revision: UInt64, by signer: SigningKey) throws -> SignedLock {
        let lock = try #require(PolicyLock(tenant: name("acme"), keyHash: key?.keyHash, revision: revision))
        return try SignedLock(signing: lock, key: key?.publicKeyInfo ?? [], with: signer)
    }

    @Test("Once locked, nothing is changed without the tenant's signature", arguments: StoreKind.allCases)
    func locked(_ kind: StoreKind) async throws {
        let fixture = try await DirectoryDocumentTests.world(kind)
        let (acme, directory) = (try name("acme"), fixture.directory)
        let text = Array(DirectoryDocumentTests.document.utf8)
        _ = try await directory.applyDocument(text, of: acme)
        let (web1, web2) = (Selector.endpoint(try name("web1")), Selector.endpoint(try name("web2")))
        let plugged = try await directory.plug(acme, from: web1, to: web2)
        let state = try await lock(fixture)
        #expect(state.revision == 4 && state.signed.locks.count == 1 && state.entries == plugged.entries)
        #expect(try await directory.tenant(acme).lock?.revision == 4)
        #expect(try await directory.documentText(of: acme).text == text)
        // 1. The former revision is the controller's still, the present one the tenant's.
        #expect(try await directory.policy(of: acme, revision: 3).signed.locks.isEmpty)
        let verdict = await fixture.platform.anchor.verify(
            policy: state.signed, lock: nil, at: fixture.now, revocations: .none)
        #expect((try? verdict.get())?.lock?.keyHash == own.keyHash)
        // 2. Whatever the controller would have to sign is refused.
        await expectRefusal(.locked, mentions: "revision 4") {
            try await directory.plug(acme, from: web1, to: web2, oneWay: true)
        }
        await expectRefusal(.locked) { try await directory.unplug(acme, from: web1, to: web2) }
        await expectRefusal(.locked) { try await directory.addPolicyEntry(to: acme, .plug, from: web2, to: web1) }
        await expectRefusal(.locked) { try await directory.removePolicyEntry(1, of: acme) }
        await expectRefusal(.locked) { try await directory.applyDocument(text + [0x0a], of: acme) }
        await expectRefusal(.locked) { try await directory.rollback(acme, to: 2) }
        await expectRefusal(.locked) { try await directory.deleteEndpoint(try tenantName("acme/web1")) }
        await expectRefusal(.locked) { try await lock(fixture) }
        #expect(try await directory.policy(of: acme).revision == 4)
        #expect(try await directory.endpoint(try tenantName("acme/web1")).name.name.text == "web1")
        // What changes nothing is no matter, and looking is allowed.
        #expect(try await directory.plug(acme, from: web1, to: web2).revision == 4)
        #expect(try await directory.checkDocument(text, of: acme).isAccepted)
        #expect(try await directory.applyDocument(text, of: acme, dryRun: true).diff?.changes.isEmpty == true)
    }

    @Test("What the tenant has signed is taken, if it is the next revision and its tests hold")
    func signed() async throws {
        let fixture = try await DirectoryDocumentTests.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        let text = Array(DirectoryDocumentTests.document.utf8)
        _ = try await directory.applyDocument(text, of: acme)
        _ = try await lock(fixture)
        let good = try await body(fixture) {
            try $0.entries.add(.plug, from: .endpoint(try name("web1")), to: .endpoint(try name("web2")))
        }
        let taken = try await directory.applySigned(good, signature: try own.sign(good), text: text, of: acme)
        #expect(taken.isNew && taken.revision == 4)
        #expect(try await directory.policy(of: acme).entries.count == 1)
        #expect(try await directory.documentText(of: acme).text == text)
        // 1. Replayed, of the future, another tenant's, not canonical, not signed by the key.
        await expectRefusal(.conflict, at: "/body", mentions: "next one is 5") {
            try await directory.applySigned(good, signature: try own.sign(good), of: acme)
        }
        let future = try await body(fixture) { $0.entries.revision += 1 }
        await expectRefusal(.conflict) {
            try await directory.applySigned(future, signature: try own.sign(future), of: acme)
        }
        let foreign = TenantPolicy(tenant: try name("globex"), revision: 5).canonicalBytes
        await expectRefusal(.invalid, mentions: "globex") {
            try await directory.applySigned(foreign, signature: try own.sign(foreign), of: acme)
        }
        for (bad, code) in [
            ([], DirectoryError.Code.invalid), ([0x7b], .invalid), (Array(good.dropLast()), .refusedDocument),
            (good + [0x20], .refusedDocument),
        ] as [([UInt8], DirectoryError.Code)] {
            await expectRefusal(code) {
                try await directory.applySigned(bad, signature: try own.sign(bad), of: acme)
            }
        }
        let fair = try await body(fixture)
        await expectRefusal(.untrusted, at: "/signature") {
            try await directory.applySigned(fair, signature: try next.sign(fair), of: acme)
        }
        await expectRefusal(.untrusted) { try await directory.applySigned(fair, signature: [], of: acme) }
        // 2. A text that says something else, and a document whose tests fail.
        await expectRefusal(.invalid, at: "/text") {
            try await directory.applySigned(
                fair, signature: try own.sign(fair), text: Array("version: 1\ntenant: acme\n".utf8), of: acme)
        }
        let failing = try await body(fixture) {
            try $0.entries.add(.plug, from: .endpoint(try name("web1")), to: .endpoint(try name("db1")))
        }
        await expectRefusal(.refusedDocument) {
            try await directory.applySigned(failing, signature: try own.sign(failing), of: acme)
        }
        #expect(try await directory.policy(of: acme).revision == 4)
    }

    @Test("The key names another, or gives the policy back; nobody else can")
    func keys() async throws {
        let fixture = try await DirectoryDocumentTests.world()
        let (acme, directory) = (try name("acme"), fixture.directory)
        await expectRefusal(.conflict) { try await directory.applySigned([], signature: [], of: acme) }
        await expectRefusal(.conflict) { try await directory.unlockPolicy(of: acme, try statement(nil, 2, by: own)) }
        // A lock is proven by the key's signature of what is in force.
        let fair = try await body(fixture)
        await expectRefusal(.untrusted) {
            try await directory.lockPolicy(of: acme, key: own.publicKeyInfo, body: fair, signature: try next.sign(fair))
        }
        let other = try await body(fixture) {
            try $0.entries.add(.plug, from: .endpoint(try name("web1")), to: .endpoint(try name("db1")))
        }
        await expectRefusal(.invalid, at: "/body") {
            try await directory.lockPolicy(
                of: acme, key: own.publicKeyInfo, body: other, signature: try own.sign(other))
        }
        _ = try await lock(fixture)
        // 1. Another key, by a statement of the one that is locked.
        let third = try await body(fixture)
        await expectRefusal(.untrusted) {
            try await directory.applySigned(
                third, signature: try next.sign(third), lock: try statement(next, 3, by: next), of: acme)
        }
        await expectRefusal(.invalid, at: "/lock") {
            try await directory.applySigned(
                third, signature: try next.sign(third), lock: try statement(next, 4, by: own), of: acme)
        }
        _ = try await directory.applySigned(
            third, signature: try next.sign(third), lock: try statement(next, 3, by: own), of: acme)
        #expect(try await directory.tenant(acme).lock?.keyHash == next.keyHash)
        // 2. Back to the controller, by the key that is locked now only.
        await expectRefusal(.untrusted) { try await directory.unlockPolicy(of: acme, try statement(nil, 4, by: own)) }
        let state = try await directory.unlockPolicy(of: acme, try statement(nil, 4, by: next))
        #expect(state.revision == 4 && state.signed.locks.count == 3)
        #expect(try await directory.tenant(acme).lock == nil)
        let pinned = PolicyLock(tenant: acme, keyHash: own.keyHash, revision: 2)
        let verdict = await fixture.platform.anchor.verify(
            policy: state.signed, lock: pinned, at: fixture.now, revocations: .none)
        #expect(
            (try? verdict.get())?.lock == nil && (try? verdict.get()) != nil,
            "a leaf that saw the first lock only follows")
        _ = try await directory.plug(acme, from: .endpoint(try name("web1")), to: .endpoint(try name("web2")))
        #expect(try await lock(fixture).revision == 6)
    }
}
