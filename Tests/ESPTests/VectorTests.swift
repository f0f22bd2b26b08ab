import AEAD
import Foundation
import Testing

@testable import ESP

@Suite("Whole packets of another implementation")
struct VectorTests {
    /// A packet of scapy's; see `Resources/make-esp-vectors.py`.
    struct ESPVector: Decodable {
        let name: String
        let level: String
        let key: String
        let spi: UInt32
        let sequence: String
        let next: UInt8
        let inner: String
        let packet: String
    }

    @Test("1: each is opened, and sealed to the same bytes", arguments: CipherBackend.allCases)
    func vectors(_ backend: CipherBackend) throws {
        switch backend {
        case .ipsecMB: try check(IPSecMBCipher.self)
        case .openSSL: try check(OpenSSLCipher.self)
        }
    }

    private func check<Cipher: PacketCipher & ~Copyable>(_ type: Cipher.Type) throws {
        let url = try #require(
            Bundle.module.url(forResource: "esp-vectors", withExtension: "json", subdirectory: "Resources"))
        let vectors = try JSONDecoder().decode([ESPVector].self, from: Data(contentsOf: url))
        #expect(vectors.count == 56)
        for vector in vectors {
            let level: SecurityLevel = vector.level == "conf" ? .conf : .auth
            let material = try bytes(hex: vector.key)
            let found = PacketKey(bytes: material.span)
            let key = try #require(found)
            let sequence = try #require(UInt64(vector.sequence))
            let inner = try bytes(hex: vector.inner)
            let packet = try bytes(hex: vector.packet)

            // Opened: the window stands just before the number, so that its high half is inferred rightly.
            var bench = try TestBench(type, level: level, pathMTU: 9_100)
            try bench.openCipher.install(1, key: key, level: level)
            var association = ReceiveAssociation(spi: vector.spi, wire: 5, key: key, level: level)
            association.window = ReplayWindow(highest: sequence - 1)
            bench.table.associations.append(association)
            bench.table.slots[vector.spi] = .slot(1)
            bench.receive(packet)
            bench.flush()
            #expect(bench.sink.frames.count == 1 && bench.sink.slots == [1], "\(vector.name)")
            let frame = TestFrame(reading: try #require(bench.sink.frames.first, "\(vector.name)"))
            #expect(frame.packet == inner, "\(vector.name)")
            #expect(frame.etherType == (vector.next == 4 ? 0x0800 : 0x86dd) && frame.wire == 5)
            #expect(frame.flags == 0 && frame.kind == 0)
            #expect(bench.table.associations[1].window.highest == sequence)

            // Sealed: byte for byte what the other one sent.
            try bench.sealCipher.install(0, key: key, level: level)
            bench.transmit = TransmitAssociation(
                spi: vector.spi, wire: 7, key: key, level: level,
                path: try ESPPath(pathMTU: 9_100, family: .v4, level: level))
            bench.transmit.sequence = sequence - 1
            let sent = bench.datagrams(TestFrame(etherType: frame.etherType, packet: inner))
            #expect(sent == [packet], "\(vector.name)")
            #expect(bench.transmit.sequence == sequence)
        }
    }

    private func bytes(hex: String) throws -> [UInt8] {
        let digits = Array(hex.utf8)
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            try #require(UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16))
        }
    }
}
