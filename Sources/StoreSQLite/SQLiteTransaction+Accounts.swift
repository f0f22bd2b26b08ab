import Accounts
import DirectoryCore
import Foundation
import GRDB
import NetTypes

extension SQLiteTransaction {
    // MARK: Accounts

    /// Accounts, with how many passkeys each has.
    private static let account =
        "SELECT *, (SELECT count(*) FROM passkey WHERE passkey.account = account.id) AS passkey_count FROM account"

    func user(_ id: AccountID) throws(DirectoryError) -> User? {
        try first("\(Self.account) WHERE id = ?", [id.octets.blob], User.from)
    }

    func user(_ name: AccountName) throws(DirectoryError) -> User? {
        try first(
            "\(Self.account) WHERE ifnull(tenant, '') = ? AND local = ?", [name.tenant?.text ?? "", name.local],
            User.from)
    }

    func users(of tenant: Name?, after local: String?, limit: Int) throws(DirectoryError) -> [User] {
        try all(
            "\(Self.account) WHERE ifnull(tenant, '') = ? AND local > ? ORDER BY local LIMIT ?",
            [tenant?.text ?? "", local ?? "", min(max(limit, 1), 10_000)], User.from)
    }

    func activeOwners(of tenant: Name?) throws(DirectoryError) -> Int {
        let role = tenant == nil ? ProviderRole.operator.rawValue : TenantRole.owner.rawValue
        return try first(
            """
            SELECT count(*) AS owners FROM account WHERE ifnull(tenant, '') = ? AND state = 'active'
                AND ',' || roles || ',' LIKE ?
            """, [tenant?.text ?? "", "%,\(role),%"]
        ) { $0["owners"] as Int } ?? 0
    }

    func put(_ user: User) throws(DirectoryError) {
        if let other = try self.user(user.name), other.id != user.id {
            throw DirectoryError(
                .conflict, "There is a user '\(user.name)' already.", pointer: "/name", remedy: "Choose another name.")
        }
        try run(
            """
            INSERT INTO account (id, tenant, local, display, roles, group_limit, state, password, codes, codes_used,
                pending_codes, recovery, setup_hash, setup_expires_at, created_at, credential_epoch, rights_epoch, version)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET display = excluded.display, roles = excluded.roles,
                group_limit = excluded.group_limit, state = excluded.state, password = excluded.password,
                codes = excluded.codes, codes_used = excluded.codes_used, pending_codes = excluded.pending_codes,
                recovery = excluded.recovery, setup_hash = excluded.setup_hash,
                setup_expires_at = excluded.setup_expires_at, credential_epoch = excluded.credential_epoch,
                rights_epoch = excluded.rights_epoch, version = excluded.version
            """,
            [
                user.id.octets.blob, user.name.tenant?.text, user.name.local, user.displayName.text,
                user.home.roleNames,
                user.home.groupNames, user.state.rawValue, user.password?.text, user.oneTimeCodes?.sealedSecret.blob,
                user.oneTimeCodes?.lastUsed?.stored, user.pendingCodes?.sealedSecret.blob,
                user.recoveryHashes.flatMap { $0 }.blob, user.setup?.secretHash.blob, user.setup?.expiresAt.seconds,
                user.createdAt.seconds, user.credentialEpoch.stored, user.rightsEpoch.stored, user.version.stored,
            ])
    }

    func delete(user: AccountID) throws(DirectoryError) {
        try run("DELETE FROM account WHERE id = ?", [user.octets.blob])
    }

    // MARK: Sessions

    func session(secretHash: [UInt8]) throws(DirectoryError) -> Session? {
        try first(
            "SELECT * FROM session WHERE secret_hash = ?1 OR former_hash = ?1", [secretHash.blob], Session.from)
    }

    func session(_ id: AccountID) throws(DirectoryError) -> Session? {
        try first("SELECT * FROM session WHERE id = ?", [id.octets.blob], Session.from)
    }

    func sessions(of user: AccountID) throws(DirectoryError) -> [Session] {
        try all(
            "SELECT * FROM session WHERE account = ? ORDER BY last_seen_at DESC, id", [user.octets.blob], Session.from)
    }

    func put(_ session: Session) throws(DirectoryError) {
        try run(
            """
            INSERT INTO session (id, account, secret_hash, former_hash, renewed_at, stage, created_at, signed_in_at,
                last_seen_at, source, agent, credential_epoch, rights_epoch, provider)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, former_hash = excluded.former_hash,
                renewed_at = excluded.renewed_at, stage = excluded.stage, signed_in_at = excluded.signed_in_at,
                last_seen_at = excluded.last_seen_at, credential_epoch = excluded.credential_epoch,
                rights_epoch = excluded.rights_epoch
            """,
            [
                session.id.octets.blob, session.user.octets.blob, session.secretHash.blob, session.formerHash?.blob,
                session.renewedAt.seconds, session.stage.rawValue, session.createdAt.seconds,
                session.signedInAt.seconds, session.lastSeenAt.seconds, session.source, session.agent,
                session.credentialEpoch.stored, session.rightsEpoch.stored, session.provider?.octets.blob,
            ])
    }

