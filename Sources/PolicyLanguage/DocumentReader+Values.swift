import NetTypes

// How single values are read: what a field may be, and what is said where it is something else.

extension DocumentReader {
    mutating func report(_ code: Finding.Code, _ value: Value, _ problem: String, _ remedy: String) {
        guard findings.count < PolicyLimits.findings else { return }
        findings.append(Finding(code, at: value.place, text: value.summary, problem, remedy: remedy))
    }

    mutating func mark(_ path: DocumentPath, _ value: Value) { places.set(path, value.place, value.summary) }

    /// The fields of a map, each once; nil where it is no map.
    mutating func fields(_ value: Value, _ what: String, _ known: [String]) -> [String: Value]? {
        guard case .map(let fields) = value.content else {
            report(
                .badValue, value, "\(quoted(value)) is not \(what)", "write a map of \(known.joined(separator: ", "))")
            return nil
        }
        var found: [String: Value] = [:]
        for field in fields where found.updateValue(field.value, forKey: field.key) != nil {
            report(
                .duplicateField, Value(.scalar(field.key, isQuoted: false), at: field.place),
                "the field '\(printable(field.key))' stands here twice", "keep one of the two")
        }
        return found
    }

    mutating func report(unknownIn value: Value, _ what: String, _ known: [String]) {
        guard case .map(let fields) = value.content else { return }
        for field in fields where !known.contains(field.key) {
            report(
                .unknownField, Value(.scalar(field.key, isQuoted: false), at: field.place),
                "unknown field '\(printable(field.key))' of \(what)",
                Suggestion.remedy(for: field.key, among: known, otherwise: "known are \(known.joined(separator: ", "))")
            )
        }
    }

    mutating func required(_ fields: [String: Value], _ name: String, _ what: String, _ value: Value) -> Value? {
        if let found = fields[name] { return found }
        report(.missingField, value, "the field '\(name)' of \(what) is missing", "add '\(name)'")
        return nil
    }

    mutating func list(_ value: Value, _ count: ClosedRange<Int>, _ what: String) -> [Value]? {
        guard case .list(let elements) = value.content else {
            report(
                .badValue, value, "\(quoted(value)) is not a list of \(what)",
                "write [A, B], or one to a line after '- '")
            return nil
        }
        guard count.contains(elements.count) else {
            report(
                elements.count > count.upperBound ? .limit : .badValue, value,
                "\(elements.count) \(what) stand here, where \(count.lowerBound) to \(count.upperBound) may",
                elements.isEmpty ? "remove the field, or add one" : "use fewer")
            return nil
        }
        return elements
    }

    /// A scalar that is text. Plain words that other readers of YAML take for something else are refused.
    mutating func text(_ value: Value, _ what: String) -> String? {
        guard case .scalar(let text, let isQuoted) = value.content else {
            report(.badValue, value, "\(value.summary) is not \(what)", "write \(what)")
            return nil
        }
        guard text.utf8.count <= PolicyLimits.scalarBytes else {
            report(
                .limit, value, "\(text.utf8.count) bytes are more than the \(PolicyLimits.scalarBytes) of a value",
                "write \(what)")
            return nil
        }
        let lowercased = text.lowercased()
        if !isQuoted, ["yes", "no", "on", "off", "y", "n", "true", "false", "null", "~", ""].contains(lowercased) {
            report(
                .badValue, value,
                text.isEmpty
                    ? "nothing stands here"
                    : "'\(text)' without quotes is a boolean or nothing to other readers of YAML",
                text.isEmpty ? "write \(what)" : "write \"\(text)\" in quotes if the word is meant")
            return nil
        }
        return text
    }

    mutating func name(_ value: Value, _ what: String) -> Name? {
        guard let text = self.text(value, "\(what)'s name") else { return nil }
        do throws(TextError) {
            return try Name(parsing: text)
        } catch {
            report(.badValue, value, error.description, "write such a name")
            return nil
        }
    }

    /// A value that is read from a text by a parser of its own.
    mutating func parsed<Result>(
        _ value: Value, _ what: String, _ remedy: String, _ parse: (String) throws(DocumentTextError) -> Result
    ) -> Result? {
        guard let text = self.text(value, what) else { return nil }
        do throws(DocumentTextError) {
            return try parse(text)
        } catch {
            report(.badValue, value, "'\(printable(text))' is not \(error.expected)", remedy)
            return nil
        }
    }

    mutating func word<Word: RawRepresentable & CaseIterable>(_ value: Value, _ what: String, _ type: Word.Type)
        -> Word?
    where Word.RawValue == String {
        // A word of the language, so that 'none' and 'off' need no quotes.
        guard case .scalar(let text, _) = value.content else {
            report(.badValue, value, "\(value.summary) is not \(what)", "write \(what)")
            return nil
        }
        if let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue)
        report(
            .badValue, value, "'\(printable(text))' is not \(what)",
            Suggestion.remedy(for: text, among: words, otherwise: "write \(words.joined(separator: " or "))"))
        return nil
    }

    mutating func boolean(_ value: Value) -> Bool? {
        if case .scalar(let text, isQuoted: false) = value.content {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        report(.badValue, value, "\(quoted(value)) is not true or false", "write true or false, without quotes")
        return nil
    }

    /// A decimal number. Octal, hexadecimal and other forms mean different numbers to different readers of YAML.
    mutating func number(_ value: Value, _ range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, let isQuoted) = value.content, !isQuoted,
            text == "0" || !text.hasPrefix("0"), !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            report(
                .badValue, value, "\(quoted(value)) is not a decimal number",
                "write a number from \(range.lowerBound) to \(range.upperBound) without quotes, sign or leading zeros")
            return nil
        }
        guard let number = Int(text), range.contains(number) else {
            report(
                .badValue, value, "\(printable(text)) is out of range",
                "write a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    func quoted(_ value: Value) -> String {
        if case .scalar(let text, _) = value.content { "'\(printable(text))'" } else { value.summary }
    }
}
