/// Names one value of a document, so that a finding about the model can say where it stands in the text.
public struct DocumentPath: Hashable, Sendable {
    /// A part of a document.
    public enum Section: UInt8, Hashable, Sendable {
        case document, tiers, groups, networks, rules, tests
    }

    /// The part.
    public let section: Section
    /// Which element of the part, in the model's order.
    public let index: Int
    /// The field of the element; empty is the element itself.
    public let field: String
    /// Which element of the field.
    public let element: Int

    /// Makes a path.
    public init(_ section: Section, _ index: Int = 0, _ field: String = "", _ element: Int = 0) {
        self.section = section
        self.index = index
        self.field = field
        self.element = element
    }
}

/// Where the values of a document stand in its text.
public struct DocumentPlaces: Sendable {
    private var places: [DocumentPath: (place: Place, text: String)] = [:]

    /// No places: a document that a program built.
    public init() {}

    mutating func set(_ path: DocumentPath, _ place: Place, _ text: String) { places[path] = (place, text) }

    /// Where a value stands; of a field that is not there the place of its element, and unknown where there is none.
    public func place(of path: DocumentPath) -> Place { entry(path)?.place ?? .unknown }

    /// The value's text, empty where it is not known.
    public func text(of path: DocumentPath) -> String { entry(path)?.text ?? "" }

    /// The line of a rule; 0 where it is not known.
    public func line(ofRule index: Int) -> Int { place(of: DocumentPath(.rules, index)).line }

    private func entry(_ path: DocumentPath) -> (place: Place, text: String)? {
        places[path] ?? places[DocumentPath(path.section, path.index)]
    }

    /// A finding about the value of a path.
    func finding(
        _ code: Finding.Code, _ severity: Finding.Severity = .error, _ path: DocumentPath, _ problem: String,
        remedy: String
    ) -> Finding {
        Finding(code, severity, at: place(of: path), text: text(of: path), problem, remedy: remedy)
    }
}
