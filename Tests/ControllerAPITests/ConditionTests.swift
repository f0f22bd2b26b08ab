import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// Parts of lists, entity tags and idempotency keys.
@Suite struct ConditionTests {
    private static func headers(_ api: API, _ extra: [String: String]) throws -> HTTPFields {
        var fields: HTTPFields = [.authorization: "Bearer \(api.token)"]
        for (name, value) in extra { fields[try #require(HTTPFields.Element.Name(name))] = value }
        return fields
    }

    private static func header(_ answer: API.Answer, _ name: String) -> String? {
        HTTPFields.Element.Name(name).flatMap { answer.headers[$0] }
    }

    // MARK: Parts of lists

    @Test func partsMakeUpTheWhole() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let path = "/v1/tenants/acme/endpoints"
            for number in 10..<35 {
                try await api.post(
                    path,
                    #"{"name":"e\#(number)","vnet":"lan","host":"h1","kind":"namespace","labels":["n=\#(number % 2)"]}"#
                )
            }
            let all = try await api.get(ItemList<APITypes.Endpoint>.self, path)
            #expect(all.items.count == 28 && all.next == nil)
            for limit in [1, 7, 27, 28, 29, 1_000] {
                var names: [String] = []
                var cursor: String?
                var parts = 0
                repeat {
                    let next = cursor.map { "&cursor=\($0)" } ?? ""
                    let part = try await api.get(
                        ItemList<APITypes.Endpoint>.self, "\(path)?limit=\(limit)\(next)")
                    #expect(part.items.count <= limit)
                    names += part.items.map(\.name)
                    cursor = part.next
                    parts += 1
                } while cursor != nil && parts < 100
                #expect(names == all.items.map(\.name), "limit \(limit)")
                #expect(parts == (28 + limit - 1) / limit, "limit \(limit)")
            }
            // What comes or goes in between moves nothing.
            let first = try await api.get(ItemList<APITypes.Endpoint>.self, "\(path)?limit=3")
            #expect(try await api.send(.delete, "\(path)/db1").status == 204)
            let second = try await api.get(
                ItemList<APITypes.Endpoint>.self, "\(path)?limit=3&cursor=\(try #require(first.next))")
            #expect(second.items.map(\.name) == Array(all.items.map(\.name)[3..<6]))
        }
    }

    @Test func listsAreFiltered() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let path = "/v1/tenants/acme/endpoints"
            try await api.post(
                path, #"{"name":"x1","vnet":"lan","host":"h2","kind":"namespace","labels":["env=prod"]}"#)
            func names(_ query: String) async throws -> [String] {
                try await api.get(ItemList<APITypes.Endpoint>.self, "\(path)?\(query)").items.map(\.name)
            }
            #expect(try await names("group=web") == ["web1", "web2"])
            #expect(try await names("host=h2") == ["db1", "x1"])
            #expect(try await names("label=env%3Dprod") == ["x1"])
            #expect(try await names("search=WEB&limit=1") == ["web1"])
            #expect(try await names("vnet=lan&state=waiting&host=h1") == ["web1", "web2"])
            #expect(try await names("state=running") == [])
            #expect(try await names("ungrouped=true") == ["db1", "x1"])
            #expect(try await names("ungrouped=true&group=web") == [])
            #expect(try await names("group=web&search=2&host=h1") == ["web2"])
            for (query, pointer) in [
                ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"),
                ("cursor=x", "cursor"), ("cursor=%2e%2e", "cursor"), ("cursor=MWRiMQ%3D%3D", "cursor"),
                ("cursor=Mi4u", "cursor"), ("cursor=\(Paging.cursor("../x"))", "cursor"), ("state=gone", "state"),
                ("group=A!", "group"), ("search=", "search"), ("label=", "label"), ("offset=1", "offset"),
                ("ungrouped=maybe", "ungrouped"),
            ] {
                let answer = try await api.send(.get, "\(path)?\(query)")
                #expect(answer.status == 400 && answer.problem?.pointer == pointer, "\(query): \(answer)")
            }
            // Every list has parts.
            for list in [
                "/v1/tenants", "/v1/hosts", "/v1/tenants/acme/vnets", "/v1/tenants/acme/groups",
                "/v1/tenants/acme/policy/entries", "/v1/tenants/acme/policy/revisions", "/v1/guardrails/revisions",
            ] {
                #expect(try await api.send(.get, "\(list)?limit=1&search=a").status == 200, "\(list)")
                #expect(try await api.send(.get, "\(list)?cursor=!").status == 400, "\(list)")
            }
            for from in ["web1", "web2"] {
                try await api.post("/v1/tenants/acme/plug", #"{"from":"\#(from)","to":"db1"}"#, status: 200)
            }
            let revisions = try await api.get(
                ItemList<RevisionSummary>.self, "/v1/tenants/acme/policy/revisions?limit=2")
            #expect(revisions.items.map(\.revision) == [3, 2])
            let last = try await api.get(
                ItemList<RevisionSummary>.self,
                "/v1/tenants/acme/policy/revisions?limit=2&cursor=\(try #require(revisions.next))")
            #expect(last.items.map(\.revision) == [1] && last.next == nil)
        }
    }

    // MARK: Entity tags

    @Test func aStaleChangeIsRefused() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let path = "/v1/tenants/acme/endpoints/web1"
            let tag = try #require(Self.header(try await api.send(.get, path), "etag"))
            #expect(tag.hasPrefix("\"") && tag.count == 34)
            let known = try await api.send(.get, path, headers: Self.headers(api, ["if-none-match": "W/\(tag)"]))
            #expect(known.status == 304 && known.body.isEmpty && (Self.header(known, "etag")) == tag)

