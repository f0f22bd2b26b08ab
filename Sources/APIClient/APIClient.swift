public import APITypes
import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL

/// A client of the controller's REST API.
///
/// It speaks TLS 1.3 only and trusts the platform's root only, not those of the machine. Call ``shutdown()`` when
/// done; calls in flight then fail.
public struct APIClient: Sendable {
    /// The URL of the controller without a slash at its end.
    public let controller: String
    private var credentials: Means
    let client: HTTPClient
    let timeout: TimeAmount

    /// By what it says who asks.
    private enum Means: Sendable {
        case nothing
        case token(String)
        case certificate(CertificateSignIn)
        case session(SessionSecret)
    }

    /// The longest answer that is read: more than any list of this release can be.
    static let longestAnswer = 256 << 20

    /// Makes a client; connects at the first call.
    ///
    /// - Parameters:
    ///   - location: Where the controller is.
    ///   - timeout: How long one call may take, in seconds.
    public init(_ location: ControllerLocation, timeout: Int64 = 30) throws(APIClientError) {
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            let roots = try NIOSSLCertificate.fromPEMBytes(Array(location.rootCertificate.utf8))
            tls.trustRoots = .certificates(roots)
        } catch {
            throw .setting("the root certificate is not PEM", remedy: "use the controller's root.pem")
        }
        tls.minimumTLSVersion = .tlsv13
        guard location.controller.hasPrefix("https://"), URL(string: location.controller)?.host() != nil else {
            throw .setting(
                "'\(location.controller)' is not the URL of a controller",
                remedy: "give one such as https://127.0.0.1:7443")
        }
        guard location.token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .setting("the operator's token is not ASCII", remedy: "use the controller's operator.token")
        }
        if let certificate = location.certificate {
            credentials = .certificate(
                try CertificateSignIn(
                    certificate: certificate.certificate, key: certificate.key, root: location.rootCertificate))
        } else {
            credentials = location.token.isEmpty ? .nothing : .token(location.token)
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .seconds(timeout)))
        configuration.httpVersion = .http1Only
        // A person who waits for the answer is told at once that nobody listens, or that it is someone else.
        configuration.connectionPool.retryConnectionEstablishment = false
        controller = location.controller.withoutTrailingSlash
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        self.timeout = .seconds(timeout)
    }

    /// Closes the connections. Calls in flight fail.
    public func shutdown() async {
        try? await client.shutdown()
    }

    /// Sends a request without a body and reads the answer.
    public func get<Answer: Decodable>(_ path: Path) async throws(APIClientError) -> Answer {
        try read(try await send("GET", path, body: nil), "GET \(path)")
    }

    /// Sends a request with a body and reads the answer.
    public func post<Answer: Decodable>(
        _ path: Path, _ body: some APIRequestBody
    ) async throws(APIClientError) -> Answer {
        try read(try await send("POST", path, body: try encode(body)), "POST \(path)")
    }

    /// Reads a policy document as it is, byte for byte.
    public func document(_ path: Path) async throws(APIClientError) -> [UInt8] {
        Array(try await send("GET", path, body: nil).readableBytesView)
    }

    /// Sends a policy document as it is, and reads the answer.
    public func send<Answer: Decodable>(
        document: [UInt8], _ method: String, _ path: Path
    ) async throws(APIClientError) -> Answer {
        try read(
            try await send(method, path, body: ByteBuffer(bytes: document), type: "application/yaml"),
            "\(method) \(path)")
    }

    /// Makes something be at a path, whether or not it was there.
    public func put(_ path: Path) async throws(APIClientError) {
        _ = try await send("PUT", path, body: nil)
    }

    /// Puts a body in the place of what is at a path, and reads the answer.
    public func put<Answer: Decodable>(
        _ path: Path, _ body: some APIRequestBody
    ) async throws(APIClientError) -> Answer {
        try read(try await send("PUT", path, body: try encode(body)), "PUT \(path)")
    }

    /// Sends a request with a body that is not answered but by success.
    public func post(_ path: Path, _ body: some APIRequestBody) async throws(APIClientError) {
        _ = try await send("POST", path, body: try encode(body))
    }

    /// Asks for something that needs no body, and reads the answer.
    public func post<Answer: Decodable>(_ path: Path) async throws(APIClientError) -> Answer {
        try read(try await send("POST", path, body: nil), "POST \(path)")
    }

    /// Deletes what is at a path.
    public func delete(_ path: Path) async throws(APIClientError) {
        _ = try await send("DELETE", path, body: nil)
    }

    /// Deletes what is at a path, and reads what became of it.
    public func delete<Answer: Decodable>(_ path: Path) async throws(APIClientError) -> Answer {
        try read(try await send("DELETE", path, body: nil), "DELETE \(path)")
    }

    private func encode(_ body: some APIRequestBody) throws(APIClientError) -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try JSONEncoder().encode(body))
        } catch {
            throw .setting("the request cannot be written as JSON", remedy: "check its values")
        }
    }

    private func read<Answer: Decodable>(_ body: ByteBuffer, _ request: String) throws(APIClientError) -> Answer {
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
        } catch {
            throw .badAnswer(request: request, reason: "\(error)")
        }
    }

    private func send(
        _ method: String, _ path: Path, body: ByteBuffer?, type: String = "application/json"
    ) async throws(APIClientError) -> ByteBuffer {
        var request = HTTPClientRequest(url: controller + path.text)
        request.method = .RAW(value: method)
        request.headers.add(name: "accept", value: "application/json, application/yaml, application/problem+json")
        try await addCredentials(to: &request)
        if let body {
            request.headers.add(name: "content-type", value: type)
            request.body = .bytes(body)
        }
        do {
            let response = try await client.execute(request, timeout: timeout)
            let answer = try await response.body.collect(upTo: Self.longestAnswer)
            guard (200..<300).contains(response.status.code) else {
                throw APIClientError.problem(problem(answer, status: Int(response.status.code)))
            }
            if case .session(let secret) = credentials { secret.follow(response.headers["set-cookie"]) }
            return answer
        } catch {
            throw failure(error, "\(method) \(path)")
        }
    }

    /// Says who asks.
    func addCredentials(to request: inout HTTPClientRequest) async throws(APIClientError) {
        switch credentials {
        case .nothing: return
        case .token(let token): request.headers.add(name: "authorization", value: "Bearer \(token)")
        case .certificate(let certificate):
            let token = try await certificate.token { (assertion) throws(APIClientError) in
                var anonymous = self
                anonymous.credentials = .nothing
                return try await anonymous.post(
                    Path("v1", "session", "certificate"), CertificateAssertion(assertion: assertion))
            }
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        case .session(let secret):
            var (cookie, csrf) = secret.present
            if csrf == nil, request.method != .GET {
                csrf = try await oneself().csrfToken
                secret.set(csrf: csrf, of: cookie)
                cookie = secret.present.cookie
            }
            request.headers.add(name: "cookie", value: cookie)
            if let csrf { request.headers.add(name: "x-patchbay-csrf", value: csrf) }
        }
    }

    /// The same client for one who signs in with a password; the session ends by itself, or by ``signOut()``.
    ///
    /// - Parameter code: gives the code of the second factor, where one is asked for.
    public func signedIn(
        _ name: String, password: String, code: () throws -> String
    ) async throws -> APIClient {
        // Whoever asks otherwise, such as by a token of the environment, is not meant.
        var anonymous = self
        anonymous.credentials = .nothing
        var (client, state) = try await anonymous.begun(
            Path("v1", "session"), Credentials(name: name, password: password))
        if state.stage != "complete" {
            (client, state) = try await client.begun(Path("v1", "session", "code"), SecondFactorCode(code: try code()))
        }
        return client
    }

    /// Ends the session that ``signedIn(_:password:code:)`` has begun.
    public func signOut() async throws(APIClientError) { try await delete(Path("v1", "session")) }

    private func begun(_ path: Path, _ body: some APIRequestBody) async throws(APIClientError) -> (
        APIClient, SessionState
    ) {
        var request = HTTPClientRequest(url: controller + path.text)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        try await addCredentials(to: &request)
        request.body = .bytes(try encode(body))
        let secret = SessionSecret()
        let answer: ByteBuffer
        do {
            let response = try await client.execute(request, timeout: timeout)
            answer = try await response.body.collect(upTo: Self.longestAnswer)
            guard (200..<300).contains(response.status.code) else {
                throw APIClientError.problem(problem(answer, status: Int(response.status.code)))
            }
            secret.follow(response.headers["set-cookie"])
        } catch {
            throw failure(error, "POST \(path)")
        }
        let state: SessionState = try read(answer, "POST \(path)")
        secret.set(csrf: state.csrfToken, of: secret.present.cookie)
        var session = self
        session.credentials = .session(secret)
        return (session, state)
    }

    func problem(_ body: ByteBuffer, status: Int) -> Problem {
        if let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.readableBytesView)) { return problem }
        return Problem(
            code: "http", title: "the controller answered with status \(status)", status: status,
            remedy: "look into the controller's log")
    }

    func failure(_ error: any Error, _ request: String) -> APIClientError {
        switch error {
        case let error as APIClientError:
            return error
        case let error as NIOSSLError:
            return .untrusted(controller: controller, reason: "\(error)")
        case let error as BoringSSLError:
            return .untrusted(controller: controller, reason: "\(error)")
        case let error as NIOSSLExtraError:
            return .untrusted(controller: controller, reason: "\(error)")
        case is NIOTooManyBytesError:
            return .badAnswer(request: request, reason: "it is longer than \(Self.longestAnswer) bytes")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            return .unreachable(controller: controller, reason: "no answer to \(request) in time")
        case let error as HTTPClientError where error == .connectTimeout:
            return .unreachable(controller: controller, reason: "no connection within 5 seconds")
        case let error as NIOConnectionError:
            return .unreachable(
                controller: controller, reason: error.connectionErrors.first.map { "\($0.error)" } ?? "\(error)")
        default:
            return .unreachable(controller: controller, reason: "\(error)")
        }
    }
}

/// The path of a request under the controller's URL, with what is not allowed in a segment percent-encoded.
public struct Path: Sendable, CustomStringConvertible {
    /// The path and query.
    public let text: String

    /// Joins segments and, where given, a query; what has no value in it is left out.
    public init(_ segments: String..., query: KeyValuePairs<String, String?> = [:]) {
        self.init(segments: segments, query: query)
    }

    /// Joins segments and, where given, a query; what has no value in it is left out.
    public init(segments: [String], query: KeyValuePairs<String, String?> = [:]) {
        let path = segments.map { "/" + Self.encode($0) }.joined()
        let pairs = query.compactMap { pair in
            pair.value.map { "\(Self.encode(pair.key))=\(Self.encode($0))" }
        }
        text = path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    public var description: String { text }

    /// The same path with a query; what has no value in it is left out.
    func with(query: KeyValuePairs<String, String?>) -> Path {
        Path(encoded: text + Path(segments: [], query: query).text)
    }

    private init(encoded: String) { text = encoded }

    /// Keeps the unreserved characters of RFC 3986, section 2.3.
    private static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                result.append(character)
            } else {
                result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}

extension String {
    fileprivate var withoutTrailingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
