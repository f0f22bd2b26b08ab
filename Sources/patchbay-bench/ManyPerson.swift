import APIClient
import APITypes
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// The tenant's owner, who signs in as a browser does and makes a token for the reads that are measured.
struct ManyPerson {
    static let name = "ada"
    static let password = "violet umbrella seven"

    let location: ControllerLocation

    /// The owner's personal token.
    func token(of tenant: String, _ client: APIClient) async throws -> String {
        let invitation = try await client.create(firstOwner: NewOwner(name: Self.name, displayName: "Ada"), of: tenant)
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: try RequestLoad.configuration(location))
        do {
            let name = invitation.user.name
            _ = try await send(
                http, "/v1/setup", ["name": name, "secret": invitation.setupSecret, "password": Self.password])
            let session = try await send(http, "/v1/session", ["name": name, "password": Self.password])
            let state = try JSONDecoder().decode(SessionState.self, from: session.body)
            let made = try await send(
                http, "/v1/self/tokens",
                NewToken(label: "bench", scopes: ["read", "policy-read", "people", "audit"], days: 1),
                headers: ["x-patchbay-csrf": state.csrfToken, "cookie": session.cookies])
            try await http.shutdown()
            return try JSONDecoder().decode(MadeToken.self, from: made.body).token
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private struct MadeToken: Decodable { let token: String }

    private func send(
        _ client: HTTPClient, _ path: String, _ body: some Encodable, headers: [String: String] = [:]
    ) async throws -> (body: Data, cookies: String) {
        var request = HTTPClientRequest(url: location.controller + path)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        let response = try await client.execute(request, timeout: .seconds(30))
        let answer = try await response.body.collect(upTo: 1 << 20)
        guard (200..<300).contains(response.status.code) else {
            throw BenchError("POST \(path) answered \(response.status.code): \(String(buffer: answer).prefix(300))")
        }
        let cookies = response.headers["set-cookie"].map { String($0.prefix { $0 != ";" }) }
        return (Data(answer.readableBytesView), cookies.joined(separator: "; "))
    }
}
