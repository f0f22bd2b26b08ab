import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

/// Every route's good path, in the order in which a newcomer would use them.
@Suite struct RESTTests {
    @Test func tenantsVNetsGroups() async throws {
        try await TestController().test { api in
            #expect(try await api.get(Health.self, "/v1/health") == Health(status: "ok", version: "test"))
            for name in ["globex", "acme"] { try await api.post("/v1/tenants", #"{"name":"\#(name)"}"#) }
            let tenants = try await api.get(ItemList<APITypes.Tenant>.self, "/v1/tenants")
            #expect(tenants.items.map(\.name) == ["acme", "globex"])
            #expect(try await api.get(APITypes.Tenant.self, "/v1/tenants/acme").endpoints == 0)

            let made = try await api.post(
                "/v1/tenants/acme/vnets",
                #"{"name":"lan","ipv4_prefix":"10.0.0.0/24","id":"000102030405060708090a0b0c0d0e0f"}"#
            ).read(APITypes.VNet.self)
            #expect(made.id == "000102030405060708090a0b0c0d0e0f" && made.ipv4Prefix == "10.0.0.0/24")
            try await api.post("/v1/tenants/globex/vnets", #"{"name":"lan","ipv4_prefix":"10.0.0.0/24"}"#)
            #expect(try await api.get(ItemList<APITypes.VNet>.self, "/v1/tenants/acme/vnets").items == [made])
            #expect(try await api.get(APITypes.VNet.self, "/v1/tenants/acme/vnets/lan") == made)

            try await api.post("/v1/tenants/acme/groups", #"{"name":"web"}"#)
            let group = try await api.get(APITypes.Group.self, "/v1/tenants/acme/groups/web")
            #expect(group == APITypes.Group(tenant: "acme", name: "web", memberCount: 0, members: []))
            #expect(try await api.get(ItemList<APITypes.Group>.self, "/v1/tenants/acme/groups").items == [group])

            for path in ["/v1/tenants/acme/groups/web", "/v1/tenants/acme/vnets/lan", "/v1/tenants/acme"] {
                #expect(try await api.send(.delete, path).status == 204, "\(path)")
                #expect(try await api.send(.get, path).status == 404, "\(path)")
            }
        }
    }

    @Test func endpointsAndHosts() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let web1 = try await api.get(APITypes.Endpoint.self, "/v1/tenants/acme/endpoints/web1")
            #expect(web1.groups == ["web"] && web1.host == "h1" && web1.state == .waiting && web1.epoch == 0)
            #expect(web1.ipv4 == "10.0.0.1" && web1.kind == .namespace && web1.locator == nil)
            #expect(try Identity(parsing: web1.identity).platform.length == 48)
            let all = try await api.get(ItemList<APITypes.Endpoint>.self, "/v1/tenants/acme/endpoints").items
            #expect(all.map(\.name) == ["db1", "web1", "web2"])
            #expect(try await api.get(APITypes.Tenant.self, "/v1/tenants/acme").endpoints == 3)

            let member = "/v1/tenants/acme/groups/web/members/db1"
            #expect(try await api.send(.put, member).status == 204)
            let group = try await api.get(APITypes.Group.self, "/v1/tenants/acme/groups/web")
            #expect(group.members == ["db1", "web1", "web2"])
            #expect(try await api.send(.delete, member).status == 204)

            // Neither host is enrolled, so nobody has to let go.
            let moved = try await api.post(
                "/v1/tenants/acme/endpoints/web1/move", #"{"host":"h2"}"#, status: 202
            ).read(APITypes.Endpoint.self)
            #expect(moved.host == "h2" && moved.state == .waiting && moved.identity == web1.identity)

            let hosts = try await api.get(ItemList<APITypes.Host>.self, "/v1/hosts").items
            #expect(hosts.map(\.name) == ["h1", "h2"] && hosts.map(\.endpoints) == [1, 2])
            #expect(hosts.allSatisfy { !$0.enrolled && !$0.connected && $0.locators.isEmpty })
            #expect(try await api.get(APITypes.Host.self, "/v1/hosts/h1") == hosts[0])

            #expect(try await api.send(.delete, "/v1/tenants/acme/endpoints/web2").status == 204)
            #expect(try await api.send(.delete, "/v1/hosts/h1").status == 204)
            #expect(try await api.get(ItemList<APITypes.Host>.self, "/v1/hosts").items.map(\.name) == ["h2"])
        }
    }

    @Test func policies() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            func explain(_ from: String, _ to: String) async throws -> APITypes.Explanation {
                try await api.get(APITypes.Explanation.self, "\(t)/explain?from=\(from)&to=\(to)")
            }
            let before = try await explain("web1", "db1")
            #expect(before.verdict == .unplug && before.reverseVerdict == .unplug && before.entry == nil)
            #expect(before.reasonCode == "policy" && !before.reason.isEmpty)

            let plugged = try await api.post(
                "\(t)/plug", #"{"from":"web1","to":"db1","one_way":true}"#, status: 200
            ).read(PairVerdict.self)
            #expect(plugged.verdict == .plug && plugged.reverseVerdict == .unplug)
            let after = try await explain("web1", "db1")
            #expect(after.verdict == .plug && after.reverseVerdict == .unplug)
            #expect(after.entry?.from == "web1" && after.entry?.oneWay == true)
            #expect(after.reasonCode == "source-not-running" && after.from.host == "h1" && after.to.host == "h2")
            #expect(after.leaves.map(\.host) == ["h1", "h2"] && after.leaves.allSatisfy { !$0.connected })
            #expect(try await explain("db1", "web1").verdict == .unplug)

            let entry = try await api.post(
                "\(t)/policy/entries", #"{"action":"plug","from":"group:web","to":"db1"}"#
            ).read(APITypes.PolicyEntry.self)
            let policy = try await api.get(TenantPolicy.self, "\(t)/policy")
            #expect(policy.entries.contains(entry) && policy.entries.count == 2)
            let entries = try await api.get(ItemList<APITypes.PolicyEntry>.self, "\(t)/policy/entries").items
            #expect(entries == policy.entries)
            #expect(try await explain("web2", "db1").verdict == .plug)

            let unplugged = try await api.post(
                "\(t)/unplug", #"{"from":"web2","to":"db1"}"#, status: 200
            ).read(PairVerdict.self)
            #expect(unplugged.verdict == .unplug && unplugged.reverseVerdict == .unplug)
            #expect(unplugged.revision > policy.revision)
            #expect(try await api.send(.delete, "\(t)/policy/entries/\(entry.id)").status == 204)
            #expect(try await api.send(.delete, "\(t)/policy/entries/\(entry.id)").status == 404)
            #expect(try await api.get(WireList.self, "/v1/wires").items.isEmpty)
            #expect(try await api.get(WireList.self, "/v1/wires?tenant=acme").items.isEmpty)
        }
    }

