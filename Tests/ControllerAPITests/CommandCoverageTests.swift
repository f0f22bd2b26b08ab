import Accounts
import Crypto
import Foundation
import NetTypes
import Testing

/// What the API does, the command does: every operation is asked for by some command, against a controller in a process of
/// its own, which counts by operation what it is asked.
@Suite struct CommandCoverageTests {
    /// Operations for which there is no command; docs/cli.md says why.
    private static let withoutCommand: Set<String> = [
        "readMetrics", "enrol", "beginOwnPasskey", "addOwnPasskey", "beginSignInByPasskey", "signInByPasskey",
        "listSignInProviders", "beginProviderSignIn", "finishProviderSignIn", "addOwnIdentity",
    ]

    @Test(.timeLimit(.minutes(4))) func everyOperationHasACommand() async throws {
        try await RealController.with { controller in
            let script = try CommandScript(controller)
            let before = try await Self.answered(controller)
            try await script.run()
            let after = try await Self.answered(controller)
            let asked = Set(after.filter { $0.value > before[$0.key] ?? 0 }.keys)
            // The description does not describe itself.
            let known = try await Self.operations(controller).union(["describe"])
            #expect(known.count > 100)
            let missing = known.subtracting(asked).subtracting(Self.withoutCommand)
            #expect(missing.isEmpty, "no command asks for \(missing.sorted())")
            let gone = Self.withoutCommand.subtracting(known)
            #expect(gone.isEmpty, "there are no such operations: \(gone.sorted())")
            // Reading the figures is the test's own.
            let done = Self.withoutCommand.intersection(asked).subtracting(["readMetrics"])
            #expect(done.isEmpty, "commands ask for \(done.sorted())")
        }
    }

    @Test func whatHasNoCommandHasAReason() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/cli.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        for id in Self.withoutCommand { #expect(text.contains("`\(id)`"), "docs/cli.md does not say why of \(id)") }
    }

    /// How often each operation was asked for.
    private static func answered(_ controller: RealController) async throws -> [String: Int] {
        let metrics = try await controller.curl("/metrics", "-f")
        try #require(metrics.status == 0, "\(metrics)")
        var counts: [String: Int] = [:]
        for match in metrics.output.matches(
            of: /patchbay_controller_api_requests_total\{operation="([A-Za-z]+)",status="\d+"\} (\d+)/)
        { counts[String(match.1), default: 0] += Int(match.2) ?? 0 }
        return counts
    }

    /// The ids of all operations, by the controller's own description.
    private static func operations(_ controller: RealController) async throws -> Set<String> {
        let text = try await controller.curl("/openapi.json", "-f").output
        let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        return Set(paths.values.flatMap { $0.values.compactMap { ($0 as? [String: Any])?["operationId"] as? String } })
    }
}

/// Commands in an order in which they make sense. Whatever is not said to be refused has to succeed.
private struct CommandScript {
    private let controller: RealController
    private let own: [String]
    private let token: [String]
    private let password: String

    init(_ controller: RealController) throws {
        self.controller = controller
        own = ["--controller", controller.url, "--root-certificate", controller.root]
        token = ["--token-file", controller.folder + "/data/operator.token"]
        password = try Self.write("violet umbrella seven", controller.folder + "/password")
    }

    func run() async throws {
        try await platform()
        // Who follows is told of what comes next.
        async let ofTenant = patchbay("events acme --count 1")
        async let ofPlatform = patchbay("events --count 1")
        try await Task.sleep(for: .milliseconds(500))
        try await network()
        _ = try await (ofTenant, ofPlatform)
        try await policy()
        try await people()
        try await credentials()
        try await singleSignOn()
        try await access()
        try await ends()
    }

    // MARK: Parts

    private func platform() async throws {
        for words in [
            "platform health", "platform api", "platform show", "whoami", "tenant create acme", "tenant list",
            "tenant show acme", "tenant quota acme", "tenant quota acme --set endpoints=100", "host create h1",
            "host create h2", "host list", "host show h1", "host renew-token h1",
        ] { try await patchbay(words) }
    }

