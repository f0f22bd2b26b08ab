import APITypes
import Accounts
import AuditLog
import DirectoryCore
import FoundationEssentials
public import Hummingbird
import Logging
import NIOCore
import NetTypes

/// What a request of the API brings with it besides itself.
public struct APIRequestContext: RequestContext, Sendable {
    public var coreContext: CoreRequestContextStorage
    /// The connection, so that a refused upload can be ended.
    let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Answers requests from the table of operations.
///
/// The order is: limits, authentication, route, rights, body, operation. Who is not authenticated learns nothing of
/// which routes exist, and nothing of theirs is kept in memory.
public struct APIResponder: HTTPResponder {
    public typealias Context = APIRequestContext

    private let operations: [Operation]
    let routes: RouteTable
    let directory: Directory
    let rights: RightsCheck
    private let metrics: ControllerMetrics
    let logger: Logger

    init(
        operations: [Operation], directory: Directory, now: @escaping @Sendable () -> Timestamp,
        metrics: ControllerMetrics, logger: Logger
    ) {
        self.operations = operations
        routes = RouteTable(operations)
        self.directory = directory
        rights = RightsCheck(directory: directory, now: now)
        self.metrics = metrics
        self.logger = logger
    }

    /// Answers one request, and counts it; errors become problem details (RFC 9457).
    public func respond(to request: Request, context: APIRequestContext) async throws -> Response {
        if let page = ConsolePages.response(for: request) { return page }
        // A task keeps the memory of its deepest call until it ends, and a connection's ends with the connection: some
        // 50 kB for each of thousands that follow events. So every request is answered in a task of its own.
        async let response = counted(request, context)
        return await response
    }

    private func counted(_ request: Request, _ context: APIRequestContext) async -> Response {
        let began = ContinuousClock.now
        var operation: Operation?
        let response = await respond(to: request, context, &operation)
        metrics.answered(operation?.id, status: response.status.code, took: ContinuousClock.now - began)
        return response
    }

    private func respond(
        to request: Request, _ context: APIRequestContext, _ asked: inout Operation?
    ) async -> Response {
        do {
            return try await answer(request, context, &asked)
        } catch {
            var problem = self.problem(error, request)
            problem.detail = problem.detail.map(Self.sentence)
            // Neither query nor body: they may hold what nobody should see again.
            problem.instance = String(request.uri.path.prefix(200))
            logger.debug(
                "request refused",
                metadata: [
                    "method": "\(request.method)", "path": "\(problem.instance ?? "")", "status": "\(problem.status)",
                    "problem": "\(problem.code)",
                ])
            return response(problem, request, context)
        }
    }

    private func answer(
        _ request: Request, _ context: APIRequestContext, _ asked: inout Operation?
    ) async throws -> Response {
        // 1. Limits.
        let isCallback = request.uri.path == Operations.callbackPath
        let longest = isCallback ? ControllerLimits.callbackBytes : ControllerLimits.pathBytes
        guard (request.head.path ?? "").utf8.count <= longest else { throw Problem.pathTooLong }
        let declared = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        let here = routes.match(Self.segments(request))
        let route = here?.route(request.method)
        let operation = route?.operation
        asked = operation
        let limit = operation?.bodyLimit ?? ControllerLimits.bodyBytes
        guard declared <= limit else { throw Problem.tooLarge(limit) }
        // 2. Who asks.
        var caller = Caller(
            request, context.channel.remoteAddress.flatMap { try? IPAddress(parsing: $0.ipAddress ?? "") })
        caller.channel = context.channel
        if operation?.access != .everyone {
            caller.authenticated = try await authenticate(request, caller)
            guard caller.authenticated != nil else {
                await noteStranger(request, operation, caller)
                throw Problem.unauthenticated
            }
        }
        // 3. What for.
        guard let (operation, parameters) = route else {
            guard let here else { throw Problem.noRoute(request.uri.path) }
            throw Problem.method(request.method.rawValue, allowed: here.operations.map(\.method.rawValue))
        }
        let path = String(request.uri.path.prefix(ControllerLimits.pathBytes))
        let early = Call(parameters: parameters, query: [:], body: [], caller: caller)
        do {
            return try await perform(request, operation, early, path, declared)
        } catch {
            if operation.access != .everyone { await noteRefusal(error, operation, early, path) }
            throw error
        }
    }

