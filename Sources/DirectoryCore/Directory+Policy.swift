public import NetTypes
public import Policy
import Trust

extension Directory {
    /// The newest revision of a tenant's policy, signed.
    public func policy(of tenant: Name) async throws(DirectoryError) -> PolicyState {
        try await store.read { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(tenant)
            return try tx.state(of: tx.requirePolicy(of: tenant.name), tenant)
        }
    }

    /// One revision of a tenant's policy, if it is still kept.
    public func policy(of tenant: Name, revision: UInt64) async throws(DirectoryError) -> PolicyState {
        try await store.read { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(tenant)
            guard let found = try tx.policy(of: tenant.name, revision: revision) else {
                throw DirectoryError(
                    .notFound, "There is no revision \(revision) of the policy of '\(tenant.name)', or no longer.",
                    remedy: "List the revisions that are kept.")
            }
            return try tx.state(of: found, tenant)
        }
    }

    /// The numbers of the revisions that are kept, newest first.
    public func policyRevisions(of tenant: Name) async throws(DirectoryError) -> [UInt64] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.policyRevisions(of: tenant)
        }
    }

    /// Adds an entry to a tenant's policy; what it names must exist. Only a plug entry has a level of security.
    public func addPolicyEntry(
        to tenant: Name, _ action: PolicyEntry.Action, from: Selector, to destination: Selector, oneWay: Bool = false,
        security: Security = .none
    ) async throws(DirectoryError) -> PolicyEntry {
        guard action == .plug || security == .none else {
            throw DirectoryError(
                .invalid, "An unplug entry has no wires that could be protected by '\(security)'.",
                pointer: "/security", remedy: "Leave the level out, or ask for plug.")
        }
        let at = now()
        return try await store.write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            try tx.requireSelector(from, of: tenant, pointer: "/from")
            try tx.requireSelector(destination, of: tenant, pointer: "/to")
            let state = try self.changePolicy(of: tenant, at: at, tx) { (document) throws(PolicyError) in
                try document.add(action, from: from, to: destination, oneWay: oneWay, security: security)
            }
            guard let added = state.document.entries.last else {
                throw DirectoryError(.storage, "The entry that was added is not there.")
            }
            return added
        }
    }

    /// Removes an entry of a tenant's policy.
    public func removePolicyEntry(_ id: UInt64, of tenant: Name) async throws(DirectoryError) {
        let at = now()
        try await store.write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard try tx.document(of: tenant).entry(id) != nil else {
                throw DirectoryError(
                    .notFound, "There is no entry \(id) in the policy of '\(tenant)'.",
                    remedy: "List the policy's entries.")
            }
            try self.changePolicy(of: tenant, at: at, tx) { (document) throws(PolicyError) in
                try document.remove(id)
            }
        }
    }

    /// Plugs a pair: afterwards FROM → TO is plugged, and the way back too, or, one-way, unplugged.
    ///
    /// Where a group is an end, the entries that name just these two are replaced by one plug entry; more specific
    /// entries still decide before it. A policy that says so already stays as it is. The level that is asked for holds
    /// afterwards, whichever the pair had before; an entry that has another one keeps its number.
    public func plug(
        _ tenant: Name, from: Selector, to: Selector, oneWay: Bool = false, security: Security = .none
    ) async throws(DirectoryError) -> PolicyState {
        try await edit(tenant, from, to) { (document, a, b) throws(PolicyError) in
            if let a, let b {
                try document.plug(a, b, oneWay: oneWay, security: security)
            } else {
                let wanted = PolicyEntry(
                    id: 0, action: .plug, from: from, to: to, oneWay: oneWay, security: security)
                try document.replaceEntries(between: from, to, by: wanted)
            }
        }
    }

    /// Unplugs a pair, both ways.
    ///
    /// Where a group is an end and other entries with groups plug, an unplug entry for just this pair is added.
    public func unplug(_ tenant: Name, from: Selector, to: Selector) async throws(DirectoryError) -> PolicyState {
        try await edit(tenant, from, to) { (document, a, b) throws(PolicyError) in
            if let a, let b {
                try document.unplug(a, b)
                return
            }
            let others = document.entries.contains {
                $0.action == .plug && $0.specificity != .endpointToEndpoint && !$0.isBetween(from, to)
            }
            let wanted = PolicyEntry(id: 0, action: .unplug, from: from, to: to, oneWay: false)
            try document.replaceEntries(between: from, to, by: others ? wanted : nil)
        }
    }

    /// What the directory knows of a pair.
    public func explain(_ tenant: Name, from: Name, to: Name) async throws(DirectoryError) -> Explanation {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in
            let from = try self.end(tx.requireEndpoint(TenantName(tenant, from), pointer: "/from"), at, tx)
            let to = try self.end(tx.requireEndpoint(TenantName(tenant, to), pointer: "/to"), at, tx)
            let evaluator = try self.evaluator(of: tenant, tx)
            let (a, b) = (from.endpoint.subject, to.endpoint.subject)
            let forward = evaluator.verdict(source: a, destination: b)
            let reason =
                !forward.isPlugged
                ? "policy" : !from.isLive ? "source-not-running" : !to.isLive ? "not-running" : "plugged"
            return Explanation(
                from: from, to: to, revision: evaluator.revision, forward: forward,
                reverse: evaluator.verdict(source: b, destination: a), reasonCode: reason)
        }
    }

    private func end(
        _ endpoint: Endpoint, _ at: Timestamp, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> Explanation.End {
        let published = try tx.facts(of: endpoint.identity)
        let leaf = try tx.host(endpoint.host)?.id
        return Explanation.End(
            endpoint: endpoint, published: published,
            isLive: published.map { $0.isLive(at: at) && $0.leaf == leaf } ?? false)
    }

    /// The indexed newest policy of a tenant, kept from one question to the next.
    private func evaluator(of tenant: Name, _ tx: any DirectoryReader) throws(DirectoryError) -> PolicyEvaluator {
        let revision = try tx.requirePolicy(of: tenant)
        if let cached = evaluators.withLock({ $0[tenant] }), cached.body == revision.body { return cached.evaluator }
        let evaluator = PolicyEvaluator(try revision.document())
        evaluators.withLock {
            // A bound that a person's questions never reach; tenants come and go.
            if $0.count >= 1_000 { $0.removeAll() }
            $0[tenant] = CachedEvaluator(body: revision.body, evaluator: evaluator)
        }
        return evaluator
    }

    // MARK: New revisions

    /// Edits the policy of a pair whose ends exist.
    private func edit(
        _ tenant: Name, _ from: Selector, _ to: Selector,
        _ body: @escaping @Sendable (inout PolicyDocument, Subject?, Subject?) throws(PolicyError) -> Void
    ) async throws(DirectoryError) -> PolicyState {
        let at = now()
        return try await store.write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            let a = try tx.requireSelector(from, of: tenant, pointer: "/from")
            let b = try tx.requireSelector(to, of: tenant, pointer: "/to")
            return try self.changePolicy(of: tenant, at: at, tx) { (document) throws(PolicyError) in
                try body(&document, a, b)
            }
        }
    }

    /// Makes a new revision of a policy: edited, signed with the tenant's key and stored. An edit that changes nothing
    /// makes none.
    @discardableResult
    func changePolicy(
        of name: Name, at: Timestamp, _ tx: any DirectoryTransaction,
        _ edit: (inout PolicyDocument) throws(PolicyError) -> Void
    ) throws(DirectoryError) -> PolicyState {
        let tenant = try tx.requireTenant(name)
        let current = try tx.requirePolicy(of: name)
        let before = try current.document()
        var document = before
        do { try edit(&document) } catch { throw DirectoryError(error) }
        guard document != before else { return try tx.state(of: current, tenant) }
        document.revision += 1
        let revision = try Self.revision(document, key: platform.key(tenant.policyKey), at: at)
        try tx.add(revision, keep: configuration.policyHistory)
        tx.announce(.policyChanged(tenant: name))
        return PolicyState(
            document: document, signed: tenant.signed(revision.body, revision.signature), changedAt: at)
    }

    /// Signs a document.
    static func revision(
        _ document: PolicyDocument, key: SigningKey, at: Timestamp
    ) throws(DirectoryError) -> PolicyRevision {
        let body = document.canonicalBytes
        do {
            return PolicyRevision(
                tenant: document.tenant, revision: document.revision, body: body, signature: try key.sign(body),
                changedAt: at)
        } catch {
            throw DirectoryError(.storage, "The policy of '\(document.tenant)' could not be signed: \(error).")
        }
    }
}

