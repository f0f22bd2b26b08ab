import DirectoryCore
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import MutualTLS
import NetTypes
import Synchronization
import Testing
import Trust

@testable import ControllerAPI

/// A controller whose gRPC service listens on loopback, with its hub at work.
struct LiveController: Sendable {
    let controller: TestController
    let port: Int

    static func run(
        _ controller: TestController, _ body: @Sendable (LiveController) async throws -> Void
    ) async throws {
        let identity = try ControllerIdentity(
            platform: controller.platform, addresses: [.v4(IPv4Address(127, 0, 0, 1))], now: { controller.now },
            logger: controller.logger)
        let server = try LeafServer(
            directory: controller.directory, leaves: controller.leaves, settings: controller.settings,
            on: ListenAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 0), identity: identity, logger: controller.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await controller.leaves.run() }
            let port = try await server.port
            // The hub has to listen for changes before the first is made.
            try await Task.sleep(for: .milliseconds(20))
            defer { group.cancelAll() }
            try await body(LiveController(controller: controller, port: port))
        }
    }

    /// Creates a host and enrols its leaf.
    func enrol(_ name: String) async throws -> Member {
        let directory = controller.directory
        let new = try await directory.createHost(Name(parsing: name), controllerURL: "https://127.0.0.1:1")
        let key = SigningKey()
        let enrolled = try await directory.enrol(
            secret: new.token.secret, signingRequest: SigningRequest(key: key).der)
        return Member(id: enrolled.host.id, key: key, certificate: enrolled.certificate, root: enrolled.root)
    }

    /// Calls the service as whoever has these credentials.
    func call<Result: Sendable>(
        as member: Member, _ body: @Sendable @escaping (TestLeaf.Client) async throws -> Result
    ) async throws -> Result {
        let credentials = try SessionCredentials(certificate: member.certificate, keyPEM: member.key.pem)
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port),
            transportSecurity: SessionSecurity.client(credentials, root: member.root),
            config: SessionSecurity.clientConfiguration(serverName: controller.platform.name.controllerHost))
        return try await withGRPCClient(transport: transport) { client in
            try await body(TestLeaf.Client(wrapping: client))
        }
    }
}

/// What a leaf has after its enrolment.
struct Member: Sendable {
    var id: LeafID
    var key: SigningKey
    var certificate: [UInt8]
    var root: [UInt8]
}

/// A leaf's Attach stream, as a test holds it.
final class TestLeaf: Sendable {
    typealias Client = Patchbay_Leaf_V1_Directory.Client<HTTP2ClientTransport.Posix>
    typealias FromLeaf = Patchbay_Leaf_V1_FromLeaf
    typealias ToLeaf = Patchbay_Leaf_V1_ToLeaf

    let client: Client
    private let outbound: AsyncStream<FromLeaf>.Continuation
    private let received = Mutex<[ToLeaf]>([])
    private let failure = Mutex<RPCError?>(nil)
    private let isOver = Mutex(false)

    private init(_ client: Client, _ outbound: AsyncStream<FromLeaf>.Continuation) {
        self.client = client
        self.outbound = outbound
    }

    /// Attaches, says hello unless told not to, and runs a body meanwhile.
    static func attach(
        _ client: Client, hello: Patchbay_Leaf_V1_Hello? = TestLeaf.hello,
        _ body: @Sendable @escaping (TestLeaf) async throws -> Void
    ) async throws {
        let (messages, outbound) = AsyncStream<FromLeaf>.makeStream()
        let leaf = TestLeaf(client, outbound)
        if let hello { leaf.say { $0.hello = hello } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await client.attach(options: SessionSecurity.longAnswers) { writer in
                        for await message in messages { try await writer.write(message) }
                    } onResponse: { response in
                        for try await message in response.messages { leaf.received.withLock { $0.append(message) } }
                    }
                } catch let error as RPCError {
                    leaf.failure.withLock { $0 = error }
                }
                leaf.isOver.withLock { $0 = true }
            }
            defer {
                outbound.finish()
                group.cancelAll()
            }
            try await body(leaf)
        }
    }

    static var hello: Patchbay_Leaf_V1_Hello {
        .with {
            $0.locators = [Data([192, 0, 2, 1])]
            $0.plugPort = 4_790
            $0.underlayDevice = "eth0"
            $0.version = "test"
        }
    }

    func say(_ message: (inout FromLeaf) -> Void) { outbound.yield(.with(message)) }

    /// Waits for a message that fits, among those not yet taken, and takes it.
    func expect<Value>(
        _ what: String, within time: Duration = .seconds(5), _ read: (ToLeaf) -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + time
        while true {
            let found = received.withLock { messages -> Value? in
                for (index, message) in messages.enumerated() {
                    guard let value = read(message) else { continue }
                    messages.remove(at: index)
                    return value
                }
                return nil
            }
            if let found { return found }
            try #require(ContinuousClock.now < deadline, "no \(what) came; \(received.withLock { $0 })")
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What came and was not taken.
    var rest: [ToLeaf] { received.withLock { $0 } }

    func ports(where fits: ([Patchbay_Leaf_V1_DesiredPort]) -> Bool = { _ in true }) async throws
        -> [Patchbay_Leaf_V1_DesiredPort]
    {
        try await expect("list of ports") { message in
            guard case .ports(let ports) = message.message, fits(ports.ports) else { return nil }
            return ports.ports
        }
    }

    func policy(within time: Duration = .seconds(5)) async throws -> SignedPolicy {
        try await expect("policy", within: time) { message in
            guard case .policy(let policy) = message.message else { return nil }
            return SignedPolicy(policy)
        }
    }

    func changed(_ identity: Identity) async throws -> Patchbay_Leaf_V1_Changed {
        try await expect("change of \(identity)") { message in
            guard case .changed(let changed) = message.message, Array(changed.identity) == identity.octets else {
                return nil
            }
            return changed
        }
    }

    /// Waits until the stream has ended, and says with which error.
    func end() async throws -> RPCError? {
        let deadline = ContinuousClock.now + .seconds(5)
        while !isOver.withLock({ $0 }) {
            try #require(ContinuousClock.now < deadline, "the stream did not end")
            try await Task.sleep(for: .milliseconds(2))
        }
        return failure.withLock { $0 }
    }

    /// Does what a leaf does for a port: certifies a key, publishes a record, says that the port is open.
    @discardableResult
    func open(
        _ identity: Identity, as leaf: LeafID, epoch: Epoch? = nil, at now: Timestamp
    ) async throws -> EndpointFacts {
        let key = SigningKey()
        let request = try SigningRequest(key: key).der
        let certified = try await client.certifyEndpoint(
            .with {
                $0.identity = Data(identity.octets)
                $0.signingRequest = Data(request)
            })
        let record = try LocationRecord(
            identity: identity, leaf: leaf, locator: .v4(IPv4Address(192, 0, 2, 1)), plugPort: 4_790,
            epoch: epoch ?? certified.epoch, notAfter: now + TrustLimits.recordLifetime)
        let facts = EndpointFacts(
            certificate: Array(certified.certificate), issuer: Array(certified.issuer),
            record: try record.signed(with: key))
        _ = try await client.publish(.with { $0.facts = .init(facts) })
        say {
            $0.port.identity = Data(identity.octets)
            $0.port.state = .open
        }
        return facts
    }
}
