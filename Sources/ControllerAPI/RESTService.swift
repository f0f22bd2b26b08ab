public import DirectoryCore
public import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore

/// The REST API of a controller, for people and their programs.
public enum RESTService {
    /// What answers requests.
    public static func responder(
        directory: Directory, leaves: LeafHub, settings: ControllerSettings, metrics: ControllerMetrics = .init(),
        events: EventHub? = nil,
        logger: Logger
    ) -> APIResponder {
        APIResponder(
            operations: Operations(
                directory: directory, leaves: leaves, settings: settings, metrics: metrics, logger: logger,
                events: events
            ).all, directory: directory, now: settings.now, metrics: metrics, logger: logger)
    }

    /// A server of the API on one address: HTTP/1.1 over TLS 1.3.
    public static func server(
        _ responder: APIResponder, on address: ListenAddress, identity: ControllerIdentity, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        let http = HTTP1Channel.Configuration(
            idleTimeout: ControllerLimits.requestTime,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: ControllerLimits.headerBytes, maxHeaderListSize: ControllerLimits.headerBytes,
                maxHeaderFieldCount: ControllerLimits.headerCount))
        return Application(
            responder: responder,
            server: try .tls(.http1(configuration: http), tlsConfiguration: identity.restConfiguration()),
            configuration: .init(
                address: .hostname(address.address.description, port: Int(address.port)),
                availableConnectionsDelegate: MaximumAvailableConnections(ControllerLimits.connections)),
            onServerRunning: { await onListening($0.localAddress?.port ?? 0) },
            logger: logger)
    }
}
