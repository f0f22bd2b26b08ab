import APITypes
import FoundationEssentials

/// Reads the body of a request as what the operation's table says, and nothing else.
enum BodyReader {
    /// Reads a body.
    ///
    /// - Throws: a problem with the place: line and column for a text that is not JSON, else a pointer.
    static func read<Body: APIRequestBody>(_ type: Body.Type, _ bytes: [UInt8]) throws(Problem) -> Body {
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes)
        } catch {
            throw .malformedJSON("the body is not JSON: \(error)")
        }
        guard case .object(let members) = value else {
            throw .invalid("the body is \(value.kind)", pointer: "", remedy: "Send a JSON object.")
        }
        for member in members {
            guard let field = type.fields.first(where: { $0.name == member.key }) else {
                throw .unknownField(
                    member.key, pointer: Self.pointer(member.key), allowed: type.fields.map(\.name))
            }
            try check(member.value, field, "")
        }
        try checkPresence(of: type.fields, in: members, "")
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .invalid("the body cannot be read", pointer: "", remedy: "Compare it with /openapi.json.")
        }
    }

    private static func checkPresence(
        of fields: [BodyField], in members: [JSONValue.Member], _ above: String
    ) throws(Problem) {
        for field in fields where !field.isOptional {
            guard members.contains(where: { $0.key == field.name }) else {
                throw .invalid(
                    "'\(field.name)' is missing", pointer: above + Self.pointer(field.name),
                    remedy: "Give \(field.summary).")
            }
        }
    }

    /// - Parameter above: the pointer of the object that the field is of.
    private static func check(_ value: JSONValue, _ field: BodyField, _ above: String) throws(Problem) {
        let pointer = above + Self.pointer(field.name)
        switch (field.kind, value) {
        case (_, .null) where field.isOptional:
            return
        case (.string, .string(let text)):
            guard field.values.isEmpty || field.values.contains(text) else {
                throw .invalid(
                    "'\(text.prefix(80))' is not a value of '\(field.name)'", pointer: pointer,
                    remedy: "Give one of \(field.values.joined(separator: ", ")).")
            }
        case (.boolean, .boolean):
            return
        case (.number, .number(let text)):
            guard let number = UInt64(text), String(number) == text, number <= field.most else {
                throw .invalid(
                    "'\(text.prefix(80))' is not a value of '\(field.name)'", pointer: pointer,
                    remedy: "Give a whole number from 0 to \(field.most).")
            }
        case (.strings, .array(let items)):
            for (index, item) in items.enumerated() {
                guard case .string = item else {
                    throw .invalid(
                        "an item of '\(field.name)' is \(item.kind)", pointer: "\(pointer)/\(index)",
                        remedy: "Give a string.")
                }
            }
        case (.object, .object(let members)):
            for member in members {
                guard let inner = field.members.first(where: { $0.name == member.key }) else { continue }
                try check(member.value, inner, pointer)
            }
            try checkPresence(of: field.members, in: members, pointer)
        default:
            throw .invalid(
                "'\(field.name)' is \(value.kind)", pointer: pointer, remedy: "Give \(expected(field.kind)).")
        }
    }

    private static func expected(_ kind: BodyField.Kind) -> String {
        switch kind {
        case .string: "a string"
        case .boolean: "true or false"
        case .strings: "an array of strings"
        case .number: "a whole number"
        case .object: "an object"
        }
    }

    /// The JSON pointer of a member of the body (RFC 6901, section 3).
    static func pointer(_ key: String) -> String {
        "/" + key.prefix(80).map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
    }
}
