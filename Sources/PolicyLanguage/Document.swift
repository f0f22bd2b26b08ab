public import NetTypes

/// A policy document: groups, outside networks, rules and tests of one tenant, or the guardrails of the platform.
///
/// Every name in a document resolves, nothing in it contradicts itself, and all is within ``PolicyLimits``: a document
/// that would not be so is refused when it is made. What no rule speaks about is unplugged.
public struct Document: Hashable, Sendable {
    /// Whose document it is.
    public enum Scope: Hashable, Sendable {
        /// A tenant's own rules.
        case tenant(Name)
        /// The provider's guardrails, which stand before the rules of every tenant.
        case platform
    }

    /// Whose document it is.
    public let scope: Scope
    /// The tenant's tiers in the order in which they decide; never empty, `default` where the text names none.
    public let tiers: [Name]
    /// The groups, by name.
    public let groups: [PolicyGroup]
    /// The outside networks, by name.
    public let networks: [OutsideNetwork]
    /// The rules in the order of the text.
    public let rules: [Rule]
    /// The tests in the order of the text.
    public let tests: [DocumentTest]
    /// Whether the rules of the document are only counted and logged, and decide nothing. Its tests are those of the
    /// document in force.
    public private(set) var isDryRun = false

    /// The tier of documents that name none.
    public static let defaultTiers = [Name(fixed: "default")]

    /// The tier of the entries that plug and unplug write. It stands before all others unless the document names it
    /// among its own.
    public static let patches = Name(fixed: "patches")

    /// Makes a document of groups and networks in any order.
    ///
    /// - Throws: ``DocumentRefusal`` with everything that is wrong, up to ``PolicyLimits/findings``.
    public init(
        scope: Scope, tiers: [Name] = Self.defaultTiers, groups: [PolicyGroup] = [], networks: [OutsideNetwork] = [],
        rules: [Rule] = [], tests: [DocumentTest] = [], isDryRun: Bool = false
    ) throws(DocumentRefusal) {
        self.init(unchecked: scope, tiers, groups, networks, rules, tests, isDryRun: isDryRun)
        var validator = DocumentValidator(document: self, places: DocumentPlaces())
        validator.run()
        if !validator.findings.isEmpty { throw DocumentRefusal(validator.findings) }
    }

    init(
        unchecked scope: Scope, _ tiers: [Name], _ groups: [PolicyGroup], _ networks: [OutsideNetwork],
        _ rules: [Rule], _ tests: [DocumentTest], isDryRun: Bool
    ) {
        self.scope = scope
        self.tiers = tiers
        self.groups = groups.sorted { $0.name < $1.name }
        self.networks = networks.sorted { $0.name < $1.name }
        self.rules = rules
        self.tests = tests
        self.isDryRun = isDryRun
    }

    /// The same with its rules in force.
    var enforced: Document {
        var document = self
        document.isDryRun = false
        return document
    }

    /// Whether a rule is only counted and logged, by itself or with the document. What plug and unplug wrote is in force.
    func isDryRun(_ rule: Rule) -> Bool { rule.isDryRun || isDryRun && rule.tier != Self.patches }

    /// The index of a rule's tier in ``tiers``.
    func tierIndex(of rule: Rule) -> Int { tiers.firstIndex(of: rule.tier ?? firstTier) ?? 0 }

    /// The tier of rules that name none.
    var firstTier: Name { tiers.first { $0 != Self.patches } ?? Self.defaultTiers[0] }
}

extension Name {
    /// A name that stands in this library's own text; anything else becomes `x`.
    init(fixed text: StaticString) {
        // Of the fixed texts none is refused, and a name of one letter never is.
        do throws(TextError) {
            self = try Name(parsing: String(describing: text))
        } catch {
            self = .init(fixed: "x")
        }
    }
}

/// A document with the places of its values.
public struct SourcedDocument: Sendable {
    /// The document.
    public let document: Document
    /// Where its values stand in the text.
    public let places: DocumentPlaces

    /// Joins a document with its places.
    public init(_ document: Document, places: DocumentPlaces = DocumentPlaces()) {
        self.document = document
        self.places = places
    }
}
