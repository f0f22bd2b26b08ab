public import NetTypes
public import PolicyLanguage
import PolicyYAML

/// A flow that leaves have seen.
public struct SeenFlow: Hashable, Sendable {
    /// Who began it.
    public var source: Identity
    /// To whom.
    public var destination: Identity
    /// The address outside that began it, where the source is the border that speaks for it.
    public var outsideSource: IPAddress?
    /// The address outside to which it was, where the destination is the border.
    public var outsideDestination: IPAddress?
    /// What it carried; `other(0)` where nobody looked.
    public var transport: Transport

    /// Puts them together.
    public init(source: Identity, destination: Identity, transport: Transport) {
        self.source = source
        self.destination = destination
        self.transport = transport
    }
}

/// A flow that fares otherwise by another policy.
public struct ChangedFlow: Hashable, Sendable {
    /// The flow.
    public var flow: SeenFlow
    /// The name of who began it, or the address outside.
    public var source: String
    /// The name of to whom.
    public var destination: String
    /// What happens to it now.
    public var before: Outcome
    /// What would happen.
    public var after: Outcome
}

extension Directory {
    /// Which of some flows would fare otherwise by a document. Those of other tenants, and of endpoints that are gone,
    /// are left out. Of a flow into which nobody looked it is asked whether anything of the pair changes.
    public func changedFlows(
        of flows: [SeenFlow], by text: [UInt8], of tenant: Name
    ) async throws(DirectoryError) -> [ChangedFlow] {
        let (base, endpoints) = try await store.read { (tx) throws(DirectoryError) in
            var endpoints: [Identity: Endpoint] = [:]
            for identity in Set(flows.flatMap { [$0.source, $0.destination] }) {
                if let found = try tx.endpoint(identity), found.name.tenant == tenant { endpoints[identity] = found }
            }
            return (try PolicyBase(of: tenant, tx), endpoints)
        }
        let at = now()
        return try await LongWork.run { () throws(DirectoryError) in
            let policy: TenantPolicy
            do throws(DocumentRefusal) { policy = try base.replacing(PolicyYAML.read(text)) } catch {
                throw .refused(error.findings)
            }
            let zones = self.timeZones(base.documents(base.policy, policy))
            let before = base.policy.compiled(guardrails: base.guardrails?.document)
            let after = policy.compiled(guardrails: base.guardrails?.document)
            return flows.compactMap { flow in
                guard let source = endpoints[flow.source], let destination = endpoints[flow.destination] else {
                    return nil
                }
                func table(_ policy: CompiledPolicy) -> FlowTable {
                    policy.table(
                        policy.compile(
                            policy.membership(of: flow.outsideSource.map(Party.outside) ?? source.party),
                            policy.membership(of: flow.outsideDestination.map(Party.outside) ?? destination.party),
                            at: at, zones: zones
                        ).forward)
                }
                let tables = (table(before), table(after))
                let (was, will) =
                    flow.transport == .other(0)
                    ? (tables.0.mildest, tables.1.mildest)
                    : (tables.0.decision(of: flow.transport).outcome, tables.1.decision(of: flow.transport).outcome)
                guard was.effect != will.effect else { return nil }
                return ChangedFlow(
                    flow: flow, source: flow.outsideSource?.description ?? source.name.name.text,
                    destination: flow.outsideDestination?.description ?? destination.name.name.text, before: was,
                    after: will)
            }
        }
    }
}

extension FlowTable {
    /// What happens to the flow that fares best.
    fileprivate var mildest: Outcome { decisions.map(\.outcome).first(where: \.isPlugged) ?? otherwise.outcome }
}
