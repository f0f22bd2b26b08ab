import CoreMetrics
import Foundation
import Logging
import NIOCore
import NIOPosix
import NetTypes
import PrometheusMetrics
import Synchronization
import Testing

@testable import MetricsEndpoint

/// The endpoint as a client of plain sockets finds it.
@Suite struct EndpointTests {
    private static let isReady = Readiness([.init("store"), .init("leaf")])

    /// Runs an endpoint meanwhile.
    private func listen(
        on address: MetricsAddress = .tcp(.v4(IPv4Address(127, 0, 0, 1)), port: 0),
        readiness: Readiness = Self.isReady, _ body: @Sendable @escaping (Int) async throws -> Void
    ) async throws {
        let registry = MetricsRegistry([MetricDescription(.gauge, "wires", "Wires.", labels: ["kind"])])
        Meter(label: "wires", dimensions: [("kind", "plain")], factory: registry).set(4)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let endpoint = MetricsEndpoint(
            on: address, registry: registry, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            readiness: { readiness }, onListening: { port.yield($0) })
        try await withThrowingTaskGroup { group in
            group.addTask { try await endpoint.run() }
            group.addTask {
                for await port in ports { return try await body(port) }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Sends octets, and gives back everything that comes until the other end closes.
    private func ask(_ request: String, at target: MetricsAddress) async throws -> String {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        @Sendable func wrap(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
        }
        let channel =
            switch target {
            case .tcp(let host, let port):
                try await bootstrap.connect(host: host.description, port: Int(port), channelInitializer: wrap)
            case .unix(let path):
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: wrap)
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ""
            do {
                for try await part in inbound { answer += String(buffer: part) }
            } catch is IOError {
                // Closed with what it did not read: as good as an end.
            }
            return answer
        }
    }

    private func get(_ path: String, accept: String = "*/*", at target: MetricsAddress) async throws -> String {
        try await ask("GET \(path) HTTP/1.1\r\nHost: a\r\nAccept: \(accept)\r\nConnection: close\r\n\r\n", at: target)
    }

    private static func local(_ port: Int) -> MetricsAddress {
        .tcp(.v4(IPv4Address(127, 0, 0, 1)), port: UInt16(clamping: port))
    }

    @Test func showsMetricsAndHealth() async throws {
        try await listen { port in
            let place = Self.local(port)
            let metrics = try await get("/metrics", at: place)
            #expect(metrics.hasPrefix("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(metrics.contains("\nwires{kind=\"plain\"} 4\n"))
            let open = try await get("/metrics?x=y", accept: "application/openmetrics-text", at: place)
            #expect(open.contains("content-type: application/openmetrics-text; version=1.0.0"))
            #expect(open.hasSuffix("# EOF\n"))
            #expect(try await get("/healthz", at: place).hasSuffix("\r\n\r\nok\n"))
            let ready = try await get("/readyz", at: place)
            #expect(ready.hasPrefix("HTTP/1.1 200") && ready.hasSuffix("store: ok\nleaf: ok\n"))
            #expect(try await get("/", at: place).hasPrefix("HTTP/1.1 404"))
            #expect(try await get("/metrics/", at: place).hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test func saysWhatIsWrong() async throws {
        let readiness = Readiness([.init("store", problem: "the disk\r\nis full"), .init("leaf")])
        try await listen(readiness: readiness) { port in
            let answer = try await get("/readyz", at: Self.local(port))
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.hasSuffix("store: the disk is full\nleaf: ok\n"))
            #expect(try await get("/healthz", at: Self.local(port)).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func badRequests() async throws {
        try await listen { port in
            let place = Self.local(port)
            let post = try await ask("POST /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", at: place)
            #expect(post.hasPrefix("HTTP/1.1 405") && post.contains("allow: GET, HEAD"))
            let body = "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            #expect(try await ask(body, at: place) == "")
            let head = try await ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", at: place)
            #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))
            let long = "GET /metrics HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n"
            #expect(!(try await ask(long, at: place)).contains("wires"))
            for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}"] {
                #expect(!(try await ask(garbage, at: place)).contains("wires"), "\(garbage.debugDescription)")
            }
            // It still answers after all of that.
            #expect(try await get("/healthz", at: place).hasSuffix("ok\n"))
        }
    }

    @Test func socketInTheFileSystem() async throws {
        let path = NSTemporaryDirectory() + "patchbay-metrics-\(UUID().uuidString.prefix(8)).sock"
        try await listen(on: .unix(path)) { _ in
            #expect(try await get("/healthz", at: .unix(path)).hasSuffix("ok\n"))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o660)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func anAddressInUseIsNamed() async throws {
        try await listen { port in
            let taken = Self.local(port)
            let second = MetricsEndpoint(
                on: taken, registry: MetricsRegistry([]),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                readiness: { Self.isReady })
            let error = await #expect(throws: MetricsEndpointError.self) { try await second.run() }
            #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        }
    }

    @Test func addresses() throws {
        for text in ["127.0.0.1:9470", "[::1]:0", "unix:/run/patchbay/metrics.sock"] {
            #expect(try MetricsAddress(parsing: text).description == text)
        }
        let bad = [
            "", "9470", ":9470", "localhost:9470", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
            "::1:80",
            "[127.0.0.1]:80", "[::1]", "unix:", "unix:run", "unix:/\(String(repeating: "a", count: 107))", "unix:/a\0b",
        ]
        for text in bad {
            #expect(throws: TextError.self, "\(text)") { try MetricsAddress(parsing: text) }
        }
    }
}
