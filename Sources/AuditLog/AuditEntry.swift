public import NetTypes

/// The name of a chain of entries: the platform's, or one of a tenant's, which the tenant can take out and verify whole.
///
/// A tenant's carries a part of its unique id, so that a new tenant of a former one's name continues nothing.
public struct AuditChainName: Hashable, Sendable, CustomStringConvertible {
    /// The name: `platform`, or `tenant/NAME/ID`.
    public let text: String

    /// The chain of the platform.
    public static let platform = AuditChainName(text: "platform")

    private init(text: String) { self.text = text }

    /// The chain of a tenant; of its unique id the first eight octets are taken.
    public init(tenant: Name, id: some Collection<UInt8>) {
        text = "tenant/\(tenant)/\(Hexadecimal.text(id.prefix(8)))"
    }

    /// Reads a name; nil for what is none.
    public init?(parsing text: String) {
        if text == Self.platform.text {
            self = .platform
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "tenant", (try? Name(parsing: parts[1])) != nil,
            let id = Hexadecimal.octets(String(parts[2])), id.count == 8
        else { return nil }
        self.text = text
    }

    public var description: String { text }
}

/// What happened: a change or a refused attempt, before it has a number.
public struct AuditEvent: Hashable, Sendable {
    /// Who did it.
    public enum Actor: Hashable, Sendable {
        /// A person with an account: its id and its name at the time.
        case user(id: String, name: String)
        /// Whoever has the platform's own token.
        case installation
        /// The controller itself: renewals, expiries.
        case system
        /// Somebody who did not say, or not truly, who he is; the name that was given.
        case unknown(name: String?)
    }

    /// By which means.
    public enum Means: Hashable, Sendable {
        /// A session or a token, by its id.
        case session(String)
        case token(String)
        /// A certificate of the account, by its id.
        case certificate(String)
        /// A command on the controller's own machine.
        case command
        /// The platform's own token.
        case platformToken
        /// Nothing: before a sign-in, or the controller by itself.
        case none
    }

    /// What came of it.
    public enum Outcome: Hashable, Sendable {
        /// It was done.
        case done
        /// It was refused, for this reason: a stable kebab-case code.
        case refused(String)
        /// It was allowed and failed, for this reason.
        case failed(String)
    }

    /// Who did it, for an index: an account's id, or the kind of any other.
    public var actorKey: String {
        switch actor {
        case .user(let id, _): id
        case .installation: "installation"
        case .system: "system"
        case .unknown: "unknown"
        }
    }

    /// What came of it, for an index: `done`, `refused` or `failed`.
    public var outcomeKey: String {
        switch outcome {
        case .done: "done"
        case .refused: "refused"
        case .failed: "failed"
        }
    }

    /// When.
    public var time: Timestamp
    /// Who.
    public var actor: Actor
    /// By which means.
    public var means: Means
    /// From where, such as `192.0.2.7`; nil for the controller itself.
    public var source: String?
    /// What: the operation's id, such as `createUser`, or one of the audit's own, such as `loss`.
    public var action: String
    /// On what, such as `user/ada@acme`; nil for the whole.
    public var resource: String?
    /// The grant by which the provider was let in, if it was.
    public var grant: String?
    /// What it was before; nil for nothing.
    public var before: AuditState?
    /// What it is after; nil for nothing.
    public var after: AuditState?
    /// More in words.
    public var note: String?
    /// What came of it.
    public var outcome: Outcome

    public init(
        time: Timestamp, actor: Actor, means: Means, source: String?, action: String, resource: String? = nil,
        grant: String? = nil, before: AuditValue? = nil, after: AuditValue? = nil, note: String? = nil,
        outcome: Outcome = .done
    ) {
        self.time = time
        self.actor = actor
        self.means = means
        self.source = source
        self.action = action
        self.resource = resource
        self.grant = grant
        self.before = before.map { AuditState($0) }
        self.after = after.map { AuditState($0) }
        self.note = note
        self.outcome = outcome
    }
}

/// An event with its place in a chain.
public struct AuditEntry: Hashable, Sendable {
    /// The chain.
    public let chain: AuditChainName
    /// The number in the chain; the first is 1.
    public let number: UInt64
    /// SHA-256 of the line before; 32 zeros for the first.
    public let former: [UInt8]
    /// What happened.
    public let event: AuditEvent

    init(chain: AuditChainName, number: UInt64, former: [UInt8], event: AuditEvent) {
        self.chain = chain
        self.number = number
        self.former = former
        self.event = event
    }