    @Test func levelsOfSecurity() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            func plug(_ body: String) async throws -> PairVerdict {
                try await api.post("\(t)/plug", body, status: 200).read(PairVerdict.self)
            }
            func explain(_ from: String, _ to: String) async throws -> APITypes.Explanation {
                try await api.get(APITypes.Explanation.self, "\(t)/explain?from=\(from)&to=\(to)")
            }
            let conf = try await plug(#"{"from":"web1","to":"db1","security":"conf"}"#)
            #expect(conf.security == .conf && conf.reverseSecurity == .conf)
            let explained = try await explain("db1", "web1")
            #expect(explained.security == .conf && explained.reverseSecurity == .conf)
            #expect(explained.entry?.security == .conf && explained.reason.contains("(conf)"))
            // Another level changes the entry; none is asked for by saying nothing, or none.
            let auth = try await plug(#"{"from":"db1","to":"web1","security":"auth"}"#)
            #expect(auth.security == .auth && auth.revision == conf.revision + 1)
            #expect(try await explain("web1", "db1").entry?.id == explained.entry?.id)
            #expect(try await plug(#"{"from":"web1","to":"db1"}"#).security == .none)
            let none = try await plug(#"{"from":"web1","to":"db1","security":"none"}"#)
            #expect(none.security == .none && none.revision == auth.revision + 1, "the second changes nothing")
            let oneWay = try await plug(#"{"from":"web1","to":"db1","one_way":true,"security":"conf"}"#)
            #expect(oneWay.security == .conf && oneWay.reverseSecurity == .none && oneWay.reverseVerdict == .unplug)
            let groups = try await plug(#"{"from":"group:web","to":"db1","security":"auth"}"#)
            #expect(groups.security == .auth && groups.reverseSecurity == .auth)
            #expect(try await explain("db1", "web2").security == .auth)
            let entry = try await api.post(
                "\(t)/policy/entries", #"{"action":"plug","from":"web2","to":"web1","security":"conf"}"#
            ).read(APITypes.PolicyEntry.self)
            #expect(entry.security == .conf)
            let unplugged = try await api.post(
                "\(t)/policy/entries", #"{"action":"unplug","from":"web2","to":"db1","security":"none"}"#
            ).read(APITypes.PolicyEntry.self)
            #expect(unplugged.security == .none)
            #expect(try await explain("web2", "db1").security == .none)
            let raw = String(decoding: try await api.send(.get, "\(t)/policy").body, as: UTF8.self)
            #expect(raw.contains(#""security":"conf""#) && raw.contains(#""security":"none""#))
            // Who asks for a level that there is not is told which there are.
            let refused = try await api.send(
                .post, "\(t)/plug", json: #"{"from":"web1","to":"db1","security":"strong"}"#)
            #expect(refused.status == 400 && refused.problem?.pointer == "/security")
            #expect(refused.problem?.remedy == "Give one of none, auth, conf.")
            #expect(refused.problem?.detail?.contains("'strong'") == true)
        }
    }

    @Test func enrolment() async throws {
        let controller = try TestController()
        try await controller.test { api in
            let invitation = try await api.post("/v1/hosts", #"{"name":"h1"}"#).read(HostInvitation.self)
            let token = try JoinToken(parsing: invitation.token)
            #expect(token.controllerURL == "https://127.0.0.1:7443")
            #expect(token.rootKeyHash == controller.platform.anchor.rootKeyHash)
            let key = SigningKey()
            let body = try Self.body(token.secret, SigningRequest(key: key).der)
            // Anyone may ask; the token decides.
            let enrolled = try await api.send(.post, "/v1/enrol", json: body, headers: [:])
            #expect(enrolled.status == 201)
            let answer = try enrolled.read(APITypes.Enrolment.self)
            #expect(answer.hostName == "h1" && answer.leafID == invitation.id)
            #expect(answer.controller.addresses == ["127.0.0.1:7444", "[::1]:7444"])
            #expect(answer.controller.serverName == controller.platform.name.controllerHost)
            let certificate = Array(try #require(Data(base64Encoded: answer.certificate)))
            let host = try await controller.directory.authenticate(leaf: certificate)
            #expect(host.name.text == "h1")
            #expect(try CertificateSummary(parsing: certificate).keyHash == key.keyHash)
            #expect(try await api.get(APITypes.Host.self, "/v1/hosts/h1").enrolled)

            // Single use.
            let again = try await api.send(.post, "/v1/enrol", json: body, headers: [:])
            #expect(again.status == 403 && again.problem?.code == "used" && again.problem?.remedy != nil)
            // A new token works, and the former one stays used.
            let renewed = try await api.send(.post, "/v1/hosts/h1/token").read(HostInvitation.self)
            #expect(renewed.id == invitation.id && renewed.token != invitation.token)
            controller.pass(seconds: DirectoryConfiguration().joinTokenLifetime + 1)
            let late = try Self.body(JoinToken(parsing: renewed.token).secret, SigningRequest(key: key).der)
            let expired = try await api.send(.post, "/v1/enrol", json: late, headers: [:])
            #expect(expired.status == 403 && expired.problem?.code == "expired")
            let unknown = try Self.body(TestController.random(32), SigningRequest(key: key).der)
            let refused = try await api.send(.post, "/v1/enrol", json: unknown, headers: [:])
            #expect(refused.status == 403 && refused.problem?.code == "forbidden")
        }
    }

    static func body(_ secret: [UInt8], _ request: [UInt8]) throws -> String {
        let text = Data(secret).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        let body = EnrolmentRequest(tokenSecret: text, signingRequest: Data(request).base64EncodedString())
        return String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
    }

    @Test func describesItself() async throws {
        let controller = try TestController()
        try await controller.test { api in
            let answer = try await api.send(.get, "/openapi.json", headers: [:])
            #expect(answer.status == 200)
            let document = try #require(try JSONSerialization.jsonObject(with: answer.body) as? [String: Any])
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            // What is described is there, and asks for the token unless it says that it does not.
            for (path, methods) in paths {
                for (method, description) in methods {
                    let verb = try #require(HTTPRequest.Method(method.uppercased()))
                    let concrete = path.replacing("{tenant}", with: "none").replacing("{entry}", with: "1")
                        .replacing("{vnet}", with: "x").replacing("{group}", with: "x").replacing("{host}", with: "x")
                        .replacing("{endpoint}", with: "x")
                    let status = try await api.send(verb, concrete, headers: [:]).status
                    let isOpen = (description as? [String: Any])?["security"] != nil
                    #expect((status == 401) == !isOpen, "\(method) \(path): \(status)")
                    #expect(status != 404 && status != 405, "\(method) \(path): \(status)")
                }
            }
            let plug = try #require(paths["/v1/tenants/{tenant}/plug"]?["post"])
            let levels = ["requestBody", "content", "application/json", "schema", "properties", "security", "enum"]
                .reduce(plug as Any?) { ($0 as? [String: Any])?[$1] }
            // It may be left out, or null.
            #expect((levels as? [Any])?.compactMap { $0 as? String } == ["none", "auth", "conf"])
            #expect(paths["/v1/health"] != nil && paths.values.reduce(0) { $0 + $1.count } >= 30)
        }
    }
}
