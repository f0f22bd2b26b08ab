import CryptProtocol
import NetTypes
import Testing

/// A generator whose numbers follow from its seed (SplitMix64), so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

private let secretBytes = (0..<32).map { UInt8($0 + 1) }

private func bytes(of request: borrowing Request, number: UInt32 = 7) -> [UInt8] {
    var buffer = MessageBuffer()
    request.emit(number: number, into: &buffer)
    return buffer.withMessage { message in message.indices.map { message[$0] } }
}

private func bytes(of reply: Reply, number: UInt32 = 7) -> [UInt8] {
    var buffer = MessageBuffer()
    reply.emit(number: number, into: &buffer)
    return buffer.withMessage { message in message.indices.map { message[$0] } }
}

private func failure(_ message: [UInt8]) -> MessageError? {
    do throws(MessageError) {
        _ = try Request.parse(message.span)
        return nil
    } catch {
        return error
    }
}

private func makeSecret() -> WireSecret? { WireSecret(copying: secretBytes.span) }

private func transmit(
    spiBase: UInt32 = 4_096, queues: UInt8 = 2, peer: IPAddress = .v4(IPv4Address(192, 0, 2, 2)), port: UInt16 = 4_500,
    mtu: UInt16 = 1_500
) throws -> [UInt8] {
    guard let secret = makeSecret() else { throw MessageError.magic(0) }
    let group = TransmitGroup(
        slot: 5, spiBase: spiBase, protection: .conf, queues: queues, local: .v4(IPv4Address(192, 0, 2, 1)), peer: peer,
        peerPort: port, pathMTU: mtu, limits: SoftLimits(packets: 1, bytes: 2), secret: secret)
    return bytes(of: .installTransmit(group))
}

@Suite struct RequestTests {
    @Test func `A receive group is 74 bytes in the order of its fields`() throws {
        guard let secret = makeSecret() else {
            Issue.record("no secret")
            return
        }
        let group = ReceiveGroup(
            slot: 0x0102_0304, spiBase: 0x1008, protection: .auth, queues: 4,
            limits: SoftLimits(packets: 9, bytes: 10), secret: secret)
        let message = bytes(of: .installReceive(group), number: 0x0a0b_0c0d)
        let header: [UInt8] = [0x50, 0x42, 0x43, 0x45, 0, 1, 0, 2, 0, 0, 0, 74, 0x0a, 0x0b, 0x0c, 0x0d]
        let body: [UInt8] = [1, 2, 3, 4, 0, 0, 0x10, 8, 1, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 10]
        #expect(message == header + body + secretBytes)
        #expect(Request.number(of: message.span) == 0x0a0b_0c0d)
        guard case .installReceive(let read) = try Request.parse(message.span) else {
            Issue.record("another kind")
            return
        }
        let same = read.secret.withBytes { span in span.indices.map { span[$0] } }
        #expect(same == secretBytes)
        #expect(read.slot == 0x0102_0304 && read.spiBase == 0x1008 && read.protection == .auth && read.queues == 4)
        #expect(read.limits == SoftLimits(packets: 9, bytes: 10))
    }

    @Test func `A transmit group of either family comes back as it was`() throws {
        let v6 = try IPv6Address(parsing: "2001:db8::7")
        for (local, peer) in [
            (IPAddress.v4(IPv4Address(1, 2, 3, 4)), IPAddress.v4(IPv4Address(5, 6, 7, 8))), (.v6(v6), .v6(v6)),
        ] {
            guard let secret = makeSecret() else {
                Issue.record("no secret")
                return
            }
            let group = TransmitGroup(
                slot: 9, spiBase: 256, protection: .conf, queues: 8, local: local, peer: peer, peerPort: 4_501,
                pathMTU: 9_000, secret: secret)
            let message = bytes(of: .installTransmit(group))
            guard case .installTransmit(let read) = try Request.parse(message.span) else {
                Issue.record("another kind")
                return
            }
            #expect(read.local == local && read.peer == peer && read.peerPort == 4_501 && read.pathMTU == 9_000)
            #expect(read.slot == 9 && read.spiBase == 256 && read.queues == 8)
        }
    }

