/// A program that encrypts in user space, as Debian has it.
enum Peer: String, CaseIterable {
    case wireGuard = "wireguard-go"
    case nebula
    case tinc
    case openVPN = "openvpn"
    /// The charon of strongSwan, with ESP in its own process, because the plugin is the point.
    case strongSwan = "strongswan-libipsec"

    var program: any PeerProgram {
        switch self {
        case .wireGuard: WireGuardPeer()
        case .nebula: NebulaPeer()
        case .tinc: TincPeer()
        case .openVPN: OpenVPNPeer()
        case .strongSwan: StrongSwanPeer()
        }
    }
}

/// How one of them is set up between two hosts.
protocol PeerProgram {
    /// What must be on the machine.
    var programs: [String] { get }
    /// Starts it at both hosts and returns once their devices are there and up.
    func start(_ site: PeerSite) throws -> [Running]
    /// Whether it carries packets as it will go on to, while `send` has sent some large ones.
    func hasSettled(_ site: PeerSite, send: () throws -> Void) throws -> Bool
}

extension PeerProgram {
    func hasSettled(_ site: PeerSite, send: () throws -> Void) throws -> Bool { true }
}
