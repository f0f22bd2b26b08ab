import APITypes
import DirectoryCore
import Foundation
import NetTypes
import PolicyLanguage
import Trust

extension Operations {
    private static let revision = Operation.QueryParameter(
        name: "revision", isRequired: false, summary: "a former revision; the present one when left out")
    private static let applying = [
        Operation.QueryParameter(
            name: "expected_revision", isRequired: false, summary: "the revision that is to be replaced"),
        Operation.QueryParameter(
            name: "dry_run", isRequired: false, summary: "true to be told what would be, without any change"),
    ]

    /// Documents of tenants. They come and go as they are written, not inside of JSON.
    var documents: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/document", id: "showDocument",
                summary: "Show the policy document of a tenant, byte for byte", query: [Self.revision],
                answer: DocumentBody.self
            ) { call in
                let tenant = try call.name("tenant")
                let found = try await directory.documentText(of: tenant, revision: call.queryNumber("revision"))
                guard let text = found.text else {
                    throw Problem(
                        code: "not-found", title: "Not found", status: 404,
                        detail: "Revision \(found.revision) of the policy of '\(tenant)' has no document.",
                        remedy: "Apply one, or look at the entries.")
                }
                return DocumentBody(bytes: text)
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/canonical", id: "showCanonicalPolicy",
                summary: "Show what is signed of a tenant's policy, byte for byte", query: [Self.revision],
                answer: DocumentBody.self
            ) { call in
                let tenant = try call.name("tenant")
                guard let revision = try call.queryNumber("revision") else {
                    return DocumentBody(bytes: try await directory.policy(of: tenant).signed.body)
                }
                return DocumentBody(bytes: try await directory.policy(of: tenant, revision: revision).signed.body)
            },
            Operation(
                method: .put, path: "/v1/tenants/{tenant}/policy/document", id: "applyDocument",
                summary: "Put a policy document in force", query: Self.applying, takesDocument: true,
                bodyLimit: ControllerLimits.documentBytes, answer: AppliedPolicy.self
            ) { call in
                AppliedPolicy(
                    try await directory.applyDocument(
                        call.body, of: call.name("tenant"), expectedRevision: call.queryNumber("expected_revision"),
                        dryRun: call.queryFlag("dry_run")))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/check", id: "checkDocument",
                summary: "Look a policy document over, with its tests", takesDocument: true,
                bodyLimit: ControllerLimits.documentBytes, answer: PolicyReview.self
            ) { call in PolicyReview(try await directory.checkDocument(call.body, of: call.name("tenant"))) },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/diff", id: "diffDocument",
                summary: "Tell which pairs of endpoints, and which flows of the last hours, a document would change",
                query: [
                    .init(
                        name: "hours", isRequired: false,
                        summary: "how far to look back for flows, 0 to 24; not at all when left out")
                ], takesDocument: true,
                bodyLimit: ControllerLimits.documentBytes, answer: PolicyChanges.self
            ) { call in
                let tenant = try call.name("tenant")
                var changes = PolicyChanges(try await directory.diffDocument(call.body, of: tenant))
                if let hours = try call.queryNumber("hours"), hours > 0 {
                    try await addFlows(to: &changes, by: call.body, of: tenant, hours: min(hours, 24))
                }
                return changes
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/diff", id: "diffRevisions",
                summary: "Tell which pairs of endpoints fare otherwise by two revisions",
                query: [
                    .init(name: "from", isRequired: true, summary: "the number of the one revision", form: .number),
                    .init(
                        name: "to", isRequired: false, summary: "that of the other; the present one when left out",
                        form: .number),
                ], answer: PolicyChanges.self
            ) { call in
                try await PolicyChanges(
                    directory.diffRevisions(
                        of: call.name("tenant"), from: call.queryNumber("from") ?? 0, to: call.queryNumber("to")))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/policy/revisions", id: "listRevisions",
                summary: "List the revisions of a tenant's policy that are kept, the newest first",
                query: Paging.parameters, answer: ItemList<RevisionSummary>.self
            ) { call in
                try Paging(call).list(
                    of: await directory.policyRevisions(of: call.name("tenant")).map(RevisionSummary.init)
                ) { Paging.fallingKey($0.revision) }
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/rollback", id: "rollbackPolicy",
                summary: "Put a former revision in force again, as a new one", body: Rollback.self,
                answer: AppliedPolicy.self
            ) { call in
                let wanted = try call.read(Rollback.self)
                return AppliedPolicy(
                    try await directory.rollback(
                        call.name("tenant"), to: wanted.revision, expectedRevision: wanted.expectedRevision))
            },
        ] + locks
    }

    /// Policies that are signed outside.
    private var locks: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/lock", id: "lockPolicy",
                summary: "Give the signing of a policy to a key of the tenant's own", body: SignedDocument.self,
                bodyLimit: ControllerLimits.signedBytes, answer: RevisionSummary.self
            ) { call in
                let signed = try call.read(SignedDocument.self)
                let state = try await directory.lockPolicy(
                    of: call.name("tenant"), key: Self.octets(signed.key ?? "", at: "/key"),
                    body: Self.octets(signed.body, at: "/body"),
                    signature: Self.octets(signed.signature, at: "/signature"))
                return RevisionSummary(state)
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/signed", id: "applySigned",
                summary: "Put a policy in force that the tenant's key has signed", body: SignedDocument.self,
                bodyLimit: ControllerLimits.signedBytes, answer: AppliedPolicy.self
            ) { call in
                let signed = try call.read(SignedDocument.self)
                var lock: SignedLock?
                if let body = signed.lockBody {
                    lock = SignedLock(
                        body: try Self.octets(body, at: "/lock_body"),
                        signature: try Self.octets(signed.lockSignature ?? "", at: "/lock_signature"),
                        key: try Self.octets(signed.key ?? "", at: "/key"))
                }
                return AppliedPolicy(
                    try await directory.applySigned(
                        Self.octets(signed.body, at: "/body"),
                        signature: Self.octets(signed.signature, at: "/signature"),
                        text: signed.text.map { Array($0.utf8) }, lock: lock, of: call.name("tenant")))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/policy/unlock", id: "unlockPolicy",
                summary: "Give the signing of a policy back to the controller", body: UnlockPolicy.self,
                answer: RevisionSummary.self
            ) { call in
                let statement = try call.read(UnlockPolicy.self)
                let lock = SignedLock(
                    body: try Self.octets(statement.lockBody, at: "/lock_body"),
                    signature: try Self.octets(statement.lockSignature, at: "/lock_signature"), key: [])
                return RevisionSummary(try await directory.unlockPolicy(of: call.name("tenant"), lock))
            },
        ]
    }

    /// The platform's guardrails.
    var guardrails: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/guardrails", id: "showGuardrails",
                summary: "Say which guardrails are in force",
                answer: GuardrailsSummary.self
            ) { _ in
                let state = try await directory.guardrails()
                return GuardrailsSummary(
                    revision: state?.revision ?? 0, changedAt: state?.changedAt.description,
                    rules: state?.guardrails.document.rules.count ?? 0)
            },
            Operation(
                method: .get, path: "/v1/guardrails/document", id: "showGuardrailsDocument",
                summary: "Show the guardrails, byte for byte", query: [Self.revision], answer: DocumentBody.self
            ) { call in DocumentBody(bytes: try await guardrails(call).text) },
            Operation(
                method: .get, path: "/v1/guardrails/canonical", id: "showCanonicalGuardrails",
                summary: "Show what is signed of the guardrails, byte for byte", query: [Self.revision],
                answer: DocumentBody.self
            ) { call in DocumentBody(bytes: try await guardrails(call).signed.body) },
            Operation(
                method: .put, path: "/v1/guardrails/document", id: "applyGuardrails",
                summary: "Put guardrails in force for all tenants", query: Self.applying, takesDocument: true,
                bodyLimit: ControllerLimits.documentBytes, answer: AppliedPolicy.self
            ) { call in
                AppliedPolicy(
                    try await directory.applyGuardrails(
                        call.body, expectedRevision: call.queryNumber("expected_revision"),
                        dryRun: call.queryFlag("dry_run")))
            },
            Operation(
                method: .post, path: "/v1/guardrails/check", id: "checkGuardrails",
                summary: "Look guardrails over, with their tests", takesDocument: true,
                bodyLimit: ControllerLimits.documentBytes, answer: PolicyReview.self
            ) { call in PolicyReview(try await directory.checkGuardrails(call.body)) },
            Operation(
                method: .get, path: "/v1/guardrails/revisions", id: "listGuardrailsRevisions",
                summary: "List the revisions of the guardrails that are kept, the newest first",
                query: Paging.parameters, answer: ItemList<RevisionSummary>.self
            ) { call in
                try Paging(call).list(of: await directory.guardrailsRevisions().map(RevisionSummary.init)) {
                    Paging.fallingKey($0.revision)
                }
            },
            Operation(
                method: .post, path: "/v1/guardrails/rollback", id: "rollbackGuardrails",
                summary: "Put former guardrails in force again, as a new revision", body: Rollback.self,
                answer: AppliedPolicy.self
            ) { call in
                let wanted = try call.read(Rollback.self)
                return AppliedPolicy(
                    try await directory.rollbackGuardrails(
                        to: wanted.revision, expectedRevision: wanted.expectedRevision))
            },
        ]
    }

    private func guardrails(_ call: Call) async throws -> GuardrailsState {
        if let revision = try call.queryNumber("revision") { return try await directory.guardrails(revision: revision) }
        guard let state = try await directory.guardrails() else {
            throw Problem(
                code: "not-found", title: "Not found", status: 404, detail: "The platform has no guardrails.",
                remedy: "Apply some with: patchbay guardrails apply")
        }
        return state
    }

    private static func octets(_ text: String, at pointer: String) throws(Problem) -> [UInt8] {
        guard let data = Data(base64Encoded: text) else {
            throw .invalid("this is not base64", pointer: pointer, remedy: "Encode the octets as RFC 4648 has it.")
        }
        return Array(data)
    }
}

