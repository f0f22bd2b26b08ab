import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import SoftAuthenticator
import Testing

@testable import ControllerAPI

/// Passkeys through the API: added, signed in with, removed, and every way in which that is refused.
@Suite struct PasskeyRESTTests {
    private static let options = "/v1/session/passkey/options"
    private static let session = "/v1/session/passkey"

    /// Runs a test as an owner who is signed in.
    private func test(_ body: @Sendable (TestController, API, TestPerson) async throws -> Void) async throws {
        let controller = try TestController(consoleURL: TestPasskey.url)
        try await controller.test { api in
            try await api.makeAcme()
            try await body(controller, api, try await TestPerson.make(api, "ada", of: "acme", ["owner"]))
        }
    }

    private func audit(_ api: API, _ action: String) async throws -> [AuditRecord] {
        try await api.get(ItemList<AuditRecord>.self, "/v1/tenants/acme/audit?limit=1000&action=\(action)").items
    }

    @Test(arguments: SoftAuthenticator.Algorithm.allCases)
    func addedAndSignedInWithAlone(_ algorithm: SoftAuthenticator.Algorithm) async throws {
        try await test { _, api, ada in
            var key = try TestPasskey(algorithm)
            let elsewhere = TestPerson(api, "ada@acme")
            try await elsewhere.signIn()
            let added = try await ada.add(&key, label: "Blue key")
            #expect(added.label == "Blue key" && !added.isBackedUp && added.lastUsedAt == nil)
            let own = try await ada.get(SelfDescription.self, "/v1/self")
            #expect(own.hasSecondFactor && own.passkeys == 1 && !own.hasOneTimeCodes)
            // As with every change of what shows who one is, all other sessions have ended.
            #expect(try await elsewhere.send(.get, "/v1/self").status == 401)

            let browser = TestPerson(api, "ada@acme")
            let answer = try await browser.signIn(by: &key)
            let state = try answer.read(SessionState.self)
            #expect(answer.status == 200 && state.stage == "complete" && state.factors == nil)
            #expect(try await browser.get(SelfDescription.self, "/v1/self").name == "ada@acme")
            // The browser is known from now on, and keeps nothing of the sign-in.
            #expect(browser.cookies.keys.sorted() == [Caller.cookieName, Caller.deviceCookieName("ada@acme")].sorted())
            let listed = try await ada.get(ItemList<PasskeySummary>.self, "/v1/self/passkeys").items
            #expect(listed.map(\.id) == [added.id] && listed[0].lastUsedAt != nil)
            let entries = try await audit(api, "addOwnPasskey")
            #expect(entries.count == 1 && "\(entries)".contains("Blue key"))
            #expect(try await audit(api, "signInByPasskey").count == 1)
        }
    }

