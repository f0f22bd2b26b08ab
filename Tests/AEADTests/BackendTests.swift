import AEAD
import Testing

@Suite("The backends against each other")
struct BackendTests {
    @Test("1: 4,000 random packets are sealed alike, and each opens the other's", arguments: SecurityLevel.allCases)
    func agreement(_ level: SecurityLevel) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var fast = try IPSecMBCipher(capacity: 3)
        var other = try OpenSSLCipher(capacity: 3)
        for round in 0..<4_000 {
            let key = PacketKey(
                high: random.next(), low: random.next(), salt: UInt32(truncatingIfNeeded: random.next()))
            if round % 50 == 0 {
                try fast.install(round % 3, key: key, level: level)
                try other.install(round % 3, key: key, level: level)
            }
            let slot = [0, 1, 2].last { fast.level(of: $0) != nil && $0 <= round / 50 % 3 } ?? 0
            let count = Int.random(in: 1...(round % 20 == 0 ? 9_100 : 300), using: &random)
            let text = random.bytes(count + 40)
            let start = Int.random(in: 0..<40, using: &random)
            let target = Int.random(in: 0..<40, using: &random)
            let spi = UInt32(truncatingIfNeeded: random.next())
            let sequence = random.next()
            let iv = random.next()
            var a = [UInt8](repeating: 0, count: count + 60)
            var b = a
            var span = a.mutableSpan
            #expect(
                fast.seal(
                    slot, spi: spi, sequence: sequence, iv: iv, source: text.span, from: start, count: count,
                    destination: &span, to: target))
            span = b.mutableSpan
            #expect(
                other.seal(
                    slot, spi: spi, sequence: sequence, iv: iv, source: text.span, from: start, count: count,
                    destination: &span, to: target))
            try #require(a == b, "seed \(seed), round \(round)")
            #expect(a[..<target].allSatisfy { $0 == 0 } && a[(target + count + 16)...].allSatisfy { $0 == 0 })
            if level == .auth { #expect(a[target..<target + count] == text[start..<start + count]) }

            // Whole, or with one bit changed in the packet, its tag, or what else is authenticated.
            let wrong = round % 4
            var sequence2 = sequence
            var spi2 = spi
            var iv2 = iv
            switch wrong {
            case 1: a[Int.random(in: target..<target + count + 16, using: &random)] ^= 1 << UInt8(round / 4 % 8)
            case 2 where round % 8 == 2: sequence2 ^= 1 << UInt64(round % 64)
            case 2: spi2 ^= 1 << UInt32(round % 32)
            case 3: iv2 ^= 1 << UInt64(round % 64)
            default: break
            }
            for backend in CipherBackend.allCases {
                var opened = [UInt8](repeating: 0, count: count + 50)
                var span = opened.mutableSpan
                let isOpened =
                    backend == .ipsecMB
                    ? fast.open(
                        slot, spi: spi2, sequence: sequence2, iv: iv2, source: a.span, from: target, count: count,
                        destination: &span, to: start)
                    : other.open(
                        slot, spi: spi2, sequence: sequence2, iv: iv2, source: a.span, from: target, count: count,
                        destination: &span, to: start)
                #expect(isOpened == (wrong == 0), "seed \(seed), round \(round), \(backend)")
                if isOpened { #expect(opened[start..<start + count] == text[start..<start + count]) }
                #expect(opened[..<start].allSatisfy { $0 == 0 } && opened[(start + count)...].allSatisfy { $0 == 0 })
            }
        }
    }

    @Test("2: a slot is empty, then has its level, then is empty; others are not touched")
    func slots() throws {
        try slots(IPSecMBCipher.self)
        try slots(OpenSSLCipher.self)
    }

    private func slots<Cipher: PacketCipher & ~Copyable>(_ type: Cipher.Type) throws {
        var cipher = try Cipher(capacity: 3)
        #expect(cipher.capacity == 3)
        for slot in 0..<3 { #expect(cipher.level(of: slot) == nil) }
        try cipher.install(1, key: PacketKey(high: 1, low: 2, salt: 3), level: .auth)
        try cipher.install(2, key: PacketKey(high: 1, low: 2, salt: 3), level: .conf)
        #expect(cipher.level(of: 0) == nil && cipher.level(of: 1) == .auth && cipher.level(of: 2) == .conf)
        let before = cipher.sealed(2, nonce: [UInt8](0..<12), additional: [], text: [1, 2, 3])
        cipher.remove(1)
        cipher.remove(1)
        #expect(cipher.level(of: 1) == nil && cipher.level(of: 2) == .conf)
        #expect(cipher.sealed(2, nonce: [UInt8](0..<12), additional: [], text: [1, 2, 3]) == before)
        try cipher.install(2, key: PacketKey(high: 1, low: 3, salt: 3), level: .conf)
        #expect(cipher.sealed(2, nonce: [UInt8](0..<12), additional: [], text: [1, 2, 3]) != before)
    }

    @Test("3: more memory than there is, is refused")
    func noMemory() {
        #expect(throws: CipherError.noMemory(.max)) { _ = try OpenSSLCipher(capacity: .max / 64).capacity }
        #expect(throws: CipherError.self) { _ = try IPSecMBCipher(capacity: 1 << 50).capacity }
    }

    @Test("4: a key's bytes are the numbers, and wiping leaves nothing")
    func keys() throws {
        let bytes = [UInt8](1...20)
        let found = PacketKey(bytes: bytes.span)
        var key = try #require(found)
        #expect(key.high == 0x0102_0304_0506_0708 && key.low == 0x090a_0b0c_0d0e_0f10 && key.salt == 0x1112_1314)
        let short = PacketKey(bytes: bytes.span.extracting(first: 19))
        #expect(short == nil)
        key.wipe()
        #expect(key.high == 0 && key.low == 0 && key.salt == 0)
    }
}
