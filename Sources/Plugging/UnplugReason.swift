public import Policy
public import Trust

/// Why a pair is not plugged. A refusal is a decision, not an error.
public enum UnplugReason: Hashable, Sendable, CustomStringConvertible {
    /// The directory knows no such endpoint of this tenant.
    case unknownDestination
    /// The source is not an endpoint that this leaf runs and has published.
    case unknownSource
    /// The endpoint exists, and runs nowhere now.
    case notRunning
    /// A certificate or record does not hold.
    case refused(TrustRefusal)
    /// The facts are in order and of another identity than the one that was asked for.
    case otherIdentity
    /// The two endpoints belong to different tenants.
    case tenantMismatch
    /// A newer record of the endpoint has been seen.
    case olderEpoch
    /// The record names another leaf than the one that speaks.
    case anotherLeaf
    /// The tenant's policy says unplug; the entry that decided, nil for the default.
    case policy(PolicyEntry?)
    /// No policy of the tenant has reached this leaf.
    case noPolicy
    /// The directory or the other leaf does not answer.
    case unreachable
    /// The other leaf decided otherwise, for the reason with this code.
    case refusedByPeer(String)
    /// The kernel's tables or the labels are used up.
    case noRoom(String)

    /// The reason in a word that programs can rely on.
    public var code: String {
        switch self {
        case .unknownDestination: "unknown-destination"
        case .unknownSource: "unknown-source"
        case .notRunning: "not-running"
        case .refused(let refusal): refusal.code
        case .otherIdentity: "other-identity"
        case .tenantMismatch: "tenant-mismatch"
        case .olderEpoch: "older-epoch"
        case .anotherLeaf: "another-leaf"
        case .policy: "policy"
        case .noPolicy: "no-policy"
        case .unreachable: "unreachable"
        case .refusedByPeer(let code): "peer-" + code
        case .noRoom: "no-room"
        }
    }

    /// Whether the next packet may meet another answer although nothing was pushed: such refusals are short-lived.
    public var isTransient: Bool {
        switch self {
        case .unknownDestination, .unknownSource, .notRunning, .noPolicy, .unreachable, .refusedByPeer, .noRoom: true
        case .refused, .otherIdentity, .tenantMismatch, .olderEpoch, .anotherLeaf, .policy: false
        }
    }

    public var description: String {
        switch self {
        case .unknownDestination: "the directory knows no such endpoint of this tenant"
        case .unknownSource: "the source is no endpoint that this leaf has published"
        case .notRunning: "the endpoint runs nowhere now"
        case .refused(let refusal): "its facts do not hold: \(refusal)"
        case .otherIdentity: "the facts are of another identity"
        case .tenantMismatch: "the endpoints belong to different tenants"
        case .olderEpoch: "a newer location record has been seen"
        case .anotherLeaf: "the location record names another leaf"
        case .policy(nil): "no entry of the policy plugs the pair, and the default is unplug"
        case .policy(let entry?): "the policy's entry \(entry) says unplug"
        case .noPolicy: "no policy of the tenant has reached this leaf"
        case .unreachable: "the directory or the other leaf does not answer"
        case .refusedByPeer(let code): "the other leaf refuses: \(code)"
        case .noRoom(let what): "there is no room for another wire: \(what)"
        }
    }
}
