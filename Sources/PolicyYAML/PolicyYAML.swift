public import PolicyLanguage
import Yams

/// Reads policy documents written in YAML.
public enum PolicyYAML {
    /// Reads a document.
    ///
    /// - Parameter text: The text's bytes, at most ``PolicyLimits/documentBytes``; nothing is done with more.
    /// - Throws: ``DocumentRefusal`` with everything that is wrong, each with line and column. Where the text is no
    ///   YAML that is taken here, that is the only finding.
    public static func read(_ text: [UInt8]) throws(DocumentRefusal) -> SourcedDocument {
        try DocumentReader.read(value(YAMLGuard.check(text)))
    }

    /// Reads a document from a string.
    public static func read(_ text: String) throws(DocumentRefusal) -> SourcedDocument { try read(Array(text.utf8)) }

    private static func value(_ text: String) throws(DocumentRefusal) -> Value {
        let root: Node?
        do {
            // Without rules to resolve by: the text of a scalar stays what it is.
            root = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw refusal(error, text)
        } catch {
            throw refusal(Place(line: 1, column: 1), "", "this is no YAML")
        }
        guard let root else {
            throw refusal(Place(line: 1, column: 1), "", "the document is empty", "add 'version: 1' and 'tenant: NAME'")
        }
        return try value(root, depth: 0)
    }

    private static func value(_ node: Node, depth: Int) throws(DocumentRefusal) -> Value {
        let place = node.place
        guard depth <= PolicyLimits.textDepth else {
            throw DocumentRefusal([
                Finding(
                    .limit, at: place, text: "", "more than \(PolicyLimits.textDepth) lists and maps are nested here",
                    remedy: "nest less")
            ])
        }
        guard node.anchor == nil else {
            // The guard sees them all; should it ever not, they still do no more than be refused.
            throw refusal(place, "", "an anchor stands here", "write the value out in each place")
        }
        switch node {
        case .scalar(let scalar):
            guard scalar.style != .literal, scalar.style != .folded else {
                throw refusal(place, "", "block scalars are not taken", "write the value on one line, in quotes")
            }
            let isQuoted = scalar.style == .singleQuoted || scalar.style == .doubleQuoted
            return Value(.scalar(scalar.string, isQuoted: isQuoted), at: place)
        case .sequence(let sequence):
            var elements: [Value] = []
            elements.reserveCapacity(sequence.count)
            for element in sequence { elements.append(try value(element, depth: depth + 1)) }
            return Value(.list(elements), at: place)
        case .mapping(let mapping):
            var fields: [Value.Field] = []
            fields.reserveCapacity(mapping.count)
            for (key, content) in mapping {
                guard case .scalar(let name) = key else {
                    throw refusal(key.place, "", "a list or map is no name of a field", "write 'NAME: VALUE'")
                }
                fields.append(
                    Value.Field(key: name.string, place: key.place, value: try value(content, depth: depth + 1)))
            }
            return Value(.map(fields), at: place)
        case .alias: throw refusal(place, "", "aliases are not taken", "write the value out in each place")
        }
    }

    // MARK: Errors of the parser

    private static func refusal(_ error: YamlError, _ text: String) -> DocumentRefusal {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            refusal(Place(mark), Self.text(at: mark, text), "this is no YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            DocumentRefusal([
                Finding(
                    .duplicateField, at: Place(context.mark), text: duplicates.first ?? "",
                    "the field '\(duplicates.first?.prefix(80) ?? "")' stands here twice", remedy: "keep one of the two"
                )
            ])
        case .reader(let problem, _, _, _): refusal(Place(line: 1, column: 1), "", "this is no YAML: \(problem)")
        default: refusal(Place(line: 1, column: 1), "", "this is no YAML")
        }
    }

    private static func text(at mark: Mark, _ text: String) -> String {
        let lines = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false)
        guard mark.line >= 1, mark.line <= lines.count else { return "" }
        return String(
            String.UnicodeScalarView(lines[mark.line - 1].unicodeScalars.dropFirst(mark.column - 1).prefix(40)))
    }

    private static func refusal(
        _ place: Place, _ text: String, _ problem: String,
        _ remedy: String = "look at the indentation, the colons and the quotes here and above"
    ) -> DocumentRefusal {
        DocumentRefusal([Finding(.syntax, at: place, text: text, problem, remedy: remedy)])
    }
}

extension Node {
    fileprivate var place: Place { mark.map { Place($0) } ?? .unknown }
}

extension Place {
    fileprivate init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}
