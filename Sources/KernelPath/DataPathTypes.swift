public import LinuxKit
public import NetTypes

/// What a host's data path is made of.
public struct DataPathConfiguration: Sendable {
    /// A directory on a BPF file system; maps, programs' links and with them every wire stay there when the leaf ends.
    public var pinDirectory: String
    /// The name of the device that leads to the other leaves.
    public var underlayDevice: String
    /// The addresses at which this leaf receives, at most one of each family; empty: those of the underlay device.
    public var locators: [IPAddress]
    /// The name of the host's VXLAN device, which is made if there is none.
    public var vxlanDevice: String
    /// The UDP port of VXLAN.
    public var vxlanPort: UInt16
    /// The name of the device that packets with a limit are queued at, which is made with the first limit; its other end
    /// has `-out` behind it. At most 11 bytes.
    public var shaperDevice = "pbk-shaper"
    /// The most wires of each direction; what is not used costs 16 bytes. Maps that are pinned keep theirs.
    public var maxWires: UInt32
    /// The most pairs with rules (16 bytes each), different flow rules (at most 65,535; 24 bytes each), segments of
    /// them (16 bytes each), flows (112 bytes each) and counted rules (32 bytes each for
    /// each processor, of which several share a row when there are more than 16). Maps that are pinned keep theirs.
    public var maxPairs: UInt32 = 262_144
    public var maxFlowRules: UInt32 = 32_768
    public var maxSegments: UInt32 = 65_536
    public var maxFlows: UInt32 = 131_072
    public var maxCountedRules: UInt32 = 65_536
    /// When flows end that nobody sends on.
    public var flowTimeouts = FlowTimeouts()
    /// How many flows a pair may begin at once, and how many a second after that; a port twice as many a second. So
    /// one pair's flood leaves the flows of the others in the map.
    public var flowBurst: UInt32 = 16_384
    public var flowsPerSecond: UInt32 = 2_000
    /// How many flow events a processor may tell at once, and how many a second after that.
    public var eventBurst: UInt32 = 1_000
    public var eventsPerSecond: UInt32 = 1_000
    /// How many frames a port may hand to the leaf at once, and how many a second after that.
    public var puntBurst: UInt32
    public var puntsPerSecond: UInt32
    /// Whether to attach with tcx where the kernel has it (Linux 6.6), else always with classic filters.
    public var usesTCX = true
    /// The namespace of the underlay and the ports; nil: the calling thread's own.
    public var namespace: NetworkNamespace?

    public init(
        pinDirectory: String, underlayDevice: String, locators: [IPAddress] = [], vxlanDevice: String = "pbk-vxlan",
        vxlanPort: UInt16 = 4789, maxWires: UInt32 = 1_048_576, puntBurst: UInt32 = 256,
        puntsPerSecond: UInt32 = 2_000, namespace: NetworkNamespace? = nil
    ) {
        self.pinDirectory = pinDirectory
        self.underlayDevice = underlayDevice
        self.locators = locators
        self.vxlanDevice = vxlanDevice
        self.vxlanPort = vxlanPort
        self.maxWires = maxWires
        self.puntBurst = puntBurst
        self.puntsPerSecond = puntsPerSecond
        self.namespace = namespace
    }
}

/// A port to be opened: a device of the host, and who is behind it.
public struct PortConfiguration: Hashable, Sendable {
    /// How frames reach the endpoint.
    public enum Kind: Hashable, Sendable {
        /// A veth whose other end is the endpoint's interface.
        case veth
        /// A TAP device, which a hypervisor or this process has open.
        case tap
    }

    /// The index of the device on the host.
    public var device: UInt32
    public var identity: Identity
    /// The endpoint's private IPv4 address; nil when it has none.
    public var ipv4: IPv4Address?
    public var kind: Kind
    /// The largest IP packet that the endpoint may send, in bytes.
    public var mtu: UInt16
    /// Whether addresses outside send through this port, beside the endpoint itself.
    public var isBorder: Bool

    public init(
        device: UInt32, identity: Identity, ipv4: IPv4Address?, kind: Kind, mtu: UInt16, isBorder: Bool = false
    ) {
        self.isBorder = isBorder
        self.device = device
        self.identity = identity
        self.ipv4 = ipv4
        self.kind = kind
        self.mtu = mtu
    }
}