    /// Asks for the rights, reads the body and does the operation.
    private func perform(
        _ request: Request, _ operation: Operation, _ early: Call, _ path: String, _ declared: Int
    ) async throws -> Response {
        let query = try Self.query(request, operation)
        var call = Call(parameters: early.parameters, query: query, body: [], caller: early.caller)
        guard operation.access != .everyone else {
            call = call.with(body: try await body(request, operation, declared: declared))
            let origin = rights.origin(operation, call, nil, path)
            return try await Origin.$current.withValue(origin) { try await respond(operation, call).response }
        }
        let permission = try await rights.permit(operation, call, path: path)
        call = call.with(body: try await body(request, operation, declared: declared))
        try await rights.permitBody(operation, call, path: path)
        let conditions = try Conditions(request)
        let response = try await Origin.$current.withValue(permission.origin) {
            guard operation.method != .get else { return try await look(operation, call, conditions) }
            return try await once(request, operation, call, conditions)
        }
        if permission.isLook { await directory.note(permission.origin, outcome: .done) }
        return response
    }

    /// Answers a request that changes nothing.
    private func look(_ operation: Operation, _ call: Call, _ conditions: Conditions) async throws -> Response {
        let body = try await operation.handle(call)
        if let stream = body as? any StreamedAnswer { return stream.response() }
        var answer = try finish(operation, call, body)
        guard let tag = answer.tag else { return answer.response }
        answer.extra.append(("etag", tag))
        guard !conditions.isKnown(tag) else {
            (answer.status, answer.type, answer.body) = (.notModified, nil, [])
            return answer.response
        }
        return answer.response
    }

    /// Makes a change, once for each idempotency key.
    private func once(
        _ request: Request, _ operation: Operation, _ call: Call, _ conditions: Conditions
    ) async throws -> Response {
        guard let key = conditions.idempotencyKey, operation.method == .post else {
            return try await change(operation, call, conditions).response
        }
        let actor = call.caller.principal?.account?.description ?? "installation"
        let asked = Array("\(request.method) \(request.uri.string)\n".utf8) + call.body
        if let kept = try await directory.begin(actor: actor, key: key, request: asked) {
            return APIAnswer(kept).response
        }
        do {
            let answer = try await change(operation, call, conditions)
            try await directory.end(actor: actor, key: key, answer.kept)
            return answer.response
        } catch {
            // Nothing was done, so that it may be asked again.
            try? await directory.end(actor: actor, key: key, nil)
            throw error
        }
    }

    /// Makes a change if what is changed is what the caller has looked at.
    private func change(
        _ operation: Operation, _ call: Call, _ conditions: Conditions
    ) async throws -> APIAnswer {
        guard conditions.match != nil else { return try await respond(operation, call) }
        guard let shown = operations.first(where: { $0.method == .get && $0.isShown(by: operation) }) else {
            throw Problem.noCondition
        }
        for _ in 0..<Conditions.tries {
            let writes = directory.writes
            var tag: String?
            do { tag = try finish(shown, call, await shown.handle(call.bare)).tag } catch {
                // There is nothing that could match; where the change finds nothing either, it says so.
                guard (error as? DirectoryError)?.code == .notFound else { throw error }
            }
            guard conditions.allow(tag) else { throw Problem.stale }
            do {
                return try await Precondition.$current.withValue(Precondition(writes)) {
                    try await respond(operation, call)
                }
            } catch let error as DirectoryError where error.code == .changedMeanwhile {
                // Somebody else changed something, maybe something else: it is looked at again.
            }
        }
        throw DirectoryError(.changedMeanwhile, "Others change something all the time.", remedy: "Try again.")
    }

    private func respond(_ operation: Operation, _ call: Call) async throws -> APIAnswer {
        try finish(operation, call, await operation.handle(call))
    }

