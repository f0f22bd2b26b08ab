internal import CKernelPath

/// Why the kernel data path dropped a frame, in the order of `enum kp_drop`.
public enum DropReason: UInt32, CaseIterable, Sendable, CustomStringConvertible {
    case closed, source, ethertype, multicast, linkLocal, forgedDiscovery, probe, listenerReport, malformed, tooBig
    case noWire, punted, denied, puntBudget, ringFull, puntSize, encapsulation, peerGone, unknownLabel, vxlan
    case innerSource, innerDestination, engine, rules, rejected, headers, flowBudget, limit

    /// The name under which the reason is counted and reported; it never changes.
    public var description: String {
        switch self {
        case .closed: "closed"
        case .source: "source-check"
        case .ethertype: "ethertype"
        case .multicast: "multicast"
        case .linkLocal: "link-local"
        case .forgedDiscovery: "forged-discovery"
        case .probe: "probe"
        case .listenerReport: "listener-report"
        case .malformed: "malformed"
        case .tooBig: "too-big"
        case .noWire: "no-wire"
        case .punted: "punted"
        case .denied: "denied"
        case .puntBudget: "punt-budget"
        case .ringFull: "ring-full"
        case .puntSize: "punt-size"
        case .encapsulation: "encapsulation"
        case .peerGone: "peer-gone"
        case .unknownLabel: "unknown-label"
        case .vxlan: "vxlan"
        case .innerSource: "inner-source"
        case .innerDestination: "inner-destination"
        case .engine: "engine"
        case .rules: "rules"
        case .rejected: "rejected"
        case .headers: "headers"
        case .flowBudget: "flow-budget"
        case .limit: "limit"
        }
    }
}
