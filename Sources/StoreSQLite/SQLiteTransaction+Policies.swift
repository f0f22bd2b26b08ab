import DirectoryCore
import Foundation
import GRDB
import NetTypes

extension SQLiteTransaction {
    // MARK: Policies

    func policy(of tenant: Name) throws(DirectoryError) -> PolicyRevision? {
        try first(
            "SELECT * FROM policy WHERE tenant = ? ORDER BY revision DESC LIMIT 1", [tenant.text],
            PolicyRevision.init(row:))
    }

    func policy(of tenant: Name, revision: UInt64) throws(DirectoryError) -> PolicyRevision? {
        try first(
            "SELECT * FROM policy WHERE tenant = ? AND revision = ?", [tenant.text, revision.stored],
            PolicyRevision.init(row:))
    }

    func policyRevisions(of tenant: Name) throws(DirectoryError) -> [RevisionNote] {
        try all(
            "SELECT revision, changed_at, summary FROM policy WHERE tenant = ? ORDER BY revision DESC", [tenant.text],
            RevisionNote.init(row:))
    }

    func add(_ policy: PolicyRevision, keep: Int, bytes: Int) throws(DirectoryError) {
        try run(
            """
            INSERT INTO policy (tenant, revision, changed_at, signature, body, text, summary)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                policy.tenant.text, policy.revision.stored, policy.changedAt.seconds, policy.signature.blob,
                policy.body.blob, policy.text?.blob, policy.summary,
            ])
        // length() of a BLOB looks at its header only, so that no body is read for this.
        let sizes = try all(
            """
            SELECT revision, length(body) + coalesce(length(text), 0) AS bytes FROM policy WHERE tenant = ?
            ORDER BY revision DESC
            """, [policy.tenant.text]
        ) { (try $0.unsigned("revision"), $0["bytes"] as Int) }
        guard let last = Self.lastKept(sizes, keep: keep, bytes: bytes) else { return }
        try run("DELETE FROM policy WHERE tenant = ? AND revision < ?", [policy.tenant.text, last.stored])
    }

    /// The oldest revision that is kept: of the newest ones so many, and so many bytes of them, and one in any case.
    private static func lastKept(_ sizes: [(revision: UInt64, bytes: Int)], keep: Int, bytes: Int) -> UInt64? {
        var (last, total) = (sizes.first?.revision, 0)
        for size in sizes.prefix(max(keep, 1)) {
            total += size.bytes
            guard total <= bytes || size.revision == last else { break }
            last = size.revision
        }
        return last
    }

    // MARK: Guardrails

    func guardrails() throws(DirectoryError) -> GuardrailsRevision? {
        try first("SELECT * FROM guardrails ORDER BY revision DESC LIMIT 1", [], GuardrailsRevision.init(row:))
    }

    func guardrails(revision: UInt64) throws(DirectoryError) -> GuardrailsRevision? {
        try first("SELECT * FROM guardrails WHERE revision = ?", [revision.stored], GuardrailsRevision.init(row:))
    }

    func guardrailsRevisions() throws(DirectoryError) -> [RevisionNote] {
        try all(
            "SELECT revision, changed_at, summary FROM guardrails ORDER BY revision DESC", [], RevisionNote.init(row:))
    }

    func add(_ guardrails: GuardrailsRevision, keep: Int, bytes: Int) throws(DirectoryError) {
        try run(
            """
            INSERT INTO guardrails (revision, changed_at, signature, body, text, summary) VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                guardrails.revision.stored, guardrails.changedAt.seconds, guardrails.signature.blob,
                guardrails.body.blob, guardrails.text.blob, guardrails.summary,
            ])
        let sizes = try all(
            "SELECT revision, length(body) + length(text) AS bytes FROM guardrails ORDER BY revision DESC"
        ) { (try $0.unsigned("revision"), $0["bytes"] as Int) }
        guard let last = Self.lastKept(sizes, keep: keep, bytes: bytes) else { return }
        try run("DELETE FROM guardrails WHERE revision < ?", [last.stored])
    }
}

// MARK: Rows

extension PolicyRevision {
    fileprivate init(row: Row) throws {
        self.init(
            tenant: try row.name("tenant"), revision: try row.unsigned("revision"), body: row.octets("body"),
            signature: row.octets("signature"), text: (row["text"] as Data?).map { [UInt8]($0) },
            summary: row["summary"], changedAt: row.time("changed_at"))
    }
}

extension GuardrailsRevision {
    fileprivate init(row: Row) throws {
        self.init(
            revision: try row.unsigned("revision"), body: row.octets("body"), signature: row.octets("signature"),
            text: row.octets("text"), summary: row["summary"], changedAt: row.time("changed_at"))
    }
}

extension RevisionNote {
    fileprivate init(row: Row) throws {
        self.init(revision: try row.unsigned("revision"), changedAt: row.time("changed_at"), summary: row["summary"])
    }
}
