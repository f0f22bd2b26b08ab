import APITypes
import Foundation
import Hummingbird
import HummingbirdTesting
import Testing

@testable import ControllerAPI

/// Somebody with an account, at a browser that keeps cookies.
final class TestPerson {
    static let password = "violet umbrella seven"

    let api: API
    let name: String
    private(set) var cookies: [String: String] = [:]
    private(set) var csrf = ""

    init(_ api: API, _ name: String) {
        self.api = api
        self.name = name
    }

    /// Makes an account with a password, and signs in.
    static func make(
        _ api: API, _ local: String, of tenant: String?, _ roles: [String], groups: [String]? = nil
    ) async throws -> TestPerson {
        let path = tenant.map { "/v1/tenants/\($0)/users" } ?? "/v1/users"
        let body = NewPerson(name: local, displayName: local.capitalized, roles: roles, groups: groups)
        let json = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
        let invited = try await api.post(path, json).read(Invitation.self)
        let person = TestPerson(api, invited.user.name)
        try await person.setUp(invited.setupSecret)
        let answer = try await person.signIn()
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return person
    }

    func setUp(_ secret: String) async throws {
        let answer = try await api.send(
            .post, "/v1/setup",
            json: #"{"name":"\#(name)","secret":"\#(secret)","password":"\#(Self.password)"}"#, headers: [:])
        try #require(answer.status == 204, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    @discardableResult
    func signIn(_ password: String = TestPerson.password) async throws -> API.Answer {
        try await send(.post, "/v1/session", json: #"{"name":"\#(name)","password":"\#(password)"}"#)
    }

    /// Sends a request with the cookies and the token against forged requests.
    @discardableResult
    func send(
        _ method: HTTPRequest.Method, _ path: String, json: String? = nil, csrf given: String? = nil
    ) async throws -> API.Answer {
        var headers: HTTPFields = [:]
        if !cookies.isEmpty {
            headers[.cookie] = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        }
        if let name = HTTPFields.Element.Name(Caller.csrfHeader), method != .get { headers[name] = given ?? csrf }
        let answer = try await api.send(method, path, json: json, headers: headers)
        for line in answer.headers[values: .setCookie] {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if line.contains("Max-Age=0") {
                cookies[String(pair[0])] = nil
            } else {
                cookies[String(pair[0])] = String(pair[1])
            }
        }
        if let state = try? answer.read(SessionState.self) { csrf = state.csrfToken }
        return answer
    }

    func get<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        let answer = try await send(.get, path)
        try #require(answer.status == 200, "GET \(path): \(String(decoding: answer.body, as: UTF8.self))")
        return try answer.read(type)
    }

    /// Takes the token against forged requests anew, as a page that was reloaded does.
    func reload() async throws { csrf = try await get(SelfDescription.self, "/v1/self").csrfToken ?? "" }
}
