public import NetTypes
public import Policy
import PolicyLanguage
import Trust

extension Directory {
    /// The newest revision of a tenant's policy, signed.
    public func policy(of tenant: Name) async throws(DirectoryError) -> PolicyState {
        try await store.read { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(tenant)
            return try tx.requirePolicy(of: tenant.name).state(of: tenant)
        }
    }

    /// One revision of a tenant's policy, if it is still kept.
    public func policy(of tenant: Name, revision: UInt64) async throws(DirectoryError) -> PolicyState {
        try await store.read { (tx) throws(DirectoryError) in
            let tenant = try tx.requireTenant(tenant)
            return try tx.requirePolicy(of: tenant.name, revision: revision).state(of: tenant)
        }
    }

    /// The revisions that are kept, newest first.
    public func policyRevisions(of tenant: Name) async throws(DirectoryError) -> [RevisionNote] {
        try await store.read { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            return try tx.policyRevisions(of: tenant)
        }
    }

    // MARK: Entries

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
        return try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            try tx.requireSelector(from, of: tenant, pointer: "/from")
            try tx.requireSelector(destination, of: tenant, pointer: "/to")
            let summary = "add an entry: \(action.rawValue) \(from) \(oneWay ? "→" : "↔") \(destination)"
            let state = try self.changePolicy(of: tenant, at: at, summary, tx) { (policy) throws(PolicyError) in
                try policy.entries.add(action, from: from, to: destination, oneWay: oneWay, security: security)
            }
            guard let added = state.entries.last else {
                throw DirectoryError(.storage, "The entry that was added is not there.")
            }
            return added
        }
    }

    /// Removes an entry of a tenant's policy.
    public func removePolicyEntry(_ id: UInt64, of tenant: Name) async throws(DirectoryError) {
        let at = now()
        try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            guard let entry = try tx.requirePolicy(of: tenant).policy().entries.entry(id) else {
                throw DirectoryError(
                    .notFound, "There is no entry \(id) in the policy of '\(tenant)'.",
                    remedy: "List the policy's entries.")
            }
            let summary = "remove entry \(id): \(entry)"
            try self.changePolicy(of: tenant, at: at, summary, tx) { (policy) throws(PolicyError) in
                try policy.entries.remove(id)
            }
        }
    }

    /// Plugs a pair: afterwards the entries say that FROM → TO is plugged, and the way back too, or, one-way, unplugged.
    ///
    /// Where a group is an end, the entries that name just these two are replaced by one plug entry; more specific
    /// entries still decide before it. A policy that says so already stays as it is. The level that is asked for holds
    /// afterwards, whichever the pair had before; an entry that has another one keeps its number. Where guardrails or
    /// an earlier tier of the document decide otherwise, ``PolicyState/notes`` say so.
    public func plug(
        _ tenant: Name, from: Selector, to: Selector, oneWay: Bool = false, security: Security = .none
    ) async throws(DirectoryError) -> PolicyState {
        let summary = "plug \(from) \(oneWay ? "→" : "↔") \(to)\(security == .none ? "" : " (\(security))")"
        let wanted = Wish(from: from, to: to, forward: security, backward: oneWay ? nil : security)
        return try await edit(tenant, wanted, summary) { (document, a, b) throws(PolicyError) in
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
    /// Where a group is an end and other entries with groups plug, an unplug entry for just this pair is added; for a
    /// pair of endpoints also where the document plugs. Where that does not help, ``PolicyState/notes`` say why.
    public func unplug(_ tenant: Name, from: Selector, to: Selector) async throws(DirectoryError) -> PolicyState {
        let wanted = Wish(from: from, to: to, forward: nil, backward: nil)
        return try await edit(tenant, wanted, "unplug \(from) ↔ \(to)") { (document, a, b) throws(PolicyError) in
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

    /// Edits the entries of a pair whose ends exist, and looks whether that gives what is wanted.
    private func edit(
        _ tenant: Name, _ wanted: Wish, _ summary: String,
        _ body: @escaping @Sendable (inout PolicyDocument, Subject?, Subject?) throws(PolicyError) -> Void
    ) async throws(DirectoryError) -> PolicyState {
        let at = now()
        return try await write { (tx) throws(DirectoryError) in
            _ = try tx.requireTenant(tenant)
            let a = try tx.requireSelector(wanted.from, of: tenant, pointer: "/from")
            let b = try tx.requireSelector(wanted.to, of: tenant, pointer: "/to")
            let before = try tx.requirePolicy(of: tenant).policy()
            var policy = before
            do throws(PolicyError) { try body(&policy.entries, a, b) } catch { throw DirectoryError(error) }
            var notes: [String] = []
            let guardrails = try tx.guardrails()?.source()
            // Without document and guardrails the entries are all there is.
            if policy.document != nil || guardrails != nil {
                let check = WishCheck(
                    wanted: wanted, parties: try tx.parties(of: tenant, wanted.from, wanted.to), guardrails: guardrails,
                    at: at, zones: self.timeZones)
                notes = check.deviations(of: policy)
                if !notes.isEmpty, a != nil, b != nil, let barrier = wanted.barrier {
                    // The document plugs what is to be unplugged: an entry of its own goes before it, if it can.
                    var other = policy
                    do throws(PolicyError) {
                        try other.entries.add(
                            .unplug, from: barrier.from, to: barrier.to, oneWay: barrier.oneWay)
                    } catch { throw DirectoryError(error) }
                    let left = check.deviations(of: other)
                    if left.count < notes.count { (policy, notes) = (other, left) }
                }
            }
            var state = try self.changePolicy(of: tenant, at: at, summary, tx) { $0 = policy }
            state.notes = notes
            return state
        }
    }

    // MARK: New revisions

    /// Makes a new revision of a policy whose document stays: edited, signed with the tenant's key and stored. An edit
    /// that changes nothing makes none; one of a locked policy is refused.
    @discardableResult
    func changePolicy(
        of name: Name, at: Timestamp, _ summary: String, _ tx: any DirectoryTransaction,
        _ edit: (inout TenantPolicy) throws(PolicyError) -> Void
    ) throws(DirectoryError) -> PolicyState {
        let tenant = try tx.requireTenant(name)
        let current = try tx.requirePolicy(of: name)
        let before = try current.policy()
        var policy = before
        do { try edit(&policy) } catch { throw DirectoryError(error) }
        guard policy != before else { return try current.state(of: tenant) }
        return try publish(policy, text: current.text, summary, after: current, of: tenant, at: at, tx)
    }

    /// Signs a policy as the revision after the present one, stores and announces it.
    func publish(
        _ policy: TenantPolicy, text: [UInt8]?, _ summary: String, after current: PolicyRevision, of tenant: Tenant,
        at: Timestamp, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) -> PolicyState {
        try tenant.requireUnlocked()
        var policy = policy
        policy.entries.revision = current.revision + 1
        let revision = try Self.revision(
            policy, text: text, summary: summary, key: platform.key(tenant.policyKey), at: at)
        return try store(revision, of: tenant, tx)
    }

    /// Stores and announces a signed revision.
    func store(
        _ revision: PolicyRevision, of tenant: Tenant, _ tx: any DirectoryTransaction
    ) throws(DirectoryError) -> PolicyState {
        try tx.requireActive(tenant.name)
        try tx.requireRules(revision, of: tenant)
        try tx.add(revision, keep: configuration.policyHistory, bytes: configuration.policyHistoryBytes)
        tx.announce(.policyChanged(tenant: tenant.name))
        return try revision.state(of: tenant)
    }

    /// Signs a policy.
    static func revision(
        _ policy: TenantPolicy, text: [UInt8]?, summary: String, key: SigningKey, at: Timestamp
    ) throws(DirectoryError) -> PolicyRevision {
        let body = policy.canonicalBytes
        do {
            return PolicyRevision(
                tenant: policy.tenant, revision: policy.revision, body: body, signature: try key.sign(body),
                text: policy.document == nil ? nil : text, summary: cut(summary), changedAt: at)
        } catch {
            throw DirectoryError(.storage, "The policy of '\(policy.tenant)' could not be signed: \(error).")
        }
    }

    /// A summary, not longer than a line.
    static func cut(_ summary: String) -> String {
        String(String.UnicodeScalarView(summary.unicodeScalars.prefix(200)))
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
    /// The endpoint as entries see it.
    var subject: Subject { Subject(name: name.name, groups: groups) }

    /// The endpoint as rules see it: its memberships are labels.
    var party: Party {
        .endpoint(name.name, labels: Set(labels + groups.map(PolicyLabel.init(memberOf:))), level: level)
    }
}

extension PolicyRevision {
    /// Reads the policy.
    func policy() throws(DirectoryError) -> TenantPolicy {
        do { return try TenantPolicy(canonicalBytes: body) } catch {
            throw DirectoryError(
                .storage, "Revision \(revision) of the policy of '\(tenant)' is damaged: \(error).",
                remedy: "Restore the directory's file from a copy.")
        }
    }

    /// The policy with its signature, the certificates that are good now, and the locks that hold for it.
    func state(of tenant: Tenant) throws(DirectoryError) -> PolicyState {
        PolicyState(
            policy: try policy(),
            signed: SignedPolicy(
                body: body, signature: signature, certificate: tenant.policyCertificate, issuer: tenant.authority,
                locks: tenant.locks(of: revision)), changedAt: changedAt, summary: summary)
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

    func requirePolicy(of tenant: Name, revision: UInt64) throws(DirectoryError) -> PolicyRevision {
        guard let found = try policy(of: tenant, revision: revision) else {
            throw DirectoryError(
                .notFound, "There is no revision \(revision) of the policy of '\(tenant)', or no longer.",
                remedy: "List the revisions that are kept.")
        }
        return found
    }

    /// Checks that what a selector names exists, in the directory or as a group of the document; gives the subject
    /// where it is an endpoint.
    @discardableResult
    func requireSelector(
        _ selector: Selector, of tenant: Name, pointer: String
    ) throws(DirectoryError) -> Subject? {
        switch selector {
        case .endpoint(let name): return try requireEndpoint(TenantName(tenant, name), pointer: pointer).subject
        case .group(let name):
            if try group(TenantName(tenant, name)) != nil { return nil }
            let isOfDocument = try requirePolicy(of: tenant).policy().document?.groups.contains { $0.name == name }
            guard isOfDocument != true else { return nil }
            _ = try requireGroup(TenantName(tenant, name), pointer: pointer)
            return nil
        }
    }

    /// All endpoints of a tenant as rules see them, in order of name.
    func parties(of tenant: Name) throws(DirectoryError) -> [Party] {
        var parties: [Party] = []
        var page = Page(limit: 10_000)
        repeat {
            let endpoints = try endpoints(of: tenant, page: page)
            parties += endpoints.map(\.party)
            page.after = endpoints.count == page.limit ? endpoints.last?.name.name : nil
        } while page.after != nil
        return parties
    }

    /// The endpoints of two selectors; all of the tenant where one is a group.
    fileprivate func parties(of tenant: Name, _ a: Selector, _ b: Selector) throws(DirectoryError) -> [Party] {
        guard case .endpoint(let first) = a, case .endpoint(let second) = b else { return try parties(of: tenant) }
        var parties: [Party] = []
        for name in [first, second] {
            if let endpoint = try endpoint(TenantName(tenant, name)) { parties.append(endpoint.party) }
        }
        return parties
    }
}
