import NetTypes
import Testing

@testable import Accounts

@Suite("Passwords")
struct PasswordTests {
    /// The first 32 octets: longer keys of scrypt begin with shorter ones (RFC 7914, section 6).
    @Test(
        "1: RFC 7914, section 12",
        arguments: [
            ("password", "NaCl", 10, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
            (
                "pleaseletmein", "SodiumChloride", 14, 8, 1,
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            ),
        ])
    func vectors(_ password: String, _ salt: String, _ logN: Int, _ r: Int, _ p: Int, _ expected: String) throws {
        let cost = try #require(PasswordCost(logN: logN, r: r, p: p))
        let hash = try Scrypt().derive(Array(password.utf8), salt: Array(salt.utf8), cost: cost)
        #expect(Hexadecimal.text(hash) == expected)
    }

    @Test("2: the standard cost is computed, in 32 MiB")
    func standard() throws {
        #expect(PasswordCost.standard.memory == 32 << 20)
        let hash = try Scrypt().derive(Array("password".utf8), salt: Array("NaCl".utf8), cost: .standard)
        // Computed by CPython's hashlib.scrypt with n=32768, r=8, p=3.
        #expect(Hexadecimal.text(hash) == "d5d2edacfb882371445fa09d8c0bd433c3fd5ae0e7129f9b94afa6b6b4a65550")
    }

    @Test("3: costs are bounded, and weaker ones are told")
    func costs() throws {
        #expect(PasswordCost(logN: 20, r: 8, p: 1) == nil)
        #expect(PasswordCost(logN: 18, r: 8, p: 1)?.memory == 256 << 20)
        #expect(PasswordCost(logN: 0, r: 8, p: 1) == nil)
        #expect(PasswordCost(logN: 64, r: 8, p: 1) == nil)
        #expect(PasswordCost(logN: 15, r: 8, p: 17) == nil)
        #expect(PasswordCost(logN: 15, r: 0, p: 1) == nil)
        #expect(try #require(PasswordCost(logN: 14, r: 8, p: 5)).isWeaker(than: .standard))
        #expect(try #require(PasswordCost(logN: 15, r: 8, p: 2)).isWeaker(than: .standard))
        #expect(!(try #require(PasswordCost(logN: 17, r: 8, p: 1)).isWeaker(than: .standard)))
        #expect(!PasswordCost.standard.isWeaker(than: .standard))
    }

    @Test("4: a stored hash has one text; any other is refused")
    func text() throws {
        let world = World()
        let hash = PasswordHash(cost: .standard, salt: world.random(16), hash: world.random(32))
        #expect(PasswordHash(parsing: hash.text) == hash)
        #expect(hash.text.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        for bad in [
            "", "$", "$scrypt$", hash.text + "$", hash.text + "=", " " + hash.text, "x" + hash.text,
            hash.text.replacing("scrypt", with: "argon2"), hash.text.replacing("ln=15", with: "ln=015"),
            hash.text.replacing("ln=15", with: "ln=+15"), hash.text.replacing("ln=15", with: "ln=30"),
            hash.text.replacing("p=3", with: "p=0"), hash.text.replacing("r=8,p=3", with: "p=3,r=8"),
            String(hash.text.dropLast(4)), String(repeating: "$", count: 100_000),
        ] { #expect(PasswordHash(parsing: bad) == nil, "\(bad.prefix(80))") }
        var dumped = ""
        dump(hash, to: &dumped)
        dump(Password("correct horse"), to: &dumped)
        #expect(
            !dumped.contains(hash.text.suffix(20)) && !dumped.contains("correct")
                && !"\(hash)".contains(hash.text.suffix(9)))
    }

    private func refusal(_ text: String, _ name: String = "ada@acme") throws -> PasswordRules.Refusal? {
        PasswordRules.refusal(of: Password(text), for: try AccountName(parsing: name))
    }

    @Test("5: lengths, to the byte")
    func lengths() throws {
        #expect(try refusal("") == .tooShort)
        #expect(try refusal("qzvkwpxtrmn") == .tooShort)
        #expect(try refusal("qzvkwpxtrmnb") == nil)
        // Four characters of three bytes.
        #expect(try refusal("林雅婷好") == nil)
        var g = SeededGenerator(seed: 3)
        let long = String((0..<1_025).map { _ in Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &g))) })
        #expect(try refusal(String(long.dropLast())) == nil)
        #expect(try refusal(long) == .tooLong)
        #expect(try refusal(String(repeating: "ab!", count: 1_000_000)) == .tooLong)
    }

    @Test(
        "6: what is tried first is refused",
        arguments: [
            "password1234", "Password1234", "PASSWORD!!!!", "passwordpassword", "123456789012", "012345678901",
            "987654321098", "aaaaaaaaaaaa",
            "abababababab", "abcabcabcabc", "abcdabcdabcd", "abcdefghijkl", "qwertyuiop12", "1q2w3e4r5t6y",
            "letmeinletmein", "Welcome12345",
            "correct horse battery staple", "P@ssw0rd2026",
        ])
    func common(_ text: String) throws { #expect(try refusal(text) == .common) }

    @Test(
        "7: what is made of one's own names is refused",
        arguments: ["ada-acme-acme", "adaadaadaada", "patchbay2026!", "AcmeAcmeAcme1"])
    func personal(_ text: String) throws { #expect(try refusal(text) == .personal) }

    @Test(
        "8: no rules of composition",
        arguments: [
            "tulips grow sideways", "zebrafensterkiste", "        x       y", "99 bottles of root", "ünïcödé förëvér",
        ])
    func free(_ text: String) throws { #expect(try refusal(text) == nil) }

    @Test("9: a letter with its accent is the same from every keyboard")
    func normal() {
        #expect(Password("caf\u{e9}").octets == Password("cafe\u{301}").octets)
        #expect(!Password("").isPossible && !Password("").octets.isEmpty)
        #expect(!Password(String(repeating: "a", count: 5_000)).isPossible)
    }
}
