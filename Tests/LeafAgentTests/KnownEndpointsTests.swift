import NetTypes
import Testing
import Trust

@testable import LeafAgent

@Suite struct KnownEndpointsTests {
    private let vnet = VNetID(1)
    private let other = VNetID(2)

    private func identity(_ number: UInt128) throws -> Identity {
        try #require(Identity(IPv6Address(0xfd << 120 | number)))
    }

    private func facts(_ byte: UInt8) -> EndpointFacts {
        EndpointFacts(certificate: [byte], issuer: [byte], record: [byte])
    }

    @Test func aPrivateAddressIsFoundInItsVNetOnly() throws {
        var known = KnownEndpoints(capacity: 10)
        try known.learn(identity(1), ipv4: IPv4Address(10, 0, 0, 1), in: vnet, facts: facts(1))
        #expect(try known.identity(of: IPv4Address(10, 0, 0, 1), in: vnet) == identity(1))
        #expect(known.identity(of: IPv4Address(10, 0, 0, 1), in: other) == nil)
    }

    @Test func aNewPrivateAddressReplacesTheFormerOne() throws {
        var known = KnownEndpoints(capacity: 10)
        try known.learn(identity(1), ipv4: IPv4Address(10, 0, 0, 1), in: vnet, facts: facts(1))
        try known.learn(identity(1), ipv4: IPv4Address(10, 0, 0, 2), in: vnet, facts: facts(1))
        #expect(known.identity(of: IPv4Address(10, 0, 0, 1), in: vnet) == nil)
        #expect(try known.identity(of: IPv4Address(10, 0, 0, 2), in: vnet) == identity(1))
    }

    @Test func changedFactsAreNotTakenForVerifiedOnes() async throws {
        let made = try await VerifiedSample.make()
        var known = KnownEndpoints(capacity: 10)
        known.learn(made.identity, ipv4: nil, in: vnet, facts: made.facts)
        known.verified(made.verified, facts: made.facts)
        #expect(known[made.identity]?.verified != nil)
        known.change(made.identity, facts: facts(9))
        #expect(known[made.identity]?.verified == nil)
        // The verification of what stood there before comes too late.
        known.verified(made.verified, facts: made.facts)
        #expect(known[made.identity]?.verified == nil)
    }

    @Test func aLateRecordReplacesNoNewerOne() async throws {
        let made = try await VerifiedSample.make(epoch: 3)
        var known = KnownEndpoints(capacity: 10)
        known.learn(made.identity, ipv4: nil, in: vnet, facts: made.facts)
        known.verified(made.verified, facts: made.facts)
        let older = try await VerifiedSample.make(epoch: 2).facts
        known.learn(made.identity, ipv4: nil, in: vnet, facts: older)
        known.change(made.identity, facts: older)
        #expect(known[made.identity]?.facts == made.facts)
        #expect(known[made.identity]?.verified != nil)
        let newer = try await VerifiedSample.make(epoch: 4).facts
        known.change(made.identity, facts: newer)
        #expect(known[made.identity]?.facts == newer)
        // What nobody has verified stands in nobody's way.
        known.change(made.identity, facts: older)
        #expect(known[made.identity]?.facts == older)
        known.verified(made.verified, facts: made.facts)
        known.change(made.identity, facts: nil)
        #expect(known[made.identity]?.facts == nil)
    }

    @Test func aChangeThatOvertakesAnAnswerIsSeen() throws {
        var known = KnownEndpoints(capacity: 10)
        let before = known.ask()
        try known.pushed(identity(1))
        let after = known.ask()
        try known.pushed(identity(2))
        #expect(try known.answered(before) == [identity(1), identity(2)])
        #expect(try known.answered(after) == [identity(2)])
        #expect(known.answered(after).isEmpty)
    }

    @Test func itHoldsNoMoreThanItsCapacity() throws {
        var known = KnownEndpoints(capacity: 3)
        for number in 1...10 {
            try known.learn(
                identity(UInt128(number)), ipv4: IPv4Address(UInt32(number)), in: vnet, facts: facts(UInt8(number)))
        }
        #expect(known.identities.count == 3)
        let addresses = (1...10).filter { known.identity(of: IPv4Address(UInt32($0)), in: vnet) != nil }
        #expect(addresses.count == 3, "an address outlives its endpoint")
    }

    @Test func afterAGapOnlyWhatWiresNeedIsKept() throws {
        var known = KnownEndpoints(capacity: 10)
        for number in 1...4 {
            try known.learn(identity(UInt128(number)), ipv4: nil, in: vnet, facts: facts(UInt8(number)))
        }
        try known.forgetAll(except: [identity(2)])
        #expect(try known.identities == [identity(2)])
    }
}
