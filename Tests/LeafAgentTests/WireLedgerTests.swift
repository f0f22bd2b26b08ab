import KernelPath
import NetTypes
import Testing

@testable import LeafAgent

@Suite struct WireLedgerTests {
    @Test func aLabelIsInUseUntilAnotherIsOrItIsGone() throws {
        var ledger = WireLedger()
        let pair = Pair(source: identities[0], destination: identities[1])
        let labels = try [UInt32(1), 2].map { try #require(Label($0)) }
        for label in labels {
            ledger.put(
                ReceivingEnd(
                    pair: pair, label: label, locator: locator, epoch: 1, pluggedAt: Timestamp(0),
                    activeAt: Timestamp(0)))
        }
        #expect(!ledger.isInUse(labels[0], for: pair))
        ledger.use(labels[0], for: pair)
        ledger.use(labels[1], for: pair)
        #expect(!ledger.isInUse(labels[0], for: pair) && ledger.isInUse(labels[1], for: pair))
        ledger.removeReceive(labels[1])
        #expect(!ledger.isInUse(labels[1], for: pair))
        ledger.use(labels[1], for: pair)
        #expect(!ledger.isInUse(labels[1], for: pair), "a label that is gone cannot be in use")
    }

    /// A dumb ledger: lists that are searched from end to end.
    private struct Reference {
        var sends: [Pair] = []
        var receives: [(label: UInt32, pair: Pair)] = []

        func pairs(of identity: Identity) -> Set<Pair> {
            Set((sends + receives.map(\.pair)).filter { $0.source == identity || $0.destination == identity })
        }
    }

    private let identities = (0..<6).compactMap { Identity(IPv6Address(0xfd << 120 | UInt128($0))) }
    private let locator = IPAddress.v4(IPv4Address(10, 200, 0, 1))

    private func send() -> SendingEnd {
        SendingEnd(
            target: .local(port: 1), peer: nil, addresses: [], epoch: 1, pluggedAt: Timestamp(0), activeAt: Timestamp(0)
        )
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func itAgreesWithADumbLedger(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var ledger = WireLedger()
        var reference = Reference()
        for step in 0..<2_000 {
            let pair = Pair(
                source: identities[Int(random.next() % 6)], destination: identities[Int(random.next() % 6)])
            let number = UInt32(random.next() % 30 + 1)
            let label = try #require(Label(number))
            switch random.next() % 4 {
            case 0:
                ledger.put(send(), for: pair)
                if !reference.sends.contains(pair) { reference.sends.append(pair) }
            case 1:
                ledger.removeSend(pair)
                reference.sends.removeAll { $0 == pair }
            case 2 where !reference.receives.contains { $0.label == number }:
                ledger.put(
                    ReceivingEnd(
                        pair: pair, label: label, locator: locator, peer: nil, epoch: 1, pluggedAt: Timestamp(0),
                        activeAt: Timestamp(0)))
                reference.receives.append((number, pair))
            default:
                ledger.removeReceive(label)
                reference.receives.removeAll { $0.label == number }
            }
            #expect(Set(ledger.sends.keys) == Set(reference.sends), "seed \(seed), step \(step)")
            for identity in identities {
                #expect(ledger.pairs(of: identity) == reference.pairs(of: identity), "seed \(seed), step \(step)")
            }
            let labels = reference.receives.filter { $0.pair == pair }.map(\.label)
            #expect(ledger.labels(of: pair).map(\.value) == labels, "seed \(seed), step \(step)")
        }
    }
}

/// A small random generator with a seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
