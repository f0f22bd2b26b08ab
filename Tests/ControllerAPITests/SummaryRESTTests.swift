import APITypes
import Testing

@testable import ControllerAPI

/// How many endpoints there are, by what they belong to.
@Suite struct SummaryRESTTests {
    private static let path = "/v1/tenants/acme/summary"

    @Test("each endpoint counts once, with the first of its groups; members count in each")
    func counts() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            for group in ["alpha", "zulu"] { try await api.post("/v1/tenants/acme/groups", #"{"name":"\#(group)"}"#) }
            try await api.post(
                "/v1/tenants/acme/endpoints",
                #"{"name":"x1","vnet":"lan","host":"h2","kind":"namespace","groups":["web","alpha"]}"#)
            let groups = try await api.get(EndpointSummary.self, Self.path)
            #expect(groups.by == "group" && groups.endpoints == 4)
            #expect(groups.items.map(\.name) == [nil, "alpha", "web", "zulu"])
            #expect(groups.items.map(\.endpoints) == [1, 1, 2, 0])
            #expect(groups.items.map(\.members) == [nil, 1, 3, 0])
            #expect(groups.items.map(\.waiting) == [1, 1, 2, 0] && groups.items.allSatisfy { $0.running == 0 })
            let hosts = try await api.get(EndpointSummary.self, Self.path + "?by=host")
            #expect(hosts.items.map(\.name) == ["h1", "h2"] && hosts.items.map(\.endpoints) == [2, 2])
            let vnets = try await api.get(EndpointSummary.self, Self.path + "?by=vnet")
            #expect(vnets.items.map(\.name) == ["lan"] && vnets.items.map(\.endpoints) == [4])
            for by in ["level", "", "group%00"] {
                let answer = try await api.send(.get, Self.path + "?by=\(by)")
                #expect(answer.status == 400 && answer.problem?.pointer == "by", "\(by)")
            }
            #expect(try await api.send(.get, "/v1/tenants/nobody/summary").status == 404)
        }
    }

    @Test("whoever is limited to groups counts theirs; the provider counts nothing without a grant")
    func rights() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await api.post("/v1/tenants/acme/groups", #"{"name":"db"}"#)
            #expect(try await api.send(.put, "/v1/tenants/acme/groups/db/members/db1").status == 204)
            let sub = try await TestPerson.make(api, "sub", of: "acme", ["viewer"], groups: ["web"])
            let seen = try await sub.get(EndpointSummary.self, Self.path)
            #expect(seen.endpoints == 2 && seen.items.map(\.name) == ["web"])
            #expect(try await sub.get(EndpointSummary.self, Self.path + "?by=host").items.map(\.name) == ["h1"])
            let other = "/v1/tenants/acme/endpoints?group=db"
            #expect(try await sub.get(ItemList<APITypes.Endpoint>.self, other).items.isEmpty)
            let operations = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            #expect(try await operations.send(.get, Self.path).status == 403)
        }
    }

    @Test("what is hidden in a text is written out where a refusal tells it again")
    func hiddenLetters() async throws {
        try await TestController().test { api in
            let answer = try await api.send(.post, "/v1/hosts", json: #"{"name":"a\u202eb\u200bc"}"#)
            let detail = try #require(answer.problem?.detail)
            #expect(answer.problem?.pointer == "/name")
            #expect(detail.contains(#"'a\u{202e}b\u{200b}c'"#), "\(detail)")
        }
    }
}
