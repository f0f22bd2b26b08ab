public import NetTypes
public import Policy
public import PolicyLanguage

/// What the directory knows of one pair: the verdict of a flow, why it is so, and where the ends are.
public struct FlowExplanation: Sendable {
    /// One end.
    public struct End: Sendable {
        /// The endpoint; for an address outside the border that speaks for it.
        public var endpoint: Endpoint
        /// The address outside.
        public var outside: IPAddress?
        /// What was published of it last.
        public var published: PublishedFacts?
        /// Whether that is good now and from the host that is to run it.
        public var isLive: Bool

        /// What people know it by.
        public var label: String { outside?.description ?? endpoint.name.description }
        /// The end as policies see it.
        var party: Party { outside.map(Party.outside) ?? endpoint.party }
    }

    /// One direction of the pair.
    public struct Way: Sendable {
        /// Everything that the policy says about flows of this direction.
        public var verdict: DirectionVerdict
        /// What happens to the flow that was asked about; where none was, to what most can be said of: everything, or
        /// else the first ports that are plugged.
        public var outcome: Outcome
        /// The entry of plug or unplug that decided; nil where a rule did, or none.
        public var entry: PolicyEntry?

        /// Whether it passes.
        public var isPlugged: Bool { outcome.isPlugged }
        /// How it is protected; none where it does not pass.
        public var security: Security { outcome.isPlugged ? outcome.security : .none }
    }

    public var from: End
    public var to: End
    /// The revision of the policy that decided.
    public var revision: UInt64
    /// The revision of the guardrails that stand before it; nil: there are none.
    public var guardrailsRevision: UInt64?
    /// What was asked about; nil: the pair as a whole.
    public var transport: Transport?
    /// FROM → TO.
    public var forward: Way
    /// TO → FROM, for what that end begins.
    public var reverse: Way
    /// The rules that came nearest, the guardrails and the levels, for FROM → TO.
    public var why: Explanation
    /// What the rule that decided says, in one line; empty where none of a document did.
    public var says: String
    /// Why FROM → TO has its verdict, as a sentence without a full stop.
    public var reason: String
    /// Why a wire is or is not possible now: `plugged`, `tenant-suspended`, `policy`, `source-not-running`,
    /// `not-running`; the first of tenant, policy, source, destination that says no.
    public var reasonCode: String
    /// Since when and why the tenant is suspended, so that nothing passes whatever the policy says.
    public var suspension: Suspension?
}

/// A policy made ready to be asked, with the guardrails that stand before it.
struct PreparedPolicy: Sendable {
    /// What was made ready: a tenant that was made anew begins its revisions anew too.
    let body: [UInt8]
    let revision: UInt64
    let guardrailsRevision: UInt64?
    let policy: TenantPolicy
    let source: SourcedDocument
    let guardrails: SourcedDocument?
    let compiled: CompiledPolicy

    init(_ revision: PolicyRevision, _ guardrails: GuardrailsRevision?) throws(DirectoryError) {
        body = revision.body
        self.revision = revision.revision
        guardrailsRevision = guardrails?.revision
        policy = try revision.policy()
        source = SourcedDocument(policy.merged, places: revision.places)
        self.guardrails = try guardrails?.source()
        compiled = CompiledPolicy(source, guardrails: self.guardrails)
    }

    /// The entry behind a rule: entries stand behind the rules of the document.
    func entry(_ rule: RuleReference?) -> PolicyEntry? {
        guard let rule, !rule.isPlatform else { return nil }
        let entries = policy.entries.entries
        let index = rule.index - (source.document.rules.count - entries.count)
        return entries.indices.contains(index) ? entries[index] : nil
    }

    func way(_ verdict: DirectionVerdict, _ transport: Transport?) -> FlowExplanation.Way {
        let outcome: Outcome
        if let transport {
            outcome = verdict.outcome(of: transport)
        } else if verdict.otherwise.isPlugged {
            outcome = verdict.otherwise
        } else {
            outcome = verdict.rules.first { $0.outcome.isPlugged }?.outcome ?? verdict.otherwise
        }
        return FlowExplanation.Way(verdict: verdict, outcome: outcome, entry: entry(outcome.rule))
    }

    /// Why a way has its verdict, in words.
    func reason(_ way: FlowExplanation.Way, _ flow: Flow) -> String {
        guard let rule = way.outcome.rule else { return "no rule speaks about \(flow), so it is unplugged" }
        if let entry = way.entry { return "entry \(entry.id), \(entry)" }
        let number = rule.isPlatform ? guardrailsRevision : revision
        let says = says(rule)
        return "\(rule) of revision \(number ?? 0)" + (says.isEmpty ? "" : ", \(says)")
    }

