import Foundation
import NIOCore
import NetTypes

/// Something that happened, as listeners get it: encoded once, whoever listens.
struct LiveEvent: Sendable {
    /// Whose affair it is.
    enum Scope: Hashable, Sendable {
        /// The provider's: hosts, tenants as a whole, guardrails.
        case platform
        /// One tenant's.
        case tenant(Name)
        /// Everybody's.
        case everyone
        /// Nobody's any more: of a tenant that is gone, so that a later one of its name is told nothing of it.
        case nobody

        /// Whether somebody who listens to one of the first two gets it.
        func reaches(_ listener: Scope) -> Bool { self == .everyone || self == listener }
    }

    /// Counts the events of this run of the controller, from 1.
    let number: UInt64
    let scope: Scope
    /// The groups of what it is about; nil for what is about the whole tenant, which people who are limited to groups
    /// do not get.
    let groups: Set<Name>?
    /// The event as it is sent.
    let bytes: ByteBuffer

    /// Whether somebody gets it who is limited to some groups; nil: to none.
    func reaches(_ listener: Scope, limit: Set<Name>?) -> Bool {
        guard scope.reaches(listener) else { return false }
        guard let limit, scope != .everyone else { return true }
        return groups.map { !$0.isDisjoint(with: limit) } ?? false
    }

    /// An event in the form of the HTML standard, section 9.2: `id`, `event`, `data` in one line of JSON.
    static func encode(id: String?, type: String, _ data: [String: String?]) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let members = data.compactMapValues { $0 }
        // Texts alone cannot fail; JSON escapes every line break, so that none ends the event before its time.
        let json = (try? encoder.encode(members)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        return ByteBuffer(string: (id.map { "id: \($0)\n" } ?? "") + "event: \(type)\ndata: \(json)\n\n")
    }

    /// A comment, so that those in between see that the connection is alive.
    static let heartbeat = ByteBuffer(string: ":\n\n")
}
