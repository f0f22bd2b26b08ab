import KernelPath
import LeafProtocol
import NetTypes
import Plugging
import PolicyLanguage
import PolicyZones
import Trust

/// The tenants' policies and the platform's guardrails: verified, put in force, and asked again when they change.
extension LeafAgent {
    /// A policy of a tenant as this leaf has verified it.
    struct HeldPolicy {
        /// The revision that was signed. The document itself stays on disk: ready to be asked it takes half the room.
        var revision: UInt64
        /// The policy, under the guardrails, ready to be asked.
        var inForce: PolicyInForce
        /// When rules begin or cease to hold next.
        var due: Timestamp?
    }

    // MARK: New revisions

    /// Verifies a tenant's policy and puts it in force: what it forbids is cut before this returns.
    func take(policy message: Patchbay_Leaf_V1_PolicyDocument, keep: Bool) async {
        let signed = SignedPolicy(message)
        let policy: TenantPolicy
        do {
            policy = try TenantPolicy(canonicalBytes: signed.body)
        } catch {
            return refuse("policy", "\(error)")
        }
        let tenant = policy.tenant
        let lock = locks[tenant]
        let verification = await membership.anchor.verify(
            policy: signed, lock: lock, at: now(), revocations: revocations)
        // Meanwhile another revision may have said who signs.
        guard locks[tenant] == lock else { return await take(policy: message, keep: keep) }
        do {
            let verified = try verification.get()
            guard verified.covers(tenant: tenant, revision: policy.revision) else {
                return refuse("policy", "it is revision \(policy.revision) of \(tenant), signed by \(verified.tenant)")
            }
            // An older document is a replay, whoever sends it.
            guard policy.revision >= policies[tenant]?.revision ?? 0 else {
                return refuse("policy", "revision \(policy.revision) of \(tenant) is an older one")
            }
            policies[tenant] = held(policy)
            locks[tenant] = verified.lock
            generation += 1
            if keep { save(message, of: tenant) }
        } catch {
            return refuse("policy", "of \(tenant): \(error)")
        }
        judgeWires(of: tenant)
        clearRefusals(of: tenant)
        let names = Set(policy.merged.rules.map(\.name))
        numbers.retain(of: tenant) { names.contains($0) }
    }

    /// Verifies the platform's guardrails and puts them in force before every tenant's policy.
    func take(guardrails message: Patchbay_Leaf_V1_PolicyDocument, keep: Bool) async {
        let signed = SignedPolicy(message)
        if case .failure(let refusal) = await membership.anchor.verify(
            guardrails: signed, at: now(), revocations: revocations)
        {
            return refuse("guardrails", "\(refusal)")
        }
        do {
            let new = try Guardrails(canonicalBytes: signed.body)
            guard new.revision >= guardrails?.revision ?? 0 else {
                return refuse("guardrails", "revision \(new.revision) is an older one")
            }
            guardrails = new
            if keep { try state.save(guardrails: try message.serializedData()) }
        } catch {
            refuse("guardrails", "\(error)")
            guard guardrails?.canonicalBytes == signed.body else { return }
        }
        generation += 1
        for (tenant, former) in policies {
            do {
                let policy = try TenantPolicy(canonicalBytes: state.savedPolicyBody(of: tenant))
                guard policy.revision == former.revision else {
                    throw LeafError(
                        "The policy of \(tenant) on disk is of revision \(policy.revision), not \(former.revision)",
                        remedy: "Restart the leaf; the controller then tells it again.")
                }
                policies[tenant] = held(policy)
            } catch {
                // Rather nothing than a policy without the new guardrails.
                policies[tenant] = nil
                refuse("kept policy", "\(error)")
            }
        }
        for pair in wires.pairs { judge(pair) }
        for tenant in Set(ports.values.map(\.endpoint.name.tenant)) { clearRefusals(of: tenant) }
    }