    func delete(session: AccountID) throws(DirectoryError) {
        try run("DELETE FROM session WHERE id = ?", [session.octets.blob])
    }

    func deleteSessions(of user: AccountID, except: AccountID?) throws(DirectoryError) {
        try run(
            "DELETE FROM session WHERE account = ? AND id <> ?", [user.octets.blob, except?.octets.blob ?? Data()])
    }

    // MARK: Tokens

    func token(secretHash: [UInt8]) throws(DirectoryError) -> PersonalToken? {
        try first("SELECT * FROM token WHERE secret_hash = ?", [secretHash.blob], PersonalToken.from)
    }

    func token(_ id: AccountID) throws(DirectoryError) -> PersonalToken? {
        try first("SELECT * FROM token WHERE id = ?", [id.octets.blob], PersonalToken.from)
    }

    func tokens(of user: AccountID) throws(DirectoryError) -> [PersonalToken] {
        try all("SELECT * FROM token WHERE account = ? ORDER BY created_at, id", [user.octets.blob], PersonalToken.from)
    }

    func put(_ token: PersonalToken) throws(DirectoryError) {
        try run(
            """
            INSERT INTO token (id, account, label, secret_hash, scopes, created_at, expires_at, last_used_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET last_used_at = excluded.last_used_at
            """,
            [
                token.id.octets.blob, token.user.octets.blob, token.label.text, token.secretHash.blob,
                token.scopes.sorted().map(\.rawValue).joined(separator: ","), token.createdAt.seconds,
                token.expiresAt.seconds, token.lastUsedAt?.seconds,
            ])
    }

    func delete(token: AccountID) throws(DirectoryError) {
        try run("DELETE FROM token WHERE id = ?", [token.octets.blob])
    }

    // MARK: Passkeys

    func passkey(_ id: AccountID) throws(DirectoryError) -> Passkey? {
        try first("SELECT * FROM passkey WHERE id = ?", [id.octets.blob], Passkey.from)
    }

    func passkey(credential: [UInt8]) throws(DirectoryError) -> Passkey? {
        try first("SELECT * FROM passkey WHERE credential = ?", [credential.blob], Passkey.from)
    }

    func passkeys(of user: AccountID) throws(DirectoryError) -> [Passkey] {
        try all("SELECT * FROM passkey WHERE account = ? ORDER BY created_at, id", [user.octets.blob], Passkey.from)
    }

    func put(_ passkey: Passkey) throws(DirectoryError) {
        if let other = try self.passkey(credential: passkey.credential), other.id != passkey.id {
            throw DirectoryError(
                .conflict, "There is a passkey with this credential already.", pointer: "/credential/id",
                remedy: "Let the authenticator make another one.")
        }
        try run(
            """
            INSERT INTO passkey (id, account, label, credential, public_key, counter, backup_eligible, backed_up,
                transports, created_at, last_used_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET label = excluded.label, counter = excluded.counter,
                backed_up = excluded.backed_up, last_used_at = excluded.last_used_at
            """,
            [
                passkey.id.octets.blob, passkey.user.octets.blob, passkey.label.text, passkey.credential.blob,
                passkey.publicKey.blob, Int64(passkey.counter), passkey.isBackupEligible, passkey.isBackedUp,
                passkey.transports.joined(separator: ","), passkey.createdAt.seconds, passkey.lastUsedAt?.seconds,
            ])
    }

    func delete(passkey: AccountID) throws(DirectoryError) {
        try run("DELETE FROM passkey WHERE id = ?", [passkey.octets.blob])
    }

    func isUsed(challenge: [UInt8]) throws(DirectoryError) -> Bool {
        try first("SELECT 1 AS used FROM passkey_challenge WHERE challenge = ?", [challenge.blob]) { $0["used"] as Int }
            != nil
    }

