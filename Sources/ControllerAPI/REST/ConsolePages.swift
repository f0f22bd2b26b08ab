import Console
import Hummingbird
import NIOCore

/// Answers requests for the console's files, which need no account: all that is secret comes by the API.
enum ConsolePages {
    /// What a browser may do with the console: run our scripts, ask our API, and nothing else. No inline script or style, no
    /// other server, no frame around it, and no text that becomes markup (Trusted Types).
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ].joined(separator: "; ")

    /// The answer, if the request is for the console.
    static func response(for request: Request) -> Response? {
        let response = page(for: request)
        return request.method == .head ? response?.createHeadResponse() : response
    }

    private static func page(for request: Request) -> Response? {
        let path = request.uri.path
        guard path == "/" || path == "/console" || path.hasPrefix("/console/") else { return nil }
        guard request.method == .get || request.method == .head else {
            return text("The console's files can only be read.\n", .methodNotAllowed, [.allow: "GET, HEAD"])
        }
        guard path.hasPrefix("/console/") else {
            return text("The console is at /console/.\n", .seeOther, [.location: "/console/"])
        }
        guard let file = ConsoleFiles.file(at: path.dropFirst("/console/".count)) else {
            return text("The console has no such file.\n", .notFound, [:])
        }
        var headers = self.headers
        headers[.eTag] = file.entityTag
        // A browser asks each time whether what it has is what there is: a new controller brings a new console.
        headers[.cacheControl] = "no-cache"
        if isKnown(file.entityTag, request.headers[.ifNoneMatch]) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = file.mediaType
        return answer(file.bytes, .ok, headers)
    }

    /// Whether a browser already has what the tag stands for (RFC 9110, section 13.1.2).
    private static func isKnown(_ tag: String, _ header: String?) -> Bool {
        (header ?? "").split(separator: ",").contains { given in
            let given = given.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            return String(given) == "*" || String(given) == tag || String(given) == "W/" + tag
        }
    }

    private static let headers: HTTPFields = [
        .contentSecurityPolicy: contentSecurityPolicy, .xContentTypeOptions: "nosniff",
        headerName("Referrer-Policy"): "no-referrer",
        headerName("Cross-Origin-Opener-Policy"): "same-origin",
        headerName("Cross-Origin-Resource-Policy"): "same-origin",
        headerName("Permissions-Policy"): "camera=(), microphone=(), geolocation=()",
    ]

    private static func text(_ text: String, _ status: HTTPResponse.Status, _ more: HTTPFields) -> Response {
        var headers = self.headers
        for field in more { headers[field.name] = field.value }
        headers[.contentType] = "text/plain; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return answer(Array(text.utf8), status, headers)
    }

    private static func answer(_ bytes: [UInt8], _ status: HTTPResponse.Status, _ headers: HTTPFields) -> Response {
        Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// Every name here is one; what is none would be sent as a harmless header of no meaning.
private func headerName(_ text: String) -> HTTPFields.Element.Name { HTTPFields.Element.Name(text) ?? .server }
