import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import HummingbirdTesting
import NetTypes
import Synchronization
import Testing

@testable import ControllerAPI

/// Who follows events is cut off when he may no longer, at once and not at the next beat.
@Suite struct EventEndTests {
    /// A stream that somebody follows.
    final class Following: Sendable {
        /// The answer's status, once it has ended.
        private final class Outcome: Sendable {
            let status = Mutex<Int?>(nil)
        }

        private let outcome = Outcome()
        private let task: Task<Void, Never>

        init(_ api: API, _ path: String, _ headers: HTTPFields) {
            // The router's answer is there when its body has ended.
            task = Task { [outcome] in
                let answer = try? await api.send(.get, path, headers: headers)
                outcome.status.withLock { $0 = answer?.status ?? 0 }
            }
        }

        /// Whether it ends within some seconds.
        func ends(within seconds: Int = 5) async throws -> Bool {
            for round in 0...(seconds * 100) {
                if round > 0 { try await Task.sleep(for: .milliseconds(10)) }
                if let status = outcome.status.withLock({ $0 }) { return status == 200 }
            }
            return false
        }

        func cancel() { task.cancel() }
    }

    static func headers(_ person: TestPerson) -> HTTPFields {
        [.cookie: person.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")]
    }

    private static func bearer(_ token: String) -> HTTPFields { [.authorization: "Bearer \(token)"] }

    @Test(.timeLimit(.minutes(1))) func whoMayNoLongerIsCutOffAtOnce() async throws {
        let controller = try TestController()
        try await controller.testFollowing { api, hub in
            try await api.makeAcme()
            try await api.post("/v1/tenants", #"{"name":"globex"}"#)
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let acme = "/v1/tenants/acme/events"
            let token = Self.bearer(api.token)
            // Others are not cut off by what does not concern them.
            let bystanders = [
                Following(api, "/v1/tenants/globex/events", token), Following(api, acme, Self.headers(owen)),
                Following(api, "/v1/events", token),
            ]
            func ends(
                _ what: String, _ path: String, _ headers: HTTPFields, _ act: () async throws -> API.Answer
            ) async throws {
                let before = hub.listenerCount
                let following = Following(api, path, headers)
                for _ in 0..<500 where hub.listenerCount == before { try await Task.sleep(for: .milliseconds(10)) }
                #expect(hub.listenerCount == before + 1, "\(what): it does not follow")
                // So that the first look at the rights is over.
                try await Task.sleep(for: .milliseconds(50))
                let answer = try await act()
                #expect((200..<300).contains(answer.status), "\(what): \(String(decoding: answer.body, as: UTF8.self))")
                let ended = try await following.ends()
                #expect(ended, "\(what)")
                following.cancel()
            }
            func person(_ name: String, _ roles: [String] = ["viewer"]) async throws -> TestPerson {
                try await TestPerson.make(api, name, of: "acme", roles)
            }
            let users = "/v1/tenants/acme/users"
            var ada = try await person("a1")
            try await ends("signed out", acme, Self.headers(ada)) { try await ada.send(.delete, "/v1/session") }
            ada = try await person("a2")
            try await ends("session ended by an owner", acme, Self.headers(ada)) {
                let sessions = try await owen.get(ItemList<SessionSummary>.self, "\(users)/a2/sessions")
                return try await owen.send(.delete, "\(users)/a2/sessions/\(sessions.items[0].id)")
            }
            ada = try await person("a3")
            let made = try await ada.send(
                .post, "/v1/self/tokens", json: #"{"label":"x","scopes":["read"],"days":1}"#
            ).read(TokenSummary.self)
            try await ends("token deleted", acme, Self.bearer(made.token ?? "")) {
                try await ada.send(.delete, "/v1/self/tokens/\(made.id)")
            }
            let program = try await CertifiedProgram.make(ada)
            try await ends("certificate revoked", acme, Self.bearer(program.token())) {
                try await ada.send(.delete, "/v1/self/certificates/\(program.made.id)")
            }
            try await ends("account disabled", acme, Self.headers(ada)) {
                try await owen.send(.post, "\(users)/a3/disable")
            }
            ada = try await person("a4", ["viewer", "network-admin"])
            try await ends("role lost", acme, Self.headers(ada)) {
                try await owen.send(.put, "\(users)/a4", json: #"{"roles":["viewer"]}"#)
            }
            ada = try await person("a5")
            let other = TestPerson(api, "a5@acme")
            try await other.signIn()
            try await ends("new password", acme, Self.headers(other)) {
                try await ada.send(
                    .put, "/v1/self/password",
                    json: #"{"current":"\#(TestPerson.password)","password":"quite another one 5"}"#)
            }
            try await ends("account deleted", acme, Self.headers(ada)) {
                try await owen.send(.delete, "\(users)/a5")
            }
            ada = try await person("a7")
            try await api.post(
                "/v1/identity-providers",
                #"{"name":"corp","issuer":"https://a.example","client_id":"x","client_secret":"x"}"#)
            let link = try await owen.send(
                .post, "\(users)/a7/identities", json: #"{"provider":"corp","subject":"a7"}"#
            ).read(IdentitySummary.self)
            try await ends("identity no longer linked", acme, Self.headers(ada)) {
                try await owen.send(.delete, "\(users)/a7/identities/\(link.id)")
            }
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            let grant = try await owen.send(
                .post, "/v1/tenants/acme/access", json: #"{"roles":["viewer"],"hours":1,"reason":"x"}"#
            ).read(Access.self)
            try await ends("grant revoked", acme, Self.headers(ops)) {
                try await owen.send(.delete, "/v1/tenants/acme/access/\(grant.id)")
            }
            _ = try await TestPerson.make(api, "ops2", of: nil, ["operator"])
            try await ends("operator's role lost", "/v1/events", Self.headers(ops)) {
                try await api.send(.put, "/v1/users/ops", json: #"{"roles":["auditor"]}"#)
            }
            let program2 = try await CertifiedProgram.make(try await person("a6"))
            try await ends("suspended, by certificate", acme, Self.bearer(program2.token())) {
                try await api.send(.post, "/v1/tenants/acme/suspend", json: #"{"reason":"x"}"#)
            }
            #expect(try await bystanders[0].ends(within: 0) == false)
            #expect(try await bystanders[1].ends(within: 0) == false)
            let preview = try await api.get(TenantDeletionPreview.self, "/v1/tenants/acme/deletion")
            try await ends("tenant deleted", acme, token) {
                try await api.send(.delete, "/v1/tenants/acme?confirm=\(preview.confirmation)")
            }
            #expect(try await bystanders[1].ends(), "the owner's stream outlives the tenant")
            #expect(try await bystanders[0].ends(within: 0) == false)
            #expect(try await bystanders[2].ends(within: 0) == false)
            for following in bystanders { following.cancel() }
        }
    }

    @Test func aLaterTenantOfTheNameIsToldNothingOfTheFormer() async throws {
        let controller = try TestController()
        let hub = EventHub(directory: controller.directory, leaves: controller.leaves, logger: controller.logger)
        let acme = try Name(parsing: "acme")
        let (_, first) = try #require(hub.listen(to: .tenant(acme), limit: nil, after: nil))
        let ready = String(buffer: try #require(await first.next()?.first))
        let place = String(try #require(ready.split(separator: "\n").first).dropFirst(4))
        hub.tell(.tenant(acme), "endpoint.created", ["endpoint": "secret"])
        hub.close(.tenant(acme))
        _ = first.takeDue()
        #expect(await first.next()?.count == 1, "what waits is still told")
        #expect(await first.next() == nil && hub.listenerCount == 0)
        let (_, again) = try #require(hub.listen(to: .tenant(acme), limit: nil, after: place))
        let told = try #require(await again.next()).map { String(buffer: $0) }.joined()
        #expect(!told.contains("secret") && told.contains("event: ready"), "\(told)")
    }
}