extension PolicyEntry {
    /// Whether one side of the entry is this selector.
    func names(_ selector: Selector) -> Bool { from == selector || to == selector }

    /// Whether the entry names just these two, whichever way round.
    func isBetween(_ a: Selector, _ b: Selector) -> Bool { (from, to) == (a, b) || (from, to) == (b, a) }
}

extension PolicyDocument {
    /// Puts one entry, or none, in the place of all that name just these two. One that says the same already stays, and
    /// one that says the same of another level keeps its number.
    mutating func replaceEntries(
        between a: Selector, _ b: Selector, by wanted: PolicyEntry?
    ) throws(PolicyError) {
        let old = entries.filter { $0.isBetween(a, b) }
        for entry in old { try remove(entry.id) }
        guard let wanted else { return }
        if let same = old.first(where: { $0.isSame(butForSecurityOf: wanted) }) {
            try insert(same.with(wanted.security))
        } else {
            try add(
                wanted.action, from: wanted.from, to: wanted.to, oneWay: wanted.oneWay, security: wanted.security)
        }
    }
}

extension DirectoryError {
    /// A refusal of the Policy target.
    init(_ error: PolicyError) {
        let code: Code =
            switch error.code {
            case .unknownEntry: .notFound
            case .tooLarge, .numbersExhausted: .exhausted
            default: .invalid
            }
        self.init(
            code, "The policy was refused: \(error.problem).", pointer: error.place.hasPrefix("/") ? error.place : nil,
            remedy: error.remedy.prefix(1).uppercased() + error.remedy.dropFirst() + ".")
    }
}

