import Foundation
import NetTypes
import PolicyLanguage
import PolicyYAML
import Testing

/// JSON as a schema sees it.
indirect enum JSON: Decodable, Hashable {
    case object([String: JSON])
    case array([JSON])
    case string(String)
    case number(Double)
    case boolean(Bool)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    subscript(_ key: String) -> JSON? { if case .object(let fields) = self { fields[key] } else { nil } }
    var strings: [String] { if case .array(let values) = self { values.compactMap(\.text) } else { [] } }
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var int: Int? { if case .number(let number) = self { Int(number) } else { nil } }
    var elements: [JSON] { if case .array(let values) = self { values } else { [] } }
    var fields: [String: JSON] { if case .object(let fields) = self { fields } else { [:] } }
}

/// As much of JSON Schema (draft 2020-12) as docs/policy.schema.json uses; a word that it does not know fails the test.
struct Schema {
    let root: JSON

    func accepts(_ value: JSON) throws -> Bool { try accepts(value, root) }

    private func accepts(_ value: JSON, _ schema: JSON) throws -> Bool {
        for (word, rule) in schema.fields {
            guard try holds(word, rule, value, schema) else { return false }
        }
        return true
    }

    private func holds(_ word: String, _ rule: JSON, _ value: JSON, _ schema: JSON) throws -> Bool {
        let count = value.text.map(\.count) ?? (value.elements.count + value.fields.count)
        switch word {
        case "$schema", "title", "description", "$defs": return true
        case "$ref":
            let name = try #require(rule.text?.split(separator: "/").last)
            return try accepts(value, try #require(root["$defs"]?[String(name)]))
        case "type":
            switch (rule.text, value) {
            case ("object", .object), ("array", .array), ("string", .string), ("boolean", .boolean): return true
            case ("integer", .number(let number)): return number == number.rounded()
            default: return false
            }
        case "const": return value == rule
        case "enum": return rule.elements.contains(value)
        case "pattern":
            guard let text = value.text else { return true }
            let expression = try NSRegularExpression(pattern: try #require(rule.text))
            return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        case "minItems", "minProperties", "minLength": return try count >= #require(rule.int)
        case "maxItems", "maxProperties", "maxLength": return try count <= #require(rule.int)
        case "minimum": return try value.int.map { try $0 >= #require(rule.int) } ?? true
        case "maximum": return try value.int.map { try $0 <= #require(rule.int) } ?? true
        case "uniqueItems": return Set(value.elements).count == value.elements.count
        case "required": return rule.strings.allSatisfy { value.fields[$0] != nil }
        case "dependentRequired":
            return rule.fields.allSatisfy { key, names in
                value.fields[key] == nil || names.strings.allSatisfy { value.fields[$0] != nil }
            }
        case "items": return try value.elements.allSatisfy { try accepts($0, rule) }
        case "propertyNames": return try value.fields.keys.allSatisfy { try accepts(.string($0), rule) }
        case "properties":
            return try rule.fields.allSatisfy { key, rule in try value.fields[key].map { try accepts($0, rule) } ?? true
            }
        case "additionalProperties":
            let others = value.fields.filter { schema["properties"]?[$0.key] == nil }
            return try rule == .boolean(false) ? others.isEmpty : others.values.allSatisfy { try accepts($0, rule) }
        case "anyOf": return try rule.elements.contains { try accepts(value, $0) }
        case "oneOf": return try rule.elements.filter { try accepts(value, $0) }.count == 1
        default:
            Issue.record("the schema has the word '\(word)'")
            return false
        }
    }
}

/// The schema is tried with a validator of its own here, so that no other program is needed; the same table goes through
/// the reader, which must say the same.
@Suite("The JSON Schema of documents")
struct SchemaTests {
    static func schema() throws -> Schema {
        let data = try Data(contentsOf: Example.docs.appending(path: "policy.schema.json"))
        return Schema(root: try JSONDecoder().decode(JSON.self, from: data))
    }

    @Test("1: the examples and random documents fit")
    func fits() throws {
        let schema = try Self.schema()
        var documents = [try Example.document().document, try Example.guardrails().document]
        let town = try Town()
        var random = SeededGenerator(seed: 0x5eed_5c4e)
        for _ in 0..<300 {
            if let document = try town.document(&random, isPlatform: random.chance(20)) { documents.append(document) }
        }
        for document in documents {
            let json = try JSONDecoder().decode(JSON.self, from: Data(document.canonicalBytes))
            #expect(try schema.accepts(json), "\(String(decoding: document.canonicalBytes, as: UTF8.self))")
        }
    }

    static let head = "{\"version\": 1, \"tenant\": \"acme\", "
    static let rule = head + "\"rules\": [{\"name\": \"r\", \"from\": \"any\", \"to\": \"any\", \"verdict\": \"plug\", "

    /// JSON, which is YAML too, and whether it is a document.
    static let table: [(text: String, isTaken: Bool)] = [
        ("{\"version\": 1, \"tenant\": \"acme\"}", true), ("{\"version\": 1, \"platform\": true}", true),
        ("{\"version\": 1}", false), ("{\"tenant\": \"acme\"}", false),
        ("{\"version\": 2, \"tenant\": \"acme\"}", false),
        ("{\"version\": \"1\", \"tenant\": \"acme\"}", false), ("{\"version\": 1, \"tenant\": \"Acme\"}", false),
        ("{\"version\": 1, \"tenant\": \"acme\", \"platform\": true}", false), ("[]", false), ("\"x\"", false),
        (head + "\"x\": 1}", false), (head + "\"tiers\": []}", false), (head + "\"tiers\": [\"a\"]}", true),
        (head + "\"tiers\": [\"a\", \"a\"]}", false),
        (head + "\"groups\": {\"g\": {\"members\": []}}}", true),
        (head + "\"groups\": {\"g\": {\"members\": [\"a\", \"a\"]}}}", false),
        (head + "\"groups\": {\"g\": {}}}", false), (head + "\"groups\": {\"G\": {\"members\": []}}}", false),
        (head + "\"groups\": {\"g\": {\"label\": \"a=b\", \"members\": []}}}", false),
        (head + "\"groups\": {\"g\": {\"label\": \"a in (b, c)\"}}}", true),
        (head + "\"groups\": {\"g\": {\"label\": \"a in ()\"}}}", false),
        (head + "\"groups\": {\"g\": {\"label\": \"a exists\"}}}", true),
        (head + "\"groups\": {\"g\": {\"any\": [{\"not\": {\"label\": \"a=b\"}}]}}}", true),
        (head + "\"groups\": {\"g\": {\"any\": []}}}", false),
        (head + "\"networks\": {\"n\": [\"10.0.0.0/8\", \"fd00::/8\"]}}", true),
        (head + "\"networks\": {\"n\": [\"10.0.0.0\"]}}", false),
        (head + "\"networks\": {\"n\": []}}", false), (rule + "\"log\": true}]}", true),
        (rule + "\"log\": \"true\"}]}", false),
        (rule + "\"priority\": 1000}]}", true), (rule + "\"priority\": 1001}]}", false),
        (rule + "\"priority\": \"5\"}]}", false),
        (rule + "\"priority\": 0.5}]}", false), (rule + "\"ports\": []}]}", false),
        (rule + "\"ports\": [\"tcp/1\", \"icmp/3/4\", \"sctp/any\"]}]}", true),
        (rule + "\"ports\": [\"tcp\"]}]}", false), (rule + "\"ports\": [\"icmp/1-2\"]}]}", false),
        (rule + "\"ports\": [\"tcp/01\"]}]}", false),
        (rule + "\"ports\": \"tcp/1\"}]}", false), (rule + "\"direction\": \"one-way\"}]}", true),
        (rule + "\"direction\": \"both\"}]}", false),
        (rule + "\"security\": \"conf\"}]}", true), (rule + "\"security\": \"esp\"}]}", false),
        (rule + "\"rate\": \"2.5 Gbit/s\"}]}", true),
        (rule + "\"rate\": \"100 MB/s\"}]}", false), (rule + "\"rate\": 100}]}", false),
        (rule + "\"burst\": \"64 KiB\"}]}", false),
        (rule + "\"rate\": \"1 Mbit/s\", \"burst\": \"64 KiB\"}]}", true), (rule + "\"via\": \"x\"}]}", false),
        (rule + "\"levels\": \"upward\"}]}", false),
        (rule + "\"not-before\": \"2026-01-01\"}]}", true), (rule + "\"not-before\": \"2026-1-1\"}]}", false),
        (rule + "\"when\": {\"from\": \"01:00\", \"to\": \"24:00\", \"zone\": \"UTC\"}}]}", true),
        (
            rule
                + "\"when\": [{\"from\": \"01:00\", \"to\": \"02:00\", \"zone\": \"Asia/Taipei\", \"days\": [\"mon\"]}]}]}",
            true
        ),
        (rule + "\"when\": {\"from\": \"1:00\", \"to\": \"02:00\", \"zone\": \"UTC\"}}]}", false),
        (rule + "\"when\": {\"from\": \"01:00\", \"to\": \"02:00\"}}]}", false), (rule + "\"when\": []}]}", false),
        (
            rule + "\"when\": {\"from\": \"01:00\", \"to\": \"02:00\", \"zone\": \"UTC\", \"days\": [\"monday\"]}}]}",
            false
        ),
        (head + "\"rules\": [{\"name\": \"r\", \"from\": \"any\", \"to\": \"any\"}]}", false),
        (head + "\"rules\": [{\"name\": \"r\", \"from\": \"web_1\", \"to\": \"any\", \"verdict\": \"plug\"}]}", false),
        ("{\"version\": 1, \"platform\": true, \"rules\": [{\"name\": \"r\", \"levels\": \"upward\"}]}", true),
        ("{\"version\": 1, \"platform\": true, \"rules\": [{\"name\": \"r\", \"levels\": \"downward\"}]}", false),
        (
            head + "\"tests\": [{\"expect\": \"plug\", \"from\": \"a\", \"to\": \"192.0.2.1\", \"reason\": \"x\"}]}",
            true
        ),
        (
            head
                + "\"tests\": [{\"expect\": \"plug\", \"from\": {\"name\": \"a\", \"level\": 255, \"labels\": [\"a=b\"]}, \"to\": \"b\", \"reason\": \"x\"}]}",
            true
        ),
        (
            head
                + "\"tests\": [{\"expect\": \"plug\", \"from\": {\"name\": \"a\", \"level\": 256}, \"to\": \"b\", \"reason\": \"x\"}]}",
            false
        ),
        (head + "\"tests\": [{\"expect\": \"reject\", \"from\": \"a\", \"to\": \"b\", \"reason\": \"x\"}]}", false),
        (head + "\"tests\": [{\"expect\": \"plug\", \"from\": \"a\", \"to\": \"b\"}]}", false),
        (head + "\"tests\": [{\"expect\": \"plug\", \"from\": \"a\", \"to\": \"b\", \"reason\": \"\"}]}", false),
    ]

    @Test("2: schema and reader take and refuse the same", arguments: 0..<table.count)
    func same(index: Int) throws {
        let (text, isTaken) = Self.table[index]
        let json = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
        #expect(try Self.schema().accepts(json) == isTaken, "schema: \(text)")
        #expect(((try? PolicyYAML.read(text)) != nil) == isTaken, "reader: \(text)")
    }

    @Test("3: YAML, model, canonical form and model again are one document")
    func roundTrip() throws {
        for document in [try Example.document().document, try Example.guardrails().document] {
            let bytes = document.canonicalBytes
            #expect(try Document(canonicalBytes: bytes) == document)
            // The canonical form is YAML too.
            #expect(try PolicyYAML.read(bytes).document == document)
        }
        let text = String(decoding: try Example.document().document.canonicalBytes, as: UTF8.self)
        for (from, to) in [
            ("\"version\":1", "\"version\": 1"), ("\"version\":1", "\"version\":1 "),
            ("\"priority\":200", "\"priority\":0200"),
            ("\"log\":true", "\"log\":\"true\""), ("\"verdict\":\"plug\"", "\"priority\":500,\"verdict\":\"plug\""),
            ("\"tenant\":\"acme\"", "\"tenant\":\"\\u0061cme\""), ("{\"groups\"", "{\"tenant\":\"acme\",\"groups\""),
            ("2500 Mbit/s", "2.5 Gbit/s"),
            ("[\"icmp/8\",\"tcp/5432\"]", "[\"tcp/5432\",\"icmp/8\"]"), ("\"version\":1}", "\"version\":1}}"),
            ("\"version\":1}", "\"version\":1"),
        ] {
            let other = text.replacing(from, with: to)
            #expect(other != text, "\(from)")
            #expect(throws: DocumentRefusal.self, "\(to)") { try Document(canonicalBytes: Array(other.utf8)) }
        }
    }
}
