import CryptClient
import CryptProtocol
import Glibc
import Testing

extension EngineTests {
    @Test(arguments: [Protection.conf, .auth])
    func `An SPI that was given to another host opens nothing`(_ protection: Protection) throws {
        try Self.with { engines in
            // Host b receives by two SPIs: one that this host was given, one that belongs to somebody else.
            let (own, foreign): (UInt32, UInt32) = (4_096, 8_200)
            let secret = randomSecret()
            try engines.b.client().install(
                ReceiveGroup(
                    slot: TwoEngines.receiveSlot + 1, spiBase: foreign, protection: protection, queues: 1,
                    secret: try wireSecret(randomSecret())))
            let left = try InnerSocket(in: engines.a.namespace, "10.9.0.1", port: 9_000)
            let right = try InnerSocket(in: engines.b.namespace, "10.9.0.2", port: 9_000)
            left.connect("10.9.0.2", port: 9_000)

            // 1. A host in good standing seals by its own keys under the other one's SPI.
            try engines.send(engines.a, to: engines.b, spiBase: foreign, secret: secret, protection: protection)
            for _ in 0..<50 { left.send(Array("not for you".utf8)) }
            #expect(right.receive(milliseconds: 300) == nil)
            #expect(try engines.b.drops(.receive, "authentication") == 50)

            // 2. With its own SPI the same host is heard, and the other's association has opened nothing.
            let other = randomSecret()
            try engines.connect(
                engines.a, to: engines.b, spiBase: own, secret: other, protection: protection)
            left.send(Array("for you".utf8))
            #expect(right.receive(milliseconds: 1_000) == Array("for you".utf8))
            let groups = try engines.b.client().counters(.receive)
            #expect(groups.first { $0.spiBase == foreign }?.packets == 0)
            #expect(groups.first { $0.spiBase == own }?.packets == 1)
        }
    }
}
