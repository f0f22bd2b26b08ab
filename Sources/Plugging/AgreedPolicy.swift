import NetTypes
import Policy
public import PolicyLanguage

/// What a tenant's policy says about a pair that it plugs; step 4 of both algorithms.
struct AgreedPolicy {
    /// Which flows pass.
    let plan: WirePlan

    /// Whether the way back is unplugged.
    var oneWay: Bool { !plan.isPluggedBack }
    /// How the two directions are protected.
    var security: PairSecurity { plan.security }

    /// An unplug reason, so that it can be the failure of a result.
    struct Refusal: Error {
        let reason: UnplugReason
    }

    /// Asks the policy of a tenant about both directions of a pair. A policy of another tenant is no policy.
    static func decide(
        _ policy: PolicyInForce?, tenant: Name, source: Party, destination: Party, at moment: Timestamp
    ) -> Result<AgreedPolicy, Refusal> {
        guard let policy, policy.tenant == tenant else { return .failure(Refusal(reason: .noPolicy(tenant))) }
        let plan = policy.plan(source: source, destination: destination, at: moment)
        guard plan.isPlugged else { return .failure(Refusal(reason: .policy(plan, source, destination))) }
        return .success(AgreedPolicy(plan: plan))
    }
}

extension UnplugReason {
    /// The refusal of a pair that has no wire.
    public static func policy(_ plan: WirePlan, _ source: Party, _ destination: Party) -> UnplugReason {
        let outcome = plan.refusal
        let reason =
            outcome.rule.map { "\($0) says \(outcome.verdict.rawValue)" }
            ?? "no rule speaks about \(source) → \(destination), so it is unplugged"
        return .policy(rule: outcome.rule?.name, reason: reason, answers: outcome.verdict == .reject)
    }
}
