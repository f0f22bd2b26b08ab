import DirectoryCore
import Foundation
import GRDB
import NetTypes
import Trust

extension SQLiteTransaction {
    // MARK: Facts

    func facts(of identity: Identity) throws(DirectoryError) -> PublishedFacts? {
        try first("SELECT * FROM facts WHERE identity = ?", [identity.blob], PublishedFacts.init(row:))
    }

    func put(_ facts: PublishedFacts) throws(DirectoryError) {
        try run(
            """
            INSERT INTO facts (identity, leaf, epoch, record_not_after, certificate_not_after, locator, certificate,
                issuer, record)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (identity) DO UPDATE SET leaf = excluded.leaf, epoch = excluded.epoch,
                record_not_after = excluded.record_not_after, certificate_not_after = excluded.certificate_not_after,
                locator = excluded.locator, certificate = excluded.certificate, issuer = excluded.issuer,
                record = excluded.record
            """,
            [
                facts.identity.blob, facts.leaf.blob, facts.epoch.stored, facts.recordNotAfter.seconds,
                facts.certificateNotAfter.seconds, facts.locator.octets.blob, facts.facts.certificate.blob,
                facts.facts.issuer.blob, facts.facts.record.blob,
            ])
    }

    func deleteFacts(of identity: Identity) throws(DirectoryError) {
        try run("DELETE FROM facts WHERE identity = ?", [identity.blob])
    }

    // MARK: Notes of certificates

    func issued(serial: [UInt8]) throws(DirectoryError) -> IssuedCertificate? {
        try first("SELECT * FROM certificate WHERE serial = ?", [serial.blob], IssuedCertificate.init(row:))
    }

    func issued(for identity: Identity) throws(DirectoryError) -> [IssuedCertificate] {
        try all(
            "SELECT * FROM certificate WHERE identity = ? ORDER BY serial", [identity.blob],
            IssuedCertificate.init(row:))
    }

    func issued(to leaf: LeafID) throws(DirectoryError) -> [IssuedCertificate] {
        try all("SELECT * FROM certificate WHERE leaf = ? ORDER BY serial", [leaf.blob], IssuedCertificate.init(row:))
    }

    func ownCertificate(of leaf: LeafID) throws(DirectoryError) -> IssuedCertificate? {
        try first(
            "SELECT * FROM certificate WHERE leaf = ? AND identity IS NULL ORDER BY not_after DESC LIMIT 1",
            [leaf.blob], IssuedCertificate.init(row:))
    }

    func put(_ certificate: IssuedCertificate) throws(DirectoryError) {
        try run(
            """
            INSERT INTO certificate (serial, key_hash, leaf, identity, not_after, not_before, fingerprint)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (serial) DO UPDATE SET key_hash = excluded.key_hash, leaf = excluded.leaf,
                identity = excluded.identity, not_after = excluded.not_after, not_before = excluded.not_before,
                fingerprint = excluded.fingerprint
            """,
            [
                certificate.serial.blob, certificate.keyHash.blob, certificate.leaf.blob, certificate.identity?.blob,
                certificate.notAfter.seconds, certificate.notBefore?.seconds, certificate.fingerprint?.blob,
            ])
    }

    func delete(issued serial: [UInt8]) throws(DirectoryError) {
        try run("DELETE FROM certificate WHERE serial = ?", [serial.blob])
    }

    // MARK: Revocations

    func revocations() throws(DirectoryError) -> [Revocation] {
        try all("SELECT * FROM revocation ORDER BY kind, subject", [], Revocation.init(row:))
    }

    func isRevoked(_ subject: Revocation.Subject) throws(DirectoryError) -> Bool {
        try first(
            "SELECT 1 FROM revocation WHERE kind = ? AND subject = ?", [subject.kind, subject.octets.blob]
        ) { _ in true } ?? false
    }

    func add(_ revocation: Revocation) throws(DirectoryError) {
        // The same subject again: it stays revoked for as long as either asks.
        try run(
            """
            INSERT INTO revocation (kind, subject, expires_at) VALUES (?, ?, ?)
            ON CONFLICT (kind, subject) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)
            """, [revocation.subject.kind, revocation.subject.octets.blob, revocation.expiresAt.seconds])
    }

    func deleteExpired(at now: Timestamp) throws(DirectoryError) -> Int {
        try run("DELETE FROM revocation WHERE expires_at < ?", [now.seconds])
            + run("DELETE FROM certificate WHERE not_after < ?", [now.seconds])
            + run("DELETE FROM join_grant WHERE expires_at < ?", [(now + -JoinGrant.memory).seconds])
    }
}

extension Revocation.Subject {
    fileprivate var kind: String {
        switch self {
        case .identity: "identity"
        case .serial: "serial"
        case .key: "key"
        }
    }

    fileprivate var octets: [UInt8] {
        switch self {
        case .identity(let identity): identity.octets
        case .serial(let octets), .key(let octets): octets
        }
    }
}

extension Revocation {
    fileprivate init(row: Row) throws {
        let kind: String = row["kind"]
        let subject: Subject
        switch kind {
        case "identity": subject = .identity(try row.identity("subject"))
        case "serial": subject = .serial(row.octets("subject"))
        default: subject = try row.value("kind") { kind == "key" ? .key($0.octets("subject")) : nil }
        }
        self.init(subject, expiresAt: row.time("expires_at"))
    }
}

extension IssuedCertificate {
    fileprivate init(row: Row) throws {
        let identity: Identity? = try (row["identity"] as DatabaseValue).isNull ? nil : row.identity()
        self.init(
            serial: row.octets("serial"), keyHash: row.octets("key_hash"), leaf: try row.leaf(), identity: identity,
            notAfter: row.time("not_after"), notBefore: row.optionalTime("not_before"),
            fingerprint: (row["fingerprint"] as Data?).map { [UInt8]($0) })
    }
}

extension PublishedFacts {
    fileprivate init(row: Row) throws {
        self.init(
            identity: try row.identity(), leaf: try row.leaf(), epoch: try row.unsigned("epoch"),
            recordNotAfter: row.time("record_not_after"), certificateNotAfter: row.time("certificate_not_after"),
            locator: try row.value("locator") { IPAddress(octets: $0.octets("locator")) },
            facts: EndpointFacts(
                certificate: row.octets("certificate"), issuer: row.octets("issuer"), record: row.octets("record")))
    }
}