    @Test func secondFactorAfterThePassword() async throws {
        try await test { _, api, ada in
            var key = try TestPasskey()
            key.authenticator.flags = 1
            _ = try await ada.add(&key)
            let browser = TestPerson(api, "ada@acme")
            let begun = try await browser.signIn().read(SessionState.self)
            #expect(begun.stage == "second-factor" && begun.factors == ["passkey"])
            #expect(try await browser.send(.get, "/v1/self").status == 401)
            let question = try await browser.send(.post, Self.options).read(PasskeyRequestOptions.self)
            #expect(question.userVerification == "preferred" && question.rpId == "bay.example.org")
            #expect(
                question.allowCredentials
                    == [.init(id: SoftAuthenticator.base64url(key.authenticator.credential), transports: ["usb"])])
            // A key that only counts touches is enough here, and not alone.
            let done = try await browser.signIn(by: &key) { $0.userHandle = nil }
            #expect(try done.read(SessionState.self).stage == "complete")
            #expect(try await browser.send(.get, "/v1/self").status == 200)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 401)
            // No code is good where there are none.
            let other = TestPerson(api, "ada@acme")
            try await other.signIn()
            #expect(try await other.send(.post, "/v1/session/code", json: #"{"code":"123456"}"#).status == 401)
        }
    }

    @Test func bothFactorsAreOfferedAndACodeStaysGood() async throws {
        try await test { controller, api, ada in
            let begun = try await ada.send(.post, "/v1/self/totp").read(OneTimeCodeSecret.self)
            let secret = try SessionRESTTests.base32(begun.secret)
            func code() -> String { TOTP.code(secret: secret, counter: TOTP.counter(at: controller.now)) }
            #expect(try await ada.send(.put, "/v1/self/totp", json: #"{"code":"\#(code())"}"#).status == 200)
            try await ada.reload()
            let other = TestPerson(api, "ada@acme")
            #expect(try await other.signIn().read(SessionState.self).factors == ["code"])
            let none = try await other.send(.post, Self.options)
            #expect(none.status == 409 && none.problem?.code == "conflict")
            var key = try TestPasskey()
            _ = try await ada.add(&key)
            #expect(try await other.signIn().read(SessionState.self).factors == ["code", "passkey"])
            controller.pass(seconds: 30)
            #expect(try await other.send(.post, "/v1/session/code", json: #"{"code":"\#(code())"}"#).status == 200)
        }
    }

    @Test func renamedRemovedAndGone() async throws {
        try await test { _, api, ada in
            var (first, second) = (try TestPasskey(), try TestPasskey(.edDSA))
            let one = try await ada.add(&first, label: "One")
            _ = try await ada.add(&second, label: "Two")
            let path = "/v1/self/passkeys/\(one.id)"
            let renamed = try await ada.send(.put, path, json: #"{"label":"Uno"}"#)
            #expect(try renamed.read(PasskeySummary.self).label == "Uno")
            let empty = try await ada.send(.put, path, json: #"{"label":""}"#)
            #expect(empty.status == 400 && empty.problem?.pointer == "/label")
            // Of somebody else it is not there.
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            #expect(try await bob.send(.put, path, json: #"{"label":"Mine"}"#).status == 404)
            #expect(try await bob.send(.delete, path).status == 404)
            let browser = TestPerson(api, "ada@acme")
            #expect(try await browser.signIn(by: &first).status == 200)
            try await ada.reload()
            #expect(try await ada.send(.delete, path).status == 204)
            try await ada.reload()
            #expect(try await browser.send(.get, "/v1/self").status == 401)
            #expect(try await TestPerson(api, "x").signIn(by: &first).status == 401)
            #expect(try await TestPerson(api, "x").signIn(by: &second).status == 200)
            let left = try await ada.get(ItemList<PasskeySummary>.self, "/v1/self/passkeys").items
            #expect(left.map(\.label) == ["Two"])
            #expect(try await audit(api, "removeOwnPasskey").count == 1)
            #expect("\(try await audit(api, "renameOwnPasskey"))".contains("Uno"))
        }
    }

    @Test func ownersRemoveThoseOfOthers() async throws {
        try await test { _, api, ada in
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            var key = try TestPasskey()
            let added = try await bob.add(&key)
            let path = "/v1/tenants/acme/users/bob/passkeys"
            #expect(try await ada.get(ItemList<PasskeySummary>.self, path).items == [added])
            let person = try await ada.get(Person.self, "/v1/tenants/acme/users/bob")
            #expect(person.hasSecondFactor && person.passkeys == 1)
            #expect(try await bob.send(.delete, "\(path)/\(added.id)").status == 403)
            #expect(try await ada.send(.delete, "/v1/tenants/acme/users/ada/passkeys/\(added.id)").status != 204)
            #expect(try await ada.send(.delete, "\(path)/\(added.id)").status == 204)
            #expect(try await ada.send(.delete, "\(path)/\(added.id)").status == 404)
            #expect(try await bob.send(.get, "/v1/self").status == 401)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 401)
            #expect(try await bob.signIn().read(SessionState.self).stage == "complete")
            let entries = try await audit(api, "removeUserPasskey")
            #expect(entries.contains { $0.outcome == "done" && "\($0.actor)".contains("ada@acme") })
        }
    }

    @Test func disabledAccountsStayOut() async throws {
        try await test { _, api, ada in
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            var key = try TestPasskey()
            _ = try await bob.add(&key)
            #expect(try await ada.send(.post, "/v1/tenants/acme/users/bob/disable").status == 200)
            let refused = try await TestPerson(api, "x").signIn(by: &key)
            #expect(refused.status == 401 && refused.problem?.code == "wrong-credentials")
            #expect(try await ada.send(.post, "/v1/tenants/acme/users/bob/enable").status == 200)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 200)
            // Who belongs to a suspended tenant signs in as with a password.
            try await api.post("/v1/tenants/acme/suspend", #"{"reason":"unpaid"}"#, status: 200)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 200)
        }
    }

    @Test func optionsTellNothing() async throws {
        try await test { _, api, ada in
            var key = try TestPasskey()
            _ = try await ada.add(&key)
            let browser = TestPerson(api, "nobody")
            var challenges: Set<String> = []
            for _ in 0..<3 {
                let options = try await browser.send(.post, Self.options).read(PasskeyRequestOptions.self)
                #expect(options.allowCredentials.isEmpty && options.userVerification == "required")
                #expect(options.timeout == 300_000 && options.rpId == "bay.example.org")
                challenges.insert(options.challenge)
            }
            #expect(challenges.count == 3)
            // An unknown passkey, a wrong signature and a disabled account answer alike.
            var stranger = try TestPasskey()
            stranger.authenticator.userHandle = key.authenticator.userHandle
            let unknown = try await TestPerson(api, "x").signIn(by: &stranger)
            var broken = key
            let wrong = try await TestPerson(api, "x").signIn(by: &broken) { $0.origin = "https://evil.example.org" }
            #expect(unknown.status == 401 && unknown.body == wrong.body)
        }
    }

    @Test func everyChallengeIsGoodOnceForFiveMinutesAndForItsBrowser() async throws {
        try await test { controller, api, ada in
            var key = try TestPasskey()
            _ = try await ada.add(&key)
            let browser = TestPerson(api, "x")
            let options = try await browser.send(.post, Self.options).read(PasskeyRequestOptions.self)
            let cookie = try #require(browser.cookies["__Host-patchbay-passkey"])
            let proof = try key.proof(options)
            // Another browser, and one that has begun another sign-in.
            let thief = TestPerson(api, "y")
            #expect(try await thief.send(.post, Self.session, json: proof).status == 401)
            _ = try await thief.send(.post, Self.options)
            #expect(try await thief.send(.post, Self.session, json: proof).status == 401)
            #expect(try await browser.send(.post, Self.session, json: proof).status == 200)
            // Once more, by the same browser.
            let again = try await api.send(
                .post, Self.session, json: proof, headers: [.cookie: "__Host-patchbay-passkey=\(cookie)"])
            #expect(again.status == 401)
            // With a counter that goes on, it is the challenge that is used.
            let later = try key.proof(options)
            let used = try await api.send(
                .post, Self.session, json: later, headers: [.cookie: "__Host-patchbay-passkey=\(cookie)"])
            #expect(used.status == 401)
            // Too late.
            let slow = TestPerson(api, "z")
            let late = try await slow.send(.post, Self.options).read(PasskeyRequestOptions.self)
            controller.pass(seconds: PasskeyChallenge.lifetime)
            #expect(try await slow.send(.post, Self.session, json: try key.proof(late)).status == 401)
            // A challenge to add one is none to sign in with, nor the other way round.
            #expect(try await ada.signIn(by: &key).status == 200)
            let adding = try await ada.send(.post, "/v1/self/passkeys/options").read(PasskeyCreationOptions.self)
            let other = TestPerson(api, "w")
            var asked = try await other.send(.post, Self.options).read(PasskeyRequestOptions.self)
            let signIn = asked.challenge
            asked.challenge = adding.challenge
            #expect(try await other.send(.post, Self.session, json: try key.proof(asked)).status == 401)
            var swapped = adding
            swapped.challenge = signIn
            var fresh = try TestPasskey()
            let refused = try await ada.send(.post, "/v1/self/passkeys", json: try fresh.creation(swapped))
            #expect(refused.status == 400 && refused.problem?.pointer == "/credential/response/clientDataJSON")
        }
    }

    @Test func aRegistrationIsGoodOnceAndForItsSession() async throws {
        try await test { _, api, ada in
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            var key = try TestPasskey()
            let options = try await ada.send(.post, "/v1/self/passkeys/options").read(PasskeyCreationOptions.self)
            #expect(options.rp.id == "bay.example.org" && options.attestation == "none")
            #expect(options.pubKeyCredParams.map(\.alg) == [-7, -8, -257] && options.excludeCredentials.isEmpty)
            #expect(options.user.name == "ada@acme")
            let json = try key.creation(options)
            #expect(try await bob.send(.post, "/v1/self/passkeys", json: json).status == 400)
            let added = try await ada.send(.post, "/v1/self/passkeys", json: json)
            #expect(added.status == 201)
            try await ada.reload()
            #expect(try await ada.send(.post, "/v1/self/passkeys", json: json).status == 400)
            // Not even after it was removed.
            let id = try added.read(PasskeySummary.self).id
            #expect(try await ada.send(.delete, "/v1/self/passkeys/\(id)").status == 204)
            try await ada.reload()
            #expect(try await ada.send(.post, "/v1/self/passkeys", json: json).status == 400)
            // Another account's credential is not taken a second time.
            _ = try await ada.add(&key)
            let others = try await bob.send(.post, "/v1/self/passkeys/options").read(PasskeyCreationOptions.self)
            let taken = try await bob.send(.post, "/v1/self/passkeys", json: try key.creation(others))
            #expect(taken.status == 409 && taken.problem?.pointer == "/credential/id")
            let again = try await ada.send(.post, "/v1/self/passkeys/options").read(PasskeyCreationOptions.self)
            #expect(again.excludeCredentials.count == 1)
        }
    }

    @Test func aCounterThatGoesBackIsRefusedAndTold() async throws {
        try await test { _, api, ada in
            var key = try TestPasskey()
            key.authenticator.counter = 40
            _ = try await ada.add(&key)
            var copy = key
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 200)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 200)
            #expect(try await TestPerson(api, "x").signIn(by: &copy).status == 401)
            #expect(try await TestPerson(api, "x").signIn(by: &key).status == 200)
            try await ada.directoryWrites(api)
            let refused = try await audit(api, "signInByPasskey").filter { $0.outcome != "done" }
            #expect(refused.count == 1 && "\(refused)".contains("counter went from 42 to 41"), "\(refused)")
        }
    }

    @Test func strangersWait() async throws {
        try await test { _, api, ada in
            var key = try TestPasskey()
            _ = try await ada.add(&key)
            var stranger = try TestPasskey()
            stranger.authenticator.userHandle = key.authenticator.userHandle
            var statuses: [Int] = []
            for _ in 0..<34 { statuses.append(try await TestPerson(api, "x").signIn(by: &stranger).status) }
            #expect(statuses.prefix(30).allSatisfy { $0 == 401 } && statuses.last == 429, "\(statuses)")
        }
    }

    @Test func secondFactorsByPasskeyWaitToo() async throws {
        try await test { _, api, ada in
            var (key, stranger) = (try TestPasskey(), try TestPasskey())
            _ = try await ada.add(&key)
            stranger.authenticator.userHandle = key.authenticator.userHandle
            let browser = TestPerson(api, "ada@acme")
            try await browser.signIn()
            var statuses: [Int] = []
            for _ in 0..<7 { statuses.append(try await browser.signIn(by: &stranger).status) }
            #expect(statuses.prefix(5).allSatisfy { $0 == 401 } && statuses.last == 429, "\(statuses)")
        }
    }

    @Test func whatIsSensitiveWantsAFreshSignIn() async throws {
        try await test { controller, api, ada in
            var key = try TestPasskey()
            let added = try await ada.add(&key)
            controller.pass(seconds: Session.freshness + 1)
            for (method, path) in [
                (HTTPRequest.Method.post, "/v1/self/passkeys/options"), (.delete, "/v1/self/passkeys/\(added.id)"),
            ] {
                let refused = try await ada.send(method, path)
                #expect(refused.status == 403 && refused.problem?.code == "sign-in-again", "\(path)")
            }
            #expect(try await ada.signIn(by: &key).status == 200)
            #expect(try await ada.send(.delete, "/v1/self/passkeys/\(added.id)").status == 204)
            // A token adds none.
            let refused = try await api.send(.post, "/v1/self/passkeys/options")
            #expect(refused.status == 403)
        }
    }

    @Test func badInputNamesThePlace() async throws {
        try await test { _, api, ada in
            let good = #"{"id":"AA","type":"public-key","response":{"clientDataJSON":"AA","attestationObject":"AA"}}"#
            let cases: [(String, String)] = [
                (#"{}"#, "/label"), (#"{"label":"a"}"#, "/credential"),
                (#"{"label":"a","credential":"x"}"#, "/credential"),
                (#"{"label":"a","credential":{}}"#, "/credential/id"),
                (#"{"label":"a","credential":{"id":"AA","type":"password","response":{}}}"#, "/credential/type"),
                (
                    #"{"label":"a","credential":{"id":"AA","type":"public-key","response":{}}}"#,
                    "/credential/response/clientDataJSON"
                ),
                (#"{"label":"a","credential":{"id":1,"type":"public-key","response":{}}}"#, "/credential/id"),
                (
                    #"{"label":"a","credential":\#(good.replacing(#""id":"AA""#, with: #""id":"A=""#))}"#,
                    "/credential/id"
                ),
                (#"{"label":"","credential":\#(good)}"#, "/label"),
                (#"{"label":"a","credential":\#(good)}"#, "/credential/response/clientDataJSON"),
                (#"{"label":"a","credential":\#(good),"more":1}"#, "/more"),
            ]
            for (json, pointer) in cases {
                let answer = try await ada.send(.post, "/v1/self/passkeys", json: json)
                #expect(
                    answer.status == 400 && answer.problem?.pointer == pointer,
                    "\(json): \(String(describing: answer.problem))")
            }
            let proof = try await ada.send(.post, Self.session, json: #"{"credential":{"id":"A!"}}"#)
            #expect(proof.status == 400 && proof.problem?.pointer == "/credential/type")
            let none = try await ada.send(
                .put, "/v1/self/passkeys/\(String(repeating: "0", count: 32))", json: #"{"label":"a"}"#)
            #expect(none.status == 404)
            #expect(try await ada.send(.delete, "/v1/self/passkeys/x").status == 400)
        }
    }

    @Test func thereAreTwentyAtMost() async throws {
        try await test { _, api, ada in
            for _ in 0..<Passkey.most {
                var key = try TestPasskey(.edDSA)
                _ = try await ada.add(&key)
            }
            let full = try await ada.send(.post, "/v1/self/passkeys/options")
            #expect(full.status == 409 && full.problem?.code == "exhausted")
        }
    }

    @Test func exportsHaveLabelsAndNoKeys() async throws {
        try await test { _, api, ada in
            var key = try TestPasskey()
            _ = try await ada.add(&key, label: "Blue key")
            let answer = try await ada.send(.get, "/v1/tenants/acme/export")
            let export = try answer.read(TenantExport.self)
            #expect(export.users.first { $0.name == "ada@acme" }?.passkeys.map(\.label) == ["Blue key"])
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(!text.contains(SoftAuthenticator.base64url(key.authenticator.credential)))
        }
    }

    @Test func behindAnAddressThereAreNone() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            for path in ["/v1/self/passkeys/options", Self.options] {
                let refused = try await ada.send(.post, path)
                #expect(refused.status == 409 && refused.problem?.code == "no-passkeys")
                #expect(refused.problem?.detail?.contains("127.0.0.1") == true)
                #expect(refused.problem?.remedy?.contains("--console-url") == true)
            }
        }
    }
}

extension TestPerson {
    /// Waits until what was noted is in the audit: the export writes it first.
    fileprivate func directoryWrites(_ api: API) async throws {
        let answer = try await api.send(.get, "/v1/tenants/acme/audit/export")
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }
}