    @Test func `Requests without secrets come back as they were`() throws {
        func kind(_ message: [UInt8]) throws -> UInt8 {
            let again = bytes(of: try Request.parse(message.span))
            #expect(again == message)
            return message[7]
        }
        #expect(try kind(bytes(of: .info)) == 1)
        #expect(try kind(bytes(of: .retireReceive(spiBase: 4_096))) == 4)
        #expect(try kind(bytes(of: .retireTransmit(slot: 1, spiBase: 2))) == 5)
        #expect(try kind(bytes(of: .setPathMTU(slot: 1, pathMTU: 576))) == 6)
        #expect(try kind(bytes(of: .readCounters(.transmit, from: 3))) == 7)
        #expect(try kind(bytes(of: .readDrops)) == 8)
        #expect(try kind(bytes(of: .descriptors)) == 9)
        #expect(try kind(bytes(of: .subscribe)) == 10)
        #expect(try kind(bytes(of: .takeOver)) == 11)
        #expect(try kind(bytes(of: .handOver)) == 12)
        let layout = DescriptorLayout(queues: 8, hasIPv4: true, hasIPv6: true, hasListener: true)
        #expect(try kind(bytes(of: .adopt(layout))) == 13)
        #expect(layout.count == 42)
        #expect(try kind(bytes(of: .stop)) == 14)
    }

    @Test func `What is out of its limits is refused with its place`() throws {
        #expect(failure(try transmit()) == nil)
        #expect(failure(try transmit(mtu: 576)) == nil)
        for (message, text) in [
            (try transmit(spiBase: 255), "SPI base 255"), (try transmit(spiBase: 0), "SPI base 0"),
            (try transmit(spiBase: 4_100), "SPI base 4100"), (try transmit(queues: 0), "queues 0"),
            (try transmit(queues: 3), "queues 3"), (try transmit(queues: 16), "queues 16"),
            (try transmit(peer: .v6(IPv6Address(1))), "peer address"), (try transmit(port: 0), "peer port 0"),
            (try transmit(mtu: 575), "path MTU 575: 576 to 65535"), (try transmit(mtu: 0), "path MTU 0"),
        ] {
            let error = try #require(failure(message), "\(text) was taken")
            #expect("\(error)".hasPrefix(text), "\(error)")
        }
        #expect(failure(bytes(of: .setPathMTU(slot: 1, pathMTU: 575))) != nil)
    }

    @Test func `Every other header is refused`() throws {
        let good = bytes(of: .info)
        #expect(failure(good) == nil)
        #expect(failure([]) == .length(expected: 16, found: 0))
        #expect(failure(Array(good.prefix(15))) == .length(expected: 16, found: 15))
        #expect(failure(good + [0]) == .length(expected: 16, found: 17))
        var message = good
        message[0] = 0
        #expect(failure(message) == .magic(0x0042_4345))
        message = good
        message[5] = 2
        #expect(failure(message) == .version(2))
        message = good
        message[7] = 99
        #expect(failure(message) == .unknownKind(99))
        message = good
        message[7] = 4
        #expect(failure(message) == .length(expected: 20, found: 16))
    }

    @Test func `Random changes never stop the parser`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Seeded(state: seed)
        let messages = [try transmit(), bytes(of: .info), bytes(of: .readCounters(.receive, from: 0))]
        for round in 0..<20_000 {
            var message = messages[round % messages.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<message.count, using: &generator)
                message[index] = UInt8.random(in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) {
                message.removeLast(Int.random(in: 0...message.count, using: &generator))
            }
            if failure(message) == nil {
                let again = bytes(
                    of: try Request.parse(message.span), number: Request.number(of: message.span))
                #expect(again == message, "seed \(seed), round \(round)")
            }
        }
    }
}

@Suite struct ReplyTests {
    private static let info = EngineInfo(
        phase: .running, processID: 1, tableVersion: 2, generation: 3, queues: 4, receiveCapacity: 5,
        transmitCapacity: 6, port: 7, cutsInKernel: true, joinsInKernel: false, filtersInKernel: true,
        takesUDPSuperPackets: true,
        backend: "ipsec-mb", backendReason: "it passed its self test", device: "patchbay-crypt")

