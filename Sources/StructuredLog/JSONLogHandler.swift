import Foundation
public import Logging

/// Writes each message as one JSON object on a line of its own (RFC 8259).
///
/// Members: `time` (RFC 3339, UTC, with milliseconds), `level`, `logger`, `message`, and `fields`, an object with the
/// metadata, when there is some. All text is escaped, so that no value can begin a line or change how a terminal shows
/// the next one.
public struct JSONLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level = .info
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let now: @Sendable () -> Date
    private let write: @Sendable (String) -> Void

    /// A handler that writes to standard error.
    public init(label: String) {
        self.init(label: label, now: { Date() }) { line in
            // A whole line in one call: lines of other threads do not get in between.
            try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
        }
    }

    /// A handler that hands each line, with its line feed, over.
    init(label: String, now: @escaping @Sendable () -> Date, write: @escaping @Sendable (String) -> Void) {
        self.label = label
        self.now = now
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        var line = "{\"time\":\"\(now().formatted(Self.time))\",\"level\":\"\(event.level.rawValue)\","
        line += "\"logger\":\(JSONText.string(label)),\"message\":\(JSONText.string(event.message.description))"
        if !fields.isEmpty { line += ",\"fields\":\(JSONText.object(fields))" }
        write(line + "}\n")
    }

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

/// JSON, written so that a line holds visible ASCII and letters only.
enum JSONText {
    static func string(_ text: String) -> String {
        var result = "\""
        result.reserveCapacity(text.utf8.count + 2)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where isHarmless(scalar): result.unicodeScalars.append(scalar)
            default:
                for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }

    static func object(_ fields: Logger.Metadata, depth: Int = 0) -> String {
        let members = fields.sorted { $0.key < $1.key }.map { string($0.key) + ":" + value($0.value, depth: depth) }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// How deep values may be nested; what is deeper is written as text.
    private static let depth = 8

    private static func value(_ value: Logger.Metadata.Value, depth: Int) -> String {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let some): string(some.description)
        case .array(let items) where depth < Self.depth:
            "[" + items.map { self.value($0, depth: depth + 1) }.joined(separator: ",") + "]"
        case .dictionary(let members) where depth < Self.depth: object(members, depth: depth + 1)
        case .array, .dictionary: string(value.description)
        }
    }

    /// Whether a scalar is shown as itself, and changes nothing around it: no control (C0, DEL, C1), no format character
    /// such as those that turn the direction, no separator of lines, nothing that is assigned to nobody.
    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: false
        default: true
        }
    }
}
