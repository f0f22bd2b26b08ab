import PolicyLanguage
import Yams

/// Reads streams of YAML documents into values, with their places in the whole stream.
enum YAMLStream {
    /// The documents of a stream that are not empty.
    static func read(_ source: ImportSource) throws(ImportError) -> [Value] {
        var values: [Value] = []
        for part in try StreamGuard.check(source) {
            if let value = try value(part, source.name) { values.append(value) }
        }
        return values
    }

    private static func value(_ part: StreamGuard.Part, _ source: String) throws(ImportError) -> Value? {
        let converter = Converter(source: source, lines: part.lines)
        let root: Node?
        do {
            // Without rules to resolve by: the text of a scalar stays what it is.
            root = try Parser(yaml: part.text, resolver: .basic, constructor: .default, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw converter.error(error)
        } catch {
            throw converter.error(.unknown, "this is no YAML")
        }
        guard let root else { return nil }
        return try converter.value(root, depth: 0)
    }

    private struct Converter {
        let source: String
        let lines: Int

        func value(_ node: Node, depth: Int) throws(ImportError) -> Value {
            let place = place(node.mark)
            guard depth <= PolicyLimits.textDepth else {
                throw ImportError(
                    source, .limit, place, "", "more than \(PolicyLimits.textDepth) lists and maps are nested here",
                    remedy: "nest less")
            }
            guard node.anchor == nil else {
                // The guard sees them all; should it ever not, they still do no more than be refused.
                throw error(place, "an anchor stands here", "write the value out in each place")
            }
            switch node {
            case .scalar(let scalar):
                return Value(.scalar(scalar.string, isQuoted: scalar.style != .plain), at: place)
            case .sequence(let sequence):
                var elements: [Value] = []
                elements.reserveCapacity(sequence.count)
                for element in sequence { elements.append(try value(element, depth: depth + 1)) }
                return Value(.list(elements), at: place)
            case .mapping(let mapping):
                var fields: [Value.Field] = []
                fields.reserveCapacity(mapping.count)
                for (key, content) in mapping {
                    guard case .scalar(let name) = key, key.anchor == nil else {
                        throw error(
                            self.place(key.mark), "this is no name of a field", "write 'NAME: VALUE'")
                    }
                    fields.append(
                        Value.Field(
                            key: name.string, place: self.place(key.mark),
                            value: try value(content, depth: depth + 1)))
                }
                return Value(.map(fields), at: place)
            case .alias: throw error(place, "aliases are not taken", "write the value out in each place")
            }
        }

        func place(_ mark: Mark?) -> Place {
            mark.map { Place(line: $0.line + lines, column: $0.column) } ?? .unknown
        }

        func error(_ error: YamlError) -> ImportError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                return self.error(place(mark), "this is no YAML: \(problem)")
            case .duplicatedKeysInMapping(let duplicates, let context):
                let name = String(duplicates.first?.prefix(80) ?? "")
                return ImportError(
                    source, .duplicateField, place(context.mark), name, "the field '\(name)' stands here twice",
                    remedy: "keep one of the two")
            case .reader(let problem, _, _, _): return self.error(Place(line: lines + 1, column: 1), problem)
            default: return self.error(Place(line: lines + 1, column: 1), "this is no YAML")
            }
        }

        func error(
            _ place: Place, _ problem: String,
            _ remedy: String = "look at the indentation, the colons and the quotes here and above"
        ) -> ImportError {
            ImportError(source, .syntax, place, "", problem, remedy: remedy)
        }
    }
}
