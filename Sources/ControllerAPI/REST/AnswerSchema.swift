import APITypes

/// Reads the JSON schemas of answers from their types, so that the OpenAPI document cannot say anything else than what is
/// sent.
///
/// A type is decoded from a source that has every member: what it asks for is what it has. A member that is left out when
/// it is nil is optional in the schema, and never null.
final class AnswerSchema {
    /// The schemas of types that have members, by name, for `#/components/schemas`.
    private(set) var components: [String: JSONTree] = [:]
    /// Types that could not be read; there are none in a controller that was tested.
    private(set) var unread: [String] = []

    /// The schema of a type; those of all that it contains are in ``components`` afterwards.
    func schema(of type: any (Encodable & Sendable).Type) -> JSONTree {
        guard let type = type as? any Decodable.Type else { return Self.kind("object") }
        return sample(type).schema
    }

    /// A value of a type, nil where none can be made, and its schema.
    fileprivate func sample(_ type: any Decodable.Type) -> (value: (any Decodable)?, schema: JSONTree) {
        if type == String.self { return ("", Self.kind("string")) }
        if type == Bool.self { return (false, Self.kind("boolean")) }
        if type == Double.self { return (Double(0), Self.kind("number")) }
        if let number = type as? any (FixedWidthInteger & Decodable).Type { return Self.integer(number) }
        if let words = type as? any (CaseIterable & RawRepresentable & Decodable).Type { return Self.words(words) }
        if let collection = type as? any SchemaCollection.Type { return collection.sample(self) }
        let name = Self.name(type)
        let reference = JSONTree.object(["$ref": .string("#/components/schemas/\(name)")])
        let members = SchemaMembers(self)
        // It is there before its members are, so that one that contains itself ends.
        if components[name] == nil { components[name] = .object([:]) }
        let value = try? type.init(from: members)
        if value == nil { unread.append(name) }
        components[name] = .object([
            "type": .string("object"), "properties": .object(members.properties),
            "required": .array(members.required.sorted().map(JSONTree.string)),
        ])
        return (value, reference)
    }

    /// The name of a type in the document: `Endpoint`, `EndpointList` for a list of such, `WireDirection` for one inside.
    private static func name(_ type: any Decodable.Type) -> String {
        var name = String(reflecting: type).replacing("APITypes.", with: "").replacing("ControllerAPI.", with: "")
        if let open = name.firstIndex(of: "<") {
            let items = name[name.index(after: open)...].dropLast()
            name = String(items) + name[..<open].replacing("Item", with: "")
        }
        return name.filter { $0.isLetter || $0.isNumber }
    }

    private static func integer<T: FixedWidthInteger & Decodable>(
        _ type: T.Type
    ) -> (value: (any Decodable)?, schema: JSONTree) {
        var schema: [String: JSONTree] = ["type": .string("integer")]
        if !T.isSigned { schema["minimum"] = .number(0) }
        return (T.zero, .object(schema))
    }

    private static func words<T: CaseIterable & RawRepresentable & Decodable>(
        _ type: T.Type
    ) -> (value: (any Decodable)?, schema: JSONTree) {
        let words = T.allCases.compactMap { $0.rawValue as? String }
        return (
            T.allCases.first, .object(["type": .string("string"), "enum": .array(words.map(JSONTree.string))])
        )
    }

    static func kind(_ name: String) -> JSONTree { .object(["type": .string(name)]) }
}

/// Lists and maps, which say what they contain.
private protocol SchemaCollection {
    static func sample(_ schemas: AnswerSchema) -> (value: (any Decodable)?, schema: JSONTree)
}

extension Array: SchemaCollection where Element: Decodable {
    fileprivate static func sample(_ schemas: AnswerSchema) -> (value: (any Decodable)?, schema: JSONTree) {
        let items = schemas.sample(Element.self).schema
        return ([Element](), .object(["type": .string("array"), "items": items]))
    }
}

extension Dictionary: SchemaCollection where Key == String, Value: Decodable {
    fileprivate static func sample(_ schemas: AnswerSchema) -> (value: (any Decodable)?, schema: JSONTree) {
        let values = schemas.sample(Value.self).schema
        return ([String: Value](), .object(["type": .string("object"), "additionalProperties": values]))
    }
}

/// Notes the members that a type asks for.
private final class SchemaMembers: Decoder {
    let schemas: AnswerSchema
    var properties: [String: JSONTree] = [:]
    var required: Set<String> = []
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    init(_ schemas: AnswerSchema) { self.schemas = schemas }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(SchemaKeys<Key>(members: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NoSample() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NoSample() }

    /// Something in an answer that is neither an object, nor a list, nor a word or number.
    struct NoSample: Error {}
}

private struct SchemaKeys<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: SchemaMembers
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    private func note(_ type: any Decodable.Type, _ key: Key) -> (any Decodable)? {
        let (value, schema) = members.schemas.sample(type)
        members.properties[key.stringValue] = schema
        return value
    }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        members.required.insert(key.stringValue)
        guard let value = note(type, key) as? T else { throw SchemaMembers.NoSample() }
        return value
    }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        _ = note(type, key)
        return nil
    }

    // The synthesized code asks for each of these by its own method.
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try required(type, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try required(type, key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try required(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try required(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try required(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try required(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try required(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try required(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try required(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try required(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try required(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try required(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try required(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try required(type, key) }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { optional(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { optional(type, key) }

    private func required<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T {
        members.required.insert(key.stringValue)
        guard let value = note(type, key) as? T else { throw SchemaMembers.NoSample() }
        return value
    }

    private func optional<T: Decodable>(_ type: T.Type, _ key: Key) -> T? {
        _ = note(type, key)
        return nil
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> { throw SchemaMembers.NoSample() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw SchemaMembers.NoSample()
    }
    func superDecoder() throws -> any Decoder { throw SchemaMembers.NoSample() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw SchemaMembers.NoSample() }
}
