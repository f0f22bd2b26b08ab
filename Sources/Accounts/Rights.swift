public import NetTypes

/// Whether somebody may do something, and if not, what he is told.
public enum RightsDecision: Hashable, Sendable {
    /// Yes, for this reason.
    case allowed(Basis)
    /// No, and the thing is answered for as one that does not exist: he may not know of it.
    case hidden
    /// No, and he may know why.
    case forbidden(Refusal)

    /// What a permission rests on. What rests on a grant or on the platform's token belongs into the tenant's audit.
    public enum Basis: Hashable, Sendable {
        /// It needs no account, or is about the account itself.
        case nothing
        /// A role.
        case role
        /// A tenant's grant.
        case grant(AccountID)
        /// The platform's own token.
        case platformToken
    }

    /// Why not.
    public enum Refusal: Hashable, Sendable {
        /// None of the roles allows it.
        case role
        /// It is a tenant's own affair, and the tenant granted no access to it.
        case notGranted
        /// A sub-user asks for what is about the whole tenant.
        case wholeTenant
        /// The token has not this scope.
        case scope(TokenScope)
        /// Only a session may do it, no token.
        case sessionOnly
        /// The sign-in was too long ago for it.
        case signInAgain
        /// It changes the rights of the account that asks; another one has to do it.
        case oneself
        /// It is about the account that asks, and there is none.
        case noAccount
    }

    /// Whether it is allowed.
    public var isAllowed: Bool {
        if case .allowed = self { true } else { false }
    }
}

/// The one evaluator of rights: whether a principal may do an action on a resource at a time.
///
/// What must not be known comes before everything else, so that a foreign thing is answered for as an absent one
/// whatever the token's scopes or the session's age.
public func may(
    _ principal: Principal, _ action: Action, on resource: Resource, at now: Timestamp
) -> RightsDecision {
    let rule = action.rule
    // 1. What needs no account.
    if rule.subject == .nothing { return .allowed(.nothing) }
    // 2. Whose affair it is, and what the one who asks is there.
    let decision: RightsDecision
    switch (principal.identity, rule.subject) {
    case (.installation, .oneself): return .forbidden(.noAccount)
    case (.installation, _): return .allowed(.platformToken)
    case (.user, .oneself): decision = .allowed(.nothing)
    case (.user(let id, .provider(let roles)), _):
        decision = byProvider(id, roles, principal.grants, action, rule, resource, now)
    case (.user(_, .tenant(let membership)), _): decision = byMember(membership, rule, resource)
    }
    guard decision.isAllowed else { return decision }
    // 3. Nobody changes what he may do himself.
    let changesRights: Set<Action> = [
        .changeUser, .enableUser, .disableUser, .deleteUser, .resetPassword, .resetSecondFactor,
        .addUserIdentity, .removeUserIdentity,
    ]
    if changesRights.contains(action), resource.account != nil, resource.account == principal.account {
        return .forbidden(.oneself)
    }
    // 4. By which means.
    switch principal.means {
    case .token(_, let scopes):
        guard let scope = rule.scope else { return .forbidden(.sessionOnly) }
        guard scopes.contains(scope) else { return .forbidden(.scope(scope)) }
    case .certificate:
        // It is a program's, as a token with all scopes is, but for what it does with itself.
        guard rule.scope != nil || action == .listOwnCertificates || action == .deleteOwnCertificate else {
            return .forbidden(.sessionOnly)
        }
    case .session(_, let signedInAt):
        if rule.needsFreshSignIn {
            guard signedInAt <= now, now - signedInAt <= Session.freshness else { return .forbidden(.signInAgain) }
        }
    case .platformToken: return .forbidden(.sessionOnly)
    }
    return decision
}

/// The scopes that somebody can give a token: those of actions that his roles allow.
public func scopes(of home: Home) -> Set<TokenScope> {
    var scopes: Set<TokenScope> = []
    for action in Action.allCases {
        let rule = action.rule
        guard let scope = rule.scope else { continue }
        switch home {
        case .provider(let roles):
            if rule.subject == .oneself || !rule.provider.isDisjoint(with: roles) { scopes.insert(scope) }
            // What a grant may allow, an operator's token can be for.
            if rule.byGrant, roles.contains(.operator) { scopes.insert(scope) }
        case .tenant(let membership):
            let isReached = membership.groups == nil || rule.limited != .no
            if rule.subject == .oneself || (isReached && !rule.tenant.isDisjoint(with: membership.roles)) {
                scopes.insert(scope)
            }
        }
    }
    return scopes
}

private func byProvider(
    _ id: AccountID, _ roles: Set<ProviderRole>, _ grants: [AccessGrant], _ action: Action, _ rule: ActionRule,
    _ resource: Resource, _ now: Timestamp
) -> RightsDecision {
    let isInside = rule.subject == .side && resource.tenant != nil
    if !isInside, !rule.provider.isDisjoint(with: roles) { return .allowed(.role) }
    guard let tenant = resource.tenant, rule.subject != .platform else { return .forbidden(.role) }
    if rule.byGrant {
        for grant in grants where grant.tenant == tenant && grant.holds(at: now) {
            guard grant.grantee.map({ $0 == id }) ?? roles.contains(.operator) else { continue }
            guard !grant.roles.isDisjoint(with: rule.tenant) else { continue }
            if action == .openConsole, !grant.includesConsoles { continue }
            return .allowed(.grant(grant.id))
        }
    }
    // The provider knows the tenants, but not their people.
    return isInside && !rule.byGrant ? .hidden : .forbidden(rule.byGrant ? .notGranted : .role)
}

private func byMember(_ membership: Membership, _ rule: ActionRule, _ resource: Resource) -> RightsDecision {
    if rule.subject == .platform { return .forbidden(.role) }
    guard resource.tenant == membership.tenant else { return .hidden }
    // What a sub-user may not see is hidden from him before his roles are looked at.
    if let groups = membership.groups {
        guard resource.groups.isSubset(of: groups), !resource.endpoints.contains(where: groups.isDisjoint(with:)) else {
            return .hidden
        }
        guard !rule.tenant.isDisjoint(with: membership.roles) else { return .forbidden(.role) }
        switch rule.limited {
        case .no: return .forbidden(.wholeTenant)
        case .filtered: return .allowed(.role)
        case .inside:
            // Naming nothing would be about everything.
            let namesNothing = resource.endpoints.isEmpty && resource.groups.isEmpty
            return namesNothing ? .forbidden(.wholeTenant) : .allowed(.role)
        }
    }
    return rule.tenant.isDisjoint(with: membership.roles) ? .forbidden(.role) : .allowed(.role)
}