    /// Keeps a policy for the next start, and for a change of the guardrails. What cannot be written is in force all the
    /// same: it may be there to forbid something.
    private func save(_ message: Patchbay_Leaf_V1_PolicyDocument, of tenant: Name) {
        do {
            try state.save(policy: try message.serializedData(), of: tenant)
        } catch {
            logger.error("policy not kept on disk", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
        }
    }

    private func refuse(_ what: String, _ reason: String) {
        logger.error("\(what) refused", metadata: ["reason": "\(reason)"])
    }

    private func held(_ policy: TenantPolicy) -> HeldPolicy {
        let documents = [policy.document, guardrails?.document].compactMap { $0 }
        let inForce = PolicyInForce(policy, guardrails: guardrails, zones: SystemTimeZones(of: documents))
        return HeldPolicy(revision: policy.revision, inForce: inForce, due: inForce.nextChange(after: now()))
    }

    /// Judges wires again at the moments at which rules begin or cease to hold, until the task is cancelled.
    func followTime() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: LeafLimits.timeInterval)
            let moment = now()
            for (tenant, held) in policies {
                guard let due = held.due, due <= moment else { continue }
                policies[tenant]?.due = held.inForce.nextChange(after: moment)
                generation += 1
                judgeWires(of: tenant)
                clearRefusals(of: tenant)
            }
        }
    }

    // MARK: Judging

    /// Cuts what the tenant's policy no longer allows, and touches nothing else.
    func judgeWires(of tenant: Name) {
        guard policies[tenant] != nil else { return }
        for pair in wires.pairs {
            guard let source = party(pair.sourceEnd), let destination = party(pair.destinationEnd),
                source.tenant == tenant || destination.tenant == tenant
            else { continue }
            judge(pair)
        }
    }

    /// Asks the policy about a pair that has a wire: cuts it where it is no longer allowed, plugs it anew where it is
    /// to be protected otherwise, and tells the kernel which flows pass.
    ///
    /// - Returns: whether the wire stays.
    @discardableResult
    func judge(_ pair: Pair) -> Bool {
        guard let source = party(pair.sourceEnd), let destination = party(pair.destinationEnd) else { return false }
        guard source.tenant == destination.tenant else {
            cut(pair, because: .tenantMismatch(source: source.tenant, destination: destination.tenant))
            return false
        }
        if let address = pair.outsideSource ?? pair.outsideDestination {
            let border = pair.outsideSource == nil ? pair.destination : pair.source
            guard isCertified(border, for: address) else {
                cut(pair, because: .notBehind(address, border: border))
                return false
            }
        }
        guard !isSuspended(source.tenant) else {
            cut(pair, because: .suspended(source.tenant))
            return false
        }
        guard let policy = policy(of: source.tenant) else {
            cut(pair, because: .noPolicy(source.tenant))
            return false
        }
        let plan = policy.plan(source: source.party, destination: destination.party, at: now())
        guard plan.isPlugged else {
            cut(pair, because: .policy(plan, source.party, destination.party))
            return false
        }
        guard hasSecurity(pair, plan.security.forward) else {
            // It is cut first: what is to be secret from now on is not sent in the clear for a moment longer.
            let reason = "its security is \(plan.security.forward.rawValue) now"
            cut(pair, because: .policy(rule: plan.refusal.rule?.name, reason: reason, answers: false))
            if ports[pair.source] != nil { Task { await self.plug(pair) } }
            return false
        }
        do {
            try enforce(plan, on: pair, source.tenant)
        } catch {
            // What cannot be told to the kernel is not let pass, in either direction: the other one may have lost its rules.
            cut(pair, because: .exhausted("\(error)"))
            cut(pair.reversed, because: .exhausted("\(error)"))
            return false
        }
        return true
    }

    /// An end as policies see it, by the facts that this leaf has verified.
    func party(_ end: End) -> (tenant: Name, party: Party)? {
        if let endpoint = ports[end.identity]?.endpoint {
            return (endpoint.name.tenant, endpoint.party(as: end.outside))
        }
        guard let verified = known[end.identity]?.verified else { return nil }
        return (verified.name.tenant, verified.party(as: end.outside))
    }

    /// Whether what this leaf has verified of a border says that it speaks for an address outside.
    private func isCertified(_ border: Identity, for address: IPAddress) -> Bool {
        ports[border]?.endpoint.speaks(for: address) ?? known[border]?.verified?.speaks(for: address) ?? false
    }

    /// Lets the kernel ask again for what it was told to refuse, and answers what was asked a moment ago.
    func clearRefusals(of tenant: Name) {
        defer { answerAgain(tenant) }
        for port in ports.values where port.endpoint.name.tenant == tenant {
            do {
                try path.clearDenied(port: port.index)
            } catch {
                logger.error(
                    "refusals not cleared", metadata: ["endpoint": "\(port.endpoint.name)", "error": "\(error)"])
            }
        }
    }
}