    private func network() async throws {
        for words in [
            "vnet create acme/lan --prefix 10.0.0.0/24", "vnet list acme", "vnet show acme/lan",
            "endpoint create acme/web1 --vnet lan --host h1", "endpoint create acme/db1 --vnet lan --host h1",
            "endpoint list acme", "endpoint count acme --by host", "endpoint show acme/web1",
            "endpoint label acme/web1 app=shop", "endpoint level acme/web1 3",
            "endpoint networks acme/web1 192.0.2.0/24", "endpoint networks acme/web1", "endpoint move acme/web1 h2",
            "group create acme/web", "group list acme", "group show acme/web", "group add acme/web web1",
            "group remove acme/web web1", "plug acme/web1 acme/db1", "explain acme/web1 acme/db1",
            "unplug acme/web1 acme/db1", "wires", "traffic acme/web1 acme/db1", "usage", "usage acme",
            "usage acme --csv", "tenant suspend acme --reason test", "tenant resume acme",
        ] { try await patchbay(words) }
        // There are no leaves here.
        try await patchbay("certificate show acme/web1", refused: true)
        try await patchbay("trace acme/web1 acme/db1 tcp/80", refused: true)
    }

    private func policy() async throws {
        let folder = controller.folder
        let shop = try Self.write(
            """
            version: 1
            tenant: acme
            rules:
              - {name: web, from: any, to: any, verdict: plug, ports: [tcp/443]}
            """, folder + "/shop.yaml")
        let rails = try Self.write(
            """
            version: 1
            platform: true
            rules:
              - {name: no-mail, from: any, to: everything, verdict: reject, ports: [tcp/25]}
            """, folder + "/rails.yaml")
        let key = try Self.write(P256.Signing.PrivateKey().pemRepresentation, folder + "/policy.key")
        let added = try await json("policy entry add acme/web1 acme/db1 --action unplug")
        for words in [
            "policy entry list acme", "policy entry delete acme \(try Self.text(added["id"]))",
            "policy check \(shop)", "policy diff \(shop)", "policy apply \(shop)", "policy revisions acme",
            "policy diff --tenant acme --from 1", "policy show acme", "policy show acme --document",
            "policy show acme --canonical", "policy rollback acme 1", "policy lock acme --key \(key)",
        ] { try await patchbay(words) }
        let signed = try await patchbay("policy sign \(shop) --key \(key)")
        let file = try Self.write(signed, folder + "/signed")
        for words in [
            "policy apply --signed \(file)", "policy unlock acme --key \(key)", "guardrails check \(rails)",
            "guardrails apply \(rails)", "guardrails show", "guardrails show --json", "guardrails show --canonical",
            "guardrails revisions", "guardrails rollback 1",
        ] { try await patchbay(words) }
    }

    private func people() async throws {
        try await invite("ada@acme", "user create ada@acme --first-owner")
        try await invite("ops", "user create ops --role operator")
        try await patchbay("user create bob@acme --role viewer --as ada@acme")
        try await patchbay("user create tmp --role auditor")
        for (name, role) in [("bob@acme", "network-admin"), ("tmp", "operator")] {
            for words in [
                "user show \(name)", "user change \(name) --role \(role)", "user disable \(name)",
                "user enable \(name)", "user invite \(name)", "user reset-second-factor \(name)",
                "user delete \(name)",
            ] { try await patchbay(words) }
        }
        for words in ["user list", "user list acme", "audit list", "audit list acme", "tenant export acme"] {
            try await patchbay(words)
        }
        try await patchbay("audit export \(controller.folder)/platform.audit")
        try await patchbay("audit export acme \(controller.folder)/acme.audit")
        // A second factor, with which she signs in, and another password.
        let secret = try await json("account codes begin --as ada@acme")
        let octets = try #require(Self.base32(try Self.text(secret["secret"])))
        let counter = TOTP.counter(at: Timestamp(Int64(Date().timeIntervalSince1970)))
        let code = TOTP.code(secret: octets, counter: counter)
        let codes = try await json("account codes confirm \(code) --as ada@acme")
        let recovery = try #require(codes["recovery_codes"] as? [String])
        try await patchbay("whoami --as ada@acme --code 000000", refused: true)
        try await patchbay("account codes remove --as ada@acme --code \(recovery[0])")
        let other = try Self.write("quite another one 5", controller.folder + "/other")
        try await patchbay("account password --as ada@acme --new-password-file \(other)")
        try await patchbay("whoami --as ada@acme", refused: true)
        let back = own + ["--as", "ada@acme", "--password-file", other, "--new-password-file", password]
        try await patchbay(["account", "password"] + back)
        let left = try await json("session list --as ada@acme")
        // Each command has ended its session, also where the session got another secret on the way.
        #expect((left["items"] as? [Any])?.count == 1, "\(left)")
    }

