import APITypes
import Accounts
import AuditLog
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// Who may what, through the API, and what the audit says of it.
@Suite struct RightsRESTTests {
    /// A path of an operation with names in the places of its parameters.
    private static func path(_ operation: ControllerAPI.Operation, tenant: String) -> String {
        let names = [
            "tenant": tenant, "endpoint": "web1", "group": "web", "vnet": "lan", "user": "ada", "host": "h1",
            "entry": "1",
        ]
        let id = String(repeating: "0", count: 32)
        let path = operation.segments.map { segment -> String in
            guard segment.hasPrefix("{") else { return String(segment) }
            return names[String(segment.dropFirst().dropLast())] ?? id
        }.joined(separator: "/")
        let query = operation.query.filter(\.isRequired).map { "\($0.name)=1" }.joined(separator: "&")
        return "/" + path + (query.isEmpty ? "" : "?" + query)
    }

    @Test("a foreign tenant answers like one that is not there, for every operation and every role")
    func foreignIsAbsent() async throws {
        let controller = try TestController()
        let operations = Operations(
            directory: controller.directory, leaves: controller.leaves, settings: controller.settings,
            metrics: ControllerMetrics(), logger: controller.logger
        ).all.filter { $0.path.contains("{tenant}") }
        #expect(operations.count > 40)
        try await controller.test { api in
            try await api.makeAcme()
            try await api.post("/v1/tenants", #"{"name":"other"}"#)
            _ = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            for role in ["owner", "viewer"] {
                let eve = try await TestPerson.make(api, "eve-\(role)", of: "other", [role])
                for operation in operations {
                    let foreign = try await eve.send(operation.method, Self.path(operation, tenant: "acme"))
                    let absent = try await eve.send(operation.method, Self.path(operation, tenant: "nowhere"))
                    #expect(foreign.status == 404, "\(role) \(operation.id)")
                    let text = String(decoding: foreign.body, as: UTF8.self)
                    #expect(
                        text.replacingOccurrences(of: "acme", with: "nowhere")
                            == String(decoding: absent.body, as: UTF8.self), "\(operation.id)")
                }
            }
        }
    }

    @Test("what is asked for by GET is a look, also for the audit, and what deletes or puts is a change")
    func looksAndChanges() throws {
        let controller = try TestController()
        let operations = Operations(
            directory: controller.directory, leaves: controller.leaves, settings: controller.settings,
            metrics: ControllerMetrics(), logger: controller.logger
        ).all
        for operation in operations {
            // Nobody's rights are asked for what everyone may do.
            guard operation.access != .everyone, let action = operation.action else { continue }
            switch operation.method {
            case .get: #expect(!action.isChange, "\(operation.id)")
            case .put, .delete: #expect(action.isChange, "\(operation.id)")
            default: break
            }
        }
    }

