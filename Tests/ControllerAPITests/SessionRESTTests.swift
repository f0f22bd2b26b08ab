import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// Signing in and out through the API.
@Suite struct SessionRESTTests {
    @Test func everyOperationHasItsAction() throws {
        let controller = try TestController()
        let operations = Operations(
            directory: controller.directory, leaves: controller.leaves, settings: controller.settings,
            metrics: ControllerMetrics(), logger: controller.logger
        ).all
        for operation in operations {
            #expect(operation.action != nil, "\(operation.id)")
            let isOpen = operation.action?.rule.subject == .nothing
            #expect(isOpen == (operation.access == .everyone), "\(operation.id)")
        }
        #expect(Set(operations.map(\.id)).count == operations.count)
    }

    @Test func cookiesAreForThisHostAlone() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let answer = try await ada.signIn()
            let lines = answer.headers[values: .setCookie]
            #expect(lines.count == 2)
            for line in lines {
                #expect(line.hasPrefix("__Host-patchbay"), "\(line)")
                for word in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
                    #expect(line.contains(word), "\(line)")
                }
                #expect(!line.contains("Domain"))
            }
            #expect(try await api.get(SelfDescription.self, "/v1/self").means == "installation")
            let own = try await ada.get(SelfDescription.self, "/v1/self")
            #expect(own.name == "ada@acme" && own.roles == ["owner"] && own.means == "session")
            #expect(own.actions.contains("createUser") && !own.actions.contains("createHost"))
        }
    }

    @Test func changesBySessionsNeedTheToken() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            for csrf in ["", "x", String(repeating: "A", count: 43)] {
                let refused = try await ada.send(
                    .post, "/v1/tenants/acme/groups", json: #"{"name":"db"}"#, csrf: csrf)
                #expect(refused.status == 403 && refused.problem?.code == "csrf", "\(csrf)")
            }
            #expect(try await ada.send(.get, "/v1/tenants/acme/groups/db").status == 404)
            #expect(try await ada.send(.post, "/v1/tenants/acme/groups", json: #"{"name":"db"}"#).status == 201)
            // A reloaded page asks for it.
            try await ada.reload()
            #expect(try await ada.send(.delete, "/v1/tenants/acme/groups/db").status == 204)
        }
    }

    @Test func unknownNamesAndWrongPasswordsAnswerAlike() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            _ = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            var answers: Set<Data> = []
            for name in ["ada@acme", "eve@acme", "ada@nowhere", "ada", "no name at all", ""] {
                let answer = try await api.send(
                    .post, "/v1/session", json: #"{"name":"\#(name)","password":"not the password"}"#, headers: [:])
                #expect(answer.status == 401 && answer.headers[.setCookie] == nil)
                answers.insert(answer.body)
            }
            #expect(answers.count == 1)
        }
    }

    @Test func manyFailuresWaitButAKnownBrowserGoesOn() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let stranger = TestPerson(api, "ada@acme")
            var statuses: [Int] = []
            for _ in 0..<8 { statuses.append(try await stranger.signIn("a wrong password").status) }
            #expect(statuses.prefix(5).allSatisfy { $0 == 401 } && statuses.last == 429, "\(statuses)")
            let waiting = try await stranger.signIn()
            #expect(waiting.status == 429 && Int(waiting.headers[.retryAfter] ?? "") ?? 0 > 0)
            // The browser that has signed in before is not kept out.
            #expect(try await ada.signIn().status == 200)
            let figures = String(decoding: try await api.send(.get, "/metrics").body, as: UTF8.self)
            for (outcome, count) in [("complete", 2), ("wrongCredentials", 5), ("throttled", 4)] {
                let line = #"patchbay_controller_sign_ins_total{outcome="\#(outcome)"} \#(count)"#
                #expect(figures.contains(line + "\n"), "\(figures)")
            }
        }
    }

    @Test func signingOutEndsIt() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let former = ada.cookies
            #expect(try await ada.send(.delete, "/v1/session").status == 204)
            #expect(ada.cookies[Caller.cookieName] == nil)
            let cookie = former.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            #expect(try await api.send(.get, "/v1/self", headers: [.cookie: cookie]).status == 401)
        }
    }

    @Test func secondFactor() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let begun = try await ada.send(.post, "/v1/self/totp").read(OneTimeCodeSecret.self)
            #expect(begun.uri.hasPrefix("otpauth://totp/"))
            let secret = try Self.base32(begun.secret)
            func code() -> String { TOTP.code(secret: secret, counter: TOTP.counter(at: controller.now)) }
            let wrong = try await ada.send(.put, "/v1/self/totp", json: #"{"code":"000000"}"#)
            #expect(wrong.status == 400 && wrong.problem?.pointer == "/code")
            let recovery = try await ada.send(.put, "/v1/self/totp", json: #"{"code":"\#(code())"}"#).read(
                RecoveryCodeList.self)
            #expect(recovery.recoveryCodes.count == 10)
            // The session goes on with a new secret.
            try await ada.reload()

            let again = TestPerson(api, "ada@acme")
            #expect(try await again.signIn().read(SessionState.self).stage == "second-factor")
            #expect(try await again.send(.get, "/v1/self").status == 401)
            #expect(try await again.send(.post, "/v1/session/code", json: #"{"code":"123"}"#).status == 401)
            // The code that confirmed was used.
            #expect(try await again.send(.post, "/v1/session/code", json: #"{"code":"\#(code())"}"#).status == 401)
            controller.pass(seconds: 30)
            let complete = try await again.send(.post, "/v1/session/code", json: #"{"code":"\#(code())"}"#)
            #expect(try complete.read(SessionState.self).stage == "complete")
            #expect(try await again.send(.get, "/v1/self").status == 200)

            let lost = TestPerson(api, "ada@acme")
            try await lost.signIn()
            let used = #"{"code":"\#(recovery.recoveryCodes[0])"}"#
            #expect(try await lost.send(.post, "/v1/session/code", json: used).status == 200)
            let twice = TestPerson(api, "ada@acme")
            try await twice.signIn()
            #expect(try await twice.send(.post, "/v1/session/code", json: used).status == 401)
        }
    }

    @Test func aNewPasswordEndsOtherSessions() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let other = TestPerson(api, "ada@acme")
            try await other.signIn()
            let path = "/v1/self/password"
            let wrong = try await ada.send(
                .put, path, json: #"{"current":"no","password":"quite another one 5"}"#)
            #expect(wrong.status == 403 && wrong.problem?.pointer == "/current")
            let weak = try await ada.send(
                .put, path, json: #"{"current":"\#(TestPerson.password)","password":"ada@acme ada"}"#)
            #expect(weak.status == 400 && weak.problem?.pointer == "/password")
            let done = try await ada.send(
                .put, path, json: #"{"current":"\#(TestPerson.password)","password":"quite another one 5"}"#)
            #expect(done.status == 200)
            #expect(try await ada.send(.get, "/v1/self").status == 200)
            #expect(try await other.send(.get, "/v1/self").status == 401)
            #expect(try await other.signIn().status == 401)
        }
    }

    @Test func sessionsEndByThemselves() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            controller.pass(seconds: Session.freshness + 1)
            let stale = try await ada.send(
                .post, "/v1/tenants/acme/users", json: #"{"name":"bob","display_name":"Bob","roles":["viewer"]}"#)
            #expect(stale.status == 403 && stale.problem?.code == "sign-in-again")
            #expect(try await ada.send(.get, "/v1/self").status == 200)
            controller.pass(seconds: Session.idle + 1)
            #expect(try await ada.send(.get, "/v1/self").status == 401)
        }
    }

    @Test func sessionsAndTokensAreListedAndEnded() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let other = TestPerson(api, "ada@acme")
            try await other.signIn()
            let sessions = try await ada.get(ItemList<SessionSummary>.self, "/v1/self/sessions").items
            #expect(sessions.count == 2 && sessions.filter(\.isCurrent).count == 1)
            let foreign = try #require(sessions.first { !$0.isCurrent }).id
            #expect(try await ada.send(.delete, "/v1/self/sessions/\(foreign)").status == 204)
            #expect(try await other.send(.get, "/v1/self").status == 401)
            #expect(try await ada.send(.delete, "/v1/self/sessions/\(foreign)").status == 404)

            let made = try await ada.send(
                .post, "/v1/self/tokens", json: #"{"label":"ci","scopes":["read"],"days":2}"#
            ).read(TokenSummary.self)
            let token = try #require(made.token)
            let bearer: HTTPFields = [.authorization: "Bearer \(token)"]
            #expect(try await api.send(.get, "/v1/tenants/acme/endpoints", headers: bearer).status == 200)
            let refused = try await api.send(
                .post, "/v1/tenants/acme/groups", json: #"{"name":"db"}"#, headers: bearer)
            #expect(refused.status == 403 && refused.problem?.code == "scope")
            let listed = try await ada.get(ItemList<TokenSummary>.self, "/v1/self/tokens").items
            #expect(listed.map(\.label) == ["ci"] && listed[0].token == nil && listed[0].lastUsedAt != nil)
            for bad in [
                #"{"label":"x","scopes":[],"days":2}"#, #"{"label":"x","scopes":["platform"],"days":2}"#,
                #"{"label":"x","scopes":["read"],"days":0}"#, #"{"label":"x","scopes":["all"],"days":1}"#,
                #"{"label":"\u202ex","scopes":["read"],"days":1}"#, #"{"label":"x","scopes":["read"],"days":999}"#,
            ] {
                #expect(try await ada.send(.post, "/v1/self/tokens", json: bad).status == 400, "\(bad)")
            }
            #expect(try await ada.send(.delete, "/v1/self/tokens/\(made.id)").status == 204)
            #expect(try await api.send(.get, "/v1/tenants/acme/endpoints", headers: bearer).status == 401)
        }
    }

    static func base32(_ text: String) throws -> [UInt8] {
        var bits = 0
        var value = 0
        var octets: [UInt8] = []
        for character in text {
            let digit = try #require("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".firstIndex(of: character))
            value =
                (value << 5
                    | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".distance(
                        from: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".startIndex, to: digit)) & 0xffff
            bits += 5
            if bits >= 8 {
                bits -= 8
                octets.append(UInt8(value >> bits & 0xff))
            }
        }
        return octets
    }
}
