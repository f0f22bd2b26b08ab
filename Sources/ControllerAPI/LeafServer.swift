public import DirectoryCore
import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import Logging
import MutualTLS
import NetTypes
public import ServiceLifecycle

/// The gRPC service for leaves on one address, over mutual TLS.
public struct LeafServer: Service {
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let leaves: LeafHub

    /// Prepares a server; it listens when it runs.
    public init(
        directory: Directory, leaves: LeafHub, settings: ControllerSettings, on address: ListenAddress,
        identity: ControllerIdentity, logger: Logger
    ) throws {
        self.leaves = leaves
        var configuration = SessionSecurity.serverConfiguration()
        // A leaf whose host has lost its power is noticed within seconds, so that moves need not wait for it.
        configuration.connection.keepalive.time = .seconds(10)
        configuration.connection.keepalive.timeout = .seconds(5)
        // A connection shows the certificate that it began with. Leaves renew theirs when a third of its life is left,
        // so one that has to connect anew in a quarter of it never shows one that has expired.
        configuration.connection.maxAge = .seconds(identity.leafLifetime / 4)
        configuration.connection.maxGraceTime = .seconds(min(5, identity.leafLifetime / 20))
        let host = address.address.description
        let port = Int(address.port)
        let bound: GRPCNIOTransportHTTP2Posix.SocketAddress =
            switch address.address {
            case .v4: .ipv4(host: host, port: port)
            case .v6: .ipv6(host: host, port: port)
            }
        server = GRPCServer(
            transport: .http2NIOPosix(
                address: bound,
                transportSecurity: try SessionSecurity.server(identity.credentials, root: identity.root),
                config: configuration),
            services: [
                DirectoryService(directory: directory, leaves: leaves, settings: settings, logger: logger)
            ])
    }

    /// The port, once it listens.
    public var port: Int {
        get async throws {
            let address = try await server.transport.listeningAddress
            return address.ipv4?.port ?? address.ipv6?.port ?? 0
        }
    }

    /// Serves until the service is shut down; then the leaves' streams are ended, and calls may end.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.serve()
        } onGracefulShutdown: {
            leaves.close()
            server.beginGracefulShutdown()
        }
    }
}
