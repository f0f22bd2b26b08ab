import APIClient
import APITypes
import DirectoryCore
import Foundation
import Hummingbird
import HummingbirdTesting
import NIOSSL
import NetTypes
import ServiceLifecycle
import Testing
import Trust

@testable import ControllerAPI

/// The REST API on a real socket, spoken to by the client of the API.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    static let loopback = ListenAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 0)

    /// Runs the API on loopback until the body is done, then shuts it down as SIGTERM does.
    static func serve(
        certified: [IPAddress] = [.v4(IPv4Address(127, 0, 0, 1))],
        _ body: @Sendable (TestController, ControllerIdentity, Int) async throws -> Void
    ) async throws {
        let controller = try TestController()
        let identity = try ControllerIdentity(
            platform: controller.platform, addresses: certified, now: { controller.now }, logger: controller.logger)
        let (ports, source) = AsyncStream<Int>.makeStream()
        let server = try RESTService.server(
            controller.responder, on: Self.loopback, identity: identity, logger: controller.logger,
            onListening: { source.yield($0) })
        let group = ServiceGroup(services: [server, controller.leaves], logger: controller.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(controller, identity, port)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    static func client(_ controller: TestController, _ port: Int, root: String? = nil) throws -> APIClient {
        try APIClient(
            ControllerLocation(
                controller: "https://127.0.0.1:\(port)", token: controller.token,
                rootCertificate: root ?? controller.platform.rootPEM), timeout: 5)
    }

    @Test func clientSpeaksWithTheController() async throws {
        try await Self.serve { controller, identity, port in
            let client = try Self.client(controller, port)
            #expect(try await client.health().status == "ok")
            #expect(try await client.create(NewTenant(name: "acme")).name == "acme")
            #expect(try await client.create(NewVNet(name: "lan", ipv4Prefix: "10.0.0.0/24"), of: "acme").name == "lan")
            #expect(try await client.create(NewHost(name: "h1")).token.hasPrefix("pb1."))
            let made = try await client.create(
                NewEndpoint(name: "web1", vnet: "lan", host: "h1", kind: .tap), of: "acme")
            #expect(try await client.endpoint("web1", of: "acme") == made && made.kind == .tap)
            #expect(try await client.policy(of: "acme").entries.isEmpty)
            let error = await #expect(throws: APIClientError.self) { try await client.tenant("a/../b?c") }
            guard case .problem(let problem) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(problem.status == 400 && problem.pointer == "tenant" && problem.remedy != nil)
            // A certificate that is renewed in flight serves the next connection; the open one goes on.
            try identity.credentials.replace(
                certificate: controller.platform.issueController(
                    addresses: [.v4(IPv4Address(127, 0, 0, 1))], at: controller.now),
                keyPEM: controller.platform.controllerKey.pem)
            #expect(try await client.tenants().map(\.name) == ["acme"])
            let another = try Self.client(controller, port)
            #expect(try await another.tenants().map(\.name) == ["acme"])
            await another.shutdown()
            await client.shutdown()
        }
    }

    @Test func clientRefusesAnotherPlatformsController() async throws {
        try await Self.serve { controller, _, port in
            let stranger = try Self.client(controller, port, root: TestController().platform.rootPEM)
            let error = await #expect(throws: APIClientError.self) { try await stranger.tenants() }
            guard case .untrusted = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            await stranger.shutdown()
        }
        // A certificate of the right platform for another address is refused too.
        try await Self.serve(certified: [.v4(IPv4Address(192, 0, 2, 1))]) { controller, _, port in
            let client = try Self.client(controller, port)
            let error = await #expect(throws: APIClientError.self) { try await client.tenants() }
            guard case .untrusted = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            await client.shutdown()
        }
    }

    @Test func nothingOlderThanTLS13() async throws {
        try await Self.serve { controller, _, port in
            for (version, isAccepted) in [(TLSVersion.tlsv12, false), (.tlsv13, true)] {
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.certificateVerification = .none
                tls.maximumTLSVersion = version
                let client = TestClient(
                    host: "127.0.0.1", port: port,
                    configuration: .init(tlsConfiguration: tls, timeout: .seconds(3), serverName: "localhost"))
                client.connect()
                var outcome = ""
                do { outcome = "\(try await client.get("/v1/health").status.code)" } catch { outcome = "\(error)" }
                #expect((outcome == "200") == isAccepted, "\(version): \(outcome)")
                #expect(outcome != "tlsSetupFailed")
                try? await client.shutdown()
            }
        }
    }

    @Test func unreachableAndUnusableSettingsSaySo() async throws {
        let controller = try TestController()
        let client = try Self.client(controller, 1)
        let error = await #expect(throws: APIClientError.self) { try await client.tenants() }
        guard case .unreachable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        await client.shutdown()
        for url in ["http://127.0.0.1:1", "127.0.0.1:1", "", "https://"] {
            #expect(throws: APIClientError.self, "\(url)") {
                try APIClient(
                    ControllerLocation(
                        controller: url, token: "x", rootCertificate: controller.platform.rootPEM))
            }
        }
        #expect(throws: APIClientError.self) {
            try ControllerLocation.find(environment: [:], labFile: controller.path + "/none")
        }
        let found = try ControllerLocation.find(
            tokenFile: controller.platform.operatorTokenPath,
            environment: [
                "PATCHBAY_CONTROLLER": "https://127.0.0.1:9", "PATCHBAY_TOKEN_FILE": "/none",
                "PATCHBAY_ROOT": controller.platform.rootCertificatePath,
            ], labFile: controller.path + "/none")
        #expect(found.token == controller.token && found.controller == "https://127.0.0.1:9")
        #expect(!"\(found)".contains(controller.token))
    }
}
