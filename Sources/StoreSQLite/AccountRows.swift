import Accounts
import DirectoryCore
import Foundation
import GRDB
import NetTypes

// Rows of what people have: accounts, sessions, tokens, passkeys, certificates, grants and requests.

extension Home {
    var roleNames: String {
        switch self {
        case .provider(let roles): roles.sorted().map(\.rawValue).joined(separator: ",")
        case .tenant(let membership): membership.roles.sorted().map(\.rawValue).joined(separator: ",")
        }
    }

    var groupNames: String? {
        switch self {
        case .provider: nil
        case .tenant(let membership): membership.groups.map { $0.sorted().map(\.text).joined(separator: ",") }
        }
    }
}

extension Row {
    func accountID(_ column: String) throws -> AccountID {
        try value(column) { AccountID(octets: $0.octets(column)) }
    }

    func optionalOctets(_ column: String) -> [UInt8]? { (self[column] as Data?).map { [UInt8]($0) } }

    /// Words of an enumeration with commas between.
    func words<Word: RawRepresentable & Hashable>(_ column: String) throws -> Set<Word>
    where Word.RawValue == String {
        Set(
            try (self[column] as String).split(separator: ",").map { word in
                try value(column) { _ in Word(rawValue: String(word)) }
            })
    }

    func displayName(_ column: String) throws -> DisplayName {
        try DisplayName(parsing: self[column] as String)
    }
}

extension User {
    static func from(_ row: Row) throws -> User {
        let tenant = try (row["tenant"] as String?).map { try Name(parsing: $0) }
        let home: Home
        if let tenant {
            let groups = try (row["group_limit"] as String?).map { text in
                Set(try text.split(separator: ",").map { try Name(parsing: $0) })
            }
            let roles: Set<TenantRole> = try row.words("roles")
            home = .tenant(try row.value("roles") { _ in Membership(tenant: tenant, roles: roles, groups: groups) })
        } else {
            home = .provider(try row.words("roles"))
        }
        let recovery = row.octets("recovery")
        let hashes = stride(from: 0, to: recovery.count, by: 32).map {
            Array(recovery[$0..<min($0 + 32, recovery.count)])
        }
        let used = try (row["codes_used"] as Int64?).map { used in
            try row.value("codes_used") { _ in UInt64(exactly: used) }
        }
        let password = try (row["password"] as String?).map { text in
            try row.value("password") { _ in PasswordHash(parsing: text) }
        }
        let setup = row.optionalOctets("setup_hash").flatMap { hash in
            row.optionalTime("setup_expires_at").map { User.Setup(secretHash: hash, expiresAt: $0) }
        }
        let (id, name) = (try row.accountID("id"), try AccountName(local: row["local"] as String, tenant: tenant))
        let (display, createdAt) = (try row.displayName("display"), row.time("created_at"))
        let state = try row.value("state") { User.State(rawValue: $0["state"]) }
        let (credentials, rights) = (try row.unsigned("credential_epoch"), try row.unsigned("rights_epoch"))
        let version = try row.unsigned("version")
        return try row.value("roles") { row in
            User(
                id: id, name: name, displayName: display, home: home, state: state, password: password,
                oneTimeCodes: row.optionalOctets("codes").map { .init(sealedSecret: $0, lastUsed: used) },
                pendingCodes: row.optionalOctets("pending_codes").map { .init(sealedSecret: $0) },
                recoveryHashes: hashes, passkeyCount: row["passkey_count"], setup: setup, createdAt: createdAt,
                credentialEpoch: credentials, rightsEpoch: rights, version: version)
        }
    }
}

extension Session {
    static func from(_ row: Row) throws -> Session {
        Session(
            id: try row.accountID("id"), user: try row.accountID("account"), secretHash: row.octets("secret_hash"),
            formerHash: row.optionalOctets("former_hash"), renewedAt: row.time("renewed_at"),
            stage: try row.value("stage") { Stage(rawValue: $0["stage"]) }, createdAt: row.time("created_at"),
            signedInAt: row.time("signed_in_at"), lastSeenAt: row.time("last_seen_at"), source: row["source"],
            agent: row["agent"], credentialEpoch: try row.unsigned("credential_epoch"),
            rightsEpoch: try row.unsigned("rights_epoch"),
            provider: row.optionalOctets("provider").flatMap { AccountID(octets: $0) })
    }
}

extension PersonalToken {
    static func from(_ row: Row) throws -> PersonalToken {
        PersonalToken(
            id: try row.accountID("id"), user: try row.accountID("account"), label: try row.displayName("label"),
            secretHash: row.octets("secret_hash"), scopes: try row.words("scopes"), createdAt: row.time("created_at"),
            expiresAt: row.time("expires_at"), lastUsedAt: row.optionalTime("last_used_at"))
    }
}

extension Passkey {
    static func from(_ row: Row) throws -> Passkey {
        Passkey(
            id: try row.accountID("id"), user: try row.accountID("account"), label: try row.displayName("label"),
            credential: row.octets("credential"), publicKey: row.octets("public_key"),
            counter: try row.value("counter") { UInt32(exactly: $0["counter"] as Int64) },
            isBackupEligible: row["backup_eligible"], isBackedUp: row["backed_up"],
            transports: (row["transports"] as String).split(separator: ",").map(String.init),
            createdAt: row.time("created_at"), lastUsedAt: row.optionalTime("last_used_at"))
    }
}

extension AccessRequest {
    static func from(_ row: Row) throws -> AccessRequest {
        let (id, tenant, requester) = (try row.accountID("id"), try row.name("tenant"), try row.accountID("requester"))
        let roles: Set<TenantRole> = try row.words("roles")
        let reason = try row.displayName("reason")
        let decidedAt = row.optionalTime("decided_at")
        let grant = row.optionalOctets("access_grant").flatMap { AccountID(octets: $0) }
        return try row.value("roles") { row in
            AccessRequest(
                id: id, tenant: tenant, requester: requester, roles: roles, includesConsoles: row["consoles"],
                lifetime: row["lifetime"], reason: reason, createdAt: row.time("created_at"), decidedAt: decidedAt,
                decision: decidedAt.map { _ in grant.map { .granted($0) } ?? .declined })
        }
    }
}

extension UserCertificate {
    static func from(_ row: Row) throws -> UserCertificate {
        UserCertificate(
            id: try row.accountID("id"), user: try row.accountID("account"), label: try row.displayName("label"),
            serial: row.octets("serial"), key: row.octets("key"), certificate: row.octets("certificate"),
            notBefore: row.time("not_before"), notAfter: row.time("not_after"), createdAt: row.time("created_at"),
            revokedAt: row.optionalTime("revoked_at"), lastUsedAt: row.optionalTime("last_used_at"))
    }
}

extension AccessGrant {
    static func from(_ row: Row) throws -> AccessGrant {
        let (id, tenant, grantedBy) = (try row.accountID("id"), try row.name("tenant"), try row.accountID("granted_by"))
        let grantee = row.optionalOctets("grantee").flatMap { AccountID(octets: $0) }
        let roles: Set<TenantRole> = try row.words("roles")
        let reason = try row.displayName("reason")
        return try row.value("roles") { row in
            AccessGrant(
                id: id, tenant: tenant, grantedBy: grantedBy, grantee: grantee, roles: roles,
                includesConsoles: row["consoles"], reason: reason, from: row.time("begins_at"),
                until: row.time("ends_at"),
                revokedAt: row.optionalTime("revoked_at"))
        }
    }
}
