import APITypes

/// Writes an OpenAPI 3.1 document from the table of operations.
enum OpenAPI {
    static func document(_ operations: [Operation], version: String) -> JSONTree {
        let schemas = AnswerSchema()
        var paths: [String: [String: JSONTree]] = [:]
        for operation in operations {
            paths[operation.path, default: [:]][operation.method.rawValue.lowercased()] = describe(
                operation, schemas, among: operations)
        }
        return .object([
            "openapi": .string("3.1.0"),
            "info": .object([
                "title": .string("Patchbay controller"), "version": .string(version),
                "license": .object(["name": .string("Apache-2.0"), "identifier": .string("Apache-2.0")]),
            ]),
            "paths": .object(paths.mapValues(JSONTree.object)),
            "security": .array([.object(["operator": .array([])])]),
            "components": .object([
                "securitySchemes": .object([
                    "operator": .object(["type": .string("http"), "scheme": .string("bearer")])
                ]),
                "schemas": .object(schemas.components.merging(["Problem": problem]) { $1 }),
            ]),
        ])
    }

    private static func describe(
        _ operation: Operation, _ schemas: AnswerSchema, among operations: [Operation]
    ) -> JSONTree {
        var parameters = operation.segments.filter { $0.hasPrefix("{") }.map { segment in
            let name = String(segment.dropFirst().dropLast())
            return parameter(
                .init(name: name, isRequired: true, summary: "", form: pathForms[name]), place: "path")
        }
        parameters += operation.query.map {
            parameter($0, place: "query")
        }
        if operation.answer == EventStream.self {
            parameters.append(
                parameter(
                    .init(
                        name: "Last-Event-ID", isRequired: false,
                        summary: "the id of the last event that is known, to go on behind it"), place: "header"))
        }
        parameters += OpenAPIHeaders.parameters(of: operation, among: operations).map { parameter($0, place: "header") }
        var responses: [String: JSONTree] = [
            String(operation.status.code): OpenAPIHeaders.adding(
                OpenAPIHeaders.answer(of: operation), to: success(operation, schemas)),
            "default": OpenAPIHeaders.adding(
                OpenAPIHeaders.refusal,
                to: .object([
                    "description": .string("What was wrong, where, and what to do"),
                    "content": .object([
                        "application/problem+json": .object([
                            "schema": .object(["$ref": .string("#/components/schemas/Problem")])
                        ])
                    ]),
                ])),
        ]
        if operation.isTagged {
            responses["304"] = .object(["description": .string("Nothing has changed since 'If-None-Match'")])
        }
        var description: [String: JSONTree] = [
            "operationId": .string(operation.id),
            "summary": .string(operation.summary),
            "parameters": .array(parameters),
            "responses": .object(responses),
        ]
        if operation.access == .everyone { description["security"] = .array([]) }
        if let body = operation.body {
            description["requestBody"] = .object([
                "required": .boolean(true),
                "content": .object(["application/json": .object(["schema": schema(body.fields)])]),
            ])
        } else if operation.takesDocument {
            description["requestBody"] = .object([
                "required": .boolean(true), "content": .object([DocumentBody.mediaType: .object([:])]),
            ])
        }
        return .object(description)
    }

    private static func success(_ operation: Operation, _ schemas: AnswerSchema) -> JSONTree {
        guard let answer = operation.answer else { return .object(["description": .string("Done")]) }
        if answer == EventStream.self {
            return .object([
                "description": .string("Events, as they happen"),
                "content": .object([EventStream.mediaType: .object(["schema": AnswerSchema.kind("string")])]),
            ])
        }
        if answer == DocumentBody.self {
            return .object([
                "description": .string("The text, byte for byte"),
                "content": .object([DocumentBody.mediaType: .object([:])]),
            ])
        }
        if answer == TextBody.self {
            let text = JSONTree.object(["schema": .object(["type": .string("string")])])
            return .object(["description": .string("A text"), "content": .object(["text/plain": text])])
        }
        if !operation.rawTypes.isEmpty {
            let types = operation.rawTypes.map { ($0, JSONTree.object([:])) }
            return .object([
                "description": .string("A file"),
                "content": .object(Dictionary(types, uniquingKeysWith: { first, _ in first })),
            ])
        }
        return .object([
            "description": .string("Done"),
            "content": .object(["application/json": .object(["schema": schemas.schema(of: answer)])]),
        ])
    }

