import APITypes
import Foundation
import Hummingbird
import Testing

@testable import ControllerAPI

/// Whatever is wrong is refused with a status, a code, the place and a remedy, and changes nothing.
@Suite struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: HTTPRequest.Method
        let path: String
        let json: String?
        let status: Int
        let code: String
        let pointer: String?

        init(
            _ method: HTTPRequest.Method, _ path: String, _ status: Int, _ code: String, at pointer: String? = nil
        ) {
            self.init(method, path, nil, status, code, at: pointer)
        }

        init(
            _ method: HTTPRequest.Method, _ path: String, _ json: String?, _ status: Int, _ code: String,
            at pointer: String? = nil
        ) {
            self.method = method
            self.path = path
            self.json = json
            self.status = status
            self.code = code
            self.pointer = pointer
        }

        var testDescription: String { "\(method) \(path) \(json ?? "") → \(status) \(code)" }
    }

    static let t = "/v1/tenants/acme"

    static let cases: [Case] = [
        // Malformed JSON and shapes.
        Case(.post, "/v1/tenants", "{", 400, "malformed-json", at: ""),
        Case(.post, "/v1/tenants", #"{"name":"x","name":"y"}"#, 400, "malformed-json", at: ""),
        Case(.post, "/v1/tenants", "", 400, "malformed-json", at: ""),
        Case(.post, "/v1/tenants", "[]", 400, "invalid", at: ""),
        Case(.post, "/v1/tenants", "{}", 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":7}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":null}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"x","admin":true}"#, 400, "unknown-field", at: "/admin"),
        Case(.post, "/v1/tenants", #"{"name":"x","a/b~":1}"#, 400, "unknown-field", at: "/a~1b~0"),
        // Names.
        Case(.post, "/v1/tenants", #"{"name":""}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"Acme"}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"-a"}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"a b"}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"ä"}"#, 400, "invalid", at: "/name"),
        Case(.post, "/v1/tenants", #"{"name":"../x"}"#, 400, "invalid", at: "/name"),
        Case(
            .post, "/v1/tenants", #"{"name":"\#(String(repeating: "a", count: 64))"}"#, 400, "invalid", at: "/name"),
        Case(.get, "/v1/tenants/ACME", 400, "invalid", at: "tenant"),
        Case(.get, "/v1/tenants/%2e%2e", 400, "invalid", at: "tenant"),
        Case(.delete, "\(t)/groups/web/members/A", 400, "invalid", at: "endpoint"),
        // Prefixes, addresses, ids.
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"10.1.0.1/24"}"#, 400, "invalid", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"10.1.0.0"}"#, 400, "invalid", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"10.1.0.0/33"}"#, 400, "invalid", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"fd00::/64"}"#, 400, "invalid", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"b"}"#, 400, "invalid", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"10.1.0.0/24","id":"12"}"#, 400, "invalid", at: "/id"),
        Case(.post, "\(t)/vnets", #"{"name":"b","ipv4_prefix":"10.0.0.128/25"}"#, 409, "conflict", at: "/ipv4_prefix"),
        Case(.post, "\(t)/vnets", #"{"name":"lan","ipv4_prefix":"10.1.0.0/24"}"#, 409, "conflict", at: "/name"),
        Case(.post, "\(t)/endpoints", endpoint(ipv4: "10.0.0.999"), 400, "invalid", at: "/ipv4"),
        Case(.post, "\(t)/endpoints", endpoint(ipv4: "10.9.0.1"), 400, "invalid", at: "/ipv4"),
        Case(.post, "\(t)/endpoints", endpoint(ipv4: "10.0.0.255"), 400, "invalid", at: "/ipv4"),
        Case(.post, "\(t)/endpoints", endpoint(ipv4: "10.0.0.1"), 409, "conflict", at: "/ipv4"),
        Case(.post, "\(t)/endpoints", endpoint(kind: "vm"), 400, "invalid", at: "/kind"),
        Case(.post, "\(t)/endpoints", endpoint(groups: #"["web",3]"#), 400, "invalid", at: "/groups/1"),
        Case(.post, "\(t)/endpoints", endpoint(groups: #"["web","Web"]"#), 400, "invalid", at: "/groups/1"),
        Case(.post, "\(t)/endpoints", endpoint(groups: #""web""#), 400, "invalid", at: "/groups"),
        Case(.post, "\(t)/endpoints", endpoint(groups: #"["none"]"#), 404, "not-found", at: "/groups/0"),
        Case(.post, "\(t)/endpoints", endpoint(name: "web1"), 409, "conflict", at: "/name"),
        Case(.post, "\(t)/endpoints", endpoint(host: "h9"), 404, "not-found", at: "/host"),
        Case(.post, "\(t)/endpoints", endpoint(vnet: "none"), 404, "not-found", at: "/vnet"),
        // Duplicates, and what does not exist.
        Case(.post, "/v1/tenants", #"{"name":"acme"}"#, 409, "conflict", at: "/name"),
        Case(.post, "\(t)/groups", #"{"name":"web"}"#, 409, "conflict", at: "/name"),
        Case(.post, "/v1/hosts", #"{"name":"h1"}"#, 409, "conflict", at: "/name"),
        Case(.get, "/v1/tenants/none", 404, "not-found"),
        Case(.get, "/v1/tenants/none/endpoints", 404, "not-found"),
        Case(.get, "\(t)/endpoints/none", 404, "not-found"),
        Case(.get, "/v1/hosts/none", 404, "not-found"),
        Case(.post, "/v1/hosts/none/token", 404, "not-found"),
        Case(.post, "\(t)/endpoints/web1/move", #"{"host":"none"}"#, 404, "not-found", at: "/host"),
        Case(.put, "\(t)/groups/web/members/none", 404, "not-found"),
        Case(.get, "\(t)/endpoints/web1/certificate", 409, "not-running"),
        // In use.
        Case(.delete, "/v1/tenants/acme", 409, "in-use"),
        Case(.delete, "\(t)/vnets/lan", 409, "in-use"),
        Case(.delete, "\(t)/groups/web", 409, "in-use"),
        Case(.delete, "/v1/hosts/h1", 409, "in-use"),
        // Policies.
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"none"}"#, 404, "not-found", at: "/to"),
        Case(.post, "\(t)/plug", #"{"from":"Web","to":"db1"}"#, 400, "invalid", at: "/from"),
        Case(.post, "\(t)/plug", #"{"from":"globex/web1","to":"db1"}"#, 400, "invalid", at: "/from"),
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"db1","one_way":"yes"}"#, 400, "invalid", at: "/one_way"),
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"db1","security":"aes"}"#, 400, "invalid", at: "/security"),
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"db1","security":"CONF"}"#, 400, "invalid", at: "/security"),
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"db1","security":""}"#, 400, "invalid", at: "/security"),
        Case(.post, "\(t)/plug", #"{"from":"web1","to":"db1","security":2}"#, 400, "invalid", at: "/security"),
        Case(
            .post, "\(t)/unplug", #"{"from":"web1","to":"db1","security":"conf"}"#, 400, "unknown-field",
            at: "/security"),
        Case(
            .post, "\(t)/policy/entries", #"{"action":"unplug","from":"web1","to":"db1","security":"conf"}"#, 400,
            "invalid", at: "/security"),
        Case(
            .post, "\(t)/policy/entries", #"{"action":"plug","from":"web1","to":"db1","security":"secret"}"#, 400,
            "invalid", at: "/security"),
        Case(.post, "\(t)/unplug", #"{"from":"web1","to":"db1","one_way":true}"#, 400, "unknown-field", at: "/one_way"),
        Case(
            .post, "\(t)/policy/entries", #"{"action":"allow","from":"web1","to":"db1"}"#, 400, "invalid",
            at: "/action"),
        Case(
            .post, "\(t)/policy/entries", #"{"action":"plug","from":"group:none","to":"db1"}"#, 404, "not-found",
            at: "/from"),
        Case(.delete, "\(t)/policy/entries/x", 400, "invalid", at: "entry"),
        Case(.delete, "\(t)/policy/entries/-1", 400, "invalid", at: "entry"),
        Case(.delete, "\(t)/policy/entries/99", 404, "not-found"),
        // Queries.
        Case(.get, "\(t)/explain?from=web1", 400, "invalid", at: "to"),
        Case(.get, "\(t)/explain?from=web1&to=A", 400, "invalid", at: "to"),
        Case(.get, "\(t)/explain?from=web1&to=none", 404, "not-found", at: "/to"),
        Case(.get, "\(t)/explain?from=web1&from=web2&to=db1", 400, "invalid", at: "from"),
        Case(.get, "/v1/wires?tenants=acme", 400, "unknown-field", at: "tenants"),
        Case(.get, "/v1/wires?tenant=none", 404, "not-found"),
        // Enrolment.
        Case(.post, "/v1/enrol", #"{"token_secret":"*","signing_request":""}"#, 400, "invalid", at: "/token_secret"),
        Case(.post, "/v1/enrol", #"{"token_secret":"YWI","signing_request":""}"#, 400, "invalid", at: "/token_secret"),
        Case(
            .post, "/v1/enrol", #"{"token_secret":"\#(secret)","signing_request":"*"}"#, 400, "invalid",
            at: "/signing_request"),
        Case(
            .post, "/v1/enrol", #"{"token_secret":"\#(secret)","signing_request":"AAAA"}"#, 400, "invalid",
            at: "/signing_request"),
        // Routes and methods.
        Case(.get, "/v0", 404, "no-route"),
        Case(.get, "/v1", 404, "no-route"),
        Case(.get, "/v2/tenants", 404, "no-route"),
        Case(.get, "/v1/tenants/acme/secrets", 404, "no-route"),
        Case(.patch, "/v1/tenants", #"{}"#, 405, "method"),
        Case(.get, "\(t)/plug", 405, "method"),
        Case(.post, "/v1/health", 405, "method"),
        Case(.delete, "\(t)/endpoints/web1", "{}", 400, "unexpected-body"),
        Case(.get, "/v1/tenants/" + String(repeating: "a", count: 3_000), 414, "path-too-long"),
    ]

    static let secret = String(repeating: "A", count: 43)

    static func endpoint(
        name: String = "new", vnet: String = "lan", ipv4: String? = nil, groups: String = "[]", host: String = "h1",
        kind: String = "namespace"
    ) -> String {
        let address = ipv4.map { #","ipv4":"\#($0)""# } ?? ""
        return
            #"{"name":"\#(name)","vnet":"\#(vnet)","host":"\#(host)","kind":"\#(kind)","groups":\#(groups)\#(address)}"#
    }

    @Test func isRefusedWithPlaceAndRemedy() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await api.post("\(Self.t)/plug", #"{"from":"web1","to":"db1"}"#, status: 200)
            let before = try await Self.everything(api)
            for one in Self.cases {
                let answer = try await api.send(one.method, one.path, json: one.json)
                let problem = answer.problem
                let text = "\(one.testDescription) got \(answer.status) \(String(decoding: answer.body, as: UTF8.self))"
                #expect(answer.status == one.status && problem?.status == one.status, "\(text)")
                #expect(problem?.code == one.code, "\(text)")
                #expect(problem?.pointer == one.pointer, "\(text)")
                #expect(problem?.remedy?.isEmpty == false && problem?.detail?.isEmpty == false, "\(text)")
                #expect(answer.headers[.contentType] == "application/problem+json", "\(text)")
                if one.status == 405 { #expect(answer.headers[.allow]?.isEmpty == false, "\(text)") }
                #expect(try await Self.everything(api) == before, "changed by \(one.testDescription)")
            }
        }
    }

    static func everything(_ api: API) async throws -> [Data] {
        var all: [Data] = []
        for path in ["/v1/tenants", "\(t)/vnets", "\(t)/groups", "\(t)/endpoints", "\(t)/policy", "/v1/hosts"] {
            all.append(try await api.send(.get, path).body)
        }
        return all
    }

    @Test func limitsComeBeforeAuthentication() async throws {
        try await TestController().test { api in
            let huge = try await api.send(
                .post, "/v1/tenants", headers: [.contentLength: "1048577", .contentType: "application/json"])
            #expect(huge.status == 413 && huge.problem?.code == "too-large" && huge.problem?.remedy != nil)
            // What was announced to be short and is not.
            let long = #"{"name":"\#(String(repeating: "a", count: 1 << 20))"}"#
            let lied = try await api.send(
                .post, "/v1/tenants", json: long,
                headers: [.authorization: "Bearer \(api.token)", .contentLength: "2", .contentType: "application/json"])
            #expect(lied.status == 413 && lied.headers[.connection] == "close")
            let enrolment = #"{"token_secret":"\#(String(repeating: "A", count: 20_000))","signing_request":""}"#
            #expect(try await api.send(.post, "/v1/enrol", json: enrolment, headers: [:]).status == 413)
            let form = try await api.send(
                .post, "/v1/tenants", json: #"{"name":"x"}"#,
                headers: [.authorization: "Bearer \(api.token)", .contentType: "application/x-www-form-urlencoded"])
            #expect(form.status == 415 && form.problem?.code == "media-type")
        }
    }

    @Test func isClosedWithoutTheToken() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let wrong: [HTTPFields] = [
                [:], [.authorization: ""], [.authorization: "Bearer"], [.authorization: "Bearer "],
                [.authorization: "Bearer \(api.token)x"], [.authorization: "Bearer \(api.token.dropLast())"],
                [.authorization: "Basic \(api.token)"], [.authorization: api.token],
                [.authorization: "Bearer " + String(repeating: "a", count: 100_000)],
                [.cookie: "token=\(api.token)"],
            ]
            let routes: [(HTTPRequest.Method, String)] = [
                (.get, "/v1/tenants"), (.delete, "/v1/tenants/acme"), (.get, "/v1/hosts"), (.get, "/v1/wires"),
                (.get, "/v1/nothing"), (.put, "/v1"), (.get, "/v1/tenants/acme/endpoints/web1"),
                (.get, "//v1//tenants"),
            ]
            for headers in wrong {
                for (method, path) in routes {
                    let answer = try await api.send(method, path, headers: headers)
                    #expect(answer.status == 401 && answer.problem?.code == "unauthenticated", "\(method) \(path)")
                    #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
                    #expect(!String(decoding: answer.body, as: UTF8.self).contains(api.token))
                }
            }
            #expect(try await api.send(.get, "/v1/health", headers: [:]).status == 200)
            #expect(try await api.send(.get, "/v1/tenants").status == 200)
            #expect(
                try await api.send(.get, "/v1/tenants", headers: [.authorization: "bearer \(api.token)"]).status == 200)
        }
    }
}
