import NetTypes
import Plugging
import Policy
import PolicyLanguage
import Testing
import Trust

@Suite("NVI's receiver's protocol: every refusal")
struct ReceiverTests {
    let world: World
    let web: World.Endpoint
    let db: World.Endpoint
    let foreign: World.Endpoint

    init() throws {
        world = try World()
        web = try world.endpoint("acme/web1", 1, groups: ["web", "all"])
        db = try world.endpoint("acme/db1", 2, groups: ["db", "all"])
        foreign = try world.endpoint("globex/web1", 3, groups: ["db", "all"])
    }

    /// An honest leaf asks for web1 → db1, which the policy plugs and the directory confirms.
    func honest() throws -> ReceiverInput {
        let facts = try web.facts()
        return ReceiverInput(
            peer: World.there, presented: facts, directory: facts, directoryAnswered: true, claimedOneWay: false,
            destination: db.local, destinationIdentity: db.identity,
            policy: try policy("acme", "plug web1 <-> db1"), now: World.now)
    }

    func word(_ change: (inout ReceiverInput) throws -> Void) async throws -> String {
        var input = try honest()
        try change(&input)
        return await ReceiverProtocol(anchor: world.anchor).decide(input).word
    }

    @Test("1: honest facts and a plug entry: the grant names the verified source, and the entry")
    func plugs() async throws {
        let decision = await ReceiverProtocol(anchor: world.anchor).decide(try honest())
        guard case .plug(let grant) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(grant.source.identity == web.identity)
        #expect(grant.source.leaf == World.there)
        #expect("\(grant.source.locator)" == "192.0.2.9")
        #expect(grant.plan.refusal.rule?.name.text == "entry-1")
        #expect(!grant.oneWay)
    }

