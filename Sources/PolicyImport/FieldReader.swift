import PolicyLanguage

/// Reads the values of one text, and refuses with their place those that are not what they should be.
struct FieldReader {
    let source: String

    func error(_ code: Finding.Code, _ value: Value, _ problem: String, _ remedy: String) -> ImportError {
        ImportError(source, code, value.place, Self.summary(value), problem, remedy: remedy)
    }

    static func summary(_ value: Value) -> String {
        switch value.content {
        case .scalar(let text, _): text
        case .list: "a list"
        case .map: "a map"
        }
    }

    private static let nothing: Set = ["", "~", "null", "Null", "NULL"]

    /// Whether nothing stands there.
    static func isNull(_ value: Value) -> Bool {
        if case .scalar(let text, isQuoted: false) = value.content { nothing.contains(text) } else { false }
    }

    /// The fields of a map, without those that are null; `known` are all that there may be.
    func fields(_ value: Value, _ what: String, known: [String]? = nil) throws(ImportError) -> [String: Value] {
        guard case .map(let fields) = value.content else {
            throw error(
                .badValue, value, "\(Self.summary(value).prefix(80)) is not \(what)", "write a map of its fields")
        }
        var found: [String: Value] = [:]
        for field in fields {
            if let known, !known.contains(field.key) {
                throw ImportError(
                    source, .unknownField, field.place, field.key,
                    "unknown field '\(field.key.prefix(80))' of \(what)",
                    remedy: "known are \(known.joined(separator: ", "))")
            }
            guard found[field.key] == nil else {
                throw ImportError(
                    source, .duplicateField, field.place, field.key, "the field '\(field.key)' stands here twice",
                    remedy: "keep one of the two")
            }
            if !Self.isNull(field.value) { found[field.key] = field.value }
        }
        return found
    }

    /// The elements of a list; of a field that is not there, none.
    func list(_ value: Value?, _ what: String) throws(ImportError) -> [Value] {
        guard let value, !Self.isNull(value) else { return [] }
        guard case .list(let elements) = value.content else {
            throw error(.badValue, value, "\(Self.summary(value).prefix(80)) is not a list of \(what)", "write a list")
        }
        return elements
    }

    func required(
        _ fields: [String: Value], _ name: String, _ what: String, _ value: Value
    ) throws(ImportError) -> Value {
        if let found = fields[name] { return found }
        throw error(.missingField, value, "the field '\(name)' of \(what) is missing", "add '\(name)'")
    }

    /// A text. What YAML takes for a number or a boolean must stand in quotes, as in the systems that are imported from.
    func text(_ value: Value, _ what: String) throws(ImportError) -> String {
        guard case .scalar(let text, let isQuoted) = value.content else {
            throw error(.badValue, value, "\(Self.summary(value)) is not \(what)", "write \(what)")
        }
        if !isQuoted, Self.isOther(text) {
            throw error(
                .badValue, value, "'\(text.prefix(80))' without quotes is no text",
                "write it in quotes, if it is \(what)")
        }
        return text
    }

    /// A text, or what YAML takes for a number.
    func word(_ value: Value, _ what: String) throws(ImportError) -> String {
        guard case .scalar(let text, _) = value.content else {
            throw error(.badValue, value, "\(Self.summary(value)) is not \(what)", "write \(what)")
        }
        return text
    }

    private static let booleans: Set = ["yes", "no", "on", "off", "true", "false", "null", "~", ""]

    private static func isOther(_ text: String) -> Bool {
        if booleans.contains(text.lowercased()) { return true }
        guard let first = text.utf8.first, (0x30...0x39).contains(first) || "+-.".utf8.contains(first) else {
            return false
        }
        let digits = text.replacing("_", with: "")
        return Double(digits) != nil || digits.hasPrefix("0x") && Int(digits.dropFirst(2), radix: 16) != nil
            || digits.hasPrefix("0o") && Int(digits.dropFirst(2), radix: 8) != nil
    }

    /// A whole number that does not stand in quotes.
    func number(_ value: Value, _ range: ClosedRange<Int>, _ what: String) throws(ImportError) -> Int {
        guard case .scalar(let text, isQuoted: false) = value.content,
            text == "0" || !text.hasPrefix("0"), let number = Int(text), text == String(number), range.contains(number)
        else {
            throw error(
                .badValue, value, "'\(Self.summary(value).prefix(80))' is not \(what)",
                "write a number from \(range.lowerBound) to \(range.upperBound) without quotes")
        }
        return number
    }
}