    private func credentials() async throws {
        let none = String(repeating: "0", count: 32)
        let certificate = controller.folder + "/ada"
        let create = ["certificate", "create", "ada@acme", "--label", "x", "--out", certificate]
        try await patchbay(create + ["--password-file", password] + own)
        let certified = ["--certificate", certificate + ".pem"] + own
        let list = try Self.object(try await patchbay(["certificate", "list", "--json"] + certified))
        let id = try Self.text((list["items"] as? [[String: Any]])?.first?["id"])
        try await patchbay("certificate list ada@acme")
        try await patchbay("certificate list ops")
        try await patchbay(["certificate", "revoke", id] + certified)
        // A sign-in costs what it has to cost, so there are not more of them than operations.
        let sign = " --as ada@acme"
        let made = try Self.text(try await json("token create --label x --scope read --days 1" + sign)["id"])
        for words in ["token list" + sign, "token delete \(made)" + sign, "passkey list" + sign] {
            try await patchbay(words)
        }
        for user in ["ada@acme", "ops"] {
            for kind in ["token", "session", "passkey"] { try await patchbay("\(kind) list \(user)") }
        }
        // What is not there.
        for words in ["session end \(none)", "passkey rename \(none) x", "passkey remove \(none)"] {
            try await patchbay(words + sign, refused: true)
        }
        for user in ["ada@acme", "ops"] {
            for words in ["session end", "token delete", "passkey remove", "certificate revoke"] {
                try await patchbay("\(words) \(none) --user \(user)", refused: true)
            }
        }
    }

    private func singleSignOn() async throws {
        let secret = try Self.write("s3cret", controller.folder + "/secret")
        for words in [
            "identity-provider add corp --issuer https://id.example.com --client-id x --secret-file \(secret)",
            "identity-provider list", "identity-provider show corp", "identity providers --as ada@acme",
        ] { try await patchbay(words) }
        let before = try await json("identity-provider show corp")
        let changed = try await json("identity-provider change corp --display-name Corp --multi-factor --scope email")
        #expect(changed["display_name"] as? String == "Corp" && changed["multi_factor"] as? Bool == true)
        #expect(changed["scopes"] as? [String] == ["openid", "email"] && changed["sessions_ended"] as? Int == 0)
        for key in ["issuer", "client_id", "subject_claim", "id"] {
            #expect(changed[key] as? String == before[key] as? String, "\(key) is another one")
        }
        let off = try await json("identity-provider disable corp")
        #expect(off["enabled"] as? Bool == false && off["display_name"] as? String == "Corp")
        try await patchbay("identity link ada@acme corp 248289761001", refused: true)
        #expect(try await json("identity-provider enable corp")["enabled"] as? Bool == true)
        for (user, subject) in [("ada@acme", "a-1"), ("ops", "o-1")] {
            let linked = try await json("identity link \(user) corp \(subject)")
            let list = try await patchbay("identity list \(user)")
            #expect(list.contains(subject) && list.contains("administrator"))
            try await patchbay("identity remove \(try Self.text(linked["id"])) --user \(user)")
        }
        let linked = try await json("identity link ada@acme corp a-2")
        #expect(try await patchbay("identity list --as ada@acme").contains("a-2"))
        // Another issuer would be other people.
        try await patchbay("identity-provider change corp --issuer https://evil.example", refused: true)
        try await patchbay("identity remove \(try Self.text(linked["id"])) --as ada@acme")
        let removed = try await patchbay("identity-provider remove corp")
        #expect(removed.contains("0 sessions ended"), "\(removed)")
    }

