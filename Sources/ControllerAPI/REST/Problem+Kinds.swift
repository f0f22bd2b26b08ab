import APITypes
import DirectoryCore

// The kinds of problems that the API itself knows; those of the directory come from its own codes.

extension Problem {
    static func malformedJSON(_ detail: String) -> Problem {
        Problem(
            code: "malformed-json", title: "Malformed JSON", status: 400, detail: detail,
            remedy: "Correct the text at that place.", pointer: "")
    }

    static func invalid(_ detail: String, pointer: String, remedy: String) -> Problem {
        Problem(
            code: "invalid", title: "Invalid value", status: 400, detail: detail, remedy: remedy, pointer: pointer)
    }

    static func unknownField(_ name: String, pointer: String, allowed: [String]) -> Problem {
        Problem(
            code: "unknown-field", title: "Unknown field", status: 400,
            detail: "'\(name.prefix(80))' is not known here",
            remedy: allowed.isEmpty ? "Leave it out." : "Leave it out; known are \(allowed.joined(separator: ", ")).",
            pointer: pointer)
    }

    static func tooLarge(_ limit: Int) -> Problem {
        Problem(
            code: "too-large", title: "Request too large", status: 413,
            detail: "the body is longer than \(limit) bytes", remedy: "Send a shorter one.")
    }

    static let pathTooLong = Problem(
        code: "path-too-long", title: "Path too long", status: 414,
        detail: "the path is longer than \(ControllerLimits.pathBytes) bytes", remedy: "Send a shorter one.")

    static let tooSlow = Problem(
        code: "too-slow", title: "Request too slow", status: 408,
        detail: "the body did not arrive in \(ControllerLimits.requestTime.nanoseconds / 1_000_000_000) seconds",
        remedy: "Send it at once.")

    static let mediaType = Problem(
        code: "media-type", title: "Unsupported media type", status: 415, detail: "the body is not marked as JSON",
        remedy: "Send the header 'content-type: application/json'.")

    static let documentType = Problem(
        code: "media-type", title: "Unsupported media type", status: 415,
        detail: "the body is not marked as a policy document",
        remedy: "Send the header 'content-type: \(DocumentBody.mediaType)'.")

    static let noBody = Problem(
        code: "unexpected-body", title: "Unexpected body", status: 400, detail: "this operation takes no body",
        remedy: "Send none.")

    static func noRoute(_ path: String) -> Problem {
        Problem(
            code: "no-route", title: "No such route", status: 404, detail: "there is nothing at \(path.prefix(200))",
            remedy: "Look for the right path in /openapi.json.")
    }

    static func method(_ method: String, allowed: [String]) -> Problem {
        Problem(
            code: "method", title: "Method not allowed", status: 405,
            detail: "\(method.prefix(32)) is not possible here",
            remedy: "Use \(allowed.joined(separator: " or ")).")
    }

    static let internalError = Problem(
        code: "internal", title: "Internal error", status: 500, detail: "the controller failed; nothing was changed",
        remedy: "Look into the controller's log and try again.")

    /// What the directory refused.
    init(_ error: DirectoryError) {
        let (title, status): (String, Int) =
            switch error.code {
            case .notFound: ("Not found", 404)
            case .conflict: ("Conflict", 409)
            case .inUse: ("In use", 409)
            case .invalid: ("Invalid value", 400)
            case .forbidden: ("Forbidden", 403)
            case .expired: ("Expired", 403)
            case .used: ("Already used", 403)
            case .exhausted: ("Exhausted", 409)
            case .olderEpoch: ("Older epoch", 409)
            case .untrusted: ("Not to be trusted", 400)
            case .refusedDocument: ("Document refused", 422)
            case .locked: ("Policy locked", 423)
            case .suspended: ("Tenant suspended", 409)
            case .quotaExceeded: ("Quota exceeded", 409)
            case .unconfirmed: ("Not confirmed", 409)
            case .keyReused: ("Idempotency key reused", 422)
            case .inProgress: ("Being done", 409)
            case .changedMeanwhile: ("Changed meanwhile", 409)
            case .cancelled: ("Cancelled", 503)
            case .tooOften: ("Too many attempts", 429)
            default: ("Storage failed", 503)
            }
        self.init(
            code: error.code.rawValue, title: title, status: status, detail: error.message, remedy: error.remedy,
            pointer: error.pointer, findings: error.findings.isEmpty ? nil : error.findings.map(PolicyFinding.init))
    }
}
