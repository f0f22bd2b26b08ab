import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing

@testable import ControllerAPI

/// Tenants as a whole: suspended and resumed, limited, exported, deleted.
@Suite struct LifeCycleRESTTests {
    @Test func aTenantIsSuspendedAndResumed() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            try await api.post("\(t)/plug", #"{"from":"web1","to":"db1"}"#, status: 200)
            let before = try await api.get(APITypes.Tenant.self, t)
            #expect(before.state == .active && before.suspendedAt == nil && before.id.count == 64)
            #expect(before.certificateSHA256.count == 64 && before.createdAt.hasSuffix("Z"))
            let suspended = try await api.post("\(t)/suspend", #"{"reason":"invoice 1022"}"#, status: 200)
                .read(APITypes.Tenant.self)
            #expect(suspended.state == .suspended && suspended.suspensionReason == "invoice 1022")
            #expect(suspended.suspendedAt != nil && suspended.id == before.id)
            #expect(try await api.get(ItemList<APITypes.Tenant>.self, "/v1/tenants").items == [suspended])
            let refused = try await api.send(.post, "\(t)/plug", json: #"{"from":"web1","to":"web2"}"#)
            #expect(refused.status == 409 && refused.problem?.code == "suspended")
            #expect(refused.problem?.detail?.contains("invoice 1022") == true && refused.problem?.remedy != nil)
            let explained = try await api.get(APITypes.Explanation.self, "\(t)/explain?from=web1&to=db1")
            #expect(explained.verdict == .unplug && explained.reverseVerdict == .unplug && explained.effect == "unplug")
            #expect(explained.reasonCode == "tenant-suspended" && explained.reason.contains("invoice 1022"))
            #expect(explained.entry != nil, "what the policy says is told as well")
            #expect(try await api.send(.post, "\(t)/resume").status == 200)
            #expect(try await api.get(APITypes.Tenant.self, t) == before)
            let after = try await api.get(APITypes.Explanation.self, "\(t)/explain?from=web1&to=db1")
            #expect(after.verdict == .plug)
        }
    }

    @Test func badSuspensionsAreRefusedAtTheirPlace() async throws {
        try await TestController().test { api in
            try await api.post("/v1/tenants", #"{"name":"acme"}"#)
            for (body, pointer) in [
                ("{}", "/reason"), (#"{"reason":7}"#, "/reason"), (#"{"reason":""}"#, "/reason"),
                (#"{"reason":"a\nb"}"#, "/reason"), (#"{"reason":"a\u202eb"}"#, "/reason"),
                (#"{"reason":"\#(String(repeating: "x", count: 201))"}"#, "/reason"),
                (#"{"reason":"x","until":1}"#, "/until"), (#"[]"#, ""),
            ] {
                let answer = try await api.send(.post, "/v1/tenants/acme/suspend", json: body)
                #expect(answer.status == 400 && answer.problem?.pointer == pointer, "\(body): \(answer)")
            }
            #expect(try await api.send(.post, "/v1/tenants/nobody/suspend", json: #"{"reason":"x"}"#).status == 404)
            #expect(try await api.send(.post, "/v1/tenants/nobody/resume").status == 404)
            #expect(try await api.send(.post, "/v1/tenants/acme/resume", json: "{}").status == 400)
            #expect(try await api.get(APITypes.Tenant.self, "/v1/tenants/acme").state == .active)
        }
    }

    @Test func quotas() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            let free = try await api.get(TenantQuota.self, "\(t)/quota")
            #expect(free.items.map(\.kind) == ["endpoints", "vnets", "groups", "rules", "users"])
            #expect(free.items.allSatisfy { $0.limit == nil } && free.items.map(\.used) == [3, 1, 1, 0, 0])
            let set = try await api.send(.put, "\(t)/quota", json: #"{"endpoints":3,"groups":null,"rules":0}"#)
            let limited = try set.read(TenantQuota.self)
            #expect(set.status == 200 && limited.items.map(\.limit) == [3, nil, nil, 0, nil])
            let refused = try await api.send(
                .post, "\(t)/endpoints", json: #"{"name":"web3","vnet":"lan","host":"h1","kind":"namespace"}"#)
            #expect(refused.status == 409 && refused.problem?.code == "quota-exceeded")
            #expect(refused.problem?.detail?.contains("3 endpoints") == true, "\(refused)")
            #expect(try await api.send(.post, "\(t)/plug", json: #"{"from":"web1","to":"db1"}"#).status == 409)
            // What is not named has no limit any more.
            let again = try await api.send(.put, "\(t)/quota", json: "{}").read(TenantQuota.self)
            #expect(again == free)
            for (body, pointer) in [
                (#"{"endpoints":-1}"#, "/endpoints"), (#"{"endpoints":1.5}"#, "/endpoints"),
                (#"{"endpoints":"3"}"#, "/endpoints"), (#"{"users":1099511627777}"#, "/users"),
                (#"{"hosts":1}"#, "/hosts"), (#"{"rules":1e3}"#, "/rules"),
            ] {
                let answer = try await api.send(.put, "\(t)/quota", json: body)
                #expect(answer.status == 400 && answer.problem?.pointer == pointer, "\(body): \(answer)")
            }
            #expect(try await api.get(TenantQuota.self, "\(t)/quota") == free)
            #expect(try await api.send(.get, "/v1/tenants/nobody/quota").status == 404)
        }
    }

    @Test func aTenantWithEndpointsIsDeletedAsItWasConfirmed() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            #expect(try await api.send(.delete, t).problem?.code == "in-use")
            let preview = try await api.get(TenantDeletionPreview.self, "\(t)/deletion")
            #expect(preview.items.first == .init(kind: "endpoints", count: 3, names: ["db1", "web1", "web2"]))
            #expect(preview.id == (try await api.get(APITypes.Tenant.self, t)).id)
            for wrong in ["", "x", "..%2f", String(repeating: "0", count: 64)] {
                let answer = try await api.send(.delete, "\(t)?confirm=\(wrong)")
                #expect(answer.status == 409 && answer.problem?.code == "unconfirmed", "\(answer)")
                #expect(answer.problem?.pointer == "confirm")
            }
            try await api.post("\(t)/groups", #"{"name":"late"}"#)
            #expect(try await api.send(.delete, "\(t)?confirm=\(preview.confirmation)").status == 409)
            let now = try await api.get(TenantDeletionPreview.self, "\(t)/deletion")
            #expect(try await api.send(.delete, "\(t)?confirm=\(now.confirmation)").status == 204)
            #expect(try await api.send(.get, t).status == 404)
            #expect(try await api.send(.delete, "\(t)?confirm=\(now.confirmation)").status == 404)
            #expect(try await api.get(ItemList<APITypes.Host>.self, "/v1/hosts").items.map(\.endpoints) == [0, 0])
        }
    }

    @Test func anExportHasEverythingButSecrets() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let t = "/v1/tenants/acme"
            try await api.post("\(t)/plug", #"{"from":"web1","to":"db1"}"#, status: 200)
            let first = try await api.send(.get, "\(t)/export")
            let export = try first.read(TenantExport.self)
            #expect(export.format == "patchbay-tenant" && export.version == 1)
            #expect(export.endpoints.map(\.endpoint.name) == ["db1", "web1", "web2"])
            #expect(export.groups.map(\.members) == [["web1", "web2"]] && export.revisions.map(\.revision) == [2, 1])
            #expect(export.tenant == (try await api.get(APITypes.Tenant.self, t)))
            #expect(export.authority.hasPrefix("-----BEGIN CERTIFICATE-----"))
            let text = String(decoding: first.body, as: UTF8.self)
            #expect(!text.contains("PRIVATE KEY") && !text.contains(api.token))
            for file in try FileManager.default.contentsOfDirectory(atPath: controller.path + "/keys") {
                let key = try String(contentsOfFile: "\(controller.path)/keys/\(file)", encoding: .utf8)
                // The first line ends in the secret number; the last ones are the public key.
                let secret = try #require(key.split(separator: "\n").first { !$0.hasPrefix("-----") }).suffix(16)
                #expect(secret.count == 16 && !text.contains(secret), "\(file)")
            }
            // The same state is the same document.
            var second = try await api.get(TenantExport.self, "\(t)/export")
            second.exportedAt = export.exportedAt
            #expect(second == export)
            #expect(try await api.send(.get, "/v1/tenants/nobody/export").status == 404)

            // Long lists are sent in pieces; it is the same document. Its own words in a text do not disturb it.
            let document = "version: 1\ntenant: acme\n# \"endpoints\":[] \"revisions\":[]\n"
            let applied = try await api.send(.put, "\(t)/policy/document", document: document)
            #expect(applied.status == 200, "\(String(decoding: applied.body, as: UTF8.self))")
            for index in 1...200 {
                _ = try await controller.directory.createEndpoint(
                    .init(
                        name: TenantName(parsing: "acme/\(String(repeating: "many-", count: 10))\(index)"),
                        vnet: Name(parsing: "lan"),
                        host: Name(parsing: "h1")))
            }
            let long = try await api.send(.get, "\(t)/export")
            #expect(long.body.count > 2 << 15 && long.headers[.contentLength] == nil)
            #expect(long.headers[.contentType] == "application/json" && long.headers[.cacheControl] == "no-store")
            let archive = try await controller.directory.archive(of: Name(parsing: "acme"))
            var whole = TenantExport(archive, controller.platform)
            let streamed = try long.read(TenantExport.self)
            whole.exportedAt = streamed.exportedAt
            #expect(streamed == whole && streamed.endpoints.count == 203)
            #expect(streamed.revisions.contains { $0.text?.contains(#""endpoints":[]"#) == true })
        }
    }
}
