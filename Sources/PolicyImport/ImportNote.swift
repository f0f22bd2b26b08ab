public import PolicyLanguage

/// Something that an import could not carry over as it was, or that a reader of the document should know.
public struct ImportNote: Hashable, Sendable, CustomStringConvertible {
    /// What it does to the document, the most urgent first.
    public enum Severity: String, Hashable, Sendable, Comparable, CaseIterable {
        /// The document may let something through that the source does not.
        case opens
        /// The document may stop something that the source lets through.
        case closes
        /// Both let the same through; the note is for people.
        case note

        public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

        private var rank: Int {
            switch self {
            case .opens: 0
            case .closes: 1
            case .note: 2
            }
        }
    }

    /// What it does to the document.
    public let severity: Severity
    /// The name of the text, as the caller gave it.
    public let source: String
    /// Where in that text; unknown where the note is about all of it.
    public let place: Place
    /// What was not carried over, or not as it was.
    public let what: String
    /// What to do about it.
    public let remedy: String

    /// Makes a note.
    public init(_ severity: Severity, _ source: String, _ place: Place, _ what: String, remedy: String) {
        self.severity = severity
        self.source = source
        self.place = place
        self.what = what
        self.remedy = remedy
    }

    public var description: String {
        (source.isEmpty ? "" : "\(source):\(place): ") + "\(severity.rawValue): \(what); \(remedy)"
    }
}
