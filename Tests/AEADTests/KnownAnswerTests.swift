import Testing

@testable import AEAD

@Suite("Ciphers against published answers")
struct KnownAnswerTests {
    @Test("1: GCM by every backend", arguments: CipherBackend.allCases)
    func gcm(_ backend: CipherBackend) throws {
        let vectors = try Vector.load("aes-gcm-128")
        #expect(vectors.count == 82 && vectors.count { !$0.isValid } == 27)
        switch backend {
        case .ipsecMB: try check(vectors, .conf, IPSecMBCipher.self)
        case .openSSL: try check(vectors, .conf, OpenSSLCipher.self)
        }
    }

    @Test("2: GMAC by every backend", arguments: CipherBackend.allCases)
    func gmac(_ backend: CipherBackend) throws {
        let vectors = try Vector.load("aes-gmac-128")
        #expect(vectors.count == 70 && vectors.contains { !$0.isValid })
        switch backend {
        case .ipsecMB: try check(vectors, .auth, IPSecMBCipher.self)
        case .openSSL: try check(vectors, .auth, OpenSSLCipher.self)
        }
    }

    @Test("3: the answers that the probe asks for")
    func probeAnswers() throws {
        for backend in CipherBackend.allCases {
            let choice = try CipherBackend.probe(override: backend)
            #expect(choice.backend == backend)
            #expect(choice.reason.contains("as configured"))
        }
        let choice = try CipherBackend.probe()
        #expect(choice.backend == .ipsecMB)
        #expect(choice.reason.hasPrefix("ipsec-mb passed its self test ("), "\(choice.reason)")
    }

    @Test("4: a cipher that computes wrongly is refused")
    func wrongCipher() throws {
        for fault in BrokenCipher.Fault.allCases {
            var cipher = try BrokenCipher(capacity: 1)
            cipher.fault = fault
            var refused = false
            do {
                try checkKnownAnswers(&cipher)
            } catch {
                refused = true
                #expect("\(error)".contains("wrongly"), "\(error)")
            }
            #expect(refused == (fault != .none), "\(fault)")
        }
    }

    private func check<Cipher: PacketCipher & ~Copyable>(
        _ vectors: [Vector], _ level: SecurityLevel, _ type: Cipher.Type
    ) throws {
        var cipher = try Cipher(capacity: 2)
        for vector in vectors {
            let material = vector.key + vector.nonce.prefix(4)
            let found = PacketKey(bytes: material.span)
            let key = try #require(found)
            try cipher.install(1, key: key, level: level)
            let opened = cipher.opened(1, nonce: vector.nonce, additional: vector.additional, sealed: vector.sealed)
            #expect(opened == (vector.isValid ? vector.text : nil), "\(vector.source)")
            let sealed = cipher.sealed(1, nonce: vector.nonce, additional: vector.additional, text: vector.text)
            #expect((sealed == vector.sealed) == vector.isValid, "\(vector.source)")
            // What the draft authenticates is an ESP header where it is as long as ours: the path of packets agrees.
            if level == .conf, vector.additional.count == 12 {
                let header = vector.additional.span
                var output = [UInt8](repeating: 0, count: vector.sealed.count)
                var span = output.mutableSpan
                let isSealed = cipher.seal(
                    1, spi: header.load32(0), sequence: header.load64(4), iv: vector.nonce.span.load64(4),
                    source: vector.text.span, from: 0, count: vector.text.count, destination: &span, to: 0)
                #expect(isSealed)
                #expect((output == vector.sealed) == vector.isValid, "\(vector.source)")
            }
        }
    }
}

/// OpenSSL with a fault of choice.
struct BrokenCipher: PacketCipher, ~Copyable {
    enum Fault: CaseIterable { case none, sealedBit, acceptsAll, refusesAll, openedBit }

    static let backend = CipherBackend.openSSL
    var fault = Fault.none
    private var cipher: OpenSSLCipher

    init(capacity: Int) throws(CipherError) { cipher = try OpenSSLCipher(capacity: capacity) }

    var capacity: Int { cipher.capacity }
    mutating func install(_ slot: Int, key: PacketKey, level: SecurityLevel) throws(CipherError) {
        try cipher.install(slot, key: key, level: level)
    }
    mutating func remove(_ slot: Int) { cipher.remove(slot) }
    func level(of slot: Int) -> SecurityLevel? { cipher.level(of: slot) }

    mutating func seal(
        _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
        destination: inout MutableSpan<UInt8>, to target: Int
    ) -> Bool { false }

    mutating func open(
        _ slot: Int, spi: UInt32, sequence: UInt64, iv: UInt64, source: Span<UInt8>, from start: Int, count: Int,
        destination: inout MutableSpan<UInt8>, to target: Int
    ) -> Bool { false }

    mutating func seal(
        _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
        destination: inout MutableSpan<UInt8>
    ) -> Bool {
        let isSealed = cipher.seal(
            slot, nonce: nonce, additional: additional, source: source, destination: &destination)
        if fault == .sealedBit { destination[7] ^= 4 }
        return isSealed
    }

    mutating func open(
        _ slot: Int, nonce: Span<UInt8>, additional: Span<UInt8>, source: Span<UInt8>,
        destination: inout MutableSpan<UInt8>
    ) -> Bool {
        let isOpened = cipher.open(
            slot, nonce: nonce, additional: additional, source: source, destination: &destination)
        if fault == .openedBit { destination[0] ^= 1 }
        return fault == .acceptsAll || isOpened && fault != .refusesAll
    }
}
