public import NetTypes
public import Trust

/// Why a pair has no wire. A closed list: every refusal of both algorithms, and what ends a wire that was plugged.
///
/// It is a verdict and not an error: after it the pair is unplugged, and nothing else has changed.
public enum UnplugReason: Hashable, Sendable {
    // MARK: Before a certificate is looked at

    /// The directory knows no such endpoint in the vnet of the source.
    case unknownDestination
    /// The directory knows no such source, or says that it runs nowhere.
    case unknownSource(Identity)
    /// The destination exists and runs nowhere at present.
    case notRunning(Identity)
    /// The destination does not run on the leaf that was asked.
    case notHere(Identity)
    /// Both ends are the same endpoint.
    case sameEndpoint(Identity)
    /// Nobody could be asked about the destination.
    case directoryUnavailable(String)

    // MARK: Certificate and record

    /// The certificate or the record is not trusted; the reason says which and why.
    case untrusted(TrustRefusal)
    /// The facts are those of another endpoint than the one they were asked for.
    case anotherIdentity(expected: Identity, found: Identity)
    /// The two ends belong to different tenants.
    case tenantMismatch(source: Name, destination: Name)
    /// A record with a higher epoch is known: the endpoint has moved since.
    case olderEpoch(Epoch, known: Epoch)
    /// The record names another leaf than the one at the other end of the TLS session.
    case anotherLeaf(record: LeafID, session: LeafID)

    // MARK: Policy

    /// The policy says unplug, or reject, which is to be answered; the rule is nil where none speaks about the pair.
    case policy(rule: Name?, reason: String, answers: Bool)
    /// There is no policy of this tenant at this leaf, so nothing is plugged.
    case noPolicy(Name)
    /// The platform has suspended this tenant: nothing of its own is plugged, whatever its policy says.
    case suspended(Name)
    /// The address outside is not behind the border: its certificate does not say so, or the directory names another.
    case notBehind(IPAddress, border: Identity)
    /// Both ends are outside.
    case outsideBoth
    /// The other leaf's policy protects the pair otherwise than this one's; one of them has an older revision.
    case securityMismatch(asked: PairSecurity, own: PairSecurity)

    // MARK: Plugging itself

    /// The other leaf could not be reached.
    case unreachable(String)
    /// The other leaf refused, with its own reason code and words. Both come from outside: make them with
    /// ``refused(code:detail:)``.
    case refusedByPeer(code: String, detail: String)
    /// This leaf has no label, or no room in a map, for another wire.
    case exhausted(String)
    /// This leaf could not bring the wire into the kernel.
    case failed(String)

    // MARK: Ends of a wire that was plugged

    /// The endpoint at this end was closed, moved away or deleted.
    case portClosed
    /// Nothing has passed for a while.
    case idle
    /// The other leaf has unplugged its end.
    case unpluggedByPeer(code: String)

    /// The reason as a word for programs, in kebab-case; it never changes.
    public var code: String {
        switch self {
        case .unknownDestination: "unknown-destination"
        case .unknownSource: "unknown-source"
        case .notRunning: "not-running"
        case .notHere: "not-here"
        case .sameEndpoint: "same-endpoint"
        case .directoryUnavailable: "directory-unavailable"
        case .untrusted(let refusal): refusal.code
        case .anotherIdentity: "another-identity"
        case .tenantMismatch: "tenant-mismatch"
        case .olderEpoch: "older-epoch"
        case .anotherLeaf: "another-leaf"
        case .policy: "policy"
        case .noPolicy: "no-policy"
        case .suspended: "tenant-suspended"
        case .notBehind: "not-behind"
        case .outsideBoth: "outside-both"
        case .securityMismatch: "security-mismatch"
        case .unreachable: "unreachable"
        case .refusedByPeer: "refused-by-peer"
        case .exhausted: "exhausted"
        case .failed: "failed"
        case .portClosed: "port-closed"
        case .idle: "idle"
        case .unpluggedByPeer: "unplugged-by-peer"
        }
    }

    /// Whether asking again may help although neither policy, nor certificates, nor locations have changed.
    public var isTransient: Bool {
        switch self {
        case .directoryUnavailable, .unreachable, .exhausted, .failed, .idle, .unpluggedByPeer,
            .securityMismatch:
            true
        case .refusedByPeer(let code, _): code == "security-mismatch" || code == "changed"
        default: false
        }
    }
}

extension UnplugReason {
    /// The longest code and the longest words that are taken from another leaf, in bytes.
    static let maximumCodeByteCount = 64
    static let maximumDetailByteCount = 512

    /// A refusal by the other leaf, cut and cleaned: what comes from outside neither fills nor forges our logs.
    public static func refused(code: String, detail: String) -> UnplugReason {
        .refusedByPeer(code: cleaned(code: code), detail: cleaned(detail: detail))
    }

    /// The end of a wire as the other leaf told it, cleaned.
    public static func unplugged(code: String) -> UnplugReason { .unpluggedByPeer(code: cleaned(code: code)) }

    private static func cleaned(code: String) -> String {
        let isCode = code.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d
        }
        return isCode && (1...maximumCodeByteCount).contains(code.utf8.count) ? code : "unspecified"
    }

    private static func cleaned(detail: String) -> String {
        let bytes = detail.utf8.prefix(maximumDetailByteCount).map { (0x20...0x7e).contains($0) ? $0 : 0x3f }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UnplugReason: CustomStringConvertible {
    /// The reason as a sentence for people.
    public var description: String {
        switch self {
        case .unknownDestination: "the directory knows no such destination in the vnet of the source"
        case .unknownSource(let identity): "the directory does not know \(identity) as running anywhere"
        case .notRunning(let identity): "\(identity) runs nowhere at present"
        case .notHere(let identity): "\(identity) does not run on the leaf that was asked"
        case .sameEndpoint(let identity): "\(identity) is both ends"
        case .directoryUnavailable(let detail): "the directory could not be asked: \(detail)"
        case .untrusted(let refusal): refusal.description
        case .anotherIdentity(let expected, let found): "the facts are those of \(found), not of \(expected)"
        case .tenantMismatch(let source, let destination):
            "the source belongs to tenant \(source), the destination to tenant \(destination)"
        case .olderEpoch(let epoch, let known): "the record has epoch \(epoch), but epoch \(known) is known already"
        case .anotherLeaf(let record, let session): "the record names leaf \(record), but leaf \(session) speaks"
        case .policy(_, let reason, _): "the policy says unplug: \(reason)"
        case .noPolicy(let tenant): "this leaf has no policy of tenant \(tenant), so nothing is plugged"
        case .suspended(let tenant): "tenant \(tenant) is suspended, so nothing is plugged"
        case .notBehind(let address, let border): "\(address) is not behind the border \(border)"
        case .outsideBoth: "both ends are outside; borders carry nothing between networks outside"
        case .securityMismatch(let asked, let own):
            "the other leaf means security \(asked.forward.rawValue) and \(asked.reverse.rawValue) for the way back, "
                + "this leaf \(own.forward.rawValue) and \(own.reverse.rawValue)"
        case .unreachable(let detail): "the other leaf could not be reached: \(detail)"
        case .refusedByPeer(let code, let detail):
            detail.isEmpty ? "the other leaf refused (\(code))" : "the other leaf refused (\(code)): \(detail)"
        case .exhausted(let what): "this leaf has no room for another wire: \(what)"
        case .failed(let what): "this leaf could not plug the wire: \(what)"
        case .portClosed: "the endpoint's port is closed"
        case .idle: "nothing passed for a while"
        case .unpluggedByPeer(let code): "the other leaf unplugged its end (\(code))"
        }
    }
}