extension PolicyFinding {
    init(_ finding: Finding) {
        self.init(
            severity: finding.severity.rawValue, code: finding.code.rawValue, line: finding.place.line,
            column: finding.place.column, text: finding.text, problem: finding.problem, remedy: finding.remedy)
    }
}

extension PolicyReview {
    init(_ review: DocumentReview) {
        self.init(
            accepted: review.isAccepted, findings: review.findings.map(PolicyFinding.init),
            passedTests: review.passedTests, rules: review.rules)
    }
}

extension AppliedPolicy {
    init(_ applied: AppliedDocument) {
        self.init(
            revision: applied.revision, changed: applied.isNew,
            findings: applied.review.findings.map(PolicyFinding.init), passedTests: applied.review.passedTests,
            rules: applied.review.rules, changes: applied.diff.map(PolicyChanges.init))
    }
}

extension PolicyChanges {
    init(_ diff: PolicyDiff) {
        func names(_ parties: [Party]) -> [String] {
            parties.prefix(ControllerLimits.listedNames).map(\.description)
        }
        self.init(
            changes: diff.changes.prefix(ControllerLimits.listedChanges).map { change in
                Change(
                    sources: names(change.sources), sourceCount: change.sources.count,
                    destinations: names(change.destinations), destinationCount: change.destinations.count,
                    ports: change.ports.map {
                        Ports(ports: $0.ports, before: $0.before.effect, after: $0.after.effect)
                    })
            }, count: diff.changes.count, complete: diff.isComplete)
    }
}

extension RevisionSummary {
    init(_ note: RevisionNote) {
        self.init(revision: note.revision, changedAt: note.changedAt.description, summary: note.summary)
    }

    init(_ state: PolicyState) {
        self.init(revision: state.revision, changedAt: state.changedAt.description, summary: state.summary)
    }
}
