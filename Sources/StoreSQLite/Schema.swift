import GRDB

/// The tables, as a list of named migrations. A migration that was released is never edited; a change is a new one.
///
/// Tables that are looked up by a key of 16 octets are WITHOUT ROWID, so that a look-up is one walk down one tree.
/// Numbers that are used as unsigned 64-bit ones elsewhere stay below 2^63 (epochs, revisions).
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 tenants, vnets, hosts, endpoints") { db in
            try db.execute(sql: tenants)
            try db.execute(sql: hosts)
            try db.execute(sql: endpoints)
        }
        migrator.registerMigration("2 policies, facts, certificates, revocations") { db in
            try db.execute(sql: policies)
            try db.execute(sql: facts)
            try db.execute(sql: certificates)
        }
        migrator.registerMigration("3 labels, documents, guardrails, locks") { db in
            try db.execute(sql: documents)
        }
        migrator.registerMigration("4 borders") { db in
            try db.execute(sql: borders)
        }
        migrator.registerMigration("5 people, audit") { db in
            try db.execute(sql: people)
            try db.execute(sql: audit)
        }
        migrator.registerMigration("6 life cycle") { db in
            try db.execute(sql: lifeCycle)
        }
        migrator.registerMigration("7 usage") { db in
            try db.execute(sql: usage)
        }
        migrator.registerMigration("8 lists") { db in
            try db.execute(sql: lists)
        }
        migrator.registerMigration("9 passkeys") { db in
            try db.execute(sql: passkeys)
        }
        migrator.registerMigration("10 certificates of people, access requests") { db in
            try db.execute(sql: userCertificates)
        }
        migrator.registerMigration("11 single sign-on") { db in
            try db.execute(sql: singleSignOn)
        }
        migrator.registerMigration("12 tallies without zeros") { db in
            try db.execute(sql: tallies)
        }
        migrator.registerMigration("13 sessions of identity providers") { db in
            try db.execute(sql: providerSessions)
        }
        return migrator
    }

    // What lists show of many endpoints is counted when one comes or goes, also where a foreign key takes it away: walking
    // 100,000 of them for every list would be for nothing. A name is found by any three letters of it; names have at most
    // 63. The indices have all by which endpoints are chosen, in order of name.
    private static let lists = """
        ALTER TABLE tenant_group ADD COLUMN member_count INTEGER NOT NULL DEFAULT 0;
        UPDATE tenant_group SET member_count = (
            SELECT count(*) FROM membership m WHERE m.tenant = tenant_group.tenant AND m.group_name = tenant_group.name);
        CREATE TRIGGER member_added AFTER INSERT ON membership BEGIN
            UPDATE tenant_group SET member_count = member_count + 1
                WHERE tenant = new.tenant AND name = new.group_name;
        END;
        CREATE TRIGGER member_removed AFTER DELETE ON membership BEGIN
            UPDATE tenant_group SET member_count = member_count - 1
                WHERE tenant = old.tenant AND name = old.group_name;
        END;
        ALTER TABLE host ADD COLUMN endpoint_count INTEGER NOT NULL DEFAULT 0;
        UPDATE host SET endpoint_count = (SELECT count(*) FROM endpoint e WHERE e.host = host.name);
        CREATE TABLE name_position (position INTEGER PRIMARY KEY NOT NULL);
        WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 61)
            INSERT INTO name_position SELECT n FROM counted;
        CREATE TABLE name_part (
            tenant TEXT NOT NULL, part TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant, part, name)
        ) WITHOUT ROWID;
        INSERT OR IGNORE INTO name_part SELECT tenant, substr(name, position, 3), name
            FROM endpoint CROSS JOIN name_position WHERE position <= length(name) - 2;
        ALTER TABLE endpoint ADD COLUMN first_group TEXT;
        UPDATE endpoint SET first_group = (
            SELECT min(group_name) FROM membership WHERE membership.identity = endpoint.identity);
        CREATE TABLE endpoint_tally (
            tenant TEXT NOT NULL, first_group TEXT NOT NULL, state TEXT NOT NULL, found INTEGER NOT NULL,
            PRIMARY KEY (tenant, first_group, state)
        ) WITHOUT ROWID;
        INSERT INTO endpoint_tally SELECT tenant, ifnull(first_group, ''), state, count(*) FROM endpoint GROUP BY 1, 2, 3;
        CREATE TRIGGER endpoint_added AFTER INSERT ON endpoint BEGIN
            INSERT INTO endpoint_tally VALUES (new.tenant, ifnull(new.first_group, ''), new.state, 1)
                ON CONFLICT (tenant, first_group, state) DO UPDATE SET found = found + 1;
            UPDATE host SET endpoint_count = endpoint_count + 1 WHERE name = new.host;
            INSERT OR IGNORE INTO name_part SELECT new.tenant, substr(new.name, position, 3), new.name
                FROM name_position WHERE position <= length(new.name) - 2;
        END;
        CREATE TRIGGER endpoint_removed AFTER DELETE ON endpoint BEGIN
            UPDATE endpoint_tally SET found = found - 1
                WHERE tenant = old.tenant AND first_group = ifnull(old.first_group, '') AND state = old.state;
            UPDATE host SET endpoint_count = endpoint_count - 1 WHERE name = old.host;
            DELETE FROM name_part WHERE tenant = old.tenant AND name = old.name AND part IN (
                SELECT substr(old.name, position, 3) FROM name_position WHERE position <= length(old.name) - 2);
        END;
        CREATE TRIGGER endpoint_moved AFTER UPDATE OF host ON endpoint WHEN new.host <> old.host BEGIN
            UPDATE host SET endpoint_count = endpoint_count - 1 WHERE name = old.host;
            UPDATE host SET endpoint_count = endpoint_count + 1 WHERE name = new.host;
        END;
        CREATE TRIGGER endpoint_renamed AFTER UPDATE OF tenant, name ON endpoint
            WHEN new.tenant <> old.tenant OR new.name <> old.name
        BEGIN
            DELETE FROM name_part WHERE tenant = old.tenant AND name = old.name AND part IN (
                SELECT substr(old.name, position, 3) FROM name_position WHERE position <= length(old.name) - 2);
            INSERT OR IGNORE INTO name_part SELECT new.tenant, substr(new.name, position, 3), new.name
                FROM name_position WHERE position <= length(new.name) - 2;
        END;
        CREATE TRIGGER endpoint_recounted AFTER UPDATE OF tenant, first_group, state ON endpoint
            WHEN new.tenant <> old.tenant OR new.first_group IS NOT old.first_group OR new.state <> old.state
        BEGIN
            UPDATE endpoint_tally SET found = found - 1
                WHERE tenant = old.tenant AND first_group = ifnull(old.first_group, '') AND state = old.state;
            INSERT INTO endpoint_tally VALUES (new.tenant, ifnull(new.first_group, ''), new.state, 1)
                ON CONFLICT (tenant, first_group, state) DO UPDATE SET found = found + 1;
        END;
        CREATE INDEX endpoint_first_group ON endpoint (tenant, first_group, state);
        CREATE INDEX endpoint_state ON endpoint (tenant, state, name);
        CREATE INDEX endpoint_listed ON endpoint (tenant, name, host, vnet_name, state, labels);
        """

    // A tally of nothing is no row: tenants and groups come and go.
    private static let tallies = """
        DELETE FROM endpoint_tally WHERE found <= 0;
        CREATE TRIGGER tally_emptied AFTER UPDATE OF found ON endpoint_tally WHEN new.found <= 0 BEGIN
            DELETE FROM endpoint_tally
                WHERE tenant = new.tenant AND first_group = new.first_group AND state = new.state;
        END;
        """

    // A quota that is NULL has no limit. There is one statement about suspensions, of all tenants.
    private static let lifeCycle = """
        ALTER TABLE tenant ADD COLUMN suspended_at INTEGER;
        ALTER TABLE tenant ADD COLUMN suspension_reason TEXT;
        ALTER TABLE tenant ADD COLUMN quota_endpoints INTEGER CHECK (quota_endpoints >= 0);
        ALTER TABLE tenant ADD COLUMN quota_vnets INTEGER CHECK (quota_vnets >= 0);
        ALTER TABLE tenant ADD COLUMN quota_groups INTEGER CHECK (quota_groups >= 0);
        ALTER TABLE tenant ADD COLUMN quota_rules INTEGER CHECK (quota_rules >= 0);
        ALTER TABLE tenant ADD COLUMN quota_users INTEGER CHECK (quota_users >= 0);
        CREATE TABLE suspensions (
            id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1), revision INTEGER NOT NULL, body BLOB NOT NULL,
            signature BLOB NOT NULL
        );
        CREATE TABLE idempotency (
            id BLOB PRIMARY KEY NOT NULL, fingerprint BLOB NOT NULL, begun_at INTEGER NOT NULL, sealed BLOB
        ) WITHOUT ROWID;
        CREATE INDEX idempotency_age ON idempotency (begun_at);
        """

    private static let tenants = """
        CREATE TABLE tenant (
            name TEXT PRIMARY KEY NOT NULL, created_at INTEGER NOT NULL,
            authority BLOB NOT NULL, authority_key TEXT NOT NULL, authority_key_hash BLOB NOT NULL,
            authority_not_after INTEGER NOT NULL,
            policy_certificate BLOB NOT NULL, policy_key TEXT NOT NULL, renew_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX tenant_renewal ON tenant (renew_at);
        CREATE TABLE vnet (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, name TEXT NOT NULL,
            prefix INTEGER NOT NULL, prefix_length INTEGER NOT NULL, created_at INTEGER NOT NULL,
            next_address INTEGER NOT NULL, endpoint_count INTEGER NOT NULL CHECK (endpoint_count >= 0),
            UNIQUE (tenant, name)
        ) WITHOUT ROWID;
        CREATE TABLE tenant_group (
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, name TEXT NOT NULL,
            created_at INTEGER NOT NULL, PRIMARY KEY (tenant, name)
        ) WITHOUT ROWID;
        """

    private static let hosts = """
        CREATE TABLE host (
            name TEXT PRIMARY KEY NOT NULL, leaf BLOB NOT NULL UNIQUE CHECK (length(leaf) = 16),
            enrolled_at INTEGER, locators TEXT NOT NULL, plug_port INTEGER NOT NULL, created_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE join_grant (
            secret_hash BLOB PRIMARY KEY NOT NULL CHECK (length(secret_hash) = 32),
            host TEXT NOT NULL REFERENCES host ON DELETE CASCADE, expires_at INTEGER NOT NULL, used_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX join_grant_host ON join_grant (host);
        CREATE INDEX join_grant_expiry ON join_grant (expires_at);
        """

    private static let endpoints = """
        CREATE TABLE endpoint (
            identity BLOB PRIMARY KEY NOT NULL CHECK (length(identity) = 16),
            tenant TEXT NOT NULL REFERENCES tenant, name TEXT NOT NULL,
            vnet BLOB NOT NULL REFERENCES vnet, vnet_name TEXT NOT NULL, ipv4 INTEGER NOT NULL,
            kind TEXT NOT NULL, attachment TEXT NOT NULL, host TEXT NOT NULL REFERENCES host,
            state TEXT NOT NULL, former_host TEXT REFERENCES host, deadline INTEGER, detail TEXT,
            epoch INTEGER NOT NULL CHECK (epoch >= 0), published_by BLOB, created_at INTEGER NOT NULL,
            UNIQUE (tenant, name), UNIQUE (vnet, ipv4), UNIQUE (host, kind, attachment)
        ) WITHOUT ROWID;
        CREATE INDEX endpoint_former ON endpoint (former_host) WHERE former_host IS NOT NULL;
        CREATE INDEX endpoint_deadline ON endpoint (deadline) WHERE deadline IS NOT NULL;
        CREATE TABLE membership (
            tenant TEXT NOT NULL, group_name TEXT NOT NULL, name TEXT NOT NULL,
            identity BLOB NOT NULL REFERENCES endpoint ON DELETE CASCADE,
            PRIMARY KEY (tenant, group_name, name),
            FOREIGN KEY (tenant, group_name) REFERENCES tenant_group (tenant, name)
        ) WITHOUT ROWID;
        CREATE INDEX membership_identity ON membership (identity);
        """

    private static let policies = """
        CREATE TABLE policy (
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, revision INTEGER NOT NULL,
            changed_at INTEGER NOT NULL, signature BLOB NOT NULL, body BLOB NOT NULL,
            UNIQUE (tenant, revision)
        );
        """

    // Labels are KEY=VALUE with commas between, of which neither has any.
    private static let documents = """
        ALTER TABLE endpoint ADD COLUMN labels TEXT NOT NULL DEFAULT '';
        ALTER TABLE endpoint ADD COLUMN level INTEGER NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 255);
        ALTER TABLE policy ADD COLUMN text BLOB;
        ALTER TABLE policy ADD COLUMN summary TEXT NOT NULL DEFAULT '';
        CREATE TABLE policy_lock (
            tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, number INTEGER NOT NULL,
            body BLOB NOT NULL, signature BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (tenant, number)
        ) WITHOUT ROWID;
        CREATE TABLE guardrails (
            revision INTEGER PRIMARY KEY NOT NULL, changed_at INTEGER NOT NULL, signature BLOB NOT NULL,
            body BLOB NOT NULL, text BLOB NOT NULL, summary TEXT NOT NULL
        );
        """

    // Prefixes in their one text form with commas between.
    private static let borders = """
        ALTER TABLE endpoint ADD COLUMN networks TEXT NOT NULL DEFAULT '';
        CREATE INDEX endpoint_border ON endpoint (vnet, name) WHERE networks <> '';
        """

    private static let facts = """
        CREATE TABLE facts (
            identity BLOB PRIMARY KEY NOT NULL REFERENCES endpoint ON DELETE CASCADE,
            leaf BLOB NOT NULL, epoch INTEGER NOT NULL, record_not_after INTEGER NOT NULL,
            certificate_not_after INTEGER NOT NULL, locator BLOB NOT NULL,
            certificate BLOB NOT NULL, issuer BLOB NOT NULL, record BLOB NOT NULL
        ) WITHOUT ROWID;
        """

    private static let certificates = """
        CREATE TABLE certificate (
            serial BLOB PRIMARY KEY NOT NULL, key_hash BLOB NOT NULL, leaf BLOB NOT NULL,
            identity BLOB REFERENCES endpoint ON DELETE CASCADE, not_after INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX certificate_leaf ON certificate (leaf);
        CREATE INDEX certificate_identity ON certificate (identity) WHERE identity IS NOT NULL;
        CREATE INDEX certificate_expiry ON certificate (not_after);
        CREATE TABLE revocation (
            kind TEXT NOT NULL, subject BLOB NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (kind, subject)
        ) WITHOUT ROWID;
        CREATE INDEX revocation_expiry ON revocation (expires_at);
        """

    // A tenant's chain outlives the tenant, so it refers to none.
    private static let audit = """
        CREATE TABLE audit_chain (
            id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE, count INTEGER NOT NULL, hash BLOB NOT NULL,
            signed INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX audit_unsigned ON audit_chain (id) WHERE count > signed;
        CREATE TABLE audit_entry (
            id INTEGER PRIMARY KEY NOT NULL, chain INTEGER NOT NULL REFERENCES audit_chain, number INTEGER NOT NULL,
            time INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL, outcome TEXT NOT NULL, line BLOB NOT NULL,
            UNIQUE (chain, number)
        );
        CREATE INDEX audit_entry_action ON audit_entry (chain, action, number);
        CREATE INDEX audit_entry_actor ON audit_entry (chain, actor, number);
        CREATE TABLE audit_checkpoint (
            chain INTEGER NOT NULL REFERENCES audit_chain, count INTEGER NOT NULL, line BLOB NOT NULL,
            PRIMARY KEY (chain, count)
        ) WITHOUT ROWID;
        """

    // Accounts outlive tenants, endpoints and hosts, so they refer to none of them. A tenant is known by the hash of its
    // authority's key: a later one of the same name has another. Addresses outside are empty where there is none.
    private static let usage = """
        CREATE TABLE usage_tenant (id INTEGER PRIMARY KEY NOT NULL, authority BLOB NOT NULL UNIQUE, name TEXT NOT NULL);
        CREATE TABLE usage_endpoint (
            id INTEGER PRIMARY KEY NOT NULL, identity BLOB NOT NULL UNIQUE CHECK (length(identity) = 16),
            tenant INTEGER NOT NULL REFERENCES usage_tenant, name TEXT NOT NULL
        );
        CREATE INDEX usage_endpoint_name ON usage_endpoint (tenant, name);
        CREATE TABLE usage_wire (
            id INTEGER PRIMARY KEY NOT NULL, source INTEGER NOT NULL REFERENCES usage_endpoint,
            destination INTEGER NOT NULL REFERENCES usage_endpoint, outside_source BLOB NOT NULL,
            outside_destination BLOB NOT NULL, UNIQUE (source, destination, outside_source, outside_destination)
        );
        CREATE INDEX usage_wire_destination ON usage_wire (destination);
        CREATE TABLE usage_leaf (
            leaf BLOB PRIMARY KEY NOT NULL CHECK (length(leaf) = 16), receipt INTEGER NOT NULL, read_at INTEGER NOT NULL,
            booked_at INTEGER NOT NULL, budget INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE usage_counter (
            leaf BLOB NOT NULL, id INTEGER NOT NULL, wire INTEGER NOT NULL REFERENCES usage_wire, end INTEGER NOT NULL,
            packets INTEGER NOT NULL, bytes INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (leaf, id)
        ) WITHOUT ROWID;
        CREATE INDEX usage_counter_wire ON usage_counter (wire);
        CREATE TABLE usage_tenure (
            identity BLOB NOT NULL, leaf BLOB NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (identity, leaf)
        ) WITHOUT ROWID;
        CREATE TABLE usage_figure (
            kind INTEGER NOT NULL, step INTEGER NOT NULL, subject INTEGER NOT NULL, time INTEGER NOT NULL,
            tenant INTEGER NOT NULL, sent_packets INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,
            received_packets INTEGER NOT NULL, received_bytes INTEGER NOT NULL, PRIMARY KEY (kind, step, subject, time)
        ) WITHOUT ROWID;
        CREATE INDEX usage_figure_time ON usage_figure (kind, step, tenant, time, subject);
        """
}
