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
    /// Changes were lost because the reader was slow: read everything again.
    case resync
}
