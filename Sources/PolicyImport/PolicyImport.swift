public import NetTypes
public import PolicyLanguage

/// A policy document made from the policies of another system, and what of those could not be carried over.
///
/// For each source there is a function: ``kubernetes(_:options:)``, ``openStack(_:options:)`` and ``nebula(_:options:)``.
public struct PolicyImport: Sendable {
    /// The document.
    public let document: Document
    /// The document as YAML, with comments that say where each rule comes from. It reads as ``document``.
    public let text: String
    /// What could not be carried over, or not as it was: the most urgent first, then in the order of the texts.
    public let report: [ImportNote]

    init(document: Document, text: String, report: [ImportNote]) {
        self.document = document
        self.text = text
        var seen = Set<ImportNote>()
        self.report = report.filter { seen.insert($0).inserted }.enumerated()
            .sorted { ($0.element.severity, $0.offset) < ($1.element.severity, $1.offset) }.map(\.element)
    }

    /// Whether the document lets through exactly what the policies do, as far as they say it.
    public var isExact: Bool { report.allSatisfy { $0.severity == .note } }
}

/// What an importer knows of the addresses of endpoints. Rules of Patchbay speak of identities, and of addresses only
/// outside; other systems also mean their own endpoints when they name a prefix.
public struct AddressFacts: Hashable, Sendable {
    /// The prefixes from which endpoints have their addresses, such as `10.244.0.0/16`; empty is not known.
    public var networks: [String]
    /// The addresses of each endpoint, as far as they are known; empty is not known. A block then stands for the
    /// endpoints that have an address in it at the time of the import.
    public var endpoints: [Name: [IPAddress]]

    /// States facts.
    public init(networks: [String] = [], endpoints: [Name: [IPAddress]] = [:]) {
        self.networks = networks
        self.endpoints = endpoints
    }

    /// Nothing is known.
    public static let none = Self()
}

/// Which endpoints are meant by a block of addresses.
struct AddressCoverage {
    /// The endpoints that are surely meant.
    let certain: Selection
    /// The endpoints that may be meant.
    let possible: Selection
    /// What to say about it; nil where the two are the same and nothing changes with time.
    let note: (what: String, remedy: String)?

    private static let remedy = "state the networks of the endpoints, or select them by labels"

    init(_ block: AddressSet, _ facts: AddressFacts, all: Selection) throws(TextError) {
        if block.isEmpty {
            (certain, possible, note) = (.none, .none, nil)
        } else if !facts.endpoints.isEmpty {
            let names = facts.endpoints.filter { $0.value.contains { block.contains($0) } }.keys.sorted()
            certain = names.isEmpty ? .none : .members(names)
            possible = certain
            note =
                names.isEmpty
                ? nil
                : (
                    "the prefix stands for the \(names.count) endpoints that have an address in it now",
                    "import again when addresses change"
                )
        } else if !facts.networks.isEmpty {
            var networks = AddressSet()
            for network in facts.networks { networks = networks.union(try AddressSet(parsing: network)) }
            if networks.subtracting(block).isEmpty {
                (certain, possible, note) = (all, all, nil)
            } else if networks.intersection(block).isEmpty {
                (certain, possible, note) = (.none, .none, nil)
            } else {
                (certain, possible) = (.none, all)
                note = ("the prefix has a part of the addresses of endpoints in it", "select them by labels")
            }
        } else if block == .all {
            (certain, possible, note) = (all, all, nil)
        } else if block.isWholeFamilies {
            (certain, possible) = (all, all)
            note = (
                "the prefix is all addresses of one family; endpoints are meant whatever the family", Self.remedy
            )
        } else {
            (certain, possible) = (.none, all)
            note = ("the prefix speaks of outside addresses only, even if endpoints have addresses in it", Self.remedy)
        }
    }

    /// Whether what is certain is not all that is possible.
    var isPartial: Bool { certain != possible }
}
