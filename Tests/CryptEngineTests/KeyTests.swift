import AEAD
import CryptClient
import CryptProtocol
import ESP
import Glibc
import LinuxKit
import NetTypes
import PacketIO
import Testing

extension EngineTests {
    @Test func `After a group is retired nothing passes and its keys are gone`() throws {
        try Self.with { engines in
            let secret = randomSecret()
            try engines.connect(engines.a, to: engines.b, secret: secret)
            let tables = [try table(of: engines.a), try table(of: engines.b)]
            for memory in tables { #expect(contains(memory, secret), "the keys are in use, so they are there") }
            let probe = try Probe(engines)
            usleep(200_000)
            try engines.b.client().retireReceive(spiBase: 4_096)
            usleep(100_000)
            let count = try engines.b.drops(.receive, "unknown-spi")
            #expect(count > 100)
            try engines.a.client().retireTransmit(slot: TwoEngines.transmitSlot)
            usleep(100_000)
            #expect(try engines.a.drops(.transmit, "no-wire") > 100)
            let report = probe.finish()
            #expect(report.received > 500 && report.lost > 500)
            for memory in tables { #expect(!contains(memory, secret), "a retired group's keys are gone") }
            #expect(try engines.b.client().counters(.receive).isEmpty)
            #expect(try engines.a.client().counters(.transmit).isEmpty)
            let before = refused { try engines.a.client().retireTransmit(slot: TwoEngines.transmitSlot) }
            #expect(before.reason == .missing)
        }
    }

    @Test func `New keys take the place of old ones without losing a packet`() throws {
        try Self.with(queues: (2, 2)) { engines in
            var base: UInt32 = 4_096
            try engines.connect(engines.a, to: engines.b, spiBase: base)
            let probe = try Probe(engines)
            usleep(200_000)
            for _ in 0..<100 {
                let next = base == 4_096 ? base + 8 : 4_096
                try engines.connect(engines.a, to: engines.b, spiBase: next)
                usleep(5_000)
                try engines.b.client().retireReceive(spiBase: base)
                base = next
            }
            let report = probe.finish()
            print("100 new keys: \(report)")
            #expect(report.lost == 0 && report.duplicates == 0 && report.reordered == 0)
        }
    }

    @Test func `The same keys again change nothing, and used keys never come back`() throws {
        try Self.with { engines in
            let secret = randomSecret()
            let other = randomSecret()
            try engines.connect(engines.a, to: engines.b, secret: secret)
            let probe = try Probe(engines)
            usleep(100_000)
            try engines.connect(engines.a, to: engines.b, secret: secret)
            usleep(100_000)
            #expect(probe.finish().lost == 0)
            #expect(try engines.b.drops(.receive, "replay") == 0)
            let taken = refused { try engines.connect(engines.a, to: engines.b, secret: other) }
            #expect(taken.reason == .taken)
            try engines.connect(engines.a, to: engines.b, spiBase: 4_104, secret: other)
            let used = refused { try engines.send(engines.a, to: engines.b, spiBase: 4_096, secret: secret) }
            #expect(used.reason == .taken && used.text.contains("used before"))
        }
    }

    @Test func `Limits are reported once`() throws {
        try Self.with { engines in
            let events = try EngineEvents(path: engines.a.control)
            try engines.connect(
                engines.a, to: engines.b, limits: SoftLimits(packets: 1_000, bytes: 200_000))
            #expect(try events.next(timeout: .milliseconds(300)) == nil)
            let probe = try Probe(engines)
            var seen: [EngineEvent] = []
            while let event = try events.next(timeout: .milliseconds(1_000)) { seen.append(event) }
            _ = probe.finish()
            let slot = TwoEngines.transmitSlot
            #expect(seen.count == 2)
            #expect(seen.contains(.limitReached(.transmit, slot: slot, spiBase: 4_096, .packets)))
            #expect(seen.contains(.limitReached(.transmit, slot: slot, spiBase: 4_096, .bytes)))
        }
    }

    @Test func `What cannot be is refused with its limit`() throws {
        try Self.with { engines in
            let side = engines.a
            let secret = randomSecret()
            func refusal(_ body: () throws -> Void) -> Refusal { refused(body) }
            let small = refusal { try engines.send(side, to: engines.b, spiBase: 4_096, secret: secret, pathMTU: 400) }
            #expect(small.reason == .malformed && small.text.contains("576"))
            let slot = refusal { try engines.send(side, to: engines.b, spiBase: 4_096, secret: secret, slot: 64) }
            #expect(slot.text.contains("0 to 63"))
            let base = refusal { try engines.send(side, to: engines.b, spiBase: 4_097, secret: secret) }
            #expect(base.text.contains("multiple of 8"))
            let mtu = refusal { try side.client().setPathMTU(1_400, slot: 9) }
            #expect(mtu.reason == .missing)
            let queues = TransmitGroup(
                slot: 1, spiBase: 4_096, protection: .conf, queues: 2, local: side.underlay,
                peer: engines.b.underlay, pathMTU: 1_500, secret: try wireSecret(secret))
            let client = try side.client()
            do {
                try client.install(queues)
                Issue.record("a group of two queues was taken by an engine of one")
            } catch {
                #expect("\(error)".contains("this engine has 1"))
            }
            #expect(try client.counters(.transmit).isEmpty)
            for (option, text) in [
                (["--queues", "3"], "1, 2, 4 or 8"), (["--capacity", "0"], "1 to 65536"),
                (["--backend", "rot13"], "ipsec-mb or openssl"), (["--device", ""], "1 to 15 bytes"),
            ] {
                let process = try side.launch(option + ["--locator", "127.0.0.1"])
                var code: Int32?
                while code == nil {
                    code = try process.poll()
                    usleep(1_000)
                }
                #expect(code != 0)
                let log = try side.logText()
                #expect(log.contains(text), "\(option) is refused with its limit")
            }
        }
    }

    @Test func `A client of another version is told so`() throws {
        try Self.with { engines in
            let connection = try ControlConnection(path: engines.a.control)
            var buffer = MessageBuffer()
            Request.info.emit(number: 9, into: &buffer)
            var bytes = buffer.withMessage { message in message.indices.map { message[$0] } }
            bytes[5] = 77
            try connection.send(bytes.span)
            var list = DescriptorList()
            try buffer.fill { try connection.receive(into: &$0, descriptors: &list) }
            let reply = try buffer.withMessage { try Reply.parse($0) }
            guard case .refused(let refusal) = reply.reply else {
                Issue.record("not refused")
                return
            }
            #expect(refusal.reason == .version)
            #expect(refusal.text.contains("version 77"))
            #expect(reply.number == 9)
        }
    }

    /// The memory of an engine's table, by the descriptors that a leaf keeps.
    private func table(of side: TwoEngines.Side) throws -> SharedMemory {
        let connection = try ControlConnection(path: side.control)
        var buffer = MessageBuffer()
        Request.descriptors.emit(number: 1, into: &buffer)
        try buffer.withMessage { try connection.send($0) }
        var list = DescriptorList()
        try buffer.fill { try connection.receive(into: &$0, descriptors: &list) }
        guard let memory = list.removeFirst() else { throw CommandFailed(description: "no table") }
        return try SharedMemory(adopting: memory)
    }

    /// Whether the key of the first queue, in either form, or the secret itself is anywhere in a table.
    private func contains(_ memory: SharedMemory, _ secret: [UInt8]) -> Bool {
        guard let key = derivePacketKey(secret: secret.span, level: .conf, queue: 0) else { return false }
        let words = memory.region(of: UInt64.self, at: 0, count: memory.byteCount / 8)
        var wanted: Set<UInt64> = [key.high, key.low, key.high.byteSwapped, key.low.byteSwapped]
        for start in stride(from: 0, to: 32, by: 8) {
            wanted.insert(secret[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }.byteSwapped)
        }
        return (0..<words.count).contains { wanted.contains(words[$0]) }
    }
}

/// The refusal that a call ends with.
func refused(_ body: () throws -> Void) -> Refusal {
    do {
        try body()
    } catch EngineClientError.refused(let refusal) {
        return refusal
    } catch {
        return Refusal(.system, "\(error)")
    }
    return Refusal(.system, "it was not refused")
}
