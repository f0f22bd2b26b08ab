/// Everything that can be asked of a controller: each operation of the REST API, by its id there, and what the console
/// and the CLI do by the same operations. ``rule`` says who may.
public enum Action: String, Hashable, Sendable, CaseIterable {
    // MARK: Without an account
    case describe, health, enrol, signIn, listSignInProviders

    // MARK: Of oneself
    case showSelf, changeOwnName, changeOwnPassword, signOut
    case enrolOwnTOTP, removeOwnTOTP, renewOwnRecoveryCodes
    case listOwnPasskeys, addOwnPasskey, renameOwnPasskey, removeOwnPasskey
    case listOwnIdentities, addOwnIdentity, removeOwnIdentity
    case listOwnSessions, endOwnSession, addOwnDevice
    case listOwnTokens, createOwnToken, deleteOwnToken
    case listOwnCertificates, createOwnCertificate, deleteOwnCertificate

    // MARK: People, of the provider or of a tenant
    case listUsers, showUser, createUser, changeUser, disableUser, enableUser, deleteUser
    case resetPassword, resetSecondFactor
    case listUserSessions, endUserSession, listUserTokens, deleteUserToken, listUserPasskeys, removeUserPasskey
    case listUserCertificates, revokeUserCertificate
    case listUserIdentities, addUserIdentity, removeUserIdentity
    case inviteFirstOwner

    // MARK: Access of the provider to a tenant
    case requestAccess, listAccessGrants, createAccessGrant, revokeAccessGrant

    // MARK: The platform
    case showPlatform, readMetrics, listIdentityProviders, changeSignInProviders
    case listHosts, createHost, showHost, renewToken, deleteHost, listHostEndpoints
    case showGuardrails, showGuardrailsDocument, showCanonicalGuardrails, applyGuardrails, checkGuardrails
    case listGuardrailsRevisions, rollbackGuardrails

    // MARK: Tenants as a whole
    case listTenants, createTenant, showTenant, deleteTenant, previewTenantDeletion
    case suspendTenant, resumeTenant, showQuota, changeQuota, exportTenant

    // MARK: A tenant's network
    case listVNets, createVNet, showVNet, deleteVNet
    case listGroups, createGroup, showGroup, deleteGroup, addMember, removeMember
    case listEndpoints, summarizeEndpoints, createEndpoint, showEndpoint, deleteEndpoint, moveEndpoint, changeLabels,
        changeLevel,
        changeNetworks
    case showCertificate, openConsole

    // MARK: A tenant's policy
    case showPolicy, listPolicyEntries, createPolicyEntry, deletePolicyEntry, plug, unplug
    case showDocument, showCanonicalPolicy, applyDocument, checkDocument, diffDocument, diffRevisions
    case listRevisions, rollbackPolicy, lockPolicy, applySigned, unlockPolicy
    case explain, trace, listWires, showWireTraffic

    // MARK: Events, usage, audit: of the platform or of a tenant
    case followEvents, showUsage, exportUsage, listTenantUsage
    case listAudit, exportAudit
}

/// Who may do an action.
public struct ActionRule: Hashable, Sendable {
    /// What an action is about, and so whose roles count.
    public enum Subject: Hashable, Sendable {
        /// Nothing that needs an account.
        case nothing
        /// The account itself that asks.
        case oneself
        /// The platform: the provider's roles count.
        case platform
        /// A tenant: its roles count, those of grants, and the provider's, which see it from outside.
        case tenant
        /// The people, events, usage or audit of the provider, or of a tenant: only the roles of that side count.
        case side
    }

    /// What a sub-user, who is limited to groups, may do.
    public enum Limited: Hashable, Sendable {
        /// Nothing: it is about the whole tenant.
        case no
        /// It, and the answer leaves out what is not of his groups.
        case filtered
        /// It, when all that it touches is of his groups.
        case inside
    }

