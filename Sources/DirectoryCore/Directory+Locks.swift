public import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML
public import Trust

extension Directory {
    /// Gives the signing of a policy to the tenant: from the revision after the present one on only this key signs, and
    /// controller and leaves take nothing that it did not sign.
    ///
    /// The key signs the present policy under the next number, which shows that somebody has it: a policy that is
    /// locked by a key that nobody has could never be changed again.
    ///
    /// - Parameters:
    ///   - key: DER SubjectPublicKeyInfo, P-256.
    ///   - body: the canonical bytes of the present policy with the revision after the present one.
    ///   - signature: the key's, over the body, DER.
    public func lockPolicy(
        of tenant: Name, key: [UInt8], body: [UInt8], signature: [UInt8]
    ) async throws(DirectoryError) -> PolicyState {
        let base = try await self.base(of: tenant)
        try base.tenant.requireUnlocked()
        let policy = try base.next(body)
        guard policy.document == base.policy.document, policy.entries.entries == base.policy.entries.entries else {
            throw DirectoryError(
                .invalid, "What is signed is another policy than the one in force.", pointer: "/body",
                remedy: "Sign the policy in force under the next revision, and change it afterwards.")
        }
        let statement = try base.statement(keyHash: JoinToken.hash(ofSecret: key))
        let signed: SignedLock
        do {
            signed = try SignedLock(signing: statement, key: key, with: platform.key(base.tenant.policyKey))
        } catch let error as DirectoryError { throw error } catch {
            throw DirectoryError(.storage, "The lock could not be signed: \(error).")
        }
        return try await take(
            policy, signature, text: base.current.text, lock: signed, "lock the policy", base)
    }

    /// Takes a policy that was signed outside, as the revision after the present one.
    ///
    /// - Parameters:
    ///   - body: the canonical bytes of the policy; its revision is one more than the present one.
    ///   - signature: the locked key's, over the body; with a lock that names another key, that key's.
    ///   - text: the text of the document, as it was written; it must say what the body says.
    ///   - lock: a statement of the locked key that names another key for this revision and the following ones.
    public func applySigned(
        _ body: [UInt8], signature: [UInt8], text: [UInt8]? = nil, lock: SignedLock? = nil, of tenant: Name
    ) async throws(DirectoryError) -> AppliedDocument {
        let base = try await self.base(of: tenant)
        guard base.tenant.lock != nil else {
            throw DirectoryError(
                .conflict, "The policy of '\(tenant)' is not locked: the controller signs it.",
                remedy: "Apply the document without a signature, or lock the policy first.")
        }
        let at = now()
        let (policy, review) = try await LongWork.run { () throws(DirectoryError) in
            let policy = try base.next(body)
            let places = try text.map { (text) throws(DirectoryError) in try Self.places(text, of: policy) }
            let zones = self.timeZones(base.documents(policy))
            return (policy, base.review(policy, places ?? DocumentPlaces(), at: at, zones: zones))
        }
        guard review.isAccepted else { throw .refused(review.findings) }
        let state = try await take(policy, signature, text: text, lock: lock, "apply what was signed outside", base)
        return AppliedDocument(revision: state.revision, isNew: true, review: review)
    }

    /// Where the values of a policy's document stand in its text, if it is its text.
    private static func places(
        _ text: [UInt8], of policy: TenantPolicy
    ) throws(DirectoryError) -> DocumentPlaces {
        let source: SourcedDocument
        do throws(DocumentRefusal) { source = try PolicyYAML.read(text) } catch { throw .refused(error.findings) }
        guard source.document == policy.document else {
            throw DirectoryError(
                .invalid, "The text and what is signed are not the same document.", pointer: "/text",
                remedy: "Sign this text, or leave it out.")
        }
        return source.places
    }

    /// Gives the signing of a policy back to the controller: the present policy is its next revision.
    ///
    /// - Parameter lock: a statement of the locked key that names none, for the revision after the present one.
    public func unlockPolicy(of tenant: Name, _ lock: SignedLock) async throws(DirectoryError) -> PolicyState {
        let base = try await self.base(of: tenant)
        guard base.tenant.lock != nil else {
            throw DirectoryError(.conflict, "The policy of '\(tenant)' is not locked.")
        }
        guard lock.key.isEmpty else {
            throw DirectoryError(
                .invalid, "This statement names another key.", pointer: "/lock",
                remedy: "Send it with a policy that this key has signed.")
        }
        var policy = base.policy
        policy.entries.revision += 1
        let signature: [UInt8]
        do { signature = try platform.key(base.tenant.policyKey).sign(policy.canonicalBytes) } catch {
            throw error as? DirectoryError ?? DirectoryError(.storage, "The policy could not be signed: \(error).")
        }
        return try await take(policy, signature, text: base.current.text, lock: lock, "unlock the policy", base)
    }

