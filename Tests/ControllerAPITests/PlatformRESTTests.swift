import APITypes
import Foundation
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

/// What the platform says of itself, and of what has certificates; and lists in parts.
@Suite struct PlatformRESTTests {
    @Test func whatIsThereHasAnIdAndACertificate() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let platform = try await api.get(PlatformDescription.self, "/v1/platform")
            let root = try CertificateSummary(parsing: controller.platform.anchor.root)
            #expect(platform.id.count == 64 && platform.id == platform.authorities.first?.keyHash)
            #expect(platform.name == controller.platform.name.domain && platform.version == "test")
            #expect(platform.authorities.first?.pem?.contains("BEGIN CERTIFICATE") == true)
            #expect(platform.authorities.first?.expiresAt == root.notAfter.description)
            #expect(platform.authorities.first?.validFrom == root.notBefore.description)
            #expect(platform.counts.tenants == 1 && platform.counts.endpoints == 3 && platform.counts.hosts == 2)
            #expect(platform.counts.connectedHosts == 0 && platform.leafVersions.isEmpty)
            let tenant = try await api.get(APITypes.Tenant.self, "/v1/tenants/acme")
            #expect(tenant.certificate?.sha256 == tenant.certificateSHA256 && tenant.certificate?.keyHash == tenant.id)
            // A host that was not enrolled has none.
            #expect(try await api.get(Host.self, "/v1/hosts/h1").certificate == nil)
            let made = try await api.send(.post, "/v1/hosts/h1/token").read(HostInvitation.self)
            let token = try JoinToken(parsing: made.token)
            let enrolled = try await controller.directory.enrol(
                secret: token.secret, signingRequest: SigningRequest(key: SigningKey()).der)
            let host = try await api.get(Host.self, "/v1/hosts/h1")
            let summary = try CertificateSummary(parsing: enrolled.certificate)
            #expect(host.certificate?.serial == summary.serial.hexadecimal)
            #expect(
                host.certificate?.sha256?.count == 64 && host.certificate?.validFrom == summary.notBefore.description)
            #expect(host.certificate?.name == "spiffe://leaf.\(platform.name)/\(host.id)")
            // The provider's people see it, a tenant's do not.
            let aud = try await TestPerson.make(api, "aud", of: nil, ["auditor"])
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            #expect(try await aud.send(.get, "/v1/platform").status == 200)
            #expect(try await ada.send(.get, "/v1/platform").status == 403)
            #expect(try await api.send(.get, "/v1/platform", headers: [:]).status == 401)
        }
    }

    @Test func actionsAreThoseThatThereAreOperationsFor() async throws {
        let controller = try TestController()
        try await controller.test { api in
            let operations = Operations(
                directory: controller.directory, leaves: controller.leaves, settings: controller.settings,
                logger: controller.logger
            ).all
            let known = Set(operations.compactMap { $0.action?.rawValue })
            let own = try await api.get(SelfDescription.self, "/v1/self")
            #expect(!own.actions.isEmpty && own.actions.allSatisfy(known.contains), "\(own.actions)")
            #expect(own.actions.contains("showPlatform") && !own.actions.contains("openConsole"))
        }
    }

    @Test func listsOfPeopleAndTheirsComeInParts() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            for name in ["bob", "cy", "di"] { _ = try await TestPerson.make(api, name, of: "acme", ["viewer"]) }
            for label in ["a", "b", "c"] {
                let token = try await ada.send(
                    .post, "/v1/self/tokens", json: #"{"label":"\#(label)","scopes":["read"],"days":1}"#)
                #expect(token.status == 201)
                let access = try await ada.send(
                    .post, "/v1/tenants/acme/access", json: #"{"roles":["viewer"],"hours":1,"reason":"\#(label)"}"#)
                #expect(access.status == 201)
                _ = try await CertifiedProgram.make(ada, label: label)
                controller.pass(seconds: 1)
            }
            for _ in 0..<2 { try await TestPerson(api, "ada@acme").signIn() }
            func all<Item: Codable & Sendable>(_ type: Item.Type, _ path: String, _ id: (Item) -> String) async throws {
                let whole = try await ada.get(ItemList<Item>.self, path)
                #expect(whole.next == nil && whole.items.count >= 2, "\(path)")
                var (parts, cursor): ([String], String?) = ([], nil)
                repeat {
                    let part = try await ada.get(
                        ItemList<Item>.self, path + "?limit=1" + (cursor.map { "&cursor=\($0)" } ?? ""))
                    #expect(part.items.count == 1, "\(path)")
                    parts += part.items.map(id)
                    cursor = part.next
                } while cursor != nil && parts.count < 100
                #expect(parts == whole.items.map(id), "\(path)")
                for query in ["limit=0", "limit=x", "cursor=AAAA", "search=a&limit=1001"] {
                    let refused = try await ada.send(.get, "\(path)?\(query)")
                    #expect(refused.status == 400 && refused.problem?.pointer != nil, "\(path)?\(query)")
                }
            }
            try await all(Person.self, "/v1/tenants/acme/users") { $0.id }
            try await all(Access.self, "/v1/tenants/acme/access") { $0.id }
            for path in ["/v1/self", "/v1/tenants/acme/users/ada"] {
                try await all(TokenSummary.self, path + "/tokens") { $0.id }
                try await all(PersonalCertificate.self, path + "/certificates") { $0.id }
            }
            try await all(SessionSummary.self, "/v1/tenants/acme/users/ada/sessions") { $0.id }
        }
    }

    @Test func theDocumentTellsOfHeaders() async throws {
        try await TestController().test { api in
            let text = String(decoding: try await api.send(.get, "/openapi.json").body, as: UTF8.self)
            for header in ["If-Match", "If-None-Match", "Idempotency-Key", "ETag", "Last-Event-ID", "Retry-After"] {
                #expect(text.contains("\"\(header)\""), "\(header)")
            }
        }
    }
}