    /// What it is about.
    public var subject: Subject
    /// The provider's roles that may.
    public var provider: Set<ProviderRole> = []
    /// The tenant's roles that may.
    public var tenant: Set<TenantRole> = []
    /// What sub-users may.
    public var limited: Limited = .no
    /// Whether access that was granted to the provider reaches it.
    public var byGrant = false
    /// The scope of a token that may; nil when only a session may.
    public var scope: TokenScope?
    /// Whether the session must have begun by a sign-in a short while ago; see ``Session/freshness``.
    public var needsFreshSignIn = false
}

extension Action {
    /// Who may do it.
    public var rule: ActionRule {
        let both: Set<ProviderRole> = [.operator, .auditor]
        let all = Set(TenantRole.allCases)
        switch self {
        case .describe, .health, .enrol, .signIn, .listSignInProviders:
            return ActionRule(subject: .nothing)

        case .showSelf:
            return ActionRule(subject: .oneself, scope: .read)
        case .changeOwnName, .signOut, .listOwnPasskeys, .renameOwnPasskey, .listOwnIdentities, .listOwnSessions,
            .endOwnSession, .listOwnTokens, .deleteOwnToken, .listOwnCertificates, .deleteOwnCertificate:
            return ActionRule(subject: .oneself)
        case .changeOwnPassword, .enrolOwnTOTP, .removeOwnTOTP, .renewOwnRecoveryCodes, .addOwnPasskey,
            .removeOwnPasskey, .addOwnIdentity, .removeOwnIdentity, .addOwnDevice, .createOwnToken,
            .createOwnCertificate:
            return ActionRule(subject: .oneself, needsFreshSignIn: true)

        case .listUsers, .showUser:
            return ActionRule(subject: .side, provider: both, tenant: [.owner], scope: .people)
        case .disableUser, .endUserSession, .deleteUserToken, .revokeUserCertificate:
            return ActionRule(subject: .side, provider: [.operator], tenant: [.owner], scope: .people)
        case .listUserSessions, .listUserTokens, .listUserPasskeys, .listUserCertificates, .listUserIdentities:
            return ActionRule(subject: .side, provider: both, tenant: [.owner], scope: .people)
        case .createUser, .changeUser, .enableUser, .deleteUser:
            return ActionRule(
                subject: .side, provider: [.operator], tenant: [.owner], scope: .people, needsFreshSignIn: true)
        case .resetPassword, .resetSecondFactor, .removeUserPasskey, .addUserIdentity, .removeUserIdentity:
            return ActionRule(subject: .side, provider: [.operator], tenant: [.owner], needsFreshSignIn: true)
        case .inviteFirstOwner:
            return ActionRule(subject: .tenant, provider: [.operator], scope: .platform)

        case .requestAccess:
            return ActionRule(subject: .tenant, provider: [.operator], scope: .platform)
        case .listAccessGrants:
            return ActionRule(subject: .tenant, provider: both, tenant: [.owner, .securityAdmin], scope: .people)
        case .createAccessGrant:
            return ActionRule(subject: .tenant, tenant: [.owner], needsFreshSignIn: true)
        case .revokeAccessGrant:
            return ActionRule(subject: .tenant, tenant: [.owner, .securityAdmin], scope: .people)

        case .showPlatform, .listIdentityProviders, .listHosts, .showHost, .listHostEndpoints, .showGuardrails,
            .showGuardrailsDocument,
            .showCanonicalGuardrails, .checkGuardrails, .listGuardrailsRevisions, .listTenants:
            return ActionRule(subject: .platform, provider: both, scope: .read)
        case .readMetrics, .listTenantUsage:
            return ActionRule(subject: .platform, provider: both, scope: .usage)
        case .createHost, .renewToken, .applyGuardrails, .rollbackGuardrails, .createTenant:
            return ActionRule(subject: .platform, provider: [.operator], scope: .platform)
        case .changeSignInProviders, .deleteHost:
            return ActionRule(subject: .platform, provider: [.operator], scope: .platform, needsFreshSignIn: true)

        case .showTenant, .showQuota:
            return ActionRule(
                subject: .tenant, provider: both, tenant: all, limited: .filtered, byGrant: true, scope: .read)
        case .suspendTenant, .resumeTenant, .changeQuota:
            return ActionRule(subject: .tenant, provider: [.operator], scope: .platform)
        case .deleteTenant:
            return ActionRule(subject: .tenant, provider: [.operator], scope: .platform, needsFreshSignIn: true)
        case .previewTenantDeletion:
            return ActionRule(subject: .tenant, provider: both, tenant: [.owner], scope: .read)
        case .exportTenant:
            return ActionRule(subject: .tenant, tenant: [.owner], needsFreshSignIn: true)

        case .listVNets, .showVNet, .listGroups, .listEndpoints, .summarizeEndpoints:
            return ActionRule(subject: .tenant, tenant: all, limited: .filtered, byGrant: true, scope: .read)
        case .showGroup, .showEndpoint, .showCertificate:
            return ActionRule(subject: .tenant, tenant: all, limited: .inside, byGrant: true, scope: .read)
        case .createVNet, .deleteVNet, .createGroup, .deleteGroup, .changeLabels, .changeLevel, .changeNetworks:
            // Labels, levels and networks choose rules beyond the groups of a sub-user.
            return ActionRule(subject: .tenant, tenant: [.owner, .networkAdmin], byGrant: true, scope: .network)
        case .createEndpoint, .deleteEndpoint, .addMember, .removeMember:
            return ActionRule(
                subject: .tenant, tenant: [.owner, .networkAdmin], limited: .inside, byGrant: true, scope: .network)
        case .moveEndpoint:
            return ActionRule(
                subject: .tenant, provider: [.operator], tenant: [.owner, .networkAdmin], limited: .inside,
                byGrant: true, scope: .network)
        case .openConsole:
            return ActionRule(
                subject: .tenant, tenant: [.owner, .networkAdmin], limited: .inside, byGrant: true)

        case .showPolicy, .listPolicyEntries, .showDocument, .showCanonicalPolicy, .checkDocument, .diffDocument,
            .diffRevisions, .listRevisions:
            return ActionRule(subject: .tenant, tenant: all, byGrant: true, scope: .policyRead)
        case .createPolicyEntry, .deletePolicyEntry, .applyDocument, .rollbackPolicy:
            return ActionRule(subject: .tenant, tenant: [.owner, .securityAdmin], byGrant: true, scope: .policy)
        case .plug, .unplug:
            return ActionRule(
                subject: .tenant, tenant: [.owner, .securityAdmin], limited: .inside, byGrant: true, scope: .policy)
        case .lockPolicy, .unlockPolicy:
            return ActionRule(
                subject: .tenant, tenant: [.owner, .securityAdmin], scope: .policy, needsFreshSignIn: true)
        case .applySigned:
            return ActionRule(subject: .tenant, tenant: [.owner, .securityAdmin], scope: .policy)
        case .explain, .trace:
            return ActionRule(subject: .tenant, tenant: all, limited: .inside, byGrant: true, scope: .policyRead)
        case .listWires, .showWireTraffic:
            return ActionRule(subject: .tenant, tenant: all, limited: .filtered, byGrant: true, scope: .read)

        case .followEvents:
            return ActionRule(
                subject: .side, provider: both, tenant: all, limited: .filtered, byGrant: true, scope: .read)
        case .showUsage:
            return ActionRule(subject: .tenant, provider: both, tenant: all, byGrant: true, scope: .usage)
        case .exportUsage:
            return ActionRule(subject: .tenant, provider: both, tenant: [.owner], scope: .usage)
        case .listAudit, .exportAudit:
            return ActionRule(subject: .side, provider: both, tenant: [.owner, .securityAdmin], scope: .audit)
        }
    }
}