/// An open port.
public struct Port: Hashable, Sendable {
    /// The index of the device on the host.
    public let device: UInt32
    public let identity: Identity
    public let ipv4: IPv4Address?
    public let mtu: UInt16
    /// Frames dropped at this port, by reason; those of zero are left out.
    public let drops: [DropReason: UInt64]
}

/// An address outside that has wires: a port of its own, behind that of the border that speaks for it.
public struct OutsidePort: Hashable, Sendable {
    /// What stands for the device index wherever a port is named; above every device index.
    public let number: UInt32
    public let address: IPAddress
    /// The index of the border's device.
    public let device: UInt32
}

/// Where a wire leads.
public enum SendTarget: Hashable, Sendable {
    /// To another leaf, under the label that it gave.
    case remote(locator: IPAddress, label: Label)
    /// To another leaf, by way of the ESP engine, which knows the wire as a transmit group of this number
    /// (0 to `KP_HIGHEST_SLOT`).
    case protected(locator: IPAddress, slot: UInt32)
    /// To another port of this host, by its device index, or the number of an address outside.
    case local(port: UInt32)
}

/// What passed on a wire: segments of super-packets count one by one, bytes are those of inner IP packets.
public struct WireCounters: Hashable, Sendable {
    public var packets: UInt64
    public var bytes: UInt64

    public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }
}

/// A wire as its sending end knows it.
public struct SendWire: Hashable, Sendable {
    /// A device index, or the number of an address outside.
    public var port: UInt32
    /// An identity, or an address outside, or an IPv4 address in its mapped form.
    public var destination: IPv6Address
    public var target: SendTarget
    /// The largest inner packet, in bytes; 0: as large as the port's MTU.
    public var mtu: UInt16
    public var counters: WireCounters
    /// The rules of its pair; nil: everything passes.
    public var rules: PairBinding?

    public init(
        port: UInt32, destination: IPv6Address, target: SendTarget, mtu: UInt16 = 0, counters: WireCounters = .init(),
        rules: PairBinding? = nil
    ) {
        self.mtu = mtu
        self.rules = rules
        self.port = port
        self.destination = destination
        self.target = target
        self.counters = counters
    }
}

/// A wire as its receiving end knows it.
public struct ReceiveWire: Hashable, Sendable {
    /// The address that the sending leaf sends from; nil: the wire is protected, and its frames come from the ESP
    /// engine, which has authenticated them.
    public var locator: IPAddress?
    /// The VNI, or the number that the engine writes into the frames of a protected wire.
    public var label: Label
    public var port: UInt32
    /// The identity of the endpoint that sends on the wire, or the address outside.
    public var source: IPv6Address
    public var sourceIPv4: IPv4Address?
    public var counters: WireCounters
    /// The rules of its pair; nil: everything passes.
    public var rules: PairBinding?

    public init(
        locator: IPAddress?, label: Label, port: UInt32, source: IPv6Address, sourceIPv4: IPv4Address?,
        counters: WireCounters = .init(), rules: PairBinding? = nil
    ) {
        self.rules = rules
        self.locator = locator
        self.label = label
        self.port = port
        self.source = source
        self.sourceIPv4 = sourceIPv4
        self.counters = counters
    }
}

/// A frame that the kernel could not handle by itself.
public struct Punt: Hashable, Sendable {
    /// Why the leaf is told, in the order of `enum kp_punt_reason`.
    public enum Reason: UInt16, Sendable {
        /// There is no wire to the frame's destination.
        case miss
        /// An ARP request.
        case arp
        /// A neighbour solicitation.
        case neighborDiscovery
        /// A router solicitation.
        case routerSolicitation
        /// The packet is larger than the MTU; only its first bytes are here.
        case tooBig
        /// The rules of the wire reject the packet, and the sender is to be told (``RejectAnswer``); only its first bytes
        /// are here.
        case rejected
    }

    /// The device index of the port.
    public let port: UInt32
    public let reason: Reason
    /// The frame from its Ethernet header on; its checksum may be unfinished (only the folded pseudo-header sum).
    public let frame: [UInt8]

    public init(port: UInt32, reason: Reason, frame: [UInt8]) {
        self.port = port
        self.reason = reason
        self.frame = frame
    }
}
