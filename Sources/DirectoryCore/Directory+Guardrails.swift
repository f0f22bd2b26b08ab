import NetTypes
import PolicyLanguage
import PolicyYAML
import Trust

/// The certificate of the key that signs the guardrails, and when it is to be renewed.
struct GuardrailsCertificate: Sendable {
    let certificate: [UInt8]
    let renewAt: Timestamp
}

extension Directory {
    /// The guardrails that are in force, signed; nil: there are none.
    public func guardrails() async throws(DirectoryError) -> GuardrailsState? {
        let found = try await store.read { (tx) throws(DirectoryError) in try tx.guardrails() }
        return try found.map { (found) throws(DirectoryError) in try state(of: found) }
    }

    /// One revision of the guardrails, if it is still kept.
    public func guardrails(revision: UInt64) async throws(DirectoryError) -> GuardrailsState {
        try state(of: try await former(revision))
    }

    /// The revisions of the guardrails that are kept, newest first.
    public func guardrailsRevisions() async throws(DirectoryError) -> [RevisionNote] {
        try await store.read { (tx) throws(DirectoryError) in try tx.guardrailsRevisions() }
    }

    /// Puts guardrails in force in the place of the former ones, for all tenants. They are looked over by themselves,
    /// with their own tests: what a tenant's document says is no matter, for guardrails stand before it.
    ///
    /// - Parameters: as of ``applyDocument(_:of:expectedRevision:dryRun:)``; before the first guardrails the revision is 0.
    public func applyGuardrails(
        _ text: [UInt8], expectedRevision: UInt64? = nil, dryRun: Bool = false
    ) async throws(DirectoryError) -> AppliedDocument {
        let source = try await Self.read(text)
        let summary =
            "apply guardrails of \(count(source.document.rules, "rule")) and \(count(source.document.tests, "test"))"
        return try await replaceGuardrails(
            source, text, summary, expected: expectedRevision, dryRun: dryRun)
    }

    /// Puts former guardrails in force again, as a new revision. Refused when their tests fail now.
    public func rollbackGuardrails(
        to revision: UInt64, expectedRevision: UInt64? = nil
    ) async throws(DirectoryError) -> AppliedDocument {
        let former = try await former(revision)
        return try await replaceGuardrails(
            try former.source(), former.text, "roll back to revision \(revision)", expected: expectedRevision,
            dryRun: false)
    }

    /// Looks guardrails over as ``applyGuardrails(_:expectedRevision:dryRun:)`` would, and tells all that is found.
    public func checkGuardrails(_ text: [UInt8]) async throws(DirectoryError) -> DocumentReview {
        try await LongWork.run { () throws(DirectoryError) in
            do throws(DocumentRefusal) { return self.review(try PolicyYAML.read(text)) } catch {
                return DocumentReview(findings: error.findings, passedTests: 0, rules: 0)
            }
        }
    }

    private func review(_ source: SourcedDocument) -> DocumentReview {
        guard source.document.scope == .platform else {
            let path = DocumentPath(.document)
            let finding = Finding(
                .contradiction, at: source.places.place(of: path), text: source.places.text(of: path),
                "this is the document of a tenant", remedy: "write 'platform: true' for guardrails")
            return DocumentReview(findings: [finding], passedTests: 0, rules: source.document.rules.count)
        }
        let check = PolicyCheck(source, at: now(), zones: timeZones([source.document]))
        return DocumentReview(
            findings: check.findings, passedTests: check.passedTests, rules: source.document.rules.count)
    }

    private func replaceGuardrails(
        _ source: SourcedDocument, _ text: [UInt8], _ summary: String, expected: UInt64?, dryRun: Bool
    ) async throws(DirectoryError) -> AppliedDocument {
        let review = try await LongWork.run { () throws(DirectoryError) in self.review(source) }
        guard review.isAccepted else { throw .refused(review.findings) }
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            let current = try tx.guardrails()
            let revision = current?.revision ?? 0
            if let expected, expected != revision {
                throw DirectoryError.otherRevision(revision, expected)
            }
            if dryRun || current?.text == text {
                return AppliedDocument(revision: revision, isNew: false, review: review)
            }
            guard let guardrails = Guardrails(revision: revision + 1, document: source.document) else {
                throw DirectoryError(.invalid, "This is the document of a tenant.")
            }
            let body = guardrails.canonicalBytes
            let signature: [UInt8]
            do { signature = try self.platform.guardrailsKey.sign(body) } catch {
                throw DirectoryError(.storage, "The guardrails could not be signed: \(error).")
            }
            try tx.add(
                GuardrailsRevision(
                    revision: revision + 1, body: body, signature: signature, text: text, summary: Self.cut(summary),
                    changedAt: at),
                keep: self.configuration.policyHistory, bytes: self.configuration.policyHistoryBytes)
            tx.announce(.guardrailsChanged)
            return AppliedDocument(revision: revision + 1, isNew: true, review: review)
        }
    }

    private func former(_ revision: UInt64) async throws(DirectoryError) -> GuardrailsRevision {
        try await store.read { (tx) throws(DirectoryError) in
            guard let found = try tx.guardrails(revision: revision) else {
                throw DirectoryError(
                    .notFound, "There is no revision \(revision) of the guardrails, or no longer.",
                    remedy: "List the revisions that are kept.")
            }
            return found
        }
    }

    // MARK: The certificate

    private func state(of revision: GuardrailsRevision) throws(DirectoryError) -> GuardrailsState {
        GuardrailsState(
            guardrails: try revision.guardrails(),
            signed: SignedPolicy(
                body: revision.body, signature: revision.signature, certificate: try certificate(at: now())),
            text: revision.text, changedAt: revision.changedAt, summary: revision.summary)
    }

    /// The certificate that is good now. It is not stored: whoever has the platform's root has it issued anew.
    func certificate(at now: Timestamp) throws(DirectoryError) -> [UInt8] {
        if let known = guardrailsCertificate.withLock({ $0 }), now < known.renewAt { return known.certificate }
        let issued = try platform.issueGuardrails(at: now)
        let renewAt = Self.renewal(of: issued, issuedAt: now)
        guardrailsCertificate.withLock {
            $0 = GuardrailsCertificate(certificate: issued.certificate, renewAt: renewAt)
        }
        return issued.certificate
    }

    /// Whether leaves have a certificate that is to be renewed now; then they are to be told the new one.
    func isGuardrailsCertificateDue(at now: Timestamp) -> Bool {
        guardrailsCertificate.withLock { $0.map { $0.renewAt <= now } ?? false }
    }
}
