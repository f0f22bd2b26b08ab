import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import HummingbirdTesting
import NetTypes
import Synchronization
import Testing
import Trust

@testable import ControllerAPI
@testable import PlatformBackup

/// People and programs at a controller that came back from its backup.
@Suite(.timeLimit(.minutes(2))) struct RestoredPeopleTests {
    private static let passphrase = "correct horse battery"
    private static let requests = "/v1/tenants/acme/access-requests"
    private static let callback = TestPasskey.url + "/v1/session/callback"

    /// What people have before the backup is made.
    private struct Before: Sendable {
        var passkey: TestPasskey
        var codes: [UInt8]
        var recovery: String
        var token: String
        var program: (key: String, made: PersonalCertificate, der: [UInt8])
        var provider: String
        var request: String
        var session: String
    }

    @Test func everybodySignsInAfterARestore() async throws {
        let place = NSTemporaryDirectory() + "patchbay-restored-\(UUID().uuidString)"
        defer { for suffix in ["", ".data"] { try? FileManager.default.removeItem(atPath: place + suffix) } }
        let old = try TestController(consoleURL: TestPasskey.url, dataDirectory: place + ".old")
        try await TestIdentityProvider.with(redirectURI: Self.callback) { provider in
            let before = try await Self.populate(old, provider)
            let backup = PlatformBackup(program: "test", rounds: 16, random: TestController.random)
            _ = try backup.make(
                of: old.path, to: place, passphrase: Self.passphrase, at: TestController.clock().seconds)
            // What happens afterwards is not in it.
            try await old.test { api in
                let removed = try await api.send(.delete, "/v1/identity-providers/corp")
                #expect((200..<300).contains(removed.status), "\(String(decoding: removed.body, as: UTF8.self))")
            }
            _ = try backup.restore(place, to: place + ".data", passphrase: Self.passphrase)
            #expect(FileManager.default.fileExists(atPath: place + ".data/" + PlatformBackup.restoredMark))
            let new = try TestController(consoleURL: TestPasskey.url, dataDirectory: place + ".data")
            #expect(try await new.directory.recover().locked.isEmpty)
            // The codes of a minute ago were used.
            new.pass(seconds: 60)
            try await Self.signIn(new, before, provider)
        }
    }

    private static func populate(_ controller: TestController, _ provider: TestIdentityProvider) async throws -> Before
    {
        let result = Mutex<Before?>(nil)
        try await controller.test { api in
            try await api.makeAcme()
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let ada = try await TestPerson.make(api, "ada", of: "acme", ["viewer"])
            let bob = try await TestPerson.make(api, "bob", of: "acme", ["viewer"])
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            var passkey = try TestPasskey()
            _ = try await ada.add(&passkey)
            let begun = try await bob.send(.post, "/v1/self/totp").read(OneTimeCodeSecret.self)
            let secret = try SessionRESTTests.base32(begun.secret)
            let code = TOTP.code(secret: secret, counter: TOTP.counter(at: controller.now))
            let recovery = try await bob.send(.put, "/v1/self/totp", json: #"{"code":"\#(code)"}"#).read(
                RecoveryCodeList.self)
            let made = try await owen.send(
                .post, "/v1/self/tokens", json: #"{"label":"ci","scopes":["read"],"days":2}"#)
            let token = try #require(made.read(TokenSummary.self).token)
            let program = try await CertifiedProgram.make(owen)
            let id = try await SingleSignOnTests.make(
                api, provider.issuer, TestIdentityProvider.secret, try provider.roots)
            // She is expected, and has no password.
            let eve = try await owen.send(
                .post, "/v1/tenants/acme/users", json: #"{"name":"eve","display_name":"Eve","roles":["viewer"]}"#)
            #expect(eve.status == 201)
            let linked = try await owen.send(
                .post, "/v1/tenants/acme/users/eve/identities", json: #"{"provider":"corp","subject":"eve"}"#)
            #expect(linked.status == 201, "\(String(decoding: linked.body, as: UTF8.self))")
            let asked = try await ops.send(
                .post, requests, json: #"{"roles":["viewer"],"hours":2,"reason":"ticket 7"}"#)
            let before = Before(
                passkey: passkey, codes: secret, recovery: recovery.recoveryCodes[0], token: token,
                program: (program.key.pem, program.made, program.der), provider: id,
                request: try asked.read(AccessRequestSummary.self).id,
                session: owen.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
            result.withLock { $0 = before }
        }
        return try #require(result.withLock { $0 })
    }

    private static func signIn(
        _ controller: TestController, _ before: Before, _ provider: TestIdentityProvider
    ) async throws {
        try await controller.test { api in
            // A session, a password, a passkey, and a password with a code, once.
            let own = try await api.send(.get, "/v1/self", headers: [.cookie: before.session])
            #expect(try own.read(SelfDescription.self).name == "owen@acme")
            let owen = TestPerson(api, "owen@acme")
            #expect(try await owen.signIn().read(SessionState.self).stage == "complete")
            #expect(try await TestPerson(api, "owen@acme").signIn("another password").status == 401)
            var passkey = before.passkey
            let ada = TestPerson(api, "ada@acme")
            #expect(try await ada.signIn(by: &passkey).read(SessionState.self).stage == "complete")
            #expect(try await ada.get(SelfDescription.self, "/v1/self").passkeys == 1)
            let code = TOTP.code(secret: before.codes, counter: TOTP.counter(at: controller.now))
            for (given, status) in [(code, 200), (code, 401), (before.recovery, 200), (before.recovery, 401)] {
                let bob = TestPerson(api, "bob@acme")
                #expect(try await bob.signIn().read(SessionState.self).stage == "second-factor")
                let answer = try await bob.send(.post, "/v1/session/code", json: #"{"code":"\#(given)"}"#)
                #expect(answer.status == status, "\(String(decoding: answer.body, as: UTF8.self))")
            }
            // Programs, by a token and by a certificate.
            let read = try await api.send(
                .get, "/v1/tenants/acme/endpoints", headers: [.authorization: "Bearer \(before.token)"])
            #expect(read.status == 200)
            let program = CertifiedProgram(
                api: api, key: try SigningKey(pem: before.program.key), made: before.program.made,
                der: before.program.der)
            #expect(try await program.signIn(program.assertion(at: controller.now)).status == 200)
            // The identity provider, with the client's secret that only the backup had.
            let browser = TestPerson(api, "eve@acme")
            let begun = try await browser.send(
                .post, "/v1/session/provider", json: #"{"provider":"\#(before.provider)"}"#)
            try #require(begun.status == 200, "\(String(decoding: begun.body, as: UTF8.self))")
            let back = try await provider.signIn("eve", at: begun.read(ProviderAddress.self).url, jar: "eve")
            #expect(back.hasPrefix(callback), "\(back)")
            let entered = try await browser.send(.get, String(back.dropFirst(TestPasskey.url.count)))
            #expect(entered.headers[.location] == "/console/#/", "\(entered)")
            #expect(try await browser.get(SelfDescription.self, "/v1/self").name == "eve@acme")
            // What the provider asked for is still waiting, and can be granted.
            let ops = TestPerson(api, "ops")
            #expect(try await ops.signIn().status == 200)
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints").status == 403)
            let granted = try await owen.send(.post, "\(requests)/\(before.request)/grant")
            #expect(try granted.read(AccessRequestSummary.self).state == .granted)
            #expect(try await ops.send(.get, "/v1/tenants/acme/endpoints").status == 200)
            // The audit of both goes on where it was.
            for chain in ["/v1/audit", "/v1/tenants/acme/audit"] {
                let entries = try await api.get(ItemList<AuditRecord>.self, "\(chain)?action=grantAccessRequest")
                #expect(entries.items.count == 1, "\(chain)")
            }
        }
    }
}
