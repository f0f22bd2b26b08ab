import DirectoryCore
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

@Suite struct LeafSessionTests {
    static func session(capacity: Int) throws -> LeafSession {
        let controller = try TestController()
        let host = LeafHost(
            name: try Name(parsing: "h1"), id: LeafID(1), enrolledAt: nil, locators: [], plugPort: 0,
            createdAt: Timestamp(0))
        return LeafSession(
            host: host, certificate: [], summary: try CertificateSummary(parsing: controller.platform.anchor.root),
            capacity: capacity)
    }

    static func identity(_ number: UInt128) throws -> Identity {
        try #require(Identity(IPv6Address(0xfd << 120 | number)))
    }

    @Test func tellsInOrderAndTheSameThingOnce() async throws {
        let session = try Self.session(capacity: 8)
        let (a, b) = (try Self.identity(1), try Self.identity(2))
        for item in [LeafSession.Item.ports, .changed(a), .ports, .changed(b), .changed(a)] { session.push(item) }
        #expect(await session.next() == .ports)
        // What was told may be said again.
        session.push(.ports)
        #expect(await session.next() == .changed(a))
        #expect(await session.next() == .changed(b))
        #expect(await session.next() == .ports)
    }

    @Test func endsWhenFull() async throws {
        let session = try Self.session(capacity: 4)
        for number in 1...4 { session.push(.changed(try Self.identity(UInt128(number)))) }
        #expect(session.endReason == nil)
        session.push(.changed(try Self.identity(1)))
        #expect(session.endReason == nil, "the same thing needs no second place")
        session.push(.ports)
        #expect(session.endReason == .slow)
        #expect(await session.next() == nil)
        await session.ended()
    }

    @Test func readerIsWokenByAThingTheEndAndCancellation() async throws {
        for round in 0..<3 {
            let session = try Self.session(capacity: 4)
            let reader = Task { await session.next() }
            try await Task.sleep(for: .milliseconds(5))
            switch round {
            case 0: session.push(.welcome)
            case 1: session.end(.shutdown)
            default: reader.cancel()
            }
            #expect(await reader.value == (round == 0 ? .welcome : nil))
        }
    }

    /// Against a list that does the same the plain way.
    @Test func agreesWithAPlainList() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix(state: seed)
        let session = try Self.session(capacity: 4_000)
        var plain: [LeafSession.Item] = []
        for step in 0..<20_000 {
            if plain.isEmpty || Bool.random(using: &generator) {
                let item = LeafSession.Item.changed(try Self.identity(.random(in: 1...3_000, using: &generator)))
                session.push(item)
                if !plain.contains(item) { plain.append(item) }
            } else {
                let expected = plain.removeFirst()
                #expect(await session.next() == expected, "seed \(seed), step \(step)")
            }
        }
    }
}
