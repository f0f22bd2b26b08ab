public import APITypes

/// Whose policy documents are meant.
public enum DocumentOwner: Sendable, Hashable {
    /// Those of a tenant.
    case tenant(String)
    /// The guardrails of the platform.
    case platform

    fileprivate func path(_ last: String, query: KeyValuePairs<String, String?> = [:]) -> Path {
        switch self {
        case .tenant(let name): Path("v1", "tenants", name, "policy", last, query: query)
        case .platform: Path("v1", "guardrails", last, query: query)
        }
    }
}

// Policy documents, guardrails, and policies that are signed outside.

extension APIClient {
    /// The document of a revision, of the present one when left out, byte for byte as it was written.
    public func document(
        of owner: DocumentOwner, revision: UInt64? = nil
    ) async throws(APIClientError) -> [UInt8] {
        try await document(owner.path("document", query: ["revision": revision.map { String($0) }]))
    }

    /// What is signed of a revision, byte for byte.
    public func canonical(
        of owner: DocumentOwner, revision: UInt64? = nil
    ) async throws(APIClientError) -> [UInt8] {
        try await document(owner.path("canonical", query: ["revision": revision.map { String($0) }]))
    }

    /// Puts a document in force.
    public func apply(
        _ document: [UInt8], of owner: DocumentOwner, expectedRevision: UInt64? = nil, dryRun: Bool = false
    ) async throws(APIClientError) -> AppliedPolicy {
        let query: KeyValuePairs = [
            "expected_revision": expectedRevision.map { String($0) }, "dry_run": dryRun ? "true" : nil,
        ]
        return try await send(document: document, "PUT", owner.path("document", query: query))
    }

    /// Has a document looked over, with its tests.
    public func check(_ document: [UInt8], of owner: DocumentOwner) async throws(APIClientError) -> PolicyReview {
        try await send(document: document, "POST", owner.path("check"))
    }

    /// Which pairs of endpoints a document would change.
    ///
    /// - Parameter hours: how far to look back for flows that leaves have seen, up to 24; 0: not at all.
    public func diff(
        _ document: [UInt8], of tenant: String, hours: Int = 0
    ) async throws(APIClientError) -> PolicyChanges {
        try await send(
            document: document, "POST",
            Path(
                "v1", "tenants", tenant, "policy", "diff", query: ["hours": hours > 0 ? String(hours) : nil]))
    }

    /// Which pairs of endpoints fare otherwise by two revisions; the second is the present one when left out.
    public func diff(
        from: UInt64, to: UInt64? = nil, of tenant: String
    ) async throws(APIClientError) -> PolicyChanges {
        try await get(
            Path(
                "v1", "tenants", tenant, "policy", "diff",
                query: ["from": String(from), "to": to.map { String($0) }]))
    }

    /// The revisions that are kept, newest first.
    public func revisions(of owner: DocumentOwner) async throws(APIClientError) -> [RevisionSummary] {
        try await all(owner.path("revisions"))
    }

    /// Puts a former revision in force again.
    public func rollback(
        _ rollback: Rollback, of owner: DocumentOwner
    ) async throws(APIClientError) -> AppliedPolicy {
        try await post(owner.path("rollback"), rollback)
    }

    /// Which guardrails are in force.
    public func guardrails() async throws(APIClientError) -> GuardrailsSummary {
        try await get(Path("v1", "guardrails"))
    }

    /// Gives the signing of a policy to the key that has signed its present state.
    public func lock(_ signed: SignedDocument, of tenant: String) async throws(APIClientError) -> RevisionSummary {
        try await post(Path("v1", "tenants", tenant, "policy", "lock"), signed)
    }

    /// Puts a policy in force that was signed outside.
    public func apply(_ signed: SignedDocument, of tenant: String) async throws(APIClientError) -> AppliedPolicy {
        try await post(Path("v1", "tenants", tenant, "policy", "signed"), signed)
    }

    /// Gives the signing of a policy back to the controller.
    public func unlock(_ statement: UnlockPolicy, of tenant: String) async throws(APIClientError) -> RevisionSummary {
        try await post(Path("v1", "tenants", tenant, "policy", "unlock"), statement)
    }
}
