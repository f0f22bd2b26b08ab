import NetTypes
import Testing

@testable import Accounts

@Suite("One-time codes")
struct TOTPTests {
    private let secret = Array("12345678901234567890".utf8)

    @Test("1: RFC 4226, appendix D")
    func hotp() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ]
        for (counter, code) in expected.enumerated() {
            #expect(TOTP.code(secret: secret, counter: UInt64(counter)) == code)
        }
    }

    @Test(
        "2: RFC 6238, appendix B",
        arguments: [
            (59, "94287082", "46119246", "90693936"), (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"), (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"), (20_000_000_000, "65353130", "77737706", "47863826"),
        ])
    func vectors(_ seconds: Int64, _ sha1: String, _ sha256: String, _ sha512: String) {
        let counter = TOTP.counter(at: Timestamp(seconds))
        let digits = Array("1234567890".utf8)
        func seed(_ count: Int) -> [UInt8] { (0..<count).map { digits[$0 % 10] } }
        #expect(TOTP.code(secret: seed(20), counter: counter, digits: 8, algorithm: .sha1) == sha1)
        #expect(TOTP.code(secret: seed(32), counter: counter, digits: 8, algorithm: .sha256) == sha256)
        #expect(TOTP.code(secret: seed(64), counter: counter, digits: 8, algorithm: .sha512) == sha512)
    }

    @Test("3: the drift is one step either way, to the second")
    func drift() {
        let step = TOTP.counter(at: World.start)
        let begin = Timestamp(Int64(step) * TOTP.step)
        let code = TOTP.code(secret: secret, counter: step)
        for (offset, isTaken) in [(-31, false), (-30, true), (0, true), (29, true), (59, true), (60, false)]
            as [(Int64, Bool)]
        {
            let found = TOTP.accept(code, secret: secret, lastUsed: nil, at: begin + offset)
            #expect(found == (isTaken ? step : nil), "\(offset)")
        }
        #expect(
            TOTP.accept(TOTP.code(secret: secret, counter: 0), secret: secret, lastUsed: nil, at: Timestamp(0)) == 0)
        #expect(TOTP.accept(code, secret: secret, lastUsed: nil, at: Timestamp(-5)) == nil)
    }

    @Test("4: no code is taken twice, nor one before the last that was")
    func replay() {
        let at = World.start
        let step = TOTP.counter(at: at)
        let codes = [step - 1, step, step + 1].map { TOTP.code(secret: secret, counter: $0) }
        #expect(TOTP.accept(codes[1], secret: secret, lastUsed: nil, at: at) == step)
        #expect(TOTP.accept(codes[1], secret: secret, lastUsed: step, at: at) == nil)
        #expect(TOTP.accept(codes[0], secret: secret, lastUsed: step, at: at) == nil)
        #expect(TOTP.accept(codes[2], secret: secret, lastUsed: step, at: at) == step + 1)
    }

    @Test(
        "5: what is no code",
        arguments: ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "1234567890123456789"])
    func noCode(_ text: String) {
        #expect(TOTP.accept(text, secret: secret, lastUsed: nil, at: World.start) == nil)
    }

    @Test("6: blanks between the digits are what people type")
    func blanks() {
        let code = TOTP.code(secret: secret, counter: TOTP.counter(at: World.start))
        let typed = code.prefix(3) + " " + code.suffix(3)
        #expect(TOTP.accept(String(typed), secret: secret, lastUsed: nil, at: World.start) != nil)
    }

    @Test("7: the URI names issuer, account and secret")
    func uri() throws {
        let uri = TOTP.uri(secret: secret, account: try AccountName(parsing: "ada@acme"), issuer: "Patch bay")
        #expect(
            uri == "otpauth://totp/Patch%20bay:ada%40acme?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                + "&issuer=Patch%20bay&algorithm=SHA1&digits=6&period=30")
    }

    @Test("8: a recovery code is good once, in any case and grouping")
    func recovery() throws {
        let made = RecoveryCodes.make(random: World().random)
        #expect(made.codes.count == 10 && Set(made.codes).count == 10)
        #expect(made.codes.allSatisfy { $0.utf8.count == 19 })
        let typed = made.codes[3].lowercased().replacing("-", with: " ")
        let left = try #require(RecoveryCodes.use(typed, of: made.hashes))
        #expect(left.count == 9)
        #expect(RecoveryCodes.use(made.codes[3], of: left) == nil)
        #expect(RecoveryCodes.use(made.codes[9], of: left) != nil)
        #expect(RecoveryCodes.use("", of: left) == nil)
        #expect(RecoveryCodes.use(String(repeating: "A", count: 100_000), of: left) == nil)
    }

    @Test(
        "9: RFC 4648, section 10: base32",
        arguments: [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ])
    func base32(_ text: String, _ expected: String) {
        #expect(Base32.encode(Array(text.utf8)) == expected)
    }

    @Test("10: a sealed secret opens for its owner and purpose, unchanged, and for nothing else")
    func box() throws {
        let world = World()
        let box = try #require(SecretBox(key: world.random(32)))
        #expect(SecretBox(key: [1, 2, 3]) == nil)
        let (ada, bob) = (world.id(), world.id())
        let sealed = try #require(box.seal(secret, of: ada, purpose: "totp", random: world.random))
        #expect(box.open(sealed, of: ada, purpose: "totp") == secret)
        #expect(box.open(sealed, of: bob, purpose: "totp") == nil)
        #expect(box.open(sealed, of: ada, purpose: "passkey") == nil)
        #expect(box.open([], of: ada, purpose: "totp") == nil)
        for place in sealed.indices {
            var bad = sealed
            bad[place] ^= 1
            #expect(box.open(bad, of: ada, purpose: "totp") == nil)
        }
    }
}