    /// What a rule of a document says.
    func says(_ rule: RuleReference?) -> String {
        guard let rule, entry(rule) == nil else { return "" }
        let rules = ((rule.isPlatform ? guardrails : nil) ?? source).document.rules
        return rules.indices.contains(rule.index) ? rules[rule.index].summary : ""
    }
}

extension Directory {
    /// Explains what holds for a flow between two endpoints of a tenant, and where they are.
    ///
    /// - Parameter transport: the protocol and the port; nil: the pair as a whole.
    public func explain(
        _ tenant: Name, from: Name, to: Name, _ transport: Transport? = nil
    ) async throws(DirectoryError) -> FlowExplanation {
        try await explain(tenant, from: .endpoint(from), to: .endpoint(to), transport)
    }

    /// The same of a flow of which one end may be an address outside. Behind which border that is is seen from the vnet of
    /// the other end.
    public func explain(
        _ tenant: Name, from: FlowEnd, to: FlowEnd, _ transport: Transport? = nil
    ) async throws(DirectoryError) -> FlowExplanation {
        let at = now()
        return try await store.read { (tx) throws(DirectoryError) in
            let from = try self.end(tenant, from, seenBy: to, "/from", at, tx)
            let to = try self.end(tenant, to, seenBy: .endpoint(from.endpoint.name.name), "/to", at, tx)
            let prepared = try self.prepared(tenant, tx)
            let zones = self.timeZones(
                [prepared.source.document] + (prepared.guardrails.map { [$0.document] } ?? []))
            let (a, b) = (from.party, to.party)
            let pair = prepared.compiled.compile(
                prepared.compiled.membership(of: a), prepared.compiled.membership(of: b), at: at, zones: zones)
            let flow = Flow(from: a, to: b, transport ?? .other(0), at: at)
            let forward = prepared.way(pair.forward, transport)
            let suspension = try tx.requireTenant(tenant).suspension
            let code =
                suspension != nil
                ? "tenant-suspended"
                : !forward.isPlugged
                    ? "policy" : !from.isLive ? "source-not-running" : !to.isLive ? "not-running" : "plugged"
            return FlowExplanation(
                from: from, to: to, revision: prepared.revision, guardrailsRevision: prepared.guardrailsRevision,
                transport: transport, forward: forward, reverse: prepared.way(pair.backward, transport),
                why: Explanation(flow, prepared.source, guardrails: prepared.guardrails, zones: zones),
                says: prepared.says(forward.outcome.rule), reason: prepared.reason(forward, flow), reasonCode: code,
                suspension: suspension)
        }
    }

    private func end(
        _ tenant: Name, _ end: FlowEnd, seenBy other: FlowEnd, _ pointer: String, _ at: Timestamp,
        _ tx: any DirectoryReader
    ) throws(DirectoryError) -> FlowExplanation.End {
        switch (end, other) {
        case (.endpoint(let name), _):
            return try self.end(tx.requireEndpoint(TenantName(tenant, name), pointer: pointer), at, tx)
        case (.outside(let address), .endpoint(let name)):
            let seenBy = try tx.requireEndpoint(
                TenantName(tenant, name), pointer: pointer == "/from" ? "/to" : "/from")
            guard let border = try tx.border(for: address, in: seenBy.vnet) else {
                throw DirectoryError(
                    .notFound, "No border of the vnet '\(seenBy.vnetName)' speaks for \(address).", pointer: pointer,
                    remedy: "Give an endpoint of that vnet a network around the address, or name an endpoint.")
            }
            var found = try self.end(border, at, tx)
            found.outside = address
            return found
        case (.outside, .outside):
            throw DirectoryError(
                .invalid, "Both ends are outside; borders carry nothing between networks outside.", pointer: pointer,
                remedy: "Name an endpoint as one of the ends.")
        }
    }

    private func end(
        _ endpoint: Endpoint, _ at: Timestamp, _ tx: any DirectoryReader
    ) throws(DirectoryError) -> FlowExplanation.End {
        let published = try tx.facts(of: endpoint.identity)
        let leaf = try tx.host(endpoint.host)?.id
        return FlowExplanation.End(
            endpoint: endpoint, published: published,
            isLive: published.map { $0.isLive(at: at) && $0.leaf == leaf } ?? false)
    }

    /// The newest policy of a tenant made ready, kept from one question to the next.
    private func prepared(_ tenant: Name, _ tx: any DirectoryReader) throws(DirectoryError) -> PreparedPolicy {
        let revision = try tx.requirePolicy(of: tenant)
        let guardrails = try tx.guardrails()
        if let known = prepared.withLock({ $0[tenant] }), known.body == revision.body,
            known.guardrailsRevision == guardrails?.revision
        {
            return known
        }
        let made = try PreparedPolicy(revision, guardrails)
        prepared.withLock {
            // A bound that a person's questions never reach; tenants come and go.
            if $0.count >= 1_000 { $0.removeAll() }
            $0[tenant] = made
        }
        return made
    }
}