    @Test func `Replies come back as they were`() throws {
        let group = GroupCounters(
            place: 1, slot: 2, spiBase: 3, protection: .auth, queues: 8, packets: 4, bytes: .max, replayed: 6, forged: 7
        )
        for reply in [
            Reply.done, .refused(Refusal(.taken, "place 3 of the table")), .info(Self.info), .counters([], next: nil),
            .counters(Array(repeating: group, count: CryptLimits.countersPerPage), next: 77), .drops([]),
            .drops((0..<100).map { DropCount(direction: .receive, reason: "reason-\($0)", count: UInt64($0)) }),
            .descriptors(DescriptorLayout(queues: 1, hasIPv4: true, hasIPv6: false, hasListener: false)),
            .event(.limitReached(.transmit, slot: 1, spiBase: 2, .bytes)), .event(.pathTooSmall(slot: 1, bytes: 1_400)),
        ] {
            let message = bytes(of: reply, number: 0xffff_ffff)
            #expect(message.count <= CryptLimits.maximumMessageByteCount)
            let read = try Reply.parse(message.span)
            #expect(read.reply == reply && read.number == 0xffff_ffff)
            for count in 0..<min(message.count, 600) {
                let part = Array(message.prefix(count))
                #expect(throws: MessageError.self) { try Reply.parse(part.span) }
            }
        }
    }

    @Test func `Long texts are cut between characters`() throws {
        let text = String(repeating: "é", count: 400)
        let message = bytes(of: .refused(Refusal(.system, text + "x")))
        guard case .refused(let refusal) = try Reply.parse(message.span).reply else {
            Issue.record("another kind")
            return
        }
        #expect(refusal.text == String(text.prefix(256)))
    }

    @Test func `A request is no reply, and a reply no request`() throws {
        let request = bytes(of: .info)
        #expect(throws: MessageError.unknownKind(1)) { try Reply.parse(request.span) }
        #expect(failure(bytes(of: .done)) == .unknownKind(0x8001))
    }
}

@Suite struct SPIBaseTests {
    @Test func `Every base has a place of its own until it is given back`() {
        let seed = UInt32.random(in: 0...UInt32.max)
        var bases = SPIBases(capacity: 16, round: seed)
        var taken: [UInt32] = []
        for _ in 0..<16 {
            guard let base = bases.take() else {
                Issue.record("full, seed \(seed)")
                return
            }
            taken.append(base)
        }
        #expect(bases.take() == nil)
        #expect(Set(taken.map { $0 / 8 % 16 }).count == 16, "seed \(seed)")
        #expect(taken.allSatisfy { $0 % 8 == 0 && $0 >= CryptLimits.minimumSPI })
        bases.release(taken[3])
        let again = bases.take()
        #expect(again.map { $0 / 8 % 16 } == taken[3] / 8 % 16)
        #expect(again != taken[3], "the same place, but not the same SPI, seed \(seed)")
    }

    @Test func `A base that is in an engine already is not taken`() {
        var bases = SPIBases(capacity: 2, round: 0)
        bases.note(8 * 1_000)
        let only = bases.take()
        #expect(only.map { $0 / 8 % 2 } == 1)
        #expect(bases.take() == nil)
    }

    @Test func `Bases stay in 32 bits at every capacity and round`() {
        for capacity in [1, 2, 4_096, 65_536, 1 << 20] {
            for round in [0, 1, UInt32.max / 2, UInt32.max] {
                var bases = SPIBases(capacity: capacity, round: round)
                let base = bases.take()
                #expect(base.map { $0 % 8 } == 0, "capacity \(capacity), round \(round)")
            }
        }
    }
}

@Suite struct SecretTests {
    @Test func `A secret has 32 bytes`() {
        let short: [UInt8] = Array(repeating: 1, count: 31)
        let long: [UInt8] = Array(repeating: 1, count: 33)
        let isShort = WireSecret(copying: short.span) == nil
        let isLong = WireSecret(copying: long.span) == nil
        #expect(isShort && isLong)
    }
}
