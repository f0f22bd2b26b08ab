public import NetTypes

/// The entries that an edit took out of a document and put into it.
public struct PolicyChange: Hashable, Sendable {
    /// The entries that are gone.
    public private(set) var removed: [PolicyEntry] = []
    /// The entries that are new.
    public private(set) var added: [PolicyEntry] = []

    /// Whether the document said all this before.
    public var isEmpty: Bool { removed.isEmpty && added.isEmpty }

    mutating func remove(_ entry: PolicyEntry) { removed.append(entry) }
    mutating func add(_ entry: PolicyEntry) { added.append(entry) }
}

// What the commands `plug A B` and `unplug A B` do to a document. Each is a promise about the verdicts afterwards,
// so both look at all entries between the two endpoints, whichever way round they were written.

extension PolicyDocument {
    /// Plugs the wire of a pair.
    ///
    /// Afterwards A → B is plugged, and B → A is plugged too, or, where `oneWay` is set, unplugged. To that end all
    /// entries that name just these two endpoints are replaced by one plug entry, and by a one-way unplug entry B → A
    /// where a group would plug the way back, or where an entry forbade it before. A document that says so already
    /// stays as it is. Where only the level of security is another one, the entry keeps its number.
    ///
    /// The level that is asked for holds afterwards, for every direction that is plugged: one that the pair, or its
    /// groups, had before is not kept.
    ///
    /// - Parameters:
    ///   - a: The endpoint that sends, with its groups, of this document's tenant.
    ///   - b: The endpoint that receives, with its groups, of this document's tenant.
    ///   - oneWay: Whether the wire is a diode.
    ///   - security: How the wire is protected.
    /// - Returns: What was changed.
    @discardableResult
    public mutating func plug(
        _ a: Subject, _ b: Subject, oneWay: Bool = false, security: Security = .none
    ) throws(PolicyError) -> PolicyChange {
        try edit(a, b, removing: { _ in true }) { (document, change) throws(PolicyError) in
            let (from, to) = (Selector.endpoint(a.name), Selector.endpoint(b.name))
            let wanted = PolicyEntry(
                id: 0, action: .plug, from: from, to: to, oneWay: oneWay, security: security)
            if let old = change.removed.first(where: { $0.isSame(butForSecurityOf: wanted) }) {
                let entry = old.with(security)
                try document.insert(entry)
                change.add(entry)
            } else {
                change.add(try document.add(.plug, from: from, to: to, oneWay: oneWay, security: security))
            }
            let forbidden = change.removed.contains {
                $0.action == .unplug && $0.matches(source: b, destination: a)
            }
            if oneWay, forbidden || document.isPlugged(b, a) {
                change.add(try document.add(.unplug, from: to, to: from, oneWay: true))
            }
        }
    }

    /// Unplugs the wire of a pair, both ways.
    ///
    /// The plug entries that name just these two endpoints are removed; where a group entry plugs the pair even so,
    /// either way, an unplug entry is added. Unplug entries stay: they also hold for groups that do not exist yet.
    /// A document that says so already stays as it is.
    ///
    /// - Returns: What was changed.
    @discardableResult
    public mutating func unplug(_ a: Subject, _ b: Subject) throws(PolicyError) -> PolicyChange {
        try edit(a, b, removing: { $0.action == .plug }) { (document, change) throws(PolicyError) in
            guard document.isPlugged(a, b) || document.isPlugged(b, a) else { return }
            change.add(try document.add(.unplug, from: .endpoint(a.name), to: .endpoint(b.name)))
        }
    }

    /// Reads the two ends of a `plug` or `unplug` as a person writes them; refuses ends of two tenants.
    public static func pair(
        _ a: TenantName, _ b: TenantName
    ) throws(PolicyError) -> (tenant: Name, from: Name, to: Name) {
        guard a.tenant == b.tenant else {
            throw PolicyError(
                .crossTenant, at: "/to", "\(a) and \(b) belong to different tenants",
                remedy: "name two endpoints of one tenant; tenants are never wired to each other")
        }
        return (a.tenant, a.name, b.name)
    }

    /// Removes entries of just this pair, lets `put` say what is wanted in their place, and takes the result only if
    /// it says something else than before.
    private mutating func edit(
        _ a: Subject, _ b: Subject, removing isInTheWay: (PolicyEntry) -> Bool,
        _ put: (inout PolicyDocument, inout PolicyChange) throws(PolicyError) -> Void
    ) throws(PolicyError) -> PolicyChange {
        guard a.name != b.name else {
            throw PolicyError(
                .sameEndpoint, at: "/to", "'\(a.name)' is both ends", remedy: "name two different endpoints")
        }
        var next = self
        var change = PolicyChange()
        let pair: Set<Selector> = [.endpoint(a.name), .endpoint(b.name)]
        for entry in entries where Set([entry.from, entry.to]) == pair && isInTheWay(entry) {
            change.remove(try next.remove(entry.id))
        }
        try put(&next, &change)
        if Set(change.removed.map(\.meaning)) == Set(change.added.map(\.meaning)) { return PolicyChange() }
        self = next
        return change
    }

    private func isPlugged(_ source: Subject, _ destination: Subject) -> Bool {
        let deciding = entries.filter { $0.matches(source: source, destination: destination) }
            .reduce(nil) { (best: PolicyEntry?, entry) in
                if let best, !entry.decides(before: best) { best } else { entry }
            }
        return deciding?.action == .plug
    }
}

extension PolicyEntry {
    /// The entry without its number, and the ends of a two-way one in one order: equal for entries that say the same.
    fileprivate var meaning: PolicyEntry {
        let isSwapped = !oneWay && to < from
        let ends = isSwapped ? (to, from) : (from, to)
        return PolicyEntry(id: 0, action: action, from: ends.0, to: ends.1, oneWay: oneWay, security: security)
    }

    /// Whether both say the same, but for the level of security.
    public func isSame(butForSecurityOf other: PolicyEntry) -> Bool {
        with(.none).meaning == other.with(.none).meaning
    }

    /// The entry with another level of security.
    public func with(_ security: Security) -> PolicyEntry {
        PolicyEntry(id: id, action: action, from: from, to: to, oneWay: oneWay, security: security)
    }
}