    /// Verifies a signed policy as a leaf does that has pinned what is in force, and stores it with the new lock.
    private func take(
        _ policy: TenantPolicy, _ signature: [UInt8], text: [UInt8]?, lock: SignedLock?, _ summary: String,
        _ base: PolicyBase
    ) async throws(DirectoryError) -> PolicyState {
        let at = now()
        let revision = PolicyRevision(
            tenant: policy.tenant, revision: policy.revision, body: policy.canonicalBytes, signature: signature,
            text: policy.document == nil ? nil : text, summary: summary, changedAt: at)
        var tenant = base.tenant
        if let lock {
            guard tenant.locks.count < TrustLimits.lockStatements else {
                throw DirectoryError(
                    .exhausted,
                    "The key of the policy has changed \(tenant.locks.count) times, which is as often as can be.",
                    remedy: "Keep the key that it has.")
            }
            guard (try? PolicyLock(canonicalBytes: lock.body))?.revision == policy.revision else {
                throw DirectoryError(
                    .invalid, "The statement is not about revision \(policy.revision).", pointer: "/lock",
                    remedy: "Make it for the revision after the present one.")
            }
            tenant.locks.append(lock)
        }
        let state = try revision.state(of: tenant)
        switch await platform.anchor.verify(policy: state.signed, lock: base.tenant.lock, at: at, revocations: .none) {
        case .success(let verified) where verified.covers(tenant: policy.tenant, revision: policy.revision): break
        case .success:
            throw DirectoryError(.untrusted, "The signature is not about this policy.", pointer: "/signature")
        case .failure(let refusal):
            throw DirectoryError(
                .untrusted, "The signed policy is not trusted: \(refusal) (\(refusal.code)).", pointer: "/signature",
                remedy: "Sign it with the key that the policy is locked by.")
        }
        let locks = tenant.locks
        return try await write { (tx) throws(DirectoryError) in
            guard try base.holds(in: tx) else {
                throw DirectoryError(
                    .conflict, "The policy has changed meanwhile.", remedy: "Look at it, and sign it anew.")
            }
            var tenant = try tx.requireTenant(policy.tenant)
            if tenant.locks != locks {
                tenant.locks = locks
                try tx.put(tenant)
            }
            return try self.store(revision, of: tenant, tx)
        }
    }
}

extension PolicyBase {
    /// Reads a policy that is to come after the present one.
    fileprivate func next(_ body: [UInt8]) throws(DirectoryError) -> TenantPolicy {
        guard body.count <= TrustLimits.policyBytes else {
            throw DirectoryError(
                .invalid, "The policy has \(body.count) bytes, more than \(TrustLimits.policyBytes).", pointer: "/body")
        }
        let policy: TenantPolicy
        do { policy = try TenantPolicy(canonicalBytes: body) } catch let error as DocumentRefusal {
            throw .refused(error.findings)
        } catch {
            throw DirectoryError(
                .invalid, "What is signed is not the canonical form of a policy: \(error).", pointer: "/body",
                remedy: "Make it with: patchbay policy sign")
        }
        guard policy.tenant == tenant.name else {
            throw DirectoryError(
                .invalid, "What is signed is the policy of '\(policy.tenant)', not of '\(tenant.name)'.",
                pointer: "/body", remedy: "Send it to its own tenant.")
        }
        guard policy.revision == current.revision + 1 else {
            throw DirectoryError(
                .conflict, "What is signed is revision \(policy.revision); the next one is \(current.revision + 1).",
                pointer: "/body", remedy: "Look at the policy in force, and sign it anew.")
        }
        return policy
    }

    fileprivate func statement(keyHash: [UInt8]) throws(DirectoryError) -> PolicyLock {
        guard let lock = PolicyLock(tenant: tenant.name, keyHash: keyHash, revision: current.revision + 1) else {
            throw DirectoryError(.invalid, "The hash of the key has not 32 octets.", pointer: "/key")
        }
        return lock
    }
}

extension Tenant {
    /// The lock that is in force; nil: the controller signs.
    public var lock: PolicyLock? {
        guard let last = locks.last, let lock = try? PolicyLock(canonicalBytes: last.body), lock.keyHash != nil else {
            return nil
        }
        return lock
    }

    /// The locks of which a revision knows.
    func locks(of revision: UInt64) -> [SignedLock] {
        locks.filter { signed in
            ((try? PolicyLock(canonicalBytes: signed.body))?.revision ?? .max) <= revision
        }
    }

    /// Refuses what the controller would have to sign when it may not.
    func requireUnlocked() throws(DirectoryError) {
        guard let lock else { return }
        throw DirectoryError(
            .locked,
            "The policy of '\(name)' is locked since revision \(lock.revision): only the tenant's own key signs it.",
            remedy: "Sign the change with that key: patchbay policy sign, then patchbay policy apply --signed.")
    }
}
