import Foundation
import Testing

/// What a person types, and what programs read of it.
extension LabTests.OverIPv4 {
    @Test(.timeLimit(.minutes(1))) func everyCommandWritesItsKeys() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        let endpoint: Set = [
            "tenant", "name", "identity", "vnet", "ipv4", "groups", "host", "kind", "attachment", "epoch", "state",
            "locator", "record_expires_at", "labels", "level", "networks", "certificate_sha256",
        ]
        let tenant: Set = [
            "id", "name", "endpoints", "state", "created_at", "certificate_expires_at", "certificate_sha256",
            "certificate",
        ]
        let host: Set = [
            "name", "id", "enrolled", "connected", "locators", "underlay_device", "version", "engine",
            "endpoints", "certificate",
        ]
        let wire: Set = [
            "host", "source", "destination", "source_identity", "destination_identity", "direction", "security",
            "label",
            "peer", "packets", "bytes", "plugged_at", "epoch",
        ]
        let shown: [(words: [String], keys: Set<String>)] = [
            (["tenant", "show", "acme"], tenant), (["tenant", "quota", "acme"], ["tenant", "items"]),
            (["tenant", "delete", "acme", "--preview"], ["tenant", "id", "items", "confirmation"]),
            (["vnet", "show", "acme/lan"], ["tenant", "name", "id", "ipv4_prefix"]),
            (["group", "show", "acme/web"], ["tenant", "name", "member_count", "members"]),
            (["endpoint", "show", "acme/web1"], endpoint),
            (["host", "show", "h1"], host),
            (
                ["platform", "show"],
                [
                    "id", "name", "prefix", "authorities", "controller_name", "version", "api", "leaf_versions",
                    "counts",
                ]
            ),
            (
                ["certificate", "show", "acme/web1"],
                [
                    "endpoint", "identity", "groups", "labels", "level", "networks", "serial", "key_hash", "expires_at",
                    "certificate", "issuer",
                ]
            ),
            (["policy", "show", "acme"], ["tenant", "revision", "entries"]),
            (
                ["explain", "acme/web1", "acme/web2"],
                [
                    "verdict", "reverse_verdict", "nearest", "effect", "revision", "guardrails", "ports", "security",
                    "reverse_security", "reason", "reason_code", "entry",
                    "from",
                    "to", "leaves",
                ]
            ),
            (["wires"], ["items", "leaves"]),
            (
                ["lab", "status"],
                ["console", "healthy", "problems", "underlay", "hosts", "endpoints", "processes"]
            ),
        ]
        for (words, keys) in shown {
            let answer = try await lab.json(words)
            #expect(answer.keys == keys, "\(words): \(answer.keys.symmetricDifference(keys))")
        }
        let lists: [(words: [String], keys: Set<String>)] = [
            (["tenant", "list"], tenant), (["host", "list"], host),
            (["vnet", "list", "acme"], ["tenant", "name", "id", "ipv4_prefix"]),
            (["group", "list", "acme"], ["tenant", "name", "member_count", "members"]),
            (["endpoint", "list", "acme"], endpoint), (["wires"], wire),
        ]
        for (words, keys) in lists {
            let answer = try await lab.json(words)
            let items = answer.items.isEmpty ? answer["items"].items : answer.items
            #expect(!items.isEmpty, "\(words): \(answer)")
            for item in items { #expect(item.keys == keys, "\(words): \(item.keys.symmetricDifference(keys))") }
        }
        let status = try await lab.json("lab", "status")
        #expect(status["console"].string?.hasPrefix("https://") == true)
        for item in status["hosts"].items {
            #expect(item.keys.isSuperset(of: ["name", "underlay_device", "endpoints"]), "\(item)")
        }
        let identity = try await lab.json("endpoint", "show", "acme/web1")["identity"].string
        #expect(identity == (try lab.endpoint("acme/web1").identity))
    }

