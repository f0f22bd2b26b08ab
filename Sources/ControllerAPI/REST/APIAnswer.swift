import Crypto
import DirectoryCore
import Hummingbird
import NIOCore

/// An answer before it is sent: so that it can be compared, kept and sent again.
struct APIAnswer: Sendable {
    var status: HTTPResponse.Status
    /// The media type; nil where there is no body.
    var type: String?
    var body: [UInt8] = []
    /// The values of `Set-Cookie`.
    var cookies: [String] = []
    var extra: [(name: String, value: String)] = []

    /// The longest body that has an entity tag, in bytes: long lists are not worth their hash.
    static let longestTagged = 1 << 20

    /// The entity tag (RFC 9110, section 8.8.3), a strong one: half of the hash of the body.
    var tag: String? {
        guard status == .ok, type != nil, body.count <= Self.longestTagged else { return nil }
        return "\"" + Array(SHA256.hash(data: body).prefix(16)).hexadecimal + "\""
    }

    var response: Response {
        var headers: HTTPFields = [.cacheControl: "no-store", .xContentTypeOptions: "nosniff"]
        if let type {
            headers[.contentType] = type
            headers[.contentLength] = String(body.count)
        }
        for cookie in cookies { headers.append(.init(name: .setCookie, value: cookie)) }
        for field in extra {
            if let name = HTTPFields.Element.Name(field.name) { headers[name] = field.value }
        }
        guard type != nil else { return Response(status: status, headers: headers) }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension APIAnswer {
    init(_ kept: KeptAnswer) {
        self.init(
            status: .init(code: kept.status), type: kept.type.isEmpty ? nil : kept.type, body: kept.body,
            extra: [("idempotency-replayed", "true")])
    }

    /// What is kept of it; nil where it brings a cookie, which is for one answer only.
    var kept: KeptAnswer? {
        guard cookies.isEmpty, (200..<300).contains(status.code) else { return nil }
        return KeptAnswer(status: status.code, type: type ?? "", body: body)
    }
}
