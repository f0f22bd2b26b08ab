public import NetTypes

/// The policy of one tenant: the entries that say which pairs of its endpoints have a wire.
///
/// A document always has a canonical form of at most ``maximumByteCount`` bytes, no two entries of one number, and
/// its entries in the order of their numbers. What no entry speaks about is unplugged.
public struct PolicyDocument: Hashable, Sendable {
    /// The most bytes that the canonical form may have, 4 MiB: 20,000 entries of two-way pairs with the longest names.
    public static let maximumByteCount = 4 << 20

    /// Whose policy this is; every name in it is a name of this tenant.
    public let tenant: Name
    /// Counts the published states of the document. The publisher raises it; the edits below leave it alone.
    public var revision: UInt64
    /// The entries, in the order of their numbers.
    public private(set) var entries: [PolicyEntry]
    /// The bytes that the entries have in the canonical form, commas included.
    private var entryByteCount: Int

    /// Makes a document without entries: everything is unplugged.
    public init(tenant: Name, revision: UInt64 = 0) {
        self.tenant = tenant
        self.revision = revision
        entries = []
        entryByteCount = 0
    }

    /// Makes a document of entries in any order; refuses two of one number, an unplug entry with a level of security,
    /// and more than fits.
    public init(tenant: Name, revision: UInt64, entries: [PolicyEntry]) throws(PolicyError) {
        self.init(tenant: tenant, revision: revision)
        self.entries = entries.sorted { $0.id < $1.id }
        for (entry, next) in zip(self.entries, self.entries.dropFirst()) where entry.id == next.id {
            throw .duplicateEntry(entry.id)
        }
        for (index, entry) in self.entries.enumerated() { try entry.check(at: "/entries/\(index)") }
        entryByteCount = entries.reduce(0) { $0 + $1.canonicalByteCount + 1 }
        try checkSize()
    }

    /// The entry of a number.
    public func entry(_ id: UInt64) -> PolicyEntry? {
        let index = position(of: id)
        return index < entries.count && entries[index].id == id ? entries[index] : nil
    }

    /// Adds an entry with a number of its own, one more than the highest in use; gives the entry.
    @discardableResult
    public mutating func add(
        _ action: PolicyEntry.Action, from: Selector, to: Selector, oneWay: Bool = false, security: Security = .none
    ) throws(PolicyError) -> PolicyEntry {
        let highest = entries.last?.id ?? 0
        guard highest < .max else {
            throw PolicyError(
                .numbersExhausted, at: "/entries", "entry \(highest) has the highest number there is",
                remedy: "remove it and add it again under a lower number")
        }
        let entry = PolicyEntry(
            id: highest + 1, action: action, from: from, to: to, oneWay: oneWay, security: security)
        try insert(entry)
        return entry
    }

    /// Adds an entry that has a number already; refuses one that is in use, and an unplug entry with a level of
    /// security.
    public mutating func insert(_ entry: PolicyEntry) throws(PolicyError) {
        let index = position(of: entry.id)
        if index < entries.count, entries[index].id == entry.id { throw .duplicateEntry(entry.id) }
        try entry.check(at: "/entries/\(index)")
        let before = entryByteCount
        entryByteCount += entry.canonicalByteCount + 1
        do {
            try checkSize()
        } catch {
            entryByteCount = before
            throw error
        }
        entries.insert(entry, at: index)
    }

    /// Removes the entry of a number; gives it back.
    @discardableResult
    public mutating func remove(_ id: UInt64) throws(PolicyError) -> PolicyEntry {
        let index = position(of: id)
        guard index < entries.count, entries[index].id == id else {
            throw PolicyError(
                .unknownEntry, at: "/entries", "there is no entry \(id)", remedy: "list the entries and pick one")
        }
        let entry = entries.remove(at: index)
        entryByteCount -= entry.canonicalByteCount + 1
        return entry
    }

    /// Where the entry of a number stands, or would stand.
    private func position(of id: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func checkSize() throws(PolicyError) {
        // The revision counts with its longest form, so that a document that fits goes on fitting.
        let byteCount = Self.envelopeByteCount + tenant.text.utf8.count + entryByteCount
        guard byteCount <= Self.maximumByteCount else {
            throw .tooLarge(byteCount)
        }
    }
}

extension PolicyEntry {
    /// Refuses an entry that says nothing that could be done.
    func check(at place: String) throws(PolicyError) {
        guard action == .plug || security == .none else { throw .securityOfUnplug(security, at: place) }
    }
}

extension PolicyError {
    static func securityOfUnplug(_ security: Security, at place: String) -> PolicyError {
        PolicyError(
            .badValue, at: place + "/security", "an unplug entry has no wires that could be protected by '\(security)'",
            remedy: "leave the level out, or write plug")
    }

    static func duplicateEntry(_ id: UInt64) -> PolicyError {
        PolicyError(
            .duplicateEntry, at: "/entries", "there are two entries \(id)",
            remedy: "give every entry a number of its own")
    }

    static func tooLarge(_ byteCount: Int) -> PolicyError {
        PolicyError(
            .tooLarge, at: "",
            "\(byteCount) bytes are more than the \(PolicyDocument.maximumByteCount) that are allowed",
            remedy: "put endpoints into groups and write entries between groups")
    }
}