            func level(_ level: Int, _ match: String) async throws -> API.Answer {
                try await api.send(
                    .post, "\(path)/level", json: #"{"level":\#(level)}"#,
                    headers: Self.headers(api, ["if-match": match]))
            }
            #expect(try await level(1, tag).status == 200)
            let stale = try await level(2, tag)
            #expect(stale.status == 412 && stale.problem?.code == "stale" && stale.problem?.remedy != nil)
            #expect(try await level(2, "W/\(tag)").status == 412, "a weak tag never matches")
            #expect(try await api.get(APITypes.Endpoint.self, path).level == 1)
            let now = try #require(Self.header(try await api.send(.get, path), "etag"))
            #expect(now != tag)
            #expect(try await level(2, "\(tag), \(now)").status == 200)
            #expect(try await level(3, "*").status == 200)
            let gone = try await api.send(.delete, path, headers: Self.headers(api, ["if-match": now]))
            #expect(gone.status == 412)
            let last = try #require(Self.header(try await api.send(.get, path), "etag"))
            #expect(try await api.send(.delete, path, headers: Self.headers(api, ["if-match": last])).status == 204)
            #expect(try await api.send(.delete, path, headers: Self.headers(api, ["if-match": last])).status == 412)

            let quota = "/v1/tenants/acme/quota"
            let before = try #require(Self.header(try await api.send(.get, quota), "etag"))
            let set = try await api.send(
                .put, quota, json: #"{"users":1}"#, headers: Self.headers(api, ["if-match": before]))
            #expect(set.status == 200)
            let again = try await api.send(
                .put, quota, json: #"{"users":2}"#, headers: Self.headers(api, ["if-match": before]))
            #expect(again.status == 412)
            for bad in ["x", "\"", "", "\"a\",b", Array(repeating: "\"a\"", count: 17).joined(separator: ",")] {
                let answer = try await api.send(.delete, path, headers: Self.headers(api, ["if-match": bad]))
                #expect(answer.status == 400 && answer.problem?.pointer == "if-match", "\(bad): \(answer)")
            }
            let none = try await api.send(
                .post, "/v1/tenants", json: #"{"name":"x"}"#, headers: Self.headers(api, ["if-match": now]))
            #expect(none.status == 400, "a list is not one thing")
        }
    }

    @Test func ofManyWhoChangeTheSameOneWins() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let path = "/v1/tenants/acme/endpoints/web1"
            let tag = try #require(Self.header(try await api.send(.get, path), "etag"))
            let won = try await withThrowingTaskGroup(of: Int.self) { group in
                for level in 1...16 {
                    group.addTask {
                        try await api.send(
                            .post, "\(path)/level", json: #"{"level":\#(level)}"#,
                            headers: Self.headers(api, ["if-match": tag])
                        ).status
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(won == [200: 1, 412: 15])
        }
    }

    // MARK: Idempotency keys

    @Test func theSameKeyGivesTheSameAnswer() async throws {
        let controller = try TestController()
        try await controller.test { api in
            func host(_ name: String, _ key: String) async throws -> API.Answer {
                try await api.send(
                    .post, "/v1/hosts", json: #"{"name":"\#(name)"}"#,
                    headers: Self.headers(api, ["idempotency-key": key]))
            }
            let first = try await host("h1", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")
            #expect(first.status == 201 && (Self.header(first, "idempotency-replayed")) == nil)
            let again = try await host("h1", "8e03978e-40d5-43dd-bc93-6894a57f9324")
            #expect(again.status == 201 && again.body == first.body, "the token is shown once, and again by the key")
            #expect(Self.header(again, "idempotency-replayed") == "true")
            let other = try await host("h2", "8e03978e-40d5-43dd-bc93-6894a57f9324")
            #expect(other.status == 422 && other.problem?.code == "idempotency-key-reused")
            #expect(try await api.get(ItemList<APITypes.Host>.self, "/v1/hosts").items.map(\.name) == ["h1"])
            // Without the key it is there already; a refused request may be asked again by its key.
            #expect(try await host("h1", "another").status == 409)
            #expect(try await api.send(.delete, "/v1/hosts/h1").status == 204)
            #expect(try await host("h1", "another").status == 201)
            for bad in ["", "\"\"", "a b", "ü", String(repeating: "x", count: 256), "a\"b"] {
                let answer = try await host("h3", bad)
                #expect(answer.status == 400 && answer.problem?.pointer == "idempotency-key", "\(bad): \(answer)")
            }
            // A day later it is a key like any other.
            controller.pass(seconds: KeptAnswer.lifetime + 1)
            #expect(try await host("h2", "8e03978e-40d5-43dd-bc93-6894a57f9324").status == 201)
        }
    }

    @Test func ofManyAtOnceOneIsDone() async throws {
        try await TestController().test { api in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        try await api.send(
                            .post, "/v1/tenants", json: #"{"name":"acme"}"#,
                            headers: Self.headers(api, ["idempotency-key": "once"])
                        ).status
                    }
                }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            // Done once; who asked meanwhile was told so, who asked later got the answer.
            #expect(statuses.contains(201) && statuses.isSubset(of: [201, 409]))
            #expect(try await api.get(ItemList<APITypes.Tenant>.self, "/v1/tenants").items.count == 1)
        }
    }
}
