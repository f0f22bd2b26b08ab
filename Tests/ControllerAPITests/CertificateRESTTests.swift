import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import NetTypes
import Testing
import Trust

@testable import ControllerAPI

/// Certificates of people: what is issued, what shows them, and what ends them.
@Suite struct CertificateRESTTests {
    @Test func programsSignInWithTheRightsOfTheirUser() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["network-admin"])
            let program = try await CertifiedProgram.make(ada)
            #expect(program.made.certificate.name.hasPrefix("spiffe://user.acme.tenant."), "\(program.made)")
            #expect(program.made.holds && program.made.issuer?.contains("BEGIN CERTIFICATE") == true)
            #expect(program.made.id == String(program.made.certificate.sha256?.prefix(32) ?? ""))
            let answer = try await program.signIn(program.assertion())
            let given = try answer.read(CertificateToken.self)
            #expect(answer.status == 200 && given.tokenType == "Bearer" && given.expiresIn <= 600)
            let token = given.accessToken
            let own = try await program.send(.get, "/v1/self", token: token).read(SelfDescription.self)
            #expect(own.name == "ada@acme" && own.means == "certificate" && own.roles == ["network-admin"])
            #expect(
                try await program.send(.post, "/v1/tenants/acme/groups", json: #"{"name":"db"}"#, token: token).status
                    == 201)
            // Never more than its user, and nothing that is for sessions alone.
            #expect(try await program.send(.get, "/v1/tenants/acme/users", token: token).status == 403)
            #expect(try await program.send(.get, "/v1/tenants/globex", token: token).status == 404)
            for (method, path, json) in [
                (HTTPRequest.Method.post, "/v1/self/tokens", #"{"label":"x","scopes":["read"],"days":1}"#),
                (.post, "/v1/self/certificates", #"{"csr":"x","label":"x","days":1}"#), (.post, "/v1/self/totp", nil),
                (.get, "/v1/self/sessions", nil),
            ] {
                let refused = try await program.send(method, path, json: json, token: token)
                #expect(refused.status == 403 && refused.problem?.code == "session-only", "\(path)")
            }
            let list = try await program.send(.get, "/v1/self/certificates", token: token)
                .read(ItemList<PersonalCertificate>.self)
            #expect(list.items.map(\.id) == [program.made.id] && list.items[0].lastUsedAt != nil)
            // The audit tells by what it was done.
            _ = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let audit = try await api.get(ItemList<AuditRecord>.self, "/v1/tenants/acme/audit?action=createGroup")
            #expect(audit.items.first?.means.kind == "certificate", "\(audit)")
            #expect(audit.items.first?.means.id == program.made.id)
        }
    }

    @Test func theProvidersPeopleAreCertifiedByTheRoot() async throws {
        let controller = try TestController()
        try await controller.test { api in
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            let program = try await CertifiedProgram.make(ops)
            #expect(program.made.certificate.name.hasPrefix("spiffe://user.\(controller.platform.name.domain)/"))
            // By the name of the controllers as well, whatever their URL.
            let answer = try await program.signIn(
                program.assertion(audience: controller.platform.name.controllerURI))
            #expect(answer.status == 200)
            let token = try answer.read(CertificateToken.self).accessToken
            #expect(try await program.send(.get, "/v1/hosts", token: token).status == 200)
        }
    }

    @Test func whatIsNotSignedWithTheKeyIsRefused() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let vic = try await TestPerson.make(api, "vic", of: "acme", ["viewer"])
            let (program, other) = (try await CertifiedProgram.make(ada), try await CertifiedProgram.make(vic))
            let now = TestController.clock()
            let good = try program.assertion()
            let parts = good.split(separator: ".").map(String.init)
            func encoded(_ json: String) -> String {
                Data(json.utf8).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                    .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
            }
            let print = encoded("x")
            let bad: [(String, String)] = [
                ("empty", ""), ("no token", "x"), ("two parts", "\(parts[0]).\(parts[1])"),
                ("another key", try program.assertion(signer: SigningKey())),
                ("another's key", try program.assertion(signer: other.key)),
                ("another's certificate", try program.assertion(fingerprint: other.fingerprint)),
                ("unknown certificate", try program.assertion(fingerprint: [UInt8](repeating: 7, count: 32))),
                ("another's name", try program.assertion(subject: other.made.certificate.name)),
                ("an endpoint's name", try program.assertion(subject: "spiffe://endpoint.acme.tenant.x/web1")),
                ("another controller", try program.assertion(audience: "https://evil.example")),
                ("expired", try program.assertion(at: now + -120)),
                ("for too long", try program.assertion(lifetime: 3_600)),
                ("from the future", try program.assertion(at: now + 600, lifetime: -560)),
                ("no algorithm", "\(encoded(#"{"alg":"none","x5t#S256":"\#(print)"}"#)).\(parts[1])."),
                ("another algorithm", "\(encoded(#"{"alg":"HS256","x5t#S256":"\#(print)"}"#)).\(parts[1]).\(parts[2])"),
                ("body of another", "\(parts[0]).\(try other.assertion().split(separator: ".")[1]).\(parts[2])"),
                ("padding", good + "="), ("too long", good + String(repeating: "A", count: 5_000)),
            ]
            for (what, text) in bad {
                let answer = try await program.signIn(text)
                #expect(answer.status == 401 && answer.problem?.code == "wrong-assertion", "\(what): \(answer)")
                #expect(answer.problem?.pointer == "/assertion")
            }
            #expect(try await program.signIn(good).status == 200)
            let again = try await program.signIn(good)
            #expect(again.status == 401 && again.problem?.detail?.contains("'jti'") == true, "taken twice")
            // A token with one letter changed, cut or of another controller is nobody's.
            let token = try await program.token()
            for text in [String(token.dropLast()), "pbc_" + String(token.dropFirst(5)), token + "A", "pbc_"] {
                #expect(try await program.send(.get, "/v1/self", token: text).status == 401, "\(text)")
            }
            try await controller.directory.writeNotes()
            let audit = try await api.get(ItemList<AuditRecord>.self, "/v1/tenants/acme/audit?outcome=refused")
            #expect(audit.items.contains { $0.action == "signInWithCertificate" })
        }
    }

    @Test func badRequestsNameTheField() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["owner"])
            let csr = try SigningRequest(key: SigningKey()).pem.replacingOccurrences(of: "\n", with: "\\n")
            let bent = csr.replacingOccurrences(of: "MI", with: "MJ")
            for (json, pointer) in [
                (#"{"csr":"x","label":"a","days":1}"#, "/csr"), (#"{"csr":"\#(bent)","label":"a","days":1}"#, "/csr"),
                (#"{"csr":"\#(csr)","label":"","days":1}"#, "/label"),
                (#"{"csr":"\#(csr)","label":"a","days":0}"#, "/days"),
                (#"{"csr":"\#(csr)","label":"a","days":91}"#, "/days"), (#"{"csr":"\#(csr)","days":1}"#, "/label"),
            ] {
                let answer = try await ada.send(.post, "/v1/self/certificates", json: json)
                #expect(answer.status == 400 && answer.problem?.pointer == pointer, "\(json)")
            }
            let absent = try await ada.send(
                .delete, "/v1/self/certificates/\(String(repeating: "a", count: 32))")
            #expect(absent.status == 404)
            #expect(try await ada.send(.delete, "/v1/self/certificates/x").status == 400)
            // The platform's own token has no account.
            #expect(try await api.send(.get, "/v1/self/certificates").status == 403)
        }
    }

    @Test func whatStopsItStopsItAtOnce() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["viewer"])
            let vic = try await TestPerson.make(api, "vic", of: "acme", ["viewer"])
            let (first, second) = (try await CertifiedProgram.make(ada), try await CertifiedProgram.make(ada))
            let (one, two) = (try await first.token(), try await second.token())
            func status(_ token: String) async throws -> Int {
                try await first.send(.get, "/v1/self", token: token).status
            }
            // Nobody revokes another's; an owner does.
            let list = "/v1/tenants/acme/users/ada/certificates"
            #expect(try await vic.send(.delete, "/v1/self/certificates/\(first.made.id)").status == 404)
            #expect(try await vic.send(.get, list).status == 403)
            #expect(try await owen.get(ItemList<PersonalCertificate>.self, list).items.count == 2)
            #expect(try await owen.send(.delete, "\(list)/\(first.made.id)").status == 204)
            #expect(try await status(one) == 401)
            #expect(try await status(two) == 200)
            #expect(try await first.signIn(first.assertion()).problem?.detail?.contains("revoked") == true)
            // Suspended, and resumed.
            try await api.post("/v1/tenants/acme/suspend", #"{"reason":"x"}"#, status: 200)
            #expect(try await status(two) == 401)
            #expect(try await second.signIn(second.assertion()).status == 401)
            #expect(try await api.send(.post, "/v1/tenants/acme/resume").status == 200)
            #expect(try await status(two) == 200)
            // Disabled, and enabled.
            #expect(try await owen.send(.post, "/v1/tenants/acme/users/ada/disable").status == 200)
            #expect(try await status(two) == 401)
            #expect(try await second.signIn(second.assertion()).status == 401)
            #expect(try await owen.send(.post, "/v1/tenants/acme/users/ada/enable").status == 200)
            #expect(try await status(two) == 200)
            // Its user revokes it by the certificate itself.
            let own = try await second.send(.delete, "/v1/self/certificates/\(second.made.id)", token: two)
            #expect(own.status == 204)
            #expect(try await status(two) == 401)
            let kept = try await owen.get(ItemList<PersonalCertificate>.self, list).items
            #expect(kept.allSatisfy { $0.revokedAt != nil && !$0.holds })
            // Time: the token's ten minutes, then the certificate's days.
            let third = try await CertifiedProgram.make(vic, days: 1)
            let three = try await third.token()
            controller.pass(seconds: 599)
            #expect(try await status(three) == 200)
            controller.pass(seconds: 1)
            #expect(try await status(three) == 401)
            controller.pass(seconds: 86_400)
            let late = try await third.signIn(third.assertion(at: controller.now))
            #expect(late.problem?.detail?.contains("expired") == true, "\(late)")
        }
    }

    @Test func noLeafTakesAUserForAnythingElse() async throws {
        let controller = try TestController()
        try await controller.test { api in
            try await api.makeAcme()
            for person in [
                try await TestPerson.make(api, "web1", of: "acme", ["owner"]),
                try await TestPerson.make(api, "h1", of: nil, ["operator"]),
            ] {
                let program = try await CertifiedProgram.make(person)
                let anchor = controller.platform.anchor
                let now = controller.now
                for kind in ["leaf", "controller"] {
                    let refusal: TrustRefusal?
                    if kind == "leaf" {
                        refusal = await anchor.verify(leaf: program.der, at: now, revocations: .none).failure
                    } else {
                        refusal = await anchor.verify(controller: program.der, at: now, revocations: .none).failure
                    }
                    #expect(refusal?.code == "wrong-kind", "\(kind): \(String(describing: refusal))")
                }
                await #expect(throws: DirectoryError.self) {
                    try await controller.directory.authenticate(leaf: program.der)
                }
                // Not as an authority either.
                #expect(throws: (any Error).self) {
                    try CertificateAuthority(certificate: program.der, key: program.key)
                }
            }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
