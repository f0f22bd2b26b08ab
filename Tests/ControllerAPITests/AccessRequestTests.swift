import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// What the provider asks tenants for, and what of it stands in the audit.
@Suite struct AccessRequestTests {
    private static let body = #"{"roles":["viewer"],"hours":2,"reason":"ticket 7"}"#
    private static let path = "/v1/tenants/acme/access-requests"

    @Test func anOwnerGrantsWhatWasAskedFor() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let vic = try await TestPerson.make(api, "vic", of: "acme", ["viewer"])
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            let two = try await TestPerson.make(api, "two", of: nil, ["operator"])
            let aud = try await TestPerson.make(api, "aud", of: nil, ["auditor"])
            let changes = controller.directory.changes()
            let inside = "/v1/tenants/acme/endpoints"
            #expect(try await ops.send(.get, inside).problem?.code == "not-granted")
            let asked = try await ops.send(.post, Self.path, json: Self.body)
            #expect(asked.status == 201)
            let request = try asked.read(AccessRequestSummary.self)
            #expect(request.state == .waiting && request.requester == "ops" && request.hours == 2)
            var told = false
            for await change in changes {
                if case .thingChanged(let thing) = change, thing.kind == .access {
                    told = true
                    break
                }
            }
            #expect(told)
            // It gives nothing yet. Who may ask, see and answer:
            #expect(try await ops.send(.get, inside).status == 403)
            for (who, status) in [(owen, 403), (vic, 403), (aud, 403)] {
                #expect(try await who.send(.post, Self.path, json: Self.body).status == status, "\(who.name)")
            }
            #expect(try await api.send(.post, Self.path, json: Self.body).status == 403, "it has no account")
            for (who, status) in [(owen, 200), (vic, 403), (ops, 200), (aud, 200)] {
                #expect(try await who.send(.get, Self.path).status == status, "\(who.name)")
            }
            let grant = "\(Self.path)/\(request.id)/grant"
            for who in [vic, ops, aud] { #expect(try await who.send(.post, grant).status == 403, "\(who.name)") }
            let granted = try await owen.send(.post, grant).read(AccessRequestSummary.self)
            #expect(granted.state == .granted && granted.grant != nil)
            #expect(try await ops.send(.get, inside).status == 200)
            #expect(try await two.send(.get, inside).status == 403, "it is for who has asked")
            #expect(try await owen.send(.post, grant).status == 409)
            let access = try await owen.get(ItemList<Access>.self, "/v1/tenants/acme/access")
            #expect(access.items.map(\.id) == [granted.grant] && access.items.first?.grantee == "ops")
            controller.pass(seconds: 2 * 3_600)
            #expect(try await ops.send(.get, inside).status != 200)
            // Both chains tell of asking and granting.
            for chain in ["/v1/audit", "/v1/tenants/acme/audit"] {
                for action in ["requestAccess", "grantAccessRequest"] {
                    let entries = try await api.get(
                        ItemList<AuditRecord>.self, "\(chain)?action=\(action)&outcome=done")
                    #expect(entries.items.count == 1, "\(chain) \(action)")
                }
            }
        }
    }

    @Test func itIsDeclinedOrExpires() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            func ask() async throws -> String {
                try await ops.send(.post, Self.path, json: Self.body).read(AccessRequestSummary.self).id
            }
            let first = try await ask()
            let declined = try await owen.send(.post, "\(Self.path)/\(first)/decline")
            #expect(try declined.read(AccessRequestSummary.self).state == .declined)
            #expect(try await owen.send(.post, "\(Self.path)/\(first)/grant").status == 409)
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints").status == 403)
            // Requests are listed by their time, in seconds.
            controller.pass(seconds: 1)
            let second = try await ask()
            controller.pass(seconds: 7 * 86_400)
            try await owen.signIn()
            let late = try await owen.send(.post, "\(Self.path)/\(second)/grant")
            #expect((400..<500).contains(late.status) && late.problem?.code == "expired", "\(late)")
            let list = try await owen.get(ItemList<AccessRequestSummary>.self, Self.path)
            #expect(list.items.map(\.state) == [.expired, .declined])
            try await ops.signIn()
            for (json, pointer) in [
                (#"{"roles":[],"hours":1,"reason":"x"}"#, "/roles"),
                (#"{"roles":["owner"],"hours":1,"reason":"x"}"#, "/roles"),
                (#"{"roles":["king"],"hours":1,"reason":"x"}"#, "/roles/0"),
                (#"{"roles":["viewer"],"hours":0,"reason":"x"}"#, "/hours"),
                (#"{"roles":["viewer"],"hours":169,"reason":"x"}"#, "/hours"),
                (#"{"roles":["viewer"],"hours":1,"reason":""}"#, "/reason"),
            ] {
                let refused = try await ops.send(.post, Self.path, json: json)
                #expect(refused.status == 400 && refused.problem?.pointer == pointer, "\(json)")
            }
            #expect(try await owen.send(.post, "\(Self.path)/x/grant").status == 400)
            let absent = String(repeating: "a", count: 32)
            #expect(try await owen.send(.post, "\(Self.path)/\(absent)/decline").status == 404)
            #expect(try await ops.send(.post, "/v1/tenants/none/access-requests", json: Self.body).status == 404)
        }
    }

    @Test func whatTheProviderTriesInsideATenantStandsInBothChains() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let tenant = try await api.get(APITypes.Tenant.self, "/v1/tenants/acme")
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints/web1").status == 403)
            #expect(try await ops.send(.delete, "/v1/tenants/acme/groups/web").status == 403)
            #expect(try await ops.send(.get, "/v1/tenants/acme/users").status == 404)
            try await controller.directory.writeNotes()
            for action in ["showEndpoint", "deleteGroup", "listUsers"] {
                let query = "?action=\(action)&outcome=refused"
                let own = try await api.get(ItemList<AuditRecord>.self, "/v1/tenants/acme/audit\(query)")
                #expect(own.items.count == 1 && own.items.first?.actor.name == "ops", "\(action)")
                let platform = try await api.get(ItemList<AuditRecord>.self, "/v1/audit\(query)")
                #expect(platform.items.count == 1, "\(action)")
                #expect(platform.items.first?.resource == "tenant/\(tenant.id)", "\(platform)")
                let text = "\(platform)"
                #expect(!text.contains("web"), "what is in the tenant shows: \(text)")
            }
        }
    }
}
