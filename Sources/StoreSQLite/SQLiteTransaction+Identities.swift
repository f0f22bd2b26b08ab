import Accounts
import DirectoryCore
import Foundation
import GRDB
import NetTypes

extension SQLiteTransaction {
    // MARK: Providers

    func identityProvider(_ id: AccountID) throws(DirectoryError) -> IdentityProvider? {
        try first("SELECT * FROM identity_provider WHERE id = ?", [id.octets.blob], IdentityProvider.from)
    }

    func identityProvider(_ name: Name) throws(DirectoryError) -> IdentityProvider? {
        try first("SELECT * FROM identity_provider WHERE name = ?", [name.text], IdentityProvider.from)
    }

    func identityProviders() throws(DirectoryError) -> [IdentityProvider] {
        try all("SELECT * FROM identity_provider ORDER BY name", [], IdentityProvider.from)
    }

    func put(_ provider: IdentityProvider) throws(DirectoryError) {
        let settings = provider.settings
        try run(
            """
            INSERT INTO identity_provider (id, name, display, tenant, issuer, client, sealed_secret, scopes, subject_claim,
                multi_factor, listed, trusted_roots, created_at, version, enabled)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET display = excluded.display, tenant = excluded.tenant,
                issuer = excluded.issuer, client = excluded.client, sealed_secret = excluded.sealed_secret,
                scopes = excluded.scopes, subject_claim = excluded.subject_claim,
                multi_factor = excluded.multi_factor, listed = excluded.listed,
                trusted_roots = excluded.trusted_roots, version = excluded.version, enabled = excluded.enabled
            """,
            [
                provider.id.octets.blob, provider.name.text, settings.displayName.text, settings.tenant?.text,
                settings.issuer, settings.clientID, provider.sealedSecret.blob,
                settings.scopes.joined(separator: " "), settings.subjectClaim, settings.isMultiFactor,
                settings.isListed, settings.trustedRoots, provider.createdAt.seconds, provider.version.stored,
                settings.isEnabled,
            ])
    }

    func delete(identityProvider: AccountID) throws(DirectoryError) {
        try run("DELETE FROM identity_provider WHERE id = ?", [identityProvider.octets.blob])
    }

    func deleteSessions(begunBy provider: AccountID, except tenant: Name?) throws(DirectoryError) -> [AccountID] {
        // An account of the platform's has no tenant, and is not one of the tenant's.
        let those = """
            provider = ?1 AND (?2 IS NULL OR account NOT IN (SELECT id FROM account WHERE tenant = ?2))
            """
        let arguments: StatementArguments = [provider.octets.blob, tenant?.text]
        let ended = try all("SELECT account FROM session WHERE \(those)", arguments) { row in
            try row.value("account") { AccountID(octets: $0.octets("account")) }
        }
        if !ended.isEmpty { try run("DELETE FROM session WHERE \(those)", arguments) }
        return ended
    }

    // MARK: Links

    func linkedIdentity(_ id: AccountID) throws(DirectoryError) -> LinkedIdentity? {
        try first("SELECT * FROM linked_identity WHERE id = ?", [id.octets.blob], LinkedIdentity.from)
    }

    func linkedIdentities(of user: AccountID) throws(DirectoryError) -> [LinkedIdentity] {
        try all(
            "SELECT * FROM linked_identity WHERE account = ? ORDER BY created_at, id", [user.octets.blob],
            LinkedIdentity.from)
    }

    func linkedIdentities(_ provider: AccountID, subject: String) throws(DirectoryError) -> [LinkedIdentity] {
        try all(
            "SELECT * FROM linked_identity WHERE provider = ? AND subject = ? ORDER BY created_at, id",
            [provider.octets.blob, subject], LinkedIdentity.from)
    }

    func hasLinkedIdentities(_ provider: AccountID) throws(DirectoryError) -> Bool {
        try first("SELECT 1 FROM linked_identity WHERE provider = ? LIMIT 1", [provider.octets.blob]) { _ in true }
            ?? false
    }

    func put(_ identity: LinkedIdentity) throws(DirectoryError) {
        try run(
            """
            INSERT INTO linked_identity (id, account, provider, subject, expected, created_at, last_used_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET last_used_at = excluded.last_used_at
            """,
            [
                identity.id.octets.blob, identity.user.octets.blob, identity.provider.octets.blob, identity.subject,
                identity.isExpected, identity.createdAt.seconds, identity.lastUsedAt?.seconds,
            ])
    }

    func delete(linkedIdentity: AccountID) throws(DirectoryError) {
        try run("DELETE FROM linked_identity WHERE id = ?", [linkedIdentity.octets.blob])
    }

    func use(providerTransaction hash: [UInt8], until: Timestamp) throws(DirectoryError) -> Bool {
        try run(
            "INSERT INTO used_provider_sign_in (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
            [hash.blob, until.seconds]) == 1
    }
}

extension IdentityProvider {
    fileprivate static func from(_ row: Row) throws -> IdentityProvider {
        let settings = Settings(
            displayName: try DisplayName(parsing: row["display"] as String),
            tenant: try (row["tenant"] as String?).map { try Name(parsing: $0) }, issuer: row["issuer"],
            clientID: row["client"], scopes: (row["scopes"] as String).split(separator: " ").map(String.init),
            subjectClaim: row["subject_claim"], isMultiFactor: row["multi_factor"], isListed: row["listed"],
            trustedRoots: row["trusted_roots"], isEnabled: row["enabled"])
        return IdentityProvider(
            id: try row.value("id") { AccountID(octets: $0.octets("id")) }, name: try row.name("name"),
            settings: settings, sealedSecret: row.octets("sealed_secret"), createdAt: row.time("created_at"),
            version: try row.unsigned("version"))
    }
}

extension LinkedIdentity {
    fileprivate static func from(_ row: Row) throws -> LinkedIdentity {
        LinkedIdentity(
            id: try row.value("id") { AccountID(octets: $0.octets("id")) },
            user: try row.value("account") { AccountID(octets: $0.octets("account")) },
            provider: try row.value("provider") { AccountID(octets: $0.octets("provider")) },
            subject: row["subject"], isExpected: row["expected"], createdAt: row.time("created_at"),
            lastUsedAt: row.optionalTime("last_used_at"))
    }
}
