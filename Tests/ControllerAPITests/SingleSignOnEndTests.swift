import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// What becomes of sessions when the provider by whose word they began may vouch for nobody any more.
@Suite(.timeLimit(.minutes(2))) struct SingleSignOnEndTests {
    private typealias Scene = SingleSignOnAttackTests.Scene

    /// Signs ada in by the provider, at a browser of her own.
    private static func enter(_ scene: Scene, tenant: String? = nil) async throws -> TestPerson {
        let browser = TestPerson(scene.api, "ada@acme")
        let query = try await scene.begin(browser, tenant: tenant)
        scene.provider.set { $0.claims = scene.claims(query) }
        try #require(try await scene.finish(browser, state: query["state"]) == nil)
        #expect(try await browser.send(.get, "/v1/self").status == 200)
        return browser
    }

    /// The settings of the record, as whoever changes it sends them.
    private static func settings(_ scene: Scene, _ more: [String: Any]) async throws -> String {
        let present = try await scene.api.get(IdentityProviderSummary.self, "/v1/identity-providers/corp")
        var record: [String: Any] = [
            "issuer": present.issuer, "client_id": present.clientID, "display_name": present.displayName,
            "trusted_roots": present.trustedRoots ?? "",
        ]
        record.merge(more) { _, new in new }
        return String(decoding: try JSONSerialization.data(withJSONObject: record), as: UTF8.self)
    }

    private static func change(_ scene: Scene, _ more: [String: Any]) async throws -> IdentityProviderSummary {
        let answer = try await scene.api.send(
            .put, "/v1/identity-providers/corp", json: try await settings(scene, more))
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try answer.read(IdentityProviderSummary.self)
    }

    private static func isIn(_ person: TestPerson) async throws -> Bool {
        try await person.send(.get, "/v1/self").status == 200
    }

    @Test func sessionsEndWithTheRecord() async throws {
        try await SingleSignOnAttackTests.with { scene in
            let (one, two) = (try await Self.enter(scene), try await Self.enter(scene))
            let path = "/v1/tenants/acme/events"
            let before = scene.hub.listenerCount
            let following = EventEndTests.Following(scene.api, path, EventEndTests.headers(one))
            let bystander = EventEndTests.Following(scene.api, path, EventEndTests.headers(scene.ada))
            for _ in 0..<500 where scene.hub.listenerCount < before + 2 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(scene.hub.listenerCount == before + 2)
            // So that the first look at the rights is over.
            try await Task.sleep(for: .milliseconds(50))
            let answer = try await scene.api.send(.delete, "/v1/identity-providers/corp")
            #expect(answer.status == 200)
            let deleted = try answer.read(DeletedIdentityProvider.self)
            #expect(deleted == DeletedIdentityProvider(name: "corp", sessionsEnded: 2))
            let left = [try await Self.isIn(one), try await Self.isIn(two)]
            #expect(left == [false, false])
            // Who follows events by such a session is cut off at once; who does by a password is not.
            let isCutOff = try await following.ends()
            #expect(isCutOff)
            let isCutOffToo = try await bystander.ends(within: 0)
            #expect(!isCutOffToo)
            for one in [following, bystander] { one.cancel() }
            #expect(try await Self.isIn(scene.ada))
            try await Self.expectAudit(scene, "deleteIdentityProvider", ended: 2)
        }
    }

    @Test func sessionsEndWhenItIsDisabled() async throws {
        try await SingleSignOnAttackTests.with { scene in
            let browser = try await Self.enter(scene)
            let late = TestPerson(scene.api, "ada@acme")
            let query = try await scene.begin(late)
            let off = try await Self.change(scene, ["enabled": false])
            #expect(!off.enabled && off.sessionsEnded == 1)
            #expect(try await !Self.isIn(browser))
            #expect(try await Self.isIn(scene.ada))
            try await Self.expectAudit(scene, "changeIdentityProvider", ended: 1)
            // Nobody comes in by it: no sign-in begins, one that had begun comes to nothing, nothing is linked.
            let begun = try await scene.api.send(
                .post, "/v1/session/provider", json: #"{"provider":"\#(scene.id)"}"#, headers: [:])
            #expect(begun.status == 404)
            scene.provider.set { $0.claims = scene.claims(query) }
            #expect(try await scene.finish(late, state: query["state"]) == "provider-ended")
            let listed = try await scene.api.send(.get, "/v1/session/providers", headers: [:])
            #expect(try listed.read(ItemList<SignInProvider>.self).items.isEmpty)
            let own = try await scene.ada.get(ItemList<SignInProvider>.self, "/v1/self/identity-providers")
            #expect(own.items.isEmpty)
            let link = try await scene.ada.send(
                .post, "/v1/self/identities", json: #"{"provider":"\#(scene.id)"}"#)
            #expect(link.status == 404)
            // The links stay, and are good again.
            let links = try await scene.ada.get(ItemList<IdentitySummary>.self, "/v1/self/identities")
            #expect(links.items.map(\.subject) == ["sub-ada"])
            // Who does not speak of it leaves it disabled.
            #expect(try await !Self.change(scene, [:]).enabled)
            #expect(try await Self.change(scene, ["enabled": true]).sessionsEnded == 0)
            let again = try await Self.enter(scene)
            #expect(try await Self.isIn(again))
            let bad = try await scene.api.send(
                .put, "/v1/identity-providers/corp", json: try await Self.settings(scene, ["enabled": "no"]))
            #expect(bad.status == 400 && bad.problem?.pointer == "/enabled")
            #expect(try await Self.isIn(again))
        }
    }

    @Test func sessionsEndOfWhomItNoLongerServes() async throws {
        try await SingleSignOnAttackTests.with(more: ["multi_factor": true]) { scene in
            let api = scene.api
            try await api.post("/v1/tenants", #"{"name":"umbrella"}"#)
            _ = try await TestPerson.make(api, "eva", of: "umbrella", ["owner"])
            try await api.post(
                "/v1/tenants/umbrella/users/eva/identities", #"{"provider":"corp","subject":"sub-ada"}"#)
            let (ada, eva) = (
                try await Self.enter(scene, tenant: "acme"), try await Self.enter(scene, tenant: "umbrella")
            )
            // What changes nothing of whom it serves ends nothing.
            let named = try await Self.change(scene, ["display_name": "Another", "multi_factor": true])
            #expect(named.sessionsEnded == 0)
            let narrow = try await Self.change(scene, ["tenant": "acme", "multi_factor": true])
            #expect(narrow.sessionsEnded == 1)
            var left = [try await Self.isIn(ada), try await Self.isIn(eva)]
            #expect(left == [true, false])
            // Its word is no second factor any more.
            let weaker = try await Self.change(scene, ["tenant": "acme", "multi_factor": false])
            #expect(weaker.sessionsEnded == 1)
            left = [try await Self.isIn(ada), try await Self.isIn(scene.ada)]
            #expect(left == [false, true])
        }
    }

    /// That an entry of the platform's audit says how many ended, and not whose.
    private static func expectAudit(_ scene: Scene, _ action: String, ended: Int) async throws {
        let answer = try await scene.api.send(.get, "/v1/audit?action=\(action)&outcome=done&limit=1")
        let list = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
        let entry = try #require((list?["items"] as? [[String: Any]])?.first)
        let before = try #require(entry["before"] as? [String: Any])
        let sessions = try #require(before["identity-provider/corp/sessions"] as? [String: Any])
        #expect(sessions["ended"] as? Int == ended && sessions.count == 1)
        #expect(!before.keys.contains { $0.hasPrefix("session/") }, "\(before)")
    }
}
