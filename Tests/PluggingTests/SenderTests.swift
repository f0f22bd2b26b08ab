import NetTypes
import Plugging
import Policy
import Testing
import Trust

@Suite("NVI's sender's protocol: every refusal")
struct SenderTests {
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

    /// What an honest directory says about web1 → db1, which the policy plugs.
    func honest() throws -> SenderInput {
        SenderInput(
            source: web.local, destination: db.identity, facts: try db.facts(),
            policy: try policy("acme", "plug web1 <-> db1"), now: World.now)
    }

    func word(_ change: (inout SenderInput) throws -> Void) async throws -> String {
        var input = try honest()
        try change(&input)
        return await SenderProtocol(anchor: world.anchor).decide(input).word
    }

    @Test("1: honest facts and a plug entry: the order names the verified destination, and the entry")
    func plugs() async throws {
        let decision = await SenderProtocol(anchor: world.anchor).decide(try honest())
        guard case .plug(let order) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(order.destination.identity == db.identity)
        #expect(order.destination.leaf == World.there)
        #expect("\(order.destination.locator)" == "192.0.2.9")
        #expect(order.destination.plugPort == 7_000)
        #expect(order.destination.epoch == 7)
        #expect(order.plan.refusal.rule?.name.text == "entry-1")
        #expect(!order.oneWay)
    }

    @Test("2: unknown destination; destination that runs nowhere; the source itself")
    func unknown() async throws {
        #expect(try await word { $0.known = false } == "unknown-destination")
        #expect(
            try await word {
                $0.known = false
                $0.facts = nil
            } == "unknown-destination")
        #expect(try await word { $0.facts = nil } == "not-running")
        #expect(
            try await word {
                $0.destination = web.identity
                $0.facts = try web.facts()
                $0.policy = try policy("acme", "plug group:all <-> group:all")
            } == "same-endpoint")
    }

    @Test("3: wrong signature of the record, of the certificate")
    func signatures() async throws {
        #expect(try await word { $0.facts = try db.facts(signedBy: web.key) } == "bad-signature")
        #expect(try await word { $0.facts?.certificate.flipLast() } == "bad-signature")
        #expect(try await word { $0.facts?.record.removeLast() } == "malformed")
    }

    @Test("4: wrong issuer: another tenant's CA, another platform's CA, no CA at all")
    func issuers() async throws {
        #expect(try await word { $0.facts?.issuer = world.globex.certificate } == "wrong-issuer")
        let stranger = try World()
        let impostor = try stranger.endpoint("acme/db1", 2, groups: ["db", "all"])
        let code = try await word { $0.facts = try impostor.facts() }
        #expect(["wrong-issuer", "bad-signature"].contains(code), "\(code)")
        #expect(try await word { $0.facts?.issuer = web.certificate } == "wrong-kind")
    }

    @Test("5: tenant mismatch: honest facts of another tenant's endpoint")
    func tenants() async throws {
        // Both tenants' policies would plug it, by names and by groups.
        for lines in ["plug web1 <-> web1", "plug group:all <-> group:all"] {
            for tenant in ["acme", "globex"] {
                #expect(
                    try await word {
                        $0.destination = foreign.identity
                        $0.facts = try foreign.facts()
                        $0.policy = try policy(tenant, lines)
                    } == "tenant-mismatch")
            }
        }
    }

    @Test("6: facts of another endpoint than the one that was asked for")
    func anotherIdentity() async throws {
        let other = try world.endpoint("acme/db1", 9, groups: ["db"])
        #expect(try await word { $0.facts = try other.facts() } == "another-identity")
        #expect(try await word { $0.facts = try db.facts(identity: other.identity) } == "record-identity")
    }

    @Test("7: expired record and certificate, at the last second and after it")
    func expiry() async throws {
        #expect(try await word { $0.facts = try db.facts(notAfter: World.now) } == "plug")
        #expect(try await word { $0.facts = try db.facts(notAfter: World.now + -1) } == "record-expired")
        let end = World.now + TrustLimits.endpointLifetime
        func at(_ moment: Timestamp) async throws -> String {
            try await word {
                $0.now = moment
                $0.facts = try db.facts(notAfter: moment + 60)
            }
        }
        #expect(try await at(end) == "plug")
        #expect(try await at(end + 1) == "certificate-expired")
        #expect(try await at(World.now + -86_400) == "not-yet-valid")
    }

    @Test("8: older epoch, at the floor and beside it")
    func epochs() async throws {
        #expect(try await word { $0.epochFloor = 6 } == "plug")
        #expect(try await word { $0.epochFloor = 7 } == "plug")
        #expect(try await word { $0.epochFloor = 8 } == "older-epoch")
    }

    @Test("9: the leaf that answers is not the one that the record names")
    func anotherLeaf() async throws {
        let sender = SenderProtocol(anchor: world.anchor)
        guard case .plug(let order) = await sender.decide(try honest()) else {
            Issue.record("not plugged")
            return
        }
        #expect(sender.confirm(order, peer: World.there) == .plug(order))
        #expect(sender.confirm(order, peer: World.here).word == "another-leaf")
    }

    @Test("10: revoked: by identity, serial, key, by the tenant's CA; the source as well")
    func revoked() async throws {
        let verified = try await world.anchor.verify(endpoint: try db.facts(), at: World.now, revocations: .none).get()
        func revoking(_ change: (inout Revocations) -> Void) async throws -> String {
            try await word { change(&$0.revocations) }
        }
        #expect(try await revoking { $0.revoke(identity: verified.identity) } == "revoked")
        #expect(try await revoking { $0.revoke(serial: verified.serial) } == "revoked")
        #expect(try await revoking { $0.revoke(keyHash: verified.keyHash) } == "revoked")
        #expect(try await revoking { $0.revoke(serial: world.acme.serial) } == "revoked")
        #expect(try await revoking { $0.revoke(identity: web.identity) } == "revoked")
        #expect(try await revoking { $0.revoke(identity: foreign.identity) } == "plug")
    }

    @Test("11: no policy, another tenant's policy, a policy that says nothing, one that says unplug")
    func policies() async throws {
        #expect(try await word { $0.policy = nil } == "no-policy")
        #expect(try await word { $0.policy = try policy("globex", "plug web1 <-> db1") } == "no-policy")
        #expect(try await word { $0.policy = try policy("acme") } == "policy")
        #expect(
            try await word { $0.policy = try policy("acme", "plug group:all <-> group:all", "unplug web1 <-> db1") }
                == "policy")
        #expect(try await word { $0.policy = try policy("acme", "plug group:web <-> group:db") } == "plug")
        #expect(
            try await word { $0.policy = try policy("acme", "plug group:web <-> group:ops") } == "policy",
            "a group that the destination's certificate does not name")
    }

    @Test("12: one-way, both ways round, by one entry and by two")
    func oneWay() async throws {
        #expect(try await word { $0.policy = try policy("acme", "plug web1 -> db1") } == "plug one-way")
        #expect(try await word { $0.policy = try policy("acme", "plug db1 -> web1") } == "policy")
        #expect(try await word { $0.policy = try policy("acme", "plug web1 -> db1", "plug db1 -> web1") } == "plug")
        #expect(
            try await word { $0.policy = try policy("acme", "plug group:all <-> group:all", "unplug db1 -> web1") }
                == "plug one-way")
        #expect(
            try await word { $0.policy = try policy("acme", "plug group:all <-> group:all", "unplug web1 -> db1") }
                == "policy")
    }
}
