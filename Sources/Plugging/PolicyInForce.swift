public import NetTypes
public import PolicyLanguage

/// The policy of a tenant, under the platform's guardrails, as one leaf has verified both: ready to be asked.
public struct PolicyInForce: Sendable {
    /// Whose policy this is.
    public let tenant: Name
    /// The revision of the tenant's policy.
    public let revision: UInt64
    /// The revision of the guardrails; 0 where there are none.
    public let guardrailsRevision: UInt64
    private let compiled: CompiledPolicy
    private let zones: any TimeZones

    /// Compiles a policy.
    public init(_ policy: TenantPolicy, guardrails: Guardrails? = nil, zones: any TimeZones = FixedTimeZones()) {
        tenant = policy.tenant
        revision = policy.revision
        guardrailsRevision = guardrails?.revision ?? 0
        compiled = policy.compiled(guardrails: guardrails?.document)
        self.zones = zones
    }

    /// What the policy says about a pair at a moment. Both are of ``tenant``; the caller has seen to that.
    public func plan(source: Party, destination: Party, at moment: Timestamp) -> WirePlan {
        let verdict = compiled.compile(
            compiled.membership(of: source), compiled.membership(of: destination), at: moment, zones: zones)
        return WirePlan(forward: compiled.table(verdict.forward), backward: compiled.table(verdict.backward))
    }

    /// A moment up to which no verdict changes by time alone; nil where none ever does.
    public func nextChange(after moment: Timestamp) -> Timestamp? { compiled.nextChange(after: moment, zones: zones) }
}
