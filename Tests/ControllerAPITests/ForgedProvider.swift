import Foundation
import Hummingbird
import HummingbirdTLS
import JWTKit
import NetTypes
import ServiceLifecycle
import Synchronization
import Testing

@testable import ControllerAPI

/// What stands in for a provider where a token has to be forged, which a real one does not do.
final class ForgedProvider: Sendable {
    /// What it answers next.
    struct Script: Sendable {
        /// The claims of the next token; what is nil is left out.
        var claims: [String: Claim] = [:]
        /// How the token is signed.
        var signature = Signature.good
        /// The issuer in the discovery document; nil: its own.
        var issuer: String?
        /// How long each answer takes.
        var delay = Duration.zero
        /// The status of the answers.
        var status = HTTPResponse.Status.ok
        /// How many bytes are put behind the discovery document.
        var padding = 0
        /// Where the discovery document sends who asks for it.
        var redirect: String?
        /// The key that it signs with, and shows.
        var key = Key()
        /// Further claims in place of the usual ones.
        var isTokenMissing = false
    }

    enum Signature: Sendable { case good, none, sharedSecret, otherKey, otherKeyID }

    enum Claim: Encodable, Sendable {
        case text(String), number(Int64), texts([String])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            case .texts(let texts): try container.encode(texts)
            }
        }
    }

    struct Key: Sendable {
        let id = UUID().uuidString
        let key = ES256PrivateKey()
    }

    private struct Payload: JWTPayload {
        var claims: [String: Claim]

        init(_ claims: [String: Claim]) { self.claims = claims }
        init(from decoder: any Decoder) throws { claims = [:] }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(claims)
        }
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    let issuer: String
    let roots: String
    let script = Mutex(Script())
    /// The forms that were sent to its token endpoint.
    let forms = Mutex<[String]>([])

    private init(_ port: Int, _ roots: String) {
        issuer = "https://127.0.0.1:\(port)"
        self.roots = roots
    }

    func set(_ change: (inout Script) -> Void) { script.withLock { change(&$0) } }

    /// Runs one by the certificate of a platform of its own.
    static func with(_ body: @Sendable (ForgedProvider) async throws -> Void) async throws {
        let helper = try TestController()
        let identity = try ControllerIdentity(
            platform: helper.platform, addresses: [.v4(IPv4Address(127, 0, 0, 1))], now: { helper.now },
            logger: helper.logger)
        let (ports, source) = AsyncStream<Int>.makeStream()
        let place = Mutex<ForgedProvider?>(nil)
        let router = Router()
        router.get("**") { request, _ in try await Self.answer(place.withLock { $0 }, request) }
        router.post("**") { request, _ in try await Self.answer(place.withLock { $0 }, request) }
        let server = Application(
            router: router, server: try .tls(.http1(), tlsConfiguration: identity.restConfiguration()),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { source.yield($0.localAddress?.port ?? 0) }, logger: helper.logger)
        let group = ServiceGroup(services: [server], logger: helper.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let provider = ForgedProvider(port, helper.platform.rootPEM)
            place.withLock { $0 = provider }
            do { try await body(provider) } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func answer(_ provider: ForgedProvider?, _ request: Request) async throws -> Response {
        guard let provider else { return Response(status: .serviceUnavailable) }
        let script = provider.script.withLock { $0 }
        try await Task.sleep(for: script.delay)
        switch request.uri.path {
        case "/.well-known/openid-configuration":
            if let redirect = script.redirect { return Response(status: .found, headers: [.location: redirect]) }
            let document = [
                "issuer": script.issuer ?? provider.issuer, "authorization_endpoint": provider.issuer + "/authorize",
                "token_endpoint": provider.issuer + "/token", "jwks_uri": provider.issuer + "/keys",
                "padding": String(repeating: "x", count: script.padding),
            ]
            return try json(document, script.status)
        case "/keys":
            let parameters = script.key.key.publicKey.parameters
            let key = [
                "kty": "EC", "crv": "P-256", "kid": script.key.id, "use": "sig", "x": parameters?.x ?? "",
                "y": parameters?.y ?? "",
            ]
            return try json(["keys": [key, ["kty": "oct", "kid": "shared", "k": "c2VjcmV0"]]], script.status)
        case "/token":
            let form = try await request.body.collect(upTo: 65_536)
            provider.forms.withLock { $0.append(String(buffer: form)) }
            guard !script.isTokenMissing else { return try json(["error": "invalid_grant"], .badRequest) }
            return try json(["id_token": await provider.token(script)], script.status)
        default: return Response(status: .notFound)
        }
    }

    private static func json(_ value: some Encodable, _ status: HTTPResponse.Status) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(data: try JSONEncoder().encode(value))))
    }

    private func token(_ script: Script) async throws -> String {
        let payload = Payload(script.claims)
        let keys = JWTKeyCollection()
        let kid = JWKIdentifier(string: script.key.id)
        switch script.signature {
        case .good: await keys.add(ecdsa: script.key.key, kid: kid)
        case .otherKey: await keys.add(ecdsa: ES256PrivateKey(), kid: kid)
        case .otherKeyID:
            await keys.add(ecdsa: script.key.key, kid: "another")
            return try await keys.sign(payload, kid: "another")
        case .sharedSecret:
            // The public key, which everybody has, taken for a secret that both know.
            await keys.add(
                hmac: HMACKey(from: script.key.key.publicKey.pemRepresentation), digestAlgorithm: .sha256, kid: kid)
        case .none:
            let parts = [
                Data(#"{"alg":"none","kid":"\#(script.key.id)"}"#.utf8), try JSONEncoder().encode(payload),
            ].map {
                $0.base64EncodedString().replacingOccurrences(of: "+", with: "-")
                    .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
            }
            return parts.joined(separator: ".") + "."
        }
        return try await keys.sign(payload, kid: kid)
    }
}
