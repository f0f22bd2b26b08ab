import Crypto
import Testing

@testable import AEAD
@testable import ESP

@Suite("Layouts, limits and keys")
struct LayoutTests {
    @Test("1: associations stand in memory as they are described")
    func layouts() {
        #expect(MemoryLayout<PacketKey>.size == 24 && MemoryLayout<ESPPath>.size == 16)
        #expect(MemoryLayout<ReplayWindow>.stride == 528)
        #expect(MemoryLayout<ESPDropCounters>.size == ESPDrop.allCases.count * 8)
        #expect(Set(ESPDrop.allCases.map(\.description)).count == ESPDrop.allCases.count)

        typealias Transmit = TransmitAssociation
        #expect(MemoryLayout<Transmit>.stride == Transmit.Layout.byteCount)
        #expect(MemoryLayout<Transmit>.size == MemoryLayout<Transmit>.stride && MemoryLayout<Transmit>.alignment == 8)
        #expect(MemoryLayout<Transmit>.offset(of: \.spi) == 0 && MemoryLayout<Transmit>.offset(of: \.wire) == 4)
        #expect(MemoryLayout<Transmit>.offset(of: \.rawLevel) == 8 && MemoryLayout<Transmit>.offset(of: \.key) == 16)
        #expect(MemoryLayout<Transmit>.offset(of: \.path) == 40)
        #expect(MemoryLayout<Transmit>.offset(of: \.sequence) == Transmit.Layout.sequence)
        #expect(MemoryLayout<Transmit>.offset(of: \.packets) == Transmit.Layout.packets)
        #expect(MemoryLayout<Transmit>.offset(of: \.bytes) == Transmit.Layout.bytes)
        #expect(MemoryLayout<Transmit>.offset(of: \.refusals) == Transmit.Layout.refusals)

        typealias Receive = ReceiveAssociation
        #expect(MemoryLayout<Receive>.stride == Receive.Layout.byteCount && Receive.Layout.byteCount % 64 == 0)
        #expect(MemoryLayout<Receive>.size == MemoryLayout<Receive>.stride && MemoryLayout<Receive>.alignment == 8)
        #expect(MemoryLayout<Receive>.offset(of: \.spi) == 0 && MemoryLayout<Receive>.offset(of: \.wire) == 4)
        #expect(MemoryLayout<Receive>.offset(of: \.rawLevel) == 8 && MemoryLayout<Receive>.offset(of: \.key) == 16)
        #expect(MemoryLayout<Receive>.offset(of: \.packets) == Receive.Layout.packets)
        #expect(MemoryLayout<Receive>.offset(of: \.bytes) == Receive.Layout.bytes)
        #expect(MemoryLayout<Receive>.offset(of: \.replays) == Receive.Layout.replays)
        #expect(MemoryLayout<Receive>.offset(of: \.failures) == Receive.Layout.failures)
        #expect(MemoryLayout<Receive>.offset(of: \.refusals) == Receive.Layout.refusals)
        #expect(MemoryLayout<Receive>.offset(of: \.window) == Receive.Layout.highest)
        #expect(MemoryLayout<ReplayWindow>.offset(of: \.top) == 0)
    }

    @Test("2: wiping leaves zeros, which are no level")
    func wiping() throws {
        let path = try ESPPath(pathMTU: 1_500, family: .v4, level: .conf)
        let key = PacketKey(high: .max, low: .max, salt: .max)
        var transmit = TransmitAssociation(spi: 9, wire: 8, key: key, level: .conf, path: path)
        #expect(transmit.level == .conf && transmit.path.level == .conf && transmit.path.family == .v4)
        transmit.wipe()
        #expect(transmit.spi == 0 && transmit.key.high == 0 && transmit.key.low == 0 && transmit.key.salt == 0)
        #expect(transmit.level == nil && transmit.path.level == nil && transmit.path.family == nil)
        var receive = ReceiveAssociation(spi: 9, wire: 8, key: key, level: .auth)
        receive.window.accept(5)
        receive.wipe()
        #expect(receive.level == nil && receive.key.high == 0 && receive.window.highest == 0)
        #expect(receive.window.verdict(low: 5) == .fresh(5))
    }

