import APITypes
import Accounts
import DirectoryCore
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import NetTypes
import StoreSQLite
import Synchronization
import Testing

@testable import ControllerAPI

/// A platform in a directory of its own, with its store in memory and a clock that can be set.
final class TestController: Sendable {
    let path: String
    let platform: Platform
    let directory: Directory
    let leaves: LeafHub
    let settings: ControllerSettings
    let token: String
    let logger: Logger
    private let late: LateClock

    /// - Parameters:
    ///   - consoleURL: where people find the console; behind an address when left out.
    ///   - dataDirectory: where its store is on disk; what is there already is opened.
    init(
        moveDeadline: Int64 = 3, consoleURL: String? = nil, providerTime: Duration = .seconds(10),
        dataDirectory: String? = nil
    ) throws {
        path = dataDirectory ?? NSTemporaryDirectory() + "patchbay-controller-api-\(UUID().uuidString)"
        if FileManager.default.fileExists(atPath: path + "/root.pem") {
            platform = try Platform.open(dataDirectory: path)
        } else {
            platform = try Platform.initialise(dataDirectory: path, now: Self.clock(), random: Self.random)
        }
        var configuration = DirectoryConfiguration()
        configuration.moveDeadline = moveDeadline
        configuration.passwordCost = PasswordCost(logN: 4, r: 1, p: 1) ?? .standard
        let late = LateClock()
        directory = Directory(
            platform: platform,
            store: try dataDirectory == nil ? SQLiteStore() : SQLiteStore(path: platform.storePath),
            configuration: configuration, now: { late.now() }, random: Self.random)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        self.logger = logger
        self.late = late
        leaves = LeafHub(directory: directory, logger: logger)
        var settings = ControllerSettings(
            version: "test", url: "https://127.0.0.1:7443", consoleURL: consoleURL,
            leafAddresses: ["127.0.0.1:7444", "[::1]:7444"],
            serverName: platform.name.controllerHost, now: { late.now() })
        settings.providerTime = providerTime
        self.settings = settings
        token = try String(contentsOfFile: platform.operatorTokenPath, encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Lets time pass.
    func pass(seconds: Int64) { late.pass(seconds) }

    var now: Timestamp { late.now() }

    static func clock() -> Timestamp { Timestamp(Int64(Date().timeIntervalSince1970)) }

    static func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    var responder: APIResponder {
        RESTService.responder(directory: directory, leaves: leaves, settings: settings, logger: logger)
    }

    /// Runs a test against the API without sockets, while changes are told to who follows.
    func testFollowing(_ body: @Sendable (API, EventHub) async throws -> Void) async throws {
        let hub = EventHub(directory: directory, leaves: leaves, logger: logger)
        let running = Task { try await hub.run() }
        defer { running.cancel() }
        let responder = RESTService.responder(
            directory: directory, leaves: leaves, settings: settings, events: hub, logger: logger)
        let application = Application(responder: responder, logger: logger)
        try await application.test(.router) { client in
            try await body(API(client: client, token: token), hub)
            // Who still follows is let go.
            running.cancel()
            _ = try? await running.value
        }
    }

    /// Runs a test against the API without sockets.
    func test(_ body: @Sendable (API) async throws -> Void) async throws {
        let application = Application(responder: responder, logger: logger)
        try await application.test(.router) { client in try await body(API(client: client, token: token)) }
    }
}

/// The machine's clock, ahead by as much as a test lets pass.
final class LateClock: Sendable {
    private let offset = Mutex<Int64>(0)

    func now() -> Timestamp { TestController.clock() + offset.withLock { $0 } }

    func pass(_ seconds: Int64) { offset.withLock { $0 += seconds } }
}

/// The API as a program sees it.
struct API: Sendable {
    let client: any TestClientProtocol
    let token: String

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let body: Data

        func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: body)
        }

        var problem: Problem? { try? read(Problem.self) }
    }

    /// Sends a request; `json` is sent as it stands.
    func send(
        _ method: HTTPRequest.Method, _ path: String, json: String? = nil, type: String = "application/json",
        headers: HTTPFields? = nil
    ) async throws -> Answer {
        var fields = headers ?? [.authorization: "Bearer \(token)"]
        if let json {
            if fields[.contentType] == nil { fields[.contentType] = type }
            if fields[.contentLength] == nil { fields[.contentLength] = String(json.utf8.count) }
        }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: fields, body: json.map { ByteBuffer(string: $0) })
        return Answer(
            status: response.status.code, headers: response.headers, body: Data(response.body.readableBytesView))
    }

    /// Sends a policy document.
    func send(_ method: HTTPRequest.Method, _ path: String, document: String) async throws -> Answer {
        try await send(method, path, json: document, type: "application/yaml")
    }

    /// Sends what has to succeed, and reads the answer.
    func get<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        let answer = try await send(.get, path)
        try #require(answer.status == 200, "GET \(path): \(String(decoding: answer.body, as: UTF8.self))")
        return try answer.read(type)
    }

    /// Sends what has to succeed.
    @discardableResult
    func post(_ path: String, _ json: String, status: Int = 201) async throws -> Answer {
        let answer = try await send(.post, path, json: json)
        try #require(answer.status == status, "POST \(path): \(String(decoding: answer.body, as: UTF8.self))")
        return answer
    }

    /// Makes tenant acme with vnet lan, group web, host h1 and h2, and endpoints web1 and web2 on h1, db1 on h2.
    func makeAcme() async throws {
        try await post("/v1/tenants", #"{"name":"acme"}"#)
        try await post("/v1/tenants/acme/vnets", #"{"name":"lan","ipv4_prefix":"10.0.0.0/24"}"#)
        try await post("/v1/tenants/acme/groups", #"{"name":"web"}"#)
        try await post("/v1/hosts", #"{"name":"h1"}"#)
        try await post("/v1/hosts", #"{"name":"h2"}"#)
        for (name, host, groups) in [("web1", "h1", #"["web"]"#), ("web2", "h1", #"["web"]"#), ("db1", "h2", "[]")] {
            try await post(
                "/v1/tenants/acme/endpoints",
                #"{"name":"\#(name)","vnet":"lan","host":"\#(host)","kind":"namespace","groups":\#(groups)}"#)
        }
    }
}
