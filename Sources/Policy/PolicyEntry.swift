/// One rule of a policy: who may, or may not, send to whom.
public struct PolicyEntry: Hashable, Sendable, CustomStringConvertible {
    /// What an entry says about the pairs that it matches.
    public enum Action: String, Hashable, Sendable, CaseIterable {
        /// The pairs get a wire.
        case plug
        /// The pairs get none.
        case unplug
    }

    /// The entry's number inside its document; among entries that are equal in all else the lowest one decides.
    public let id: UInt64
    /// What the entry says.
    public let action: Action
    /// Who sends.
    public let from: Selector
    /// Who receives.
    public let to: Selector
    /// Whether only `from` → `to` is meant. Otherwise `to` → `from` is meant as well.
    public let oneWay: Bool
    /// How the wires of the pairs are protected, neither less nor more. An unplug entry has no wires: a document takes
    /// one only with ``Security/none``.
    public let security: Security

    /// Makes an entry.
    public init(
        id: UInt64, action: Action, from: Selector, to: Selector, oneWay: Bool = false, security: Security = .none
    ) {
        self.id = id
        self.action = action
        self.from = from
        self.to = to
        self.oneWay = oneWay
        self.security = security
    }

    /// How much an entry names: the more, the earlier it decides.
    public enum Specificity: Int, Hashable, Sendable, Comparable {
        /// A group on either side.
        case groupToGroup
        /// An endpoint on one side, a group on the other.
        case endpointAndGroup
        /// An endpoint on either side.
        case endpointToEndpoint

        public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    /// How much this entry names.
    public var specificity: Specificity {
        switch (from.isEndpoint, to.isEndpoint) {
        case (true, true): .endpointToEndpoint
        case (false, false): .groupToGroup
        default: .endpointAndGroup
        }
    }

    /// Whether the entry speaks about packets from `source` to `destination`.
    public func matches(source: Subject, destination: Subject) -> Bool {
        (from.contains(source) && to.contains(destination))
            || (!oneWay && to.contains(source) && from.contains(destination))
    }

    /// Whether this entry decides where both match: the more specific one, then unplug, then the one that protects
    /// more, then the lower number.
    func decides(before other: PolicyEntry) -> Bool {
        if specificity != other.specificity { return specificity > other.specificity }
        if action != other.action { return action == .unplug }
        if security != other.security { return security > other.security }
        return id < other.id
    }

    public var description: String {
        "\(action.rawValue) \(from) \(oneWay ? "→" : "↔") \(to)\(security == .none ? "" : " (\(security))")"
    }
}
