public import DirectoryCore
public import Logging
import MutualTLS
import NIOSSL
public import NetTypes
public import ServiceLifecycle
import Trust
import WebAuthn

/// The controller's own certificate: issued at the start for the platform's controller key, and again at half of its
/// life. Handshakes from then on show the new one; connections that are open stay.
public struct ControllerIdentity: Service {
    private let platform: Platform
    private let addresses: [IPAddress]
    private let consoleHost: String?
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    let credentials: SessionCredentials

    /// Issues the first certificate.
    ///
    /// - Parameters:
    ///   - addresses: the addresses that clients connect to; each becomes a name in the certificate.
    ///   - consoleURL: the URL under which people find the console; so does its name, where it is one.
    public init(
        platform: Platform, addresses: [IPAddress], consoleURL: String? = nil,
        now: @escaping @Sendable () -> Timestamp, logger: Logger
    ) throws {
        self.platform = platform
        self.addresses = addresses
        consoleHost = consoleURL.flatMap { try? RelyingParty(url: $0).id }
        self.now = now
        self.logger = logger
        credentials = try SessionCredentials(
            certificate: platform.issueController(addresses: addresses, consoleHost: consoleHost, at: now()),
            keyPEM: platform.controllerKey.pem)
    }

    /// How long certificates of leaves live, in seconds.
    var leafLifetime: Int64 { platform.lifetimes.leaf }

    /// When the certificate that is shown now ends.
    var certificateEnd: Timestamp? {
        guard case .certificate(let shown)? = credentials.sslContextConfigurationOverride.certificateChain?.first,
            let der = try? shown.toDERBytes()
        else { return nil }
        return try? CertificateSummary(parsing: der).notAfter
    }

    /// The root certificate, DER.
    var root: [UInt8] { platform.anchor.root }

    /// Renews until the service is shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(platform.lifetimes.leaf / 2))) != nil { renew() }
        }
    }

    private func renew() {
        do {
            try credentials.replace(
                certificate: platform.issueController(addresses: addresses, consoleHost: consoleHost, at: now()),
                keyPEM: platform.controllerKey.pem)
            logger.info("the controller's certificate was renewed")
        } catch {
            logger.error("the controller's certificate cannot be renewed", metadata: ["error": "\(error)"])
        }
    }

    /// The TLS settings of the REST API: 1.3 only, and the root in the chain, so that a leaf that knows only the root's
    /// hash can enrol.
    func restConfiguration() throws -> TLSConfiguration {
        let rootCertificate = try NIOSSLCertificate(bytes: root, format: .der)
        let credentials = self.credentials
        let present: @Sendable () -> NIOSSLContextConfigurationOverride = {
            var override = credentials.sslContextConfigurationOverride
            override.certificateChain = (override.certificateChain ?? []) + [.certificate(rootCertificate)]
            return override
        }
        let first = present()
        // The callback below answers every handshake; these are checked against each other, and never shown.
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: first.certificateChain ?? [],
            privateKey: try first.privateKey
                ?? .privateKey(NIOSSLPrivateKey(bytes: Array(platform.controllerKey.pem.utf8), format: .pem)))
        configuration.minimumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        configuration.sslContextCallback = { _, promise in promise.succeed(present()) }
        return configuration
    }
}
