public import NetTypes

/// The answer of a policy for one direction of a pair.
public struct Verdict: Hashable, Sendable, CustomStringConvertible {
    /// Whether packets of this direction pass.
    public let isPlugged: Bool
    /// How those packets are protected, as the entry that decided says it; ``Security/none`` where none pass.
    public let security: Security
    /// The entry that decided; nil where none speaks about the pair, which is then unplugged.
    public let entry: PolicyEntry?
    /// The decision in words, for people.
    public let reason: String

    init(source: Subject, destination: Subject, entry: PolicyEntry?) {
        self.entry = entry
        isPlugged = entry?.action == .plug
        security = isPlugged ? entry?.security ?? .none : .none
        reason =
            if let entry {
                "entry \(entry.id), \(entry)"
            } else {
                "no entry speaks about \(source.name) → \(destination.name), so it is unplugged"
            }
    }

    public var description: String { "\(isPlugged ? "plug" : "unplug"): \(reason)" }
}

/// Answers "SRC → DST: plug or unplug?" from one document.
///
/// An entry matches where its `from` contains the source and its `to` the destination, and, unless it is one-way,
/// the other way round too. Of the matching ones the more specific decides (two endpoints, then endpoint and group,
/// then two groups), among equals unplug before plug, then the level that protects more, then the lowest number. Where
/// none matches: unplug.
///
/// A query looks up one key for the two names, one for every group of either end, and one for every pair of groups.
/// What it costs does not grow with the number of entries.
public struct PolicyEvaluator: Sendable {
    /// Whose policy this is.
    public let tenant: Name
    /// The revision of the document.
    public let revision: UInt64
    /// The deciding entry of each direction that some entry names; two-way entries are in it twice.
    private let deciding: [Direction: PolicyEntry]

    private struct Direction: Hashable {
        let from: Selector
        let to: Selector
    }

    /// Indexes a document.
    public init(_ document: PolicyDocument) {
        tenant = document.tenant
        revision = document.revision
        var deciding: [Direction: PolicyEntry] = [:]
        func offer(_ entry: PolicyEntry, from: Selector, to: Selector) {
            let direction = Direction(from: from, to: to)
            if let other = deciding[direction], !entry.decides(before: other) { return }
            deciding[direction] = entry
        }
        for entry in document.entries {
            offer(entry, from: entry.from, to: entry.to)
            if !entry.oneWay { offer(entry, from: entry.to, to: entry.from) }
        }
        self.deciding = deciding
    }

    /// Decides one direction of a pair. Both subjects are of ``tenant``; the caller has seen to that.
    public func verdict(source: Subject, destination: Subject) -> Verdict {
        let entry =
            best(from: [.endpoint(source.name)], to: [.endpoint(destination.name)])
            ?? better(
                best(from: [.endpoint(source.name)], to: destination.groups.map(Selector.group)),
                best(from: source.groups.map(Selector.group), to: [.endpoint(destination.name)]))
            ?? best(from: source.groups.map(Selector.group), to: destination.groups.map(Selector.group))
        return Verdict(source: source, destination: destination, entry: entry)
    }

    private func best(from sources: [Selector], to destinations: [Selector]) -> PolicyEntry? {
        var best: PolicyEntry?
        for from in sources {
            for to in destinations {
                best = better(best, deciding[Direction(from: from, to: to)])
            }
        }
        return best
    }

    private func better(_ a: PolicyEntry?, _ b: PolicyEntry?) -> PolicyEntry? {
        guard let a, let b else { return a ?? b }
        return b.decides(before: a) ? b : a
    }
}