    @Test(
        "3: the inner MTU of a path",
        arguments: [
            (1_500, UnderlayFamily.v4, 1_438), (1_500, .v6, 1_418), (9_000, .v4, 8_938), (9_000, .v6, 8_918),
            (1_280, .v6, 1_198), (1_499, .v4, 1_434), (1_501, .v4, 1_438), (1_503, .v4, 1_438), (1_504, .v4, 1_442),
            (65_535, .v4, 65_470), (132, .v4, 70), (152, .v6, 70),
        ])
    func innerMTU(_ pathMTU: Int, _ family: UnderlayFamily, _ innerMTU: Int) throws {
        let path = try ESPPath(pathMTU: pathMTU, family: family, level: .conf)
        #expect(path.innerMTU == innerMTU && path.innerFrameMTU == innerMTU - 2 && path.pathMTU == pathMTU)
        let outer = family.headerByteCount + 8
        #expect(outer + ESPLimits.packetByteCount(innerMTU) <= pathMTU)
        #expect(outer + ESPLimits.packetByteCount(innerMTU + 1) > pathMTU)
        #expect(try ESPPath(pathMTU: pathMTU, family: family, level: .auth).innerMTU == innerMTU)
        #expect(path.superPacketSegments >= 1)
        #expect(path.superPacketSegments * ESPLimits.packetByteCount(innerMTU) <= ESPLimits.maximumBurstByteCount)
    }

    @Test("4: an MTU out of bounds is refused with the bound")
    func mtuBounds() throws {
        #expect(ESPLimits.minimumPathMTU(.v4) == 132 && ESPLimits.minimumPathMTU(.v6) == 152)
        for (family, minimum) in [(UnderlayFamily.v4, 132), (.v6, 152)] {
            #expect(throws: ESPLimitError.mtuTooSmall(minimum - 1, minimum: minimum)) {
                try ESPPath(pathMTU: minimum - 1, family: family, level: .conf)
            }
            #expect(throws: ESPLimitError.mtuTooSmall(-1, minimum: minimum)) {
                try ESPPath(pathMTU: -1, family: family, level: .conf)
            }
        }
        #expect(throws: ESPLimitError.mtuTooLarge(65_536, maximum: 65_535)) {
            try ESPPath(pathMTU: 65_536, family: .v4, level: .conf)
        }
        #expect("\(ESPLimitError.mtuTooSmall(100, minimum: 132))".contains("at least 132"))
        let path = try ESPPath(pathMTU: 1_500, family: .v4, level: .conf)
        #expect(path.superPacketSegments == 44)
    }

    @Test("5: keys are HKDF's, and differ by secret, level and queue")
    func keys() throws {
        let secret = [UInt8](0..<32)
        var seen: Set<[UInt64]> = []
        for level in SecurityLevel.allCases {
            for queue in 0..<8 as Range<UInt8> {
                let found = derivePacketKey(secret: secret.span, level: level, queue: queue)
                let key = try #require(found)
                let info = Array("patchbay esp".utf8) + [level.rawValue, queue]
                let expected = HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: SymmetricKey(data: secret), info: info, outputByteCount: 20)
                let bytes = unsafe expected.withUnsafeBytes { unsafe Array($0) }
                let reference = PacketKey(bytes: bytes.span)
                #expect(reference?.high == key.high && reference?.low == key.low && reference?.salt == key.salt)
                seen.insert([key.high, key.low, UInt64(key.salt)])
            }
        }
        #expect(seen.count == 16)
        // By Python's cryptography: HKDF(SHA256, 20, None, b"patchbay esp\x02\x03").derive(bytes(range(32))).
        let found = derivePacketKey(secret: secret.span, level: .conf, queue: 3)
        let key = try #require(found)
        #expect(key.high == 0xb001_aada_4c8f_a604 && key.low == 0xc4ee_3194_7228_2408 && key.salt == 0xf3b1_c5a1)
        for count in [0, 31, 33] {
            let other = [UInt8](repeating: 0, count: count)
            let refused = derivePacketKey(secret: other.span, level: .conf, queue: 0)
            #expect(refused == nil)
        }
    }
}
