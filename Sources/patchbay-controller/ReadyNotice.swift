import ControllerAPI
import LinuxKit
import Logging
import ServiceLifecycle

/// Tells the service manager that the controller answers, once all of its servers listen.
struct ReadyNotice: Service {
    private let listening: AsyncStream<Void>
    private let heard: AsyncStream<Void>.Continuation
    private let apiServers: Int
    private let leafServers: [LeafServer]
    private let logger: Logger

    init(apiServers: Int, leafServers: [LeafServer], logger: Logger) {
        (listening, heard) = AsyncStream.makeStream()
        self.apiServers = apiServers
        self.leafServers = leafServers
        self.logger = logger
    }

    /// To be called when a server of the API listens.
    func apiListens() { heard.yield() }

    /// Waits for the servers, tells, and does nothing more. A server that cannot listen ends the controller.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            var missing = apiServers
            for await _ in listening {
                missing -= 1
                if missing == 0 { break }
            }
            guard missing == 0 else { return }
            do {
                for server in leafServers { _ = try await server.port }
                try ServiceManager.ready()
            } catch {
                logger.warning("the service manager is not told", metadata: ["error": "\(error)"])
            }
        }
        try await gracefulShutdown()
    }
}
