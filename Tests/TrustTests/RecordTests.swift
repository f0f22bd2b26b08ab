import NetTypes
import SwiftASN1
import Testing

@testable import Trust

@Suite("Location records")
struct RecordTests {
    let world: World
    let key = SigningKey()

    init() throws { world = try World() }

    @Test("1: what was signed is read again")
    func roundTrip() throws {
        for locator in ["192.0.2.1", "127.0.0.1", "2001:db8::1", "fe80::1", "fd00::1"] {
            for epoch in [1, 2, 127, 128, 255, 256, 1 << 31, 1 << 32, Epoch(Int64.max)] {
                let record = try LocationRecord(
                    identity: world.identity(1), leaf: world.leaf, locator: IPAddress(parsing: locator),
                    plugPort: 65_535,
                    epoch: epoch, notAfter: World.now)
                #expect(try LocationRecord(parsingUnverified: record.signed(with: key)) == record)
            }
        }
    }

    @Test("2: the DER is the one that is written down")
    func bytes() throws {
        let record = try LocationRecord(
            identity: Identity(parsing: "fd12:3456:789a::1"), leaf: LeafID(2), locator: IPAddress(parsing: "10.0.0.1"),
            plugPort: 7_000, epoch: 5, notAfter: Timestamp(1_000))
        let body: [UInt8] =
            [0x30, 0x38, 0x02, 0x01, 0x01]
            + [0x04, 0x10, 0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a] + Array(repeating: 0, count: 9) + [1]
            + [0x04, 0x10] + Array(repeating: 0, count: 15) + [2]
            + [0x04, 0x04, 10, 0, 0, 1, 0x02, 0x02, 0x1b, 0x58, 0x02, 0x01, 0x05, 0x02, 0x02, 0x03, 0xe8]
        #expect(record.body == body)
        let signed = try record.signed(with: key)
        #expect(Array(signed[2..<(2 + body.count)]) == body || Array(signed[3..<(3 + body.count)]) == body)
    }