extension Endpoint {
    /// The endpoint as a policy sees it.
    var subject: Subject { Subject(name: name.name, groups: groups) }
}

extension Tenant {
    /// A policy's bytes and signature with the certificates that are good now.
    func signed(_ body: [UInt8], _ signature: [UInt8]) -> SignedPolicy {
        SignedPolicy(body: body, signature: signature, certificate: policyCertificate, issuer: authority)
    }
}

extension PolicyRevision {
    /// Reads the document.
    func document() throws(DirectoryError) -> PolicyDocument {
        do { return try PolicyDocument(canonicalBytes: body) } catch {
            throw DirectoryError(
                .storage, "Revision \(revision) of the policy of '\(tenant)' is damaged: \(error).",
                remedy: "Restore the directory's file from a copy.")
        }
    }
}

extension DirectoryReader {
    func requirePolicy(of tenant: Name) throws(DirectoryError) -> PolicyRevision {
        guard let policy = try policy(of: tenant) else {
            throw DirectoryError(
                .storage, "The policy of '\(tenant)' is missing.", remedy: "Restore the directory's file from a copy.")
        }
        return policy
    }

    func document(of tenant: Name) throws(DirectoryError) -> PolicyDocument {
        try requirePolicy(of: tenant).document()
    }

    func state(of revision: PolicyRevision, _ tenant: Tenant) throws(DirectoryError) -> PolicyState {
        PolicyState(
            document: try revision.document(), signed: tenant.signed(revision.body, revision.signature),
            changedAt: revision.changedAt)
    }

    /// Checks that what a selector names exists; gives the subject where it is an endpoint.
    @discardableResult
    func requireSelector(
        _ selector: Selector, of tenant: Name, pointer: String
    ) throws(DirectoryError) -> Subject? {
        switch selector {
        case .endpoint(let name): return try requireEndpoint(TenantName(tenant, name), pointer: pointer).subject
        case .group(let name):
            _ = try requireGroup(TenantName(tenant, name), pointer: pointer)
            return nil
        }
    }
}
