import APITypes
import DirectoryCore
import Hummingbird

/// What a request asks to hold before it is done, and that it is done once: If-Match and If-None-Match (RFC 9110,
/// section 13.1), and Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
struct Conditions: Sendable {
    /// The entity tags of `If-Match`; nil without the header, empty for `*`.
    var match: [String]?
    /// Those of `If-None-Match`.
    var noneMatch: [String]?
    var idempotencyKey: String?

    /// How often a change is tried while others change something else.
    static let tries = 64

    init(_ request: Request) throws(Problem) {
        match = try Self.tags(request.headers[.ifMatch], "if-match")
        noneMatch = try Self.tags(request.headers[.ifNoneMatch], "if-none-match")
        if let name = HTTPFields.Element.Name("idempotency-key"), let text = request.headers[name] {
            idempotencyKey = try Self.key(text)
        }
    }

    /// A list of entity tags; those of a weak comparison have a `W/` before them.
    private static func tags(_ text: String?, _ header: String) throws(Problem) -> [String]? {
        guard let text else { return nil }
        if text == "*" { return [] }
        let tags = text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
            .map { $0.hasSuffix(" ") ? String($0.dropLast()) : $0 }
        let areTags = tags.allSatisfy { tag in
            let bare = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
            return bare.count >= 2 && bare.hasPrefix("\"") && bare.hasSuffix("\"")
        }
        guard !tags.isEmpty, tags.count <= 16, areTags else {
            throw .invalid(
                "the header is no list of entity tags", pointer: header,
                remedy: "Give the ETag of an earlier answer, in its quotation marks, or *.")
        }
        return tags
    }

    /// A text in quotation marks (RFC 9651, section 3.3.3), or without them.
    private static func key(_ text: String) throws(Problem) -> String {
        var key = text[...]
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = key.dropFirst().dropLast() }
        let isVisible = key.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
        guard (1...255).contains(key.utf8.count), isVisible else {
            throw .invalid(
                "this is no key", pointer: "idempotency-key",
                remedy: "Give 1 to 255 visible characters without quotation marks, such as a random UUID.")
        }
        return String(key)
    }

    /// Whether `If-Match` allows a change of what has this tag; nil: there is nothing.
    func allow(_ tag: String?) -> Bool {
        guard let match else { return true }
        guard let tag else { return false }
        // The strong comparison: a weak tag never matches.
        return match.isEmpty || match.contains(tag)
    }

    /// Whether the caller has just this already.
    func isKnown(_ tag: String?) -> Bool {
        guard let noneMatch, let tag else { return false }
        return noneMatch.isEmpty || noneMatch.contains { $0 == tag || $0 == "W/" + tag }
    }
}

extension Problem {
    static let stale = Problem(
        code: "stale", title: "Precondition failed", status: 412,
        detail: "it is not what it was when you looked at it", remedy: "Look at it again, then change that.",
        pointer: "if-match")

    static let noCondition = Problem(
        code: "invalid", title: "Invalid value", status: 400, detail: "there is nothing here that has an entity tag",
        remedy: "Leave the header out, or send it where GET gives an ETag.", pointer: "if-match")
}
