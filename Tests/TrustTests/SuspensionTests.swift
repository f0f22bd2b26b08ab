import NetTypes
import Testing
import Trust

@Suite("Statements about who is suspended")
struct SuspensionTests {
    static func names(_ texts: String...) throws -> Set<Name> { Set(try texts.map { try Name(parsing: $0) }) }

    @Test("The canonical form is written and read")
    func canonical() throws {
        let some = Suspensions(revision: 7, tenants: try Self.names("globex", "acme"))
        #expect(
            String(decoding: some.canonicalBytes, as: UTF8.self)
                == #"{"revision":7,"suspended":["acme","globex"],"version":1}"#)
        #expect(try Suspensions(canonicalBytes: some.canonicalBytes) == some)
        let none = Suspensions(revision: .max, tenants: [])
        #expect(try Suspensions(canonicalBytes: none.canonicalBytes) == none)
    }

    @Test(
        "Every other form is refused",
        arguments: [
            "", "{}", "[]", #"{"revision":7,"suspended":[],"version":2}"#,
            #"{"revision":07,"suspended":[],"version":1}"#,
            #"{"revision":-1,"suspended":[],"version":1}"#, #"{"revision":7,"suspended":[] ,"version":1}"#,
            #"{"revision":18446744073709551616,"suspended":[],"version":1}"#,
            #"{"revision":7,"suspended":["globex","acme"],"version":1}"#,
            #"{"revision":7,"suspended":["acme","acme"],"version":1}"#,
            #"{"revision":7,"suspended":["Acme"],"version":1}"#, #"{"revision":7,"suspended":["acme",],"version":1}"#,
            #"{"revision":7,"suspended":["acme"],"version":1}"# + "\n", #"{"platform":true,"revision":7,"version":1}"#,
            #"{"lock":null,"revision":7,"tenant":"acme","version":1}"#, "]{\"revision\":7[",
        ])
    func malformed(_ text: String) {
        #expect(throws: TrustRefusal.self) { try Suspensions(canonicalBytes: Array(text.utf8)) }
    }

    @Test("One that is too long is not read")
    func oversize() {
        let bytes = [UInt8](repeating: 0x20, count: TrustLimits.suspensionBytes + 1)
        #expect(throws: TrustRefusal.oversize(.suspensions, bytes: bytes.count, limit: TrustLimits.suspensionBytes)) {
            try Suspensions(canonicalBytes: bytes)
        }
    }

    @Test("It is signed as guardrails are, and neither passes for the other")
    func signature() async throws {
        let world = try World()
        let key = SigningKey()
        let certificate = try world.root.issueGuardrails(publicKey: key.publicKeyInfo, at: World.now)
        func signed(_ body: [UInt8], by signer: SigningKey) throws -> SignedPolicy {
            try SignedPolicy(signing: body, with: signer, certificate: certificate)
        }
        let body = Suspensions(revision: 3, tenants: try Self.names("acme")).canonicalBytes
        let honest = await world.anchor.verify(
            suspensions: try signed(body, by: key), at: World.now, revocations: .none)
        #expect(try honest.get().tenants == Self.names("acme"))
        let forged = await world.anchor.verify(
            suspensions: try signed(body, by: SigningKey()), at: World.now, revocations: .none)
        #expect(throws: TrustRefusal.badSignature(.guardrails)) { try forged.get() }
        let guardrails = await world.anchor.verify(
            suspensions: try signed(Array(#"{"platform":true,"revision":1,"version":1}"#.utf8), by: key),
            at: World.now, revocations: .none)
        #expect(throws: TrustRefusal.self) { try guardrails.get() }
    }
}
