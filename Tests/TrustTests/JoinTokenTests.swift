import Testing

@testable import Trust

@Suite("Join tokens")
struct JoinTokenTests {
    static let hash = (0..<32).map { UInt8($0) }

    private func token(_ url: String = "https://192.0.2.1:7443") throws -> JoinToken {
        try JoinToken(controllerURL: url, rootKeyHash: Self.hash)
    }

    @Test("1: the text is read again, white space around it is cut off")
    func roundTrip() throws {
        for url in ["https://a", "https://192.0.2.1:7443", "https://[2001:db8::1]:7443", "https://host.example:65535"] {
            let token = try token(url)
            #expect(token.text.hasPrefix("pb1."))
            #expect(try JoinToken(parsing: token.text) == token)
            #expect(try JoinToken(parsing: "  \(token.text)\n") == token)
            #expect(token.secret.count == 32)
            #expect(token.secretHash == JoinToken.hash(ofSecret: token.secret))
            #expect(token.text.utf8.count <= TrustLimits.tokenBytes)
        }
        #expect(try token().secret != token().secret)
    }

    @Test("2: every changed, missing or added character is refused, with its place where there is one")
    func damage() throws {
        let token = try token()
        let text = Array(token.text)
        for index in text.indices {
            var other = text
            other[index] = other[index] == "A" ? "B" : "A"
            #expect(throws: JoinTokenError.self, "character \(index)") { try JoinToken(parsing: String(other)) }
            other.remove(at: index)
            #expect(throws: JoinTokenError.self, "without \(index)") { try JoinToken(parsing: String(other)) }
            other = text
            other.insert("A", at: index)
            #expect(throws: JoinTokenError.self, "one more at \(index)") { try JoinToken(parsing: String(other)) }
            other = text
            other[index] = "+"
            let expected: JoinTokenError = index < 4 ? .prefix : .character(index + 1)
            #expect(throws: expected, "+ at \(index)") { try JoinToken(parsing: String(other)) }
        }
        for bad in ["", "pb1", "pb1.", "pb2." + String(text.dropFirst(4)), String(repeating: "pb1.", count: 1_000)] {
            #expect(throws: JoinTokenError.self) { try JoinToken(parsing: bad) }
        }
    }

    @Test("3: URLs that are none of a controller")
    func urls() throws {
        let bad = [
            "", "https://", "http://host", "https://host/", "https://host/path", "https://host?x", "https://host#x",
            "https://user@host", "https://user:pw@host", "https://host:0", "https://host:65536", "https://host:x",
            "https:// host", "https://h\u{0}st", "https://hüst", "https://" + String(repeating: "a", count: 255),
        ]
        for url in bad { #expect(throws: JoinTokenError.self, "\(url)") { try token(url) } }
        #expect(throws: JoinTokenError.self) { try JoinToken(controllerURL: "https://a", rootKeyHash: []) }
        #expect(throws: JoinTokenError.self) {
            try JoinToken(controllerURL: "https://a", rootKeyHash: Self.hash, secret: [1])
        }
    }

    @Test("4: neither description nor dump nor error shows the secret")
    func secrecy() throws {
        let token = try token()
        let secretText = Base64URL.encode(token.secret)
        var dumped = ""
        dump(token, to: &dumped)
        for shown in ["\(token)", String(reflecting: token), dumped] {
            #expect(!shown.contains(secretText) && !shown.contains(String(token.text.dropFirst(50).prefix(20))))
            #expect(!shown.contains("\(token.secret[0]), \(token.secret[1]), \(token.secret[2])"))
        }
        for cut in 4..<token.text.count {
            do {
                _ = try JoinToken(parsing: String(token.text.prefix(cut)))
                Issue.record("a token of \(cut) characters was taken")
            } catch {
                #expect(!"\(error)".contains(token.text.dropFirst(4).prefix(12)))
            }
        }
    }

    @Test("5: base64url against a table of RFC 4648, and one text for one value")
    func base64() throws {
        let table = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")]
        for (plain, text) in table {
            #expect(Base64URL.encode(Array(plain.utf8)) == text)
            #expect(try Base64URL.decode(text.utf8) == Array(plain.utf8))
        }
        #expect(Base64URL.encode([0xfb, 0xff]) == "-_8")
        for bad in ["Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9vY"] {
            #expect(throws: JoinTokenError.self, "\(bad)") { try Base64URL.decode(bad.utf8) }
        }
    }
}
