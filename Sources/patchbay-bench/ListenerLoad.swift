import APIClient
import Dispatch
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Many who follow a tenant's events, each on a connection of its own.
final class ListenerLoad: Sendable {
    /// What all connections together have seen; the mutex is for the event loops and whoever waits for them.
    final class Board: Sendable {
        private struct State {
            var ready = 0
            var ended = 0
            var marker: [UInt8]?
            var arrivals: [UInt64] = []
        }

        private let state = Mutex(State())

        var ready: Int { state.withLock { $0.ready } }
        var ended: Int { state.withLock { $0.ended } }
        /// When the marker arrived, nanoseconds of CLOCK_MONOTONIC, of each that it has reached.
        var arrivals: [UInt64] { state.withLock { $0.arrivals } }

        func expect(_ marker: String) {
            state.withLock {
                $0.marker = Array(marker.utf8)
                $0.arrivals = []
            }
        }

        fileprivate func sawReady() { state.withLock { $0.ready += 1 } }
        fileprivate func end() { state.withLock { $0.ended += 1 } }
        fileprivate func see(_ bytes: ByteBuffer) {
            let now = DispatchTime.now().uptimeNanoseconds
            state.withLock { state in
                if let marker = state.marker, bytes.readableBytesView.contains(marker) { state.arrivals.append(now) }
            }
        }
    }

    let board = Board()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let location: ControllerLocation
    private let path: String

    init(_ location: ControllerLocation, path: String) {
        self.location = location
        self.path = path
    }

    func close() async { try? await group.shutdownGracefully() }

    /// Connects so many more, some at a time, and waits until each has got the event `ready`.
    func connect(_ count: Int, atOnce: Int = 64) async throws {
        guard let url = URL(string: location.controller), let host = url.host(), let port = url.port else {
            throw BenchError("\(location.controller) has no host and port")
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(location.rootCertificate.utf8)))
        tls.minimumTLSVersion = .tlsv13
        let context = try NIOSSLContext(configuration: tls)
        let board = board
        let request = """
            GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nAuthorization: Bearer \(location.token)\r
            Accept: text/event-stream\r\n\r\n
            """
        let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    try NIOSSLClientHandler(context: context, serverHostname: nil),
                    Listener(board: board, request: request),
                ])
            }
        }
        var left = count
        while left > 0 {
            let some = min(left, atOnce)
            let goal = board.ready + some
            for connection in (0..<some).map({ _ in bootstrap.connect(host: host, port: port) }) {
                _ = try await connection.get()
            }
            let end = Date().addingTimeInterval(30)
            while board.ready < goal {
                guard board.ended == 0, Date() < end else {
                    throw BenchError("\(board.ended) listeners were cut off; \(board.ready) follow")
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            left -= some
        }
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let board: Board
        private let request: String
        private var isReady = false

        init(board: Board, request: String) {
            self.board = board
            self.request = request
        }

        func channelActive(context: ChannelHandlerContext) {
            // What is written before the handshake is done waits for it.
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            if !isReady, bytes.readableBytesView.contains("event: ready".utf8) {
                isReady = true
                board.sawReady()
            }
            board.see(bytes)
        }

        func channelInactive(context: ChannelHandlerContext) { board.end() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
