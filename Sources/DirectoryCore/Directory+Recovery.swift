public import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML

// Leaves refuse what is older than what they have seen: records with a lower epoch, revisions with a lower number. A
// directory that was restored from a copy has given out higher ones before, and does not know which.

/// What a restored directory was brought ahead of.
public struct Recovery: Hashable, Sendable {
    /// Endpoints whose next record has a new epoch.
    public var endpoints = 0
    /// Policies that were signed anew.
    public var policies = 0
    /// Tenants whose policies the controller may not sign.
    public var locked: [Name] = []
}

extension Directory {
    /// Brings a directory that was restored from a copy ahead of everything that it can have given out since the copy was
    /// made: epochs and revisions go on where the clock is. Doing it twice does no harm.
    ///
    /// Epochs are set to microseconds since 1970 and revisions to milliseconds, which both outrun what people, programs and
    /// leaves change, however soon the same copy is restored again, and stay below 2^53. A policy that its tenant has locked
    /// stays as it is.
    public func recover() async throws(DirectoryError) -> Recovery {
        let at = now()
        let revision = Self.revision(at: at)
        var done = Recovery()
        done.endpoints = try await write { (tx) throws(DirectoryError) in
            try tx.raiseEpochs(to: revision * 1_000)
        }
        for name in try await tenants().map(\.name) {
            let isSigned = try await write { (tx) throws(DirectoryError) -> Bool? in
                guard let tenant = try tx.tenant(name), let current = try tx.policy(of: name) else { return nil }
                guard tenant.lock == nil else { return false }
                var policy = try current.policy()
                policy.entries.revision = max(current.revision + 1, revision)
                let signed = try Self.revision(
                    policy, text: current.text, summary: Self.recoverySummary,
                    key: self.platform.key(tenant.policyKey), at: at)
                // As it was: neither a suspension nor a quota is a reason to leave leaves with another one.
                try tx.add(
                    signed, keep: self.configuration.policyHistory, bytes: self.configuration.policyHistoryBytes)
                tx.announce(.policyChanged(tenant: name))
                return true
            }
            switch isSigned {
            case true?: done.policies += 1
            case false?: done.locked.append(name)
            case nil: break
            }
        }
        try await write { (tx) throws(DirectoryError) in
            try self.recoverGuardrails(revision, at: at, tx)
            try self.stateSuspensions(at: at, tx)
        }
        return done
    }

    /// The lowest revision that is certainly above all that were given out before, milliseconds since 1970: nothing is changed
    /// a thousand times a second for as long as a directory is in use. The clock has seconds, and may be very wrong.
    static func revision(at time: Timestamp) -> UInt64 {
        UInt64(clamping: min(time.seconds, Int64(UInt32.max))) * 1_000
    }

    private static let recoverySummary = "as before the restore of the directory"

    /// Signs the guardrails anew. Where there are none, leaves may have some from after the copy: then it is said that there
    /// are no rules.
    private func recoverGuardrails(
        _ revision: UInt64, at: Timestamp, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) {
        let current = try tx.guardrails()
        let text = current?.text ?? Array("version: 1\nplatform: true\n".utf8)
        let document: Document?
        if let current {
            document = try current.guardrails().document
        } else {
            document = try? PolicyYAML.read(text).document
        }
        guard let document,
            let new = Guardrails(revision: max((current?.revision ?? 0) + 1, revision), document: document)
        else { throw DirectoryError(.storage, "The guardrails could not be made anew.") }
        let body = new.canonicalBytes
        let signature: [UInt8]
        do { signature = try platform.guardrailsKey.sign(body) } catch {
            throw DirectoryError(.storage, "The guardrails could not be signed: \(error).")
        }
        try tx.add(
            GuardrailsRevision(
                revision: new.revision, body: body, signature: signature, text: text, summary: Self.recoverySummary,
                changedAt: at), keep: configuration.policyHistory, bytes: configuration.policyHistoryBytes)
        tx.announce(.guardrailsChanged)
    }
}
