public import Accounts
public import NetTypes

/// A user with what is shown once: the secret of the link by which a password is set.
public struct InvitedUser: Sendable {
    public var user: User
    /// Base64url; part of a link. It is not kept.
    public var setupSecret: String
}

// People: their accounts, sessions and tokens. Whether the one who asks may do it has been asked before.

extension Directory {
    // MARK: Accounts

    /// Makes an account that nobody can use until its link has set a password.
    ///
    /// - Throws: `conflict` where the name is taken, `notFound` where there is no such tenant or a group is not there.
    public func createUser(
        _ name: AccountName, displayName: DisplayName, home: Home,
        unless check: @escaping @Sendable (any DirectoryReader) throws(DirectoryError) -> Void = { _ in }
    ) async throws(DirectoryError) -> InvitedUser {
        guard
            var user = User(
                id: AccountID(random: random), name: name, displayName: displayName, home: home, createdAt: now())
        else {
            throw DirectoryError(
                .invalid, "The account '\(name)' and its roles are not of the same tenant, or it has no role.",
                pointer: "/roles", remedy: "Give roles of the tenant that stands behind the '@'.")
        }
        let secret = user.makeSetup(at: now(), random: random)
        let made = user
        try await write { (tx) throws(DirectoryError) in
            try Self.check(home, tx)
            try check(tx)
            guard try tx.user(name) == nil else {
                throw DirectoryError(
                    .conflict, "There is an account '\(name)' already.", pointer: "/name",
                    remedy: "Choose another name.")
            }
            if let tenant = name.tenant { try tx.requireRoom(for: .users, of: tx.requireTenant(tenant)) }
            try tx.put(made)
        }
        return InvitedUser(user: made, setupSecret: secret.cookie)
    }

    /// One account.
    public func user(_ name: AccountName) async throws(DirectoryError) -> User {
        try await store.read { (tx) throws(DirectoryError) in try tx.requireUser(name) }
    }

    /// An account by its number; nil when it is gone.
    public func user(_ id: AccountID) async throws(DirectoryError) -> User? {
        try await store.read { (tx) throws(DirectoryError) in try tx.user(id) }
    }

    /// The first owner of a tenant that has no people yet: the provider's way to hand a tenant over.
    public func inviteFirstOwner(
        of tenant: Name, local: String, displayName: DisplayName
    ) async throws(DirectoryError) -> InvitedUser {
        let name: AccountName
        do { name = try AccountName(local: local, tenant: tenant) } catch {
            throw DirectoryError(error, pointer: "/name")
        }
        guard let membership = Membership(tenant: tenant, roles: [.owner]) else { throw DirectoryError.accountGone }
        return try await createUser(name, displayName: displayName, home: .tenant(membership)) {
            (tx) throws(DirectoryError) in
            guard try tx.users(of: tenant, after: nil, limit: 1).isEmpty else {
                throw DirectoryError(
                    .conflict, "Tenant '\(tenant)' has people already.", remedy: "Ask one of its owners.")
            }
        }
    }

    /// A page of the people of a tenant, or of the provider, in order of their names.
    public func users(
        of tenant: Name?, after local: String? = nil, limit: Int = 1_000
    ) async throws(DirectoryError) -> [User] {
        try await store.read { (tx) throws(DirectoryError) in
            if let tenant { _ = try tx.requireTenant(tenant) }
            return try tx.users(of: tenant, after: local, limit: min(max(limit, 1), 1_001))
        }
    }

    /// Gives an account other roles.
    public func change(
        _ name: AccountName, home: Home? = nil, displayName: DisplayName? = nil, expected version: UInt64? = nil
    ) async throws(DirectoryError) -> User {
        try await changeUser(name) { (user, tx) throws(DirectoryError) in
            if let version, version != user.version {
                throw DirectoryError(
                    .conflict, "The account '\(name)' was changed meanwhile.", remedy: "Look at it again.")
            }
            if let home {
                try Self.check(home, tx)
                guard user.change(home: home) else {
                    throw DirectoryError(
                        .invalid, "The roles of '\(name)' cannot be those of another tenant, or none.",
                        pointer: "/roles", remedy: "Make another account there.")
                }
            }
            if let displayName { user.displayName = displayName }
        }
    }

    /// Disables or enables an account. All of its sessions end; its tokens do nothing as long as it is disabled.
    public func setState(_ state: User.State, of name: AccountName) async throws(DirectoryError) -> User {
        try await changeUser(name) { (user, tx) throws(DirectoryError) in
            user.change(state: state)
            try tx.deleteSessions(of: user.id, except: nil)
        }
    }

