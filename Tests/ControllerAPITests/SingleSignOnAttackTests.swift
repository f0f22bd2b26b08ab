import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// What is tried against signing in by a provider: here a stand-in for the provider gives the answers that a real one never
/// gives.
@Suite(.timeLimit(.minutes(2))) struct SingleSignOnAttackTests {
    /// One platform with the account ada@acme, linked to `sub-ada` of the forged provider.
    struct Scene {
        let controller: TestController
        let api: API
        let hub: EventHub
        let provider: ForgedProvider
        let id: String
        let ada: TestPerson

        /// Begins a sign-in at a browser: the state and the nonce of its question.
        func begin(_ browser: TestPerson, tenant: String? = nil, fresh: Bool = false) async throws -> [String: String] {
            var json = #"{"provider":"\#(id)","fresh":\#(fresh)"#
            if let tenant { json += #","tenant":"\#(tenant)""# }
            let begun = try await browser.send(.post, "/v1/session/provider", json: json + "}")
            try #require(begun.status == 200, "\(String(decoding: begun.body, as: UTF8.self))")
            let url = try #require(URLComponents(string: begun.read(ProviderAddress.self).url))
            return Dictionary(
                uniqueKeysWithValues: (url.queryItems ?? []).map { ($0.name, $0.value ?? "") })
        }

        /// Good claims for a question.
        func claims(_ query: [String: String], subject: String = "sub-ada") -> [String: ForgedProvider.Claim] {
            let now = controller.now.seconds
            return [
                "iss": .text(provider.issuer), "sub": .text(subject), "aud": .text("patchbay"),
                "exp": .number(now + 300), "iat": .number(now), "nonce": .text(query["nonce"] ?? ""),
                "auth_time": .number(now), "email": .text("ada@example.com"),
            ]
        }

        /// Brings an answer, and gives what the console is told: nil when the browser is signed in.
        func finish(_ browser: TestPerson, state: String?, code: String = "code", more: String = "") async throws
            -> String?
        {
            let path = "/v1/session/callback?code=\(code)&state=\(state ?? "")\(more)"
            let answer = try await browser.send(.get, path)
            #expect(answer.status == 303)
            let location = answer.headers[.location] ?? ""
            #expect(answer.headers[.init("referrer-policy") ?? .server] == "no-referrer")
            if location == "/console/#/" { return nil }
            #expect(browser.cookies[Caller.cookieName] == nil || location.contains("stage="), "\(location)")
            return location.split(separator: "=").last.map(String.init) ?? location
        }

        /// Expects a whole sign-in, whose token is changed before it is signed, to come to a problem, or to a session.
        func expect(
            _ problem: String?, _ name: String = "", tenant: String? = nil, more: String = "",
            at place: SourceLocation = #_sourceLocation, _ change: (inout ForgedProvider.Script) -> Void = { _ in }
        ) async throws {
            let found = try await attempt(change, tenant: tenant, more: more)
            #expect(found == problem, "\(name)", sourceLocation: place)
        }

        private func attempt(
            _ change: (inout ForgedProvider.Script) -> Void, tenant: String?, more: String
        ) async throws -> String? {
            let browser = TestPerson(api, "somebody")
            let query = try await begin(browser, tenant: tenant)
            let claims = claims(query)
            provider.set {
                $0.claims = claims
                change(&$0)
            }
            defer {
                provider.set {
                    let key = $0.key
                    $0 = ForgedProvider.Script()
                    $0.key = key
                }
            }
            return try await finish(browser, state: query["state"], more: more)
        }
    }

    static func with(
        more: [String: Any] = [:], _ body: @Sendable (Scene) async throws -> Void
    ) async throws {
        let extra = String(decoding: try JSONSerialization.data(withJSONObject: more), as: UTF8.self)
        try await ForgedProvider.with { provider in
            let controller = try TestController(providerTime: .seconds(1))
            try await controller.testFollowing { api, hub in
                try await api.makeAcme()
                let more = try JSONSerialization.jsonObject(with: Data(extra.utf8)) as? [String: Any] ?? [:]
                let id = try await SingleSignOnTests.make(api, provider.issuer, "secret", provider.roots, more: more)
                let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
                try await api.post(
                    "/v1/tenants/acme/users/ada/identities", #"{"provider":"corp","subject":"sub-ada"}"#)
                try await body(
                    Scene(controller: controller, api: api, hub: hub, provider: provider, id: id, ada: ada))
            }
        }
    }

    @Test func onlyATokenThatIsGoodInEveryWayIsTaken() async throws {
        try await Self.with { scene in
            try await scene.expect(nil)
            let form = scene.provider.forms.withLock { $0.last ?? "" }
            #expect(form.contains("grant_type=authorization_code&code=code&") && form.contains("code_verifier="))
            #expect(!form.contains("secret"), "the secret goes into a header here")
            let now = scene.controller.now.seconds
            let wrong: [(String, String, (inout ForgedProvider.Script) -> Void)] = [
                ("another nonce", "provider-untrusted", { $0.claims["nonce"] = .text("x") }),
                ("no nonce", "provider-untrusted", { $0.claims["nonce"] = nil }),
                ("another audience", "provider-untrusted", { $0.claims["aud"] = .text("other") }),
                (
                    "several, unclear for whom", "provider-untrusted",
                    { $0.claims["aud"] = .texts(["patchbay", "other"]) }
                ),
                ("issued to another", "provider-untrusted", { $0.claims["azp"] = .text("other") }),
                ("expired", "provider-untrusted", { $0.claims["exp"] = .number(now - 120) }),
                ("of long ago", "provider-untrusted", { $0.claims["iat"] = .number(now - 3_600) }),
                ("of later", "provider-untrusted", { $0.claims["iat"] = .number(now + 3_600) }),
                ("asked later", "provider-untrusted", { $0.claims["auth_time"] = .number(now + 3_600) }),
                ("of another issuer", "provider-untrusted", { $0.claims["iss"] = .text("https://evil.example") }),
                ("of nobody", "provider-untrusted", { $0.claims["sub"] = nil }),
                ("of a name with a space", "provider-untrusted", { $0.claims["sub"] = .text("a b") }),
                ("not signed", "provider-untrusted", { $0.signature = .none }),
                ("signed by the public key", "provider-untrusted", { $0.signature = .sharedSecret }),
                ("signed by another key", "provider-untrusted", { $0.signature = .otherKey }),
                ("signed by a key of another name", "provider-untrusted", { $0.signature = .otherKeyID }),
                ("a code that is not good", "provider-refused", { $0.isTokenMissing = true }),
                ("a broken provider", "provider-unreachable", { $0.status = .internalServerError }),
                // The e-mail address is ada's, but nobody is known by that.
                ("an unknown person", "provider-unlinked", { $0.claims["sub"] = .text("ada@acme") }),
            ]
            for (name, problem, change) in wrong {
                try await scene.expect(problem, name, change)
                // Failures of one network have it wait; that is another test's.
                scene.controller.pass(seconds: 90)
                scene.provider.set { $0.claims = [:] }
            }
            // Two audiences are taken when it is said for whom.
            try await scene.expect(nil) {
                $0.claims["aud"] = .texts(["other", "patchbay"])
                $0.claims["azp"] = .text("patchbay")
            }
            // The issuer that the answer names (RFC 9207).
            try await scene.expect("provider-untrusted", more: "&iss=https://evil.example")
            try await scene.expect(nil, more: "&iss=\(scene.provider.issuer)&session_state=1")
            // Another key, after a while.
            scene.controller.pass(seconds: 30)
            scene.provider.set { $0.key = ForgedProvider.Key() }
            try await scene.expect(nil)
        }
    }

    @Test func anAnswerIsGoodOnceAndForOneBrowser() async throws {
        try await Self.with { scene in
            let mine = TestPerson(scene.api, "mine")
            let query = try await scene.begin(mine)
            let kept = mine.cookies
            scene.provider.set { $0.claims = scene.claims(query) }
            // Another browser, with a question of its own or without one.
            let other = TestPerson(scene.api, "other")
            #expect(try await scene.finish(other, state: query["state"]) == "provider-state")
            let its = try await scene.begin(other)
            #expect(try await scene.finish(other, state: query["state"]) == "provider-state")
            // The code of one sign-in brought to another: the nonce is the other's.
            let third = TestPerson(scene.api, "third")
            let theirs = try await scene.begin(third)
            #expect(theirs["state"] != its["state"] && theirs["nonce"] != its["nonce"])
            #expect(try await scene.finish(third, state: theirs["state"]) == "provider-untrusted")
            for state in ["", "x", String(repeating: "A", count: 43), String(repeating: "%F0", count: 500)] {
                let fourth = TestPerson(scene.api, "fourth")
                _ = try await scene.begin(fourth)
                #expect(try await scene.finish(fourth, state: state) == "provider-state")
            }
            // The right one; then the same once more, with the cookie that the browser has forgotten.
            #expect(try await scene.finish(mine, state: query["state"]) == nil)
            #expect(mine.cookies[Caller.providerCookieName] == nil)
            let cookie = kept.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            let again = try await scene.api.send(
                .get, "/v1/session/callback?code=code&state=\(query["state"] ?? "")", headers: [.cookie: cookie])
            #expect(again.headers[.location] == "/console/#/signin?problem=provider-state")
            // Too late.
            let late = TestPerson(scene.api, "late")
            let old = try await scene.begin(late)
            scene.controller.pass(seconds: 601)
            #expect(try await scene.finish(late, state: old["state"]) == "provider-state")
            // What the cookie says cannot be changed.
            let forger = TestPerson(scene.api, "forger")
            let forged = try await scene.begin(forger)
            var value = forger.cookies[Caller.providerCookieName] ?? ""
            value.replaceSubrange(
                value.index(value.startIndex, offsetBy: 40)...value.index(value.startIndex, offsetBy: 40),
                with: value.dropFirst(40).first == "A" ? "B" : "A")
            let answer = try await scene.api.send(
                .get, "/v1/session/callback?code=code&state=\(forged["state"] ?? "")",
                headers: [.cookie: "\(Caller.providerCookieName)=\(value)"])
            #expect(answer.headers[.location] == "/console/#/signin?problem=provider-state")
            // Whoever goes on for long has to wait, like those who guess passwords.
            var last: String?
            for _ in 0..<40 where last != "provider-too-often" {
                last = try await scene.finish(TestPerson(scene.api, "noisy"), state: "x")
            }
            #expect(last == "provider-too-often")
        }
    }

    @Test func theSecondFactorIsAskedForUnlessTheProviderDoes() async throws {
        try await Self.with { scene in
            let begun = try await scene.ada.send(.post, "/v1/self/totp").read(OneTimeCodeSecret.self)
            let secret = try SessionRESTTests.base32(begun.secret)
            func code() -> String { TOTP.code(secret: secret, counter: TOTP.counter(at: scene.controller.now)) }
            #expect(try await scene.ada.send(.put, "/v1/self/totp", json: #"{"code":"\#(code())"}"#).status == 200)
            let browser = TestPerson(scene.api, "ada@acme")
            let query = try await scene.begin(browser)
            scene.provider.set { $0.claims = scene.claims(query) }
            // The page is told which factors will do: `stage=second-factor&factors=code`.
            #expect(try await scene.finish(browser, state: query["state"]) == "code")
            #expect(try await browser.send(.get, "/v1/self").status == 401)
            scene.controller.pass(seconds: 60)
            let done = try await browser.send(.post, "/v1/session/code", json: #"{"code":"\#(code())"}"#)
            #expect(done.status == 200)
            #expect(try await browser.get(SelfDescription.self, "/v1/self").name == "ada@acme")

            let record = try await scene.api.get(IdentityProviderSummary.self, "/v1/identity-providers/corp")
            let roots = String(decoding: try JSONEncoder().encode(record.trustedRoots ?? ""), as: UTF8.self)
            let changed = try await scene.api.send(
                .put, "/v1/identity-providers/corp",
                json:
                    #"{"issuer":"\#(record.issuer)","client_id":"patchbay","multi_factor":true,"trusted_roots":\#(roots)}"#
            )
            #expect(changed.status == 200, "\(String(decoding: changed.body, as: UTF8.self))")
            try await scene.expect(nil)
        }
    }

    @Test func aSignInIsFreshOnlyIfTheProviderHasJustAsked() async throws {
        try await Self.with { scene in
            let browser = TestPerson(scene.api, "ada@acme")
            var query = try await scene.begin(browser)
            scene.provider.set {
                $0.claims = scene.claims(query)
                $0.claims["auth_time"] = .number(scene.controller.now.seconds - 3_600)
            }
            #expect(try await scene.finish(browser, state: query["state"]) == nil)
            try await browser.reload()
            let user = #"{"name":"bob","display_name":"Bob","roles":["viewer"]}"#
            let refused = try await browser.send(.post, "/v1/tenants/acme/users", json: user)
            #expect(refused.status == 403 && refused.problem?.code == "sign-in-again")
            // It is asked to ask anew, and has to say that it did.
            let other = TestPerson(scene.api, "ada@acme")
            query = try await scene.begin(other, fresh: true)
            #expect(query["prompt"] == "login" && query["max_age"] == "0")
            scene.provider.set {
                $0.claims = scene.claims(query)
                $0.claims["auth_time"] = nil
            }
            #expect(try await scene.finish(other, state: query["state"]) == "provider-untrusted")
            query = try await scene.begin(other, fresh: true)
            scene.provider.set { $0.claims = scene.claims(query) }
            #expect(try await scene.finish(other, state: query["state"]) == nil)
            try await other.reload()
            #expect(try await other.send(.post, "/v1/tenants/acme/users", json: user).status == 201)
        }
    }

    @Test func aProviderThatIsDownSlowOrStrangeHarmsNobody() async throws {
        try await Self.with { scene in
            func begin() async throws -> API.Answer {
                // What it says of itself is asked for again after a while.
                scene.controller.pass(seconds: 700)
                return try await scene.api.send(
                    .post, "/v1/session/provider", json: #"{"provider":"\#(scene.id)"}"#, headers: [:])
            }
            #expect(try await begin().status == 200)
            let wrong: [(String, (inout ForgedProvider.Script) -> Void)] = [
                ("another issuer", { $0.issuer = "https://evil.example" }),
                ("an issuer with a stroke more", { $0.issuer = ($0.issuer ?? scene.provider.issuer) + "/" }),
                ("slow", { $0.delay = .seconds(3) }), ("broken", { $0.status = .badGateway }),
                ("endless", { $0.padding = 300_000 }),
                ("elsewhere", { $0.redirect = scene.provider.issuer + "/keys" }),
            ]
            for (name, change) in wrong {
                scene.provider.set(change)
                let clock = ContinuousClock.now
                let answer = try await begin()
                #expect(answer.status == 503 && answer.problem?.code == "provider-unreachable", "\(name)")
                #expect(ContinuousClock.now - clock < .seconds(2.5), "\(name)")
                #expect(answer.headers[.setCookie] == nil)
                scene.provider.set { $0 = ForgedProvider.Script() }
            }
            // Nobody listens there, or somebody by another certificate.
            for (issuer, roots) in [("https://127.0.0.1:1", scene.provider.roots), (scene.provider.issuer, nil)] {
                let record = try await scene.api.get(IdentityProviderSummary.self, "/v1/identity-providers/corp")
                var json =
                    #"{"name":"other\#(record.version)","issuer":"\#(issuer)","client_id":"x","client_secret":"x""#
                json = json.replacingOccurrences(
                    of: "other\(record.version)", with: roots == nil ? "untrusted" : "nobody")
                if let roots {
                    json += ",\"trusted_roots\":" + String(decoding: try JSONEncoder().encode(roots), as: UTF8.self)
                }
                let made = try await scene.api.post("/v1/identity-providers", json + "}")
                    .read(IdentityProviderSummary.self)
                let answer = try await scene.api.send(
                    .post, "/v1/session/provider", json: #"{"provider":"\#(made.id)"}"#, headers: [:])
                #expect(answer.status == 503, "\(issuer)")
            }
            // With a password everybody signs in as before.
            #expect(try await scene.ada.signIn().status == 200)
        }
    }

    @Test func recordsAreTheOperatorsAndTellNoSecret() async throws {
        try await Self.with { scene in
            let api = scene.api
            // A tenant's owner neither makes nor sees them.
            #expect(try await scene.ada.send(.get, "/v1/identity-providers").status == 403)
            let own = #"{"name":"mine","issuer":"https://169.254.169.254","client_id":"x","client_secret":"x"}"#
            #expect(try await scene.ada.send(.post, "/v1/identity-providers", json: own).status == 403)
            for (json, pointer) in [
                (#"{"name":"x","issuer":"http://a.example","client_id":"x","client_secret":"x"}"#, "/issuer"),
                (#"{"name":"x","issuer":"https://u:p@a.example","client_id":"x","client_secret":"x"}"#, "/issuer"),
                (#"{"name":"x","issuer":"https://a.example?b","client_id":"x","client_secret":"x"}"#, "/issuer"),
                (#"{"name":"x","issuer":"https://a.example","client_id":"","client_secret":"x"}"#, "/client_id"),
                (#"{"name":"x","issuer":"https://a.example","client_id":"x","client_secret":""}"#, "/client_secret"),
                (#"{"name":"x","issuer":"https://a.example","client_id":"x"}"#, "/client_secret"),
                (
                    #"{"name":"x","issuer":"https://a.example","client_id":"x","client_secret":"x","scopes":["a"]}"#,
                    "/scopes"
                ),
                (
                    #"{"name":"x","issuer":"https://a.example","client_id":"x","client_secret":"x","subject_claim":"email"}"#,
                    "/subject_claim"
                ),
                (
                    #"{"name":"x","issuer":"https://a.example","client_id":"x","client_secret":"x","trusted_roots":"x"}"#,
                    "/trusted_roots"
                ),
                (#"{"name":"X","issuer":"https://a.example","client_id":"x","client_secret":"x"}"#, "/name"),
            ] {
                let answer = try await api.send(.post, "/v1/identity-providers", json: json)
                #expect(answer.status == 400 && answer.problem?.pointer == pointer, "\(json)")
            }
            #expect(
                try await api.send(
                    .post, "/v1/identity-providers",
                    json: #"{"name":"corp","issuer":"https://a.example","client_id":"x","client_secret":"x"}"#
                ).status == 409)
            // Whoever is linked stays who he is: the issuer cannot become another one.
            let moved = try await api.send(
                .put, "/v1/identity-providers/corp",
                json: #"{"issuer":"https://evil.example","client_id":"patchbay"}"#)
            #expect(moved.status == 409 && moved.problem?.pointer == "/issuer")
            let listed = String(decoding: try await api.send(.get, "/v1/identity-providers").body, as: UTF8.self)
            #expect(listed.contains("corp") && !listed.contains("client_secret") && !listed.contains("sealed"))

            // One of a tenant is not on the public page, so that the page says of no tenant whether it exists.
            let made = try await api.post(
                "/v1/identity-providers",
                #"{"name":"acme-sso","tenant":"acme","issuer":"https://a.example","client_id":"x","client_secret":"x"}"#
            ).read(IdentityProviderSummary.self)
            #expect(!made.listed && made.signInURL.hasSuffix("/console/#/signin?provider=\(made.id)"))
            var lists: Set<Data> = []
            for query in ["", "?tenant=acme", "?tenant=nowhere"] {
                lists.insert(try await api.send(.get, "/v1/session/providers" + query, headers: [:]).body)
            }
            #expect(lists.count == 1 && String(decoding: lists.first ?? Data(), as: UTF8.self).contains("Acme Corp"))
            let foreign = try await api.send(
                .post, "/v1/session/provider", json: #"{"provider":"\#(made.id)","tenant":"nowhere"}"#, headers: [:])
            let absent = try await api.send(
                .post, "/v1/session/provider",
                json: #"{"provider":"\#(String(repeating: "0", count: 32))","tenant":"nowhere"}"#, headers: [:])
            #expect(foreign.status == 404 && foreign.body == absent.body)

            // One person may be of several tenants; then it is asked of which.
            try await api.post("/v1/tenants", #"{"name":"umbrella"}"#)
            _ = try await TestPerson.make(api, "eva", of: "umbrella", ["owner"])
            try await api.post(
                "/v1/tenants/umbrella/users/eva/identities", #"{"provider":"corp","subject":"sub-ada"}"#)
            let taken = try await api.send(
                .post, "/v1/tenants/umbrella/users/eva/identities", json: #"{"provider":"acme-sso","subject":"x"}"#)
            #expect(taken.status == 404)
            try await scene.expect("provider-ambiguous")
            try await scene.expect(nil, tenant: "acme")
            try await scene.expect("provider-unlinked", tenant: "nowhere")
            // In one tenant nobody else can have her.
            _ = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            let second = try await api.send(
                .post, "/v1/tenants/acme/users/bob/identities", json: #"{"provider":"corp","subject":"sub-ada"}"#)
            #expect(second.status == 409 && second.problem?.pointer == "/subject")
            #expect(try await api.send(.delete, "/v1/identity-providers/corp").status == 200)
            #expect(
                try await scene.ada.get(ItemList<IdentitySummary>.self, "/v1/self/identities").items.isEmpty)
        }
    }

    @Test func aLinkNeedsTheSessionThatAskedForIt() async throws {
        try await Self.with { scene in
            let bob = try await TestPerson.make(scene.api, "bob", of: "acme", ["viewer"])
            func begin() async throws -> [String: String] {
                let begun = try await bob.send(.post, "/v1/self/identities", json: #"{"provider":"\#(scene.id)"}"#)
                let url = try #require(URLComponents(string: begun.read(ProviderAddress.self).url))
                return Dictionary(uniqueKeysWithValues: (url.queryItems ?? []).map { ($0.name, $0.value ?? "") })
            }
            func land(_ query: [String: String], _ subject: String) async throws -> String {
                scene.provider.set { $0.claims = scene.claims(query, subject: subject) }
                let answer = try await bob.send(
                    .get, "/v1/session/callback?code=c&state=\(query["state"] ?? "")")
                return answer.headers[.location] ?? ""
            }
            // Who is ada's already is not bob's.
            #expect(try await land(begin(), "sub-ada") == "/console/#/account?problem=provider-taken")
            #expect(try await land(begin(), "sub-bob") == "/console/#/account?linked=corp")
            // The session ended meanwhile.
            let query = try await begin()
            let cookie = bob.cookies[Caller.providerCookieName] ?? ""
            #expect(try await bob.send(.delete, "/v1/session").status == 204)
            scene.provider.set { $0.claims = scene.claims(query, subject: "sub-eve") }
            let late = try await scene.api.send(
                .get, "/v1/session/callback?code=c&state=\(query["state"] ?? "")",
                headers: [.cookie: "\(Caller.providerCookieName)=\(cookie)"])
            #expect(late.headers[.location] == "/console/#/account?problem=provider-ended")
        }
    }
}