    func use(challenge: [UInt8], until: Timestamp) throws(DirectoryError) {
        try run(
            "INSERT INTO passkey_challenge (challenge, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [challenge.blob, until.seconds])
    }

    // MARK: Certificates

    func userCertificate(_ id: AccountID) throws(DirectoryError) -> UserCertificate? {
        try first("SELECT * FROM user_certificate WHERE id = ?", [id.octets.blob], UserCertificate.from)
    }

    func userCertificates(of user: AccountID) throws(DirectoryError) -> [UserCertificate] {
        try all(
            "SELECT * FROM user_certificate WHERE account = ? ORDER BY created_at, id", [user.octets.blob],
            UserCertificate.from)
    }

    func put(_ certificate: UserCertificate) throws(DirectoryError) {
        try run(
            """
            INSERT INTO user_certificate (id, account, label, serial, key, certificate, not_before, not_after,
                created_at, revoked_at, last_used_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at, last_used_at = excluded.last_used_at
            """,
            [
                certificate.id.octets.blob, certificate.user.octets.blob, certificate.label.text,
                certificate.serial.blob, certificate.key.blob, certificate.certificate.blob,
                certificate.notBefore.seconds, certificate.notAfter.seconds, certificate.createdAt.seconds,
                certificate.revokedAt?.seconds, certificate.lastUsedAt?.seconds,
            ])
    }

    // MARK: Grants

    func accessGrant(_ id: AccountID) throws(DirectoryError) -> AccessGrant? {
        try first("SELECT * FROM access_grant WHERE id = ?", [id.octets.blob], AccessGrant.from)
    }

    func accessGrants(of tenant: Name) throws(DirectoryError) -> [AccessGrant] {
        try all(
            "SELECT * FROM access_grant WHERE tenant = ? ORDER BY begins_at DESC, id", [tenant.text], AccessGrant.from)
    }

    func accessGrants(for user: AccountID, at now: Timestamp) throws(DirectoryError) -> [AccessGrant] {
        try all(
            """
            SELECT * FROM access_grant WHERE ends_at > ?1 AND begins_at <= ?1
                AND (revoked_at IS NULL OR revoked_at > ?1) AND (grantee IS NULL OR grantee = ?2) ORDER BY ends_at, id
            """, [now.seconds, user.octets.blob], AccessGrant.from)
    }

    func put(_ grant: AccessGrant) throws(DirectoryError) {
        try run(
            """
            INSERT INTO access_grant (id, tenant, granted_by, grantee, roles, consoles, reason, begins_at, ends_at,
                revoked_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at
            """,
            [
                grant.id.octets.blob, grant.tenant.text, grant.grantedBy.octets.blob, grant.grantee?.octets.blob,
                grant.roles.sorted().map(\.rawValue).joined(separator: ","), grant.includesConsoles, grant.reason.text,
                grant.from.seconds, grant.until.seconds, grant.revokedAt?.seconds,
            ])
    }

    func accessRequest(_ id: AccountID) throws(DirectoryError) -> AccessRequest? {
        try first("SELECT * FROM access_request WHERE id = ?", [id.octets.blob], AccessRequest.from)
    }

    func accessRequests(of tenant: Name) throws(DirectoryError) -> [AccessRequest] {
        try all(
            "SELECT * FROM access_request WHERE tenant = ? ORDER BY created_at DESC, id", [tenant.text],
            AccessRequest.from)
    }

    func put(_ request: AccessRequest) throws(DirectoryError) {
        var grant: AccountID?
        if case .granted(let id) = request.decision { grant = id }
        try run(
            """
            INSERT INTO access_request (id, tenant, requester, roles, consoles, lifetime, reason, created_at, decided_at,
                access_grant)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET decided_at = excluded.decided_at, access_grant = excluded.access_grant
            """,
            [
                request.id.octets.blob, request.tenant.text, request.requester.octets.blob,
                request.roles.sorted().map(\.rawValue).joined(separator: ","), request.includesConsoles,
                request.lifetime, request.reason.text, request.createdAt.seconds, request.decidedAt?.seconds,
                grant?.octets.blob,
            ])
    }

    func deleteExpiredAccess(at now: Timestamp) throws(DirectoryError) -> Int {
        let ended = (now + -endedAccessMemory).seconds
        return try run("DELETE FROM session WHERE last_seen_at <= ?", [(now + -Session.idle).seconds])
            + run("DELETE FROM session WHERE created_at <= ?", [(now + -Session.longest).seconds])
            + run("DELETE FROM token WHERE expires_at <= ?", [ended])
            + run("DELETE FROM passkey_challenge WHERE expires_at <= ?", [now.seconds])
            + run("DELETE FROM user_certificate WHERE not_after <= ?", [ended])
            + run("DELETE FROM access_request WHERE created_at <= ?", [ended])
            + run("DELETE FROM access_grant WHERE ends_at <= ?", [ended])
            + run("DELETE FROM used_provider_sign_in WHERE expires_at <= ?", [now.seconds])
    }
}
