public import Accounts
public import AuditLog
public import NetTypes

/// Where a change comes from: who asked for what, by which means, from where. The edge that has authenticated somebody sets
/// it for the time of an operation; every transaction that changes something meanwhile writes its entry by it.
public struct Origin: Sendable {
    /// Who asks.
    public var actor: AuditEvent.Actor
    /// By which means.
    public var means: AuditEvent.Means
    /// From where, such as `192.0.2.7`; nil for the controller itself.
    public var source: String?
    /// The operation's id, such as `createGroup`.
    public var action: String
    /// On what, such as `tenants/acme/groups/web`.
    public var resource: String?
    /// The grant by which the provider was let in, if it was.
    public var grant: String?
    /// The tenant whose affair it is; nil for the platform's.
    public var tenant: Name?
    /// Whether it is the platform's affair as well, though it is about a tenant: its creation, suspension, quota.
    public var isOfPlatform: Bool

    /// Puts the parts together.
    public init(
        actor: AuditEvent.Actor, means: AuditEvent.Means, source: String?, action: String, resource: String? = nil,
        grant: String? = nil, tenant: Name? = nil, isOfPlatform: Bool = false
    ) {
        self.actor = actor
        self.means = means
        self.source = source
        self.action = action
        self.resource = resource
        self.grant = grant
        self.tenant = tenant
        self.isOfPlatform = isOfPlatform
    }

    /// Where what is done now comes from; nil for what the controller and the leaves do by themselves.
    @TaskLocal public static var current: Origin?

    /// The same, done by somebody who has shown who he is only now.
    public func by(_ user: User) -> Origin {
        var origin = self
        origin.actor = .user(id: user.id.description, name: user.name.description)
        origin.tenant = user.home.tenant
        return origin
    }

    /// What happened, as an event.
    public func event(
        at now: Timestamp, before: AuditValue? = nil, after: AuditValue? = nil, note: String? = nil,
        outcome: AuditEvent.Outcome = .done
    ) -> AuditEvent {
        AuditEvent(
            time: now, actor: actor, means: means, source: source, action: action, resource: resource, grant: grant,
            before: before, after: after, note: note, outcome: outcome)
    }
}
