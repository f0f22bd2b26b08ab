import APITypes
import Foundation
import Testing

/// The command with a user's certificate, against a controller in a process of its own.
@Suite struct CertificateCommandTests {
    @Test(.timeLimit(.minutes(2))) func theCommandSignsInWithACertificate() async throws {
        try await RealController.with { controller in
            try await controller.post("/v1/tenants", #"{"name":"acme"}"#)
            let made = try await controller.post(
                "/v1/tenants/acme/first-owner", #"{"name":"ada","display_name":"Ada"}"#)
            let invitation = try JSONDecoder().decode(Invitation.self, from: Data(made.utf8))
            try await controller.post(
                "/v1/setup",
                #"{"name":"ada@acme","secret":"\#(invitation.setupSecret)","password":"violet umbrella seven"}"#)
            let password = controller.folder + "/password"
            try Data("violet umbrella seven\n".utf8).write(to: URL(fileURLWithPath: password))
            let place = controller.folder + "/ada"
            let certified = ["--certificate", place + ".pem"]
            func patchbay(_ words: [String]) async throws -> RealController.Finished {
                try await RealController.run(
                    [RealController.programDirectory + "/patchbay"] + words
                        + ["--controller", controller.url, "--root-certificate", controller.root])
            }
            let create = ["certificate", "create", "ada@acme", "--label", "test", "--password-file", password]
            let wrong = controller.folder + "/wrong"
            try Data("not the password\n".utf8).write(to: URL(fileURLWithPath: wrong))
            let refused = try await patchbay(
                ["certificate", "create", "ada@acme", "--password-file", wrong, "--out", controller.folder + "/x"])
            #expect(refused.status == 1 && !FileManager.default.fileExists(atPath: controller.folder + "/x.key"))
            let answer = try await patchbay(create + ["--out", place, "--json"])
            #expect(answer.status == 0, "\(answer)")
            let certificate = try JSONDecoder().decode(PersonalCertificate.self, from: Data(answer.output.utf8))
            let mode = try FileManager.default.attributesOfItem(atPath: place + ".key")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try await patchbay(create + ["--out", place]).status == 64, "files are never written over")
            let who = try await patchbay(["whoami", "--json"] + certified)
            let own = try JSONDecoder().decode(SelfDescription.self, from: Data(who.output.utf8))
            #expect(own.name == "ada@acme" && own.means == "certificate")
            #expect(try await patchbay(["group", "create", "acme/web"] + certified).status == 0)
            #expect(try await patchbay(["host", "list"] + certified).status == 1)
            let list = try await patchbay(["certificate", "list"] + certified)
            #expect(list.status == 0 && list.output.contains(certificate.id), "\(list)")
            // The key of another, and a certificate that is none.
            let other = controller.folder + "/data/keys"
            #expect(try await patchbay(["whoami", "--certificate-key", other] + certified).status == 2)
            #expect(try await patchbay(["whoami", "--certificate", password]).status == 2)
            let both = try await patchbay(["whoami", "--token-file", password] + certified)
            #expect(both.status == 64, "\(both)")
            let platform = try await patchbay(
                ["platform", "show", "--token-file", controller.folder + "/data/operator.token"])
            #expect(platform.status == 0 && platform.output.contains("SHA-256"), "\(platform)")
            #expect(try await patchbay(["certificate", "revoke", certificate.id] + certified).status == 0)
            let over = try await patchbay(["whoami"] + certified)
            #expect(over.status == 1 && over.output.contains("revoked"), "\(over)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func theCommandFollowsEventsAndCursors() async throws {
        try await RealController.with { controller in
            try await controller.post("/v1/tenants", #"{"name":"acme"}"#)
            let words = [
                "--controller", controller.url, "--root-certificate", controller.root, "--token-file",
                controller.folder + "/data/operator.token",
            ]
            let program = RealController.programDirectory + "/patchbay"
            async let following = RealController.run([program, "events", "acme", "--json", "--count", "3"] + words)
            try await Task.sleep(for: .seconds(1))
            for name in ["a", "b", "c"] {
                try await controller.post("/v1/tenants/acme/groups", #"{"name":"\#(name)"}"#)
            }
            let told = try await following
            let lines = told.output.split(separator: "\n")
            #expect(told.status == 0 && lines.count == 3, "\(told)")
            #expect(lines.allSatisfy { $0.contains(#""event":"group.created""#) && $0.contains(#""id":""#) })
            let two = try await RealController.run([program, "group", "list", "acme", "--limit", "2"] + words)
            #expect(two.output.contains("group:b") && !two.output.contains("group:c"), "\(two)")
            let none = try await RealController.run([program, "events", "nobody"] + words)
            #expect(none.status == 1, "\(none)")
        }
    }
}
