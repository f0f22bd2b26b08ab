import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NetTypes
public import PrometheusMetrics
public import ServiceLifecycle
import Synchronization

/// Shows a program's metrics (`/metrics`), that it lives (`/healthz`), and whether it can work (`/readyz`), in plain
/// HTTP/1.1 to whoever can connect.
public final class MetricsEndpoint: Service {
    /// Says whether the program can do its work.
    public typealias ReadinessCheck = @Sendable () async -> Readiness

    private let address: MetricsAddress
    private let answers: MetricsAnswers
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void
    /// How many connections are open.
    private let open = Atomic<Int>(0)

    /// Prepares an endpoint; it listens when it runs.
    ///
    /// - Parameter onListening: is told the port; 0 for a socket in the file system.
    public init(
        on address: MetricsAddress, registry: MetricsRegistry, logger: Logger,
        readiness: @escaping ReadinessCheck, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.address = address
        self.answers = MetricsAnswers(registry: registry, readiness: readiness)
        self.logger = logger
        self.onListening = onListening
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    /// Listens until the service is shut down or the task is cancelled.
    ///
    /// - Throws: ``MetricsEndpointError`` when it cannot listen there.
    public func run() async throws {
        let server = try await bind()
        logger.notice("metrics are shown", metadata: ["address": "\(address)"])
        onListening(server.channel.localAddress?.port ?? 0)
        await cancelWhenGracefulShutdown {
            try? await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask { await self.serve(connection) }
                    }
                }
            }
        }
        if case .unix(let path) = address { try? FileManager.default.removeItem(atPath: path) }
    }

    private func bind() async throws -> NIOAsyncChannel<Connection, Never> {
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        do {
            switch address {
            case .tcp(let host, let port):
                return try await bootstrap.bind(
                    host: host.description, port: Int(port), childChannelInitializer: Self.prepare)
            case .unix(let path):
                let server = try await bootstrap.bind(
                    unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: Self.prepare)
                try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: path)
                return server
            }
        } catch {
            throw MetricsEndpointError(address: address, reason: "\(error)")
        }
    }

    @Sendable private static func prepare(_ channel: any Channel) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture { try connection(on: channel) }
    }

    private static func connection(on channel: any Channel) throws -> Connection {
        let operations = channel.pipeline.syncOperations
        try operations.configureHTTPServerPipeline(
            withEncoderConfiguration: HTTPResponseEncoder.Configuration(),
            withDecoderLimitConfiguration: decoderLimits)
        try operations.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
        try operations.addHandler(IdleClosing())
        return try Connection(wrappingChannelSynchronously: channel)
    }

    private static var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8_192
        limits.maxHeaderListSize = 16_384
        limits.maxHeaderFieldCount = 64
        return limits
    }

    /// The most connections at a time; one more is closed at once.
    private static let connections = 32

    private func serve(_ connection: Connection) async {
        let count = open.add(1, ordering: .relaxed).newValue
        defer { open.subtract(1, ordering: .relaxed) }
        try? await connection.executeThenClose { requests, responses in
            guard count <= Self.connections else { return }
            var head: HTTPRequestHead?
            for try await part in requests {
                switch part {
                case .head(let found): head = found
                // A body is for nobody; whoever sends one is not read to the end.
                case .body: return
                case .end:
                    guard let asked = head else { return }
                    head = nil
                    let answer = await answers.answer(
                        asked.method, uri: asked.uri, accepting: asked.headers.first(name: "accept"))
                    try await Self.write(answer, to: asked, responses)
                    guard asked.isKeepAlive else { return }
                }
            }
        }
    }

    private static func write(
        _ answer: MetricsAnswers.Answer, to asked: HTTPRequestHead,
        _ responses: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        let body = ByteBuffer(string: answer.text)
        var headers = HTTPHeaders([
            ("content-type", answer.mediaType), ("content-length", "\(body.readableBytes)"),
            ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
        ])
        if answer.status == .methodNotAllowed { headers.add(name: "allow", value: "GET, HEAD") }
        if !asked.isKeepAlive { headers.add(name: "connection", value: "close") }
        try await responses.write(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)))
        if asked.method != .HEAD { try await responses.write(.body(.byteBuffer(body))) }
        try await responses.write(.end(nil))
    }
}

/// Why an endpoint does not listen.
public struct MetricsEndpointError: Error, CustomStringConvertible {
    /// Where it was to listen.
    public let address: MetricsAddress
    let reason: String

    public var description: String {
        "The metrics cannot be shown at \(address): \(reason). Choose another --metrics, or end what listens there."
    }
}

/// Closes connections on which nothing happens.
private final class IdleClosing: ChannelInboundHandler, Sendable {
    typealias InboundIn = Any

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