    /// The canonical form, without a line's end. Texts that are too long are cut.
    var value: AuditValue {
        var members: [String: AuditValue] = [
            "action": .short(event.action), "actor": event.actor.value, "chain": .text(chain.text),
            "former": .text(Hexadecimal.text(former)), "means": event.means.value,
            "number": .number(Int64(clamping: number)), "outcome": event.outcome.value,
            "time": .number(event.time.seconds),
        ]
        members["source"] = event.source.map(AuditValue.short)
        members["resource"] = event.resource.map(AuditValue.long)
        members["grant"] = event.grant.map(AuditValue.short)
        members["before"] = event.before?.value
        members["after"] = event.after?.value
        members["note"] = event.note.map(AuditValue.long)
        return .object(members)
    }

    /// Reads an entry from its line; nil when a member is missing, is too much or is not what it should be.
    init?(_ value: AuditValue) {
        guard let chain = value["chain"]?.text.flatMap(AuditChainName.init(parsing:)),
            let number = value["number"]?.number.flatMap(UInt64.init(exactly:)), number > 0,
            let former = value["former"]?.text.flatMap(Hexadecimal.octets), former.count == 32,
            let time = value["time"]?.number, let action = value["action"]?.text,
            let actor = value["actor"].flatMap(AuditEvent.Actor.init),
            let means = value["means"].flatMap(AuditEvent.Means.init),
            let outcome = value["outcome"].flatMap(AuditEvent.Outcome.init)
        else { return nil }
        var event = AuditEvent(
            time: Timestamp(time), actor: actor, means: means, source: value["source"]?.text, action: action,
            resource: value["resource"]?.text, grant: value["grant"]?.text, note: value["note"]?.text, outcome: outcome)
        event.before = value["before"].map(AuditState.init(kept:))
        event.after = value["after"].map(AuditState.init(kept:))
        self.init(chain: chain, number: number, former: former, event: event)
        guard self.value == value else { return nil }
    }

    /// Reads an entry from its canonical line; nil for any other bytes.
    public init?(line: [UInt8]) {
        guard line.count <= AuditLimits.line, let value = try? AuditValue(canonical: line) else { return nil }
        self.init(value)
    }
}

extension AuditValue {
    fileprivate static func short(_ text: String) -> AuditValue { cut(text, AuditLimits.text) }
    fileprivate static func long(_ text: String) -> AuditValue { cut(text, AuditLimits.note) }

    /// Cut by scalars, for one character can be of any length.
    private static func cut(_ text: String, _ most: Int) -> AuditValue {
        var scalars = text.unicodeScalars
        if scalars.count > most { scalars = String.UnicodeScalarView(scalars.prefix(most - 1)) + ["\u{2026}"] }
        return .text(String(scalars))
    }
}

extension AuditEvent.Actor {
    fileprivate var value: AuditValue {
        switch self {
        case .user(let id, let name):
            .object(["id": .short(id), "kind": .text("user"), "name": .short(name)])
        case .installation: .object(["kind": .text("installation")])
        case .system: .object(["kind": .text("system")])
        case .unknown(let name?): .object(["kind": .text("unknown"), "name": .short(name)])
        case .unknown(nil): .object(["kind": .text("unknown")])
        }
    }

    fileprivate init?(_ value: AuditValue) {
        switch value["kind"]?.text {
        case "user":
            guard let id = value["id"]?.text, let name = value["name"]?.text else { return nil }
            self = .user(id: id, name: name)
        case "installation": self = .installation
        case "system": self = .system
        case "unknown": self = .unknown(name: value["name"]?.text)
        default: return nil
        }
    }
}

extension AuditEvent.Means {
    fileprivate var value: AuditValue {
        switch self {
        case .session(let id): .object(["id": .short(id), "kind": .text("session")])
        case .token(let id): .object(["id": .short(id), "kind": .text("token")])
        case .certificate(let id): .object(["id": .short(id), "kind": .text("certificate")])
        case .command: .object(["kind": .text("command")])
        case .platformToken: .object(["kind": .text("platform-token")])
        case .none: .object(["kind": .text("none")])
        }
    }

    fileprivate init?(_ value: AuditValue) {
        switch (value["kind"]?.text, value["id"]?.text) {
        case ("session", let id?): self = .session(id)
        case ("token", let id?): self = .token(id)
        case ("certificate", let id?): self = .certificate(id)
        case ("command", nil): self = .command
        case ("platform-token", nil): self = .platformToken
        case ("none", nil): self = .none
        default: return nil
        }
    }
}

extension AuditEvent.Outcome {
    fileprivate var value: AuditValue {
        switch self {
        case .done: .object(["kind": .text("done")])
        case .refused(let reason): .object(["kind": .text("refused"), "reason": .short(reason)])
        case .failed(let reason): .object(["kind": .text("failed"), "reason": .short(reason)])
        }
    }

    init?(_ value: AuditValue) {
        switch (value["kind"]?.text, value["reason"]?.text) {
        case ("done", nil): self = .done
        case ("refused", let reason?): self = .refused(reason)
        case ("failed", let reason?): self = .failed(reason)
        default: return nil
        }
    }
}
