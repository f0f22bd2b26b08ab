import APITypes
import DirectoryCore
import FoundationEssentials
import Hummingbird
import Logging
import NIOCore

// What is answered to a request that was refused, and what the audit is told of it.
extension APIResponder {
    // MARK: What the audit is told

    func noteStranger(_ request: Request, _ operation: Operation?, _ caller: Caller) async {
        guard caller.showsCredentials else { return }
        let call = Call(parameters: [:], query: [:], body: [], caller: caller)
        await directory.note(
            rights.origin(operation, call, nil, request.uri.path), outcome: .refused("unauthenticated"))
    }

    /// Notes what was refused: changes for any reason, looks where the rights do not allow them.
    func noteRefusal(_ error: any Error, _ operation: Operation, _ call: Call, _ path: String) async {
        let problem = (error as? Problem) ?? (error as? DirectoryError).map { Problem($0) }
        guard let problem, (400..<500).contains(problem.status) else { return }
        let tenant = try? rights.tenant(operation, call)
        // One of the provider's people, at a tenant that is there.
        var visited: DirectoryCore.Tenant?
        if call.caller.principal?.account != nil, call.caller.tenant == nil, let tenant {
            visited = try? await directory.tenant(tenant)
        }
        // That a tenant is absent which is there, he is told of what he may not know of.
        let isHidden = visited.map { problem.detail == Problem(DirectoryError.noTenant($0.name.text)).detail } ?? false
        let isRight = problem.status == 403 || problem.status == 404 && call.caller.tenant != nil || isHidden
        guard operation.action?.isChange ?? true || isRight else { return }
        // A foreign tenant's chain is not for the attempts of others; they are of the side of the one who asks.
        let own = call.caller.tenant ?? tenant
        await directory.note(
            rights.origin(operation, call, own, path), outcome: .refused(problem.code), detail: problem.detail)
        // It is the provider's affair too: which operation, and of which tenant, but nothing of what is in it.
        guard isRight, let visited else { return }
        var origin = rights.origin(operation, call, nil, path)
        origin.resource = "tenant/\(visited.id)"
        await directory.note(origin, outcome: .refused(problem.code))
    }

    // MARK: What the caller is told

    func problem(_ error: any Error, _ request: Request) -> Problem {
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
    static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }

    /// The text with what is not seen in it, and may turn or hide the rest, written out as `\u{202e}`.
    private static func spelled(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { shown, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                shown += scalar == "\n" ? "\n" : "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
    }

    func response(_ problem: Problem, _ request: Request, _ context: APIRequestContext) -> Response {
        let status = HTTPResponse.Status(code: problem.status)
        // What was sent is told again in it, and ends up in terminals, logs and pages.
        var shown = problem
        shown.detail = problem.detail.map(Self.spelled)
        shown.remedy = problem.remedy.map(Self.spelled)
        var response =
            (try? Self.json(shown, status: status, type: "application/problem+json"))
            ?? Response(status: status)
        if problem.status == 401 { response.headers[.wwwAuthenticate] = "Bearer realm=\"patchbay\"" }
        if problem.status == 429 || problem.status == 503 {
            let seconds = problem.remedy?.split(separator: " ").compactMap { Int($0) }.first
            response.headers[.retryAfter] = String(seconds ?? 5)
        }
        if problem.status == 405 {
            response.headers[.allow] = routes.match(Self.segments(request))?.operations.map(\.method.rawValue)
                .joined(separator: ", ")
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
        APIAnswer(status: status, type: type, body: try encode(value)).response
    }
}
