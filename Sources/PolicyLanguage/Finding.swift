/// A place in a document's text.
public struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The line, from 1; 0 where the document was not read from text.
    public let line: Int
    /// The column in Unicode scalars, from 1; 0 where the document was not read from text.
    public let column: Int

    /// Makes a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// No place: the document was built by a program.
    public static let unknown = Self(line: 0, column: 0)

    public var description: String { line == 0 ? "-" : "\(line):\(column)" }

    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// Something that was found in a document: what, where, in which words, and what to do about it.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: String, Hashable, Sendable, Comparable {
        /// The document is refused.
        case error
        /// The document is taken, but it probably does not say what was meant.
        case warning
        /// Worth knowing.
        case note

        private var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .note: 2
            }
        }

        public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
    }

    /// The kind of finding; an open list.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The kind in kebab case.
        public let rawValue: String

        /// Takes a kind by its text.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The text is no YAML, no JSON, or YAML of a kind that is not taken here.
        public static let syntax = Self(rawValue: "syntax")
        /// Something is larger, deeper or more than ``PolicyLimits`` says.
        public static let limit = Self(rawValue: "limit")
        /// A field that the language does not have.
        public static let unknownField = Self(rawValue: "unknown-field")
        /// A field that stands there twice.
        public static let duplicateField = Self(rawValue: "duplicate-field")
        /// A field that is not there.
        public static let missingField = Self(rawValue: "missing-field")
        /// A value of another type, or outside its range.
        public static let badValue = Self(rawValue: "bad-value")
        /// Two fields that do not go together.
        public static let contradiction = Self(rawValue: "contradiction")
        /// Two things of one name.
        public static let duplicateName = Self(rawValue: "duplicate-name")
        /// A group, network, tier or endpoint that is not there.
        public static let unknownName = Self(rawValue: "unknown-name")
        /// Groups that are defined by each other.
        public static let cycle = Self(rawValue: "cycle")
        /// A part of the language that is reserved.
        public static let notSupported = Self(rawValue: "not-supported")
        /// Canonical JSON in another than its one form.
        public static let notCanonical = Self(rawValue: "not-canonical")
        /// A rule that never decides, for others with another verdict stand before it.
        public static let shadowed = Self(rawValue: "shadowed")
        /// A rule that never decides, for others with the same verdict stand before it.
        public static let redundant = Self(rawValue: "redundant")
        /// A rule that can match nothing.
        public static let unreachable = Self(rawValue: "unreachable")
        /// Two rules of one rank that overlap and say different things.
        public static let conflict = Self(rawValue: "conflict")
        /// A test of the document that fails.
        public static let testFailed = Self(rawValue: "test-failed")
        /// A search that was ended by a limit.
        public static let incomplete = Self(rawValue: "incomplete")
    }

    /// What kind of finding this is.
    public let code: Code
    /// How bad it is.
    public let severity: Severity
    /// Where.
    public let place: Place
    /// The offending text, cut to 80 Unicode scalars, without control codes.
    public let text: String
    /// What is wrong there.
    public let problem: String
    /// What to do about it.
    public let remedy: String

    /// Makes a finding.
    public init(
        _ code: Code, _ severity: Severity = .error, at place: Place, text: some StringProtocol, _ problem: String,
        remedy: String
    ) {
        self.code = code
        self.severity = severity
        self.place = place
        self.text = printable(text)
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(place): \(severity.rawValue): \(problem); \(remedy)" }
}

/// Why a document was refused: at least one finding that is an error. Nothing is changed where one is thrown.
public struct DocumentRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// All that was found, in the order of their places.
    public let findings: [Finding]

    /// Makes a refusal.
    public init(_ findings: [Finding]) { self.findings = findings }

    public var description: String { findings.map(\.description).joined(separator: "\n") }
}

/// A text as it may be shown: at most 80 scalars, control codes replaced, for it goes into logs and terminals.
func printable(_ text: some StringProtocol) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(80) {
        shown.append(scalar.properties.generalCategory == .control ? "\u{fffd}" : scalar)
    }
    return String(shown)
}
