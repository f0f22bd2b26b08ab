public import Accounts
public import NetTypes

/// What a transaction can read of providers of identities, and of the accounts that are linked to whom they know.
public protocol IdentityReader {
    func identityProvider(_ id: AccountID) throws(DirectoryError) -> IdentityProvider?
    func identityProvider(_ name: Name) throws(DirectoryError) -> IdentityProvider?
    /// All records in order of name.
    func identityProviders() throws(DirectoryError) -> [IdentityProvider]

    func linkedIdentity(_ id: AccountID) throws(DirectoryError) -> LinkedIdentity?
    /// An account's, the oldest first.
    func linkedIdentities(of user: AccountID) throws(DirectoryError) -> [LinkedIdentity]
    /// All that are linked to one whom a provider knows: one of a tenant, but several tenants may have him.
    func linkedIdentities(_ provider: AccountID, subject: String) throws(DirectoryError) -> [LinkedIdentity]
    /// Whether any account is linked to somebody whom a provider knows.
    func hasLinkedIdentities(_ provider: AccountID) throws(DirectoryError) -> Bool
}

/// What a transaction can write of them. `put` inserts or replaces by id; `delete` of what is absent does nothing.
public protocol IdentityTransaction: IdentityReader {
    func put(_ provider: IdentityProvider) throws(DirectoryError)
    /// Deletes a record with all that is linked by it.
    func delete(identityProvider: AccountID) throws(DirectoryError)
    func put(_ identity: LinkedIdentity) throws(DirectoryError)
    func delete(linkedIdentity: AccountID) throws(DirectoryError)
    /// Ends the sessions that began by a provider, but those of one tenant's people.
    ///
    /// - Returns: whose they were: an account for each session.
    func deleteSessions(begunBy provider: AccountID, except tenant: Name?) throws(DirectoryError) -> [AccountID]
    /// Notes that a sign-in was used, until a time; false where it was before.
    func use(providerTransaction hash: [UInt8], until: Timestamp) throws(DirectoryError) -> Bool
}
