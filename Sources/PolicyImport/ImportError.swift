public import PolicyLanguage

/// Why nothing was imported: the first thing that is wrong in a text, or that is larger than ``PolicyLimits`` says.
public struct ImportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the text, as the caller gave it; empty where the error is about all of them.
    public let source: String
    /// What is wrong, where, and what to do about it.
    public let finding: Finding

    /// Makes an error.
    public init(_ source: String, _ finding: Finding) {
        self.source = source
        self.finding = finding
    }

    init(
        _ source: String, _ code: Finding.Code, _ place: Place, _ text: String = "", _ problem: String, remedy: String
    ) {
        self.init(source, Finding(code, at: place, text: text, problem, remedy: remedy))
    }

    public var description: String {
        source.isEmpty
            ? "\(finding.severity.rawValue): \(finding.problem); \(finding.remedy)" : "\(source):\(finding)"
    }
}

/// A text to import from.
public struct ImportSource: Hashable, Sendable {
    /// What the text is called in notes, errors and comments, such as a file's name.
    public let name: String
    /// The text's bytes.
    public let text: [UInt8]

    /// Names the bytes of a text.
    public init(name: String, text: [UInt8]) {
        self.name = name
        self.text = text
    }

    /// Names a text.
    public init(name: String, text: String) { self.init(name: name, text: Array(text.utf8)) }

    /// Refuses texts that are together larger than a document may be; nothing else is done with such.
    static func checkSize(_ sources: [Self]) throws(ImportError) {
        var bytes = 0
        for source in sources {
            bytes += source.text.count
            guard bytes <= PolicyLimits.documentBytes else {
                throw ImportError(
                    source.name, .limit, .unknown, "",
                    "\(bytes) bytes are more than the \(PolicyLimits.documentBytes) of a document",
                    remedy: "import a part at a time")
            }
        }
    }
}
