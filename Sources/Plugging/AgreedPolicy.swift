import NetTypes
import Policy

/// What a tenant's policy says about a pair that it plugs; step 4 of both algorithms.
struct AgreedPolicy {
    /// The entry that decided.
    let entry: PolicyEntry
    /// Whether the way back is unplugged.
    let oneWay: Bool
    /// How the two directions are protected.
    let security: PairSecurity

    /// An unplug reason, so that it can be the failure of a result.
    struct Refusal: Error {
        let reason: UnplugReason
    }

    /// Asks the policy of a tenant about both directions of a pair. A policy of another tenant is no policy.
    static func decide(
        _ policy: PolicyEvaluator?, tenant: Name, source: Subject, destination: Subject
    ) -> Result<AgreedPolicy, Refusal> {
        guard let policy, policy.tenant == tenant else { return .failure(Refusal(reason: .noPolicy(tenant))) }
        let verdict = policy.verdict(source: source, destination: destination)
        guard verdict.isPlugged, let entry = verdict.entry else {
            return .failure(Refusal(reason: .policy(entry: verdict.entry, reason: verdict.reason)))
        }
        let reverse = policy.verdict(source: destination, destination: source)
        return .success(
            AgreedPolicy(
                entry: entry, oneWay: !reverse.isPlugged,
                security: PairSecurity(forward: verdict.security, reverse: reverse.security)))
    }
}
