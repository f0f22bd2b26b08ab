import NetTypes

// The canonical form, the bytes that a tenant's policy key signs: JSON without white space, fields in
// alphabetical order, entries in the order of their numbers, nothing left out but the level of entries that have none,
// nothing else in it:
//
//   {"entries":[{"action":"plug","from":"web1","id":1,"one_way":false,"to":"group:db"},
//    {"action":"plug","from":"web1","id":2,"one_way":false,"security":"conf","to":"db1"}],
//    "revision":7,"tenant":"acme","version":1}                                          (in one line)
//
// One document has one form, so whoever decodes may compare documents by their bytes. That is why "security":"none" is
// refused. A document without levels has the form that it had before there were any, so what was signed then holds; a
// reader of that time refuses a level as an unknown field, and plugs nothing in the clear for want of knowing it.

extension PolicyDocument {
    /// The number of the format; a document with another one is refused.
    static let version: UInt64 = 1

    /// Everything but the tenant's name and the entries, with the longest revision there can be.
    static let envelopeByteCount =
        "{\"entries\":[],\"revision\":\(UInt64.max),\"tenant\":\"\",\"version\":1}".utf8.count

    /// The document as the bytes that are signed.
    public var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(contentsOf: "{\"entries\":[".utf8)
        for (index, entry) in entries.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: entry.canonicalText.utf8)
        }
        bytes.append(
            contentsOf: "],\"revision\":\(revision),\"tenant\":\"\(tenant)\",\"version\":\(Self.version)}".utf8)
        return bytes
    }

    /// Reads the canonical form and nothing else.
    ///
    /// Refused are: more than ``maximumByteCount`` bytes (before a byte is read), what is no JSON, unknown, missing and
    /// duplicate fields, values of another type or out of range, two entries of one number, and every other form of
    /// the same document (white space, escapes, another order).
    public init(canonicalBytes bytes: [UInt8]) throws(PolicyError) {
        guard bytes.count <= Self.maximumByteCount else { throw .tooLarge(bytes.count) }
        let root = try Fields(JSONReader.read(bytes), at: "")
        // The version first: of a later one we cannot say what its fields should be.
        let version = try root.number("version")
        guard version == Self.version else {
            throw PolicyError(
                .unknownVersion, at: "/version", "version \(version) of the format is not known here",
                remedy: "update this program; it knows version \(Self.version)")
        }
        try root.allow(["entries", "revision", "tenant", "version"])
        var entries: [PolicyEntry] = []
        for (index, element) in try root.array("entries").enumerated() {
            entries.append(try PolicyEntry(element, at: "/entries/\(index)"))
        }
        try self.init(tenant: root.name("tenant"), revision: root.number("revision"), entries: entries)
        let canonical = canonicalBytes
        guard canonical == bytes else {
            let offset = zip(canonical, bytes).enumerated().first { $1.0 != $1.1 }?.offset
            throw PolicyError(
                .notCanonical, at: "byte \(offset ?? min(canonical.count, bytes.count))",
                "this is another form than the canonical one",
                remedy: "write fields in alphabetical order, entries by number, without white space")
        }
    }
}

extension PolicyEntry {
    /// The entry in the canonical form of its document.
    var canonicalText: String {
        let level = security == .none ? "" : "\"security\":\"\(security.rawValue)\","
        return "{\"action\":\"\(action.rawValue)\",\"from\":\"\(from)\",\"id\":\(id),\"one_way\":\(oneWay),"
            + level + "\"to\":\"\(to)\"}"
    }

    var canonicalByteCount: Int { canonicalText.utf8.count }

    fileprivate init(_ value: JSONValue, at place: String) throws(PolicyError) {
        let fields = try Fields(value, at: place)
        try fields.allow(["action", "from", "id", "one_way", "security", "to"])
        let word = try fields.string("action")
        guard let action = Action(rawValue: word) else {
            throw .badValue(at: place + "/action", "'\(word.prefix(80))' is no action", "write plug or unplug")
        }
        self.init(
            id: try fields.number("id"), action: action, from: try fields.selector("from"),
            to: try fields.selector("to"), oneWay: try fields.boolean("one_way"),
            security: try fields.security("security"))
        try check(at: place)
    }
}

/// The fields of one JSON object, read strictly, with their places for errors.
private struct Fields {
    let place: String
    let values: [String: JSONValue]

    init(_ value: JSONValue, at place: String) throws(PolicyError) {
        guard case .object(let values) = value else { throw .wrongType(at: place, "an object") }
        self.place = place
        self.values = values
    }

    func allow(_ names: Set<String>) throws(PolicyError) {
        if let name = values.keys.filter({ !names.contains($0) }).min() {
            throw PolicyError(
                .unknownField, at: "\(place)/\(name.prefix(80))", "there is no such field",
                remedy: "remove it; known are \(names.sorted().joined(separator: ", "))")
        }
    }

    private func value(_ name: String) throws(PolicyError) -> JSONValue {
        guard let value = values[name] else {
            throw PolicyError(.missingField, at: "\(place)/\(name)", "the field is missing", remedy: "add it")
        }
        return value
    }

    func string(_ name: String) throws(PolicyError) -> String {
        guard case .string(let text) = try value(name) else { throw .wrongType(at: "\(place)/\(name)", "a string") }
        return text
    }

    /// A level that may be left out, and is where it is none.
    func security(_ name: String) throws(PolicyError) -> Security {
        guard values[name] != nil else { return .none }
        let word = try string(name)
        switch Security(rawValue: word) {
        case .auth?: return .auth
        case .conf?: return .conf
        case Security.none?:
            throw .badValue(
                at: "\(place)/\(name)", "'none' is written by leaving the field out",
                "remove the field, or write auth or conf")
        case nil:
            throw .badValue(
                at: "\(place)/\(name)", "'\(word.prefix(80))' is no level of security",
                "write auth or conf, or leave the field out for none")
        }
    }

    func number(_ name: String) throws(PolicyError) -> UInt64 {
        guard case .number(let number) = try value(name) else {
            throw .wrongType(at: "\(place)/\(name)", "a whole number from 0 to \(UInt64.max)")
        }
        return number
    }

    func boolean(_ name: String) throws(PolicyError) -> Bool {
        guard case .boolean(let flag) = try value(name) else {
            throw .wrongType(at: "\(place)/\(name)", "true or false")
        }
        return flag
    }

    func array(_ name: String) throws(PolicyError) -> [JSONValue] {
        guard case .array(let values) = try value(name) else { throw .wrongType(at: "\(place)/\(name)", "an array") }
        return values
    }

    func name(_ field: String) throws(PolicyError) -> Name {
        let text = try string(field)
        do {
            return try Name(parsing: text)
        } catch {
            throw .badValue(at: "\(place)/\(field)", error.description, "write such a name")
        }
    }

    func selector(_ field: String) throws(PolicyError) -> Selector {
        let text = try string(field)
        do {
            return try Selector(parsing: text)
        } catch {
            throw .badValue(at: "\(place)/\(field)", error.description, "name an endpoint or a group")
        }
    }
}

extension PolicyError {
    fileprivate static func badValue(at place: String, _ problem: String, _ remedy: String) -> PolicyError {
        PolicyError(.badValue, at: place, problem, remedy: remedy)
    }

    fileprivate static func wrongType(at place: String, _ expected: String) -> PolicyError {
        PolicyError(.badValue, at: place, "this is not \(expected)", remedy: "write \(expected)")
    }
}
