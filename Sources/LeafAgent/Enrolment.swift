import APITypes
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NetTypes
import Synchronization
import Trust

/// How a host becomes a leaf of a platform: with a token that works once, and for a while only.
public enum Enrolment {
    /// Enrols this host and keeps what it got in the state directory.
    ///
    /// The token names the controller and the hash of the root's key. The secret is only sent over TLS that ends at
    /// a certificate of that root; the leaf's key is made here and never leaves.
    ///
    /// - Returns: the host's name on the platform.
    /// - Throws: ``LeafError`` and the errors of ``Trust``; nothing is kept then.
    public static func join(token text: String, stateDirectory: String) async throws -> String {
        let token = try JoinToken(parsing: text)
        let state = try LeafStateDirectory(path: stateDirectory)
        if let member = try state.membership() {
            throw LeafError(
                "This host is the leaf '\(member.host)' already (\(stateDirectory))",
                remedy: "Give another --state, or remove the directory to join anew.")
        }
        let anchor = try await pinnedRoot(token)
        let key = SigningKey()
        let answer = try await enrol(token, key: key, root: anchor.root)
        guard let certificate = Data(base64Encoded: answer.certificate) else {
            throw LeafError(
                "The controller's answer holds no certificate", remedy: "Update the controller or the leaf.")
        }
        switch await anchor.verify(leaf: Array(certificate), at: SystemClock.now(), revocations: .none) {
        case .failure(let refusal):
            throw LeafError(
                "The certificate that the controller issued does not hold: \(refusal)",
                remedy: "Compare the clocks of this host and the controller.")
        case .success(let leaf):
            try state.keys.store(key, as: LeafStateDirectory.leafKeyName)
            try state.save(
                .init(
                    leaf: leaf.id.description, host: leaf.hostName.text, root: Data(anchor.root),
                    certificate: certificate, controllers: answer.controller.addresses,
                    controllerName: answer.controller.serverName))
            return leaf.hostName.text
        }
    }

    /// Asks the controller for its chain and takes the root out of it, if its key is the pinned one.
    private static func pinnedRoot(_ token: JoinToken) async throws -> TrustAnchor {
        guard let url = URL(string: token.controllerURL), url.scheme == "https", let host = url.host() else {
            throw LeafError("The token names no controller: '\(token.controllerURL)'", remedy: "Make a new token.")
        }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let chain = try await presentedChain(host: bare, port: url.port ?? 443)
        for certificate in chain {
            if let anchor = try? TrustAnchor(root: certificate, pinnedKeyHash: token.rootKeyHash) { return anchor }
        }
        throw LeafError(
            "The server at \(token.controllerURL) is not the controller that made the token",
            remedy: "Make a new token on the controller, and see what answers at that address.")
    }

    /// The certificates that a TLS server shows. Nothing is sent to it: the handshake ends there.
    private static func presentedChain(host: String, port: Int) async throws -> [[UInt8]] {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        tls.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: tls)
        let chain = Captured()
        let verify: @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void = {
            certificates, promise in
            chain.certificates.withLock { $0 = certificates.compactMap { try? $0.toDERBytes() } }
            promise.succeed(.failed)
        }
        do {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(5))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(
                                context: context, serverHostname: nil, customVerificationCallback: verify))
                    }
                }
                .connect(host: host, port: port).get()
            try await channel.closeFuture.get()
        } catch {
            if chain.certificates.withLock({ $0.isEmpty }) {
                throw LeafError(
                    "No controller answers at \(host):\(port): \(error)",
                    remedy: "See that it runs and that this host reaches it.")
            }
        }
        return chain.certificates.withLock { $0 }
    }

    /// Holds what the verification callback saw.
    private final class Captured: Sendable {
        /// Protects the chain, which is written on an event loop.
        let certificates = Mutex<[[UInt8]]>([])
    }

    private static func enrol(_ token: JoinToken, key: SigningKey, root: [UInt8]) async throws -> APITypes.Enrolment {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: root, format: .der)])
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(tlsConfiguration: tls, redirectConfiguration: .disallow))
        let result: Result<APITypes.Enrolment, any Error>
        do {
            var request = HTTPClientRequest(url: token.controllerURL + "/v1/enrol")
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            let body = EnrolmentRequest(
                tokenSecret: Data(token.secret).base64URL,
                signingRequest: Data(try SigningRequest(key: key).der).base64EncodedString())
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
            let response = try await client.execute(request, timeout: .seconds(15))
            let answer = Data(try await response.body.collect(upTo: 1 << 20).readableBytesView)
            guard response.status == .ok || response.status == .created else {
                let problem = try? JSONDecoder().decode(Problem.self, from: answer)
                throw LeafError(
                    "The controller refuses the token: \(problem?.detail ?? problem?.title ?? "status \(response.status.code)")",
                    remedy: problem?.remedy ?? "Make a new token.")
            }
            result = .success(try JSONDecoder().decode(APITypes.Enrolment.self, from: answer))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        return try result.get()
    }
}

extension Data {
    /// Base64 with the URL-safe alphabet and without padding (RFC 4648, section 5).
    fileprivate var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
