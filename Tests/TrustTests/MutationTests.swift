import NetTypes
import SwiftASN1
import Testing

@testable import Trust

@Suite("Mutation and fuzzing")
struct MutationTests {
    static let seed: UInt64 = 0x5eed_0002

    let world: World

    init() throws { world = try World() }

    @Test("1: no changed byte of certificate, issuer or record gives other facts")
    func flips() async throws {
        let endpoint = try world.endpoint(groups: ["web"])
        try #require(await world.refusal(endpoint.facts) == nil)
        var random = SeededGenerator(seed: Self.seed)
        let parts: [WritableKeyPath<EndpointFacts, [UInt8]>] = [\.certificate, \.issuer, \.record]
        for (part, path) in parts.enumerated() {
            for index in endpoint.facts[keyPath: path].indices {
                // The lowest bit is what the library was once seen to pass over, in the unused bits of a signature.
                for mask in [1, UInt8.random(in: 2...255, using: &random)] {
                    var facts = endpoint.facts
                    facts[keyPath: path][index] ^= mask
                    let result = await world.anchor.verify(endpoint: facts, at: World.now, revocations: .none)
                    let other = result.value
                    #expect(other == nil, "seed \(Self.seed), part \(part), byte \(index), mask \(mask)")
                }
            }
        }
    }

    @Test("2: cut, lengthened, doubled and shuffled facts are refused")
    func reshaped() async throws {
        let endpoint = try world.endpoint()
        var random = SeededGenerator(seed: Self.seed)
        let parts: [WritableKeyPath<EndpointFacts, [UInt8]>] = [\.certificate, \.issuer, \.record]
        for round in 0..<600 {
            let path = parts[round % 3]
            var bytes = endpoint.facts[keyPath: path]
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch round / 3 % 4 {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: bytes.remove(at: place)
            default:
                let end = Int.random(in: place..<bytes.count, using: &random)
                bytes.replaceSubrange(place...end, with: bytes[place...end].reversed())
            }
            guard bytes != endpoint.facts[keyPath: path] else { continue }
            var facts = endpoint.facts
            facts[keyPath: path] = bytes
            #expect(await world.refusal(facts) != nil, "seed \(Self.seed), round \(round)")
        }
    }

    @Test("3: random trees of DER are refused by every reader, without a crash")
    func fuzz() async throws {
        var random = SeededGenerator(seed: Self.seed)
        let honest = try world.endpoint(groups: ["web"]).facts
        let request = try SigningRequest(key: SigningKey()).der
        let seeds = [honest.certificate, honest.issuer, honest.record, request, world.root.certificate]
        for round in 0..<3_000 {
            // A tree of random nodes, or honest bytes whose nodes were changed in several places.
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = Self.tree(depth: Int.random(in: 1...6, using: &random), using: &random)
            } else {
                bytes = seeds[round / 2 % seeds.count]
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = Self.interesting(using: &random)
                }
            }
            guard !seeds.contains(bytes) else { continue }
            _ = try? CertificateFields(der: bytes, part: .certificate)
            _ = try? SignedRecord(parsing: bytes)
            _ = try? SigningRequest(parsing: bytes)
            _ = Attributes.groups(parsing: bytes[...])
            _ = try? PublicKey(info: bytes)
            #expect(throws: TrustRefusal.self, "seed \(Self.seed), round \(round)") { try TrustAnchor(root: bytes) }
            let facts = EndpointFacts(certificate: bytes, issuer: bytes, record: bytes)
            #expect(await world.refusal(facts) != nil, "seed \(Self.seed), round \(round)")
        }
    }

    @Test("4: sizes are checked before anything is parsed")
    func sizes() async throws {
        let honest = try world.endpoint().facts
        let huge = Array(repeating: UInt8(0x30), count: 1 << 20)
        var facts = honest
        facts.certificate = huge
        #expect(await world.refusal(facts)?.code == "oversize")
        facts = honest
        facts.issuer = huge
        #expect(await world.refusal(facts)?.code == "oversize")
        #expect(await world.anchor.verify(leaf: huge, at: World.now, revocations: .none).refusal?.code == "oversize")
        #expect(throws: TrustRefusal.self) { try TrustAnchor(root: huge) }
        #expect(throws: TrustRefusal.self) { try SigningRequest(parsing: huge) }
        #expect(throws: TrustRefusal.self) { try CertificateSummary(parsing: huge) }
        let policy = SignedPolicy(
            body: Array(repeating: 0x20, count: TrustLimits.policyBytes + 1), signature: [],
            certificate: honest.certificate, issuer: honest.issuer)
        #expect(
            await world.anchor.verify(policy: policy, at: World.now, revocations: .none).refusal?.code == "oversize")
    }

    // MARK: Random DER

    private static func interesting(using random: inout SeededGenerator) -> UInt8 {
        let bytes: [UInt8] = [
            0, 1, 2, 3, 4, 5, 6, 0x0c, 0x13, 0x17, 0x18, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xff,
        ]
        return Bool.random(using: &random)
            ? bytes[Int.random(in: 0..<bytes.count, using: &random)] : UInt8.random(in: 0...255, using: &random)
    }

    private static func tree(depth: Int, using random: inout SeededGenerator) -> [UInt8] {
        var content: [UInt8] = []
        var tag = interesting(using: &random)
        if depth > 0, Int.random(in: 0..<4, using: &random) > 0 {
            tag = [0x30, 0x31, 0xa0, 0xa3][Int.random(in: 0..<4, using: &random)]
            for _ in 0..<Int.random(in: 0...4, using: &random) { content += tree(depth: depth - 1, using: &random) }
        } else {
            content = (0..<Int.random(in: 0...12, using: &random)).map { _ in interesting(using: &random) }
        }
        let count = content.count
        let length: [UInt8] = count < 128 ? [UInt8(count)] : [0x82, UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
        return [tag] + length + content
    }
}
