import AsyncHTTPClient
import Foundation
import NIOCore
import NIOSSL

/// Asks a provider one thing: over TLS, with an end in time and size, and wherever it points to otherwise is not followed.
struct ProviderHTTP: Sendable {
    /// How long one answer may take.
    let timeout: Duration
    /// Certificates in PEM that are trusted; nil: those of the system.
    let trustedRoots: String?

    /// The longest answer that is read, in bytes.
    static let longest = 256 << 10

    struct Answer: Sendable {
        let status: Int
        let body: Data
    }

    func get(_ url: String) async throws(OpenIDError) -> Answer { try await send(HTTPClientRequest(url: url)) }

    /// Sends a form (RFC 6749, section 4.1.3).
    func post(_ url: String, form: String, authorization: String?) async throws(OpenIDError) -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        request.body = .bytes(ByteBuffer(string: form))
        return try await send(request)
    }

    private func send(_ plain: HTTPClientRequest) async throws(OpenIDError) -> Answer {
        guard Self.isSecure(plain.url) else { throw .metadata("'\(plain.url.prefix(200))' is no https URL") }
        var request = plain
        request.headers.add(name: "accept", value: "application/json")
        var tls = TLSConfiguration.makeClientConfiguration()
        if let trustedRoots {
            guard let roots = try? NIOSSLCertificate.fromPEMBytes(Array(trustedRoots.utf8)), !roots.isEmpty else {
                throw .metadata("the certificates that are to be trusted are none")
            }
            tls.trustRoots = .certificates(roots)
        }
        let nanoseconds = timeout.components.seconds * 1_000_000_000 + timeout.components.attoseconds / 1_000_000_000
        let limit = TimeAmount.nanoseconds(nanoseconds)
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: limit, read: limit))
        configuration.httpVersion = .http1Only
        // A client of its own for each request: sign-ins are rare, and nothing of one provider is left for another.
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Answer, OpenIDError>
        do {
            let asked = request
            // The body counts into the time as well.
            result = .success(
                try await withThrowingTaskGroup(of: Answer.self) { group in
                    group.addTask {
                        let response = try await client.execute(asked, timeout: limit)
                        let body = try await response.body.collect(upTo: Self.longest)
                        return Answer(status: Int(response.status.code), body: Data(body.readableBytesView))
                    }
                    group.addTask { [timeout] in
                        try await Task.sleep(for: timeout)
                        throw OpenIDError.unreachable("there was no answer in \(timeout)")
                    }
                    defer { group.cancelAll() }
                    guard let answer = try await group.next() else { throw OpenIDError.unreachable("no answer") }
                    return answer
                })
        } catch let error as OpenIDError {
            result = .failure(error)
        } catch is NIOTooManyBytesError {
            result = .failure(.metadata("an answer is longer than \(Self.longest) bytes"))
        } catch {
            result = .failure(.unreachable(String("\(error)".prefix(200))))
        }
        // A provider that is slow is slow to say good-bye too: nobody waits for that.
        Task { try? await client.shutdown() }
        return try result.get()
    }

    /// Whether something is an absolute `https` URL of a host, without a user or a fragment.
    static func isSecure(_ text: String) -> Bool {
        guard text.utf8.count <= 2_048, let url = URLComponents(string: text) else { return false }
        return url.scheme?.lowercased() == "https" && !(url.host ?? "").isEmpty && url.user == nil
            && url.password == nil && url.fragment == nil
    }
}

/// The form of queries and of bodies that are forms: everything but letters, digits and four signs is escaped.
enum FormText {
    static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
    }

    static func escape(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default: escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