    @Test("2: the destination is not here; the source is the destination")
    func notHere() async throws {
        #expect(try await word { $0.destination = nil } == "not-here")
        #expect(try await word { $0.destinationIdentity = web.identity } == "not-here")
        #expect(
            try await word {
                $0.presented = try db.facts()
                $0.directory = $0.presented
                $0.policy = try policy("acme", "plug group:all <-> group:all")
            } == "same-endpoint")
    }

    @Test("3: wrong signature and wrong issuer of what was presented")
    func untrusted() async throws {
        #expect(try await word { $0.presented = try web.facts(signedBy: db.key) } == "bad-signature")
        #expect(try await word { $0.presented.certificate.flipLast() } == "bad-signature")
        #expect(try await word { $0.presented.issuer = world.globex.certificate } == "wrong-issuer")
        #expect(try await word { $0.presented = try web.facts(identity: db.identity) } == "record-identity")
        let stranger = try World().endpoint("acme/web1", 1, groups: ["web"])
        let code = try await word { $0.presented = try stranger.facts() }
        #expect(["wrong-issuer", "bad-signature"].contains(code), "\(code)")
    }

    @Test("4: a leaf cannot plug for an identity whose record names another leaf")
    func anotherLeaf() async throws {
        #expect(try await word { $0.peer = World.here } == "another-leaf")
        #expect(
            try await word {
                $0.peer = World.here
                $0.directoryAnswered = false
            } == "another-leaf")
        #expect(try await word { $0.presented = try web.facts(on: World.here) } == "another-leaf")
    }

    @Test("5: tenant mismatch: an honest endpoint of another tenant asks")
    func tenants() async throws {
        for lines in ["plug web1 <-> db1", "plug group:all <-> group:all"] {
            for tenant in ["acme", "globex"] {
                #expect(
                    try await word {
                        $0.presented = try foreign.facts()
                        $0.directory = $0.presented
                        $0.policy = try policy(tenant, lines)
                    } == "tenant-mismatch")
            }
        }
    }

    @Test("6: expired record and certificate")
    func expiry() async throws {
        func presenting(_ notAfter: Timestamp, at now: Timestamp) async throws -> String {
            try await word {
                $0.presented = try web.facts(notAfter: notAfter)
                $0.directory = $0.presented
                $0.now = now
            }
        }
        #expect(try await presenting(World.now, at: World.now) == "plug")
        #expect(try await presenting(World.now, at: World.now + 1) == "record-expired")
        let end = World.now + TrustLimits.endpointLifetime
        #expect(try await presenting(end + 60, at: end) == "plug")
        #expect(try await presenting(end + 60, at: end + 1) == "certificate-expired")
    }

    @Test("7: older epoch than this leaf or the directory knows, at the edge and beside it")
    func epochs() async throws {
        #expect(try await word { $0.epochFloor = 7 } == "plug")
        #expect(try await word { $0.epochFloor = 8 } == "older-epoch")
        #expect(try await word { $0.directory = try web.facts(epoch: 6) } == "plug")
        #expect(try await word { $0.directory = try web.facts(epoch: 7, notAfter: World.now + 60) } == "plug")
        #expect(try await word { $0.directory = try web.facts(on: World.here, epoch: 8) } == "older-epoch")
        // Without an answer of the directory the leaf's own floor decides.
        #expect(
            try await word {
                $0.directory = try web.facts(epoch: 8)
                $0.directoryAnswered = false
            } == "plug")
        #expect(
            try await word {
                $0.directory = nil
                $0.directoryAnswered = false
                $0.epochFloor = 8
            } == "older-epoch")
    }

    @Test("8: what the directory says: nothing, something forged, somebody else")
    func directory() async throws {
        #expect(try await word { $0.directory = nil } == "unknown-source")
        #expect(
            try await word {
                $0.directory = nil
                $0.directoryAnswered = false
            } == "plug")
        #expect(try await word { $0.directory = try web.facts(epoch: 9, signedBy: db.key) } == "bad-signature")
        #expect(try await word { $0.directory = try foreign.facts() } == "another-identity")
    }

    @Test("9: revoked: by identity, serial, key, by the tenant's CA; the destination as well")
    func revoked() async throws {
        let verified = try await world.anchor.verify(endpoint: try web.facts(), at: World.now, revocations: .none).get()
        func revoking(_ change: (inout Revocations) -> Void) async throws -> String {
            try await word { change(&$0.revocations) }
        }
        #expect(try await revoking { $0.revoke(identity: verified.identity) } == "revoked")
        #expect(try await revoking { $0.revoke(serial: verified.serial) } == "revoked")
        #expect(try await revoking { $0.revoke(keyHash: verified.keyHash) } == "revoked")
        #expect(try await revoking { $0.revoke(keyHash: world.acme.keyHash) } == "revoked")
        #expect(try await revoking { $0.revoke(identity: db.identity) } == "revoked")
        #expect(try await revoking { $0.revoke(identity: foreign.identity) } == "plug")
    }

    @Test("10: this end's own policy decides: none, another tenant's, nothing said, unplug")
    func policies() async throws {
        #expect(try await word { $0.policy = nil } == "no-policy")
        #expect(try await word { $0.policy = try policy("globex", "plug web1 <-> db1") } == "no-policy")
        #expect(try await word { $0.policy = try policy("acme") } == "policy")
        #expect(try await word { $0.policy = try policy("acme", "unplug web1 <-> db1") } == "policy")
        #expect(
            try await word { $0.policy = try policy("acme", "plug group:ops <-> db1") } == "policy",
            "a group that the source's certificate does not name")
    }

    @Test("11: one-way, both ways round; where the two ends differ the stricter wins")
    func oneWay() async throws {
        #expect(try await word { $0.claimedOneWay = true } == "plug one-way")
        #expect(try await word { $0.policy = try policy("acme", "plug web1 -> db1") } == "plug one-way")
        #expect(
            try await word {
                $0.policy = try policy("acme", "plug web1 -> db1")
                $0.claimedOneWay = true
            } == "plug one-way")
        #expect(try await word { $0.policy = try policy("acme", "plug db1 -> web1") } == "policy")
        #expect(
            try await word {
                $0.policy = try policy("acme", "plug db1 -> web1")
                $0.claimedOneWay = true
            } == "policy")
        #expect(try await word { $0.policy = try policy("acme", "plug web1 -> db1", "plug db1 -> web1") } == "plug")
    }

    @Test("12: reason codes are kebab-case and distinct; what a peer writes neither fills nor forges a log")
    func reasons() throws {
        let id = web.identity
        let reasons: [UnplugReason] = [
            .unknownDestination, .unknownSource(id), .notRunning(id), .notHere(id), .sameEndpoint(id),
            .directoryUnavailable("x"), .untrusted(.badSignature(.record)),
            .anotherIdentity(expected: id, found: db.identity),
            .tenantMismatch(source: try name("a"), destination: try name("b")), .olderEpoch(1, known: 2),
            .anotherLeaf(record: World.here, session: World.there), .policy(rule: nil, reason: "x", answers: false),
            .noPolicy(try name("a")), .unreachable("x"), .refused(code: "policy", detail: "x"), .exhausted("x"),
            .failed("x"), .portClosed, .idle, .unplugged(code: "idle"),
        ]
        #expect(Set(reasons.map(\.code)).count == reasons.count)
        for reason in reasons {
            #expect(reason.code.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "\(reason.code)")
            #expect(!reason.description.isEmpty)
        }
        #expect(UnplugReason.refused(code: "policy", detail: "no") == .refusedByPeer(code: "policy", detail: "no"))
        for code in ["", "Policy", "a b", "a\n", String(repeating: "a", count: 65), "é"] {
            #expect(UnplugReason.refused(code: code, detail: "") == .refusedByPeer(code: "unspecified", detail: ""))
            #expect(UnplugReason.unplugged(code: code) == .unpluggedByPeer(code: "unspecified"))
        }
        #expect(UnplugReason.refused(code: String(repeating: "a", count: 64), detail: "").description.contains("aaaa"))
        let long = UnplugReason.refused(code: "policy", detail: "a\nb\u{1b}[31m" + String(repeating: "c", count: 9_999))
        guard case .refusedByPeer(_, let detail) = long else {
            Issue.record("\(long)")
            return
        }
        #expect(detail.utf8.count == 512)
        #expect(detail.hasPrefix("a?b?[31mccc"))
    }
}
