/// The tables of people: accounts, sessions, tokens, passkeys, certificates, grants and identity providers.
extension Schema {
    // Roles and groups are names with commas between, of which none has any. A name is unique in its tenant, and among
    // the provider's people, whose tenant is NULL.
    static let people = """
        CREATE TABLE account (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            tenant TEXT REFERENCES tenant ON DELETE CASCADE, local TEXT NOT NULL, display TEXT NOT NULL,
            roles TEXT NOT NULL, group_limit TEXT, state TEXT NOT NULL, password TEXT,
            codes BLOB, codes_used INTEGER, pending_codes BLOB, recovery BLOB NOT NULL,
            setup_hash BLOB, setup_expires_at INTEGER, created_at INTEGER NOT NULL,
            credential_epoch INTEGER NOT NULL, rights_epoch INTEGER NOT NULL, version INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX account_name ON account (ifnull(tenant, ''), local);
        CREATE INDEX account_tenant ON account (tenant);
        CREATE TABLE session (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            account BLOB NOT NULL REFERENCES account ON DELETE CASCADE,
            secret_hash BLOB NOT NULL UNIQUE, former_hash BLOB, renewed_at INTEGER NOT NULL, stage TEXT NOT NULL,
            created_at INTEGER NOT NULL, signed_in_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL,
            source TEXT NOT NULL, agent TEXT NOT NULL,
            credential_epoch INTEGER NOT NULL, rights_epoch INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX session_account ON session (account);
        CREATE INDEX session_former ON session (former_hash) WHERE former_hash IS NOT NULL;
        CREATE INDEX session_idle ON session (last_seen_at);
        CREATE INDEX session_age ON session (created_at);
        CREATE TABLE token (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            account BLOB NOT NULL REFERENCES account ON DELETE CASCADE, label TEXT NOT NULL,
            secret_hash BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL, last_used_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX token_account ON token (account);
        CREATE INDEX token_expiry ON token (expires_at);
        CREATE TABLE access_grant (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, granted_by BLOB NOT NULL, grantee BLOB,
            roles TEXT NOT NULL, consoles INTEGER NOT NULL, reason TEXT NOT NULL,
            begins_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, revoked_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX access_grant_tenant ON access_grant (tenant);
        CREATE INDEX access_grant_end ON access_grant (ends_at);
        """

    // Public keys only. A challenge is there only if it was used and its time is not over.
    static let passkeys = """
        CREATE TABLE passkey (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            account BLOB NOT NULL REFERENCES account ON DELETE CASCADE, label TEXT NOT NULL,
            credential BLOB NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023), public_key BLOB NOT NULL,
            counter INTEGER NOT NULL, backup_eligible INTEGER NOT NULL, backed_up INTEGER NOT NULL,
            transports TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX passkey_account ON passkey (account);
        CREATE TABLE passkey_challenge (
            challenge BLOB PRIMARY KEY NOT NULL, expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX passkey_challenge_expiry ON passkey_challenge (expires_at);
        """

    // A request that was decided without a grant was declined. What was noted of leaves' and endpoints' certificates before
    // has neither fingerprint nor beginning.
    static let userCertificates = """
        ALTER TABLE certificate ADD COLUMN not_before INTEGER;
        ALTER TABLE certificate ADD COLUMN fingerprint BLOB;
        CREATE INDEX certificate_own ON certificate (leaf, not_after) WHERE identity IS NULL;
        CREATE TABLE user_certificate (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            account BLOB NOT NULL REFERENCES account ON DELETE CASCADE, label TEXT NOT NULL,
            serial BLOB NOT NULL UNIQUE, key BLOB NOT NULL, certificate BLOB NOT NULL,
            not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, created_at INTEGER NOT NULL,
            revoked_at INTEGER, last_used_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX user_certificate_account ON user_certificate (account);
        CREATE INDEX user_certificate_expiry ON user_certificate (not_after);
        CREATE TABLE access_request (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, requester BLOB NOT NULL, roles TEXT NOT NULL,
            consoles INTEGER NOT NULL, lifetime INTEGER NOT NULL, reason TEXT NOT NULL, created_at INTEGER NOT NULL,
            decided_at INTEGER, access_grant BLOB
        ) WITHOUT ROWID;
        CREATE INDEX access_request_tenant ON access_request (tenant);
        CREATE INDEX access_request_age ON access_request (created_at);
        """

    // Scopes have spaces between, of which none has any. A link is between one account and one whom the provider knows; one
    // and the same may be linked to accounts of several tenants.
    static let singleSignOn = """
        CREATE TABLE identity_provider (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16), name TEXT NOT NULL UNIQUE, display TEXT NOT NULL,
            tenant TEXT REFERENCES tenant ON DELETE CASCADE, issuer TEXT NOT NULL, client TEXT NOT NULL,
            sealed_secret BLOB NOT NULL, scopes TEXT NOT NULL, subject_claim TEXT NOT NULL,
            multi_factor INTEGER NOT NULL, listed INTEGER NOT NULL, trusted_roots TEXT,
            created_at INTEGER NOT NULL, version INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX identity_provider_tenant ON identity_provider (tenant);
        CREATE TABLE linked_identity (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            account BLOB NOT NULL REFERENCES account ON DELETE CASCADE,
            provider BLOB NOT NULL REFERENCES identity_provider ON DELETE CASCADE, subject TEXT NOT NULL,
            expected INTEGER NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER,
            UNIQUE (provider, subject, account)
        ) WITHOUT ROWID;
        CREATE INDEX linked_identity_account ON linked_identity (account);
        CREATE TABLE used_provider_sign_in (id BLOB PRIMARY KEY NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX used_provider_sign_in_expiry ON used_provider_sign_in (expires_at);
        """

    // A session has the provider by whose word it began, and is not there without it.
    static let providerSessions = """
        ALTER TABLE session ADD COLUMN provider BLOB REFERENCES identity_provider ON DELETE CASCADE;
        CREATE INDEX session_provider ON session (provider) WHERE provider IS NOT NULL;
        ALTER TABLE identity_provider ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
        """
}
