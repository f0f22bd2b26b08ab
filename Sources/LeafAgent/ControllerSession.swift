import GRPCCore
import GRPCNIOTransportHTTP2Posix
import LeafProtocol
import Logging
import MutualTLS
import NetTypes
import Synchronization
import Trust

typealias DirectoryClient = Patchbay_Leaf_V1_Directory.Client<HTTP2ClientTransport.Posix>
typealias FromLeaf = Patchbay_Leaf_V1_FromLeaf
typealias ToLeaf = Patchbay_Leaf_V1_ToLeaf

/// The leaf's session with a controller: one stream for changes and reports, and calls beside it.
///
/// It connects to one of the platform's controllers, the next one when that fails, for as long as the leaf runs.
/// Without a controller every call fails at once with `unavailable`; wires that are plugged do not notice.
final class ControllerSession: Sendable {
    private let addresses: [String]
    private let credentials: SessionCredentials
    private let root: [UInt8]
    private let serverName: String
    private let logger: Logger

    /// Protects the client of the session that is up, and the way for reports on its stream.
    private let live = Mutex<Live>(Live())

    private struct Live {
        var client: DirectoryClient?
        var reports: AsyncStream<FromLeaf>.Continuation?
        /// How often a controller has taken this leaf.
        var welcomes = 0

        mutating func end() { (client, reports) = (nil, nil) }
    }

    init(
        addresses: [String], credentials: SessionCredentials, root: [UInt8], serverName: String, logger: Logger
    ) {
        self.addresses = addresses
        self.credentials = credentials
        self.root = root
        self.serverName = serverName
        self.logger = logger
    }

    /// Whether a controller is connected now.
    var isConnected: Bool { live.withLock { $0.client != nil } }

    /// Keeps a session until the task is cancelled.
    ///
    /// - Parameters:
    ///   - hello: gives the first message of each stream.
    ///   - receive: is given each message of the controller in order; the next one waits for it.
    func run(
        hello: @escaping @Sendable () async -> FromLeaf, receive: @escaping @Sendable (ToLeaf) async -> Void
    ) async {
        var attempt = 0
        var failures = RepeatedFailures()
        var welcomes = 0
        while !Task.isCancelled {
            let address = addresses[attempt % addresses.count]
            let began = ContinuousClock.now
            do {
                try await session(with: address, hello: hello, receive: receive)
                logger.notice("controller ended the session", metadata: ["controller": "\(address)"])
            } catch is CancellationError {
                return
            } catch {
                let present = live.withLock { $0.welcomes }
                if present != welcomes { failures.clear() }
                welcomes = present
                if let more = failures.note("\(error)", of: address, at: .now) {
                    var metadata: Logger.Metadata = ["controller": "\(address)", "error": "\(error)"]
                    if more > 0 { metadata["repeated"] = "\(more)" }
                    logger.warning("no controller", metadata: metadata)
                }
            }
            attempt = ContinuousClock.now - began > .seconds(10) ? 1 : attempt + 1
            let pause = min(2_000, 50 << min(attempt, 6))
            try? await Task.sleep(for: .milliseconds(Int.random(in: pause / 2...pause)))
        }
    }

    private func session(
        with address: String, hello: @escaping @Sendable () async -> FromLeaf,
        receive: @escaping @Sendable (ToLeaf) async -> Void
    ) async throws {
        let target = try SessionTarget.parse(address)
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: target, transportSecurity: try SessionSecurity.client(credentials, root: root),
                config: SessionSecurity.clientConfiguration(serverName: serverName))
        ) { client in
            let directory = DirectoryClient(wrapping: client)
            let (messages, reports) = AsyncStream.makeStream(
                of: FromLeaf.self, bufferingPolicy: .bufferingOldest(4_096))
            defer {
                live.withLock { $0.end() }
                reports.finish()
            }
            // A policy may be longer than answers usually are.
            var options = SessionSecurity.longAnswers
            options.waitForReady = false
            try await directory.attach(
                options: options,
                requestProducer: { writer in
                    try await writer.write(hello())
                    for await message in messages { try await writer.write(message) }
                },
                onResponse: { response in
                    for try await message in response.messages {
                        if case .welcome = message.message {
                            self.live.withLock {
                                ($0.client, $0.reports) = (directory, reports)
                                $0.welcomes += 1
                            }
                        }
                        await receive(message)
                    }
                })
        }
    }

    /// Sends a report on the stream; without a session it is lost, and the next hello says how things are.
    func report(_ message: FromLeaf) {
        live.withLock { _ = $0.reports?.yield(message) }
    }

    /// Asks the directory for what a local endpoint sends to: an identity (16 octets) or a private IPv4 address (4).
    func lookup(source: Identity, destination: [UInt8]) async throws -> Patchbay_Leaf_V1_LookupResponse {
        var request = Patchbay_Leaf_V1_LookupRequest()
        request.source = .init(source.octets)
        request.destination = .init(destination)
        var options = CallOptions.defaults
        options.timeout = LeafLimits.lookupTimeout
        return try await client().lookup(request, options: options)
    }

    /// The client for unary calls.
    ///
    /// - Throws: `RPCError` with the code `unavailable` when no controller is connected.
    func client() throws -> DirectoryClient {
        guard let client = live.withLock({ $0.client }) else {
            throw RPCError(code: .unavailable, message: "no controller is connected")
        }
        return client
    }
}

/// Where a session goes.
enum SessionTarget {
    /// Reads `10.0.0.1:7470`, `[fd00::1]:7470` or `controller.example:7470`.
    static func parse(_ text: String) throws -> any ResolvableTarget {
        let bad = LeafError("'\(text)' is not an address of a controller", remedy: "Write it as ADDRESS:PORT.")
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { throw bad }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            return .ipv6(address: try IPv6Address(parsing: host.dropFirst().dropLast()).description, port: port)
        }
        if let address = try? IPv4Address(parsing: host) { return .ipv4(address: address.description, port: port) }
        guard !host.isEmpty, !host.contains(":") else { throw bad }
        return .dns(host: String(host), port: port)
    }

    /// Where a server of the leaf listens.
    static func listening(at locator: IPAddress, port: UInt16) -> GRPCNIOTransportCore.SocketAddress {
        switch locator {
        case .v4(let address): .ipv4(host: address.description, port: Int(port))
        case .v6(let address): .ipv6(host: address.description, port: Int(port))
        }
    }

    /// The target of another leaf.
    static func leaf(at locator: IPAddress, port: UInt16) -> any ResolvableTarget {
        switch locator {
        case .v4(let address): .ipv4(address: address.description, port: Int(port))
        case .v6(let address): .ipv6(address: address.description, port: Int(port))
        }
    }
}
