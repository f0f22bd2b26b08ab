public import Accounts
public import NetTypes

/// Something that has been committed and that a leaf or a person may wait for.
///
/// A change says what to read again, not what it has become: reading after the change always gives that state or a
/// newer one.
public enum DirectoryChange: Hashable, Sendable {
    /// An endpoint's facts were published, withdrawn or deleted; look it up again.
    case endpointChanged(Identity)
    /// A tenant's policy has a new revision.
    case policyChanged(tenant: Name)
    /// The platform's guardrails have a new revision, or their key a new certificate.
    case guardrailsChanged
    /// Other tenants are suspended now, or the statement about them has a new certificate.
    case suspensionsChanged
    /// The ports that a leaf is to have are others now.
    case portsChanged(LeafID)
    /// Something was revoked.
    case revoked(Revocation)
    /// A host was created, enrolled, deleted or has attached.
    case hostChanged(Name)
    /// Something of a tenant, or the tenant itself, was made, changed or deleted; for people who follow.
    case thingChanged(ThingChange)
    /// Somebody may have lost rights, or the session or token by which he asks.
    case accessChanged(AccessChange)
    /// Changes were lost because the reader was slow: read everything again.
    case resync
}

/// Whose rights may have become fewer.
public enum AccessChange: Hashable, Sendable {
    /// One account's.
    case account(AccountID)
    /// Those of all who look into a tenant.
    case tenant(Name)
}

/// What happened to one thing of a tenant. Places and states of endpoints are told by
/// ``DirectoryChange/endpointChanged(_:)`` alone.
public struct ThingChange: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case tenant, endpoint, group, vnet
        /// What the provider asks the tenant to let it see.
        case access
    }

    public enum What: String, Hashable, Sendable {
        case created, changed, deleted
    }

    public var kind: Kind
    public var what: What
    public var tenant: Name
    /// The name inside the tenant; nil for the tenant itself.
    public var name: Name?
    /// Of an endpoint that was deleted: the groups that it was in.
    public var groups: Set<Name>?

    init(_ kind: Kind, _ what: What, _ tenant: Name, _ name: Name? = nil, groups: [Name]? = nil) {
        self.kind = kind
        self.what = what
        self.tenant = tenant
        self.name = name
        self.groups = groups.map(Set.init)
    }
}

extension DirectoryTransaction {
    /// Tells what happened to one thing of a tenant.
    func tell(
        _ kind: ThingChange.Kind, _ what: ThingChange.What, _ name: TenantName, groups: [Name]? = nil
    ) {
        announce(.thingChanged(ThingChange(kind, what, name.tenant, name.name, groups: groups)))
    }

    /// Tells that the provider asks for access, or that it was answered.
    func tell(_ what: ThingChange.What, accessOf tenant: Name) {
        announce(.thingChanged(ThingChange(.access, what, tenant)))
    }

    /// Tells what happened to a tenant as a whole.
    func tell(_ what: ThingChange.What, tenant: Name) { announce(.thingChanged(ThingChange(.tenant, what, tenant))) }
}
