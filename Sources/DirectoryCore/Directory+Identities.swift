public import Accounts
public import NetTypes

// Accounts and whom providers of identities know: linked, never guessed.

/// What the answer of a provider came to.
public enum ProviderSignInResult: Sendable {
    case begun(SignedIn)
    /// No account that may be used is linked to the one who has come.
    case unlinked
    /// Several accounts of his are; he has to say of which tenant.
    case ambiguous
}

/// An identity that is linked to an account, with the provider that knows it.
public struct AccountIdentity: Sendable {
    public var identity: LinkedIdentity
    public var provider: IdentityProvider
}

extension Directory {
    // MARK: Signing in

    /// Begins a sign-in at a provider, or a link to one: the transaction, and its cookie.
    public func beginProviderTransaction(
        _ provider: IdentityProvider, _ purpose: ProviderTransaction.Purpose
    ) throws(DirectoryError) -> (transaction: ProviderTransaction, cookie: String) {
        let transaction = ProviderTransaction(provider: provider.id, purpose: purpose, at: now(), random: random)
        guard let cookie = transaction.cookie(box: platform.people.box, random: random) else {
            throw DirectoryError(.storage, "The sign-in could not be sealed.")
        }
        return (transaction, cookie)
    }

    /// Whether so many sign-ins were begun from one place that another one has to wait, in seconds.
    public func waitToBeginProvider(source: String) -> Int64? {
        let at = now()
        return providerStarts.withLock { $0.take(source, at: at) }
    }

    /// The transaction of a cookie and the state of an answer, which is good once; nil for anything else.
    public func useProviderTransaction(
        cookie: String, state: String
    ) async throws(DirectoryError) -> ProviderTransaction? {
        guard
            let transaction = ProviderTransaction(
                cookie: cookie, state: state, box: platform.people.box, at: now())
        else { return nil }
        let isFirst = try await store.write { (tx) throws(DirectoryError) in
            try tx.use(providerTransaction: transaction.usedHash, until: transaction.expiresAt)
        }
        return isFirst ? transaction : nil
    }

    /// Admits an answer of a provider that a browser brings, or tells how long to wait.
    public func admitProviderAnswer(source: SourceNetwork) -> SignIn.SecondAdmission {
        signIn.beginProvider(source: source)
    }

    /// Notes that an answer was a good one.
    public func succeed(_ attempt: SignIn.SecondAttempt) { signIn.succeed(attempt) }

    /// Signs in who has come from a provider, all of whose answer was checked.
    ///
    /// - Parameters:
    ///   - tenant: the tenant whose account it is to be; nil: whichever account is the only one.
    ///   - authenticatedAt: when the provider asked him; nil where it does not say. Then the sign-in is not a fresh one.
    ///   - former: the hash of the secret of the session that the browser had before; it ends.
    public func signIn(
        as subject: String, by provider: AccountID, of tenant: Name?, authenticatedAt: Timestamp?, former: [UInt8]?,
        attempt: SignIn.SecondAttempt, source: SourceNetwork, agent: String, origin: Origin
    ) async throws(DirectoryError) -> ProviderSignInResult {
        let found = try await store.read { (tx) throws(DirectoryError) -> [User] in
            try Self.accounts(subject, provider, tenant, tx).map(\.user)
        }
        guard let user = found.first else { return .unlinked }
        guard found.count == 1 else { return .ambiguous }
        let at = now()
        let begun = try await write(from: origin.by(user)) { [random] (tx) throws(DirectoryError) -> SignedIn? in
            // As it is now: the account may have been disabled, or the link taken away, meanwhile.
            let accounts = try Self.accounts(subject, provider, tenant, tx)
            guard accounts.count == 1, let (user, identity) = accounts.first, user.id == found.first?.id,
                let record = try tx.identityProvider(provider)
            else { return nil }
            var used = identity
            used.lastUsedAt = at
            try tx.put(used)
            if let former, let old = try tx.session(secretHash: former) { try tx.delete(session: old.id) }
            var begun = Session.begin(
                for: user, isComplete: record.settings.isMultiFactor, provider: record.id, source: source, agent: agent,
                at: at, random: random)
            begun.session.signedInAt = authenticatedAt ?? (at + -(Session.freshness + 1))
            for old in try tx.sessions(of: user.id).dropFirst(Session.most - 1) { try tx.delete(session: old.id) }
            try tx.put(begun.session)
            return SignedIn(user: user, session: begun.session, secret: begun.secret)
        }
        guard var begun else { return .unlinked }
        signIn.succeed(attempt)
        if begun.session.stage == .complete { begun.deviceCookie = signIn.issueDevice(for: begun.user.name) }
        return .begun(begun)
    }