    @Test func viewersChangeNothing() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let viewer = try await TestPerson.make(api, "vic", of: "acme", ["viewer"])
            #expect(try await viewer.send(.get, "/v1/tenants/acme/endpoints").status == 200)
            let refused = try await viewer.send(
                .post, "/v1/tenants/acme/plug", json: #"{"from":"web1","to":"db1"}"#)
            #expect(refused.status == 403)
            #expect(try await viewer.send(.delete, "/v1/tenants/acme/endpoints/web1").status == 403)
            #expect(try await viewer.send(.get, "/v1/tenants/acme/users").status == 403)
            #expect(try await viewer.send(.get, "/v1/tenants/acme/audit").status == 403)
            #expect(try await viewer.send(.get, "/v1/tenants").status == 403)
            let policy = try await api.get(TenantPolicy.self, "/v1/tenants/acme/policy")
            #expect(policy.revision == 1)
        }
    }

    @Test func theProviderIsOutsideUntilItIsLetIn() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            #expect(try await ops.send(.get, "/v1/tenants").status == 200)
            #expect(try await ops.send(.get, "/v1/tenants/acme").status == 200)
            let inside = [
                "/v1/tenants/acme/endpoints", "/v1/tenants/acme/groups", "/v1/tenants/acme/policy",
                "/v1/tenants/acme/policy/document", "/v1/wires?tenant=acme", "/v1/tenants/acme/endpoints/web1",
                "/v1/tenants/acme/endpoints/web1/certificate",
            ]
            for path in inside {
                let answer = try await ops.send(.get, path)
                #expect(answer.status == 403 && answer.problem?.code == "not-granted", "\(path)")
            }
            #expect(try await ops.send(.get, "/v1/tenants/acme/users").status == 404)
            #expect(try await ops.send(.get, "/v1/tenants/acme/audit").status == 404)
            // Nobody but an owner lets in, and never as an owner.
            let grant = "/v1/tenants/acme/access"
            #expect(
                try await ops.send(.post, grant, json: #"{"roles":["viewer"],"hours":1,"reason":"help"}"#).status == 403
            )
            #expect(
                try await ada.send(.post, grant, json: #"{"roles":["owner"],"hours":1,"reason":"help"}"#).status == 400)
            #expect(
                try await ada.send(.post, grant, json: #"{"roles":["viewer"],"hours":169,"reason":"x"}"#).status == 400)
            let given = try await ada.send(
                .post, grant, json: #"{"roles":["viewer"],"hours":2,"reason":"A ticket","grantee":"ops"}"#
            ).read(Access.self)
            #expect(given.holds && given.grantee == "ops")
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints").status == 200)
            #expect(try await ops.send(.get, "/v1/tenants/acme/policy").status == 200)
            #expect(try await ops.send(.delete, "/v1/tenants/acme/endpoints/web1").status == 403)
            #expect(try await ops.send(.get, "/v1/tenants/acme/users").status == 404)
            // The looks are in the tenant's audit, with the grant.
            try await controller.directory.writeNotes()
            let looks = try await ada.get(
                ItemList<AuditRecord>.self, "/v1/tenants/acme/audit?action=listEndpoints"
            ).items
            #expect(looks.contains { $0.grant == given.id && $0.actor.name == "ops" && $0.outcome == "done" })
            #expect(looks.contains { $0.outcome == "refused" && $0.reason == "not-granted" })
            #expect(try await ada.send(.delete, "\(grant)/\(given.id)").status == 204)
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints").status == 403)
        }
    }

    @Test func subUsersHaveTheirGroups() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            try await api.post("/v1/tenants/acme/groups", #"{"name":"db"}"#)
            #expect(try await api.send(.put, "/v1/tenants/acme/groups/db/members/db1").status == 204)
            let sub = try await TestPerson.make(
                api, "sub", of: "acme", ["network-admin", "security-admin"], groups: ["web"])
            let seen = try await sub.get(ItemList<APITypes.Endpoint>.self, "/v1/tenants/acme/endpoints").items
            #expect(seen.map(\.name) == ["web1", "web2"])
            #expect(
                try await sub.get(ItemList<APITypes.Group>.self, "/v1/tenants/acme/groups").items.map(\.name)
                    == ["web"])
            // What is not his answers like what is not there.
            for (hidden, absent) in [("endpoints/db1", "endpoints/db9"), ("groups/db", "groups/d9")] {
                let foreign = try await sub.send(.get, "/v1/tenants/acme/\(hidden)")
                let nothing = try await sub.send(.get, "/v1/tenants/acme/\(absent)")
                #expect(foreign.status == 404 && nothing.status == 404)
                #expect(foreign.problem?.title == nothing.problem?.title)
                #expect(foreign.problem?.remedy == nothing.problem?.remedy)
            }
            #expect(try await sub.send(.get, "/v1/tenants/acme/endpoints/web1").status == 200)
            let plug = "/v1/tenants/acme/plug"
            #expect(try await sub.send(.post, plug, json: #"{"from":"web1","to":"web2"}"#).status == 200)
            #expect(try await sub.send(.post, plug, json: #"{"from":"web1","to":"db1"}"#).status == 404)
            #expect(try await sub.send(.post, plug, json: #"{"from":"group:web","to":"group:db"}"#).status == 404)
            #expect(try await sub.send(.get, "/v1/tenants/acme/policy/document").status == 403)
            #expect(
                try await sub.send(.put, "/v1/tenants/acme/policy/document?dry_run=true", json: "{}").status == 403)
            let make = "/v1/tenants/acme/endpoints"
            for (body, status) in [
                (#"{"name":"web3","vnet":"lan","host":"h1","kind":"namespace","groups":["web"]}"#, 201),
                (#"{"name":"web4","vnet":"lan","host":"h1","kind":"namespace","groups":["web","db"]}"#, 404),
                (#"{"name":"web5","vnet":"lan","host":"h1","kind":"namespace"}"#, 403),
                (#"{"name":"web6","vnet":"lan","host":"h1","kind":"namespace","groups":["web"],"level":7}"#, 403),
                (#"{"name":"w7","vnet":"lan","host":"h1","kind":"tap","groups":["web"],"attachment":"tap0"}"#, 403),
            ] {
                let answer = try await sub.send(.post, make, json: body)
                #expect(answer.status == status, "\(body): \(String(decoding: answer.body, as: UTF8.self))")
            }
            #expect(try await sub.send(.put, "/v1/tenants/acme/groups/db/members/web1").status == 404)
            #expect(try await sub.send(.delete, "/v1/tenants/acme/endpoints/web3").status == 204)
        }
    }

    @Test func peopleAreManagedByOthers() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let users = "/v1/tenants/acme/users"
            #expect(try await ada.send(.post, "\(users)/ada/disable").status == 403)
            #expect(try await ada.send(.delete, "\(users)/ada").status == 403)
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["owner"])
            #expect(try await bob.send(.put, "\(users)/ada", json: #"{"roles":["viewer"]}"#).status == 200)
            // The session of the one whose rights changed gets a new secret, and the new rights at once.
            #expect(try await ada.send(.get, users).status == 403)
            try await ada.reload()
            #expect(try await ada.send(.post, "/v1/tenants/acme/groups", json: #"{"name":"x"}"#).status == 403)
            // The last owner stays, whoever asks.
            #expect(try await api.send(.delete, "\(users)/bob").status == 409)
            #expect(try await api.send(.post, "\(users)/bob/disable").status == 409)
            #expect(try await api.send(.put, "\(users)/bob", json: #"{"roles":["viewer"]}"#).status == 409)
            #expect(try await bob.send(.post, "\(users)/ada/disable").status == 200)
            #expect(try await ada.send(.get, "/v1/self").status == 401)
            let stale = try await bob.send(.put, "\(users)/ada", json: #"{"display_name":"A","version":1}"#)
            #expect(stale.status == 409)
            #expect(
                try await api.send(
                    .post, "/v1/tenants/acme/first-owner",
                    json: #"{"name":"z","display_name":"Z"}"#
                ).status == 409)
            for bad in [
                #"{"name":"a b","display_name":"X","roles":["viewer"]}"#,
                #"{"name":"x","display_name":"a\u200bb","roles":["viewer"]}"#,
                #"{"name":"x","display_name":"X","roles":[]}"#,
                #"{"name":"x","display_name":"X","roles":["operator"]}"#,
                #"{"name":"x","display_name":"X","roles":["owner"],"groups":["web"]}"#,
                #"{"name":"x","display_name":"X","roles":["viewer"],"groups":[]}"#,
                #"{"name":"<script>","display_name":"X","roles":["viewer"]}"#,
            ] {
                let answer = try await bob.send(.post, users, json: bad)
                #expect(answer.status == 400 && answer.problem?.pointer != nil, "\(bad)")
            }
            #expect(
                try await bob.send(
                    .post, users,
                    json: #"{"name":"x","display_name":"X","roles":["viewer"],"groups":["none"]}"#
                ).status == 404)
            #expect(
                try await bob.send(
                    .post, users,
                    json: #"{"name":"ADA","display_name":"X","roles":["viewer"]}"#
                ).status == 409)
        }
    }

    @Test func theAuditIsCompleteAndVerifies() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            try await ada.send(.post, "/v1/tenants/acme/plug", json: #"{"from":"web1","to":"db1"}"#)
            try await ada.send(.delete, "/v1/tenants/acme/endpoints/web2")
            try await ada.send(.delete, "/v1/hosts/h1")
            try await ada.signIn("not the password")
            try await controller.directory.writeNotes()
            let entries = try await ada.get(ItemList<AuditRecord>.self, "/v1/tenants/acme/audit?limit=1000").items
            let plug = try #require(entries.first { $0.action == "plug" })
            #expect(plug.actor.name == "ada@acme" && plug.means.kind == "session" && plug.outcome == "done")
            #expect(plug.before != nil && plug.after != nil && plug.before != plug.after)
            let deleted = try #require(entries.first { $0.action == "deleteEndpoint" })
            #expect(deleted.after == nil && "\(String(describing: deleted.before))".contains("endpoint/acme/web2"))
            let refused = try #require(entries.first { $0.action == "deleteHost" })
            #expect(refused.outcome == "refused" && refused.reason == "forbidden")
            #expect(entries.contains { $0.action == "signIn" && $0.reason == "wrong-credentials" })
            #expect(!entries.contains { "\($0)".contains(TestPerson.password) || "\($0)".contains("not the password") })
            #expect(entries.map(\.number) == entries.map(\.number).sorted(by: >))

            let part = try await ada.get(AuditPart.self, "/v1/tenants/acme/audit/export")
            #expect(part.next == nil)
            let root = controller.platform.anchor.rootKeyInfo
            let report = AuditVerifier.verify(Array(part.lines.utf8), root: root)
            #expect(report.isIntact, "\(report)")
            #expect(report.entries?.count == entries.count)
            let forged = part.lines.replacingOccurrences(of: "ada@acme", with: "eve@acme")
            #expect(!AuditVerifier.verify(Array(forged.utf8), root: root).isIntact)
            // Of the other side there is nothing in it, and the platform's has what is the platform's.
            let platform = try await api.get(ItemList<AuditRecord>.self, "/v1/audit?limit=1000").items
            #expect(platform.contains { $0.action == "createTenant" } && !platform.contains { $0.action == "plug" })
            #expect(!entries.contains { $0.action == "createHost" })
        }
    }
}
