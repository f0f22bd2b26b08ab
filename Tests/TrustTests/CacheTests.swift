import NetTypes
import Testing

@testable import Trust

@Suite("Memory of what was verified")
struct CacheTests {
    let world: World

    init() throws { world = try World() }

    @Test("1: what is remembered is bound to every byte, also the issuer's")
    func everyByte() async throws {
        let endpoint = try world.endpoint()
        #expect(await world.refusal(endpoint.facts) == nil)
        // The same certificate and record under another issuer: refused, although both are remembered.
        var facts = endpoint.facts
        facts.issuer = world.globex.certificate
        #expect(await world.refusal(facts)?.code == "wrong-issuer")
        #expect(await world.refusal(try world.endpoint(of: world.globex, number: 2).facts) == nil)
        #expect(await world.refusal(facts)?.code == "wrong-issuer")
        // Bytes moved over the border between two parts.
        facts = endpoint.facts
        facts.certificate.append(facts.issuer.removeFirst())
        #expect(await world.refusal(facts) != nil)
        #expect(await world.refusal(endpoint.facts) == nil)
    }

    @Test("2: a refusal is never remembered as good, and never as bad")
    func refusals() async throws {
        let endpoint = try world.endpoint()
        var revocations = Revocations()
        revocations.revoke(identity: endpoint.identity)
        for _ in 0..<3 {
            #expect(await world.refusal(endpoint.facts, revocations)?.code == "revoked")
            #expect(await world.refusal(endpoint.facts, at: World.now + 3_601)?.code == "record-expired")
            #expect(await world.refusal(endpoint.facts, at: World.now + -301)?.code == "not-yet-valid")
            #expect(await world.refusal(endpoint.facts) == nil)
        }
    }

    @Test("3: a tenant's CA that is remembered is checked against time again, also for new endpoints")
    func issuerTime() async throws {
        #expect(await world.refusal(try world.endpoint().facts) == nil)
        let late = world.acme.notAfter
        let last = try world.endpoint("web2", number: 2, lifetime: 3_600, at: late)
        #expect(await world.refusal(last.facts, at: late) == nil)
        #expect(await world.refusal(last.facts, at: late + 1)?.code == "certificate-expired")
    }

    @Test("4: the memory is bounded, and what is used stays")
    func bounded() {
        let cache = VerifiedCache<Int>(limit: 100)
        func key(_ number: Int) -> [UInt8] { VerifiedCache<Int>.key(of: ["\(number)".utf8.map { $0 }]) }
        for number in 0..<10_000 {
            cache.remember(number, under: key(number))
            #expect(cache[key(0)] == 0)
            #expect(cache[key(number)] == number)
        }
        #expect(cache.count <= 100)
        #expect(cache[key(1)] == nil)
        #expect(cache[key(9_999)] == 9_999)
    }

    @Test("5: keys of the memory tell lists of parts apart")
    func keys() {
        let lists: [[[UInt8]]] = [
            [], [[]], [[], []], [[1, 2]], [[1], [2]], [[1, 2], []], [[], [1, 2]], [[1, 2, 0]],
        ]
        #expect(Set(lists.map(VerifiedCache<Int>.key(of:))).count == lists.count)
    }

    @Test("6: many verifications at the same time agree with one at a time")
    func concurrent() async throws {
        let good = try (1...4).map { try world.endpoint("e\($0)", number: UInt64($0)).facts }
        let bad = good.map { facts in
            var facts = facts
            facts.record[facts.record.count - 1] ^= 1
            return facts
        }
        let anchor = world.anchor
        await withTaskGroup(of: (Bool, Bool).self) { group in
            for round in 0..<200 {
                let isGood = round % 3 > 0
                let facts = isGood ? good[round % 4] : bad[round % 4]
                group.addTask {
                    (isGood, await anchor.verify(endpoint: facts, at: World.now, revocations: .none).value != nil)
                }
            }
            for await (expected, verified) in group { #expect(expected == verified) }
        }
    }
}