    /// The accounts that may be used by one whom a provider knows.
    private static func accounts(
        _ subject: String, _ provider: AccountID, _ tenant: Name?, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> [(user: User, identity: LinkedIdentity)] {
        guard let record = try tx.identityProvider(provider) else { return [] }
        var accounts: [(user: User, identity: LinkedIdentity)] = []
        for identity in try tx.linkedIdentities(provider, subject: subject) {
            guard let user = try tx.user(identity.user), user.state == .active, record.serves(user.home.tenant),
                tenant == nil || user.home.tenant == tenant
            else { continue }
            accounts.append((user, identity))
        }
        return accounts
    }

    // MARK: Links

    /// An account's links.
    public func identities(of user: AccountID) async throws(DirectoryError) -> [AccountIdentity] {
        try await store.read { (tx) throws(DirectoryError) in
            var found: [AccountIdentity] = []
            for identity in try tx.linkedIdentities(of: user) {
                guard let provider = try tx.identityProvider(identity.provider) else { continue }
                found.append(AccountIdentity(identity: identity, provider: provider))
            }
            return found
        }
    }

    /// Links somebody whom a provider knows to the account of the session that asked for it. Nothing happens where he is
    /// linked already.
    ///
    /// - Throws: `forbidden` where that session is over; `conflict` where another account of the same tenant has him.
    public func link(
        _ subject: String, of provider: AccountID, to user: AccountID, session: AccountID, origin: Origin
    ) async throws(DirectoryError) {
        let at = now()
        let id = AccountID(random: random)
        let owner = try await self.user(user)
        try await write(from: owner.map { origin.by($0) } ?? origin) { (tx) throws(DirectoryError) in
            guard let user = try tx.user(user), let session = try tx.session(session), session.stage == .complete,
                session.user == user.id, let record = try tx.identityProvider(provider)
            else { throw DirectoryError.linkEnded }
            if case .ended = session.check(user, presented: session.secretHash, at: at) {
                throw DirectoryError.linkEnded
            }
            try Self.add(
                LinkedIdentity(
                    id: id, user: user.id, provider: provider, subject: subject, isExpected: false, createdAt: at),
                user, record, tx)
        }
    }

    /// Expects somebody whom a provider knows to be an account's user: what who manages the accounts sets.
    public func expect(
        _ subject: String, of provider: Name, for name: AccountName
    ) async throws(DirectoryError) -> AccountIdentity {
        guard LinkedIdentity.isSubject(subject) else {
            throw DirectoryError(
                .invalid, "'\(subject.prefix(80))' is no subject.", pointer: "/subject",
                remedy: "Give what the provider calls the person for good: 1 to 255 visible ASCII characters.")
        }
        let id = AccountID(random: random)
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            let user = try tx.requireUser(name)
            guard let record = try tx.identityProvider(provider), record.serves(name.tenant) else {
                throw DirectoryError(
                    .notFound, "There is no identity provider '\(provider)' for '\(name)'.", pointer: "/provider",
                    remedy: "Ask the platform's operator for its name.")
            }
            let identity = LinkedIdentity(
                id: id, user: user.id, provider: record.id, subject: subject, isExpected: true, createdAt: at)
            let added = try Self.add(identity, user, record, tx)
            return AccountIdentity(identity: added, provider: record)
        }
    }

    /// Takes a link away. All sessions of the account end but the one that asks, for one may have begun by it.
    public func unlink(
        _ id: AccountID, of user: AccountID, except session: AccountID? = nil
    ) async throws(DirectoryError) {
        try await write { (tx) throws(DirectoryError) in
            guard let identity = try tx.linkedIdentity(id), identity.user == user else {
                throw DirectoryError(
                    .notFound, "There is no linked identity '\(id)'.", remedy: "List the account's linked identities.")
            }
            try tx.delete(linkedIdentity: id)
            try tx.deleteSessions(of: user, except: session)
            tx.announce(.accessChanged(.account(user)))
        }
    }

    @discardableResult
    private static func add(
        _ identity: LinkedIdentity, _ user: User, _ record: IdentityProvider, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) -> LinkedIdentity {
        guard record.serves(user.home.tenant), user.state == .active else { throw DirectoryError.linkEnded }
        for other in try tx.linkedIdentities(record.id, subject: identity.subject) {
            if other.user == user.id { return other }
            guard let its = try tx.user(other.user), its.home.tenant == user.home.tenant else { continue }
            throw DirectoryError(
                .conflict, "Another account here is linked to the same person at '\(record.name)'.",
                pointer: "/subject", remedy: "Take that link away first.")
        }
        guard try tx.linkedIdentities(of: user.id).count < LinkedIdentity.most else {
            throw DirectoryError(
                .exhausted, "An account has \(LinkedIdentity.most) linked identities at most.",
                remedy: "Take one away that is no longer needed.")
        }
        try tx.put(identity)
        return identity
    }
}

extension DirectoryError {
    static let linkEnded = DirectoryError(
        .forbidden, "The session, the account or the provider is no longer one that may be linked.",
        remedy: "Sign in, and begin again.")
}
