public import NIOCertificateReloading
public import NIOSSL
import Synchronization

/// What one side of a mutual TLS session shows of itself: its certificate and key, exchanged for newer ones in flight.
///
/// Sessions that are open keep what they began with; the next handshake uses what ``replace(certificate:keyPEM:)``
/// put in. A certificate that has been renewed therefore needs no restart.
public final class SessionCredentials: CertificateReloader {
    /// Protects the pair, so that a handshake never sees the certificate of one key with the other key.
    private let current: Mutex<Pair>

    private struct Pair {
        var certificate: NIOSSLCertificate
        var key: NIOSSLPrivateKey
    }

    /// Takes a certificate (DER) and its private key (PEM).
    ///
    /// - Throws: a NIOSSL error when one of them cannot be read.
    public init(certificate: [UInt8], keyPEM: String) throws {
        current = Mutex(try Self.pair(certificate, keyPEM))
    }

    /// Uses a newer certificate and key from the next handshake on.
    ///
    /// - Throws: a NIOSSL error when one of them cannot be read; the former pair then stays in use.
    public func replace(certificate: [UInt8], keyPEM: String) throws {
        let pair = try Self.pair(certificate, keyPEM)
        current.withLock { $0 = pair }
    }

    private static func pair(_ certificate: [UInt8], _ keyPEM: String) throws -> Pair {
        Pair(
            certificate: try NIOSSLCertificate(bytes: certificate, format: .der),
            key: try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem))
    }

    public var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
        let pair = current.withLock { $0 }
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = [.certificate(pair.certificate)]
        override.privateKey = .privateKey(pair.key)
        return override
    }
}
