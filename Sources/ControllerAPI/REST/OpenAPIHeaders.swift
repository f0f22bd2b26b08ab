import APITypes

/// The headers that the document tells of: those of conditions, of asking once, of streams and of waiting.
enum OpenAPIHeaders {
    private static let tag = "(W/)?\"[^\",]*\""

    /// The headers that requests of an operation may carry.
    static func parameters(of operation: Operation, among operations: [Operation]) -> [Operation.QueryParameter] {
        guard operation.access != .everyone else { return [] }
        var headers: [Operation.QueryParameter] = []
        if operation.isTagged {
            headers.append(
                .init(
                    name: "If-None-Match", isRequired: false,
                    summary: "entity tags of former answers; one that is still right is answered by 304",
                    form: TextForm("^(\\*|\(tag)( *, *\(tag))*)$")))
        }
        if operation.method != .get, operations.contains(where: { $0.isTagged && $0.isShown(by: operation) }) {
            headers.append(
                .init(
                    name: "If-Match", isRequired: false,
                    summary: "the entity tag that the GET of what is changed gave; 412 if it is another by now",
                    form: TextForm("^(\\*|\(tag)( *, *\(tag))*)$")))
        }
        if operation.method == .post {
            headers.append(
                .init(
                    name: "Idempotency-Key", isRequired: false,
                    summary: "done once for each key, such as a random UUID; the same answer comes for a day",
                    form: TextForm("^[!#-\\[\\]-~]{1,255}$")))
        }
        return headers
    }

    /// The headers of an answer that is good.
    static func answer(of operation: Operation) -> [String: JSONTree] {
        guard operation.access != .everyone else { return [:] }
        if operation.isTagged {
            return ["ETag": header("The entity tag; long answers have none", TextForm("^\"[0-9a-f]{32}\"$"))]
        }
        if operation.method == .post {
            return [
                "Idempotency-Replayed": header(
                    "'true' where the answer is that of a former request with the same key", TextForm("^true$"))
            ]
        }
        return [:]
    }

    /// The headers of refusals.
    static let refusal = [
        "Retry-After": header("With 429 and 503: after how many seconds to come again", TextForm("^[0-9]+$"))
    ]

    /// An answer with headers.
    static func adding(_ headers: [String: JSONTree], to answer: JSONTree) -> JSONTree {
        guard !headers.isEmpty, case .object(var members) = answer else { return answer }
        members["headers"] = .object(headers)
        return .object(members)
    }

    private static func header(_ summary: String, _ form: TextForm) -> JSONTree {
        .object([
            "description": .string(summary),
            "schema": .object(["type": .string("string"), "pattern": .string(form.pattern)]),
        ])
    }
}

extension Operation {
    /// Whether its answers have entity tags.
    var isTagged: Bool {
        method == .get && access != .everyone && status == .ok && answer != nil && answer != EventStream.self
    }
}
