import DirectoryCore
import Foundation
import NetTypes
import Policy
import StoreSQLite
import Testing
import Trust

/// A directory that comes back from a copy, and leaves that have seen more than is in it.
@Suite("A restored directory and its leaves")
struct RecoveryTests {
    /// What leaves refuse to go behind.
    private struct Seen: Equatable {
        var epochs: [Epoch] = []
        var policy: UInt64 = 0
        var guardrails: UInt64 = 0
        var suspensions: UInt64 = 0

        func isBehind(_ other: Seen) -> Bool {
            zip(epochs, other.epochs).allSatisfy { $0 < $1 } && policy < other.policy && guardrails < other.guardrails
                && suspensions < other.suspensions
        }
    }

    private static func seen(_ directory: Directory, _ fixture: Fixture) async throws -> Seen {
        var seen = Seen()
        for name in ["acme/web1", "acme/web2"] {
            seen.epochs.append(try await directory.endpoint(tenantName(name)).epoch)
        }
        // All of it as a leaf takes it.
        let anchor = fixture.platform.anchor
        let policy = try await directory.policy(of: name("acme"))
        #expect(
            try await anchor.verify(policy: policy.signed, at: fixture.now, revocations: .none).get() == name("acme"))
        seen.policy = policy.revision
        seen.guardrails = try await directory.guardrails()?.guardrails.revision ?? 0
        if let signed = try await directory.suspensions() {
            seen.suspensions =
                try await anchor.verify(suspensions: signed, at: fixture.now, revocations: .none).get().revision
        }
        return seen
    }

    private static let some = Array("version: 1\nplatform: true\nrules: [{name: up, levels: upward}]\n".utf8)

    @Test("Whatever was given out after the copy was made, what is given out now is newer")
    func ahead() async throws {
        let fixture = try Fixture(.file)
        try await fixture.tenant()
        try await fixture.tenant("globex")
        let (h1, h2) = (try await fixture.host("h1"), try await fixture.host("h2"))
        let web1 = try await fixture.endpoint("acme/web1", on: "h1")
        let web2 = try await fixture.endpoint("acme/web2", on: "h1")
        for endpoint in [web1, web2] { try await h1.run(endpoint.identity) }
        let directory = fixture.directory
        let acme = try name("acme")
        let (from, to) = (Selector.endpoint(web1.name.name), Selector.endpoint(web2.name.name))
        _ = try await directory.plug(acme, from: from, to: to)
        let copy = fixture.folder + "/copy"
        _ = try SQLiteSnapshot.write(from: fixture.folder + "/directory.sqlite", to: copy)
        let before = try await directory.policy(of: acme)

        // Both go to h2 and back, the policy changes again and again, and there are guardrails and a suspension.
        for (leaf, host) in [(h2, "h2"), (h1, "h1"), (h2, "h2")] {
            for endpoint in [web1, web2] {
                _ = try await directory.moveEndpoint(endpoint.name, to: name(host))
                let former = leaf.id == h2.id ? h1 : h2
                try await directory.report(leaf: former.id, identity: endpoint.identity, .closed)
                try await leaf.run(endpoint.identity)
            }
        }
        for _ in 0..<4 {
            _ = try await directory.unplug(acme, from: from, to: to)
            _ = try await directory.plug(acme, from: from, to: to, security: .conf)
        }
        _ = try await directory.applyGuardrails(Self.some)
        _ = try await directory.suspendTenant(acme, reason: "late")
        let late = try await Self.seen(directory, fixture)
        #expect(late.epochs == [4, 4] && late.guardrails == 1)

        // The same copy is restored twice, and changed in between: far more often than there are seconds.
        var newest = late
        for round in 0..<2 {
            fixture.advance(round == 0 ? 3_600 : 1)
            let path = fixture.folder + "/restored\(round)"
            try FileManager.default.copyItem(atPath: copy, toPath: path)
            let store = try SQLiteStore(path: path)
            let restored = fixture.directory(on: store)
            #expect(try await !newest.isBehind(Self.seen(restored, fixture)), "else this tests nothing")
            let done = try await restored.recover()
            #expect(done.endpoints == 2 && done.policies == 2 && done.locked.isEmpty)
            let present = try await Self.seen(restored, fixture)
            #expect(newest.isBehind(present), "\(newest) \(present)")
            #expect((present.epochs + [present.policy, present.guardrails]).allSatisfy { $0 < 1 << 53 })
            // It is what it was: plugged without protection, not suspended, and nothing forbids anything.
            let policy = try await restored.policy(of: acme)
            #expect(policy.entries == before.entries && policy.policy.document == before.policy.document)
            #expect(try await restored.tenant(acme).suspension == nil)
            #expect(try await restored.guardrails()?.guardrails.document.rules.isEmpty == true)

            // Who has it publishes what every leaf takes; who has it no more, or an old record, does not.
            let ports = try await restored.desiredPorts(of: h1.id)
            #expect(Set(ports.map(\.epoch)) == Set(present.epochs))
            for endpoint in [web1, web2] {
                let key = SigningKey()
                let certified = try await restored.certifyEndpoint(
                    leaf: h1.id, identity: endpoint.identity, signingRequest: try SigningRequest(key: key).der)
                #expect(certified.epoch > newest.epochs[0])
                let mine = TestLeaf.Certified(key: key, answer: certified)
                await expectRefusal(.olderEpoch) {
                    try await restored.publish(
                        leaf: h1.id, h1.facts(endpoint.identity, mine, epoch: newest.epochs[0]))
                }
                try await restored.publish(leaf: h1.id, h1.facts(endpoint.identity, mine))
                await expectRefusal(.forbidden) {
                    try await restored.certifyEndpoint(
                        leaf: h2.id, identity: endpoint.identity, signingRequest: try SigningRequest(key: key).der)
                }
            }
            // And it goes on from there.
            for _ in 0..<20 {
                _ = try await restored.unplug(acme, from: from, to: to)
                _ = try await restored.plug(acme, from: from, to: to, security: .auth)
            }
            _ = try await restored.applyGuardrails(Self.some)
            _ = try await restored.suspendTenant(acme, reason: "again")
            newest = try await Self.seen(restored, fixture)
            try store.close()
        }
    }

    @Test("A leaf that was certified after the copy was made goes on, unless it is revoked") func leaves() async throws
    {
        let fixture = try Fixture(.file)
        var members: [TestLeaf] = []
        for index in 1...4 { members.append(try await fixture.host("h\(index)")) }
        let copied = fixture.now
        let copy = fixture.folder + "/copy"
        _ = try SQLiteSnapshot.write(from: fixture.folder + "/directory.sqlite", to: copy)
        fixture.advance(7_200)
        var renewed: [[UInt8]] = []
        for leaf in members {
            renewed.append(
                try await fixture.directory.renewLeaf(leaf.id, signingRequest: SigningRequest(key: SigningKey()).der))
        }
        fixture.advance(3_600)
        let store = try SQLiteStore(path: copy)
        func directory(_ unnoted: ClosedRange<Timestamp>?) -> Directory {
            var configuration = DirectoryConfiguration()
            configuration.unnoted = unnoted
            return Directory(
                platform: fixture.platform, store: store, configuration: configuration, now: { fixture.now },
                random: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } })
        }
        // Without knowing of a restore, or of one before it was issued, it is as if it were revoked.
        for unnoted in [nil, copied...(copied + 60)] as [ClosedRange<Timestamp>?] {
            let other = directory(unnoted)
            await expectRefusal(.untrusted) { try await other.authenticate(leaf: renewed[0]) }
        }
        let window = copied...fixture.now
        let restored = directory(window)
        #expect(try await restored.authenticate(leaf: renewed[0]).id == members[0].id)
        #expect(try await restored.authenticate(leaf: members[0].certificate).id == members[0].id)
        // It is noted, so that it can be revoked, and outlasts a start that knows of no restore.
        #expect(try await directory(nil).authenticate(leaf: renewed[0]).id == members[0].id)
        try await restored.deleteHost(name("h1"))
        await expectRefusal(.forbidden) { try await restored.authenticate(leaf: renewed[0]) }
        // The host is gone before its leaf came back.
        try await restored.deleteHost(name("h2"))
        await expectRefusal(.forbidden) { try await restored.authenticate(leaf: renewed[1]) }
        // It was certified anew since: whoever still has the other certificate is not the leaf.
        fixture.advance(3_600)
        _ = try await restored.renewLeaf(members[2].id, signingRequest: SigningRequest(key: SigningKey()).der)
        await expectRefusal(.untrusted) { try await restored.authenticate(leaf: renewed[2]) }
        // Nor is what another platform has signed.
        let foreign = try Fixture()
        let stranger = try await foreign.host("h4")
        await expectRefusal(.untrusted) { try await restored.authenticate(leaf: stranger.certificate) }
        #expect(try await restored.authenticate(leaf: renewed[3]).id == members[3].id)
        try store.close()
    }

    @Test("A policy that its tenant has locked stays, and its later revisions can be handed in again")
    func locked() async throws {
        let fixture = try Fixture(.file)
        try await fixture.tenant()
        let (directory, acme, own) = (fixture.directory, try name("acme"), SigningKey())
        for index in 1...2 {
            _ = try await fixture.host("h\(index)")
            _ = try await fixture.endpoint("acme/web\(index)", on: "h\(index)")
        }
        var policy = try await directory.policy(of: acme).policy
        policy.entries.revision += 1
        _ = try await directory.lockPolicy(
            of: acme, key: own.publicKeyInfo, body: policy.canonicalBytes, signature: own.sign(policy.canonicalBytes))
        let copy = fixture.folder + "/copy"
        _ = try SQLiteSnapshot.write(from: fixture.folder + "/directory.sqlite", to: copy)
        var later: [[UInt8]] = []
        for security in [Security.none, .auth, .conf] {
            policy.entries.revision += 1
            try policy.entries.add(
                .plug, from: .endpoint(name("web1")), to: .endpoint(name("web2")), oneWay: false, security: security)
            later.append(policy.canonicalBytes)
            _ = try await directory.applySigned(
                policy.canonicalBytes, signature: own.sign(policy.canonicalBytes), of: acme)
        }
        let newest = try await directory.policy(of: acme)
        let store = try SQLiteStore(path: copy)
        let restored = fixture.directory(on: store)
        let done = try await restored.recover()
        #expect(done.locked == [acme] && done.policies == 0)
        for body in later { _ = try await restored.applySigned(body, signature: own.sign(body), of: acme) }
        let present = try await restored.policy(of: acme)
        #expect(present.revision == newest.revision && present.entries == newest.entries)
        try store.close()
    }
}