    private func access() async throws {
        let wish = "--role viewer --hours 2 --reason test"
        try await patchbay("access request create acme \(wish)", refused: true)
        let first = try await json("access request create acme \(wish) --as ops")
        #expect(first["state"] as? String == "waiting")
        #expect(try await patchbay("access request list acme").contains("waiting"))
        let request = try Self.text(first["id"])
        // Who asks does not answer.
        try await patchbay("access request grant acme \(request) --as ops", refused: true)
        let granted = try await json("access request grant acme \(request) --as ada@acme")
        #expect(granted["state"] as? String == "granted")
        try await patchbay("endpoint list acme --as ops")
        try await patchbay("access revoke acme \(try Self.text(granted["grant"])) --as ada@acme")
        try await patchbay("endpoint list acme --as ops", refused: true)
        let second = try Self.text(try await json("access request create acme \(wish) --as ops")["id"])
        let declined = try await json("access request decline acme \(second) --as ada@acme")
        #expect(declined["state"] as? String == "declined")
        let given = try await json("access grant acme \(wish) --to ops --consoles --as ada@acme")
        #expect(given["grantee"] as? String == "ops" && given["consoles"] as? Bool == true)
        #expect(try await patchbay("access list acme").contains("revoked"))
        // What cannot be meant is told before anything is asked.
        let wrong = try await RealController.run(
            [Self.program, "access", "grant", "acme", "--role", "viewer", "--as", "ada@acme"] + own)
        #expect(wrong.status == 64, "\(wrong)")
        try await patchbay("access grant acme --role viewer --hours 999 --reason x --as ada@acme", refused: true)
    }

    private func ends() async throws {
        try await patchbay("endpoint delete acme/db1")
        try await patchbay("endpoint delete acme/web1")
        for words in ["group delete acme/web", "vnet delete acme/lan", "host delete h1"] { try await patchbay(words) }
        let preview = try await json("tenant delete acme --preview")
        try await patchbay("tenant delete acme --confirm \(try Self.text(preview["confirmation"]))")
    }

    // MARK: Tools

    private static var program: String { RealController.programDirectory + "/patchbay" }

    private func invite(_ name: String, _ words: String) async throws {
        let made = try await json(words)
        let secret = try Self.write(try Self.text(made["setup_secret"]), controller.folder + "/link")
        try await patchbay(
            ["account", "set-up", name, "--secret-file", secret, "--new-password-file", password] + own)
    }

    /// Runs a command as the platform's own token, or as whom `--as` names.
    @discardableResult
    private func patchbay(
        _ words: String, refused: Bool = false, at place: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let list = words.split(separator: " ").map(String.init)
        let means = list.contains("--as") ? ["--password-file", password] : token
        return try await patchbay(list + own + means, refused: refused, at: place)
    }

    @discardableResult
    private func patchbay(
        _ words: [String], refused: Bool = false, at place: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let finished = try await RealController.run([Self.program] + words)
        #expect(
            finished.status == (refused ? 1 : 0), "\(words.joined(separator: " "))\n\(finished.output)",
            sourceLocation: place)
        return finished.output
    }

    private func json(_ words: String, at place: SourceLocation = #_sourceLocation) async throws -> [String: Any] {
        try Self.object(try await patchbay(words + " --json", at: place))
    }

    private static func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private static func text(_ value: Any?) throws -> String {
        if let number = value as? Int { return String(number) }
        return try #require(value as? String)
    }

    private static func write(_ text: String, _ path: String) throws -> String {
        try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// RFC 4648, section 6.
    private static func base32(_ text: String) -> [UInt8]? {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bits = ""
        for letter in text where letter != "=" {
            guard let value = letters.firstIndex(of: letter) else { return nil }
            bits += String(repeating: "0", count: 5 - String(value, radix: 2).count) + String(value, radix: 2)
        }
        return stride(from: 0, to: bits.count / 8 * 8, by: 8).compactMap {
            UInt8(bits.dropFirst($0).prefix(8), radix: 2)
        }
    }
}
