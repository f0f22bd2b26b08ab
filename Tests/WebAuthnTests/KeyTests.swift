import Crypto
import SoftAuthenticator
import Testing
import WebAuthn

/// Keys and relying parties: what is taken and what not.
@Suite struct KeyTests {
    private typealias Pair = ([UInt8], [UInt8])

    private func number(_ value: Int64) -> [UInt8] { CBORWriter.number(value) }

    private func ec(_ changes: [Int64: [UInt8]?] = [:], more: [Pair] = []) -> [UInt8] {
        let point = P256.Signing.PrivateKey().publicKey.x963Representation
        var members: [(Int64, [UInt8])] = [
            (1, number(2)), (3, number(-7)), (-1, number(1)), (-2, CBORWriter.bytes(point.dropFirst().prefix(32))),
            (-3, CBORWriter.bytes(point.suffix(32))),
        ]
        for (label, value) in changes {
            members = members.compactMap { $0.0 == label ? value.map { (label, $0) } : $0 }
        }
        return CBORWriter.map(members.map { (number($0.0), $0.1) } + more)
    }

    private func rsa(_ modulus: [UInt8], _ exponent: [UInt8]) -> [UInt8] {
        CBORWriter.map([
            (number(1), number(3)), (number(3), number(-257)), (number(-1), CBORWriter.bytes(modulus)),
            (number(-2), CBORWriter.bytes(exponent)),
        ])
    }

    @Test func theKeysOfEachAlgorithm() throws {
        for (algorithm, name) in zip(SoftAuthenticator.Algorithm.allCases, ["ES256", "EdDSA", "RS256"]) {
            let key = try COSEKey(encoded: SoftAuthenticator(algorithm).publicKey)
            #expect(key.algorithm.name == name)
            #expect(!key.isValid([], over: [1]) && !key.isValid([UInt8](repeating: 0, count: 256), over: [1]))
        }
    }

    @Test func keysThatAreRefused() throws {
        let long = CBORWriter.bytes([UInt8](repeating: 1, count: 33))
        let off = CBORWriter.bytes([UInt8](repeating: 7, count: 32))
        let odd = [UInt8](repeating: 0xff, count: 256)
        let keys: [(String, [UInt8])] = [
            ("no map", CBORWriter.number(1)), ("empty", CBORWriter.map([])), ("no type", ec([1: nil])),
            ("no algorithm", ec([3: nil])), ("no curve", ec([-1: nil])), ("no y", ec([-3: nil])),
            ("type of OKP", ec([1: number(1)])), ("algorithm of OKP", ec([3: number(-8)])),
            ("P-384", ec([-1: number(2)])), ("long x", ec([-2: long])), ("off the curve", ec([-2: off, -3: off])),
            ("compressed", ec([-3: [0xf5]])), ("text for x", ec([-2: CBORWriter.text("x")])),
            (
                "key id",
                CBORWriter.map([
                    (number(1), number(2)), (number(2), CBORWriter.bytes([1])), (number(3), number(-7)),
                    (number(-1), number(1)), (number(-2), off), (number(-3), off),
                ])
            ),
            ("private part", ec(more: [(number(-4), off)])),
            ("text for the algorithm", ec([3: CBORWriter.text("ES256")])),
            ("1,024 bits", rsa([UInt8](repeating: 0xff, count: 128), [1, 0, 1])),
            ("leading nought", rsa([0] + odd, [1, 0, 1])), ("exponent 1", rsa(odd, [1])),
            ("exponent even", rsa(odd, [4])),
            ("exponent nought", rsa(odd, [0])), ("exponent padded", rsa(odd, [0, 1, 0, 1])),
            ("exponent long", rsa(odd, [1, 0, 0, 0, 1])),
            ("too long", rsa([UInt8](repeating: 0xff, count: 1_025), [3])),
            ("trailing", ec() + [0]),
        ]
        for (what, bytes) in keys {
            let error = #expect(throws: WebAuthnError.self, "\(what)") { try COSEKey(encoded: bytes) }
            switch error {
            case .malformed("public key", _)?, .algorithm?: break
            default: Issue.record("\(what): \(String(describing: error))")
            }
        }
    }

    @Test func relyingParties() throws {
        let party = try RelyingParty(url: "https://Bay.Example.org:7443/console/")
        #expect(party.id == "bay.example.org" && party.origin == "https://bay.example.org:7443")
        #expect(try RelyingParty(url: "https://bay.example.org:443").origin == "https://bay.example.org")
        #expect(try RelyingParty(url: "https://localhost:7443").id == "localhost")
        for url in [
            "https://127.0.0.1:7443", "https://[::1]:7443", "https://192.0.2.1", "https://2130706433", "https://0x7f.1",
            "https://0x7f000001", "https://bay.example.1", "https://b%C3%A4y.example.org", "https://bay_1.example.org",
        ] {
            let error = #expect(throws: RelyingParty.Refusal.self, "\(url)") { try RelyingParty(url: url) }
            if case .address? = error {} else { Issue.record("\(url): \(String(describing: error))") }
        }
        for url in ["http://bay.example.org", "bay.example.org", "", "https://", "ftp://x", "javascript:1"] {
            #expect(throws: RelyingParty.Refusal.notSecure(url)) { try RelyingParty(url: url) }
        }
    }
}