    /// Deletes an account with its sessions and tokens.
    public func deleteUser(_ name: AccountName) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            let user = try tx.requireUser(name)
            try tx.delete(user: user.id)
            try Self.checkLastOwner(of: user.home.tenant, was: user, tx)
            tx.announce(.accessChanged(.account(user.id)))
        }
    }

    /// Makes a new link by which the account's password is set; the former password is good until then.
    public func invite(_ name: AccountName) async throws(DirectoryError) -> InvitedUser {
        try await write { [random] (tx) throws(DirectoryError) in
            var user = try tx.requireUser(name)
            let secret = user.makeSetup(at: self.now(), random: random)
            try tx.put(user)
            return InvitedUser(user: user, setupSecret: secret.cookie)
        }
    }

    private func changeUser(
        _ name: AccountName,
        _ change: @escaping @Sendable (inout User, any DirectoryTransaction) throws(DirectoryError) -> Void
    ) async throws(DirectoryError) -> User {
        try await write { (tx) throws(DirectoryError) in
            let before = try tx.requireUser(name)
            var user = before
            try change(&user, tx)
            try tx.put(user)
            try Self.checkLastOwner(of: user.home.tenant, was: before, tx)
            tx.announce(.accessChanged(.account(user.id)))
            return user
        }
    }

    /// The groups that a sub-user is limited to have to be there.
    private static func check(_ home: Home, _ tx: any DirectoryReader) throws(DirectoryError) {
        guard case .tenant(let membership) = home else { return }
        _ = try tx.requireTenant(membership.tenant)
        for (index, group) in (membership.groups ?? []).sorted().enumerated() {
            _ = try tx.requireGroup(TenantName(membership.tenant, group), pointer: "/groups/\(index)")
        }
    }

    /// A tenant that has people keeps an owner, and the provider an operator: nobody else could give the rights back.
    private static func checkLastOwner(
        of tenant: Name?, was before: User, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) {
        let isOwner: Bool =
            switch before.home {
            case .provider(let roles): roles.contains(.operator)
            case .tenant(let membership): membership.roles.contains(.owner)
            }
        guard isOwner, before.state == .active, try tx.activeOwners(of: tenant) == 0 else { return }
        throw DirectoryError(
            .conflict, "'\(before.name)' is the last \(tenant == nil ? "operator" : "owner") who can sign in.",
            remedy: "Make another one first.")
    }

    // MARK: Tokens

    /// Makes a personal token, and the text that is shown once.
    public func createToken(
        of user: AccountID, label: DisplayName, scopes: Set<TokenScope>, lifetime: Int64
    ) async throws(DirectoryError) -> (token: PersonalToken, text: String) {
        try await write { [random] (tx) throws(DirectoryError) in
            guard let user = try tx.user(user) else {
                throw DirectoryError(.notFound, "The account is gone.", remedy: "Sign in again.")
            }
            guard try tx.tokens(of: user.id).count < PersonalToken.most else {
                throw DirectoryError(
                    .exhausted, "An account has \(PersonalToken.most) tokens at most.",
                    remedy: "Delete one that is no longer needed.")
            }
            let made: (token: PersonalToken, text: String)
            do throws(PersonalToken.Refusal) {
                made = try PersonalToken.make(
                    for: user, label: label, scopes: scopes, lifetime: lifetime, at: self.now(), random: random)
            } catch {
                throw DirectoryError(error)
            }
            try tx.put(made.token)
            return made
        }
    }

    /// An account's tokens, the oldest first.
    public func tokens(of user: AccountID) async throws(DirectoryError) -> [PersonalToken] {
        try await store.read { (tx) throws(DirectoryError) in try tx.tokens(of: user) }
    }

    /// Deletes a token of an account; one of another account is not there.
    public func deleteToken(_ id: AccountID, of user: AccountID) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            guard let token = try tx.token(id), token.user == user else {
                throw DirectoryError(.notFound, "There is no token '\(id)'.", remedy: "List the account's tokens.")
            }
            try tx.delete(token: id)
            tx.announce(.accessChanged(.account(user)))
        }
    }

    // MARK: Who asks

    /// Who presents a personal token, or one that was given for a certificate; nil: nobody.
    public func authenticate(token text: String) async throws(DirectoryError) -> Authenticated? {
        if text.hasPrefix(CertificateTokens.prefix) { return try await authenticate(certificateToken: text) }
        guard let secret = PersonalToken.secret(in: text) else { return nil }
        let at = now()
        let found = try await store.read { (tx) throws(DirectoryError) -> (PersonalToken, User, Principal)? in
            guard let token = try tx.token(secretHash: secret.hash), let user = try tx.user(token.user),
                let principal = token.principal(of: user, grants: try tx.grants(of: user, at: at), at: at)
            else { return nil }
            return (token, user, principal)
        }
        guard let (token, user, principal) = found else { return nil }
        // Noted once a minute: a token that asks often would write as often.
        if token.lastUsedAt.map({ at - $0 >= Session.touchInterval }) ?? true {
            var used = token
            used.lastUsedAt = at
            let noted = used
            try await store.write { (tx) throws(DirectoryError) in
                if try tx.token(noted.id) != nil { try tx.put(noted) }
            }
        }
        return Authenticated(principal: principal, user: user)
    }
}

extension DirectoryError {
    fileprivate init(_ refusal: PersonalToken.Refusal) {
        switch refusal {
        case .noScope:
            self.init(
                .invalid, "A token without a scope may do nothing.", pointer: "/scopes", remedy: "Name a scope.")
        case .scopes(let beyond):
            self.init(
                .invalid, "Your roles allow nothing of \(beyond.map(\.rawValue).sorted().joined(separator: ", ")).",
                pointer: "/scopes", remedy: "Leave these scopes out.")
        case .lifetime:
            self.init(
                .invalid, "A token lives for 1 second to \(PersonalToken.longest / 86_400) days.",
                pointer: "/days", remedy: "Give a shorter life.")
        }
    }
}

extension DirectoryReader {
    func requireUser(_ name: AccountName) throws(DirectoryError) -> User {
        guard let user = try user(name) else {
            throw DirectoryError(
                .notFound, "There is no account '\(name)'.", remedy: "List the accounts, or create it.")
        }
        return user
    }
}