    @Test("3: values that no record may have")
    func values() throws {
        let identity = world.identity(1)
        func make(_ locator: String = "192.0.2.1", port: UInt16 = 1, epoch: Epoch = 1, end: Int64 = 0) throws {
            _ = try LocationRecord(
                identity: identity, leaf: world.leaf, locator: IPAddress(parsing: locator), plugPort: port,
                epoch: epoch, notAfter: Timestamp(end))
        }
        #expect(throws: Never.self) { try make() }
        for locator in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.2.3", "::", "ff02::1", "::ffff:192.0.2.1"] {
            #expect(throws: TrustRefusal.self, "\(locator)") { try make(locator) }
        }
        #expect(throws: TrustRefusal.self) { try make(port: 0) }
        #expect(throws: TrustRefusal.self) { try make(epoch: 0) }
        #expect(throws: TrustRefusal.self) { try make(epoch: Epoch(Int64.max) + 1) }
        #expect(throws: TrustRefusal.self) { try make(epoch: .max) }
        #expect(throws: TrustRefusal.self) { try make(end: -1) }
        #expect(throws: TrustRefusal.self) { try make(end: TrustLimits.lastSecond + 1) }
        #expect(throws: Never.self) { try make(end: TrustLimits.lastSecond) }
    }

    /// The seven fields of a body, as DER, to be replaced one at a time.
    private func fields() -> [[UInt8]] {
        [
            [0x02, 0x01, 0x01], [0x04, 0x10] + world.identity(1).octets, [0x04, 0x10] + world.leaf.octets,
            [0x04, 0x04, 192, 0, 2, 1], [0x02, 0x02, 0x1b, 0x58], [0x02, 0x01, 0x07],
            [0x02, 0x04, 0x6b, 0x49, 0xe0, 0x00],
        ]
    }

    private func sequence(_ parts: [[UInt8]]) -> [UInt8] {
        DEREncoding.sequence { coder in for part in parts { coder.serializeRawBytes(part) } }
    }

    private func signed(_ body: [UInt8], behind: [UInt8] = []) throws -> [UInt8] {
        let signature = try key.sign(body)
        return sequence([body, [0x03, UInt8(signature.count + 1), 0x00] + signature, behind])
    }

    @Test("4: every deviation from the one DER form is refused, although its key signed it")
    func strictness() async throws {
        let endpoint = try world.endpoint(key: key)
        func refusal(_ record: [UInt8]) async -> TrustRefusal? {
            var facts = endpoint.facts
            facts.record = record
            return await world.refusal(facts)
        }
        func replaced(_ index: Int, _ field: [UInt8]) throws -> [UInt8] {
            var fields = fields()
            fields[index] = field
            return try signed(sequence(fields))
        }
        // The untouched one is good: the rows below fail for what they say.
        #expect(await refusal(try signed(sequence(fields()))) == nil)
        let good = try signed(sequence(fields()))
        let body = sequence(fields())
        let table: [(String, [UInt8])] = [
            ("version 0", try replaced(0, [0x02, 0x01, 0x00])), ("version 2", try replaced(0, [0x02, 0x01, 0x02])),
            ("version -1", try replaced(0, [0x02, 0x01, 0xff])),
            ("version 1, not minimal", try replaced(0, [0x02, 0x02, 0x00, 0x01])),
            ("version without octets", try replaced(0, [0x02, 0x00])),
            ("identity of 15 octets", try replaced(1, [0x04, 0x0f] + world.identity(1).octets.dropLast())),
            ("identity of 17 octets", try replaced(1, [0x04, 0x11] + world.identity(1).octets + [0])),
            ("identity outside fd00::/8", try replaced(1, [0x04, 0x10, 0x20] + world.identity(1).octets.dropFirst())),
            ("identity as a bit string", try replaced(1, [0x03, 0x11, 0x00] + world.identity(1).octets)),
            ("leaf of 4 octets", try replaced(2, [0x04, 0x04, 1, 2, 3, 4])),
            ("locator of 5 octets", try replaced(3, [0x04, 0x05, 192, 0, 2, 1, 0])),
            ("locator of none", try replaced(3, [0x04, 0x00])),
            ("locator multicast", try replaced(3, [0x04, 0x04, 224, 0, 0, 1])),
            (
                "locator IPv4-mapped",
                try replaced(3, [0x04, 0x10] + IPv6Address(mapped: IPv4Address(192, 0, 2, 1)).octets)
            ),
            ("port 0", try replaced(4, [0x02, 0x01, 0x00])), ("port 65536", try replaced(4, [0x02, 0x03, 1, 0, 0])),
            ("port -1", try replaced(4, [0x02, 0x01, 0xff])),
            ("port not minimal", try replaced(4, [0x02, 0x03, 0x00, 0x1b, 0x58])),
            ("epoch 0", try replaced(5, [0x02, 0x01, 0x00])), ("epoch -1", try replaced(5, [0x02, 0x01, 0xff])),
            ("epoch 2^63", try replaced(5, [0x02, 0x09, 0x00, 0x80] + Array(repeating: 0, count: 7))),
            ("epoch 2^64", try replaced(5, [0x02, 0x09, 0x01] + Array(repeating: 0, count: 8))),
            ("notAfter -1", try replaced(6, [0x02, 0x01, 0xff])),
            ("notAfter 2^63-1", try replaced(6, [0x02, 0x08, 0x7f] + Array(repeating: 0xff, count: 7))),
            ("six fields", try signed(sequence(fields().dropLast()))),
            ("eight fields", try signed(sequence(fields() + [[0x02, 0x01, 0x01]]))),
            ("the length in two octets", try signed([0x30, 0x81] + sequence(fields()).dropFirst())),
            ("of indefinite length", try signed([0x30, 0x80] + body.dropFirst(2) + [0, 0])),
            ("a set", try signed([0x31] + body.dropFirst())),
            ("more behind the signature", try signed(body, behind: [0x05, 0x00])),
            ("more behind the end", good + [0x00]), ("cut", Array(good.dropLast())), ("empty", []),
            ("no signature", sequence([body])),
            ("a signature without octets", sequence([body, [0x03, 0x01, 0x00]])),
            ("a bit string without octets", sequence([body, [0x03, 0x00]])),
            ("a signature with unused bits", sequence([body, [0x03, 0x03, 0x01, 0x00, 0x00]])),
            ("twice", good + good),
        ]
        for (number, row) in table.enumerated() {
            let refusal = await refusal(row.1)
            #expect(refusal != nil, "row \(number), \(row.0)")
        }
        #expect(
            await refusal(Array(repeating: 0x30, count: TrustLimits.recordBytes + 1))
                == .oversize(.record, bytes: TrustLimits.recordBytes + 1, limit: TrustLimits.recordBytes))
    }

    @Test("5: a signature in another encoding, or of the twin, changes nothing of what is read")
    func signatures() async throws {
        let endpoint = try world.endpoint(key: key)
        let body = try world.record(endpoint.identity).body
        let signature = try key.sign(body)
        func facts(_ signature: [UInt8]) -> EndpointFacts {
            var facts = endpoint.facts
            facts.record = sequence([body, [0x03, UInt8(signature.count + 1), 0x00] + signature])
            return facts
        }
        let honest = await world.anchor.verify(endpoint: facts(signature), at: World.now, revocations: .none).value
        let twin = try Malleation.twin(ofSignature: signature)
        let other = await world.anchor.verify(endpoint: facts(twin), at: World.now, revocations: .none).value
        #expect(honest != nil)
        #expect(honest == other)
        // BER: the length of the sequence in the long form; a trailing octet; raw r and s.
        for bad in [[0x30, 0x81] + signature.dropFirst(), signature + [0], Array(signature.dropFirst(4))] {
            #expect(await world.refusal(facts(bad)) == .badSignature(.record))
        }
        // The signature of other bytes, and the policy key's way of signing the same.
        #expect(await world.refusal(facts(try key.sign(body + [0]))) == .badSignature(.record))
    }
}
