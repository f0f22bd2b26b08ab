public import Accounts
public import NetTypes

// What is asked again and again for those who follow events.

extension Directory {
    /// Who somebody is now that was authenticated a while ago; nil where the session or token has ended since. It does not
    /// count as a use of either.
    public func standing(of principal: Principal) async throws(DirectoryError) -> Principal? {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in
            switch principal.means {
            case .platformToken: return principal
            case .certificate(let id, let until): return try Self.principal(certificate: id, until: until, tx, at)
            case .session(let id, _):
                guard let session = try tx.session(id), let user = try tx.user(session.user) else { return nil }
                if case .ended = session.check(user, presented: session.secretHash, at: at) { return nil }
                return session.principal(of: user, grants: try tx.grants(of: user, at: at))
            case .token(let id, _):
                guard let token = try tx.token(id), let user = try tx.user(token.user) else { return nil }
                return token.principal(of: user, grants: try tx.grants(of: user, at: at), at: at)
            }
        }
    }

    /// The number of the newest revision of a tenant's policy.
    public func policyRevision(of tenant: Name) async throws(DirectoryError) -> UInt64? {
        try await store.read { (tx) throws(DirectoryError) in try tx.policyRevisions(of: tenant).first?.revision }
    }
}
