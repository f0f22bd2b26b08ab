public import Accounts
public import NetTypes

/// What a transaction can read of people. Whom a tenant's people may see the caller asks ``Accounts/may(_:_:on:at:)``.
public protocol AccountReader {
    func user(_ id: AccountID) throws(DirectoryError) -> User?
    func user(_ name: AccountName) throws(DirectoryError) -> User?
    /// A tenant's people, or the provider's, in order of their local names, from after one.
    func users(of tenant: Name?, after local: String?, limit: Int) throws(DirectoryError) -> [User]
    /// How many owners of a tenant, or operators, are active: the last one stays.
    func activeOwners(of tenant: Name?) throws(DirectoryError) -> Int

    /// The session that has a secret of this hash, or had it before the last renewal.
    func session(secretHash: [UInt8]) throws(DirectoryError) -> Session?
    func session(_ id: AccountID) throws(DirectoryError) -> Session?
    /// An account's sessions, those used last first.
    func sessions(of user: AccountID) throws(DirectoryError) -> [Session]

    func token(secretHash: [UInt8]) throws(DirectoryError) -> PersonalToken?
    func token(_ id: AccountID) throws(DirectoryError) -> PersonalToken?
    /// An account's tokens, the oldest first.
    func tokens(of user: AccountID) throws(DirectoryError) -> [PersonalToken]

    func passkey(_ id: AccountID) throws(DirectoryError) -> Passkey?
    /// The passkey with a credential's id, whoever's it is.
    func passkey(credential: [UInt8]) throws(DirectoryError) -> Passkey?
    /// An account's passkeys, the oldest first.
    func passkeys(of user: AccountID) throws(DirectoryError) -> [Passkey]
    /// Whether a challenge was used; those whose time is over may be forgotten.
    func isUsed(challenge: [UInt8]) throws(DirectoryError) -> Bool

    func userCertificate(_ id: AccountID) throws(DirectoryError) -> UserCertificate?
    /// An account's certificates, the oldest first, those that were revoked or have ended too.
    func userCertificates(of user: AccountID) throws(DirectoryError) -> [UserCertificate]

    func accessRequest(_ id: AccountID) throws(DirectoryError) -> AccessRequest?
    /// What a tenant was asked for, the newest first.
    func accessRequests(of tenant: Name) throws(DirectoryError) -> [AccessRequest]

    func accessGrant(_ id: AccountID) throws(DirectoryError) -> AccessGrant?
    /// A tenant's grants, the newest first.
    func accessGrants(of tenant: Name) throws(DirectoryError) -> [AccessGrant]
    /// The grants that one of the provider's people may use at a time: those that name him, and those for all operators.
    func accessGrants(for user: AccountID, at now: Timestamp) throws(DirectoryError) -> [AccessGrant]
}

/// What a transaction can write of people. `put` inserts or replaces by id; `delete` of what is absent does nothing.
public protocol AccountTransaction: AccountReader {
    /// Writes an account; ``DirectoryError/Code/conflict`` when another one has the name.
    func put(_ user: User) throws(DirectoryError)
    /// Deletes an account with its sessions, tokens and passkeys. Grants that it gave stay.
    func delete(user: AccountID) throws(DirectoryError)
    func put(_ session: Session) throws(DirectoryError)
    func delete(session: AccountID) throws(DirectoryError)
    /// Ends all sessions of an account but one.
    func deleteSessions(of user: AccountID, except: AccountID?) throws(DirectoryError)
    func put(_ token: PersonalToken) throws(DirectoryError)
    func delete(token: AccountID) throws(DirectoryError)
    /// Writes a passkey; ``DirectoryError/Code/conflict`` when another one has the credential's id.
    func put(_ passkey: Passkey) throws(DirectoryError)
    func delete(passkey: AccountID) throws(DirectoryError)
    /// Remembers a challenge that was used, until a time.
    func use(challenge: [UInt8], until: Timestamp) throws(DirectoryError)
    func put(_ certificate: UserCertificate) throws(DirectoryError)
    func put(_ request: AccessRequest) throws(DirectoryError)
    func put(_ grant: AccessGrant) throws(DirectoryError)
    /// Forgets sessions and challenges that are over, and tokens, certificates and grants that ended 90 days ago; returns
    /// how many.
    @discardableResult
    func deleteExpiredAccess(at now: Timestamp) throws(DirectoryError) -> Int
}

/// How long tokens and grants are still listed after their end, in seconds: 90 days.
public let endedAccessMemory: Int64 = 90 * 86_400
