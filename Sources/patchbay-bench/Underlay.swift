/// How the underlay carries super-packets.
enum Underlay: String, CaseIterable {
    /// Whole: a veth hands 64 KiB from one host to the other in one piece, as no network does.
    case whole
    /// Cut: the sender's device has no segmentation offload, so that what crosses are packets of 1,500 bytes, and the
    /// receiver joins them again by GRO. It is what a plain network adapter does.
    case segmented

    /// What `ethtool -K` sets at both ends of the underlay, for every case the same.
    var features: [String] {
        let offloads = [
            "tso", "gso", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-udp-segmentation",
        ]
        switch self {
        case .whole: return offloads.flatMap { [$0, "on"] } + ["gro", "off"]
        case .segmented: return offloads.flatMap { [$0, "off"] } + ["gro", "on"]
        }
    }

    func apply(to device: String, in namespace: String) throws {
        try Command.run(Command.inside(namespace) + ["ethtool", "-K", device] + features)
    }
}
