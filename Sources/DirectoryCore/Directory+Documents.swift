public import NetTypes
import Policy
public import PolicyLanguage
import PolicyYAML

// Documents are read here and not at the edge, so that the text that is stored and the rules that are signed can only be
// of one and the same document. They are looked over outside of the transaction that stores them, for that may take
// a second, and stored only if nothing else has changed meanwhile.

extension Directory {
    /// Puts a document in force in the place of the former one; entries stay as they are.
    ///
    /// A document with errors, or whose tests fail, is refused with ``DirectoryError/findings``; the former one stays.
    ///
    /// - Parameters:
    ///   - text: YAML or the canonical form, kept as it is.
    ///   - expectedRevision: the revision that is to be replaced; another one in force is a conflict.
    ///   - dryRun: only tells what would be.
    public func applyDocument(
        _ text: [UInt8], of tenant: Name, expectedRevision: UInt64? = nil, dryRun: Bool = false
    ) async throws(DirectoryError) -> AppliedDocument {
        // Who asks about a tenant that is not there is told that, whatever the text.
        _ = try await self.tenant(tenant)
        let source = try await Self.read(text)
        let summary =
            "apply a document of \(count(source.document.rules, "rule")), \(count(source.document.groups, "group")) and "
            + count(source.document.tests, "test")
        return try await replace(
            tenant, expected: expectedRevision, dryRun: dryRun, summary: summary
        ) { (base) throws(DirectoryError) in
            let policy = try Self.findings { () throws(DocumentRefusal) in try base.replacing(source) }
            return Replacement(policy: policy, text: text, places: source.places)
        }
    }

