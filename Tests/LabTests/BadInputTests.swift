import Foundation
import Testing

/// What a person or a program sends that is wrong: refused with the place and a remedy, and nothing is changed.
extension LabTests.OverIPv4 {
    struct BadRequest: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        let body: String?
        let status: Int
        /// Where the fault is; nil where the request as a whole is meant.
        let pointer: String?

        init(_ method: String, _ path: String, _ body: String? = nil, _ status: Int, _ pointer: String? = nil) {
            self.method = method
            self.path = path
            self.body = body
            self.status = status
            self.pointer = pointer
        }

        var testDescription: String { "\(method) \(path) \(body?.prefix(60) ?? "")" }
    }

    static let acme = "/v1/tenants/acme"
    static let secret = String(repeating: "A", count: 43)

    static let badRequests: [BadRequest] = [
        // Names
        BadRequest("POST", "/v1/tenants", #"{"name":"Acme!"}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{"name":""}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{"name":"-a"}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{"name":"\#(String(repeating: "a", count: 64))"}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{"name":"acme"}"#, 409, "/name"),
        BadRequest("POST", "/v1/hosts", #"{"name":"h1"}"#, 409, "/name"),
        BadRequest("POST", "/v1/hosts", #"{"name":"../h9"}"#, 400, "/name"),
        BadRequest("GET", "/v1/tenants/%2e%2e", nil, 400, "tenant"),
        BadRequest("GET", "/v1/tenants/nobody", nil, 404),
        BadRequest("GET", "/v1/nothing", nil, 404),
        BadRequest("PATCH", "/v1/tenants", #"{}"#, 405),
        // JSON
        BadRequest("POST", "/v1/tenants", #"{"name":"x""#, 400, ""),
        BadRequest("POST", "/v1/tenants", #"["x"]"#, 400, ""),
        BadRequest("POST", "/v1/tenants", #"{"name":7}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{}"#, 400, "/name"),
        BadRequest("POST", "/v1/tenants", #"{"name":"x","colour":"red"}"#, 400, "/colour"),
        BadRequest("POST", "/v1/tenants", #"{"name":"x","name":"y"}"#, 400),
        BadRequest("POST", "/v1/tenants", #"{"name":"\ud800"}"#, 400),
        // Prefixes, addresses, ids
        BadRequest("POST", "\(acme)/vnets", #"{"name":"n","ipv4_prefix":"10.0.0.0"}"#, 400, "/ipv4_prefix"),
        BadRequest("POST", "\(acme)/vnets", #"{"name":"n","ipv4_prefix":"10.0.0.1/24"}"#, 400, "/ipv4_prefix"),
        BadRequest("POST", "\(acme)/vnets", #"{"name":"n","ipv4_prefix":"10.0.0.0/33"}"#, 400, "/ipv4_prefix"),
        BadRequest("POST", "\(acme)/vnets", #"{"name":"n","ipv4_prefix":"10.0.0.128/25"}"#, 409, "/ipv4_prefix"),
        BadRequest("POST", "\(acme)/vnets", #"{"name":"n","ipv4_prefix":"10.9.0.0/24","id":"12"}"#, 400, "/id"),
        BadRequest("POST", "\(acme)/vnets", #"{"name":"lan","ipv4_prefix":"10.9.0.0/24"}"#, 409, "/name"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""ipv4":"10.0.0.1""#), 409, "/ipv4"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""ipv4":"10.1.0.1""#), 400, "/ipv4"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""ipv4":"10.0.0.255""#), 400, "/ipv4"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""ipv4":"ten""#), 400, "/ipv4"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""attachment":"a/b""#), 400, "/attachment"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""groups":["nobody"]"#), 404, "/groups/0"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""groups":["web","web"]"#), 400, "/groups/1"),
        BadRequest("POST", "\(acme)/endpoints", endpoint(#""groups":"web""#), 400, "/groups"),
        BadRequest(
            "POST", "\(acme)/endpoints", #"{"name":"n","vnet":"lan","host":"h9","kind":"namespace"}"#, 404, "/host"),
        BadRequest(
            "POST", "\(acme)/endpoints", #"{"name":"n","vnet":"wan","host":"h1","kind":"namespace"}"#, 404, "/vnet"),
        BadRequest(
            "POST", "\(acme)/endpoints", #"{"name":"n","vnet":"lan","host":"h1","kind":"bus"}"#, 400, "/kind"),
        BadRequest(
            "POST", "\(acme)/endpoints", #"{"name":"web1","vnet":"lan","host":"h1","kind":"namespace"}"#, 409, "/name"),
        BadRequest("POST", "\(acme)/endpoints/db1/move", #"{"host":"h9"}"#, 404, "/host"),
        BadRequest("POST", "\(acme)/endpoints/nobody/move", #"{"host":"h1"}"#, 404),
        // Policies
        BadRequest("POST", "\(acme)/plug", #"{"from":"web1","to":"nobody"}"#, 404, "/to"),
        BadRequest("POST", "\(acme)/plug", #"{"from":"web1","to":"web1"}"#, 400),
        BadRequest("POST", "\(acme)/plug", #"{"from":"web1","to":"db1","one_way":"yes"}"#, 400, "/one_way"),
        BadRequest(
            "POST", "\(acme)/policy/entries", #"{"action":"open","from":"web1","to":"db1"}"#, 400, "/action"),
        BadRequest(
            "POST", "\(acme)/policy/entries", #"{"action":"plug","from":"group:no","to":"db1"}"#, 404, "/from"),
        BadRequest("DELETE", "\(acme)/policy/entries/999999", nil, 404),
        BadRequest("DELETE", "\(acme)/policy/entries/one", nil, 400, "entry"),
        BadRequest("GET", "\(acme)/explain?from=web1", nil, 400, "to"),
        // In use
        BadRequest("DELETE", "\(acme)", nil, 409),
        BadRequest("DELETE", "\(acme)/vnets/lan", nil, 409),
        BadRequest("DELETE", "\(acme)/groups/web", nil, 409),
        BadRequest("DELETE", "/v1/hosts/h1", nil, 409),
        // Enrolment
        BadRequest("POST", "/v1/enrol", #"{"token_secret":"short","signing_request":"AAAA"}"#, 400, "/token_secret"),
        BadRequest(
            "POST", "/v1/enrol", #"{"token_secret":"\#(secret)","signing_request":"?"}"#, 400, "/signing_request"),
        BadRequest(
            "POST", "/v1/enrol", #"{"token_secret":"\#(secret)","signing_request":"AAAA"}"#, 400, "/signing_request"),
    ]

    private static func endpoint(_ field: String) -> String {
        #"{"name":"new1","vnet":"lan","host":"h1","kind":"namespace",\#(field)}"#
    }

    @Test(.timeLimit(.minutes(1))) func badRequestsAreRefusedAndChangeNothing() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let before = try await lab.everything()
        for bad in Self.badRequests {
            let answer = try await lab.rest(bad.method, bad.path, bad.body)
            let what = Comment(rawValue: "\(bad.testDescription): \(answer)")
            #expect(answer.status == bad.status, what)
            #expect(answer.type.hasPrefix("application/problem+json"), what)
            for key in ["type", "title", "detail", "remedy"] {
                #expect(answer.body[key].string?.isEmpty == false, "\(key): \(bad.testDescription): \(answer)")
            }
            #expect(answer.body["status"].integer == bad.status, what)
            if let pointer = bad.pointer { #expect(answer.body["pointer"].string == pointer, what) }
        }
        let after = try await lab.everything()
        #expect(after == before, "a refused request had an effect")
    }

    @Test(.timeLimit(.minutes(1))) func nobodyIsServedWithoutTheToken() async throws {
        let lab = try TestLab.current()
        for path in ["/v1/tenants", "/v1/tenants/acme/endpoints", "/v1/wires", "/v1/hosts", "/v1/nothing"] {
            let answer = try await lab.rest("GET", path, token: false)
            #expect(answer.status == 401, "\(path): \(answer)")
            #expect(answer.body["remedy"].string?.isEmpty == false, "\(path): \(answer)")
        }
        #expect(try await lab.rest("GET", "/v1/health", token: false).status == 200)
    }

    @Test(.timeLimit(.minutes(1))) func anOversizedBodyIsRefused() async throws {
        let lab = try TestLab.current()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("pbi-body-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = #"{"name":"\#(String(repeating: "a", count: 2 << 20))"}"#
        try Data(text.utf8).write(to: file)
        let large = try await lab.rest("POST", "/v1/tenants", "@\(file.path)")
        #expect(large.status == 413, "\(large)")
        // The limit comes before the question who asks.
        let anonymous = try await lab.rest("POST", "/v1/enrol", "@\(file.path)", token: false)
        #expect(anonymous.status == 413, "\(anonymous)")
        #expect(try await lab.rest("GET", "/v1/health").status == 200)
    }

    @Test(.timeLimit(.minutes(1))) func aJoinTokenIsGoodForOneLeafOnly() async throws {
        let lab = try TestLab.current()
        let invitation = try await lab.json("host", "create", "h9")
        let token = try #require(invitation["token"].string)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("pbi-join-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let leaf = "\(lab.programs)/patchbay-leaf"
        for wrong in ["pb1.????", "nonsense", String(token.dropLast(4)), ""] {
            let refused = try await Command([leaf, "join", "--token", wrong, "--state", directory.path + "/wrong"])
                .run()
            #expect(!refused.succeeded && !refused.errors.isEmpty, "\(refused)")
        }
        try await Command([leaf, "join", "--token", token, "--state", directory.path + "/first"]).succeed()
        let second = try await Command([leaf, "join", "--token", token, "--state", directory.path + "/second"]).run()
        #expect(!second.succeeded && second.errors.contains("used"), "\(second)")
        try await lab.succeed("host", "delete", "h9")
    }
}

extension TestLab {
    /// The whole directory as text, to be compared.
    func everything() async throws -> [String] {
        var texts: [String] = []
        for path in ["/v1/tenants", "/v1/hosts"] { texts.append(try await rest("GET", path).text) }
        for tenant in ["acme", "globex"] {
            for part in ["vnets", "groups", "endpoints", "policy"] {
                texts.append(try await rest("GET", "/v1/tenants/\(tenant)/\(part)").text)
            }
        }
        return texts
    }
}
