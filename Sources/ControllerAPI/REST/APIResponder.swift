import APITypes
import DirectoryCore
import FoundationEssentials
public import Hummingbird
import Logging
import NIOCore

/// What a request of the API brings with it besides itself.
public struct APIRequestContext: RequestContext {
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
/// The order is: limits, authentication, route, parameters, body, operation. Who is not authenticated learns nothing of
/// which routes exist, and nothing of theirs is kept in memory.
public struct APIResponder: HTTPResponder {
    public typealias Context = APIRequestContext

    private let operations: [Operation]
    private let isOperator: @Sendable (String) -> Bool
    private let logger: Logger

    /// - Parameter isOperator: whether a text is the operator's token; in constant time.
    init(operations: [Operation], isOperator: @escaping @Sendable (String) -> Bool, logger: Logger) {
        self.operations = operations
        self.isOperator = isOperator
        self.logger = logger
    }

    /// Answers one request; errors become problem details (RFC 9457).
    public func respond(to request: Request, context: APIRequestContext) async throws -> Response {
        do {
            return try await answer(request)
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

    private func answer(_ request: Request) async throws -> Response {
        // 1. Limits.
        guard (request.head.path ?? "").utf8.count <= ControllerLimits.pathBytes else { throw Problem.pathTooLong }
        let declared = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        // 2. Who asks.
        let segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: true)
            .map { $0.removingPercentEncoding ?? String($0) }
        let here = operations.filter { Self.match($0, segments) != nil }
        let operation = here.first { $0.method == request.method }
        let limit = operation?.bodyLimit ?? ControllerLimits.bodyBytes
        guard declared <= limit else { throw Problem.tooLarge(limit) }
        if operation?.access != .everyone {
            guard isAuthenticated(request.headers[.authorization]) else { throw Problem.unauthenticated }
        }
        // 3. What for.
        guard let operation, let parameters = Self.match(operation, segments) else {
            guard !here.isEmpty else { throw Problem.noRoute(request.uri.path) }
            throw Problem.method(request.method.rawValue, allowed: here.map(\.method.rawValue))
        }
        let query = try Self.query(request, operation)
        let body = try await self.body(request, operation, declared: declared)
        // 4. Do it.
        let answer = try await operation.handle(Call(parameters: parameters, query: query, body: body))
        guard let answer else { return Response(status: operation.status) }
        if let body = answer as? RawBody {
            var response = Self.raw(body.bytes, body.mediaType, operation.status)
            response.headers[.contentDisposition] = "attachment; filename=\"\(body.fileName)\""
            return response
        }
        if let document = answer as? DocumentBody { return Self.raw(document.bytes, DocumentBody.mediaType) }
        return try Self.json(answer, status: operation.status, type: "application/json; charset=utf-8")
    }

    /// Whether a header `Authorization: Bearer TOKEN` (RFC 6750, section 2.1) carries the operator's token.
    private func isAuthenticated(_ header: String?) -> Bool {
        guard let header, header.utf8.count <= 512 else { return false }
        let parts = header.split(separator: " ", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "bearer" && isOperator(String(parts[1]))
    }

    /// The parameters of a path, if it is the operation's.
    private static func match(_ operation: Operation, _ segments: [String]) -> [String: String]? {
        let pattern = operation.segments
        guard pattern.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (expected, given) in zip(pattern, segments) {
            if expected.hasPrefix("{") {
                parameters[String(expected.dropFirst().dropLast())] = given
            } else if expected != given {
                return nil
            }
        }
        return parameters
    }

    private static func query(_ request: Request, _ operation: Operation) throws(Problem) -> [String: String] {
        var query: [String: String] = [:]
        for (key, value) in request.uri.queryParameters {
            let name = String(key)
            guard operation.query.contains(where: { $0.name == name }) else {
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

    private func problem(_ error: any Error, _ request: Request) -> Problem {
        switch error {
        case let problem as Problem:
            return problem
        case let error as DirectoryError:
            if error.code == .storage {
                logger.error("the directory failed", metadata: ["error": "\(error)"])
            }
            return Problem(error)
        default:
            logger.error(
                "an operation failed",
                metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"])
            return .internalError
        }
    }

    /// The text with a capital at its beginning and a full stop at its end, as those of the directory have them.
    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }

    private func response(_ problem: Problem, _ request: Request, _ context: APIRequestContext) -> Response {
        let status = HTTPResponse.Status(code: problem.status)
        var response =
            (try? Self.json(problem, status: status, type: "application/problem+json"))
            ?? Response(status: status)
        if problem.status == 401 { response.headers[.wwwAuthenticate] = "Bearer realm=\"patchbay\"" }
        if problem.status == 405 {
            response.headers[.allow] = operations.filter { operation in
                Self.match(operation, request.uri.path.split(separator: "/").map(String.init)) != nil
            }.map(\.method.rawValue).joined(separator: ", ")
        }
        if request.headers[.contentLength].map({ $0 != "0" }) ?? (request.headers[.transferEncoding] != nil) {
            endSoon(context, &response)
        }
        return response
    }

    /// Ends the connection of a request whose body was not wanted, after a while in which the answer can arrive: the
    /// rest of the body would otherwise be read for as long as the sender likes.
    private func endSoon(_ context: APIRequestContext, _ response: inout Response) {
        response.headers[.connection] = "close"
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: ControllerLimits.lingerTime) { channel.close(promise: nil) }
    }

    private static func json(
        _ value: any Encodable & Sendable, status: HTTPResponse.Status, type: String
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return raw(try encoder.encode(value), type, status)
    }

    private static func raw(
        _ bytes: some Collection<UInt8> & Sendable, _ type: String, _ status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: type, .contentLength: String(bytes.count), .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