    /// Puts the entries and the document of a former revision in force again, as a new revision. Refused when its tests
    /// fail now.
    public func rollback(
        _ tenant: Name, to revision: UInt64, expectedRevision: UInt64? = nil
    ) async throws(DirectoryError) -> AppliedDocument {
        let former = try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.requirePolicy(of: tenant, revision: revision)
        }
        return try await replace(
            tenant, expected: expectedRevision, dryRun: false, summary: "roll back to revision \(revision)"
        ) { (base) throws(DirectoryError) in
            var policy = try former.policy()
            policy.entries.revision = base.policy.revision
            return Replacement(policy: policy, text: former.text, places: former.places)
        }
    }

    /// Reads a document.
    static func read(_ text: [UInt8]) async throws(DirectoryError) -> SourcedDocument {
        try await LongWork.run { () throws(DirectoryError) in
            try findings { () throws(DocumentRefusal) in try PolicyYAML.read(text) }
        }
    }

    /// Runs a body, and turns a refusal of the language into one of the directory.
    private static func findings<T>(_ body: () throws(DocumentRefusal) -> T) throws(DirectoryError) -> T {
        do { return try body() } catch { throw .refused(error.findings) }
    }

    /// What a revision is to be made of.
    struct Replacement {
        var policy: TenantPolicy
        var text: [UInt8]?
        var places: DocumentPlaces
    }

    private func replace(
        _ tenant: Name, expected: UInt64?, dryRun: Bool, summary: String,
        _ make: @escaping @Sendable (PolicyBase) throws(DirectoryError) -> Replacement
    ) async throws(DirectoryError) -> AppliedDocument {
        // Others who change the policy at the same time make this look again; they cannot do so for ever.
        for _ in 0..<8 {
            let at = now()
            let base = try await self.base(of: tenant)
            if let expected, expected != base.current.revision {
                throw .otherRevision(base.current.revision, expected)
            }
            if !dryRun { try base.tenant.requireUnlocked() }
            let (new, looked) = try await LongWork.run { () throws(DirectoryError) in
                let new = try make(base)
                let review = base.review(
                    new.policy, new.places, at: at, zones: self.timeZones(base.documents(new.policy)))
                guard review.isAccepted else { throw .refused(review.findings) }
                var done = AppliedDocument(revision: base.current.revision, isNew: false, review: review)
                if dryRun { done.diff = self.diff(from: base.policy, to: new.policy, base, at) }
                return (new, done)
            }
            var done = looked
            if dryRun { return done }
            if new.policy == base.policy, new.text == base.current.text { return done }
            let stored = try await write { (tx) throws(DirectoryError) -> UInt64? in
                guard try base.holds(in: tx) else { return nil }
                return try self.publish(
                    new.policy, text: new.text, summary, after: base.current, of: tx.requireTenant(tenant), at: at, tx
                ).revision
            }
            if let stored {
                done.revision = stored
                done.isNew = true
                return done
            }
        }
        throw DirectoryError(
            .conflict, "The policy of '\(tenant)' is being changed by others all the time.", remedy: "Try again.")
    }

    /// Looks a document over as ``applyDocument(_:of:expectedRevision:dryRun:)`` would, and tells all that is found.
    public func checkDocument(_ text: [UInt8], of tenant: Name) async throws(DirectoryError) -> DocumentReview {
        let base = try await self.base(of: tenant)
        let at = now()
        return try await LongWork.run { () throws(DirectoryError) in
            let source: SourcedDocument
            let policy: TenantPolicy
            do throws(DocumentRefusal) {
                source = try PolicyYAML.read(text)
                policy = try base.replacing(source)
            } catch {
                return DocumentReview(findings: error.findings, passedTests: 0, rules: 0)
            }
            return base.review(policy, source.places, at: at, zones: self.timeZones(base.documents(policy)))
        }
    }

    /// Which pairs of endpoints would change by a document.
    public func diffDocument(_ text: [UInt8], of tenant: Name) async throws(DirectoryError) -> PolicyDiff {
        let base = try await self.base(of: tenant)
        let at = now()
        return try await LongWork.run { () throws(DirectoryError) in
            let policy = try Self.findings { () throws(DocumentRefusal) in try base.replacing(PolicyYAML.read(text)) }
            return self.diff(from: base.policy, to: policy, base, at)
        }
    }

    /// Which pairs of the endpoints that there are now fare otherwise by one revision than by another, both under the
    /// guardrails that are in force now.
    ///
    /// - Parameter to: nil: the revision that is in force.
    public func diffRevisions(
        of tenant: Name, from: UInt64, to: UInt64? = nil
    ) async throws(DirectoryError) -> PolicyDiff {
        let (base, old, new) = try await store.read { (tx) throws(DirectoryError) in
            let base = try PolicyBase(of: tenant, tx)
            let old = try tx.requirePolicy(of: tenant, revision: from).policy()
            guard let to else { return (base, old, base.policy) }
            return (base, old, try tx.requirePolicy(of: tenant, revision: to).policy())
        }
        let at = now()
        return try await LongWork.run { () throws(DirectoryError) in self.diff(from: old, to: new, base, at) }
    }

    private func diff(
        from old: TenantPolicy, to new: TenantPolicy, _ base: PolicyBase, _ at: Timestamp
    ) -> PolicyDiff {
        PolicyDiff(
            from: old.merged, to: new.merged, guardrails: base.guardrails?.document, endpoints: base.parties, at: at,
            zones: timeZones(base.documents(old, new)))
    }

    /// The text of the document of a revision, byte for byte as it was written; where its text did not come with it, its
    /// canonical form. Nil: the revision has no document.
    public func documentText(
        of tenant: Name, revision: UInt64? = nil
    ) async throws(DirectoryError) -> (revision: UInt64, text: [UInt8]?) {
        let found = try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard let revision else { return try tx.requirePolicy(of: tenant) }
            return try tx.requirePolicy(of: tenant, revision: revision)
        }
        if let text = found.text { return (found.revision, text) }
        return (found.revision, try found.policy().document?.canonicalBytes)
    }

    func base(of tenant: Name) async throws(DirectoryError) -> PolicyBase {
        try await store.read { (tx) throws(DirectoryError) in try PolicyBase(of: tenant, tx) }
    }
}

/// How many there are, in words.
func count(_ things: [some Any], _ what: String) -> String { "\(things.count) \(what)\(things.count == 1 ? "" : "s")" }

extension DirectoryError {
    static func otherRevision(_ current: UInt64, _ expected: UInt64) -> DirectoryError {
        DirectoryError(
            .conflict, "The policy is at revision \(current), not \(expected): somebody else has changed it.",
            pointer: "/expected_revision", remedy: "Look at the present revision, and apply your change to that.")
    }
}