    /// What stands in paths.
    private static let pathForms: [String: TextForm] = [
        "tenant": .name, "vnet": .name, "group": .name, "endpoint": .name, "host": .name, "user": .account,
        "entry": .number, "session": .identifier, "token": .identifier, "grant": .identifier,
        "passkey": .identifier, "certificate": .identifier, "request": .identifier, "provider": .name,
        "identity": .identifier,
    ]

    /// What is the same wherever it stands in a query.
    private static let queryForms: [String: TextForm] = [
        "revision": .number, "expected_revision": .number, "before": .number, "since": .number, "until": .number,
        "limit": TextForm("^([1-9][0-9]{0,2}|1000)$"), "dry_run": TextForm("^(true|false)$"),
    ]

    private static func parameter(_ described: Operation.QueryParameter, place: String) -> JSONTree {
        var parameter: [String: JSONTree] = [
            "name": .string(described.name), "in": .string(place), "required": .boolean(described.isRequired),
            "schema": .object(
                text(described.form ?? (place == "query" ? queryForms[described.name] : nil), described.values)),
        ]
        if !described.summary.isEmpty { parameter["description"] = .string(described.summary) }
        return .object(parameter)
    }

    private static func text(_ form: TextForm?, _ values: [String]) -> [String: JSONTree] {
        var schema: [String: JSONTree] = ["type": .string("string")]
        if let form {
            schema["pattern"] = .string(form.pattern)
            if let longest = form.longest { schema["maxLength"] = .number(Int64(longest)) }
        }
        if !values.isEmpty { schema["enum"] = .array(values.map(JSONTree.string)) }
        return schema
    }

    private static func members(of schema: JSONTree) -> [String: JSONTree] {
        if case .object(let members) = schema { members } else { [:] }
    }

    /// - Parameter isClosed: whether nothing else may be in it.
    private static func schema(_ fields: [BodyField], isClosed: Bool = true) -> JSONTree {
        var properties: [String: JSONTree] = [:]
        for field in fields {
            var property: [String: JSONTree] =
                switch field.kind {
                case .string: text(field.form, field.values)
                case .boolean: ["type": .string("boolean")]
                case .number:
                    [
                        "type": .string("integer"), "minimum": .number(0),
                        "maximum": .number(Int64(clamping: field.most)),
                    ]
                case .strings: ["type": .string("array"), "items": .object(text(field.form, field.values))]
                case .object: members(of: schema(field.members, isClosed: false))
                }
            if field.isOptional, case .string(let type)? = property["type"] {
                property["type"] = .array([.string(type), .string("null")])
                if case .array(let values)? = property["enum"] { property["enum"] = .array(values + [.null]) }
            }
            property["description"] = .string(field.summary)
            properties[field.name] = .object(property)
        }
        return .object([
            "type": .string("object"), "additionalProperties": .boolean(!isClosed),
            "properties": .object(properties),
            "required": .array(fields.filter { !$0.isOptional }.map { .string($0.name) }),
        ])
    }

    /// What was found in a refused document.
    private static let findings: JSONTree = .object([
        "type": .string("array"),
        "items": .object([
            "type": .string("object"),
            "properties": .object(
                Dictionary(
                    uniqueKeysWithValues: ["severity", "code", "text", "problem", "remedy"].map {
                        ($0, JSONTree.object(["type": .string("string")]))
                    } + ["line", "column"].map { ($0, JSONTree.object(["type": .string("integer")])) })),
        ]),
    ])

    private static let problem: JSONTree = .object([
        "type": .string("object"),
        "required": .array(["type", "title", "status"].map(JSONTree.string)),
        "properties": .object(
            Dictionary(
                uniqueKeysWithValues: ["type", "title", "detail", "instance", "remedy", "pointer"].map {
                    ($0, JSONTree.object(["type": .string("string")]))
                } + [("status", .object(["type": .string("integer")])), ("findings", findings)])),
    ])
}

/// A JSON value to be written.
enum JSONTree: Encodable, Sendable, Equatable {
    case string(String)
    case boolean(Bool)
    case number(Int64)
    case null
    case array([JSONTree])
    case object([String: JSONTree])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let text): try container.encode(text)
        case .boolean(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .null: try container.encodeNil()
        case .array(let items): try container.encode(items)
        case .object(let members): try container.encode(members)
        }
    }
}
