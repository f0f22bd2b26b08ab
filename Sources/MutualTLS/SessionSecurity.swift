public import GRPCCore
public import GRPCNIOTransportHTTP2Posix
import NIOCertificateReloading
import NIOSSL
import SwiftASN1
import X509

/// How sessions between leaves, and between leaves and controllers, are protected: TLS with certificates of the
/// platform on both sides. Both sides are ours, so TLS 1.3 is what they agree on.
///
/// A client checks that the server's certificate comes from the platform's root and carries the DNS name of the very
/// leaf or controller that it means to reach. A server accepts certificates of the platform's root and reads who speaks
/// from ``peerCertificate(of:)``, never from a message.
public enum SessionSecurity {
    /// The protection of a server.
    ///
    /// - Parameter root: the platform's root certificate, DER.
    public static func server(
        _ credentials: SessionCredentials, root: [UInt8]
    ) throws -> HTTP2ServerTransport.Posix.TransportSecurity {
        try .mTLS(certificateReloader: credentials) { tls in
            tls.trustRoots = .certificates([.bytes(root, format: .der)])
            tls.clientCertificateVerification = .noHostnameVerification
            tls.requireALPN = true
        }
    }

    /// The protection of a client.
    ///
    /// - Parameter root: the platform's root certificate, DER.
    public static func client(
        _ credentials: SessionCredentials, root: [UInt8]
    ) throws -> HTTP2ClientTransport.Posix.TransportSecurity {
        try .mTLS(certificateReloader: credentials) { tls in
            tls.trustRoots = .certificates([.bytes(root, format: .der)])
            tls.serverCertificateVerification = .fullVerification
        }
    }

    /// The transport settings of a client that means to reach one server.
    ///
    /// - Parameter serverName: the DNS name that the server's certificate must carry.
    public static func clientConfiguration(serverName: String) -> HTTP2ClientTransport.Posix.Config {
        .defaults { config in
            config.http2.authority = serverName
            config.connection.maxIdleTime = nil
            config.connection.keepalive = .init(time: .seconds(10), timeout: .seconds(5), allowWithoutCalls: true)
            // A first packet waits for each call: nothing is saved up to be written together.
            config.connection.flushCoalescing = nil
            config.backoff = .init(initial: .milliseconds(50), max: .seconds(2), multiplier: 1.6, jitter: 0.2)
        }
    }

    /// The transport settings of a server: keepalives of its clients are welcome, idle connections stay.
    public static func serverConfiguration() -> HTTP2ServerTransport.Posix.Config {
        .defaults { config in
            config.connection.maxIdleTime = nil
            config.connection.flushCoalescing = nil
            config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(5)
            config.connection.keepalive.clientBehavior.allowWithoutCalls = true
            config.rpc.maxRequestPayloadSize = longestMessage
        }
    }

    /// The longest message of a session, in bytes: a policy of 12 MiB with its certificates.
    public static let longestMessage = 16 << 20

    /// How a leaf calls a controller whose answers may be as long as ``longestMessage``. The transport takes the limit
    /// of a request's messages for those of the response too; without it, it is 4 MiB.
    public static var longAnswers: CallOptions {
        var options = CallOptions.defaults
        options.maxRequestMessageBytes = longestMessage
        options.maxResponseMessageBytes = longestMessage
        return options
    }

    /// The certificate (DER) of the one who speaks on a session; nil when there is none, which mutual TLS excludes.
    public static func peerCertificate(of context: ServerContext) -> [UInt8]? {
        guard let transport = context.transportSpecific as? HTTP2ServerTransport.Posix.Context,
            let certificate = transport.peerCertificate
        else { return nil }
        var serializer = DER.Serializer()
        do {
            try serializer.serialize(certificate)
        } catch {
            return nil
        }
        return serializer.serializedBytes
    }
}