    /// Encodes what an operation has answered.
    private func finish(
        _ operation: Operation, _ call: Call, _ given: (any Encodable & Sendable)?
    ) throws -> APIAnswer {
        var answer = APIAnswer(status: operation.status)
        var body = given
        if let given = given as? WithCookies {
            answer.cookies = given.cookies
            body = given.body
        }
        if let json = body as? JSONBody {
            (answer.type, answer.body) = ("application/json; charset=utf-8", json.bytes)
        } else if let document = body as? DocumentBody {
            (answer.type, answer.body) = (DocumentBody.mediaType, document.bytes)
        } else if let file = body as? RawBody {
            (answer.type, answer.body) = (file.mediaType, Array(file.bytes))
            answer.extra.append(("content-disposition", "attachment; filename=\"\(file.fileName)\""))
        } else if let redirect = body as? Redirect {
            answer.extra += [("location", redirect.location), ("referrer-policy", "no-referrer")]
        } else if let text = body as? TextBody {
            (answer.type, answer.body) = (text.mediaType, Array(text.text.utf8))
        } else if let body {
            (answer.type, answer.body) = ("application/json; charset=utf-8", try Self.encode(body))
        }
        if let authenticated = call.caller.authenticated, authenticated.isRenewed, let secret = authenticated.secret,
            answer.cookies.isEmpty
        {
            answer.cookies.append(Caller.cookie(secret))
        }
        return answer
    }

    // MARK: Who asks

    /// Who sends a request: by a header `Authorization: Bearer TOKEN` (RFC 6750, section 2.1), or by a session's cookie.
    private func authenticate(_ request: Request, _ caller: Caller) async throws -> Authenticated? {
        if let header = request.headers[.authorization] {
            guard header.utf8.count <= 512 else { return nil }
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            if directory.platform.isOperatorToken(String(parts[1])) { return Authenticated(principal: .installation) }
            return try await directory.authenticate(token: String(parts[1]))
        }
        guard let cookie = caller.sessionCookie, let found = try await directory.authenticate(cookie: cookie) else {
            return nil
        }
        // A page of another site can have a browser send the cookie, but it knows no token.
        if request.method != .get, request.method != .head {
            let token = HTTPFields.Element.Name(Caller.csrfHeader).flatMap { request.headers[$0] } ?? ""
            guard BearerSecret(cookie: cookie)?.isCSRFToken(token) ?? false else { throw Problem.csrf }
        }
        return found
    }

    /// The segments of a request's path.
    static func segments(_ request: Request) -> [String] {
        request.uri.path.split(separator: "/", omittingEmptySubsequences: true)
            .map { $0.removingPercentEncoding ?? String($0) }
    }

    private static func query(_ request: Request, _ operation: Operation) throws(Problem) -> [String: String] {
        var query: [String: String] = [:]
        for (key, value) in request.uri.queryParameters {
            let name = String(key)
            guard operation.query.contains(where: { $0.name == name }) else {
                if operation.ignoresOtherParameters { continue }
                throw .unknownField(name, pointer: name, allowed: operation.query.map(\.name))
            }
            guard query.updateValue(String(value), forKey: name) == nil else {
                throw .invalid("'\(name)' is given twice", pointer: name, remedy: "Give it once.")
            }
        }
        for parameter in operation.query where parameter.isRequired && query[parameter.name] == nil {
            throw .invalid(
                "'\(parameter.name)' is missing", pointer: parameter.name, remedy: "Give \(parameter.summary).")
        }
        return query
    }

    private func body(_ request: Request, _ operation: Operation, declared: Int) async throws -> [UInt8] {
        let isChunked = request.headers[.transferEncoding] != nil
        guard operation.body != nil || operation.takesDocument else {
            guard declared == 0, !isChunked else { throw Problem.noBody }
            return []
        }
        guard declared <= operation.bodyLimit else { throw Problem.tooLarge(operation.bodyLimit) }
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        if operation.takesDocument {
            guard DocumentBody.mediaTypes.contains(type) else { throw Problem.documentType }
        } else {
            guard type == "application/json" else { throw Problem.mediaType }
        }
        let body = request.body
        let limit = operation.bodyLimit
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                do {
                    return Array(try await body.collect(upTo: limit).readableBytesView)
                } catch is NIOTooManyBytesError {
                    throw Problem.tooLarge(limit)
                }
            }
            group.addTask {
                try await Task.sleep(for: .nanoseconds(ControllerLimits.requestTime.nanoseconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let bytes = try await group.next() ?? nil else { throw Problem.tooSlow }
            return bytes
        }
    }

    static func encode(_ value: any Encodable & Sendable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}