    @Test(.timeLimit(.minutes(1))) func tablesAreForPeople() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        try await lab.succeed("plug", "acme/web1", "acme/web2")
        try await lab.expectPlugged("acme/web1", "acme/web2")
        for (words, expected) in [
            (["tenant", "list"], "globex"), (["host", "list"], "h3"), (["endpoint", "list"], "globex/probe1"),
            (["group", "list", "acme"], "acme/group:web"), (["endpoint", "show", "acme/db1"], "10.0.0.3"),
            (["wires"], "acme/web2"), (["explain", "acme/web1", "acme/web2"], "plug"),
            (["explain", "acme/web1", "acme/db1"], "unplug"), (["certificate", "show", "acme/web1"], "P-256"),
            (["policy", "show", "acme"], "web2"), (["lab", "status"], "acme/batch1"), (["--help"], "patchbay plug"),
        ] {
            let finished = try await Command(["\(lab.programs)/patchbay"] + words).succeed()
            #expect(finished.output.contains(expected), "\(finished)")
            #expect(!finished.output.contains("\u{1b}["), "colours where nobody sees them: \(finished)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func certificatesAreReadByOpenssl() async throws {
        let lab = try TestLab.current()
        let pem = try await lab.succeed("certificate", "show", "acme/web1", "--pem")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("pbi-\(UUID().uuidString).pem")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(pem.output.utf8).write(to: file)
        let text = try await Command(["openssl", "x509", "-in", file.path, "-noout", "-text"]).succeed().output
        #expect(text.contains("URI:spiffe://endpoint.acme.tenant."), "\(text)")
        #expect(text.contains("/web1"), "\(text)")
        #expect(text.contains("prime256v1"), "\(text)")
        let root = try #require(
            try JSONValue(parsing: String(contentsOfFile: "/run/patchbay/lab/cli.json", encoding: .utf8))[
                "root_certificate"
            ].string)
        // openssl checks the chain and the name constraints by itself.
        let verify = try await Command([
            "openssl", "verify", "-CAfile", root, "-untrusted", file.path, "-purpose", "any", file.path,
        ]).run()
        #expect(verify.succeeded, "\(verify)")
    }

    @Test(.timeLimit(.minutes(1))) func exitCodesTellWhatWentWrong() async throws {
        let lab = try TestLab.current()
        try await lab.reset()
        let cases: [(words: [String], code: Int32, says: String)] = [
            (["endpoint", "show", "acme/nobody"], 1, "nobody"),
            (["plug", "acme/web1", "acme/nobody"], 1, "nobody"),
            (["tenant", "create", "acme"], 1, "acme"),
            (["tenant", "delete", "acme"], 1, "acme"),
            (["endpoint", "move", "acme/db1", "h9"], 1, "h9"),
            (["plug", "acme/web1"], 64, "to"),
            (["plug", "acme/web1", "acme/web2", "--security", "strong"], 64, "'none', 'auth' or 'conf'"),
            (["plug", "acme/web1", "acme/web2", "--security"], 64, "--security"),
            (["plug", "web1", "db1"], 64, "web1"),
            (["plug", "acme/web1", "globex/web1"], 64, "tenant"),
            (["tenant", "create", "Acme!"], 64, "Acme!"),
            (["endpoint", "create", "acme/x", "--vnet", "lan", "--host", "h1", "--ipv4", "10.0.0"], 64, "10.0.0"),
            (["frobnicate"], 64, "frobnicate"),
            (["--controller", "https://127.0.0.1:1", "tenant", "list"], 64, "controller"),
            (["tenant", "list", "--controller", "https://127.0.0.1:1"], 2, "127.0.0.1:1"),
            (["tenant", "list", "--token-file", "/nonexistent"], 2, "/nonexistent"),
        ]
        for (words, code, says) in cases {
            let finished = try await Command(["\(lab.programs)/patchbay"] + words).run()
            #expect(finished.status == code && finished.errors.contains(says), "\(finished)")
            #expect(finished.output.isEmpty, "an error belongs on the other stream: \(finished)")
        }
        for shell in ["bash", "zsh", "fish"] {
            let script = try await lab.succeed("--generate-completion-script", shell)
            #expect(script.output.contains("patchbay") && script.output.contains("explain"))
        }
    }

    @Test(.timeLimit(.minutes(1))) func execTakesItsPlaceAndGivesItsExitCode() async throws {
        let lab = try TestLab.current()
        let address = try await lab.succeed("lab", "exec", "acme/web1", "--", "ip", "-4", "-brief", "address")
        #expect(address.output.contains("10.0.0.1/24"), "\(address)")
        let host = try await lab.succeed("lab", "exec", "--host", "h1", "--", "ip", "-brief", "link")
        #expect(host.output.contains("underlay0"), "\(host)")
        let code = try await lab.patchbay("lab", "exec", "acme/web1", "--", "sh", "-c", "exit 7")
        #expect(code.status == 7, "\(code)")
        let names = try await lab.succeed("lab", "exec", "globex/web1", "--", "cat", "/etc/hosts")
        #expect(names.output.contains("probe1") && !names.output.contains("batch1"), "\(names)")
        for words in [
            ["lab", "exec", "acme/nobody", "--", "true"], ["lab", "exec", "--host", "h9", "--", "true"],
            ["lab", "exec", "acme/web1", "--", "no-such-command"], ["lab", "exec", "acme/web1"],
        ] {
            let refused = try await Command(["\(lab.programs)/patchbay"] + words).run()
            #expect(!refused.succeeded && !refused.errors.isEmpty, "\(refused)")
        }
        let plain = try await Command([
            "setpriv", "--reuid", "65534", "--clear-groups", "\(lab.programs)/patchbay", "lab", "up",
        ]).run()
        #expect(!plain.succeeded, "\(plain)")
    }

    @Test(.timeLimit(.minutes(1))) func tenantsVNetsAndGroupsComeAndGo() async throws {
        let lab = try TestLab.current()
        for words in [
            ["tenant", "create", "initech"], ["vnet", "create", "initech/lan", "--prefix", "10.0.0.0/24"],
            ["group", "create", "initech/all"],
        ] {
            try await Command(["\(lab.programs)/patchbay"] + words).succeed()
        }
        #expect(try await lab.json("vnet", "show", "initech/lan")["ipv4_prefix"].string == "10.0.0.0/24")
        // An endpoint on a namespace that is not there fails with a reason, and its fellows do not suffer.
        try await lab.succeed(
            "endpoint", "create", "initech/a", "--vnet", "lan", "--host", "h3", "--group", "all", "--attachment",
            "pbi-nowhere")
        let failed = try await eventually(within: 5) {
            let shown = try await lab.json("endpoint", "show", "initech/a")
            return shown["state"].string == "failed" && shown["detail"].string?.contains("pbi-nowhere") == true
        }
        #expect(failed, "an endpoint without namespace does not say so")
        try await lab.waitUntilWhole()
        let busy = try await lab.patchbay("group", "delete", "initech/all")
        #expect(busy.status == 1, "\(busy)")
        for words in [
            ["endpoint", "delete", "initech/a"], ["group", "delete", "initech/all"], ["vnet", "delete", "initech/lan"],
            ["tenant", "delete", "initech"],
        ] {
            try await Command(["\(lab.programs)/patchbay"] + words).succeed()
        }
        let gone = try await lab.patchbay("tenant", "show", "initech")
        #expect(gone.status == 1, "\(gone)")
    }
}
