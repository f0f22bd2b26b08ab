import Foundation
import Testing

/// Whether what the controller says of its API is true: a program that others wrote reads `/openapi.json`, makes thousands
/// of requests from it, good and bad ones, and compares every answer with what was said.
@Suite(.serialized) struct SchemathesisTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    /// Where scripts/prepare.sh installs it.
    private static let tools = repository + "/.build/api-tests/bin"

    @Test(.timeLimit(.minutes(5))) func theDocumentIsTrue() async throws {
        try await RealController.with { controller in
            let document = controller.folder + "/openapi.json"
            _ = try await controller.curl("/openapi.json", "-o", document)
            let valid = try await RealController.run([Self.tools + "/openapi-spec-validator", document])
            #expect(valid.status == 0, "\(valid.output)")

            // What scripts/schemathesis.toml names; `spare` is what may go.
            for tenant in ["acme", "spare"] {
                try await controller.post("/v1/tenants", #"{"name":"\#(tenant)"}"#)
                try await controller.post(
                    "/v1/tenants/\(tenant)/vnets", #"{"name":"lan","ipv4_prefix":"10.0.0.0/24"}"#)
            }
            try await controller.post("/v1/tenants/acme/groups", #"{"name":"web"}"#)
            for host in ["h1", "spare"] { try await controller.post("/v1/hosts", #"{"name":"\#(host)"}"#) }
            for name in ["web1", "web2", "spare"] {
                try await controller.post(
                    "/v1/tenants/acme/endpoints",
                    #"{"name":"\#(name)","vnet":"lan","host":"h1","kind":"namespace","groups":["web"]}"#)
            }
            try await controller.post("/v1/tenants/acme/plug", #"{"from":"web1","to":"web2"}"#)
            for name in ["ada", "spare"] {
                try await controller.post(
                    "/v1/tenants/acme/users", #"{"name":"\#(name)","display_name":"\#(name)","roles":["owner"]}"#)
            }

            let run = try await RealController.run([
                Self.tools + "/st", "--config-file", Self.repository + "/scripts/schemathesis.toml", "--no-color",
                "run",
                controller.url + "/openapi.json", "--tls-verify", controller.root, "-H",
                "Authorization: Bearer \(controller.token)", "--checks", "all",
            ])
            #expect(run.status == 0, "\(run.output)")
            // It did ask: a run in which nothing was tested is none.
            let tested = run.output.split(separator: "\n").first { $0.contains("Tested:") }
            let count = tested.flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
            #expect(count >= 100, "\(run.output)")
            #expect(!controller.log.contains("error"), "\(controller.log)")
        }
    }
}
