import APITypes
import Accounts
import AuditLog
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// Signing in by a provider of identities: by a real one.
@Suite(.timeLimit(.minutes(2))) struct SingleSignOnTests {
    static let callback = "https://127.0.0.1:7443/v1/session/callback"

    @Test func peopleSignInByARealProvider() async throws {
        let controller = try TestController()
        try await TestIdentityProvider.with(redirectURI: Self.callback) { provider in
            try await controller.test { api in
                try await api.makeAcme()
                let id = try await Self.make(api, provider.issuer, TestIdentityProvider.secret, try provider.roots)
                let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])

                // Who says no at the provider is not let in, and is told so.
                var refused = try await Self.signIn(TestPerson(api, "eve"), id, provider, "eve", answer: "deny")
                #expect(refused.location == "/console/#/signin?problem=provider-refused")
                // Nobody is let in for what the provider says of his name.
                refused = try await Self.signIn(TestPerson(api, "ada"), id, provider, "ada")
                #expect(refused.location == "/console/#/signin?problem=provider-unlinked")
                #expect(refused.session == nil)

                // She links herself while she is signed in.
                let url = try await ada.send(.post, "/v1/self/identities", json: #"{"provider":"\#(id)"}"#)
                    .read(ProviderAddress.self).url
                for part in [
                    "response_type=code", "client_id=patchbay", "code_challenge_method=S256", "scope=openid", "nonce=",
                    "redirect_uri=https%3A%2F%2F127.0.0.1%3A7443%2Fv1%2Fsession%2Fcallback",
                ] { #expect(url.contains(part), "\(url)") }
                let back = try await provider.signIn("ada", at: url, jar: "ada")
                #expect(back.hasPrefix(Self.callback + "?") && back.contains("iss="), "\(back)")
                let linked = try await ada.send(.get, Self.path(back))
                #expect(linked.status == 303 && linked.headers[.location] == "/console/#/account?linked=corp")
                let links = try await ada.get(ItemList<IdentitySummary>.self, "/v1/self/identities").items
                #expect(links.map(\.subject) == ["ada"] && links.map(\.expected) == [false])

                // And signs in by it, at another browser, by a session that she has at the provider.
                let browser = TestPerson(api, "ada@acme")
                let entered = try await Self.signIn(browser, id, provider, "ada")
                #expect(entered.location == "/console/#/")
                try await browser.reload()
                let own = try await browser.get(SelfDescription.self, "/v1/self")
                #expect(own.name == "ada@acme" && own.means == "session")
                // The provider said when it asked her: the sign-in is a fresh one.
                #expect(
                    try await browser.send(
                        .post, "/v1/tenants/acme/users",
                        json: #"{"name":"bob","display_name":"Bob","roles":["viewer"]}"#
                    ).status == 201)

                // Somebody who is expected signs in without having had a password.
                let answer = try await browser.send(
                    .post, "/v1/tenants/acme/users/bob/identities", json: #"{"provider":"corp","subject":"bob"}"#)
                #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
                let bob = TestPerson(api, "bob@acme")
                #expect(try await Self.signIn(bob, id, provider, "bob").location == "/console/#/")
                try await bob.reload()

                // What is disabled, or no longer linked, is not let in.
                #expect(try await browser.send(.post, "/v1/tenants/acme/users/bob/disable").status == 200)
                refused = try await Self.signIn(TestPerson(api, "bob"), id, provider, "bob")
                #expect(refused.location == "/console/#/signin?problem=provider-unlinked")
                #expect(try await bob.send(.get, "/v1/self").status == 401)
                let link = try #require(links.first)
                #expect(try await browser.send(.delete, "/v1/self/identities/\(link.id)").status == 204)
                // Her other session has ended, this one has not.
                #expect(try await ada.send(.get, "/v1/self").status == 401)
                #expect(try await browser.send(.get, "/v1/self").status == 200)
                refused = try await Self.signIn(TestPerson(api, "ada"), id, provider, "ada")
                #expect(refused.location == "/console/#/signin?problem=provider-unlinked")
            }
        }
        try await Self.checkAudit(controller)
    }

    /// What was done and refused is in the audit, and no secret is.
    private static func checkAudit(_ controller: TestController) async throws {
        try await controller.directory.writeNotes()
        var text = ""
        let acme = try Name(parsing: "acme")
        for tenant in [nil, acme] as [Name?] {
            text += String(decoding: try await controller.directory.exportAudit(of: tenant).text, as: UTF8.self)
        }
        for word in ["finishProviderSignIn", "provider-unlinked", "provider-refused", "addOwnIdentity"] {
            #expect(text.contains(word), "\(word)")
        }
        #expect(text.contains("createIdentityProvider") && !text.contains("client's secret"))
        let entries = try await controller.directory.audit(of: acme)
        func has(_ line: AuditLine, _ name: String, _ text: String) -> Bool {
            line[name] == ArraySlice("\"\(text)\"".utf8)
        }
        let entered = entries.filter { has($0, "action", "finishProviderSignIn") && $0.outcome == .done }
        #expect(entered.count == 2 && entered.allSatisfy { has($0, "resource", "identity-providers/corp") })
    }

    // MARK: Parts

    struct Landing {
        var location: String
        var session: String?
    }

    /// Makes the provider "corp" for everybody, and gives its id.
    static func make(
        _ api: API, _ issuer: String, _ secret: String, _ roots: String, more: [String: Any] = [:]
    ) async throws -> String {
        var record: [String: Any] = [
            "name": "corp", "display_name": "Acme Corp", "issuer": issuer, "client_id": "patchbay",
            "client_secret": secret, "trusted_roots": roots,
        ]
        record.merge(more) { _, new in new }
        let json = String(decoding: try JSONSerialization.data(withJSONObject: record), as: UTF8.self)
        let answer = try await api.post("/v1/identity-providers", json)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("secret"))
        return try answer.read(IdentityProviderSummary.self).id
    }

    /// Signs in by the provider's pages, and gives where the browser ends.
    static func signIn(
        _ browser: TestPerson, _ id: String, _ provider: TestIdentityProvider, _ name: String,
        answer: String = "accept"
    ) async throws -> Landing {
        let begun = try await browser.send(.post, "/v1/session/provider", json: #"{"provider":"\#(id)"}"#)
        try #require(begun.status == 200, "\(String(decoding: begun.body, as: UTF8.self))")
        let cookie = begun.headers[values: .setCookie].first ?? ""
        #expect(cookie.hasPrefix("__Host-patchbay-provider=") && cookie.contains("; SameSite=Lax"), "\(cookie)")
        #expect(cookie.contains("; Secure; HttpOnly") && cookie.contains("Max-Age=600"))
        let back = try await provider.signIn(
            name, at: begun.read(ProviderAddress.self).url, jar: name, answer: answer)
        let answer = try await browser.send(.get, path(back))
        #expect(answer.status == 303 && answer.headers[.location]?.hasPrefix("/console/#/") == true)
        return Landing(
            location: answer.headers[.location] ?? "", session: browser.cookies[Caller.cookieName])
    }

    /// The path and query of an address.
    static func path(_ url: String) -> String { String(url.dropFirst("https://127.0.0.1:7443".count)) }
}
