public import NetTypes
public import Policy

/// All of a tenant's policy: the entries that plug and unplug write, and the document that people write.
///
/// Its bytes are what the tenant's policy key signs: the canonical form of the entries, which also says whose policy it
/// is and its revision, and, where there is a document, a line feed and the document's canonical form. Neither form has
/// a line feed in it, so one policy has one form. A reader that knows no documents refuses the second line.
public struct TenantPolicy: Hashable, Sendable {
    /// The entries, with tenant and revision.
    public var entries: PolicyDocument
    /// The document; nil where there is none.
    public private(set) var document: Document?

    /// Joins entries and a document of the same tenant.
    ///
    /// - Throws: ``DocumentRefusal`` where the document is another's.
    public init(entries: PolicyDocument, document: Document? = nil) throws(DocumentRefusal) {
        self.entries = entries
        if let document { try replace(document) }
    }

    /// Makes an empty policy: everything is unplugged.
    public init(tenant: Name, revision: UInt64 = 0) { entries = PolicyDocument(tenant: tenant, revision: revision) }

    /// Whose policy this is.
    public var tenant: Name { entries.tenant }
    /// Counts the published states of the policy.
    public var revision: UInt64 { entries.revision }

    /// Puts a document in the place of the former one; nil removes it.
    ///
    /// - Throws: ``DocumentRefusal`` where it is another tenant's.
    public mutating func replace(_ document: Document?) throws(DocumentRefusal) {
        if let document, document.scope != .tenant(tenant) {
            throw DocumentRefusal([
                Finding(
                    .contradiction, at: .unknown, text: "", "this document is not of the tenant '\(tenant)'",
                    remedy: "write 'tenant: \(tenant)'")
            ])
        }
        self.document = document
    }

    // MARK: The canonical form

    private static let separator = UInt8(ascii: "\n")

    /// The policy as the bytes that are signed.
    public var canonicalBytes: [UInt8] {
        guard let document else { return entries.canonicalBytes }
        return entries.canonicalBytes + [Self.separator] + document.canonicalBytes
    }

    /// Reads the canonical form and nothing else.
    ///
    /// - Throws: ``PolicyError`` of the entries, or ``DocumentRefusal`` of the document.
    public init(canonicalBytes bytes: [UInt8]) throws {
        let end = bytes.firstIndex(of: Self.separator) ?? bytes.count
        try self.init(
            entries: PolicyDocument(canonicalBytes: Array(bytes[..<end])),
            document: end < bytes.count ? Document(canonicalBytes: Array(bytes[(end + 1)...])) : nil)
    }

    // MARK: One document of both

    /// The rules of the document and, in the tier ``Document/patches``, the entries as rules named `entry-7`.
    ///
    /// A group that an entry names is the document's, or, where the document has none of that name, the directory's,
    /// which is the label `group=NAME`. Rules keep their indexes; the entries stand behind them.
    public var merged: Document {
        let base =
            document ?? Document(unchecked: .tenant(tenant), Document.defaultTiers, [], [], [], [], isDryRun: false)
        guard !entries.entries.isEmpty else { return base }
        var groups = base.groups
        var known = Set(groups.map(\.name))
        func peer(_ selector: Selector) -> Peer {
            switch selector {
            case .endpoint(let name): return .endpoint(name)
            case .group(let name):
                if known.insert(name).inserted {
                    groups.append(PolicyGroup(name: name, .label(.equals(PolicyLabel(memberOf: name)))))
                }
                return .group(name)
            }
        }
        var rules = base.rules
        rules.reserveCapacity(rules.count + entries.entries.count)
        for entry in entries.entries {
            rules.append(
                Rule(
                    name: Name(ofEntry: entry.id), tier: Document.patches, from: peer(entry.from), to: peer(entry.to),
                    verdict: entry.action == .plug ? .plug : .unplug, direction: entry.oneWay ? .oneWay : .twoWay,
                    security: entry.security))
        }
        let tiers = base.tiers.contains(Document.patches) ? base.tiers : [Document.patches] + base.tiers
        return Document(
            unchecked: base.scope, tiers, groups, base.networks, rules, base.tests, isDryRun: base.isDryRun)
    }

    /// The policy made ready to be asked.
    ///
    /// - Parameters:
    ///   - places: Where the document's values stand in its text.
    ///   - guardrails: The platform's document, where there is one.
    public func compiled(places: DocumentPlaces = DocumentPlaces(), guardrails: Document? = nil) -> CompiledPolicy {
        CompiledPolicy(SourcedDocument(merged, places: places), guardrails: guardrails.map { SourcedDocument($0) })
    }
}

extension Name {
    private static let entryPrefix = "entry-"

    /// The name of an entry's rule.
    init(ofEntry id: UInt64) {
        // Letters, a hyphen and digits are a name; the other branch is never taken.
        self = (try? Name(parsing: Self.entryPrefix + String(id))) ?? Document.patches
    }

    /// Whether an entry's rule may have this name.
    var isOfEntry: Bool { text.hasPrefix(Self.entryPrefix) && UInt64(text.dropFirst(Self.entryPrefix.count)) != nil }
}
