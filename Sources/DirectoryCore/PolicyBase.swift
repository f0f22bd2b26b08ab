import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML

/// What a document is looked over against: everything that was in force at one moment.
struct PolicyBase: Sendable {
    let tenant: Tenant
    let current: PolicyRevision
    let policy: TenantPolicy
    /// The revision of the guardrails; nil: there are none.
    let guardrailsRevision: UInt64?
    let guardrails: SourcedDocument?
    let parties: [Party]
    let groups: Set<Name>

    init(of name: Name, _ tx: any DirectoryReader) throws(DirectoryError) {
        tenant = try tx.requireTenant(name)
        current = try tx.requirePolicy(of: name)
        policy = try current.policy()
        let guardrails = try tx.guardrails()
        guardrailsRevision = guardrails?.revision
        self.guardrails = try guardrails?.source()
        parties = try tx.parties(of: name)
        let groups = try tx.groups(of: name)
        self.groups = Set(groups.map(\.name.name))
    }

    /// Whether a transaction finds what this was made of.
    func holds(in tx: any DirectoryReader) throws(DirectoryError) -> Bool {
        let (policy, guardrails) = try (tx.policy(of: tenant.name), tx.guardrails())
        return policy?.body == current.body && guardrails?.revision == guardrailsRevision
    }

    /// The present policy with another document.
    ///
    /// - Throws: a refusal of a document that is not the tenant's.
    func replacing(_ source: SourcedDocument) throws(DocumentRefusal) -> TenantPolicy {
        guard source.document.scope == .tenant(tenant.name) else {
            let path = DocumentPath(.document)
            throw DocumentRefusal([
                Finding(
                    .contradiction, at: source.places.place(of: path), text: source.places.text(of: path),
                    "this document is not of the tenant '\(tenant.name)'", remedy: "write 'tenant: \(tenant.name)'")
            ])
        }
        return try TenantPolicy(entries: policy.entries, document: source.document)
    }

    /// Looks a policy over as it would be in force, entries and all.
    func review(
        _ policy: TenantPolicy, _ places: DocumentPlaces, at: Timestamp, zones: some TimeZones
    ) -> DocumentReview {
        let merged = SourcedDocument(policy.merged, places: places)
        let check = PolicyCheck(merged, guardrails: guardrails, endpoints: parties, at: at, zones: zones)
        // What is found about entries has no place, and is no reason to refuse the document.
        let written = policy.document?.rules.count ?? 0
        var findings = check.findings.filter { $0.severity == .error || $0.place != .unknown }
        let named = Set((policy.document?.groups ?? []).map(\.name)).union(groups)
        for entry in policy.entries.entries {
            for case .group(let group) in [entry.from, entry.to] where !named.contains(group) {
                findings.append(
                    Finding(
                        .unknownName, .warning, at: .unknown, text: "\(entry)",
                        "entry \(entry.id) names the group '\(group)', which is now nowhere",
                        remedy: "keep the group in the document, or remove the entry"))
            }
        }
        return DocumentReview(
            findings: Array(findings.prefix(PolicyLimits.findings)), passedTests: check.passedTests, rules: written)
    }

    func documents(_ policies: TenantPolicy...) -> [Document] {
        policies.compactMap(\.document) + (guardrails.map { [$0.document] } ?? [])
    }
}

extension PolicyRevision {
    /// Where the values of the document stand in its text.
    var places: DocumentPlaces { text.flatMap { try? PolicyYAML.read($0) }?.places ?? DocumentPlaces() }

    /// Entries and document as one, with the places of the document.
    func source() throws(DirectoryError) -> SourcedDocument {
        SourcedDocument(try policy().merged, places: places)
    }
}

extension GuardrailsRevision {
    /// Reads the guardrails.
    func guardrails() throws(DirectoryError) -> Guardrails {
        do { return try Guardrails(canonicalBytes: body) } catch {
            throw DirectoryError(
                .storage, "Revision \(revision) of the guardrails is damaged: \(error).",
                remedy: "Restore the directory's file from a copy.")
        }
    }

    /// The document, with its places.
    func source() throws(DirectoryError) -> SourcedDocument {
        SourcedDocument(
            try guardrails().document, places: (try? PolicyYAML.read(text))?.places ?? DocumentPlaces())
    }
}

extension DirectoryError {
    /// A document that was refused for what was found in it.
    static func refused(_ findings: [Finding]) -> DirectoryError {
        let errors = findings.filter { $0.severity == .error }
        let first = errors.first.map { " The first: \($0)." } ?? ""
        return DirectoryError(
            .refusedDocument, "The document has \(errors.count == 1 ? "an error" : "\(errors.count) errors").\(first)",
            remedy: "Correct it and try again; what was in force still is.", findings: findings)
    }
}
