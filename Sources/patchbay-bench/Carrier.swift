/// How packets get from one endpoint to the other.
enum Carrier: Hashable {
    /// Routed through the host namespaces, no overlay: the limit.
    case routed
    /// The kernel's VXLAN and Linux bridge: the peer of wires that are not protected.
    case bridge
    /// A Patchbay wire between two ports of one host.
    case local
    /// A Patchbay wire between two hosts.
    case remote
    /// A protected Patchbay wire between two hosts.
    case protected(EngineKind)
    /// Another program that encrypts in user space; pinned: the one of each host to a processor of its own.
    case peer(Peer, isPinned: Bool = false)

    var name: String {
        switch self {
        case .routed: "routed"
        case .bridge: "vxlan-bridge"
        case .local: "wire-local"
        case .remote: "wire-remote"
        case .protected(let kind): kind.name
        case .peer(let peer, let isPinned): peer.rawValue + (isPinned ? "-pinned" : "")
        }
    }

    /// Whether endpoints talk IPv4, because the carrier knows nothing else.
    var isIPv4: Bool { if case .peer(.nebula, _) = self { true } else { false } }

    /// How long it may take until the first packet passes, in seconds.
    var patience: Int { if case .peer = self { 20 } else { 4 } }
}

/// How packets get from one endpoint to the other, and what the endpoints are attached by.
struct PathKind: Hashable {
    let carrier: Carrier
    let attachment: Attachment

    var name: String { "\(carrier.name)-\(attachment.rawValue)" }
}
