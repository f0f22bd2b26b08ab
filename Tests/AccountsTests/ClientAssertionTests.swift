import Crypto
import Foundation
import NetTypes
import Testing

@testable import Accounts

/// What shows that somebody has the key of a certificate, and the tokens that are given for it.
@Suite struct ClientAssertionTests {
    private static let now = Timestamp(1_767_225_600)
    private static let key = P256.Signing.PrivateKey()
    private static let fingerprint = [UInt8](0..<32)

    private static func make(lifetime: Int64 = 60, at: Timestamp = now) throws -> String {
        try ClientAssertion.make(
            fingerprint: fingerprint, subject: "spiffe://user.x/1", audience: "https://c", id: "a", at: at,
            lifetime: lifetime
        ) { Array(try key.signature(for: $0).rawRepresentation) }
    }

    @Test func whatWasMadeIsTaken() throws {
        let text = try Self.make()
        let read = try #require(ClientAssertion(parsing: text))
        #expect(read.fingerprint == Self.fingerprint && read.id == "a")
        #expect(read.isSigned(with: Array(Self.key.publicKey.derRepresentation)))
        #expect(!read.isSigned(with: Array(P256.Signing.PrivateKey().publicKey.derRepresentation)))
        #expect(!read.isSigned(with: [1, 2, 3]))
        func refusal(_ subject: String, _ audience: String, _ offset: Int64) -> ClientAssertion.Refusal? {
            read.refusal(subject: subject, audiences: [audience, "y"], at: Self.now + offset)
        }
        #expect(refusal("spiffe://user.x/1", "https://c", 0) == nil)
        #expect(refusal("spiffe://user.x/2", "https://c", 0) == .subject)
        #expect(refusal("spiffe://user.x/1", "https://d", 0) == .audience)
        #expect(refusal("spiffe://user.x/1", "https://c", 64) == nil)
        #expect(refusal("spiffe://user.x/1", "https://c", 65) == .expired)
        #expect(refusal("spiffe://user.x/1", "https://c", -5) == nil)
        #expect(refusal("spiffe://user.x/1", "https://c", -6) == .tooLong)
        let long = try #require(ClientAssertion(parsing: try Self.make(lifetime: 66)))
        #expect(long.refusal(subject: "spiffe://user.x/1", audiences: ["https://c"], at: Self.now) == .tooLong)
    }

    @Test func everyOtherTextIsNone() throws {
        let text = try Self.make()
        let parts = text.split(separator: ".").map(String.init)
        let sign = { (head: String, body: String) throws -> String in
            let signed = Base64URL.encode(Array(head.utf8)) + "." + Base64URL.encode(Array(body.utf8))
            return signed + "."
                + Base64URL.encode(Array(try Self.key.signature(for: Array(signed.utf8)).rawRepresentation))
        }
        let print = Base64URL.encode(Self.fingerprint)
        let body = #"{"iss":"a","sub":"a","aud":["c","d"],"jti":"1","exp":1767225660}"#
        #expect(ClientAssertion(parsing: try sign(#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, body)) != nil)
        for (head, claims) in [
            (#"{"alg":"none","x5t#S256":"\#(print)"}"#, body), (#"{"alg":"ES384","x5t#S256":"\#(print)"}"#, body),
            (#"{"alg":"es256","x5t#S256":"\#(print)"}"#, body), (#"{"alg":"ES256"}"#, body),
            (#"{"alg":"ES256","x5t#S256":"AAAA"}"#, body),
            (#"{"alg":"ES256","x5t#S256":"\#(print)","crit":["x"]}"#, body),
            (#"{"alg":"ES256","typ":"x","x5t#S256":"\#(print)"}"#, body),
            (#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, "[]"),
            (#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, #"{"iss":"a","sub":"a","aud":"c","jti":"1"}"#),
            (#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, #"{"iss":"a","sub":"a","aud":"c","jti":"","exp":1}"#),
            (#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, #"{"iss":"a","sub":"a","aud":1,"jti":"1","exp":1}"#),
            (#"{"alg":"ES256","x5t#S256":"\#(print)"}"#, #"{"iss":"a","sub":"a","aud":"c","jti":"1","exp":"1"}"#),
        ] {
            #expect(ClientAssertion(parsing: try sign(head, claims)) == nil, "\(head) \(claims)")
        }
        for bad in [
            "", ".", "..", parts[0], "\(parts[0]).\(parts[1])", text + ".", text + "=", " " + text, text.uppercased(),
            "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1]).AAAA",
        ] {
            #expect(ClientAssertion(parsing: bad) == nil, "\(bad)")
        }
        // What was changed is not what was signed.
        let bytes = Array(text.utf8)
        var taken = 0
        for place in stride(from: 0, to: bytes.count, by: 3) {
            var bent = bytes
            bent[place] = bent[place] == 0x41 ? 0x42 : 0x41
            guard let read = ClientAssertion(parsing: String(decoding: bent, as: UTF8.self)) else { continue }
            if read.isSigned(with: Array(Self.key.publicKey.derRepresentation)) { taken += 1 }
        }
        #expect(taken == 0)
    }

    @Test func tokensAreOfOneKeyAndEnd() throws {
        let id = try #require(AccountID(octets: [UInt8](0..<16)))
        let tokens = try #require(CertificateTokens(key: [UInt8](repeating: 1, count: 32)))
        let others = try #require(CertificateTokens(key: [UInt8](repeating: 2, count: 32)))
        let text = tokens.issue(for: id, until: Self.now + 600)
        let opened = try #require(tokens.open(text, at: Self.now + 599))
        #expect(opened.certificate == id && opened.until == Self.now + 600)
        #expect(tokens.open(text, at: Self.now + 600) == nil)
        #expect(others.open(text, at: Self.now) == nil)
        for bad in ["", "pbc_", String(text.dropLast()), text + "A", "pbp_" + text.dropFirst(4)] {
            #expect(tokens.open(bad, at: Self.now) == nil, "\(bad)")
        }
        #expect(CertificateTokens(key: [1]) == nil && !"\(tokens)".contains("1"))
    }
}
